"""Record the mechanisms of each run before the run accesses any data, and compose the mechanisms of all runs.

The cost of all runs of a ledger together is the joint epsilon of all their mechanisms at one delta (`joint_cost`),
whether or not the runs used the same persons. So the ledger need not recognise a person under another id or in
another file, and its entries do not reveal that a person was in two runs.

If the deltas of the runs add up to at most that one delta, the joint epsilon is at most the sum of the runs'
epsilons. Usually it is much less. It is valid because all runs together are one adaptive composition of their
mechanisms. They satisfy (epsilon, delta)-differential privacy with the joint epsilon at any delta that one chooses.
The deltas that the single runs claim are therefore not added up. For Gaussian noise, a limit of the joint epsilon at
a fixed delta also holds if the settings of a run are chosen after reading earlier results (Smith and Thakurta,
arXiv 2210.17520).

A run first records that it *reserves* its budget, then that it *draws* its noise, then the digest of the result that
it *made*. The reservation counts as spent from the first record, whatever happens to the run:

    stopped between reserving and drawing   no query was answered; the same run continues with its reservation, or the
                                            reservation is *voided* and counts no more
    stopped between drawing and making      the result is lost and the budget spent; a new run reserves again

So no run can draw twice for one price and keep the result it prefers. A voided run can never draw. Two concurrent
processes take turns at the lock of the ledger, and the second one sees the entries of the first.
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

RESERVE, DRAW, MADE, VOID = "reserve", "draw", "made", "void"  # the steps of a run
_NEW_RUN = "run it with --resume never, which makes a new reservation and spends the budget again"


class Overspent(InputError):  # noqa: N818 - reads as the state it names
    """The run would exceed the budget, or its budget is spent; nothing was recorded."""

    exit_code = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Epsilon and delta for one person added or removed."""

    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The mechanisms of one run and their joint cost."""

    run: str  # a random id
    cost: Cost
    mechanisms: tuple[Mapping[str, Any], ...]  # each with the fields of `MechanismCost`

    @property
    def costs(self) -> tuple[MechanismCost, ...]:
        """The mechanisms in the form of the accountants; raise InputError if there is none or one is not valid."""
        try:
            costs = tuple(MechanismCost.model_validate(dict(each)) for each in self.mechanisms)
        except (ValidationError, TypeError, ValueError):
            costs = ()
        if not costs:
            raise InputError(
                f"the reservation {self.run[:12]} does not list its mechanisms, so the budgets cannot be composed",
                hint="A version before 1.0 wrote it. Use another ledger.",
            )
        return costs


def joint_cost(spendings: Iterable[Spending], delta: float) -> Cost:
    """Return the joint epsilon of all mechanisms of all given runs at one delta, and this delta."""
    costs = [cost for one in spendings for cost in one.costs]
    return Cost(epsilon=joint_epsilon(costs, delta=delta), delta=delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The reservation of one run, all other reservations that count, and the head of the ledger."""

    spending: Spending
    others: tuple[Spending, ...]  # made before or after this one
    delta: float  # at which the runs are composed
    n_voided: int  # number of reservations that do not count, because they were voided
    ledger: Head

    @property
    def spent_by_others(self) -> Cost:
        """The joint cost of the other reservations."""
        return joint_cost(self.others, self.delta)

    @property
    def spent_in_all(self) -> Cost:
        """The joint cost of all reservations."""
        return joint_cost((*self.others, self.spending), self.delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The entries of a ledger about one run; every field is None if there is no entry for it."""

    last: str | None  # the last step: `reserve`, `draw`, `made` or `void`
    spending: Spending | None  # the reservation, voided or not
    key: bytes | None = field(repr=False)  # key for `seal`, if the run drew its noise and recorded no result
    digest: str | None  # of the recorded result


def reserve(folder: Path, high_water_mark: HighWaterMark, spending: Spending, *, most: Cost | None) -> Reservation:
    """Record the reservation of a run and return it; if the run has one already, check the limit again.

        joint epsilon of this run and all others at the delta of `most`  <=  epsilon of `most`

    The others include reservations that were recorded after that of this run, under any limit; so the order in which
    runs reserve, draw and release does not matter. `most` is the limit; None is no limit, and the runs are then
    composed at the run's own delta.

    Raises:
        Overspent: the limit would be exceeded; the error states what is spent.
        InputError: the ledger cannot be used, was changed, replaced or rolled back, or contains another or a voided
            reservation with this id.
    """
    delta = spending.cost.delta if most is None else most.delta
    with opened(folder, high_water_mark) as chain:
        _refuse_voided(chain, spending.run)
        found = _reserved(chain, spending.run, delta)
        refuse_overspending(_counted(chain) if found is None else found.others, spending, most)
        if found is None:
            chain.append({"what": RESERVE, **asdict(spending)})
            found = _reserved(chain, spending.run, delta)
        if found is None or found.spending != spending:
            raise InputError(f"the ledger {folder} contains another reservation with this run's id", hint=_NEW_RUN)
        return found


def void(folder: Path, high_water_mark: HighWaterMark, run: str, now: datetime) -> str:
    """Record that a reservation under which nothing was drawn is void, and return the recorded time.

    A voided reservation does not count, and its run can never draw noise. If it was voided before, nothing is
    recorded, and the time of that entry is returned.

    Raises:
        Overspent: the run drew its noise, so its budget is spent.
        InputError: the ledger cannot be used, or contains no reservation of the run.
    """
    with opened(folder, high_water_mark) as chain:
        steps = _steps(chain, run)
        if VOID in steps:
            return str(steps[VOID]["time"])
        if RESERVE not in steps:
            raise InputError(f"the ledger {folder} does not contain the reservation {run[:12]}")
        if [*steps] != [RESERVE]:
            raise Overspent(
                f"the reservation {run[:12]} cannot be voided: its run drew noise, so its budget is spent",
                hint="Nothing was recorded.",
            )
        chain.append({"what": VOID, "run": run, "time": stamp(now)})
        return stamp(now)


def note_draw(folder: Path, high_water_mark: HighWaterMark, run: str) -> bytes:
    """Record that a run draws its noise now, and return the key for `seal`.

    A run may draw only once; otherwise it could choose among several results. The sealed result can be recognised
    later if the ledger was not reachable when the result was made.

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
                "this run drew its noise before, and its budget is spent",
                hint="restore the configuration, data and version that drew it (or the name of a folder "
                f"reserve-*.before-* of the workspace), or {_NEW_RUN}",
            )
        chain.append({"what": DRAW, "run": run})
        return _seal_key(chain, run)


