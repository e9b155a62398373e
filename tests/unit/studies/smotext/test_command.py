import re
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from studies.smotext.command import QUICK, QUICK_SETS, SmotextRequest, smotext
from studies.smotext.protocol import REAL, STYLE, VARIANTS, SmotextProtocol
from studies.smotext.text_sets import SOURCES
from synthgen.core.errors import DataError
from synthgen.core.progress import silent

STUDIES = Path(__file__).parents[4] / "docs" / "studies"
FIGURES = ("accuracy", "privacy-utility", "lambdas-newsgroups20", "lambdas-sst2")


def request(tmp_path, **changes):
    given = dict.fromkeys(("datasets", "data", "seeds", "real", "synthetic"))
    given |= {"out": tmp_path / "out", "bridge": "builtin", "seed": 3, "quick": True}
    return SmotextRequest(**given | changes)


def test_the_protocol_is_the_papers_or_the_quick_one_with_the_requested_values(tmp_path):
    full = request(tmp_path, quick=False)
    assert full.protocol() == SmotextProtocol(seed=3)
    assert (full.protocol().real, full.protocol().synthetic, full.protocol().seeds) == (1000, 2600, 5)
    assert full.names() == tuple(SOURCES)
    assert request(tmp_path).names() == QUICK_SETS
    wanted = request(tmp_path, quick=False, seeds=1, real=100, synthetic=700, datasets=("sst2",))
    assert wanted.protocol() == SmotextProtocol(seed=3, seeds=1, real=100, synthetic=700, sizes=(260, 650))
    assert wanted.names() == ("sst2",)
    assert request(tmp_path).protocol().tokens == QUICK.tokens


def test_missing_sets_are_all_reported_before_any_work(tmp_path, study):
    with pytest.raises(DataError, match="no folder of data"):
        smotext(request(tmp_path), silent, print)
    code, output = study("smotext", "--quick", "--data", tmp_path)
    assert code == 3
    assert all(f"{name}/{part}.parquet" in output for name in QUICK_SETS for part in ("train", "test"))
    assert study("smotext", "--seeds", "0")[0] == 2
    assert study("smotext", "--dataset", "imdb", "--data", tmp_path)[0] == 3
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.models
@pytest.mark.usefixtures("stored_models")
def test_kept_trials_are_found_and_give_the_page_that_is_shown(tmp_path, corpora):
    out, output = tmp_path / "out", []
    with zipfile.ZipFile(STUDIES / "smotext-trials.zip") as kept:
        kept.extractall(out)
        names = {Path(name).name for name in kept.namelist()}
    wanted = request(tmp_path, quick=False, seed=0, data=corpora)
    assert names == {path.name for path in wanted.design().paths(out).values()}
    assert len(names) == 189
    made = smotext(wanted, silent, output.append).read_text(encoding="utf-8")
    assert output[0].startswith("0 texts; at most 0 tokens")
    assert {p.name for p in out.glob("trials/*")} == names
    assert not [*out.glob("texts/*"), *out.glob("vectors/*")]
    shown = (STUDIES / "smotext.md").read_text(encoding="utf-8")
    made, shown = (page[page.index("## In short") :] for page in (made, shown))
    assert re.sub(r"\]\((.*?\.svg)\)", r"](smotext-\1)", made) == shown


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.models
@pytest.mark.usefixtures("stored_models")
@pytest.mark.timeout(1500)  # decodes many texts, which takes more than ten minutes on a busy processor
def test_a_quick_study_can_be_stopped_and_continued(tmp_path, corpora, study_process, study):
    out = tmp_path / "out"
    command, data = ("smotext", "--quick", "--seeds", "1", "--out", out), {"SYNTHGEN_DATA": str(corpora)}
    kept = study_process.stop_after_first("out/texts/*/*.parquet", *command, **data)
    assert kept
    code, output = study(*command, **data)
    assert code == 0, output
    assert "still to be written, about" in output
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    measures = pq.read_table(out / "measures.parquet").to_pylist()
    assert {(m["dataset"], m["seed"], m["variant"]) for m in measures} == {
        (d, 0, v) for d in QUICK_SETS for v in (REAL, *VARIANTS) if v != STYLE or SOURCES[d].style
    }
    assert all((out / f"{name}.{suffix}").is_file() for name in FIGURES for suffix in ("svg", "png"))
    page = (out / "results.md").read_text()
    assert all(f"## {name}" in page for name in QUICK_SETS)
