import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from studies.smotext.command import QUICK, QUICK_SETS, SmotextRequest, smotext
from studies.smotext.protocol import REAL, STYLE, VARIANTS, SmotextProtocol
from studies.smotext.text_sets import SOURCES
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.models.store import MANIFEST, store_folder

STUDIES = Path(__file__).parents[4] / "docs" / "studies"
FIGURES = ("accuracy", "privacy-utility", "lambdas-newsgroups20", "lambdas-sst2")


def request(tmp_path, **changes):
    given = {
        "datasets": None,
        "data": None,
        "out": tmp_path / "out",
        "bridge": "builtin",
        "seeds": None,
        "seed": 3,
        "real": None,
        "synthetic": None,
        "quick": True,
    }
    return SmotextRequest(**{**given, **changes})


def command(*arguments):
    return [sys.executable, "-m", "studies", "smotext", *map(str, arguments)]


def run(tmp_path, *arguments, **env):
    kept = {k: v for k, v in os.environ.items() if k != "SYNTHGEN_DATA"}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, cwd=tmp_path, env={**kept, **env}
    )


def test_the_protocol_is_the_papers_or_the_quick_one_with_the_requested_values(tmp_path):
    full = request(tmp_path, quick=False)
    assert full.protocol() == SmotextProtocol(seed=3)
    assert (full.protocol().real, full.protocol().synthetic, full.protocol().seeds) == (1000, 2600, 5)
    assert full.names() == tuple(SOURCES)
    assert request(tmp_path).names() == QUICK_SETS
    asked = request(tmp_path, quick=False, seeds=1, real=100, synthetic=700, datasets=("sst2",))
    assert asked.protocol() == SmotextProtocol(seed=3, seeds=1, real=100, synthetic=700, sizes=(260, 650))
    assert asked.names() == ("sst2",)
    assert request(tmp_path).protocol().tokens == QUICK.tokens


def test_missing_sets_are_all_reported_before_any_work(tmp_path, study):
    with pytest.raises(DataError, match="no folder of data"):
        smotext(request(tmp_path), silent, print)
    code, told = study("smotext", "--quick", "--data", tmp_path)
    assert code == 3
    assert all(f"{name}/{part}.parquet" in told for name in QUICK_SETS for part in ("train", "test"))
    assert study("smotext", "--seeds", "0")[0] == 2
    assert study("smotext", "--dataset", "imdb", "--data", tmp_path)[0] == 3
    assert not (tmp_path / "study").exists()


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.models
def test_kept_trials_are_found_and_give_the_page_that_is_shown(tmp_path):
    if not os.environ.get("SYNTHGEN_DATA"):
        pytest.skip("SYNTHGEN_DATA is not set")
    if not all((store_folder() / name / MANIFEST).is_file() for name in ("minilm", "smollm2")):
        pytest.skip("a model is not in the store; run `synthgen models pull`")
    out, told = tmp_path / "out", []
    with zipfile.ZipFile(STUDIES / "smotext-trials.zip") as kept:
        kept.extractall(out)
        names = {Path(name).name for name in kept.namelist()}
    asked = request(tmp_path, quick=False, seed=0, data=Path(os.environ["SYNTHGEN_DATA"]))
    assert names == {path.name for path in asked.asked().paths(out).values()}
    assert len(names) == 195
    made = smotext(asked, silent, told.append).read_text(encoding="utf-8")
    assert told[0].startswith("0 texts; at most 0 tokens")
    assert {p.name for p in out.glob("trials/*")} == names
    assert not [*out.glob("texts/*"), *out.glob("vectors/*")]
    shown = (STUDIES / "smotext.md").read_text(encoding="utf-8")
    assert (
        re.sub(r"\]\((.*?\.svg)\)", r"](smotext-\1)", made[made.index("## In short") :])
        == shown[shown.index("## In short") :]
    )


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.models
def test_a_quick_study_can_be_stopped_and_continued(tmp_path):
    if not os.environ.get("SYNTHGEN_DATA"):
        pytest.skip("SYNTHGEN_DATA is not set")
    if not all((store_folder() / name / MANIFEST).is_file() for name in ("minilm", "smollm2")):
        pytest.skip("a model is not in the store; run `synthgen models pull`")
    data = str(Path(os.environ["SYNTHGEN_DATA"]))
    out = tmp_path / "out"
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(
            command("--quick", "--out", out),
            cwd=tmp_path,
            stderr=log,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SYNTHGEN_DATA": data},
        )
    give_up = time.monotonic() + 500
    while not list(out.glob("texts/*/*.parquet")) and first.poll() is None and time.monotonic() < give_up:
        time.sleep(0.02)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 7, (tmp_path / "log").read_text()
    kept = {p: p.stat().st_mtime_ns for p in out.glob("texts/*/*.parquet")}
    assert kept
    done = run(tmp_path, "--quick", "--out", out, SYNTHGEN_DATA=data)
    assert done.returncode == 0, done.stderr
    assert "still to be written, about" in done.stderr
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    measures = pq.read_table(out / "measures.parquet").to_pylist()
    assert {(m["dataset"], m["seed"], m["variant"]) for m in measures} == {
        (d, s, v) for d in QUICK_SETS for s in (0, 1) for v in (REAL, *VARIANTS) if v != STYLE or SOURCES[d].style
    }
    assert all((out / f"{name}.{suffix}").is_file() for name in FIGURES for suffix in ("svg", "png"))
    page = (out / "results.md").read_text()
    assert all(f"## {name}" in page for name in QUICK_SETS)
