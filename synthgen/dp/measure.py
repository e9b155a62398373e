"""What is learned of train under differential privacy: asked with noise, logged, booked in the ledger.

From here on nothing that writes sees train again: what stands in for it is drawn from the noised answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audits.attacks.accounting.mechanism_log import person_set_digest
from audits.ledger.budgets import Reservation, note_draw, spent
from synthgen.core.digest import sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.files import write_json
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus, Embedded, Record
from synthgen.decode.bridge import Vocabulary
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import gaussian
from synthgen.dp.accounting_log import account_for
from synthgen.dp.basis import load_basis
from synthgen.dp.catalogue import CHOICE, VOTE
from synthgen.dp.deferred_signals import held
from synthgen.dp.method import PublicContext
from synthgen.dp.noise import SecureNoise, StreamNoise
from synthgen.dp.noised_sums import Ask, Float64, PrivateAsk, Query
from synthgen.dp.person_rows import people_of
from synthgen.dp.planned_queries import mechanisms_of, queries_of
from synthgen.dp.sealed_result import LOG, MEASURE, book, is_kept, made_digest
from synthgen.dp.style_vote import VOTERS, count_votes, decide_style, read_votes
from synthgen.dp.word_queries import WORDS, PublicWords, Telling, ask_words, read_words, said_by
from synthgen.pipeline.job import Job
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.rounds import Draws, TrainingView, open_bridge
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.style_choice import Shares, read_choice
from synthgen.pipeline.workspace import StageResult

STOOD_IN = 1_000  # points of each class that stand in for train records where filters learn; few blur the boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of asking.

    Args:
        training_view: what the writing starts from.
        shares: the styles that were voted for; None where they are named.
        log: for the `accounting` audit.
    """

    training_view: TrainingView
    shares: Shares | None
    log: Mapping[str, Any]


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, encoder: str
) -> tuple[Measured, StageResult]:
    """Return what the persons' noised answers say, and the stage that asked.

    Raises:
        Overspent: the run drew its noise before, and what it drew is lost or was made by another version.
        ConfigError: nobody measured how public text is spread under the encoder, or no accounting would pass.
        StorageError: what was answered was changed.
        InputError: the ledger cannot be used, or does not book what lies in the workspace.

    Privacy: epsilon and delta of `dp`, for one person added or removed, in all. Nothing else of train goes on.
    Random: the operating system's generator; of a public run seeds/noise, and then nothing is private.
    """
    queries, ledger, context, run = (
        queries_of(job.config),
        ledger_of(job.config),
        _setting(job),
        reservation.spending.run,
    )
    persons = person_set_digest(record.group for record in train.records)
    asking = Asking(job=job, train=train, embedded=embedded, reservation=reservation)
    inputs = {
        "persons": StageInput(asking, persons),
        "run": plain_value(run),
        "mechanisms": plain_value(list(mechanisms_of(queries))),
        "basis": StageInput(context, sha256_json([context.basis.mean.tolist(), context.basis.variances.tolist()])),
        "styles": plain_value(list(built_in_styles())),
        "encoder": StageInput(None, encoder),
    }
    stage = MEASURE_STAGE
    if VOTE in queries:  # the decoder reads the votes
        stage = replace(stage, config=(*stage.config, "decode.voting"))
    result = job.run(stage, inputs)
    spent(*ledger, run, made_digest(result.folder))
    return _measured(job, result, context, queries), result


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the queries are put to.

    Args:
        job: the run.
        train: the train records.
        embedded: their vectors.
        reservation: what pays for them.
    """

    job: Job
    train: Corpus
    embedded: Embedded
    reservation: Reservation


def _measure(stage: StageContext) -> Mapping[str, object]:
    """Draw the noise, write the query results and book them, unless the ledger books them already."""
    asking, context, folder = stage.input("persons"), stage.input("basis"), stage.folder
    job, train, embedded, reservation = asking.job, asking.train, asking.embedded, asking.reservation
    queries, ledger = queries_of(job.config), ledger_of(job.config)
    run = stage.input("run")
    is_public = stage.config("secret") == PUBLIC
    ask = PrivateAsk(StreamNoise(job.seeds.child("noise")) if is_public else SecureNoise())
    vocabulary = public_words(job) if WORDS in queries else None
    counts = {"in": len(embedded.ids), "out": len(context.labels)}
    if is_kept(folder, ledger, run):  # a stop came after it was booked
        return counts
    with stage.progress.stage("measure", total=2, unit="populations") as advance:
        log = account_for(job, context, train, reservation, queries, vocabulary)
        advance(1)
        people = people_of(embedded, context.labels, context.basis)
        votes = read_votes(job, open_bridge(job), train, embedded) if VOTE in queries else None
        said = None if vocabulary is None else said_by(train, context.labels, vocabulary)
        with held():
            key = note_draw(*ledger, run)
            if votes is not None:
                _count(votes, context, queries[VOTE], ask, folder)
            gaussian.learn(people, context, queries, ask).save(folder)
            if said is not None and vocabulary is not None:
                ask_words(said, len(context.labels), vocabulary, queries[WORDS], ask).save(folder)
            write_json(folder / LOG, log)
            book(folder, ledger, run, key)
        advance(1)
    return counts


# Keyed by what is queried of whom, and by how the persons' texts are read; not by versions of the program.
MEASURE_STAGE = Stage(
    name=MEASURE,
    version=1,
    run=_measure,
    config=("source", "split", "deidentify", "embed", "interpolate.method", "secret", "dp.persons"),
    inputs=("persons", "run", "mechanisms", "basis", "styles", "encoder"),
    keep_partial=True,
    is_paid=True,
)


def _count(votes: Float64, context: PublicContext, query: Query, ask: Ask, folder: Path) -> None:
    """Write the persons' noised votes, and the styles that they decide for, into the folder."""
    counts = count_votes(votes, query, ask)
    shares = decide_style(counts, min(VOTERS, context.persons))
    write_json(folder / CHOICE, {"shares": shares, "votes": dict(zip(built_in_styles(), counts, strict=True))})


