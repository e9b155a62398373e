"""The rounds of writing: what all of them use, where the writing stands, and whether there is a further one."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, Float32, Latents
from synthgen.decode.base import Decoder
from synthgen.decode.bridge import Bridge, Vocabulary, load_bridge, load_vocabulary
from synthgen.decode.config import OWN
from synthgen.decode.plain import WordsDecoder
from synthgen.decode.published import SENTENCES, CheckpointBridge, load_checkpoint_bridge
from synthgen.decode.style_adapter import in_style
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import Encoder
from synthgen.embed.last_token import LastTokenEncoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.filter.attributes import check_labels
from synthgen.interpolate import check_classes, wanted_counts
from synthgen.models.store import digest_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import SegmentWriter, writer_for
from synthgen.pipeline.style_choice import Shares, named_styles
from synthgen.pipeline.workspace import StageResult

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
        draws: what new vectors are drawn from.
        upstream: the digest of the stage that made it.
    """

    train: Corpus
    embedded: Embedded
    draws: Draws
    upstream: str


def fitted_on(job: Job, train: Corpus, embedded: Embedded, upstream: str) -> TrainingView:
    """Return train as it is, with the configured method fitted to its vectors.

    Raises:
        DataError: if a class has too few persons for the method.
    """
    config = job.config.interpolate
    method = config.build()
    wanted = wanted_counts(embedded.labels, config.balance, config.total)
    check_classes(embedded.labels, embedded.groups, wanted, method.min_groups)
    return TrainingView(train=train, embedded=embedded, draws=method.fit(embedded), upstream=upstream)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What every round uses: fitted on train, or opened once.

    Args:
        train: the train records.
        embedded: their vectors.
        upstream: the digest of the stage that the material is of.
        wanted: how many records of each label.
        sampler: what new vectors are drawn from.
        encoder: judges what was written.
        bridge: or the vocabulary, where texts are written from words alone.
        decoder: opens the decoder, once; called only when a shard has to be written.
        decoder_digest: of the language model and the bridge.
        sections: writes long records segment by segment; None where records are not cut.
    """

    train: Corpus
    embedded: Embedded
    upstream: str
    wanted: Mapping[str, int]
    sampler: Draws
    encoder: Encoder
    bridge: Bridge | Vocabulary
    decoder: Callable[[], Decoder]
    decoder_digest: str
    sections: SegmentWriter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where the writing stands; every round starts from what the rounds before it made.

    Args:
        number: from 1.
        asked: how many latents of each label, those of the rounds before included.
        candidates: every text written so far.
        vectors: float32 (n, d), of the candidates' texts.
        embeddings: digests of the stages that made the vectors, the reconstructions' first.
        kept: the best candidate of each latent that passed the filters.
    """

    number: int
    asked: Mapping[str, int]
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
    return Setup(
        train=train,
        embedded=embedded,
        upstream=training_view.upstream,
        wanted=wanted,
        sampler=training_view.draws,
        encoder=encoder,
        bridge=bridge,
        decoder=cache(lambda: open_decoder(job, bridge, encoder)),
        decoder_digest=sha256_json([digest_of(job.folder(job.config.decode.model)), bridge.digest]),
        sections=writer_for(job, train, embedded),
    )


def first_asked(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return how many latents of each label the first round makes, those to spare for the filters included."""
    return {label: math.ceil(SPARE * n) + 2 for label, n in wanted.items()}


def first_round(setup: Setup, reconstructed: StageResult) -> Round:
    """Return the state that the first round starts from."""
    return Round(
        number=1,
        asked=first_asked(setup.wanted),
        candidates=(),
        vectors=np.zeros((0, setup.embedded.vectors.shape[1]), dtype=np.float32),
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
    have, asked = Counter(candidate.label for candidate in after.kept), dict(after.asked)
    for label, n in lacking.items():
        rate = max(have[label] / asked[label], LEAST_RATE)
        asked[label] += math.ceil(1.2 * n / rate) + 2
    return replace(after, number=after.number + 1, asked=asked)
