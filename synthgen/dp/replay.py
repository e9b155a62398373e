"""Test the code of a run's DP queries (noised sums of one row per person) before the run spends its budget.

- The dry run executes the code on made-up persons, and logs the drawn noise and the norms of the persons' rows.
- The replay executes the code on train: with all persons, without one person, and with only this person. Each query
  computes the exact sum, but returns the answer from the dry run. The replay tests whether the sum changes only by
  the row of the removed person, and whether the results are computed from the answers alone.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.types import Float64, Int64
from synthgen.dp.noised_sums import (
    MARGIN,
    UNIT,
    DeclaredQueries,
    Noise,
    Query,
    QueryMechanism,
    add_noise,
    answer_of,
    exact_sum,
)
from synthgen.dp.person_rows import MeasuredPersons

STRETCH = 8.0  # factor by which the dry run multiplies the rows of made-up persons, so that most rows are clipped
MIN_LOGGED = 2000  # least number of noise values that the dry run draws per query; the accounting audit requires 200
MAX_LOGGED = 1 << 17  # largest number of noise values that the dry run logs per draw; the audit accepts no more
MIN_DRAWS = 2  # least number of times that the dry run draws the noise of a step
REPLAYED = 3  # number of persons whom the replay removes, one at a time: one with the most records, the rest random

# A function that queries persons through a mechanism. It returns a digest of all values computed from the answers.
Measurement = Callable[[MeasuredPersons, QueryMechanism], str]


@dataclass(slots=True, kw_only=True)
class DryRun:
    """Answers queries on made-up persons as `PrivateMechanism` does, and logs the noise and the norms of the rows."""

    noise: Noise  # source of noise, of the Python type that the run itself uses
    logs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by query name: the fields of `DryRunLog`
    answers: dict[str, list[Float64]] = field(default_factory=dict)  # by query name: the answer to each step

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the noised sum of the rows, which are first multiplied by `STRETCH` and then clipped.

        The clipped row of each person is computed twice: in a block of rows, and alone. The logged `max_norm` is the
        largest norm of a row computed alone, plus the distance between the two sums of all rows. In correct code,
        this distance is 0. The noise of a step is drawn several times; the answer uses the last draw.
        """
        log = self.logs.setdefault(query.name, {"noise": [], "leading": [], "max_norm": 0.0, "largest_row": 0.0})
        sum_of_singles: Int64 | int = 0

        def stretched() -> Iterator[Float64]:
            nonlocal sum_of_singles
            for block in people:
                rows = STRETCH * block
                log["largest_row"] = max(log["largest_row"], float(np.linalg.norm(rows, axis=1).max(initial=0)))
                for row in rows:
                    single = exact_sum([row[None]], query.clip)
                    log["max_norm"] = max(log["max_norm"], _norm(single) * query.clip)
                    sum_of_singles = sum_of_singles + single
                yield rows

        total = exact_sum(stretched(), query.clip)
        log["max_norm"] += _norm(total - sum_of_singles) * query.clip
        log["dimension"] = len(total)
        for _ in range(max(MIN_DRAWS, math.ceil(MIN_LOGGED / (len(total) * query.steps)))):
            noised = add_noise(total, query, self.noise)
            z = (noised - total) / (query.noise_multiplier * UNIT)  # multiples of the noise's standard deviation
            log["noise"].append(float((z**2).sum()))
            log["leading"].append(z[:MAX_LOGGED].tolist())
        self.answers.setdefault(query.name, []).append(answer_of(noised, query))
        return self.answers[query.name][-1]


