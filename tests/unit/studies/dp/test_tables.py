import json
import re
import zipfile
from pathlib import Path

from studies.dp.tables import results_page

STUDIES = Path(__file__).parents[4] / "docs" / "studies"


def trial(mechanism, epsilon, head, words, *, persons=500, auc=None, data="sst2", records=1200):
    scores = {"encoder-logistic": {"real": 0.8, "synthetic": head}, "tfidf-linear": {"real": 0.5, "synthetic": words}}
    membership = None if auc is None else {"value": auc, "low": auc - 0.1, "high": auc + 0.1}
    settings = {"data": data, "persons": persons, "mechanism": mechanism, "epsilon": epsilon, "records": records}
    return {"settings": settings | {"seed": 0}, "scores": scores, "style_gap": 2.0, "membership": membership}


def test_the_page_is_generated_from_the_archived_trials():
    with zipfile.ZipFile(STUDIES / "dp-trials.zip") as kept:
        trials = [json.loads(kept.read(name)) for name in sorted(kept.namelist())]
    made = results_page(trials)
    shown = (STUDIES / "dp.md").read_text(encoding="utf-8")
    assert re.sub(r"\]\(figures/(.*?\.svg)\)", r"](dp-\1)", made) == shown
    assert all((STUDIES / name).is_file() for name in re.findall(r"\]\((dp-.*?\.svg)\)", shown))


def test_too_few_texts_are_reported():
    page = results_page([{**trial("classes", 4.0, 0.6, 0.3), "style_gap": None}])
    assert page.rstrip().endswith("| too few | not measured |")


def test_the_interval_of_many_draws_is_that_of_the_means_of_the_attacks():
    trials = [trial("classes", 4.0, 0.6, 0.3, auc=auc) for auc in (0.45, 0.5, 0.5, 0.5, 0.65)]
    assert "| .52 [.42, .62] |" in results_page(trials)
    assert "| .52 [.42, .62] |" in results_page(trials + trials)  # without kept attacks, more draws change nothing
    for one, mass in zip(trials, (0.5, 0.5, 0.5, 0.5, 0.45), strict=True):
        one["attacks"] = {"stacked": one["membership"]["value"], "mass": mass}
    # 0.52 ± 2.2622 · 0.0715 / √10 by hand, .49 ± 2.2622 · 0.0211 / √10; a draw's own interval is .1 to each side
    assert "| .520 [.469, .571]; 8 of 10 contain .5 |" in results_page(trials + trials)


def test_a_row_is_the_mean_of_its_seeds_in_per_cent_of_real(lines_of):
    trials = [
        trial("smote", 0.0, 0.8, 0.4, auc=0.6),
        trial("labels alone", 0.01, 0.4, 0.2),
        trial("classes", 50.0, 0.6, 0.3),
        trial("classes", 4.0, 0.6, 0.3, auc=0.5),
        trial("classes", 4.0, 0.72, 0.4, auc=0.5),
        trial("classes", 4.0, 0.8, 0.45, records=4800),
        trial("classes + words", 1.0, 0.8, 0.5, persons=2000, data="ag_news"),
    ]
    page = results_page(trials)
    assert lines_of(page, "## ") == ["## ag_news", "## sst2"]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines_of(page, "| 500")]
    assert [row[:6] for row in rows] == [
        ["500", "labels alone", "0", "1,200", "50.0 %", "40.0 %"],
        ["500", "classes", "4", "1,200", "82.5 %", "70.0 %"],
        ["500", "classes", "4", "4,800", "100.0 %", "90.0 %"],
        ["500", "classes", "∞", "1,200", "75.0 %", "60.0 %"],
        ["500", "smote", "none", "1,200", "100.0 %", "80.0 %"],
    ]
    assert [row[6] for row in rows] == ["1", "2", "1", "1", "1"]
    assert rows[1][7:] == ["0.800, 0.500", "2.00", ".50 [.40, .60]"]
    assert rows[0][-1] == "not measured"
    assert "](figures/budgets.svg)" in page
    assert "](figures/" not in results_page(trials[:4])
    assert "| 2,000 | classes + words | 1 | 1,200 | 100.0 % | 100.0 % |" in page
