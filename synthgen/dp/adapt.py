"""The style refined on the persons' texts by DP-SGD: how much of each style is in each block of the model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from synthgen.config import Config
from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float32
from synthgen.core.workers import usable_cores
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.loading import load_model
from synthgen.decode.prompts import label_prompt
from synthgen.decode.style_adapter import BlockShares, StyleAdapter, blocks_of, load_style
from synthgen.decode.train.blocks import BlockGradients
from synthgen.dp.catalogue import CLIP
from synthgen.dp.descent import Gradients, descend
from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Ask, Float64, Query
from synthgen.pipeline.job import Job
from synthgen.pipeline.style_choice import Shares, named_shares, refinable

LONG = "a word " * 500  # more tokens than are read of any text
FILE = "adapted.safetensors"
RATE = 0.02  # of Adam: in thirty steps a share moves by .6 at most
# Nats per token that notes of fictional patients gained, who were not asked, by how long a step's noise was in clip
# norms: `benchmarks/canaries.py --noise`, see docs/methods.md.
BROUGHT = ((0.12, 0.52), (0.2, 0.52), (0.34, 0.51), (0.58, 0.49), (1.04, 0.44), (2.0, 0.40))
LOUD = 0.1  # of the persons who do not exist, fifty times as long


def styles_of(config: Config) -> tuple[StyleAdapter, ...]:
    """Return the styles whose shares are refined.

    Raises:
        ModelMissing, ModelError: see `load_style`.
    """
    return tuple(load_style(name, config.resolve) for name in refinable(config))


def start_of(config: Config, voted: Shares | None) -> Float64:
    """Return the shares that the descent starts from, float64 (m, k): those in force, equal in all blocks."""
    shares = dict(named_shares(config) if voted is None else voted)
    own = np.array([shares.get(name, 0.0) for name in refinable(config)])
    return np.repeat(own[:, None], len(blocks_of(styles_of(config))), axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonTexts:
    """The persons' texts beside the model that reads them.

    Args:
        reader: gives gradients.
        rows: of each person, the persons and each one's records in an order that hangs on nobody else.
        groups: the persons' names, which their draws hang on.
        texts: n.
        prompts: n.
        vectors: float32 (n, d).
        seeds: which of a person's records is read in a step.
    """

    reader: BlockGradients
    rows: tuple[tuple[int, ...], ...]
    groups: tuple[str, ...]
    texts: tuple[str, ...]
    prompts: tuple[str, ...]
    vectors: Float32
    seeds: SeedTree

    def gradients(self, advance: Callable[[int], None]) -> Gradients:
        """Return what gives the gradient of one record of each person of a batch, another one each time.

        A person's is that of the mean nats per token of the record's first tokens, as many as the bridge was trained
        on; of no tokens it is 0.
        """

        def of_persons(step: int, weights: Float64, drawn: Int64) -> Iterator[Float64]:
            rows = [self._record_of(int(person), step) for person in drawn]
            texts, prompts = ([of[row] for row in rows] for of in (self.texts, self.prompts))
            yield self.reader.gradients(weights, texts, self.vectors[rows], prompts)
            advance(1)

        return of_persons

    def _record_of(self, person: int, step: int) -> int:
        rows = self.rows[person]
        key = self.seeds.child("record", str(step), self.groups[person]).key()
        return rows[int.from_bytes(key[:8], "big") % len(rows)]


def open_texts(job: Job, bridge: Bridge | Vocabulary, train: Corpus, embedded: Embedded) -> PersonTexts:
    """Return the persons' texts and the model, loaded and tried on a public text; of them nothing is computed yet.

    Each text is read by itself and in float32, so a gradient is a function of one person alone, to its last bit: read
    in one pass with others, it would change by some millionths with who else is drawn.

    Args:
        job: the run.
        bridge: without a style.
        train: the records.
        embedded: their vectors.

    Raises:
        ModelError: a style does not fit the language model.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("words alone have no style, and the configuration lets none be refined")
    decode = job.config.decode
    of_person: dict[str, list[int]] = {}
    for row in sorted(range(len(train)), key=lambda i: sha256_texts([train.records[i].label, train.records[i].text])):
        of_person.setdefault(train.records[row].group, []).append(row)
    loaded = load_model(job.folder(decode.model), dtype="float32", device=decode.placement)
    found = PersonTexts(
        reader=BlockGradients(loaded, bridge, styles_of(job.config), batch=1),
        rows=tuple(tuple(of_person[group]) for group in sorted(of_person)),
        groups=tuple(sorted(of_person)),
        texts=tuple(train.texts),
        prompts=tuple(label_prompt(decode.prompt, r.label) for r in train.records),
        vectors=embedded.vectors,
        seeds=job.seeds.child("adapt"),
    )
    _rehearse(job, found)
    return found


