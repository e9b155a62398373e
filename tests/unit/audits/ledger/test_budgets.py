import os
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from audits.attacks.accounting.accountants import gaussian_epsilon, joint_epsilon, pld_epsilon
from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger import chain
from audits.ledger.attempts import record_attempt
from audits.ledger.budgets import (
    Cost,
    Overspent,
    RunState,
    Spending,
    all_reservations,
    counting_reservations,
    joint_cost,
    note_draw,
    note_made,
    reservation_of_result,
    reserve,
    state_of,
    void,
)
from audits.ledger.chain import HighWaterMark

DELTA = 1e-5
MOST = Cost(epsilon=3.0, delta=DELTA)
COST = Cost(epsilon=1.4, delta=4e-6)
NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)


TEXTS = ("one two three four five six", "six five four three two one")
CONTROL = Table(texts=TEXTS, labels=None, groups=("a", "b"), has_groups=True)


def gaussian(epsilon, delta, queries=1):
    """Return Gaussian mechanisms that cost exactly (epsilon, delta) together."""
    mu = optimize.brentq(lambda m: gaussian_epsilon(m, delta=delta) - epsilon, 1e-3, 20.0, xtol=1e-14)
    noise = {"kind": "gaussian", "noise_multiplier": queries**0.5 / mu, "sampling_rate": 1.0, "steps": 1}
    return (noise,) * queries


def spending(run, cost=COST, queries=1):
    return Spending(run=run, cost=cost, mechanisms=gaussian(cost.epsilon, cost.delta, queries))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json")


@pytest.fixture
def book(place):
    numbers = count()

    def booked(cost=COST, most=MOST, queries=1):
        return reserve(*place, spending(f"run{next(numbers)}", cost, queries), limit=most)

    return booked


# (equal runs, epsilon and delta of each, joint epsilon at delta 1e-5): shares of this delta, then the whole delta
GOLDEN = [(2, 1.5, DELTA / 2, 2.115), (3, 1.0, DELTA / 3, 1.711), (6, 0.5, DELTA / 6, 1.184)]
GOLDEN += [(2, 1.5, DELTA, 2.207), (3, 1.0, DELTA, 1.835), (6, 0.5, DELTA, 1.334), (1, 3.0, DELTA, 3.0)]


@pytest.mark.parametrize("golden", GOLDEN)
@pytest.mark.parametrize("queries", [1, 4])
def test_joint_cost_of_equal_runs(book, place, golden, queries):
    runs, epsilon, delta, together = golden
    for _ in range(runs):
        found = book(Cost(epsilon=epsilon, delta=delta), most=Cost(epsilon=9.0, delta=DELTA), queries=queries)
    assert found.spent_in_all.epsilon == pytest.approx(together, abs=5e-4)
    assert joint_cost(counting_reservations(*place), DELTA) == found.spent_in_all
    assert found.spent_in_all.epsilon <= runs * epsilon * (1 + 1e-9)
    costs = [cost for one in counting_reservations(*place) for cost in one.mechanism_costs]
    assert pld_epsilon(costs, delta=DELTA) == pytest.approx(together, abs=1e-3)


def test_joint_epsilon_is_refused_above_the_limit_at_the_smallest_delta(book, place):
    assert book().spent_by_others == Cost(epsilon=0.0, delta=DELTA)
    before = book().spent_by_others
    assert before.epsilon == pytest.approx(joint_epsilon(spending("r").mechanism_costs, delta=DELTA))
    assert before.epsilon < COST.epsilon  # delta is larger here than in COST
    found = book()
    assert found.spent_in_all.epsilon == pytest.approx(2.442, abs=1e-3)  # a sum of the claims would be 4.2
    before = len(all_reservations(*place))
    with pytest.raises(Overspent, match="does not cover this run") as refused:
        book()
    assert refused.value.exit_code == 5
    message = (
        "epsilon: the limit for all runs together is 3; 2.569 is spent, and with this run, 3.019 would be spent "
        "(at delta 4e-06)"
    )
    assert refused.value.problems == (message,)
    assert len(all_reservations(*place)) == before  # a refusal records nothing
    assert joint_cost(counting_reservations(*place), DELTA) == found.spent_in_all


