import shutil
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


CONTROL = Table(
    texts=("one two three four five six", "six five four three two one"),
    labels=None,
    groups=("a", "b"),
    has_groups=True,
)


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


def test_costs_add_up_and_the_one_too_many_is_refused(book, place):
    assert book().spent_by_others == Cost(epsilon=0.0, delta=0.0)
    assert book().spent_by_others == COST
    before = len(all_reservations(*place))
    with pytest.raises(Overspent, match="does not hold this run") as refused:
        book()
    assert refused.value.exit_code == 5
    assert refused.value.problems[0] == "epsilon: 3 in all, 2.8 spent, 1.4 asked for"
    assert len(all_reservations(*place)) == before  # a refusal books nothing
    assert spent_so_far(*place) == Cost(epsilon=2.8, delta=8e-6)


def test_decimals_add_up_as_they_are_written(book):
    for _ in range(3):
        book(cost=Cost(epsilon=0.1, delta=1e-7), most=Cost(epsilon=0.3, delta=1e-5))


@pytest.mark.parametrize(
    ("most", "what"),
    [
        (Cost(epsilon=6.0, delta=3e-6), None),
        (Cost(epsilon=5.9, delta=1.0), "epsilon: 5.9 in all, 4 spent, 2 asked"),
        (Cost(epsilon=9.0, delta=2.9e-6), "delta: 2.9e-06 in all, 2e-06 spent, 1e-06 asked"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_run_is_held_to_its_bound_with_all_others_in_whatever_order_they_were_booked(place, at, most, what):
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


def test_what_an_answer_was_booked_beside_is_what_the_ledger_holds_when_it_is_asked(place):
    reserve(*place, spending("first"), most=MOST)
    note_draw(*place, "first")
    note_made(*place, "first", "d")
    reserve(*place, spending("second"), most=None)
    found = spent(*place, "first", "d")
    assert [one.run for one in found.others] == ["second"]
    assert found.spent_by_others == COST


def test_a_run_that_was_stopped_goes_on_with_what_it_reserved(place):
    first = reserve(*place, spending("r"), most=MOST)
    again = reserve(*place, spending("r"), most=MOST)
    assert (again.spending, again.ledger) == (first.spending, first.ledger)
    assert spent_so_far(*place) == COST
    with pytest.raises(InputError, match="another reservation"):
        reserve(*place, spending("r", Cost(epsilon=0.1, delta=1e-6)), most=MOST)


def test_noise_is_drawn_once(place):
    with pytest.raises(InputError, match="does not hold"):
        note_draw(*place, "r")
    reserve(*place, spending("r"), most=MOST)
    with pytest.raises(InputError, match="does not expect"):
        note_made(*place, "r", "d")
    note_draw(*place, "r")
    with pytest.raises(Overspent, match="drew its noise before"):
        note_draw(*place, "r")
    with pytest.raises(InputError, match="does not book"):
        spent(*place, "r", "d")
    found = state_of(*place, "r")
    assert (found.last, found.spending, found.digest) == ("draw", spending("r"), None)
    assert found.key is not None
    note_made(*place, "r", "d")
    found = state_of(*place, "r")
    assert (found.last, found.key, found.digest) == ("made", None, "d")
    assert state_of(*place, "another") == RunState(last=None, spending=None, key=None, digest=None)
    assert spent(*place, "r", "d").spending.run == "r"
    with pytest.raises(InputError, match="does not book"):
        spent(*place, "r", "another answer")
    with pytest.raises(InputError, match="does not expect"):
        note_made(*place, "r", "another answer")
    assert [one["state"] for one in all_reservations(*place)] == ["made"]


def test_attempts_and_budgets_stand_in_one_chain_and_do_not_take_each_other_for_their_own(place, book):
    assert attempt(*place, made="a", control=CONTROL).number == 1
    assert book().spent_by_others.epsilon == 0
    assert attempt(*place, made="b", control=CONTROL).number == 2
    assert book().spent_by_others == COST


def test_a_ledger_that_was_set_back_deleted_or_exchanged_is_seen(place, book, tmp_path):
    folder, high_water_mark = place
    book()
    shutil.copytree(folder, tmp_path / "old")
    book()
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="lacks its key"):
        book()
    shutil.copytree(tmp_path / "old", folder, dirs_exist_ok=True)
    with pytest.raises(InputError, match="held 2 before"):
        spent_so_far(folder, high_water_mark)


def _race(given):
    folder, seen, run = given
    try:
        reserve(folder, HighWaterMark(seen), spending(run), most=Cost(epsilon=1.5, delta=1e-5))
    except Overspent:
        return "refused"
    return "booked"


def test_of_two_at_once_the_second_sees_the_first(tmp_path):
    given = [(tmp_path / "ledger", tmp_path / "seen.json", f"r{i}") for i in range(4)]
    with ProcessPoolExecutor(2) as pool:
        assert sorted(pool.map(_race, given)) == ["booked", "refused", "refused", "refused"]
