"""Query the train records under differential privacy, and record the digest of the result in the ledger.

The stages that generate texts do not access train. They use substitute vectors, which are drawn from the noised query
results. `learn` is the only code that queries persons. Before the run draws noise, it tests `learn` in a dry run on
made-up persons and in a replay on train (`synthgen.dp.replay`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_limits

from audits.attacks.accounting.mechanism_log import person_set_digest
from audits.core.files import require_space
from audits.ledger.budgets import Reservation, note_draw, reservation_of_result
from synthgen.core.digest import sha256_array, sha256_file, sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.files import read_json, write_json
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus, Embedded, Record
from synthgen.decode.bridge import Vocabulary
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import gaussian
from synthgen.dp.accounting_log import account_for
from synthgen.dp.basis import load_basis
from synthgen.dp.deferred_signals import deferred_signals
from synthgen.dp.method import CHOICE, VOTE, PublicContext
from synthgen.dp.noised_sums import (
    DeclaredQueries,
    Noise,
    PrivateMechanism,
    Query,
    QueryMechanism,
    SecureNoise,
    StreamNoise,
    refuse_reproducible,
)
from synthgen.dp.person_rows import MeasuredPersons, made_up_persons, people_of
from synthgen.dp.planned_queries import mechanisms_of, queries_of
from synthgen.dp.replay import Rehearsal, rehearse, replay_sample
from synthgen.dp.sealed_result import LOG, MEASURE, made_digest, record_result, recover_or_clear
from synthgen.dp.style_vote import VOTERS, decide_style, read_nats, votes_of
from synthgen.dp.word_queries import WORDS, PromptWords, PublicWords, query_words, read_words, words_by_person
from synthgen.pipeline.decoders import open_bridge
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.rounds import Draws, TrainingView
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.style_choice import Shares, read_choice
from synthgen.pipeline.workspace import StageResult

RESULT_BYTES = 16 << 20  # free disk space that a run requires before it draws noise; the results are smaller
SUBSTITUTES = 1_000  # number of substitute vectors per class; the filters learn their limits from these vectors
# The dry run, a test of the query code, has 400 made-up persons, or 500 if 400 is too close to `dp.persons`. The
# `accounting` audit requires a difference of at least a tenth of `dp.persons`; this module requires a ninth.
DRY_RUN_PERSONS, FALLBACK_PERSONS = 400, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Results of the DP queries."""

    training_view: TrainingView  # the data that replace train in the stages that generate texts
    shares: Shares | None  # shares of the writing styles chosen by the vote; None if the configuration names styles
    log: Mapping[str, Any]  # the mechanism log for the `accounting` audit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurePlan:
    """The inputs of the DP queries that do not depend on the records."""

    context: PublicContext
    queries: Mapping[str, Query]  # DP queries by name
    vocabulary: PublicWords | None  # the words that a query counts; None if no query counts words
    encoder: str  # name of the encoder
    seeds: SeedTree  # root of the run's random streams
    words_per_vector: int  # number of prompt words for each new vector


