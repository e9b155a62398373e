import pytest

from studies.dp.figures import write_dp_figures
from studies.drawing import LOOKS


@pytest.fixture(scope="module")
def trial(module_at):
    return module_at("tests/unit/studies/dp/test_tables.py").trial


def test_a_line_for_each_budget_and_one_for_each_mechanism(trial, tmp_path, svg_texts):
    budgets = [("labels alone", 0.01), ("smote", 0.0), ("classes + words", 4.0)]
    budgets += [("classes", epsilon) for epsilon in (1.0, 4.0, 50.0)]
    trials = [trial(mechanism, epsilon, 0.6, 0.3, persons=n) for n in (500, 2000) for mechanism, epsilon in budgets]
    paths = write_dp_figures(trials, tmp_path)
    assert [p.name for p in paths] == ["budgets.svg", "budgets.png", "mechanisms.svg", "mechanisms.png"]
    budgets, mechanisms = svg_texts(paths[0]), svg_texts(paths[2])
    assert {"ε = 1", "ε = ∞", "smote, no guarantee", "labels alone"} <= set(budgets)
    assert {"500", "2,000", "sst2, TF-IDF, 1,200 records"} <= set(budgets)
    assert {"classes", "classes + words", "smote, no guarantee"} <= set(mechanisms)
    assert write_dp_figures([], tmp_path / "none") == []


def test_more_budgets_than_looks_are_all_drawn(trial, tmp_path, svg_texts):
    epsilons = [float(1 + i) for i in range(len(LOOKS) + 2)]
    trials = [trial("classes", epsilon, 0.6, 0.3, persons=n) for n in (500, 2000) for epsilon in epsilons]
    shown = svg_texts(write_dp_figures(trials, tmp_path)[0])
    assert {f"ε = {epsilon:g}" for epsilon in epsilons} <= set(shown)


def test_a_line_is_the_mean_of_its_seeds(trial, tmp_path, monkeypatch):
    drawn = []

    def note(_axes, x, y, **style):
        drawn.append((style["label"], x, [round(v, 9) for v in y]))

    monkeypatch.setattr("matplotlib.axes.Axes.plot", note)
    more = trial("classes", 4.0, 0.8, 0.5, records=4800)
    beside = trial("smote", 0.0, 0.8, 0.4)
    write_dp_figures([trial("classes", 4.0, 0.6, 0.3), trial("classes", 4.0, 0.72, 0.4), beside, more], tmp_path)
    assert ("ε = 4", [500], [82.5]) in drawn
    assert ("classes", [500], [70.0]) in drawn


def test_a_set_is_drawn_at_the_number_of_records_that_most_of_its_rows_have(trial, tmp_path, svg_texts):
    trials = [trial("classes", 4.0, 0.6, 0.3), trial("smote", 0.0, 0.6, 0.3)]
    trials += [trial("classes", epsilon, 0.6, 0.3, records=4800) for epsilon in (1.0, 4.0)]
    trials += [trial("classes + words", 4.0, 0.7, 0.4, records=9600)] * 7
    trials += [trial("classes", 4.0, 0.6, 0.3, data="clinic", records=90)] * 20  # 20 draws, but only one row
    shown = svg_texts(write_dp_figures(trials, tmp_path)[0])
    assert "sst2, TF-IDF, 4,800 records" in shown
    assert not any("clinic" in one or "9,600" in one for one in shown)
