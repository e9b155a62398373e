"""What the `accounting` audit is shown of a run, and whether it would pass, before anything is drawn and paid for.

A dry run on people who do not exist shows by the same code how noise and clips come out; the log says what is
asked at what price, and what else read the records. Neither needs an answer of a real person.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import READS, ReadKind, person_set_digest
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Table
from audits.ledger.budgets import Reservation
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.dp import gaussian
from synthgen.dp.catalogue import VOTE
from synthgen.dp.dry_run import DryRun
from synthgen.dp.method import PublicContext
from synthgen.dp.noise import Noise, SecureNoise, StreamNoise
from synthgen.dp.noised_sums import Query
from synthgen.dp.person_rows import made_up_people
from synthgen.dp.planned_queries import is_public, mechanisms_of
from synthgen.dp.style_vote import count_votes, made_up_votes
from synthgen.dp.word_queries import WORDS, PublicWords, ask_words, made_up_words
from synthgen.pipeline.job import Job
from synthgen.pipeline.secret import PUBLIC

DRY_RUN_PERSONS, OTHER_PERSONS = 400, 500  # of the dry run; the others where the run has about as many itself
LEAST_LOGGED = 200  # coordinates of noise, in all, that the audit asks for


def account_for(
    job: Job,
    context: PublicContext,
    train: Corpus,
    reservation: Reservation,
    queries: Mapping[str, Query],
    vocabulary: PublicWords | None,
) -> dict[str, Any]:
    """Return the log of what a run is about to ask, once the audit passes it.

    A run of a public secret is for studies, and leaves by no policy; so whatever its log says, it goes on.

    Raises:
        ConfigError: the audit would not pass, and so no policy would let the records leave; nothing was drawn.
        InputError: something in it is beyond what can be accounted for.

    Privacy: reads who the persons of train are; the log holds a digest of them.
    Cost: seconds.
    """
    dry_run = _dry_run(job, context, queries, vocabulary)
    log = _log(job, reservation, queries, dry_run, person_set_digest(record.group for record in train.records))
    if job.config.secret == PUBLIC:
        return log
    persons = Table(
        texts=tuple(train.texts),
        labels=None,
        groups=tuple(record.group for record in train.records),
        has_groups=train.has_groups,
    )
    inputs = AuditInputs(synthetic=persons, train=persons, control=persons, mechanism=log)
    try:
        found = Accounting().run(inputs, np.random.default_rng(0), job.config.audit.confidence)
    except NotMeasurable as error:
        raise _unaccountable(error.message) from None
    if found.verdict != "pass":
        raise _unaccountable(found.reason)
    return log


def _unaccountable(reason: str) -> ConfigError:
    return ConfigError(
        "dp: no accounting would pass for this run, so it would pay for what no policy lets leave; nothing was drawn",
        problems=[reason],
        hint="What it reserved stays reserved, and is not paid for again.",
    )


def _dry_run(
    job: Job, context: PublicContext, queries: Mapping[str, Query], vocabulary: PublicWords | None
) -> DryRun:
    """Run the same code on people who do not exist, with other noise of the same kind."""
    seeds = job.seeds.child("twin")
    n = DRY_RUN_PERSONS if abs(DRY_RUN_PERSONS - context.persons) >= context.persons / 9 else OTHER_PERSONS
    noise: Noise = StreamNoise(seeds.child("noise")) if job.config.secret == PUBLIC else SecureNoise()
    dry_run, rng, n_classes = DryRun(n_persons=n, noise=noise), seeds.child("people").generator(), len(context.labels)
    people = made_up_people(n, n_classes, context.basis, rng)
    said = None if vocabulary is None else made_up_words(n, n_classes, len(vocabulary.words), rng)
    votes = made_up_votes(n, rng) if VOTE in queries else None
    while lacking := {name for name, query in queries.items() if not _is_enough(dry_run, query)}:
        if lacking - {WORDS, VOTE}:
            gaussian.learn(people, context, queries, dry_run)
        if WORDS in lacking and vocabulary is not None and said is not None:
            ask_words(said, n_classes, vocabulary, queries[WORDS], dry_run)
        if VOTE in lacking and votes is not None:
            count_votes(votes, queries[VOTE], dry_run)
    return dry_run


def _is_enough(dry_run: DryRun, query: Query) -> bool:
    """Return whether the audit can tell by what was logged of a query."""
    log = dry_run.found.get(query.name)
    return log is not None and len(log["noise"]) * log["dimension"] >= LEAST_LOGGED


def _log(
    job: Job, reservation: Reservation, queries: Mapping[str, Query], dry_run: DryRun, person_set: str
) -> dict[str, Any]:
    """Return the log of the run's mechanisms, as `audits.attacks.accounting.mechanism_log` documents it.

    It adds up what the ledger holds before the noise is drawn, and is never changed afterwards: the ledger books its
    digest. What others reserve later stands in the statement, which is added up anew when a release leaves.
    """
    spending = reservation.spending
    public = job.config.secret == PUBLIC
    seed = job.seeds.child("noise").key().hex() if public else None
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
    whole = asdict(reservation.spent_in_all) if reservation.others else None
    return {
        "schema_version": 1,
        "release": spending.run,
        "n_persons": job.config.dp.persons,
        "person_set": person_set,
        "claim": {"epsilon": spending.cost.epsilon, "delta": spending.cost.delta},
        "spent": whole,
        "mechanisms": mechanisms,
        "reads": [{"kind": kind, "cost": None, "status": _answer(job.config, kind)} for kind in READS],
        "releases": [
            {
                "release": one.run,
                "person_set": sha256_json([one.run]),
                "persons": "overlapping",
                "cost": {"epsilon": one.cost.epsilon, "delta": one.cost.delta},
                "mechanisms": [],
            }
            for one in reservation.others
        ],
    }


def _answer(config: Config, kind: ReadKind) -> str:
    """Return whether something else read the persons' records.

    What is told of the audits is for the policy to say, and one draw may leave under any: the claim never covers it.
    """
    if kind == "audit-numbers":
        return "outside"
    return "unaccounted" if kind == "model-training" and not is_public(config) else "none"
