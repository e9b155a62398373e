"""What was spent of persons' privacy, run by run: recorded before anything is read, and never taken back.

A run first *reserves* what it will spend, then notes that it *draws* its noise, then what it *made*. From the first
of the three on, the reservation counts against everybody in it, whatever becomes of the run:

    stopped between reserving and drawing   nothing was answered; the same run goes on with what it reserved
    stopped between drawing and making      what was answered is lost, and spent; a run anew reserves anew

So nobody draws twice for one price and keeps the answer that pleases more. Two runs at once take their turns at the
ledger's lock, and the second sees what the first reserved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.attempts import FILE
from audits.ledger.chain import Chain, Head, Memory, opened
from audits.ledger.persons import joined, person_marks, split, text_marks

Mechanisms = tuple[Mapping[str, Any], ...]
SAME_TEXTS = 0.01  # of the texts, that may stand in another reservation by chance; of persons nobody may


class Overspent(InputError):  # noqa: N818 - reads as the state it names
    """The persons' budget does not hold what a run would spend; nothing was recorded."""

    exit_code = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Epsilon and delta for one person added or removed."""

    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier reservation.

    Args:
        run: its id.
        cost: what it spent.
        person_set: digest of its persons.
        persons: whether they are those of this one, some of them, or none.
        mechanisms: of which its cost is made up; none where no person is shared.
    """

    run: str
    cost: Cost
    person_set: str
    persons: Literal["same", "overlapping", "disjoint"]
    mechanisms: Mechanisms


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one run would spend.

    Args:
        run: its id, random, so it says nothing.
        cost: of all its mechanisms together.
        mechanisms: what they are.
        person_set: digest of its persons, see `audits.accounting.mechanism_log.person_set_digest`.
    """

    run: str
    cost: Cost
    mechanisms: Mechanisms
    person_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one run may spend.

    Args:
        spending: what it is.
        before: the reservations made earlier, on any of the same persons or on others of the same institution.
        spent_before: what those on any of the same persons spent, added up.
        ledger: where the chain stood with it.
    """

    spending: Spending
    before: tuple[Earlier, ...]
    spent_before: Cost
    ledger: Head


def reserve(folder: Path, memory: Memory, spending: Spending, *, most: Cost | None, train: Table) -> Reservation:
    """Return the reservation of a run, recorded; one that is there under its id already is returned as it is.

        spent before + cost <= most,   spent before = Σ over reservations that share a person

    Epsilons and deltas add up (basic composition), which the signed statement repeats and a reader can add up too.

    Args:
        folder: the institution's ledger.
        memory: of its highest head.
        spending: what is asked for.
        most: what all runs on one person may spend together; None for no bound.
        train: source records, before any surrogate was put in; groups that are unique in the institution.

    Raises:
        Overspent: by name of the budget, with what is left.
        InputError: the ledger cannot be used, was changed, exchanged or set back, or the id stands for another cost.

    Privacy: the ledger holds keyed hashes of persons and runs of words, and stays with the institution.
    """
    with opened(folder, FILE, memory) as chain:
        found = _reserved(chain, spending.run)
        if found is None:
            persons, texts = person_marks(chain, train), text_marks(chain, train)
            before = _before(chain, persons, texts)
            _refuse_overspending(before, spending.cost, most)
            chain.append(
                {
                    "what": "reserve",
                    **asdict(spending),
                    "persons": joined(persons),
                    "texts": joined(set().union(*texts)),
                    "before": [asdict(one) for one in before],
                }
            )
            found = _reserved(chain, spending.run)
        if found is None or found.spending != spending:
            raise InputError(f"the ledger {folder} holds another reservation under this run's id", hint=_ANEW)
        return found


_ANEW = "run it with --resume never, which reserves anew, and spends anew"


def note_draw(folder: Path, memory: Memory, run: str) -> None:
    """Record that a run draws its noise now; once, or what it draws would be chosen among several.

    Raises:
        Overspent: it drew before, and what it made was lost or thrown away.
        InputError: the ledger cannot be used, or holds no such reservation.
    """
    with opened(folder, FILE, memory) as chain:
        if _reserved(chain, run) is None:
            raise InputError(f"the ledger {folder} does not hold this run's reservation", hint=_ANEW)
        if "draw" in _steps(chain, run):
            raise Overspent("this run drew its noise before, and what it reserved is spent", hint=_ANEW)
        chain.append({"what": "draw", "run": run})


def note_made(folder: Path, memory: Memory, run: str, digest: str) -> None:
    """Record the digest of what a run's mechanisms answered.

    Raises:
        InputError: the ledger cannot be used, or the run did not draw just once and make nothing yet.
    """
    with opened(folder, FILE, memory) as chain:
        if [*_steps(chain, run)] != ["reserve", "draw"]:
            raise InputError(f"the ledger {folder} does not expect an answer of this run", hint=_ANEW)
        chain.append({"what": "made", "run": run, "digest": digest})