def _refuse_voided(chain: Chain, run: str) -> None:
    if VOID in _steps(chain, run):
        raise InputError(
            f"the reservation {run[:12]} of this run was voided, so the run cannot draw noise; no noise was drawn",
            hint="Run the same command again; it makes a new reservation.",
        )


def _seal_key(chain: Chain, run: str) -> bytes:
    return bytes.fromhex(chain.mac(b"answer\0" + run.encode()))


def seal(key: bytes, digest: str) -> str:
    """Return 64 hex digits that prove that the run with this key made the result with this digest."""
    return hmac.digest(key, digest.encode(), "sha256").hex()


def note_made(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str) -> None:
    """Record the digest of the result of a run's mechanisms.

    Raises:
        InputError: the ledger cannot be used, or the last step of the run is not its draw.
    """
    with opened(folder, high_water_mark) as chain:
        if [*_steps(chain, run)] != [RESERVE, DRAW]:
            raise InputError(f"the ledger {folder} does not expect a result of this run", hint=_NEW_RUN)
        chain.append({"what": MADE, "run": run, "digest": digest})


def state_of(folder: Path, high_water_mark: HighWaterMark, run: str) -> RunState:
    """Return the entries of a ledger about one run."""
    with opened(folder, high_water_mark) as chain:
        steps = _steps(chain, run)
        last = next(reversed(steps), None)
        return RunState(
            last=last,
            spending=_spending(steps[RESERVE]) if RESERVE in steps else None,
            key=_seal_key(chain, run) if last == DRAW else None,
            digest=str(steps[MADE]["digest"]) if last == MADE else None,
        )


