"""Define the SMOTExT experiment: its settings, the real records of each draw, and the texts to decode from them.

A draw is a random choice of train records from a dataset's pool of real records. The argument `seed` of a method is
the number of the draw, but `SmotextProtocol.seed` is the seed of every random choice.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from studies.feature_augmentation.experiment import rows_of
from studies.smotext.baselines import sources
from studies.smotext.draws import Draw, Index, draw
from studies.smotext.text_sets import Source, TextSet
from studies.smotext.writing import TextRequest, Writing, latents_of
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Latents, latent_ids
from synthgen.decode.base import Settings
from synthgen.decode.config import DecodeConfig
from synthgen.interpolate.base import largest_remainder
from synthgen.interpolate.smote import Smote

REAL, LABEL_ONLY, STYLE = "real", "label-only", "smotext-style"
# the ways to make synthetic records; `tables` describes them
VARIANTS = (
    "smotext",
    "smotext-filtered",
    "smotext-words",
    STYLE,
    "paraphrase",
    "eda",
    "neighbour-concatenation",
    "mixup-vectors",
    LABEL_ONLY,
)
BRIDGE = "bridge"  # name of the decoder that writes a text from a vector, without a style adapter
# the decoded texts that each variant uses; each draw has its own texts, but all draws share the texts of label-only
WRITING_OF = {
    "smotext": "smote",
    "smotext-filtered": "smote",
    "smotext-words": "words",
    STYLE: "style",
    "paraphrase": "paraphrase",
    LABEL_ONLY: LABEL_ONLY,
}
CHOSEN = frozenset({"smotext-filtered", STYLE})  # variants that choose among the candidates of a vector by class
CANDIDATES = 2  # candidates of each SMOTE vector; `smotext` uses only the first
WORDS = 4  # number of prompt words (words near the vector, written into the prompt) for the texts "words" and "style"
_WITH_SPARES = frozenset({"smote", "style"})  # spare vectors replace vectors that have no text of their class


@dataclass(frozen=True, slots=True, kw_only=True)
class SmotextProtocol:
    """The settings of the experiment."""

    seeds: int = 5  # number of draws of real records
    seed: int = 0  # seed of every random choice
    real: int = 1000  # train records per draw
    # synthetic records per variant, equally many of each class; a dataset may have a smaller limit
    synthetic: int = 2600
    # smaller numbers of synthetic records for which the utility is also measured, ascending
    sizes: tuple[int, ...] = (260, 650, 1300)
    pool: int | None = None  # largest number of real records of a dataset to draw from; None uses all
    test: int = 2000  # largest number of test records of a dataset, drawn once
    neighbours: int = 5  # k of SMOTE
    # number of latents (vectors to decode) divided by the number of wanted records, for the variants in `CHOSEN`
    spare: float = 1.1
    tokens: int | None = None  # largest length of a text in tokens; None uses the limit of the dataset
    batch: int = DecodeConfig().batch  # number of texts decoded at once; it affects rounding, and therefore the texts
    pairs: int = 200  # number of pairs of the λ figure
    lambdas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # values of the λ figure

    @property
    def stream(self) -> SeedTree:
        """The root of the study's random streams."""
        return SeedTree(self.seed).child("smotext")

    def of(self, source: Source) -> "SmotextProtocol":
        """Return the protocol with the number of synthetic records reduced to the limit of a dataset."""
        synthetic = min(self.synthetic, source.synthetic)
        return replace(self, synthetic=synthetic, sizes=tuple(n for n in self.sizes if n < synthetic))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetDesign:
    """The experiment on one dataset, without the vectors of its texts."""

    text_set: TextSet
    protocol: SmotextProtocol

    @property
    def stream(self) -> SeedTree:
        """The root of this dataset's random streams."""
        return self.protocol.stream.child(self.text_set.name)

    def variants(self, seed: int) -> tuple[str, ...]:
        """Return the variants of synthetic records in a draw: without `STYLE` if no style adapter is used."""
        source = self.text_set.source
        in_style = source.style is not None and seed < source.style_seeds
        return VARIANTS if in_style else tuple(v for v in VARIANTS if v != STYLE)

    def seeds(self, seed: int) -> SeedTree:
        """Return the random stream of a draw."""
        return self.stream.child("seed", str(seed))

    def draw(self, seed: int) -> Draw:
        """Return the train rows and the held-out rows of a draw."""
        least = self.protocol.neighbours + 1
        return draw(self.text_set.pool, self.protocol.real, least, self.seeds(seed).child("draw"))

    def counts(self, total: int | None = None) -> dict[str, int]:
        """Return the number of synthetic records of each class.

        The numbers differ by at most one. Their sum is `total`, or `protocol.synthetic` if `total` is None.
        """
        wanted = self.protocol.synthetic if total is None else total
        return largest_remainder(dict.fromkeys(self.text_set.classes, 1), wanted)

    def with_spares(self) -> dict[str, int]:
        """Return the number of SMOTE vectors of each class, including the spare vectors."""
        return {label: math.ceil(n * self.protocol.spare) for label, n in self.counts().items()}

    def request(self, name: str, seed: int = 0) -> TextRequest:
        """Return the request for the texts `name`, a value of `WRITING_OF`; for label-only, all draws share one."""
        tokens = self.protocol.tokens or self.text_set.source.max_new_tokens
        config = DecodeConfig(max_new_tokens=max(8, tokens), batch=self.protocol.batch)
        settings = Settings(
            prompts=dict(self.text_set.source.words),
            candidates=CANDIDATES if name in _WITH_SPARES else 1,
            max_new_tokens=config.token_limit,
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            batch=config.batch,
            words=WORDS if name in {"words", "style"} else 0,
        )
        if name == LABEL_ONLY:
            place, stream, maker = name, self.stream.child(name), f"{LABEL_ONLY}-{self.text_set.name}"
        else:
            place, stream, maker = f"{name}-seed-{seed}", self.seeds(seed).child("write", name), BRIDGE
        if name == "style":
            maker = f"{STYLE}-{self.text_set.name}"
        ids, labels = _ids_and_labels(self.with_spares() if name in _WITH_SPARES else self.counts())
        return TextRequest(
            name=f"{self.text_set.name}-{place}", maker=maker, ids=ids, labels=labels, settings=settings, seeds=stream
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedDesign(SetDesign):
    """The experiment on one dataset, with the vectors of its texts."""

    pool: Embedded  # the real records to draw from
    test: Float32  # (n, d), vectors of the test records

    def train(self, seed: int) -> Embedded:
        """Return the vectors of the train records of a draw."""
        return rows_of(self.pool, self.draw(seed).train)

    def sources(self, seed: int) -> Index:
        """Return the train row that each synthetic record is made from, for variants that do not interpolate."""
        return sources(self.train(seed).labels, self.counts(), self.seeds(seed).child("sources"))

    def smote(self, seed: int) -> Latents:
        """Return the SMOTE vectors of a draw; the spare vectors are the last ones of each class."""
        made = Smote(k_neighbors=self.protocol.neighbours).fit(self.train(seed))
        return made.sample(self.with_spares(), self.seeds(seed).child("smote"))

    def writing(self, name: str, seed: int = 0) -> Writing:
        """Return the request for the texts `name`, a value of `WRITING_OF`, with the vectors to decode."""
        return Writing(request=self.request(name, seed), latents=self._latents(name, seed))

    def _latents(self, name: str, seed: int) -> Latents:
        if name in _WITH_SPARES:
            return self.smote(seed)
        if name == "words":
            return first_of_class(self.smote(seed), self.counts())
        ids, labels = _ids_and_labels(self.counts())
        if name == LABEL_ONLY:
            return Latents(
                vectors=np.zeros((len(ids), self.pool.vectors.shape[1]), dtype=np.float32),
                ids=ids,
                labels=labels,
                parent_ids=((),) * len(ids),
                weights=((),) * len(ids),
                method="none",
                seed_path=str(self.stream),
            )
        train, rows = self.train(seed), self.sources(seed)
        return Latents(
            vectors=train.vectors[rows].copy(),
            ids=ids,
            labels=tuple(train.labels[i] for i in rows),
            parent_ids=tuple((train.ids[i],) for i in rows),
            weights=((1.0,),) * len(rows),
            method="none",
            seed_path=str(self.seeds(seed)),
        )


def first_of_class(latents: Latents, counts: Mapping[str, int]) -> Latents:
    """Return the first `counts[label]` latents of each class."""
    return latents_of(latents, first_rows(latents.labels, counts))


def first_rows(labels: tuple[str, ...], counts: Mapping[str, int]) -> list[int]:
    """Return the indices of the first `counts[label]` elements with each label, ascending."""
    left = dict(counts)
    rows = []
    for i, label in enumerate(labels):
        if left.get(label, 0) > 0:
            left[label] -= 1
            rows.append(i)
    return rows


def _ids_and_labels(counts: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids = tuple(name for label, m in sorted(counts.items()) for name in latent_ids(label, m))
    return ids, tuple(label for label, m in sorted(counts.items()) for _ in range(m))
