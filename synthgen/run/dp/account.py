"""What the `accounting` audit is shown of a run, and whether it would pass, before anything is drawn and paid for.

A twin on people who do not exist shows by the same code how noise, batches and clips come out; the log says what is
asked at what price, and what else read the records. Neither needs an answer of a real person.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from audits.accounting.audit import Accounting
from audits.accounting.mechanism_log import READS, ReadKind, person_set_digest
from audits.accounting.sampling_tests import MIN_STEPS
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Table
from audits.ledger.budgets import Reservation
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.privacy.noise import Noise, SecureNoise, StreamNoise
from synthgen.privacy.sums import Query
from synthgen.privacy.twin import TwinRun
from synthgen.run.dp.adapt import ADAPT, refine_made_up
from synthgen.run.dp.questions import is_public, mechanisms_of
from synthgen.run.dp.vote import VOTE, count_votes, made_up_votes
from synthgen.run.job import Job
from synthgen.run.secret import PUBLIC
from synthgen.stages.interpolate.config import DP_METHODS
from synthgen.stages.interpolate.dp.method import Setting
from synthgen.stages.interpolate.dp.people import made_up_people
from synthgen.stages.interpolate.dp.words import WORDS, PublicWords, ask_words, made_up_words

TWIN_PERSONS, OTHER_PERSONS = 400, 500  # of the twin; the others where the run has about as many itself
LEAST_LOGGED = 200  # coordinates of noise, in all, that the audit asks for


def account_for(
    job: Job,
    setting: Setting,
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
    Cost: seconds, more where persons are drawn by steps.
    """
    twin = _twin(job, setting, queries, vocabulary)
    log = _log(job, reservation, queries, twin, person_set_digest(record.group for record in train.records))
    if job.config.secret == PUBLIC:
        return log
    persons = Table(
        texts=tuple(train.texts), labels=None, groups=tuple(record.group for record in train.records),
        has_groups=train.has_groups,
    )  # fmt: skip
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
        problems=[reason], hint="What it reserved stays reserved, and is not paid for again.",
    )  # fmt: skip


def _twin(job: Job, setting: Setting, queries: Mapping[str, Query], vocabulary: PublicWords | None) -> TwinRun:
    """Run the same code on people who do not exist, with other noise of the same kind."""
    seeds = job.seeds.child("twin")
    n = TWIN_PERSONS if abs(TWIN_PERSONS - setting.persons) >= setting.persons / 9 else OTHER_PERSONS
    noise: Noise = StreamNoise(seeds.child("noise")) if job.config.secret == PUBLIC else SecureNoise()
    twin, rng, n_classes = TwinRun(n_persons=n, noise=noise), seeds.child("people").generator(), len(setting.labels)
    people = made_up_people(n, n_classes, setting.basis, rng)
    said = None if vocabulary is None else made_up_words(n, n_classes, len(vocabulary.words), rng)
    votes = made_up_votes(n, rng) if VOTE in queries else None
    while lacking := {name for name, query in queries.items() if not _is_enough(twin, query)}:
        if lacking - {WORDS, VOTE, ADAPT}:
            DP_METHODS[job.config.interpolate.method].learn(people, setting, queries, twin)
        if WORDS in lacking and vocabulary is not None and said is not None:
            ask_words(said, n_classes, vocabulary, queries[WORDS], twin)
        if VOTE in lacking and votes is not None:
            count_votes(votes, queries[VOTE], twin)
        if ADAPT in lacking:
            refine_made_up(job.config, n, queries[ADAPT], twin, rng)
    return twin


def _is_enough(twin: TwinRun, query: Query) -> bool:
    """Return whether the audit can tell by what was logged of a query."""
    log = twin.found.get(query.name)
    if log is None:
        return False
    steps = len(log["noise"])
    return steps * log["dimension"] >= LEAST_LOGGED and (query.sampling_rate == 1 or steps >= MIN_STEPS)


def _log(
    job: Job, reservation: Reservation, queries: Mapping[str, Query], twin: TwinRun, person_set: str
) -> dict[str, Any]:
    """Return the log of the run's mechanisms, as `audits.accounting.mechanism_log` documents it.

    It adds up what the ledger holds before the noise is drawn, and is never changed afterwards: the ledger books its
    digest. What others reserve later stands in the statement, which is added up anew when a release leaves.
    """
    spending = reservation.spending
    public = job.config.secret == PUBLIC
    seed = job.seeds.child("noise").key().hex() if public else None
    mechanisms = [
        {
            **cost, "unit": "group", "clip_norm": query.clip,
            "sampling": "all" if query.sampling_rate == 1 else "poisson",
            "normaliser": None if query.normaliser is None else {"value": query.normaliser, "source": "constant"},
            "seed_digest": None if seed is None else sha256_json([seed, query.name]), "twin": twin.log(query.name),
        }
        for cost, query in zip(mechanisms_of(queries), queries.values(), strict=True)
    ]  # fmt: skip
    whole = asdict(reservation.spent_in_all) if reservation.others else None
    return {
        "schema_version": 1, "release": spending.run, "n_persons": job.config.dp.persons,
        "person_set": person_set,
        "claim": {"epsilon": spending.cost.epsilon, "delta": spending.cost.delta}, "spent": whole,
        "mechanisms": mechanisms,
        "reads": [
            {
                "kind": kind, "cost": None,
                "status": _answer(job.config, kind),
            }
            for kind in READS
        ],
        "releases": [
            {
                "release": one.run, "person_set": sha256_json([one.run]), "persons": "overlapping",
                "cost": {"epsilon": one.cost.epsilon, "delta": one.cost.delta}, "mechanisms": [],
            }
            for one in reservation.others
        ],
    }  # fmt: skip


def _answer(config: Config, kind: ReadKind) -> str:
    """Return whether something else read the persons' records.

    What is told of the audits is for the policy to say, and one draw may leave under any: the claim never covers it.
    """
    if kind == "audit-numbers":
        return "outside"
    return "unaccounted" if kind == "model-training" and not is_public(config) else "none"
