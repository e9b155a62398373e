import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.corrected_t import corrected_t, holm_where_made
from studies.feature_augmentation.summary import difference_verdict, over_n, summarise

N_TEST, N_TRAIN = 30, 120  # a ratio of 1/4


def cells(values):
    """Return cells of (method, n) -> one accuracy per fold; None is a refusal."""
    same = {"dataset": "d", "repeat": 0, "reason": "", "n_test": N_TEST, "n_train": N_TRAIN}
    rows = [
        same
        | {"fold": fold, "n": n, "method": method, "status": "refused" if v is None else "ok"}
        | dict.fromkeys(("accuracy", "macro_f1", "minority_recall"), v)
        for (method, n), folds in values.items()
        for fold, v in enumerate(folds)
    ]
    return pa.Table.from_pylist(rows)


def row(table, measure="accuracy", **wanted):
    found = [r for r in table.to_pylist() if all(r[k] == v for k, v in {"measure": measure, **wanted}.items())]
    assert len(found) == 1
    return found[0]


NONE = [0.5, 0.6, 0.7, 0.8]


def test_paired_difference_by_hand():
    # the differences of test_corrected_t: mean 0.025, se² = 1/12000, p = 0.0714
    table = summarise(cells({("none", 8): NONE, ("smote", 8): [0.51, 0.63, 0.72, 0.84]}))
    smote = row(table, method="smote")
    assert smote["diff_none"] == pytest.approx(0.025)
    assert smote["diff_none_low"] == pytest.approx(0.025 - 3.182446305 / np.sqrt(12000), abs=1e-9)
    assert smote["diff_none_high"] == pytest.approx(0.025 + 3.182446305 / np.sqrt(12000), abs=1e-9)
    assert smote["p_none"] == pytest.approx(0.0714, abs=5e-5)
    assert smote["p_none_holm"] == smote["p_none"]  # the only test of its family
    assert smote["mean"] == pytest.approx(0.675)
    assert [smote[k] for k in ("diff_random", "p_random", "p_random_holm")] == [None] * 3  # no such baseline here
    none = row(table, method="none")
    assert none["diff_none"] is None  # a baseline is not compared with itself
    assert (none["folds_ok"], none["folds_refused"]) == (4, 0)
    # s² = 0.05/3, factor 1/2: half = t · sqrt(1/120)
    assert none["high"] - none["mean"] == pytest.approx(3.182446305 / np.sqrt(120), abs=1e-9)


def test_folds_are_paired_only_where_both_methods_have_results():
    table = summarise(cells({("none", 8): [None, *NONE[1:]], ("smote", 8): [0.9, 0.63, 0.72, None]}))
    smote = row(table, method="smote")
    assert (smote["folds_ok"], smote["folds_refused"]) == (3, 1)
    assert smote["diff_none"] == pytest.approx((0.03 + 0.02) / 2)
    assert smote["mean"] == pytest.approx((0.9 + 0.63 + 0.72) / 3)


def test_a_method_refused_everywhere_has_no_numbers():
    table = summarise(cells({("none", 8): NONE, ("adasyn", 8): [None] * 4}))
    adasyn = row(table, method="adasyn")
    assert (adasyn["folds_ok"], adasyn["folds_refused"]) == (0, 4)
    assert {v for v in adasyn.values() if not isinstance(v, str | int)} == {None}


def test_holm_is_over_the_methods_at_one_n_and_never_across_n():
    rng = np.random.default_rng(3)
    names = ("none", "a", "b", "c")
    table = cells({(m, n): rng.normal(0.6, 0.05, 5).tolist() for n in (8, 16) for m in names})
    at_8 = [row(summarise(table), method=m, n=8) for m in names[1:]]
    alone = summarise(table.filter(pc.equal(table["n"], 8)))
    assert [r["p_none_holm"] for r in at_8] == [row(alone, method=m)["p_none_holm"] for m in names[1:]]
    smallest = min(at_8, key=lambda r: r["p_none"])
    assert smallest["p_none_holm"] == pytest.approx(min(1, 3 * smallest["p_none"]))


