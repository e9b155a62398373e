from concurrent.futures import ProcessPoolExecutor
from itertools import count

import pytest

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.attempts import attempt
from audits.ledger.budgets import (
    Cost,
    Overspent,
    RunState,
    Spending,
    all_reservations,
    note_draw,
    note_made,
    reserve,
    spent,
    spent_so_far,
    state_of,
)
from audits.ledger.chain import HighWaterMark

MOST = Cost(epsilon=3.0, delta=1e-5)
COST = Cost(epsilon=1.4, delta=4e-6)


TEXTS = ("one two three four five six", "six five four three two one")
CONTROL = Table(texts=TEXTS, labels=None, groups=("a", "b"), has_groups=True)


def spending(run, cost=COST):
    return Spending(run=run, cost=cost, mechanisms=({"kind": "gaussian", "steps": 1},))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json")


@pytest.fixture
def book(place):
    numbers = count()

    def booked(cost=COST, most=MOST):
        return reserve(*place, spending(f"run{next(numbers)}", cost), most=most)

    return booked


def test_costs_add_up_and_overspending_is_refused(book, place):
    assert book().spent_by_others == Cost(epsilon=0.0, delta=0.0)
    assert book().spent_by_others == COST
    before = len(all_reservations(*place))
    with pytest.raises(Overspent, match="does not cover this run") as refused:
        book()
    assert refused.value.exit_code == 5
    assert refused.value.problems[0] == "epsilon: limit 3, spent 2.8, requested 1.4"
    assert len(all_reservations(*place)) == before  # a refusal records nothing
    assert spent_so_far(*place) == Cost(epsilon=2.8, delta=8e-6)


def test_decimals_are_added_exactly(book):
    for _ in range(3):
        book(cost=Cost(epsilon=0.1, delta=1e-7), most=Cost(epsilon=0.3, delta=1e-5))


@pytest.mark.parametrize(
    ("most", "what"),
    [
        (Cost(epsilon=6.0, delta=3e-6), None),
        (Cost(epsilon=5.9, delta=1.0), "epsilon: limit 5.9, spent 4, requested 2"),
        (Cost(epsilon=9.0, delta=2.9e-6), "delta: limit 2.9e-06, spent 2e-06, requested 1e-06"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_limit_covers_all_other_runs_in_any_order(place, at, most, what):
    cost = Cost(epsilon=2.0, delta=1e-6)
    for i in range(3):
        reserve(*place, spending(f"r{i}", cost), most=None)
    if what is not None:
        with pytest.raises(Overspent) as refused:
            reserve(*place, spending(f"r{at}", cost), most=most)
        assert refused.value.problems[0].startswith(what)
        return
    found = reserve(*place, spending(f"r{at}", cost), most=most)
    assert {one.run for one in found.others} == {"r0", "r1", "r2"} - {f"r{at}"}
    assert (found.spent_by_others, found.spent_in_all) == (Cost(epsilon=4.0, delta=2e-6), most)


def test_spent_includes_later_reservations(place):
    reserve(*place, spending("first"), most=MOST)
    note_draw(*place, "first")
    note_made(*place, "first", "d")
    reserve(*place, spending("second"), most=None)
    found = spent(*place, "first", "d")
    assert [one.run for one in found.others] == ["second"]
    assert found.spent_by_others == COST


def test_interrupted_run_continues_with_its_reservation(place):
    first = reserve(*place, spending("r"), most=MOST)
    again = reserve(*place, spending("r"), most=MOST)
    assert (again.spending, again.ledger) == (first.spending, first.ledger)
    assert spent_so_far(*place) == COST
    with pytest.raises(InputError, match="another reservation"):
        reserve(*place, spending("r", Cost(epsilon=0.1, delta=1e-6)), most=MOST)


def test_noise_is_drawn_only_once(place):
    with pytest.raises(InputError, match="does not contain"):
        note_draw(*place, "r")
    reserve(*place, spending("r"), most=MOST)
    with pytest.raises(InputError, match="does not expect"):
        note_made(*place, "r", "d")
    note_draw(*place, "r")
    with pytest.raises(Overspent, match="drew its noise before"):
        note_draw(*place, "r")
    with pytest.raises(InputError, match="has no entry"):
        spent(*place, "r", "d")
    found = state_of(*place, "r")
    assert (found.last, found.spending, found.digest) == ("draw", spending("r"), None)
    assert found.key is not None
    note_made(*place, "r", "d")
    found = state_of(*place, "r")
    assert (found.last, found.key, found.digest) == ("made", None, "d")
    assert state_of(*place, "another") == RunState(last=None, spending=None, key=None, digest=None)
    assert spent(*place, "r", "d").spending.run == "r"
    with pytest.raises(InputError, match="has no entry"):
        spent(*place, "r", "another answer")
    with pytest.raises(InputError, match="does not expect"):
        note_made(*place, "r", "another answer")
    assert [one["state"] for one in all_reservations(*place)] == ["made"]


def test_attempts_and_budgets_share_a_chain(place, book):
    assert attempt(*place, digest="a", control=CONTROL).number == 1
    assert book().spent_by_others.epsilon == 0
    assert attempt(*place, digest="b", control=CONTROL).number == 2
    assert book().spent_by_others == COST


def _race(given):
    folder, seen, run = given
    try:
        reserve(folder, HighWaterMark(seen), spending(run), most=Cost(epsilon=1.5, delta=1e-5))
    except Overspent:
        return "refused"
    return "booked"


def test_concurrent_runs_see_each_other(tmp_path):
    given = [(tmp_path / "ledger", tmp_path / "seen.json", f"r{i}") for i in range(4)]
    with ProcessPoolExecutor(2) as pool:
        assert sorted(pool.map(_race, given)) == ["booked", "refused", "refused", "refused"]
