"""Record the privacy budget that each run spends, before the run accesses any data.

The budgets of all entries of a ledger are added up, whether or not the runs used the same persons. So the ledger need
not recognise a person under another id or in another file, and its entries do not reveal that a person was in two
runs.

A run first records that it *reserves* its budget, then that it *draws* its noise, then the digest of the result that
it *made*. The reservation counts as spent from the first record, whatever happens to the run:

    stopped between reserving and drawing   no query was answered; the same run continues with its reservation
    stopped between drawing and making      the result is lost and the budget spent; a new run reserves again

So no run can draw twice for one price and keep the result it prefers. Two concurrent runs take turns at the lock of
the ledger, and the second one sees the reservation of the first.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.ledger.attempts import FILE
from audits.ledger.chain import Chain, Head, HighWaterMark, opened

_NEW_RUN = "run it with --resume never, which makes a new reservation and spends the budget again"


class Overspent(InputError):  # noqa: N818 - reads as the state it names
    """The run would exceed the budget; nothing was recorded."""

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
    mechanisms: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The reservation of one run, all other reservations of the ledger, and the head of the ledger."""

    spending: Spending
    others: tuple[Spending, ...]  # made before or after this one
    ledger: Head

    @property
    def spent_by_others(self) -> Cost:
        """The sum of the other reservations."""
        return _sum(self.others)

    @property
    def spent_in_all(self) -> Cost:
        """The sum of all reservations."""
        return _sum((*self.others, self.spending))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The entries of a ledger about one run; every field is None if there is no entry for it."""

    last: str | None  # the last step: `reserve`, `draw` or `made`
    spending: Spending | None  # the reservation
    key: bytes | None = field(repr=False)  # key for `seal`, if the run drew its noise and recorded no result
    digest: str | None  # of the recorded result


def reserve(folder: Path, high_water_mark: HighWaterMark, spending: Spending, *, most: Cost | None) -> Reservation:
    """Record the reservation of a run and return it; if the run has one already, check the limit again.

        spent by others + cost <= most,   spent by others = Σ over all other reservations of the ledger

    Epsilons and deltas are added up (basic composition), so a reader of the signed statement can repeat the sum. The
    others include reservations that were recorded after that of this run, under any limit; so the order in which runs
    reserve, draw and release does not matter. `most` is the limit; None is no limit.

    Raises:
        Overspent: the limit would be exceeded; the error states what is left.
        InputError: the ledger cannot be used, was changed, replaced or rolled back, or contains another reservation
            with this id.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        found = _reserved(chain, spending.run)
        others = _all(chain) if found is None else found.others
        refuse_overspending(_sum(others), spending.cost, most)
        if found is None:
            chain.append({"what": "reserve", **asdict(spending)})
            found = _reserved(chain, spending.run)
        if found is None or found.spending != spending:
            raise InputError(f"the ledger {folder} contains another reservation with this run's id", hint=_NEW_RUN)
        return found