def learn(plan: MeasurePlan, persons: MeasuredPersons, mechanism: QueryMechanism, folder: Path) -> None:
    """Run all queries of the plan on persons, and write the results into a folder.

    Privacy: the files are computed only from the plan and from the answers of the mechanism.
    Randomness: the child "vote" of `plan.seeds` chooses the voters; see `votes_of`.
    """
    context, queries = plan.context, plan.queries
    if VOTE in queries:  # the configuration lets the persons choose the writing style
        votes = votes_of(persons.train, persons.nats, context.persons, plan.seeds.child("vote"))
        noised = mechanism([votes], queries[VOTE])
        shares = decide_style(noised, min(VOTERS, context.persons))
        write_json(folder / CHOICE, {"shares": shares, "votes": dict(zip(built_in_styles(), noised, strict=True))})
    people = people_of(persons.embedded, context.labels, context.basis)
    gaussian.learn(people, context, queries, mechanism).save(folder)
    if plan.vocabulary is not None:
        pairs = words_by_person(persons.train, context.labels, plan.vocabulary)
        query_words(pairs, len(context.labels), plan.vocabulary, queries[WORDS], mechanism).save(folder)


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, encoder_digest: str
) -> tuple[Measured, StageResult]:
    """Run the DP queries on train, or load their results from the workspace; `embedded` are the vectors of train.

    Raises:
        Overspent: the run already drew its noise, and the result is lost or was made from other inputs.
        ConfigError: no public basis (mean, axes and variances of vectors of public text) is shipped for the encoder,
            or the accounting audit would not pass.
        StorageError: the stored result was changed.
        InputError: the ledger cannot be used, or has no entry for the result in the workspace.
        Interrupted: a second stop signal interrupted the draw; see `deferred_signals`.

    Privacy: all queries together cost `dp.epsilon` and `dp.delta`, for one person added or removed. The results
        are computed only from the noised answers. The log contains the outcome of the replay and an unkeyed digest
        of the person ids; it stays in the workspace.
    Randomness: the operating system's generator; with `secret: public`, the stream "noise", which gives no privacy.
    """
    queries, context, run = queries_of(job.config), _public_context(job), reservation.spending.run
    persons = person_set_digest(record.group for record in train.records)
    # a `StageInput` is a value and its digest; a stored result is used again only if all digests are the same
    inputs = {
        "persons": StageInput((job, train, embedded, reservation), persons),
        "run": plain_value(run),
        "mechanisms": plain_value(list(mechanisms_of(queries))),
        "basis": StageInput(context, sha256_json([context.basis.mean.tolist(), context.basis.variances.tolist()])),
        "styles": plain_value(list(built_in_styles())),
        "encoder": StageInput(None, encoder_digest),
    }
    stage = MEASURE_STAGE
    if VOTE in queries:  # the votes depend on the language model and on the decoder's settings
        stage = replace(stage, config=(*stage.config, "decode.voting"))
    result = job.run(stage, inputs)
    # raises InputError if the ledger has no entry for this result
    reservation_of_result(*ledger_of(job.config), run, made_digest(result.folder), delta=reservation.delta)
    return _measured(result, _plan(job, context)), result


def _measure(stage: StageContext) -> Mapping[str, object]:
    job, train, embedded, reservation = stage.input("persons")
    context, folder, run = stage.input("basis"), stage.folder, stage.input("run")
    plan, ledger = _plan(job, context), ledger_of(job.config)
    counts = {"in": len(embedded.ids), "out": len(context.labels)}
    if recover_or_clear(folder, ledger, run):  # an interrupted process had already stored the result
        return counts
    noise = _noise(job, "noise")
    if stage.config("secret") != PUBLIC:
        refuse_reproducible(noise)
    with stage.progress.stage("measure", total=2, unit="steps") as advance:
        persons, scores = _persons(job, plan, train, embedded)
        rehearsal = _rehearsal(job, plan, persons, folder)
        rehearsal = replace(rehearsal, replay={**rehearsal.replay, **scores})
        log = account_for(job, train, reservation, plan.queries, noise, rehearsal)
        advance(1)
        require_space(folder, RESULT_BYTES)  # a result that cannot be stored would waste the budget
        mechanism = PrivateMechanism(noise)
        declared = DeclaredQueries(declared=plan.queries, n_persons=len(persons.persons), mechanism=mechanism)
        with deferred_signals(), threadpool_limits(limits=1):
            key = note_draw(*ledger, run)
            learn(plan, persons, declared, folder)
            declared.refuse_incomplete()
            write_json(folder / LOG, log)
            record_result(folder, ledger, run, key)
        advance(1)
    return counts


def _persons(
    job: Job, plan: MeasurePlan, train: Corpus, embedded: Embedded
) -> tuple[MeasuredPersons, dict[str, str]]:
    # The second result is the log entry `scores`: "holds" if scoring some texts again gave equal likelihoods.
    if VOTE not in plan.queries:
        return MeasuredPersons(train=train, embedded=embedded), {}
    scored = read_nats(job, open_bridge(job), train, embedded, plan.context.persons)
    persons = MeasuredPersons(train=train, embedded=embedded, nats=scored.nats)
    return persons, {"scores": "holds" if scored.is_separate else "broken"}