def _rehearse(job: Job, persons: PersonTexts) -> None:
    """Read a public text on every core, forth and back, so that what no high-water mark holds fails before it is paid for."""
    n = usable_cores()
    vectors = np.zeros((n, persons.vectors.shape[1]), dtype=np.float32)
    persons.reader.gradients(start_of(job.config, None).ravel(), [LONG] * n, vectors, [""] * n)


def refine(job: Job, persons: PersonTexts, voted: Shares | None, query: Query, ask: Ask) -> BlockShares:
    r"""Return how much of each style the persons' noised gradients lead to, in each block of the language model.

        θ_{m, l} by DP-SGD on the mean over persons of - log p(record | label, vector; θ) / tokens,
        W + B A + sum over styles m of θ_{m, l} B_m A_m  in the layers of block l

    The styles span a public subspace of some 250 dimensions in place of the bridge's 622,000 adapters, so the same
    noise in each is fifty times shorter in all. Opacus does not make the gradients: its mean is over the number of
    those drawn, which is private, it knows no persons, and beside adapters it has failed without a word (its issues
    571, 819, 366 and 820). What batches really are is logged by the dry run.

    Args:
        job: the run.
        persons: of train.
        voted: the styles that the persons voted for, where they did; otherwise it starts from the named ones.
        query: the steps, who takes part, the clip and the noise.
        ask: draws the batches and adds the noise.

    Privacy: the Poisson-sampled Gaussian queries of `asked_of`; nothing else of the texts goes on.
    Random: seeds/adapt/record, beside the batches and the noise.
    Cost: a pass forward and one back through the language model for each person drawn, steps × batch on average;
        three seconds each on a core without bfloat16.
    Source: DP-SGD as `descend` says; in a subspace that public text gave, Yu et al., ICLR 2021 (arXiv 2102.12677).
    """
    start = start_of(job.config, voted)
    with job.progress.stage("adapt", total=query.steps, unit="steps") as advance:
        found = descend(start.ravel(), persons.gradients(advance), len(persons.rows), query, ask, rate=RATE)
    return BlockShares(refinable(job.config), found.reshape(start.shape))


def refine_made_up(config: Config, n: int, query: Query, ask: Ask, rng: np.random.Generator) -> None:
    """Ask n persons who do not exist by the same descent; `LOUD` of them pull far harder than the clip allows."""
    start = np.zeros(start_of(config, ()).size)

    def of_persons(_step: int, weights: Float64, drawn: Int64) -> Iterator[Float64]:
        rows = rng.normal(size=(len(drawn), len(weights))) * rng.lognormal(np.log(CLIP), 1, (len(drawn), 1))
        rows[rng.random(len(drawn)) < LOUD] *= 50
        yield rows / sqrt(len(weights))

    descend(start, of_persons, n, query, ask, rate=RATE)


def save_adapted(found: BlockShares, folder: Path) -> None:
    """Write the shares into a folder; the names are public and are not in it."""
    save_file({"shares": np.ascontiguousarray(found.values)}, folder / FILE)


def read_adapted(folder: Path, config: Config) -> BlockShares:
    """Return what `save_adapted` wrote."""
    return BlockShares(refinable(config), load_file(folder / FILE)["shares"])


def price_of(config: Config, query: Query) -> str:
    """Return what noise a step has, and what the question brought under such noise."""
    n_weights = start_of(config, ()).size
    each = query.noise_multiplier / (query.normaliser or 1.0)
    length = each * sqrt(n_weights)
    at = next(((noise, gain) for noise, gain in BROUGHT if length <= noise), None)
    brought = (
        "Under noise so long nothing was measured, so expect nothing"
        if at is None
        else f"Fictional notes of others became {at[1]:g} nats per token likelier under noise {at[0]:g} long, and "
        "taught classifiers no more"
    )
    return (
        f"; a step moves by the persons' mean, at most 1 clip norm long, and by noise of {each:.2g} in each of "
        f"{n_weights} weights, {length:.2g} long. {brought}"
    )
