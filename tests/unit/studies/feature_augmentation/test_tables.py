import json

import pyarrow.parquet as pq
import pytest

from studies.feature_augmentation.summary import over_n, summarise
from studies.feature_augmentation.tables import write_tables
from synthgen.core.errors import DataError

META = {"encoder": "minilm", "folds": 5, "datasets": {"a": {"M": 64, "classes": ["no", "ye|s"]}}}
GONE = frozenset({("adasyn", 8), ("adasyn", 16), ("vae", 8)})


@pytest.fixture
def folder(made_up, tmp_path):
    write_tables(made_up(["a", "b"], [8, 16], 2, 5, refused=GONE), META, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def page(folder):
    return (folder / "results.md").read_text(encoding="utf-8")


def test_tables_are_written_with_their_settings(made_up, folder):
    cells = made_up(["a", "b"], [8, 16], 2, 5, refused=GONE)
    for name, wanted in (("cells", cells), ("results", summarise(cells)), ("over_n", over_n(cells))):
        found = pq.read_table(folder / f"{name}.parquet")
        assert str(found.to_pylist()) == str(wanted.to_pylist())
        assert json.loads(found.schema.metadata[b"study"]) == META


def test_the_summary_states_the_comparisons_and_whether_the_finding_of_the_paper_holds(page):
    short = page.split("## In short")[1].split("\n## ")[0]
    assert short.count("- smote against none: accuracy **higher**, +0.0") == 2
    assert short.count("- smote against random-oversample: accuracy **higher**") == 2
    assert "smote against vae: accuracy **higher**, +0.06" in short
    assert "p < 0.001, over n = 16 in 10 folds." in short  # vae has no result at 8
    assert "- All methods against random-oversample: higher: smote; lower: none, vae;" in short
    assert "not measurable: adasyn." in short
    assert short.count("raise the accuracy, **holds** for random-oversample, smote, vae; not shown for adasyn.") == 2
    assert short.count("which repeats records, for smote; not shown for adasyn, vae.") == 2


def test_the_accuracy_table_shows_every_n_and_every_gap(page, lines_of):
    assert len(lines_of(page, "| method | 8 | 16 |")) == 2
    assert lines_of(page, "| adasyn | refused | refused |")
    smote = next(line for line in lines_of(page, "| smote |") if "±" in line)
    assert smote.count("↑") == 2
    assert not [line for line in lines_of(page, "| none |") if "↑" in line]


def test_refusals_and_settings_are_reported(page):
    assert "| a | vae | 8 | 10 | no danger \\| points |" in page
    assert "- encoder: minilm\n- folds: 5\n- datasets:\n  - a:\n    - M: 64\n    - classes: no, ye\\|s" in page
    assert "corrected resampled t-test" in page


def test_every_table_is_rectangular(page, check_tables):
    check_tables(page)


def test_some_folds_refused_are_counted(made_up, tmp_path, lines_of):
    rows = made_up(["a"], [8], 1, 5, refused={("vae", 8)}).to_pylist()
    good = made_up(["a"], [8], 1, 5).to_pylist()
    mixed = [r if r["fold"] < 2 else g for r, g in zip(rows, good, strict=True)]
    write_tables(made_up(["a"], [8], 1, 5).from_pylist(mixed), {}, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "(2 refused)" in lines_of(page, "| vae |")[0]
    assert "smote against vae: not measurable (0 folds with both)." in page  # no n has results in every fold


def test_the_page_states_that_there_is_no_baseline(made_up, tmp_path):
    cells = made_up(["a"], [8], 1, 3)
    only = cells.filter([m == "adasyn" for m in cells["method"].to_pylist()])
    write_tables(only, {}, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "There is no baseline to compare with." in page
    assert "No method refused." in page


def test_invalid_cells_write_nothing(made_up, tmp_path):
    with pytest.raises(DataError, match="lack columns"):
        write_tables(made_up(["a"], [8], 1, 2).drop_columns(["status"]), {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