def slow_over_n(values, method, versus, n_folds):
    """Return the n without a missing result, and for each fold the mean difference over these n."""
    sizes = sorted({n for _, n in values})
    whole = [n for n in sizes if None not in values[method, n] and None not in values[versus, n]]
    totals = [sum(values[method, n][fold] - values[versus, n][fold] for n in whole) for fold in range(n_folds)]
    return whole, [total / len(whole) if whole else 0.0 for total in totals]


ACCURACIES = st.one_of(st.none(), st.integers(0, 60).map(lambda i: i / 60))


@given(st.data(), st.integers(2, 5), st.integers(1, 3))
def test_over_n_agrees_with_a_slow_reference(data, n_folds, n_sizes):
    sizes = [8, 16, 32][:n_sizes]
    one = st.lists(ACCURACIES, min_size=n_folds, max_size=n_folds)
    values = {(m, n): data.draw(one) for n in sizes for m in ("none", "smote", "vae")}
    table = over_n(cells(values))
    for method, versus in (("smote", "none"), ("vae", "none"), ("smote", "vae")):
        found = row(table, method=method, versus=versus)
        whole, folds = slow_over_n(values, method, versus, n_folds)
        assert found["n_used"] == whole
        assert found["n_left_out"] == [n for n in sizes if n not in whole]
        wanted = corrected_t(np.array(folds if whole else []), N_TEST / N_TRAIN)
        for key, value in (("diff", wanted.mean), ("low", wanted.low), ("high", wanted.high), ("p", wanted.p)):
            assert found[key] == (None if value is None else pytest.approx(value, abs=1e-9))
        assert found["folds"] == wanted.folds
        assert found["verdict"] == difference_verdict(wanted.low, wanted.high)


def test_an_n_missing_in_one_fold_is_excluded_rather_than_averaged_unevenly():
    values = {("none", 8): NONE, ("none", 16): NONE, ("vae", 8): [0.9, None, 0.9, 0.9]}
    values["vae", 16] = [0.6, 0.6, 0.7, 0.9]
    found = row(over_n(cells(values)), method="vae", versus="none")
    assert (found["n_used"], found["n_left_out"]) == ([16], [8])
    assert found["diff"] == pytest.approx(0.05)


def test_over_n_holm_is_over_the_methods_against_one_baseline():
    rng = np.random.default_rng(3)
    names = ("none", "smote", "vae", "random-oversample", "x")
    table = over_n(cells({(m, n): rng.normal(0.6, 0.05, 5).tolist() for n in (8, 16) for m in names}))
    for versus in ("none", "random-oversample"):
        family = [row(table, method=m, versus=versus) for m in names if m != versus]
        assert [r["p_holm"] for r in family] == pytest.approx(holm_where_made([r["p"] for r in family]))
        assert any(r["p_holm"] > r["p"] for r in family)


def test_verdicts_of_clear_cases(made_up):
    table = over_n(made_up(["a", "b"], [8, 16, 32], 2, 5, refused={("adasyn", 8), ("adasyn", 16), ("adasyn", 32)}))
    assert row(table, dataset="a", method="smote", versus="vae")["verdict"] == "higher"
    assert row(table, dataset="a", method="vae", versus="random-oversample")["verdict"] == "lower"
    assert row(table, dataset="b", method="smote", versus="none", measure="minority_recall")["verdict"] == (
        "no difference shown"  # the made-up recalls are equal
    )
    adasyn = row(table, dataset="b", method="adasyn", versus="none")
    assert (adasyn["verdict"], adasyn["folds"], adasyn["p_holm"]) == ("not measurable", 0, None)
    smote = row(table, dataset="a", method="smote", versus="vae")
    assert smote["p_holm"] == smote["p"]  # this comparison is the only test of its family


def test_verdict():
    assert difference_verdict(0.001, 0.2) == "higher"
    assert difference_verdict(-0.2, -0.001) == "lower"
    for low, high in ((-0.1, 0.1), (0.0, 0.1), (-0.1, 0.0)):
        assert difference_verdict(low, high) == "no difference shown"
    assert difference_verdict(None, None) == "not measurable"


def test_the_order_of_rows_changes_nothing(made_up):
    table = made_up(["a"], [8, 16], 2, 3)
    back = table.take(list(range(table.num_rows))[::-1])
    for make in (summarise, over_n):
        one, other = ({str(sorted(r.items())) for r in make(t).to_pylist()} for t in (table, back))
        assert one == other