def _rehearsal(job: Job, plan: MeasurePlan, persons: MeasuredPersons, folder: Path) -> Rehearsal:
    # "twin" and "stand-ins" are old names of the dry run and of the substitute vectors. They remain the names of
    # random streams, because new names would change the results.
    context, seeds = plan.context, job.seeds.child("twin")
    n = DRY_RUN_PERSONS if abs(DRY_RUN_PERSONS - context.persons) >= context.persons / 9 else FALLBACK_PERSONS
    words = () if plan.vocabulary is None else plan.vocabulary.words
    rng, n_styles = seeds.child("people").generator(), len(built_in_styles())
    made_up = made_up_persons(n, context.labels, context.basis, words, n_styles, rng)

    def measurement(part: MeasuredPersons, mechanism: QueryMechanism) -> str:
        with TemporaryDirectory(dir=folder) as place, threadpool_limits(limits=1):
            learn(plan, part, mechanism, Path(place))
            files = {path.name: sha256_file(path) for path in Path(place).iterdir()}
            drawn = substitutes(
                draws_of(plan, Path(place)), context.labels, plan.encoder, job.seeds.child("stand-ins")
            )
            return sha256_json([files, sha256_array(drawn.vectors)])

    sample = replay_sample(persons, seeds.child("replay").generator())
    return rehearse(measurement, plan.queries, made_up, _noise(job, "twin", "noise"), persons, sample)


def _noise(job: Job, *names: str) -> Noise:
    return StreamNoise(job.seeds.child(*names)) if job.config.secret == PUBLIC else SecureNoise()


# The cache key does not contain the version of the program, so that an update does not spend the budget again.
MEASURE_STAGE = Stage(
    name=MEASURE,
    version=1,
    run=_measure,
    config=("source", "split", "deidentify", "embed", "interpolate.method", "secret", "dp.persons"),
    inputs=("persons", "run", "mechanisms", "basis", "styles", "encoder"),
    keep_partial=True,
    is_paid=True,
)


def _public_context(job: Job) -> PublicContext:
    config = job.config
    if config.dp.persons is None:
        raise InternalError(
            "dp.persons is not set, so the run cannot query persons; the configuration should have been refused"
        )
    labels = tuple(sorted(config.source.labels or ()))
    return PublicContext(labels=labels, basis=load_basis(config.embed.model), persons=config.dp.persons)


def _plan(job: Job, context: PublicContext) -> MeasurePlan:
    queries = queries_of(job.config)
    return MeasurePlan(
        context=context,
        queries=queries,
        vocabulary=public_words(job) if WORDS in queries else None,
        encoder=job.config.embed.model,
        seeds=job.seeds,
        words_per_vector=job.config.decode.words,
    )


def public_words(job: Job) -> PublicWords:
    """Return the vocabulary that is stored with the run's bridge; for errors, see `open_bridge`."""
    bridge = open_bridge(job)
    if isinstance(bridge, Vocabulary) or bridge.reader is None:
        raise InternalError(
            "the DP query `words` needs a vocabulary, and the bridge has none; the configuration should have been "
            "refused"
        )
    return bridge.reader


def draws_of(plan: MeasurePlan, folder: Path) -> Draws:
    """Return the model that draws new vectors, read from the files that `learn` wrote into the folder."""
    learned = gaussian.read(folder, plan.context)
    if plan.vocabulary is None:
        return learned
    words, labels = read_words(folder, plan.vocabulary), plan.context.labels
    return PromptWords(learned=learned, words=words, labels=labels, words_per_vector=plan.words_per_vector)


def substitutes(draws: Draws, labels: Sequence[str], encoder: str, rng: SeedTree) -> Embedded:
    """Draw the vectors that later stages use in place of train vectors; each vector counts as a separate person."""
    drawn = draws.sample(dict.fromkeys(labels, SUBSTITUTES), rng)
    return Embedded(
        vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=encoder, normalized=True
    )


def _measured(result: StageResult, plan: MeasurePlan) -> Measured:
    draws = draws_of(plan, result.folder)
    embedded = substitutes(draws, plan.context.labels, plan.encoder, plan.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    training_view = TrainingView(
        train=Corpus(role="train", records=tuple(empty), has_groups=True),
        embedded=embedded,
        draws=lambda _config: draws,
        digest=sha256_json([result.digest, made_digest(result.folder), plan.words_per_vector]),
    )
    shares = read_choice(result.folder) if VOTE in plan.queries else None
    return Measured(training_view=training_view, shares=shares, log=read_json(result.folder / LOG))
