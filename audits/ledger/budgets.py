"""What was spent of persons' privacy, run by run: recorded before anything is read, and never taken back.

Everything in a ledger is added up, whoever the persons were. So nobody has to be known again under other ids, in
other words or in another file; and what is told of earlier runs tells of no person whether they were in two of them.

A run first *reserves* what it will spend, then notes that it *draws* its noise, then what it *made*. From the first
of the three on, the reservation counts, whatever becomes of the run:

    stopped between reserving and drawing   nothing was answered; the same run goes on with what it reserved
    stopped between drawing and making      what was answered is lost, and spent; a run anew reserves anew

So nobody draws twice for one price and keeps the answer that pleases more. Two runs at once take their turns at the
ledger's lock, and the second sees what the first reserved.
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

Mechanisms = tuple[Mapping[str, Any], ...]


class Overspent(InputError):  # noqa: N818 - reads as the state it names
    """The budget does not hold what a run would spend; nothing was recorded."""

    exit_code = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Epsilon and delta for one person added or removed."""

    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one run would spend.

    Args:
        run: its id, random, so it says nothing.
        cost: of all its mechanisms together.
        mechanisms: what they are.
    """

    run: str
    cost: Cost
    mechanisms: Mechanisms


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one run may spend.

    Args:
        spending: what it is.
        others: all other reservations of the ledger, made before it or after it.
        ledger: where the chain stands, which holds them.
    """

    spending: Spending
    others: tuple[Spending, ...]
    ledger: Head

    @property
    def spent_by_others(self) -> Cost:
        """What the others spent, added up."""
        return _sum(self.others)

    @property
    def spent_in_all(self) -> Cost:
        """What the others and this one spent, added up."""
        return _sum((*self.others, self.spending))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What a ledger holds of a run.

    Args:
        last: its last step, `reserve`, `draw` or `made`; None where the ledger does not know it.
        spending: what it reserved; None likewise.
        key: what `seal` takes, of a run that drew and whose answer is not booked; else None.
        digest: of the answer it made; None before.
    """

    last: str | None
    spending: Spending | None
    key: bytes | None = field(repr=False)
    digest: str | None


def reserve(folder: Path, high_water_mark: HighWaterMark, spending: Spending, *, most: Cost | None) -> Reservation:
    """Return the reservation of a run, recorded; one that is there under its id already is held to the bound again.

        spent by others + cost <= most,   spent by others = Σ over all other reservations of the ledger

    Epsilons and deltas add up (basic composition), which the signed statement repeats and a reader can add up too.
    Of a run that reserved first and goes on last, the others include those that were booked in between, perhaps under
    no bound or a laxer one: so it does not matter in which order runs reserve, draw and leave.

    Args:
        folder: the institution's ledger.
        high_water_mark: of its highest head.
        spending: what is asked for.
        most: what all runs together may spend; None for no bound.

    Raises:
        Overspent: by name of the budget, with what is left.
        InputError: the ledger cannot be used, was changed, exchanged or set back, or the id stands for another cost.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        found = _reserved(chain, spending.run)
        others = _all(chain) if found is None else found.others
        refuse_overspending(_sum(others), spending.cost, most)
        if found is None:
            chain.append({"what": "reserve", **asdict(spending)})
            found = _reserved(chain, spending.run)
        if found is None or found.spending != spending:
            raise InputError(f"the ledger {folder} holds another reservation under this run's id", hint=_ANEW)
        return found


_ANEW = "run it with --resume never, which reserves anew, and spends anew"


def note_draw(folder: Path, high_water_mark: HighWaterMark, run: str) -> bytes:
    """Record that a run draws its noise now; once, or what it draws would be chosen among several.

    Returns:
        What `seal` takes, so that the answer is known again where the ledger was out of reach when it was made.

    Raises:
        Overspent: it drew before, and what it made was lost or thrown away.
        InputError: the ledger cannot be used, or holds no such reservation.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        if _reserved(chain, run) is None:
            raise InputError(f"the ledger {folder} does not hold this run's reservation", hint=_ANEW)
        if "draw" in _steps(chain, run):
            raise Overspent(
                "this run drew its noise before, and what it reserved is spent",
                hint="set configuration, data and version back to those that drew it (or a folder reserve-*.before-* "
                f"of the workspace to its name), or {_ANEW}",
            )
        chain.append({"what": "draw", "run": run})
        return _sealing(chain, run)


def _sealing(chain: Chain, run: str) -> bytes:
    return bytes.fromhex(chain.mac(b"answer\0" + run.encode()))


def seal(key: bytes, digest: str) -> str:
    """Return what shows that an answer of this digest was made by the run that the key is of; 64 hex digits."""
    return hmac.digest(key, digest.encode(), "sha256").hex()


def note_made(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str) -> None:
    """Record the digest of what a run's mechanisms answered.

    Raises:
        InputError: the ledger cannot be used, or the run did not draw just once and make nothing yet.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        if [*_steps(chain, run)] != ["reserve", "draw"]:
            raise InputError(f"the ledger {folder} does not expect an answer of this run", hint=_ANEW)
        chain.append({"what": "made", "run": run, "digest": digest})