@dataclass(slots=True, kw_only=True)
class FixedAnswers:
    """Returns the answers of the dry run, and keeps the exact sums, which are private."""

    answers: Mapping[str, list[Float64]]  # by query name: the answer to each step
    sums: dict[tuple[str, int], Int64] = field(default_factory=dict)  # by query name and step number: the exact sum

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the dry run's answer to the next step; raise InternalError if the exact sum has another length."""
        step, total = sum(name == query.name for name, _ in self.sums), exact_sum(people, query.clip)
        self.sums[query.name, step], answer = total, self.answers[query.name][step]
        if answer.shape != total.shape:
            raise InternalError(
                f"{query.name}: the length of the query's sum depends on the persons, but must be fixed"
            )
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The logs of the dry run and the outcome of the replay, for the mechanism log."""

    # by query name: the fields of `audits.attacks.accounting.mechanism_log.DryRunLog`
    dry_run: Mapping[str, Mapping[str, Any]]
    # the fields of `audits.attacks.accounting.mechanism_log.ReplayLog`; measure.py adds the field `scores`
    replay: Mapping[str, str]


def rehearse(
    measurement: Measurement,
    queries: Mapping[str, Query],
    made_up: MeasuredPersons,
    noise: Noise,
    persons: MeasuredPersons,
    sample: Iterable[str],
) -> Rehearsal:
    """Return the logs of a dry run on the persons `made_up`, and the outcome of the replay on `persons`.

    Let D be all persons, p a person of `sample`, and S(A) the exact sum of a query over the persons A, in units of
    the clip norm. The replay tests for each p and each query:

        sums:     ‖S(D) - S(D - p)‖ <= 1 + `MARGIN`,   ‖S(D) - S(D - p) - S({p})‖ <= `MARGIN`
        results:  everything computed from the answers is bitwise the same for D, D - p and {p}

    The vectors and likelihoods of the records are computed only once, because each text is processed separately
    (`read_nats` checks this for the likelihoods). All later steps are repeated for D, D - p and {p}.

    Raises:
        InternalError: the code makes a query that is not declared, or does not query each person exactly once.

    Privacy: the outcome of the replay is the only result that depends on `persons`; correct code always passes.
    """
    dry_run = DryRun(noise=noise)
    _run(measurement, queries, made_up, dry_run)

    def replayed(groups: set[str]) -> tuple[dict[tuple[str, int], Int64], str]:
        fixed = FixedAnswers(answers=dry_run.answers)
        digest = _run(measurement, queries, persons.part(groups), fixed)
        return fixed.sums, digest

    everyone, excess, are_equal = set(persons.persons), 0.0, True
    whole, digest = replayed(everyone)
    for person in sample:
        others, digest_of_others = replayed(everyone - {person})
        single, digest_of_single = replayed({person})
        are_equal &= digest == digest_of_others == digest_of_single
        for step, total in whole.items():
            difference = total - others[step]
            excess = max(excess, _norm(difference) - 1, _norm(difference - single[step]))
    n = len(made_up.persons)
    return Rehearsal(
        dry_run={name: {"n_persons": n, **log} for name, log in dry_run.logs.items()},
        replay={"sums": "holds" if excess <= MARGIN else "broken", "results": "holds" if are_equal else "broken"},
    )


def replay_sample(persons: MeasuredPersons, rng: np.random.Generator) -> list[str]:
    """Return the `REPLAYED` persons whom the replay removes one at a time, or all persons if there are fewer."""
    sizes = Counter(persons.embedded.groups)
    largest = max(sorted(sizes), key=lambda person: sizes[person])
    others = sorted(set(sizes) - {largest})
    return [largest, *(others[i] for i in rng.permutation(len(others))[: REPLAYED - 1])]


def _run(
    measurement: Measurement, queries: Mapping[str, Query], persons: MeasuredPersons, mechanism: QueryMechanism
) -> str:
    declared = DeclaredQueries(declared=queries, n_persons=len(persons.persons), mechanism=mechanism)
    digest = measurement(persons, declared)
    declared.refuse_incomplete()
    return digest


def _norm(total: Int64) -> float:
    # in units of the clip norm
    return float(np.linalg.norm(total.astype(np.float64))) / UNIT
