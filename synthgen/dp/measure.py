"""The stage that queries train under differential privacy, logs the queries and books the result in the ledger.

No later stage that writes text accesses train. It uses substitute records drawn from the noised query results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audits.attacks.accounting.mechanism_log import person_set_digest
from audits.core.files import require_space
from audits.ledger.budgets import Reservation, note_draw, spent
from synthgen.core.digest import sha256_json
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
from synthgen.dp.noised_sums import PrivateMechanism, Query, SecureNoise, StreamNoise
from synthgen.dp.person_rows import people_of
from synthgen.dp.planned_queries import mechanisms_of, queries_of
from synthgen.dp.sealed_result import LOG, MEASURE, book, is_kept, made_digest
from synthgen.dp.style_vote import VOTERS, decide_style, read_votes
from synthgen.dp.word_queries import WORDS, PromptWords, PublicWords, query_words, read_words, words_by_person
from synthgen.pipeline.job import Job
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.rounds import Draws, TrainingView, open_bridge
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.style_choice import Shares, read_choice
from synthgen.pipeline.workspace import StageResult

RESULT_BYTES = 16 << 20  # more than the query results and their log need
SUBSTITUTES = 1_000  # substitute points per class, to which the filters are fitted; fewer make them less exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Results of the DP queries."""

    training_view: TrainingView  # the substitute for train that later stages use
    shares: Shares | None  # the styles chosen by the vote; None if the configuration names them
    log: Mapping[str, Any]  # the mechanism log for the `accounting` audit


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, encoder: str
) -> tuple[Measured, StageResult]:
    """Return the results of the DP queries and the stage that ran them.

    Raises:
        Overspent: the run drew its noise earlier, and the result is lost or was made from other inputs.
        ConfigError: the encoder has no public basis, or the accounting audit would not pass.
        StorageError: the stored result was changed.
        InputError: the ledger cannot be used, or has no entry for the result in the workspace.

    Privacy: all queries together cost the epsilon and delta of `dp`, for one person added or removed. The result
        contains nothing else of train.
    Randomness: the operating system's generator. A run with a public secret uses the stream seeds/noise, so its
        results are not private.
    """
    queries, context, run = queries_of(job.config), _public_context(job), reservation.spending.run
    persons = person_set_digest(record.group for record in train.records)
    inputs = {
        "persons": StageInput((job, train, embedded, reservation), persons),
        "run": plain_value(run),
        "mechanisms": plain_value(list(mechanisms_of(queries))),
        "basis": StageInput(context, sha256_json([context.basis.mean.tolist(), context.basis.variances.tolist()])),
        "styles": plain_value(list(built_in_styles())),
        "encoder": StageInput(None, encoder),
    }
    stage = MEASURE_STAGE
    if VOTE in queries:  # the votes depend on the language model and on the decoder's settings
        stage = replace(stage, config=(*stage.config, "decode.voting"))
    result = job.run(stage, inputs)
    spent(*ledger_of(job.config), run, made_digest(result.folder))
    return _measured(job, result, context, queries), result


def _measure(stage: StageContext) -> Mapping[str, object]:
    """Draw the noise, write the query results and book them in the ledger, unless it has booked them already."""
    job, train, embedded, reservation = stage.input("persons")
    context, folder, run = stage.input("basis"), stage.folder, stage.input("run")
    queries, ledger = queries_of(job.config), ledger_of(job.config)
    is_public = stage.config("secret") == PUBLIC
    mechanism = PrivateMechanism(StreamNoise(job.seeds.child("noise")) if is_public else SecureNoise())
    vocabulary = public_words(job) if WORDS in queries else None
    counts = {"in": len(embedded.ids), "out": len(context.labels)}
    if is_kept(folder, ledger, run):  # an earlier attempt stored the result and was stopped before the stage ended
        return counts
    with stage.progress.stage("measure", total=2, unit="populations") as advance:
        log = account_for(job, context, train, reservation, queries, vocabulary)
        advance(1)
        people = people_of(embedded, context.labels, context.basis)
        votes = read_votes(job, open_bridge(job), train, embedded) if VOTE in queries else None
        words = None if vocabulary is None else words_by_person(train, context.labels, vocabulary)
        require_space(folder, RESULT_BYTES)  # a result that cannot be stored would spend the budget for nothing
        with deferred_signals():
            key = note_draw(*ledger, run)
            if votes is not None:
                counted = mechanism([votes], queries[VOTE])
                shares = decide_style(counted, min(VOTERS, context.persons))
                named = dict(zip(built_in_styles(), counted, strict=True))
                write_json(folder / CHOICE, {"shares": shares, "votes": named})
            gaussian.learn(people, context, queries, mechanism).save(folder)
            if words is not None and vocabulary is not None:
                query_words(words, len(context.labels), vocabulary, queries[WORDS], mechanism).save(folder)
            write_json(folder / LOG, log)
            book(folder, ledger, run, key)
        advance(1)
    return counts


# The key covers the queries, the persons and how their texts are processed, but not the version of the program.
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
        raise InternalError("a run without a budget has no public context")
    labels = tuple(sorted(config.source.labels or ()))
    return PublicContext(labels=labels, basis=load_basis(config.embed.model), persons=config.dp.persons)


def public_words(job: Job) -> PublicWords:
    """Return the vocabulary of the run's bridge; for errors, see `open_bridge`."""
    bridge = open_bridge(job)
    if isinstance(bridge, Vocabulary) or bridge.words is None:
        raise InternalError(
            "the words query needs a vocabulary, and the bridge has none; the configuration should not allow this"
        )
    return bridge.words


def _measured(job: Job, result: StageResult, context: PublicContext, queries: Mapping[str, Query]) -> Measured:
    """Return the results of the configured queries; other files in the folder are ignored."""
    config = job.config
    learned = gaussian.read(result.folder, context)
    draws: Draws = learned
    if WORDS in queries:
        words = read_words(result.folder, public_words(job))
        draws = PromptWords(learned=learned, words=words, labels=context.labels, words_per_vector=config.decode.words)
    embedded = substitutes(draws, context.labels, config.embed.model, job.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    training_view = TrainingView(
        train=Corpus(role="train", records=tuple(empty), has_groups=True),
        embedded=embedded,
        draws=lambda _config: draws,
        digest=sha256_json([result.digest, made_digest(result.folder), config.decode.words]),
    )
    shares = read_choice(result.folder) if VOTE in queries else None
    return Measured(training_view=training_view, shares=shares, log=read_json(result.folder / LOG))


def substitutes(draws: Draws, labels: Sequence[str], encoder: str, rng: SeedTree) -> Embedded:
    """Return substitute points for train, to which later stages are fitted. Each point counts as one person."""
    drawn = draws.sample(dict.fromkeys(labels, SUBSTITUTES), rng)
    return Embedded(
        vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=encoder, normalized=True
    )