def spent(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str, *, delta: float) -> Reservation:
    """Return the reservation under which a result was made, together with all other current reservations.

    `delta` is the delta at which the reservations are composed.

    Raises:
        InputError: the ledger cannot be used, or does not record that the run drew noise and made this result.
    """
    with opened(folder, high_water_mark) as chain:
        found = _reserved(chain, run, delta)
        steps = _steps(chain, run)
        if found is None or DRAW not in steps or steps.get(MADE, {}).get("digest") != digest:
            raise InputError(f"the ledger {folder} has no entry for the result of this run", hint=_NEW_RUN)
        return found


def counted(folder: Path, high_water_mark: HighWaterMark, *, besides: str | None = None) -> tuple[Spending, ...]:
    """Return all reservations that count, except that of the run `besides`; nothing is recorded."""
    with opened(folder, high_water_mark) as chain:
        return tuple(one for one in _counted(chain) if one.run != besides)


def all_reservations(folder: Path, high_water_mark: HighWaterMark) -> list[Mapping[str, Any]]:
    """Return run, epsilon, delta and state (the last step) of each reservation; of a voided one also the time."""
    with opened(folder, high_water_mark) as chain:
        found: list[Mapping[str, Any]] = []
        for one in _all(chain):
            steps = _steps(chain, one.run)
            time = {"time": str(steps[VOID]["time"])} if VOID in steps else {}
            found.append({"run": one.run, **asdict(one.cost), "state": next(reversed(steps)), **time})
        return found


def _all(chain: Chain) -> tuple[Spending, ...]:
    return tuple(_spending(entry) for entry in chain.entries if entry.get("what") == RESERVE)


def _spending(entry: Mapping[str, Any]) -> Spending:
    return Spending(run=entry["run"], cost=Cost(**entry["cost"]), mechanisms=tuple(entry["mechanisms"]))


def _counted(chain: Chain) -> tuple[Spending, ...]:
    """Return the reservations that count; one whose noise was drawn counts whatever was recorded later."""
    drawn, voided = ({e["run"] for e in chain.entries if e.get("what") == step} for step in (DRAW, VOID))
    return tuple(one for one in _all(chain) if one.run not in voided - drawn)


def _steps(chain: Chain, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the entries of a run by step, in order; each step occurs once."""
    return {entry["what"]: entry for entry in chain.entries if entry.get("run") == run}


def _reserved(chain: Chain, run: str, delta: float) -> Reservation | None:
    every = _counted(chain)
    own = next((one for one in every if one.run == run), None)
    if own is None:
        return None
    return Reservation(
        spending=own,
        others=tuple(one for one in every if one is not own),
        delta=delta,
        n_voided=len(_all(chain)) - len(every),
        ledger=chain.head(),
    )


def refuse_overspending(others: Sequence[Spending], own: Spending, most: Cost | None) -> None:
    """Raise Overspent if all runs together exceed `most`, or if a run claims a larger delta; None is no limit."""
    problems = overspending(others, own, most)
    if problems:
        hint = (
            "`synthgen budget show CONFIG` lists the reservations. Only a reservation under which no noise was drawn "
            "can be voided, with `synthgen budget void CONFIG`."
        )
        raise Overspent("the budget of the ledger does not cover this run", problems=problems, hint=hint)


def overspending(others: Sequence[Spending], own: Spending, most: Cost | None) -> list[str]:
    """Return the problems for which `refuse_overspending` refuses; empty if there is none."""
    if most is None:
        return []
    before, after = (joint_cost(runs, most.delta).epsilon for runs in (others, (*others, own)))
    problems = []
    if after > most.epsilon:
        problems.append(
            f"epsilon: limit {most.epsilon:g} for all runs together, spent {before:.4g}, with this run {after:.4g} "
            f"(at delta {most.delta:g})"
        )
    if own.cost.delta > most.delta:
        problems.append(f"delta: limit {most.delta:g} for all runs together, requested {own.cost.delta:g}")
    return problems
