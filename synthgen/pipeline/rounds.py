"""Write the synthetic records in rounds, until each class has the wanted number of records or a round adds too few.

A class is the set of records with the same label. In each round, `interpolate` draws new latents (vectors to decode).
`decode` writes one or more texts, the candidates, for each new latent, and `embed_texts` embeds them.
`filter_candidates` filters the candidates of all rounds so far, and keeps at most one per latent. `next_round`
decides whether a further round follows. After the last round, `select` draws the wanted number of kept candidates of
each class.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np

from synthgen import filter as filtering
from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import HasDigest, StageInput, plain_value
from synthgen.core.tables import read_candidates, read_latents
from synthgen.core.types import Candidate, Corpus, Counts, Embedded, Float32, Latents
from synthgen.core.workers import arithmetic
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.class_words import TokenBiases
from synthgen.decode.shards import read_shards, rows_of
from synthgen.decode.stage import DECODE, DecoderModel
from synthgen.deidentify import finder_of_generated, with_placeholders
from synthgen.embed import Encoder
from synthgen.embed.stage import CANDIDATE_VECTORS, EMBED_CANDIDATES
from synthgen.filter import Reconstructions
from synthgen.filter.attributes import check_labels
from synthgen.filter.label_words import unused_label_words
from synthgen.filter.stage import FILTER, KEPT
from synthgen.interpolate import InterpolateConfig, check_classes, counts_per_class
from synthgen.interpolate.stage import INTERPOLATE
from synthgen.pipeline.decoders import biases_of_classes, decoder_model
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import SegmentWriter, writer_for
from synthgen.pipeline.workspace import StageResult

NOT_SEGMENTED = "records are not cut"  # used instead of a digest of segment rules if records are not segmented
SPARE = 1.3  # for each class, the first round requests `SPARE` latents per wanted record, and 2 more
# A further round aims at this number of accepted latents per missing record. A latent is accepted if one of its
# candidates is kept.
FURTHER_SPARE = 1.2
# largest number of reconstructions (texts decoded from vectors of train records), from which filters learn limits
RECONSTRUCTIONS = 96
# smallest accepted share of a class's latents that is used to compute the size of the next round
MIN_ACCEPTED_SHARE = 0.2
MAX_ROUNDS = 20  # largest number of rounds of a run
MIN_GAIN = 0.1  # share of the missing records that each round after the first must add; otherwise the rounds end


class Draws(Protocol):
    """Draws latents by a method that was fitted to the train vectors or, under DP, to noised statistics of train."""

    def sample(self, counts: Counts, rng: SeedTree) -> Latents:
        """Return `counts[label]` latents of each label; a larger count gives the same latents and additional ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingView:
    """The data that interpolation, decoding and filtering get: train or, under DP, vectors from noised statistics."""

    train: Corpus  # the train records; under DP one empty record for each drawn vector
    embedded: Embedded  # vectors of `train`, row by row; under DP drawn from noised statistics
    # returns the interpolation method, fitted to train at the first call; under DP, the model of noised statistics
    draws: Callable[[InterpolateConfig], Draws]
    digest: str  # digest of the stage that made the vectors in `embedded`
    names: Sequence[str] = ()  # names that were replaced in train and control; none under DP