def _setting(job: Job) -> PublicContext:
    """Return the public facts that the run may use without noise."""
    config = job.config
    if config.dp.persons is None:
        raise InternalError("a run without a budget has no setting")
    return PublicContext(
        labels=tuple(sorted(config.source.labels or ())),
        basis=load_basis(config.embed.model),
        persons=config.dp.persons,
    )


def public_words(job: Job) -> PublicWords:
    """Return the vocabulary of the run's bridge.

    Raises:
        ModelMissing, ModelError: see `open_bridge`.
    """
    bridge = open_bridge(job)
    if isinstance(bridge, Vocabulary) or bridge.words is None:
        raise InternalError("words are asked for and there is no vocabulary, which the configuration does not let be")
    return bridge.words


def _measured(job: Job, result: StageResult, context: PublicContext, queries: Mapping[str, Query]) -> Measured:
    """Return what was asked for, and no more: whatever else lies in the folder is nothing that was answered."""
    config = job.config
    learned = gaussian.read(result.folder, context)
    draws: Draws = learned
    if WORDS in queries:
        words = read_words(result.folder, public_words(job))
        draws = Telling(learned=learned, words=words, labels=context.labels, told=config.decode.words)
    embedded = stand_ins(draws, context.labels, config.embed.model, job.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    training_view = TrainingView(
        train=Corpus(role="train", records=tuple(empty), has_groups=True),
        embedded=embedded,
        draws=lambda _config: draws,
        digest=sha256_json([result.digest, made_digest(result.folder), config.decode.words]),
    )
    shares = read_choice(result.folder) if VOTE in queries else None
    return Measured(training_view=training_view, shares=shares, log=json.loads((result.folder / LOG).read_bytes()))


def stand_ins(draws: Draws, labels: Sequence[str], encoder: str, rng: SeedTree) -> Embedded:
    """Return points that stand in for train records wherever something is fitted after this, each a person."""
    drawn = draws.sample(dict.fromkeys(labels, STOOD_IN), rng)
    return Embedded(
        vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=encoder, normalized=True
    )