def state_of(folder: Path, high_water_mark: HighWaterMark, run: str) -> RunState:
    """Return what a ledger holds of a run.

    Raises:
        InputError: the ledger cannot be used.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        found, steps = _reserved(chain, run), _steps(chain, run)
        last = next(reversed(steps), None)
        return RunState(
            last=last,
            spending=None if found is None else found.spending,
            key=_sealing(chain, run) if last == "draw" else None,
            digest=str(steps["made"]["digest"]) if last == "made" else None,
        )


def spent(folder: Path, high_water_mark: HighWaterMark, run: str, digest: str) -> Reservation:
    """Return the reservation under which an answer was made, and all others as the ledger holds them now.

    Raises:
        InputError: the ledger cannot be used, or holds no run that drew once and made this.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        found = _reserved(chain, run)
        steps = _steps(chain, run)
        if found is None or "draw" not in steps or steps.get("made", {}).get("digest") != digest:
            raise InputError(f"the ledger {folder} does not book what this run was made from", hint=_ANEW)
        return found


def spent_so_far(folder: Path, high_water_mark: HighWaterMark, *, besides: str | None = None) -> Cost:
    """Return what was spent of a ledger's budget, added up; nothing is recorded.

    Args:
        folder: the institution's ledger.
        high_water_mark: of its highest head.
        besides: a run whose own reservation is left out, since it goes on with it.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        return _sum([one for one in _all(chain) if one.run != besides])


def all_reservations(folder: Path, high_water_mark: HighWaterMark) -> list[Mapping[str, Any]]:
    """Return the reservations of a ledger as they are told: run, epsilon, delta, and what became of each.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        state = {e["run"]: e["what"] for e in chain.entries if "what" in e}
        return [
            {"run": one.run, "epsilon": one.cost.epsilon, "delta": one.cost.delta, "state": state[one.run]}
            for one in _all(chain)
        ]


def _all(chain: Chain) -> tuple[Spending, ...]:
    return tuple(_spending(entry) for entry in chain.entries if entry.get("what") == "reserve")


def _spending(entry: Mapping[str, Any]) -> Spending:
    return Spending(run=entry["run"], cost=Cost(**entry["cost"]), mechanisms=entry["mechanisms"])


def _steps(chain: Chain, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the lines of a run by what they say, in their order; each stands once."""
    return {entry["what"]: entry for entry in chain.entries if entry.get("run") == run}


def _reserved(chain: Chain, run: str) -> Reservation | None:
    booked = _all(chain)
    own = next((one for one in booked if one.run == run), None)
    if own is None:
        return None
    return Reservation(spending=own, others=tuple(one for one in booked if one is not own), ledger=chain.head())


def _sum(spendings: Sequence[Spending]) -> Cost:
    """Return what they spent together, each figure as the decimal that is written."""
    return Cost(
        epsilon=float(sum((_exact(one.cost.epsilon) for one in spendings), Decimal(0))),
        delta=float(sum((_exact(one.cost.delta) for one in spendings), Decimal(0))),
    )


def _exact(number: float) -> Decimal:
    """Return the decimal that is written, so that .1 and .2 are .3."""
    return Decimal(repr(number))


def refuse_overspending(had: Cost, cost: Cost, most: Cost | None) -> None:
    """Raise Overspent where what was spent and what is asked for are more together than a bound.

    Args:
        had: spent by others.
        cost: asked for.
        most: the bound; None for none.
    """
    if most is None:
        return
    problems = [
        f"{name}: {limit:g} in all, {spent_:g} spent, {asked:g} asked for"
        for name, limit, spent_, asked in (
            ("epsilon", most.epsilon, had.epsilon, cost.epsilon),
            ("delta", most.delta, had.delta, cost.delta),
        )
        if _exact(spent_) + _exact(asked) > _exact(limit)
    ]
    if problems:
        raise Overspent(
            "the ledger's budget does not hold this run",
            problems=problems,
            hint="`synthgen budget show CONFIG` lists what was spent; a budget does not come back.",
        )