def note_draw(folder: Path, high_water_mark: HighWaterMark, run: str) -> bytes:
    """Record that a run draws its noise now, and return the key for `seal`.

    A run may draw only once; otherwise it could choose among several results. The sealed result can be recognised
    later if the ledger was not reachable when the result was made.

    Raises:
        Overspent: the run drew its noise before, and the result was lost or deleted.
        InputError: the ledger cannot be used, or contains no reservation of the run.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        if _reserved(chain, run) is None:
            raise InputError(f"the ledger {folder} does not contain this run's reservation", hint=_NEW_RUN)
        if "draw" in _steps(chain, run):
            raise Overspent(
                "this run drew its noise before, and its budget is spent",
                hint="restore the configuration, data and version that drew it (or the name of a folder "
                f"reserve-*.before-* of the workspace), or {_NEW_RUN}",
            )
        chain.append({"what": "draw", "run": run})
        return _seal_key(chain, run)


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
    with opened(folder, FILE, high_water_mark) as chain:
        if [*_steps(chain, run)] != ["reserve", "draw"]:
            raise InputError(f"the ledger {folder} does not expect a result of this run", hint=_NEW_RUN)
        chain.append({"what": "made", "run": run, "digest": digest})


def state_of(folder: Path, high_water_mark: HighWaterMark, run: str) -> RunState:
    """Return the entries of a ledger about one run."""
    with opened(folder, FILE, high_water_mark) as chain:
        found, steps = _reserved(chain, run), _steps(chain, run)
        last = next(reversed(steps), None)
        return RunState(
            last=last,
            spending=None if found is None else found.spending,
            key=_seal_key(chain, run) if last == "draw" else None,
            digest=str(steps["made"]["digest"]) if last == "made" else None,
        )


def spent(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str) -> Reservation:
    """Return the reservation under which a result was made, together with all other current reservations.

    Raises:
        InputError: the ledger cannot be used, or does not record that the run drew noise and made this result.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        found = _reserved(chain, run)
        steps = _steps(chain, run)
        if found is None or "draw" not in steps or steps.get("made", {}).get("digest") != digest:
            raise InputError(f"the ledger {folder} has no entry for the result of this run", hint=_NEW_RUN)
        return found


def spent_so_far(folder: Path, high_water_mark: HighWaterMark, *, besides: str | None = None) -> Cost:
    """Return the sum of all reservations, except that of the run `besides`; nothing is recorded."""
    with opened(folder, FILE, high_water_mark) as chain:
        return _sum([one for one in _all(chain) if one.run != besides])


def all_reservations(folder: Path, high_water_mark: HighWaterMark) -> list[Mapping[str, Any]]:
    """Return run, epsilon, delta and state (the last step) of each reservation of a ledger."""
    with opened(folder, FILE, high_water_mark) as chain:
        state = {e["run"]: e["what"] for e in chain.entries if "what" in e}
        return [{"run": one.run, **asdict(one.cost), "state": state[one.run]} for one in _all(chain)]


def _all(chain: Chain) -> tuple[Spending, ...]:
    return tuple(
        Spending(run=entry["run"], cost=Cost(**entry["cost"]), mechanisms=entry["mechanisms"])
        for entry in chain.entries
        if entry.get("what") == "reserve"
    )


def _steps(chain: Chain, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the entries of a run by step, in order; each step occurs once."""
    return {entry["what"]: entry for entry in chain.entries if entry.get("run") == run}


def _reserved(chain: Chain, run: str) -> Reservation | None:
    every = _all(chain)
    own = next((one for one in every if one.run == run), None)
    if own is None:
        return None
    return Reservation(spending=own, others=tuple(one for one in every if one is not own), ledger=chain.head())


def _sum(spendings: Sequence[Spending]) -> Cost:
    """Return the sum of the costs, computed in decimals."""
    epsilon = sum((_exact(one.cost.epsilon) for one in spendings), Decimal(0))
    return Cost(epsilon=float(epsilon), delta=float(sum((_exact(one.cost.delta) for one in spendings), Decimal(0))))


def _exact(number: float) -> Decimal:
    """Return the decimal number as it is written, so that 0.1 and 0.2 sum to 0.3."""
    return Decimal(repr(number))


def refuse_overspending(had: Cost, cost: Cost, most: Cost | None) -> None:
    """Raise Overspent if `had`, spent by others, and `cost` together exceed `most`; None is no limit."""
    if most is None:
        return
    problems = [
        f"{name}: limit {limit:g}, spent {spent_:g}, requested {requested:g}"
        for name, limit, spent_, requested in (
            ("epsilon", most.epsilon, had.epsilon, cost.epsilon),
            ("delta", most.delta, had.delta, cost.delta),
        )
        if _exact(spent_) + _exact(requested) > _exact(limit)
    ]
    if problems:
        hint = "`synthgen budget show CONFIG` lists the spent budget, which cannot be restored."
        raise Overspent("the budget of the ledger does not cover this run", problems=problems, hint=hint)