def fitted_on(job: Job, train: Corpus, embedded: Embedded, upstream: str, names: Sequence[str]) -> TrainingView:
    """Return the training view of a run without differential privacy: train and a method fitted to train vectors.

    `upstream` is the digest of the stage that made the vectors, and `names` are the replaced names. For errors,
    see `counts_per_class` and `check_classes`.
    """
    config = job.config.interpolate
    wanted = counts_per_class(embedded.labels, config.balance, config.total)
    check_classes(embedded.labels, embedded.groups, wanted, config.build().min_groups)
    fit_once = cache(lambda: config.build().fit(embedded))
    return TrainingView(train=train, embedded=embedded, draws=lambda _: fit_once(), digest=upstream, names=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The data and models that all rounds share."""

    training_view: TrainingView
    wanted: Counts  # wanted number of records of each label
    encoder: Encoder  # embeds the written texts
    decoder: DecoderModel  # the language model that writes the texts, with the bridge through which it reads latents
    max_new_tokens: int  # largest number of tokens of a text, or of a segment
    avoided: tuple[str, ...]  # words of the labels that real texts rarely use, see `unused_label_words`
    token_biases: TokenBiases | None  # make the words that distinguish a class more likely; None if not configured
    segment_writer: SegmentWriter | None  # writes records segment by segment; None if records are not segmented

    @property
    def layout_digest(self) -> str:
        """Digest of the rules that choose the segments of a new record, or `NOT_SEGMENTED`."""
        return NOT_SEGMENTED if self.segment_writer is None else self.segment_writer.layout_digest

    @property
    def segments_digest(self) -> str:
        """Digest of the rules that choose and write the segments of a new record, or `NOT_SEGMENTED`."""
        return NOT_SEGMENTED if self.segment_writer is None else self.segment_writer.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The state at the start or at the end of a round: the results of all finished rounds."""

    number: int  # number of the round, from 1; 0 for the pilot of `synthgen plan`, which writes a few texts
    requested: Counts  # number of latents requested for each label, in this and all earlier rounds
    candidates: tuple[Candidate, ...]  # all candidates written so far
    vectors: Float32  # (n, d), vectors of the candidates' texts
    # digests of the stages that embedded texts: first the stage for the reconstructions, then one stage per round
    embeddings: tuple[str, ...]
    kept: tuple[Candidate, ...] = ()  # for each latent, the best of the candidates that passed the filters, if any

    @property
    def suffix(self) -> str:
        """The suffix of the names of the round's stages: "-pilot", "", "-2", "-3" and so on."""
        return {0: "-pilot", 1: ""}.get(self.number, f"-{self.number}")

    def plus(self, candidates: tuple[Candidate, ...], vectors: Float32, embedding: StageResult) -> "Round":
        """Return the state with the candidates of this round and their vectors, the result of `embedding`."""
        return replace(
            self,
            candidates=self.candidates + candidates,
            vectors=np.concatenate([self.vectors, vectors]),
            embeddings=(*self.embeddings, embedding.digest),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The records that are audited and may be released."""

    records: tuple[Candidate, ...]  # of each label, the wanted number of kept candidates, or all if there are fewer
    vectors: Float32  # (n, d), vectors of the records' texts
    # for each record, the ids of the train records from which its latent was computed; () if it has no parents
    parents: tuple[tuple[str, ...], ...]
    weights: tuple[tuple[float, ...], ...]  # for each record, the weight of each parent
    wanted: Counts  # wanted number of records of each label
    filtered: str  # digest of the last filter stage
    n_quarantined: int = 0  # number of records that were removed because the audits cannot judge them

    @property
    def digest(self) -> str:
        """SHA-256 of the last filter stage's digest and of the records' vectors."""
        return sha256_json([self.filtered, sha256_array(self.vectors)])

    def without(self, rows: Collection[int]) -> "Written":
        """Return the written records without the records in `rows`, which the audits quarantined."""
        kept = [i for i in range(len(self.records)) if i not in rows]
        return replace(
            self,
            records=tuple(self.records[i] for i in kept),
            vectors=self.vectors[kept],
            parents=tuple(self.parents[i] for i in kept),
            weights=tuple(self.weights[i] for i in kept),
            n_quarantined=self.n_quarantined + len(rows),
        )


def set_up(job: Job, training_view: TrainingView, encoder: Encoder, bridge: Bridge | Vocabulary) -> Setup:
    """Return the data and models of all rounds; raise ConfigError if `filter.attributes` has unknown labels."""
    config, train, embedded = job.config.interpolate, training_view.train, training_view.embedded
    wanted = counts_per_class(embedded.labels, config.balance, config.total)
    if job.config.filter.attributes is not None:
        check_labels(job.config.filter.attributes, embedded.labels)
    return Setup(
        training_view=training_view,
        wanted=wanted,
        encoder=encoder,
        decoder=decoder_model(job, train, bridge, encoder),
        max_new_tokens=job.config.for_texts(train.texts).decode.token_limit,
        avoided=unused_label_words(train.texts, train.labels),
        token_biases=biases_of_classes(job, train),
        segment_writer=writer_for(job, train, embedded),
    )


def first_requested(wanted: Counts) -> dict[str, int]:
    """Return the number of latents by label in the first round: more than wanted, because filters reject texts."""
    return {label: math.ceil(SPARE * n) + 2 for label, n in wanted.items()}


def first_round(setup: Setup, reconstructed: str, pilot: Counts | None = None) -> Round:
    """Return the state that the first round starts from.

    `reconstructed` is the digest of the stage that embedded the reconstructions. `pilot` has the number of latents of
    each label in a pilot (a test with few texts before a run); it is None for a run.
    """
    empty = np.zeros((0, setup.training_view.embedded.vectors.shape[1]), dtype=np.float32)
    requested = first_requested(setup.wanted) if pilot is None else pilot
    number = 1 if pilot is None else 0
    return Round(number=number, requested=requested, candidates=(), vectors=empty, embeddings=(reconstructed,))


def next_round(setup: Setup, before: Round, after: Round) -> Round | None:
    """Return the state that the next round starts from; None if there is no further round.

    `before` and `after` are the states at the start and end of the last round; see `further_requested`.
    """
    n_before, n_after = (Counter(candidate.label for candidate in state.kept) for state in (before, after))
    requested = further_requested(setup.wanted, n_before, n_after, after.requested, after.number)
    return None if requested is None else replace(after, number=after.number + 1, requested=requested)


def further_requested(
    wanted: Counts, kept_before: Mapping[str, float], kept: Mapping[str, float], requested: Counts, number: int
) -> dict[str, int] | None:
    """Return the total number of latents of each label after the next round; None if there is no next round.

    `kept_before` and `kept` have the numbers of kept candidates before and after round `number`. `requested` has the
    numbers of latents so far. Round `number` is the last if no class lacks records or if it is round `MAX_ROUNDS`. A
    round after the first is also the last if it adds less than the share `MIN_GAIN` of the missing records.
    Otherwise, each class that lacks records gets further latents; the lower its accepted share, the more it gets.
    """
    missing = {label: n - kept.get(label, 0) for label, n in wanted.items() if kept.get(label, 0) < n}
    missing_before = sum(max(n - kept_before.get(label, 0), 0) for label, n in wanted.items())
    if not missing or number >= MAX_ROUNDS:
        return None
    if number > 1 and missing_before - sum(missing.values()) < MIN_GAIN * missing_before:
        return None
    increased = dict(requested)
    for label, n in missing.items():
        rate = max(kept.get(label, 0) / requested[label], MIN_ACCEPTED_SHARE)
        increased[label] += math.ceil(FURTHER_SPARE * n / rate) + 2
    return increased


def interpolate(job: Job, setup: Setup, state: Round) -> tuple[Latents, StageResult]:
    """Return the latents of this round and of all earlier rounds, and the stage's result."""
    inputs: dict[str, HasDigest] = {
        "training_view": setup.training_view,
        "counts": plain_value(dict(state.requested)),
        "sections": StageInput(setup.segment_writer, setup.layout_digest),
    }
    result = job.run(INTERPOLATE, inputs, suffix=state.suffix)
    return read_latents(result.folder), result


def unwritten(latents: Latents, candidates: tuple[Candidate, ...]) -> Latents:
    """Return the latents that have no candidate yet."""
    written = {candidate.latent_id for candidate in candidates}
    return rows_of(latents, [i for i, name in enumerate(latents.ids) if name not in written])


def reconstruction_latents(job: Job, setup: Setup) -> Latents:
    """Return the vectors of random records of the training view as latents, to be decoded into reconstructions."""
    embedded = setup.training_view.embedded
    drawn = job.seeds.child("echo").generator().permutation(len(setup.training_view.train))[:RECONSTRUCTIONS]
    rows = sorted(int(row) for row in drawn)
    names = tuple(embedded.ids[row] for row in rows)
    return Latents(
        vectors=embedded.vectors[rows].copy(),
        ids=tuple(f"echo-{name}" for name in names),  # the ids select random streams, so the prefix stays
        labels=tuple(embedded.labels[row] for row in rows),
        parent_ids=tuple((name,) for name in names),
        weights=((1.0,),) * len(rows),
        method="echo",
        seed_path="echo",
    )


def reconstructions_of(latents: Latents, texts: tuple[Candidate, ...], vectors: Float32) -> Reconstructions:
    """Return the reconstructions: `texts`, which were decoded from `latents`, with their vectors `vectors` (n, d)."""
    record_ids = tuple(parents[0] for parents in latents.parent_ids)
    return Reconstructions(record_ids=record_ids, texts=tuple(c.text for c in texts), vectors=vectors)


def decode(
    job: Job, setup: Setup, latents: Latents, upstream: str, suffix: str, candidates: int
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Return the candidates of all latents, with placeholders for identifiers and names, and the stage's result.

    `candidates` is the number of candidates per latent; `upstream` is the digest of the stage that made the latents.
    """
    inputs: dict[str, HasDigest] = {
        "latents": StageInput(latents, sha256_json([upstream, list(latents.ids)])),
        "labels": plain_value(sorted(set(setup.training_view.embedded.labels))),
        "candidates": plain_value(candidates),
        "max_new_tokens": plain_value(setup.max_new_tokens),
        "avoided": plain_value(setup.avoided),
        "token_biases": StageInput(setup.token_biases, setup.token_biases.digest if setup.token_biases else "none"),
        "sections": StageInput(setup.segment_writer, setup.segments_digest),
    }
    result = job.run(DECODE, inputs, {"decoder": setup.decoder}, suffix)
    written = read_shards(result.folder)
    find = finder_of_generated(job.config.deidentify.engine, setup.training_view.names)
    return tuple(replace(candidate, text=with_placeholders(candidate.text, find)) for candidate in written), result


def embed_texts(
    job: Job, setup: Setup, texts: tuple[Candidate, ...], decoded: StageResult, suffix: str
) -> tuple[Float32, StageResult]:
    """Return the vectors (n, d) of the candidates' texts, and the stage's result."""
    inputs = {"candidates": StageInput(texts, decoded.digest), "arithmetic": plain_value(arithmetic())}
    result = job.run(EMBED_CANDIDATES, inputs, {"embedder": setup.encoder}, suffix)
    return np.load(result.folder / CANDIDATE_VECTORS, allow_pickle=False), result


def filter_candidates(
    job: Job, setup: Setup, state: Round, latents: Latents, reconstructions: Reconstructions
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Filter the candidates of all rounds so far; return the kept candidates and the stage's result.

    Of the candidates of a latent that pass the filters, only the best is kept.
    """
    reconstruction_digest, *round_digests = state.embeddings
    inputs: dict[str, HasDigest] = {
        "candidates": StageInput(state, sha256_json(round_digests)),
        "latents": StageInput(latents, sha256_json(list(latents.ids))),
        "training_view": setup.training_view,
        "reconstructions": StageInput(reconstructions, reconstruction_digest),
        "max_new_tokens": plain_value(setup.max_new_tokens),
        "sections": StageInput(setup.segment_writer, setup.layout_digest),
        "wanted": plain_value(dict(setup.wanted)),
    }
    result = job.run(FILTER, inputs, suffix=state.suffix)
    return read_candidates(result.folder / KEPT), result


def select(job: Job, setup: Setup, state: Round, latents: Latents, filtered: StageResult) -> Written:
    """Return the records: for each label, the wanted number of kept candidates, drawn at random.

    If a label has fewer kept candidates, all of them are returned. Raise DataError if no candidate was kept.
    """
    if not state.kept:
        n, failed = len(state.candidates), Counter(filtered.counts["failed"])
        raise DataError(
            f"none of {n} texts passed the filters",
            problems=[f"{name}: {k} of {n} texts failed this filter" for name, k in failed.most_common()],
            hint="Without DP, `synthgen plan` writes a few texts and states for each filter what to change. With DP, "
            "relax the filter that most texts failed.",
        )
    chosen = filtering.select(state.kept, setup.wanted, job.seeds.child("select"))
    row_of_candidate = {(c.latent_id, c.index): i for i, c in enumerate(state.candidates)}
    row_of_latent = {name: i for i, name in enumerate(latents.ids)}
    latent_rows = [row_of_latent[c.latent_id] for c in chosen]
    return Written(
        records=chosen,
        vectors=state.vectors[[row_of_candidate[c.latent_id, c.index] for c in chosen]],
        parents=tuple(latents.parent_ids[i] for i in latent_rows),
        weights=tuple(latents.weights[i] for i in latent_rows),
        wanted=setup.wanted,
        filtered=filtered.digest,
    )