def spent(folder: Path, memory: Memory, run: str, digest: str) -> Reservation:
    """Return the reservation under which an answer was made.

    Raises:
        InputError: the ledger cannot be used, or holds no run that drew once and made this.
    """
    with opened(folder, FILE, memory) as chain:
        found = _reserved(chain, run)
        steps = _steps(chain, run)
        if found is None or "draw" not in steps or steps.get("made", {}).get("digest") != digest:
            raise InputError(f"the ledger {folder} does not book what this run was made from", hint=_ANEW)
        return found


def spent_on(folder: Path, memory: Memory, people: Table) -> Cost:
    """Return what was spent on any of these persons, added up; nothing is recorded.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back.
    """
    with opened(folder, FILE, memory) as chain:
        return _sum(_before(chain, person_marks(chain, people), text_marks(chain, people)))


def all_reservations(folder: Path, memory: Memory) -> list[Mapping[str, Any]]:
    """Return the reservations of a ledger as they are told: run, epsilon, delta, persons, and what became of each.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back.
    """
    with opened(folder, FILE, memory) as chain:
        state = {e["run"]: e["what"] for e in chain.entries if "what" in e}
        return [
            {
                "run": e["run"], "epsilon": e["cost"]["epsilon"], "delta": e["cost"]["delta"],
                "persons": len(split(e["persons"])), "state": state[e["run"]],
                "spent_before": float(sum(_exact(b["cost"]["epsilon"]) for b in e["before"]
                                          if b["persons"] != "disjoint")),
            }
            for e in chain.entries
            if e.get("what") == "reserve"
        ]  # fmt: skip


def _steps(chain: Chain, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the lines of a run by what they say, in their order; each stands once."""
    return {entry["what"]: entry for entry in chain.entries if entry.get("run") == run}


def _reserved(chain: Chain, run: str) -> Reservation | None:
    for number, entry in enumerate(chain.entries, start=1):
        if entry.get("what") == "reserve" and entry["run"] == run:
            before = tuple(Earlier(**{**one, "cost": Cost(**one["cost"])}) for one in entry["before"])
            spending = Spending(
                run=run, cost=Cost(**entry["cost"]), mechanisms=entry["mechanisms"], person_set=entry["person_set"]
            )
            return Reservation(spending=spending, before=before, spent_before=_sum(before), ledger=chain.head(number))
    return None


def _before(chain: Chain, persons: set[str], texts: list[set[str]]) -> tuple[Earlier, ...]:
    """Return the earlier reservations; one that shares a person, or more texts than by chance, is not disjoint."""
    found = []
    for entry in chain.entries:
        if entry.get("what") != "reserve":
            continue
        of_texts, of_persons = split(entry["texts"]), split(entry["persons"])
        n_texts = sum(2 * len(text & of_texts) > len(text) for text in texts)
        shared = len(persons & of_persons) > 0 or n_texts > SAME_TEXTS * len(texts)
        same = shared and persons == of_persons and len(persons) > 0
        found.append(Earlier(
            run=entry["run"], person_set=entry["person_set"], cost=Cost(**entry["cost"]),
            persons="same" if same else "overlapping" if shared else "disjoint",
            mechanisms=entry["mechanisms"] if shared else (),
        ))  # fmt: skip
    return tuple(found)


def _sum(before: Sequence[Earlier]) -> Cost:
    """Return what those on any of the same persons spent, each figure as the decimal that is written."""
    shared = [one.cost for one in before if one.persons != "disjoint"]
    return Cost(
        epsilon=float(sum((_exact(cost.epsilon) for cost in shared), Decimal(0))),
        delta=float(sum((_exact(cost.delta) for cost in shared), Decimal(0))),
    )


def _exact(number: float) -> Decimal:
    """Return the decimal that is written, so that .1 and .2 are .3."""
    return Decimal(repr(number))


def _refuse_overspending(before: Sequence[Earlier], cost: Cost, most: Cost | None) -> None:
    if most is None:
        return
    had = _sum(before)
    problems = [
        f"{name}: {float(limit):g} for each person in all, {spent_:g} spent, {asked:g} asked for"
        for name, limit, spent_, asked in (
            ("epsilon", most.epsilon, had.epsilon, cost.epsilon), ("delta", most.delta, had.delta, cost.delta),
        )
        if _exact(spent_) + _exact(asked) > _exact(limit)
    ]  # fmt: skip
    if problems:
        raise Overspent(
            "the budget of these persons does not hold this run; nothing was read", problems=problems,
            hint="`synthgen budget show` lists what was spent on whom; a budget does not come back.",
        )  # fmt: skip
