"""Record the privacy budget of each run in the ledger, and compute the budget that all runs have spent together.

A run records three steps: it *reserves* its budget, it *draws* its noise, and it has *made* a result. The budget
counts as spent from the reservation on. If a run stops between two steps:

    after reserving   No noise was drawn. The same run continues with its reservation, or a user voids the
                      reservation. A voided reservation does not count, and its run can never draw noise.
    after drawing     The result is lost and the budget is spent. A new run makes a new reservation.

So a run cannot draw noise twice under one reservation and keep the result that it prefers.

The cost of all runs together is one epsilon at one chosen delta (`joint_cost`). It is the adaptive composition of the
mechanisms (noisy computations) of all runs, as if every run had used the same persons. So the ledger need not
recognise persons. The joint epsilon is at most the sum of the runs' epsilons if all noise is Gaussian, no mechanism
samples persons, and the deltas of the runs add up to at most the chosen delta. For Gaussian noise, a limit on the
joint epsilon holds even if the settings of a run depend on earlier results (Smith and Thakurta, arXiv 2210.17520).
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audits.attacks.accounting.accountants import joint_epsilon
from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.errors import InputError
from audits.core.instants import stamp
from audits.ledger.chain import Chain, Head, HighWaterMark, opened

RESERVE, DRAW, MADE, VOID = "reserve", "draw", "made", "void"  # steps of a run, and the voiding of its reservation
_NEW_RUN = "Run the command with `--resume never`. The new run makes a new reservation and spends the budget again."


class Overspent(InputError):  # noqa: N818 - named after the state of the budget
    """The run would exceed the limit of the budget, or has already spent its budget. Nothing was recorded."""

    exit_code = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Epsilon and delta for adding or removing one person."""

    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The budget of one run: its mechanisms and their cost."""

    run: str  # random id of the run
    cost: Cost
    mechanisms: tuple[Mapping[str, Any], ...]  # the fields of `MechanismCost` for each mechanism

    @property
    def mechanism_costs(self) -> tuple[MechanismCost, ...]:
        """The mechanisms as `MechanismCost`; raise InputError if there are none or one is not valid."""
        try:
            costs = tuple(MechanismCost.model_validate(dict(each)) for each in self.mechanisms)
        except (ValidationError, TypeError, ValueError):
            costs = ()
        if not costs:
            raise InputError(
                f"the ledger does not list the noise mechanisms of the reservation {self.run[:12]} in a valid form, "
                "so the joint epsilon of all runs cannot be computed",
                hint="An older version of SynthGen wrote this entry of the ledger. Use another ledger.",
            )
        return costs


def joint_cost(spendings: Iterable[Spending], delta: float) -> Cost:
    """Return the joint cost of the given runs: `delta`, and the epsilon of all their mechanisms at `delta`.

    The epsilon is exact if all noise is Gaussian and no mechanism samples persons; otherwise, it is an upper bound.
    Raise InputError if a run lists no valid mechanisms, or NotMeasurable if `dp-accounting` is needed but missing.
    """
    costs = [cost for spending in spendings for cost in spending.mechanism_costs]
    return Cost(epsilon=joint_epsilon(costs, delta=delta), delta=delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The reservation of one run, and all other reservations that count (are not voided)."""

    spending: Spending
    others: tuple[Spending, ...]  # all others that count, earlier and later ones
    delta: float  # delta at which `spent_by_others` and `spent_in_all` are computed
    n_voided: int  # number of voided reservations
    ledger: Head  # head (state) of the ledger when this object was created

    @property
    def spent_by_others(self) -> Cost:
        """The joint cost of all other reservations that count."""
        return joint_cost(self.others, self.delta)

    @property
    def spent_in_all(self) -> Cost:
        """The joint cost of all reservations that count, including this one."""
        return joint_cost((*self.others, self.spending), self.delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What the entries of a ledger state about one run; a field is None if no entry states it."""

    last: str | None  # the last step: `reserve`, `draw`, `made` or `void`
    spending: Spending | None  # the reservation, voided or not
    key: bytes | None = field(repr=False)  # key for `seal` if the last step is `draw`, else None
    digest: str | None  # digest of the recorded result


def reserve(folder: Path, high_water_mark: HighWaterMark, spending: Spending, *, limit: Cost | None) -> Reservation:
    """Record and return the reservation of a run; if the ledger has it already, only check the limit and return it.

    The joint epsilon of all runs in the ledger, at the delta of `limit`, must not exceed the epsilon of `limit`. The
    delta of this run must not exceed the delta of `limit`. Without a limit, the joint costs in the result are at the
    delta of this run.

    Raises:
        Overspent: the limit would be exceeded; the error states what is spent.
        InputError: the ledger cannot be used; it was changed, replaced or rolled back; or its reservation of this run
            is voided or differs from `spending`.
    """
    delta = spending.cost.delta if limit is None else limit.delta
    with opened(folder, high_water_mark) as chain:
        _refuse_voided(chain, spending.run)
        recorded = _reserved(chain, spending.run, delta)
        refuse_overspending(_counted(chain) if recorded is None else recorded.others, spending, limit)
        if recorded is None:
            chain.append({"what": RESERVE, **asdict(spending)})
            recorded = _reserved(chain, spending.run, delta)
        if recorded is None or recorded.spending != spending:
            problem = "has a reservation of this run with a different budget or different mechanisms"
            raise InputError(f"the ledger {folder} {problem}", hint=_NEW_RUN)
        return recorded


def void(folder: Path, high_water_mark: HighWaterMark, run: str, now: datetime) -> str:
    """Record that the reservation of a run is void, and return the recorded time.

    If the reservation is already void, record nothing and return the time of the earlier entry.

    Raises:
        Overspent: the run drew its noise, so its budget is spent.
        InputError: the ledger cannot be used, or contains no reservation of the run.
    """
    with opened(folder, high_water_mark) as chain:
        steps = _steps(chain, run)
        if VOID in steps:
            return str(steps[VOID]["time"])
        if RESERVE not in steps:
            hint = "`synthgen budget show CONFIG` lists the reservations of the ledger."
            raise InputError(f"the ledger {folder} does not contain the reservation {run[:12]}", hint=hint)
        if [*steps] != [RESERVE]:
            raise Overspent(
                f"the reservation {run[:12]} cannot be voided: its run drew noise, so its budget is spent",
                hint="Nothing was recorded.",
            )
        chain.append({"what": VOID, "run": run, "time": stamp(now)})
        return stamp(now)


def note_draw(folder: Path, high_water_mark: HighWaterMark, run: str) -> bytes:
    """Record that a run draws its noise now, and return the key with which it can `seal` its result.

    If the ledger cannot be reached when the result is made, the run seals the result and records it later
    (`note_made`).

    Raises:
        Overspent: the run drew its noise before, and the result was lost or deleted.
        InputError: the ledger cannot be used, contains no reservation of the run, or the reservation was voided.
    """
    with opened(folder, high_water_mark) as chain:
        steps = _steps(chain, run)
        _refuse_voided(chain, run)
        if RESERVE not in steps:
            raise InputError(f"the ledger {folder} does not contain this run's reservation", hint=_NEW_RUN)
        if DRAW in steps:
            raise Overspent(
                "this run has already drawn its noise, and the workspace has no result for the current inputs; the "
                "budget of the run is spent, and a run cannot draw noise twice",
                hint="Restore the configuration, data and version with which the noise was drawn. Or, if --resume "
                "never set an earlier reservation aside, move the newer folder stages/reserve-* out of stages, and "
                "remove .before-* from the name of the earlier folder. If you can do neither: " + _NEW_RUN,
            )
        chain.append({"what": DRAW, "run": run})
        return _seal_key(chain, run)


def _refuse_voided(chain: Chain, run: str) -> None:
    """Raise InputError if the run's reservation was voided."""
    if VOID in _steps(chain, run):
        raise InputError(
            f"the reservation {run[:12]} of this run was voided, so the run cannot draw noise; no noise was drawn",
            hint="Run the same command again; it makes a new reservation.",
        )


def _seal_key(chain: Chain, run: str) -> bytes:
    """Return the key for `seal`, 32 bytes."""
    return bytes.fromhex(chain.mac(b"answer\0" + run.encode()))


def seal(key: bytes, digest: str) -> str:
    """Return an HMAC-SHA256 (64 hex digits) that proves that the run with this key made the result `digest`."""
    return hmac.digest(key, digest.encode(), "sha256").hex()


def note_made(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str) -> None:
    """Record the digest of the result of a run; raise InputError if the last step of the run is not `draw`."""
    with opened(folder, high_water_mark) as chain:
        steps = [*_steps(chain, run)]
        if steps != [RESERVE, DRAW]:
            problem = "does not record that this run drew its noise"
            problem = "already records a result of this run" if MADE in steps else problem
            raise InputError(f"the ledger {folder} {problem}", hint=_NEW_RUN)
        chain.append({"what": MADE, "run": run, "digest": digest})


def state_of(folder: Path, high_water_mark: HighWaterMark, run: str) -> RunState:
    """Return what a ledger records about one run."""
    with opened(folder, high_water_mark) as chain:
        steps = _steps(chain, run)
        last = next(reversed(steps), None)
        return RunState(
            last=last,
            spending=_spending(steps[RESERVE]) if RESERVE in steps else None,
            key=_seal_key(chain, run) if last == DRAW else None,
            digest=str(steps[MADE]["digest"]) if last == MADE else None,
        )


def reservation_of_result(
    folder: Path, high_water_mark: HighWaterMark, run: str, digest: str, *, delta: float
) -> Reservation:
    """Return the reservation under which the result `digest` was made; its joint costs are at `delta`.

    Raises:
        InputError: the ledger cannot be used, or does not record that the run drew noise and made this result.
    """
    with opened(folder, high_water_mark) as chain:
        reservation = _reserved(chain, run, delta)
        made = _steps(chain, run).get(MADE, {})  # `note_made` records a result only after the draw
        if reservation is None or made.get("digest") != digest:
            raise InputError(f"the ledger {folder} has no entry for the result of this run", hint=_NEW_RUN)
        return reservation


def counting_reservations(
    folder: Path, high_water_mark: HighWaterMark, *, besides: str | None = None
) -> tuple[Spending, ...]:
    """Return all reservations that are not voided, except that of the run `besides`; record nothing."""
    with opened(folder, high_water_mark) as chain:
        return tuple(spending for spending in _counted(chain) if spending.run != besides)


def all_reservations(folder: Path, high_water_mark: HighWaterMark) -> list[Mapping[str, Any]]:
    """Return each reservation: its `run`, `epsilon`, `delta`, `state` (last step) and, if it is voided, `time`."""
    with opened(folder, high_water_mark) as chain:
        listed: list[Mapping[str, Any]] = []
        for spending in _all(chain):
            steps = _steps(chain, spending.run)
            time = {"time": str(steps[VOID]["time"])} if VOID in steps else {}
            listed.append({"run": spending.run, **asdict(spending.cost), "state": next(reversed(steps)), **time})
        return listed


def _all(chain: Chain) -> tuple[Spending, ...]:
    return tuple(_spending(entry) for entry in chain.entries if entry.get("what") == RESERVE)


def _spending(entry: Mapping[str, Any]) -> Spending:
    return Spending(run=entry["run"], cost=Cost(**entry["cost"]), mechanisms=tuple(entry["mechanisms"]))


def _counted(chain: Chain) -> tuple[Spending, ...]:
    """Return the reservations that count (are not voided), in recorded order."""
    # a run that drew noise counts even if an entry voids its reservation (`void` refuses to write such an entry)
    drawn, voided = ({e["run"] for e in chain.entries if e.get("what") == step} for step in (DRAW, VOID))
    return tuple(spending for spending in _all(chain) if spending.run not in voided - drawn)


def _steps(chain: Chain, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the entry of each recorded step of a run, by step, in recorded order; a step occurs at most once."""
    return {entry["what"]: entry for entry in chain.entries if entry.get("run") == run}


def _reserved(chain: Chain, run: str, delta: float) -> Reservation | None:
    """Return the reservation of a run; None if there is none or it was voided."""
    counting = _counted(chain)
    run_spending = next((spending for spending in counting if spending.run == run), None)
    if run_spending is None:
        return None
    return Reservation(
        spending=run_spending,
        others=tuple(spending for spending in counting if spending is not run_spending),
        delta=delta,
        n_voided=len(_all(chain)) - len(counting),
        ledger=chain.head(),
    )


def refuse_overspending(others: Sequence[Spending], spending: Spending, limit: Cost | None) -> None:
    """Raise Overspent if a run exceeds the limit (see `overspending`)."""
    problems = overspending(others, spending, limit)
    if problems:
        hint = (
            "`synthgen budget show CONFIG` lists the reservations. Only a reservation under which no noise was drawn "
            "can be voided, with `synthgen budget void CONFIG`."
        )
        raise Overspent("the budget of the ledger does not cover this run", problems=problems, hint=hint)


def overspending(others: Sequence[Spending], spending: Spending, limit: Cost | None) -> list[str]:
    """Return a sentence for each exceeded limit: on the joint epsilon of all runs, or on the delta of `spending`.

    The joint epsilon is computed at the smallest delta of the limit and of all other runs. Otherwise, a run with a
    larger delta could use budget that an earlier run with a smaller delta still needs for its release.
    """
    if limit is None:
        return []
    delta = min([limit.delta, *(other.cost.delta for other in others)])
    before, after = (joint_cost(runs, delta).epsilon for runs in (others, (*others, spending)))
    problems = []
    if after > limit.epsilon:
        problems.append(
            f"epsilon: the limit for all runs together is {limit.epsilon:g}; {before:.4g} is spent, and with "
            f"this run, {after:.4g} would be spent (at delta {delta:g})"
        )
    if spending.cost.delta > limit.delta:
        requested = f"this run requests {spending.cost.delta:g}"
        problems.append(f"delta: the limit for all runs together is {limit.delta:g}, but {requested}")
    return problems