def test_second_run_may_claim_the_whole_delta_and_none_may_claim_more(book):
    whole = Cost(epsilon=1.5, delta=DELTA)
    book(whole)
    assert book(whole).spent_in_all.epsilon == pytest.approx(2.2065, abs=1e-4)
    with pytest.raises(Overspent) as refused:
        book(Cost(epsilon=0.1, delta=1.1e-5))
    message = "delta: the limit for all runs together is 1e-05, but this run requests 1.1e-05"
    assert refused.value.problems == (message,)


@pytest.mark.parametrize(
    ("most", "what"),
    [
        (Cost(epsilon=3.7, delta=1e-6), None),
        (Cost(epsilon=3.5, delta=1e-6), "epsilon: {}3.5; 2.93 is spent, and with this run, 3.673 would be spent"),
        (Cost(epsilon=9.0, delta=9e-7), "delta: {}9e-07, but this run requests 1e-06"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_limit_covers_all_other_runs_in_any_order(place, at, most, what):
    cost = Cost(epsilon=2.0, delta=1e-6)
    for i in range(3):
        reserve(*place, spending(f"r{i}", cost), limit=None)
    if what is not None:
        with pytest.raises(Overspent) as refused:
            reserve(*place, spending(f"r{at}", cost), limit=most)
        assert refused.value.problems[0].startswith(what.format("the limit for all runs together is "))
        return
    found = reserve(*place, spending(f"r{at}", cost), limit=most)
    assert {one.run for one in found.others} == {"r0", "r1", "r2"} - {f"r{at}"}
    assert found.spent_by_others.epsilon == pytest.approx(2.930, abs=1e-3)
    assert found.spent_in_all.epsilon == pytest.approx(3.673, abs=1e-3)
    assert found.spent_in_all.delta == 1e-6


def test_spent_includes_later_reservations(place):
    reserve(*place, spending("first"), limit=MOST)
    note_draw(*place, "first")
    note_made(*place, "first", "d")
    reserve(*place, spending("second"), limit=None)
    found = reservation_of_result(*place, "first", "d", delta=COST.delta)
    assert [one.run for one in found.others] == ["second"]
    assert found.spent_by_others.epsilon == pytest.approx(COST.epsilon)


def test_interrupted_run_continues_with_its_reservation(place):
    first = reserve(*place, spending("r"), limit=MOST)
    again = reserve(*place, spending("r"), limit=MOST)
    assert (again.spending, again.ledger) == (first.spending, first.ledger)
    assert counting_reservations(*place) == (first.spending,)
    with pytest.raises(InputError, match="a reservation of this run with a different budget"):
        reserve(*place, spending("r", Cost(epsilon=0.1, delta=1e-6)), limit=MOST)


def test_noise_is_drawn_only_once(place):
    with pytest.raises(InputError, match="does not contain"):
        note_draw(*place, "r")
    reserve(*place, spending("r"), limit=MOST)
    with pytest.raises(InputError, match="does not record that this run drew its noise"):
        note_made(*place, "r", "d")
    note_draw(*place, "r")
    with pytest.raises(Overspent, match="has already drawn its noise"):
        note_draw(*place, "r")
    with pytest.raises(InputError, match="has no entry"):
        reservation_of_result(*place, "r", "d", delta=DELTA)
    found = state_of(*place, "r")
    assert (found.last, found.spending, found.digest) == ("draw", spending("r"), None)
    assert found.key is not None
    note_made(*place, "r", "d")
    found = state_of(*place, "r")
    assert (found.last, found.key, found.digest) == ("made", None, "d")
    assert state_of(*place, "another") == RunState(last=None, spending=None, key=None, digest=None)
    assert reservation_of_result(*place, "r", "d", delta=DELTA).spending.run == "r"
    with pytest.raises(InputError, match="has no entry"):
        reservation_of_result(*place, "r", "another answer", delta=DELTA)
    with pytest.raises(InputError, match="already records a result of this run"):
        note_made(*place, "r", "another answer")
    assert [one["state"] for one in all_reservations(*place)] == ["made"]


def test_attempts_and_budgets_share_a_chain(place, book):
    assert record_attempt(*place, digest="a", control=CONTROL).number == 1
    assert book().spent_by_others.epsilon == 0
    assert record_attempt(*place, digest="b", control=CONTROL).number == 2
    assert book().spent_by_others.epsilon > 1


def test_voided_reservation_does_not_count_and_its_run_never_draws(place):
    reserve(*place, spending("a"), limit=MOST)
    reserve(*place, spending("b"), limit=MOST)
    assert void(*place, "a", NOW) == "2026-11-20T07:00:00Z"
    assert [one.run for one in counting_reservations(*place)] == ["b"]
    assert void(*place, "a", NOW.replace(year=2027)) == "2026-11-20T07:00:00Z"  # recorded once
    for step in (note_draw, lambda *given: reserve(*given[:2], spending("a"), limit=MOST)):
        with pytest.raises(InputError, match=r"was voided.*no noise was drawn"):
            step(*place, "a")
    with pytest.raises(InputError, match="does not record that this run drew its noise"):
        note_made(*place, "a", "d")
    assert (state_of(*place, "a").last, state_of(*place, "a").key) == ("void", None)
    states = [(one["run"], one["state"], one.get("time")) for one in all_reservations(*place)]
    assert states == [("a", "void", "2026-11-20T07:00:00Z"), ("b", "reserve", None)]
    found = reserve(*place, spending("b"), limit=MOST)
    assert (found.n_voided, found.others, found.ledger.entries) == (1, (), 3)


def test_drawn_or_unknown_reservation_cannot_be_voided(place):
    with pytest.raises(InputError, match="does not contain the reservation"):
        void(*place, "a", NOW)
    reserve(*place, spending("a"), limit=MOST)
    note_draw(*place, "a")
    for digest in (None, "d"):
        if digest is not None:
            note_made(*place, "a", digest)
        with pytest.raises(Overspent, match="drew noise, so its budget is spent") as refused:
            void(*place, "a", NOW)
        assert refused.value.exit_code == 5
    assert [one["state"] for one in all_reservations(*place)] == ["made"]


def test_drawn_reservation_counts_even_if_a_void_follows(place):
    """No code writes such a ledger, but the count does not rely on that."""
    reserve(*place, spending("a"), limit=MOST)
    note_draw(*place, "a")
    with chain.opened(place[0], place[1]) as opened:
        opened.append({"what": "void", "run": "a", "time": "2026-11-20T07:00:00Z"})
    assert [one.run for one in counting_reservations(*place)] == ["a"]


MECHANISMS = [(), ({"kind": "gaussian", "steps": 1},), ({**gaussian(1.0, DELTA)[0], "noise_multiplier": 0},), ("x",)]


@pytest.mark.parametrize("mechanisms", MECHANISMS)
def test_reservation_without_valid_mechanisms_is_refused(place, mechanisms):
    own = Spending(run="a" * 32, cost=COST, mechanisms=mechanisms)
    for most in (MOST, None):
        if most is not None:
            with pytest.raises(InputError, match="does not list the noise mechanisms"):
                reserve(*place, own, limit=most)
            assert all_reservations(*place) == []
            continue
        reserve(*place, own, limit=most)  # as if another version had written it
        with pytest.raises(InputError, match="does not list the noise mechanisms of the reservation aaaaaaaaaaaa"):
            reserve(*place, spending("b"), limit=MOST)


def test_mechanisms_without_a_closed_form_are_composed_by_the_other_accountants(place):
    sampled = {"kind": "dp-sgd", "noise_multiplier": 1.1, "sampling_rate": 0.01, "steps": 100}
    runs = [Spending(run=name, cost=COST, mechanisms=(sampled, *gaussian(0.5, 1e-6))) for name in "ab"]
    for one in runs:
        found = reserve(*place, one, limit=MOST)
    costs = [MechanismCost(**each) for one in runs for each in one.mechanisms]
    assert found.spent_in_all.epsilon == pytest.approx(pld_epsilon(costs, delta=DELTA), rel=1e-3)
    sampled["kind"], sampled["sampling_rate"], sampled["noise_multiplier"] = "laplace", 1.0, 1e-3
    with pytest.raises(Overspent):
        reserve(*place, Spending(run="c", cost=COST, mechanisms=(sampled,)), limit=MOST)


RUNS = {str(i): spending(str(i), Cost(epsilon=0.3 * (i + 1), delta=1e-6)) for i in range(4)}
STEPS = st.lists(st.tuples(st.sampled_from(["reserve", "draw", "made", "void"]), st.integers(0, 3)), max_size=25)


@given(steps=STEPS)
def test_any_sequence_of_steps_counts_all_but_voided_reservations(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("any")
    place = folder / "ledger", HighWaterMark(folder / "seen.json")
    states, drawn = {}, 0.0
    does = {
        "reserve": lambda run: reserve(*place, RUNS[run], limit=None),
        "draw": lambda run: note_draw(*place, run),
        "made": lambda run: note_made(*place, run, "d"),
        "void": lambda run: void(*place, run, NOW),
    }
    allowed = {"reserve": (None, "reserve", "draw", "made"), "draw": ("reserve",), "made": ("draw",)}
    allowed["void"] = ("reserve", "void")
    before = 0.0
    for what, number in steps:
        run, was = str(number), states.get(str(number))
        if was in allowed[what]:
            does[what](run)
            states[run] = what if what != "reserve" or was is None else was
        else:
            with pytest.raises(InputError):
                does[what](run)
        found = counting_reservations(*place)
        assert {one.run: one for one in found} == {run: RUNS[run] for run, state in states.items() if state != "void"}
        now = joint_cost(found, DELTA).epsilon
        assert now >= before or what == "void"  # nothing but a void lowers the cost
        spent_for_good = [RUNS[run] for run, state in states.items() if state in {"draw", "made"}]
        total = joint_cost(spent_for_good, DELTA).epsilon
        assert now >= total >= drawn  # a void never lowers the cost of drawn runs
        before, drawn = now, total
    assert {one["run"]: one["state"] for one in all_reservations(*place)} == states


def _race(given):
    folder, seen, run = given
    try:
        reserve(folder, HighWaterMark(seen), spending(run), limit=Cost(epsilon=1.5, delta=1e-5))
    except Overspent:
        return "refused"
    return "booked"


def test_concurrent_runs_see_each_other(tmp_path):
    given = [(tmp_path / "ledger", tmp_path / "seen.json", f"r{i}") for i in range(4)]
    with ProcessPoolExecutor(2) as pool:
        assert sorted(pool.map(_race, given)) == ["booked", "refused", "refused", "refused"]


def _draw_or_void(given):
    folder, seen, run, what = given
    place = (folder, HighWaterMark(seen))
    try:
        note_draw(*place, run) if what == "draw" else void(*place, run, NOW)
    except InputError:
        return "refused"
    return what


def test_of_a_concurrent_draw_and_void_exactly_one_succeeds(place):
    runs = [f"r{i}" for i in range(6)]
    for run in runs:
        reserve(*place, spending(run), limit=None)
    given = [(place[0], place[1].path, run, what) for run in runs for what in ("draw", "void")]
    with ProcessPoolExecutor(2) as pool:
        done = list(pool.map(_draw_or_void, given))
    for number, run in enumerate(runs):
        assert done[2 * number : 2 * number + 2].count("refused") == 1
        assert state_of(*place, run).last in done[2 * number : 2 * number + 2]


@pytest.mark.parametrize("at", ["before the line", "after the line", "in the line"])
def test_interrupted_void_is_whole_or_nothing(place, monkeypatch, at):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    reserve(*place, spending("a"), limit=MOST)
    with monkeypatch.context() as patch:
        if at == "before the line":
            patch.setattr(chain.Chain, "append", killed)
        else:  # killed before the high-water marks are written
            real = chain.Chain.append
            patch.setattr(chain.Chain, "append", lambda *given: (real(*given), killed())[1])
        with pytest.raises(Killed):
            void(*place, "a", NOW)
    if at == "in the line":
        path = place[0] / chain.FILE
        os.truncate(path, path.stat().st_size - 7)
    is_void = at == "after the line"
    assert len(counting_reservations(*place)) == (0 if is_void else 1)
    if is_void:
        with pytest.raises(InputError, match="was voided"):
            note_draw(*place, "a")
    else:
        note_draw(*place, "a")
        with pytest.raises(Overspent):
            void(*place, "a", NOW)
