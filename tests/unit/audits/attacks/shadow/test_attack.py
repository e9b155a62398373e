"""The shadow attack succeeds on a generator that memorises and fails on one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.shadow import attack as module
from audits.attacks.shadow.attack import as_text, attack_reruns, person_aucs, predict_membership
from audits.attacks.shadow.plan import ShadowPlan, permute_coins, plan_shadow
from audits.core.errors import InputError, NotMeasurable
from audits.core.inputs import load_inputs, table_digest
from audits.core.types import AuditInputs, AuditResult, Estimate, Table, without_number

RUNS = 32


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(module, "TREES", 15)


@pytest.fixture(scope="module", autouse=True)
def scored_once():
    """Compute the scores of each rerun's table once for all tests, because each takes a quarter of a second."""
    scores, plain = {}, module.features

    def features(targets, non_members, reference, table, seed):
        key = (targets.texts, non_members.texts, reference.texts, table.texts, seed)
        if key not in scores:
            scores[key] = plain(targets, non_members, reference, table, seed)
        return scores[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "features", features)
        yield plain


@pytest.fixture(scope="module")
def tables(people):
    return people(31, seed=1, prefix="t", rows=(1, 2)), people(33, seed=2, prefix="h", rows=(1, 2))


@pytest.fixture(scope="module")
def plan(tables, retexted):
    train, control = tables
    inputs = load_inputs(retexted(train, train.texts), train, control)
    made = plan_shadow(inputs, runs=RUNS, n_persons=3, rng=np.random.default_rng(3))
    names = sorted(made.persons, key=train.groups.index, reverse=True)  # not in the order of the table
    return replace(made, persons=tuple(names))


def seen_by(plan, train, run):
    return [t for t, g in zip(train.texts, train.groups, strict=True) if g not in plan.leave_out(run)]


def written(texts):
    return Table(texts=tuple(texts), labels=None, groups=tuple(f"s{i}" for i in range(len(texts))), has_groups=False)


@pytest.fixture(scope="module")
def memorising(plan, tables, word_dropout):
    """Return one table per rerun: the texts that the rerun saw, without half of their words."""
    return [written(word_dropout(seen_by(plan, tables[0], run), 0.5, seed=run)) for run in range(RUNS)]


@pytest.fixture(scope="module")
def unrelated(people):
    """Return one table per rerun: texts of other people, independent of what the rerun saw."""
    return [written(people(24, seed=100 + run, prefix="s", rows=(1, 1)).texts) for run in range(RUNS)]


def judge(plan, reruns, tables, **more):
    train, control = tables
    inputs = AuditInputs(synthetic=reruns[0], train=train, control=control)
    return attack_reruns(plan, reruns, inputs, **{"permutations": 39, **more})


@pytest.mark.slow
def test_memorising_generator_fails(plan, memorising, tables):
    result = judge(plan, memorising, tables)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.75
    assert result.metrics["shadow.p"].value == 1 / 40
    assert result.metrics["shadow.worst_person_auc"].value >= result.estimate.value
    assert result.control.low < 0.55  # non-members are not detected
    assert result.details["auc_of_each_score_alone"]["containment"] > 0.75
    assert result.details["reruns_without_a_person"] == 16


@pytest.mark.slow
def test_unrelated_output_does_not_fail(plan, unrelated, tables):
    result = judge(plan, unrelated, tables)
    assert result.verdict == ("pass" if result.estimate.high <= 0.55 else "insufficient")
    assert min(result.metrics[f"shadow.{name}"].value for name in ("p", "worst_person_p")) > 0.05
    assert result.estimate.low < 0.5
    assert 0.5 < result.details["power"]["smallest_leak"] < 1


@pytest.mark.slow
def test_coins_belong_to_their_persons(plan, memorising, tables):
    swapped = replace(plan, inside=plan.inside[:, ::-1])  # the coins of one person with the name of another
    wrong = judge(swapped, memorising, tables, permutations=3).estimate
    right = judge(plan, memorising, tables, permutations=3).estimate
    assert wrong.value < right.value - 0.15


@pytest.mark.slow
def test_same_seed_gives_the_same_result(plan, memorising, tables, scored_once, monkeypatch):
    first, cached = judge(plan, memorising, tables, permutations=3), module.features
    anew = {table.texts for table in memorising[:2]}
    monkeypatch.setattr(module, "features", lambda *a: (scored_once if a[3].texts in anew else cached)(*a))
    assert judge(plan, memorising, tables, permutations=3) == first


