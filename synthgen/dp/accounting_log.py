"""Build the mechanism log for the `accounting` audit and check before noise is drawn that the audit would pass.

A dry run on made-up persons uses the same code to measure noise and clip norms. The log lists the queries, their
cost and the other accesses to the records. Neither contains a result computed from real persons.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import READS, ReadKind, person_set_digest
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Table
from audits.ledger.budgets import Reservation, Spending
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.dp import gaussian
from synthgen.dp.method import VOTE, PublicContext
from synthgen.dp.noised_sums import DryRun, Noise, Query, SecureNoise, StreamNoise
from synthgen.dp.person_rows import made_up_people
from synthgen.dp.planned_queries import is_public, mechanisms_of
from synthgen.dp.style_vote import made_up_votes
from synthgen.dp.word_queries import WORDS, PublicWords, made_up_words, query_words
from synthgen.pipeline.job import Job
from synthgen.pipeline.secret import PUBLIC

# Made-up persons in the dry run; the second number if the run itself has about 400, because the audit requires a
# number that differs by a tenth.
DRY_RUN_PERSONS, OTHER_PERSONS = 400, 500
LEAST_LOGGED = 200  # noise coordinates per query that the audit requires; the dry run repeats queries for them


def account_for(
    job: Job,
    context: PublicContext,
    train: Corpus,
    reservation: Reservation,
    queries: Mapping[str, Query],
    vocabulary: PublicWords | None,
) -> dict[str, Any]:
    """Return the mechanism log of a run that is about to draw its noise, after the `accounting` audit passed the log.

    A run with a public secret is a study that no policy releases, so its log is not audited.

    Raises:
        ConfigError: the audit does not pass, so no policy would allow the release. No noise was drawn.
        InputError: the log contains values outside the range that the audit supports.

    Privacy: reads the person ids of train; the log holds a digest of them.
    Cost: seconds.
    """
    groups = tuple(record.group for record in train.records)
    dry_run = _dry_run(job, context, queries, vocabulary)
    log = _log(job, reservation, queries, dry_run, person_set_digest(groups))
    if job.config.secret == PUBLIC:
        return log
    persons = Table(texts=tuple(train.texts), labels=None, groups=groups, has_groups=train.has_groups)
    inputs = AuditInputs(synthetic=persons, train=persons, control=persons, mechanism=log)
    try:
        found = Accounting().run(inputs, np.random.default_rng(0), job.config.audit.confidence)
        reason = None if found.verdict == "pass" else found.reason
    except NotMeasurable as error:
        reason = error.message
    if reason is not None:
        raise ConfigError(
            "dp: the accounting audit would fail for this run, so no policy would allow a release; no noise was "
            "drawn",
            problems=[reason],
            hint="Correct the cause and run again; the run continues with its reservation.",
        )
    return log


def _dry_run(
    job: Job, context: PublicContext, queries: Mapping[str, Query], vocabulary: PublicWords | None
) -> DryRun:
    """Run the code of the queries on made-up persons, with independent noise of the same kind."""
    seeds = job.seeds.child("twin")
    n = DRY_RUN_PERSONS if abs(DRY_RUN_PERSONS - context.persons) >= context.persons / 9 else OTHER_PERSONS
    noise: Noise = StreamNoise(seeds.child("noise")) if job.config.secret == PUBLIC else SecureNoise()
    dry_run, rng, n_classes = DryRun(n_persons=n, noise=noise), seeds.child("people").generator(), len(context.labels)
    people = made_up_people(n, n_classes, context.basis, rng)
    words = None if vocabulary is None else made_up_words(n, n_classes, len(vocabulary.words), rng)
    votes = made_up_votes(n, rng) if VOTE in queries else None
    while incomplete := {name for name in queries if dry_run.n_coordinates(name) < LEAST_LOGGED}:
        if incomplete - {WORDS, VOTE}:
            gaussian.learn(people, context, queries, dry_run)
        if WORDS in incomplete and vocabulary is not None and words is not None:
            query_words(words, n_classes, vocabulary, queries[WORDS], dry_run)
        if VOTE in incomplete and votes is not None:
            dry_run([votes], queries[VOTE])
    return dry_run


def _log(
    job: Job, reservation: Reservation, queries: Mapping[str, Query], dry_run: DryRun, person_set: str
) -> dict[str, Any]:
    """Return the log of the run's mechanisms in the form that `audits.attacks.accounting.mechanism_log` documents.

    The log lists the reservations that the ledger holds before the noise is drawn. It cannot change afterwards,
    because the ledger books its digest. The release statement adds later reservations of other runs.
    """
    spending = reservation.spending
    seed = job.seeds.child("noise").key().hex() if job.config.secret == PUBLIC else None
    mechanisms = [
        {
            **cost,
            "unit": "group",
            "clip_norm": query.clip,
            "sampling": "all",
            "normaliser": None,
            "seed_digest": None if seed is None else sha256_json([seed, query.name]),
            "dry_run": dry_run.log(query.name),
        }
        for cost, query in zip(mechanisms_of(queries), queries.values(), strict=True)
    ]
    return {
        "schema_version": 1,
        "release": spending.run,
        "n_persons": job.config.dp.persons,
        "person_set": person_set,
        "claim": asdict(spending.cost),
        "spent": asdict(reservation.spent_in_all) if reservation.others else None,
        "mechanisms": mechanisms,
        "reads": [{"kind": kind, "cost": None, "status": _access_status(job.config, kind)} for kind in READS],
        "releases": [_release_of(other) for other in reservation.others],
    }


def _release_of(spending: Spending) -> dict[str, Any]:
    """Return the log entry of another run. The log assumes that the two runs share persons, so their costs add up."""
    cost, persons = asdict(spending.cost), sha256_json([spending.run])
    return {"release": spending.run, "person_set": persons, "persons": "overlapping", "cost": cost, "mechanisms": []}


def _access_status(config: Config, kind: ReadKind) -> str:
    """Return how a kind of access to the records other than the queries is accounted for."""
    if kind == "audit-numbers":  # the policy decides which numbers are published, so epsilon never covers them
        return "outside"
    return "unaccounted" if kind == "model-training" and not is_public(config) else "none"
