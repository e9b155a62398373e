"""The rounds of writing: what all of them use, where the writing stands, and whether there is a further one."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np

from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, Float32, Latents
from synthgen.decode.base import Decoder
from synthgen.decode.bridge import Bridge, Vocabulary, load_bridge, load_vocabulary
from synthgen.decode.config import OWN
from synthgen.decode.loading import backend_of
from synthgen.decode.plain import WordsDecoder
from synthgen.decode.published import SENTENCES, CheckpointBridge, load_checkpoint_bridge
from synthgen.decode.stage import DecoderModel
from synthgen.decode.style_adapter import in_style
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import Encoder
from synthgen.embed.last_token import LastTokenEncoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.filter.attributes import check_labels
from synthgen.interpolate import InterpolateConfig, check_classes, wanted_counts
from synthgen.models.store import digest_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import SegmentWriter, writer_for
from synthgen.pipeline.style_choice import Shares, named_styles
from synthgen.pipeline.workspace import StageResult

NOT_CUT = "records are not cut"
SPARE = 1.3  # latents made for each record wanted, before anything is known of how many the filters reject
LEAST_RATE = 0.2  # of latents kept that a further round reckons with, so that no round is endless
LEAST_GAIN = 0.1  # of what the classes lack that a round must bring, or there is no further one


class Draws(Protocol):
    """What new vectors are drawn from: a method fitted to train vectors, or noised statistics of them."""

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label; asking for more keeps the first ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingView:
    """What the writing starts from, and all it ever sees of the source.

    Args:
        train: the train records; under differential privacy as many empty ones that stand in for them.
        embedded: their vectors; under differential privacy drawn from noised statistics, as all latents are.
        draws: returns what new vectors are drawn from, fitted once, when a stage needs it.
        digest: of the stage that made it.
    """

    train: Corpus
    embedded: Embedded
    draws: Callable[[InterpolateConfig], Draws]
    digest: str


class FittedOnce:
    """Fits the configured method to vectors, at the first call.

    Args:
        embedded: the vectors of train.
    """

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded
        self._draws: Draws | None = None

    def __call__(self, config: InterpolateConfig) -> Draws:
        """Return the fitted method."""
        if self._draws is None:
            self._draws = config.build().fit(self._embedded)
        return self._draws


def fitted_on(job: Job, train: Corpus, embedded: Embedded, upstream: str) -> TrainingView:
    """Return train as it is; the configured method is fitted to its vectors.

    Raises:
        DataError: if a class has too few persons for the method.
    """
    config = job.config.interpolate
    wanted = wanted_counts(embedded.labels, config.balance, config.total)
    check_classes(embedded.labels, embedded.groups, wanted, config.build().min_groups)
    return TrainingView(train=train, embedded=embedded, draws=FittedOnce(embedded), digest=upstream)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every round uses: fitted on train, or opened once.

    Args:
        training_view: what the writing starts from.
        wanted: how many records of each label.
        encoder: embeds what was written.
        decoder: the language model with its bridge.
        sections: writes long records segment by segment; None if records are not cut.
    """

    training_view: TrainingView
    wanted: Mapping[str, int]
    encoder: Encoder
    decoder: DecoderModel
    sections: SegmentWriter | None

    @property
    def layout_digest(self) -> str:
        """Digest of which segments a new record gets."""
        return NOT_CUT if self.sections is None else self.sections.layout_digest

    @property
    def sections_digest(self) -> str:
        """Digest of which segments a new record gets and how they are written."""
        return NOT_CUT if self.sections is None else self.sections.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where the writing stands; every round starts from what the rounds before it made.

    Args:
        number: from 1.
        requested: how many latents of each label, those of the rounds before included.
        candidates: every text written so far.
        vectors: float32 (n, d), of the candidates' texts.
        embeddings: digests of the stages that made the vectors, the reconstructions' first.
        kept: the best candidate of each latent that passed the filters.
    """

    number: int
    requested: Mapping[str, int]
    candidates: tuple[Candidate, ...]
    vectors: Float32
    embeddings: tuple[str, ...]
    kept: tuple[Candidate, ...] = ()

    @property
    def mark(self) -> str:
        """What the names of its stages end in."""
        return "" if self.number == 1 else f"-{self.number}"

    def plus(self, texts: tuple[Candidate, ...], vectors: Float32, embedding: StageResult) -> "Round":
        """Return the state with this round's texts and their vectors."""
        return replace(
            self,
            candidates=self.candidates + texts,
            vectors=np.concatenate([self.vectors, vectors]),
            embeddings=(*self.embeddings, embedding.digest),
        )

    def lacking(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return how many records each label that is short lacks."""
        have = Counter(candidate.label for candidate in self.kept)
        return {label: n - have[label] for label, n in wanted.items() if have[label] < n}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The records that go to the audit.

    Args:
        records: the chosen candidates; of each label the wanted number, or all there are.
        vectors: float32 (n, d), their re-embedded texts.
        parents: for each the train records that its vector was made from, by id; empty where it was made from none.
        weights: of the parents.
        wanted: how many of each label were asked for.
        filtered: digest of the last filter stage.
    """

    records: tuple[Candidate, ...]
    vectors: Float32
    parents: tuple[tuple[str, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    wanted: Mapping[str, int]
    filtered: str

    @property
    def digest(self) -> str:
        """Sha256 of the last filter stage's digest and of the chosen vectors."""
        return sha256_json([self.filtered, sha256_array(self.vectors)])


def open_bridge(job: Job, learned: Shares | None = None) -> Bridge | Vocabulary:
    """Return the bridge of the configuration: built in, of a folder, or inside the decoder's own checkpoint.

    In the style that the configuration names; `auto` is chosen later, see `choose_style`. Or the vocabulary that
    stands in for one, where texts are written from words alone.

    Args:
        job: the run.
        learned: the styles that persons voted for, in place of those named.

    Raises:
        ModelMissing, ModelError: see `load_bridge`, `load_checkpoint_bridge` and `load_vocabulary`.
    """
    config = job.config.decode
    if config.by_words:
        return load_vocabulary(config.bridge, job.config.resolve, encoder=job.config.embed.model)
    if config.bridge == OWN:
        return load_checkpoint_bridge(job.folder(config.model))
    bridge = load_bridge(config.bridge, job.config.resolve)
    bridge = in_style(bridge, named_styles(job.config, learned))
    if config.words > 0 and bridge.words is None:
        raise ModelError(
            f"decode.words: the bridge {config.bridge!r} has no vocabulary", hint="Leave decode.words out."
        )
    return bridge


def open_decoder(job: Job, bridge: Bridge | Vocabulary, encoder: Encoder) -> Decoder:
    """Return the language model with its bridge, loaded.

    Raises:
        ModelError: if the bridge is of a published checkpoint and the encoder is not of its kind.
    """
    config, reads = job.config.decode, job.config.embed.model
    folder = job.folder(config.model)
    if isinstance(bridge, Vocabulary):
        return WordsDecoder(folder, bridge.reader, decoder=config.model, device=config.placement)
    if isinstance(bridge, CheckpointBridge):
        inner = encoder.encoder if isinstance(encoder, SegmentedEncoder) else encoder
        if not isinstance(inner, LastTokenEncoder):
            raise ModelError(
                f"decode.bridge: {OWN!r} needs an encoder pooled at its last token, embed.model {reads!r} is none",
                hint="Set embed.model to the encoder its projector was trained with, such as SFR-Embedding-Mistral.",
            )
        bridge = replace(bridge, raw_length=inner.raw_length(SENTENCES))
    return XragDecoder(folder, bridge, decoder=config.model, encoder=reads, dim=encoder.dim, device=config.placement)


def set_up(job: Job, training_view: TrainingView, encoder: Encoder, bridge: Bridge | Vocabulary) -> Setup:
    """Return what every round uses; nothing is written yet.

    Raises:
        DataError: if `balance` names labels that are not there.
        ConfigError: if attributes are asked of a label that is not there.
    """
    config, train, embedded = job.config.interpolate, training_view.train, training_view.embedded
    wanted = wanted_counts(embedded.labels, config.balance, config.total)
    if job.config.filter.attributes is not None:
        check_labels(job.config.filter.attributes, embedded.labels)
    folder, backend = job.folder(job.config.decode.model), backend_of(job.config.decode.placement)
    return Setup(
        training_view=training_view,
        wanted=wanted,
        encoder=encoder,
        decoder=DecoderModel(
            open=cache(lambda: open_decoder(job, bridge, encoder)),
            folder=folder,
            backend=backend,
            digest=sha256_json([digest_of(folder), bridge.digest, backend]),
        ),
        sections=writer_for(job, train, embedded),
    )


def first_requested(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return how many latents of each label the first round makes, those to spare for the filters included."""
    return {label: math.ceil(SPARE * n) + 2 for label, n in wanted.items()}


def first_round(setup: Setup, reconstructed: StageResult) -> Round:
    """Return the state that the first round starts from."""
    return Round(
        number=1,
        requested=first_requested(setup.wanted),
        candidates=(),
        vectors=np.zeros((0, setup.training_view.embedded.vectors.shape[1]), dtype=np.float32),
        embeddings=(reconstructed.digest,),
    )


def next_round(setup: Setup, before: Round, after: Round) -> Round | None:
    """Return the state that the next round starts from; None where there is none to come.

    A further round asks for more latents of the classes that are short. There is one as long as the last one brought
    a tenth of what was lacking. What is then still short, the policy's rule on balance judges.

    Args:
        setup: says how many are wanted.
        before: the state that the round started from.
        after: what it came to.
    """
    lacked, lacking = before.lacking(setup.wanted), after.lacking(setup.wanted)
    if not lacking:
        return None
    if before.number > 1 and sum(lacked.values()) - sum(lacking.values()) < LEAST_GAIN * sum(lacked.values()):
        return None
    have, requested = Counter(candidate.label for candidate in after.kept), dict(after.requested)
    for label, n in lacking.items():
        rate = max(have[label] / requested[label], LEAST_RATE)
        requested[label] += math.ceil(1.2 * n / rate) + 2
    return replace(after, number=after.number + 1, requested=requested)