@pytest.fixture
def invented(monkeypatch):
    """Return a function that makes reruns with noise as scores, and with a signal for the first person."""

    def make(runs, persons, signal=0.0, seed=1):
        rng = np.random.default_rng(seed)
        half = np.repeat((np.arange(runs) // 4 % 2 == 0)[:, None], persons, axis=1)
        coins, pretended = permute_coins(half, rng), permute_coins(half, rng)
        x = rng.normal(size=(runs, 2 * persons, 3))
        x[:, 0, 0] += signal * coins[:, 0]
        scores = lambda *args: {f"score{i}": x[len(args[3]) - 20, :, i] for i in range(3)}  # noqa: E731
        monkeypatch.setattr(module, "features", scores)
        texts = tuple(f"word {i}" for i in range(persons + 20))
        table, names = Table(texts=texts, labels=None, groups=texts, has_groups=True), texts[:persons]
        digests = dict.fromkeys(("train", "control"), table_digest(table))
        plan = ShadowPlan(persons=names, inside=coins, non_members=names, pretended=pretended, **digests)
        reruns = [written(["a"] * (20 + run)) for run in range(runs)]
        return lambda **more: judge(plan, reruns, (table, table), **more)

    return make


def test_enough_reruns_without_a_leak_pass(invented):
    result = invented(480, 4)(permutations=19)
    assert result.verdict == "pass"
    assert result.estimate.high <= 0.55
    assert result.estimate.n == 480


def test_one_leaked_person_of_many_is_found_by_the_highest_auc(invented):
    result = invented(32, 8, signal=4.0)(permutations=79)
    assert result.metrics["shadow.worst_person_auc"].value > 0.9
    assert result.metrics["shadow.worst_person_p"].value <= 0.025
    assert result.verdict == "fail"


def test_constant_scores_never_pass(invented, monkeypatch):
    attack = invented(480, 4)
    monkeypatch.setattr(module, "features", lambda *_: {"score": np.ones(8)})
    result = attack(permutations=19)
    assert result.verdict == "insufficient"
    assert (result.estimate.low, result.estimate.value, result.estimate.high) == (0.0, 0.5, 1.0)
    assert result.details["power"]["smallest_leak"] is None
    assert result.details["power"]["n_needed"] is None
    assert "the attack detects nothing" in result.reason


@pytest.mark.parametrize("seed", range(6))
def test_few_reruns_never_pass_and_the_needed_number_is_stated(invented, seed):
    result = invented(24, 2, seed=seed)(permutations=9)
    assert result.verdict == "insufficient"
    needed = result.details["power"]["n_needed"]
    assert needed > 24
    assert f"at least {needed} reruns are needed." in result.reason
    assert result.details["power"]["smallest_leak"] is None  # forests learn nothing from so few reruns


@pytest.mark.slow
def test_false_positive_rate_is_as_stated(invented, monkeypatch):
    monkeypatch.setattr(module, "TREES", 1)
    results = [invented(8, 2, seed=seed)(permutations=19, seed=seed) for seed in range(40)]
    found = [result.metrics["shadow.p"].value for result in results]
    assert sum(p <= 0.05 for p in found) <= 6  # 2 are expected; 7 or more have a probability of 1 in 200
    assert sum(p <= 0.5 for p in found) >= 10


def test_prediction_of_a_rerun_does_not_use_its_own_coins():
    rng = np.random.default_rng(2)
    x, coins = rng.normal(size=(16, 3, 2)), rng.random((16, 3)) < 0.5
    predicted = predict_membership(x, coins)
    for run in range(16):
        other = coins.copy()
        other[run] = ~other[run]
        assert (predict_membership(x, other)[run] == predicted[run]).all()
    assert predicted.shape == (16, 3)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert np.isfinite(predict_membership(np.zeros_like(x), coins)).all()  # constant scores


def test_person_aucs_computed_by_hand():
    predicted = np.array([[0.9, 0.1], [0.2, 0.4], [0.5, 0.3], [0.5, 0.2]])
    coins = np.array([[True, False], [False, False], [True, True], [False, True]])
    # first: .9 and .5 against .2 and .5; second: .3 and .2 against .1 and .4
    assert person_aucs(predicted, coins).tolist() == [3.5 / 4, 2 / 4]


def test_tables_of_another_plan_are_rejected(plan, unrelated, tables):
    with pytest.raises(InputError) as caught:
        judge(plan, unrelated[:-1], tables[::-1], permutations=1)
    assert len(caught.value.problems) == 4


def test_too_small_table_is_not_measurable(plan, unrelated, tables):
    with pytest.raises(NotMeasurable, match="has 19 records"):
        judge(plan, [written(["a few words"] * 19), *unrelated[1:]], tables)


def estimate(value):
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, confidence=0.95, n=32)


@pytest.mark.parametrize(
    ("leak", "last_line"),
    [
        (0.6789, "  the smallest AUC that the attack detects with a probability of 80 % is 0.679"),
        (None, "  the smallest AUC that the attack detects with a probability of 80 % is not known"),
    ],
)
def test_text_contains_every_measurement(leak, last_line):
    values = {"worst_person_auc": 0.875, "p": 0.005, "worst_person_p": 0.25}
    result = AuditResult(
        name="shadow",
        verdict="fail",
        status="measured",
        estimate=estimate(0.8),
        control=estimate(0.5),
        threshold=0.55,
        direction="lower_is_safer",
        reason="It leaks.",
        metrics={f"shadow.{name}": estimate(value) for name, value in values.items()},
        details={"power": {"smallest_leak": leak}},
    )
    text = as_text(result)
    assert text.splitlines()[0] == "shadow: fail. It leaks."
    measured = (
        "0.800 [0.700, 0.900]",
        "non-members: 0.500",
        "0.875",
        "p = 0.005 for all persons together, p = 0.250 for this person",
    )
    assert all(words in text for words in measured)
    assert text.splitlines()[-1] == last_line


def test_text_without_measurement_has_no_numbers():
    text = as_text(without_number("shadow", "not_measurable", "Too few."))
    assert text == "shadow: insufficient. Too few."
