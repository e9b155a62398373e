"""Build the mechanism log of a DP run, and check that the `accounting` audit accepts it.

The mechanism log is a JSON record. It lists the DP queries with their privacy costs, the outcomes of two tests of the
query code (`synthgen.dp.replay`), and all other accesses to private records.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import DECLARABLE, READS, ReadKind, person_set_digest
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Table
from audits.gate.disclosure import verdicts_only
from audits.gate.policy import Policy
from audits.ledger.budgets import Reservation
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.dp.noised_sums import Noise, Query
from synthgen.dp.planned_queries import is_public, mechanisms_of
from synthgen.dp.replay import Rehearsal
from synthgen.pipeline.job import Job
from synthgen.pipeline.secret import PUBLIC

_CORRECT = (
    "Correct the listed problem and run the same command again. If you change `dp`, the source or the DP queries, "
    "first void the reservation of this run with `synthgen budget void`."
)


def account_for(
    job: Job,
    train: Corpus,
    reservation: Reservation,
    queries: Mapping[str, Query],
    noise: Noise,
    rehearsal: Rehearsal,
) -> dict[str, Any]:
    """Return the mechanism log of a run before it draws noise, and check that the log passes the `accounting` audit.

    With `secret: public`, the log is not audited: the run is a study, and no policy allows the release of a study.

    Raises:
        ConfigError: the audit does not pass, so no policy would allow the release.
        InputError: the log contains values outside the range that the audit supports.

    Privacy: reads the ids and texts of train. The log contains a digest of the ids, but no id and no text.
    """
    groups, spending = tuple(record.group for record in train.records), reservation.spending
    # for the values, see `with_later_accesses`; models, styles and examples of others may depend on the records
    statuses = {kind: "outside" if kind in DECLARABLE else "none" for kind in READS}
    statuses |= {} if is_public(job.config) else {"model-training": "unaccounted"}
    log = {
        "schema_version": 2,
        "release": spending.run,
        "n_persons": job.config.dp.persons,
        "person_set": person_set_digest(groups),
        "claim": asdict(spending.cost),
        "spent": asdict(reservation.spent_in_all) if reservation.others else None,
        "mechanisms": _mechanisms(queries, noise, rehearsal),
        "replay": rehearsal.replay,
        "reads": [{"kind": kind, "cost": None, "status": status} for kind, status in statuses.items()],
        "releases": [
            {
                "release": other.run,
                "person_set": sha256_json([other.run]),  # the persons of the other run are not known here
                "persons": "overlapping",  # the number of shared persons is unknown, so the audit adds the costs
                "cost": asdict(other.cost),
                "mechanisms": [dict(mechanism) for mechanism in other.mechanisms],
            }
            for other in reservation.others
        ],
    }
    if job.config.secret == PUBLIC:
        return log
    persons = Table(texts=tuple(train.texts), labels=None, groups=groups, has_groups=train.has_groups)
    inputs = AuditInputs(synthetic=persons, train=persons, control=persons, mechanism=log)  # only train is read
    try:
        outcome = Accounting().run(inputs, np.random.default_rng(0), job.config.audit.confidence)
        reason = None if outcome.verdict == "pass" else outcome.reason
    except NotMeasurable as error:
        reason = error.message
    if reason is not None:
        raise ConfigError(
            "dp: the accounting audit would fail, so no policy would allow a release; no noise was drawn",
            problems=[reason],
            hint=_CORRECT,
        )
    return log


def _mechanisms(queries: Mapping[str, Query], noise: Noise, rehearsal: Rehearsal) -> list[dict[str, Any]]:
    return [
        {
            **cost,
            "unit": "group",
            "clip_norm": query.clip,
            "sampling": "all",
            # sums are divided only by numbers that are computed from noised answers
            "normaliser": {"value": None, "source": "answers"},
            "seed_digest": None if noise.seed is None else sha256_json([noise.seed, query.name]),
            "dry_run": rehearsal.dry_run[query.name],
        }
        for cost, query in zip(mechanisms_of(queries), queries.values(), strict=True)
    ]


def with_later_accesses(
    log: Mapping[str, Any], policy: Policy, *, n_earlier: int, n_removed: int
) -> Mapping[str, Any]:
    """Return a copy of the log with the statuses that were not yet known when the noise was drawn.

    `n_earlier` is the number of earlier audits of the control persons; their results may have influenced the settings
    of the run. `n_removed` is the number of synthetic records that were removed after a comparison with train.
    """
    # "none": there was no such access. "outside": the privacy guarantee does not cover the access, and the release
    # lists it. "unaccounted": the log states no privacy cost of the access, so the audit does not pass.
    status: dict[ReadKind, str] = {
        "filter-against-train": "none" if n_removed == 0 else "unaccounted",
        "hyper-parameters": "none" if n_earlier == 0 else "outside",
        "retries": "none" if n_earlier == 0 else "outside",
        "release-gate": "none" if policy.is_independent else "outside",
        "audit-numbers": "none" if verdicts_only(policy) else "outside",
    }
    reads = [{**read, "status": status.get(read["kind"], read["status"])} for read in log["reads"]]
    return {**log, "reads": reads}
