import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from audits.attacks.shadow import attack as judged_by
from audits.core.errors import InputError
from synthgen.cli import main as cli
from synthgen.cli import shadow as module
from synthgen.cli.shadow import ShadowRequest, rerun, shadow
from synthgen.cli.start import start
from synthgen.core.errors import DataError, Interrupted
from synthgen.core.progress import silent
from synthgen.core.tables import read_corpus
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.prepare import replaced_names
from synthgen.pipeline.stage_order import write_records

TOTAL = {"interpolate": {"total": 36}}
OUT = "synthetic/003.parquet"
QUICK = ShadowRequest(runs=32, persons=None, quick=True)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(judged_by, "TREES", 3)


@pytest.fixture(scope="module")
def many(new_project, tmp_path_factory):
    """A project with a finished run of 110 patients, which are enough to compare persons."""
    folder = tmp_path_factory.mktemp("many") / "trial"
    start(folder, "clinic", patients=110)
    for name in ("models", "lenient.yaml"):
        (folder / name).symlink_to(new_project.folder / name)
    project = type(new_project)(folder)
    Pipeline(project.config(**TOTAL)).run()
    return project


def copy_of(project, folder):
    return type(project)(Path(shutil.copytree(project.folder, folder / "trial", symlinks=True)))


@pytest.fixture
def finished(many, tmp_path):
    return copy_of(many, tmp_path)


def run_shadow(project, request=QUICK):
    said = []
    return shadow(project.config(**TOTAL), request, silent, said.append), said


@pytest.fixture(scope="module")
def attacked(many, tmp_path_factory):
    """Return a project with a finished run and its reruns, and the result and the messages of `shadow`."""
    project = copy_of(many, tmp_path_factory.mktemp("attacked"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judged_by, "TREES", 3)
        return project, *run_shadow(project)


@pytest.mark.slow
def test_the_quick_form_is_insufficient(attacked):
    finished, found, said = attacked
    assert not found.passed
    assert found.report.results[0].verdict == "insufficient"
    assert found.report.results[0].estimate.n == 8
    assert said[0].startswith("8 reruns; attacked persons: 1, each left out of 4 reruns; 8 reruns remain")
    assert said[1:] == [f"rerun {i} of 8" for i in range(1, 9)]
    assert found.path.parent.parent == finished.folder / "ws" / "shadow"
    assert json.loads(found.path.read_bytes()) == found.to_json()
    assert found.to_text().startswith("shadow: insufficient.")
    assert "8 reruns are too few (each of the 1 persons is left out of 4 reruns)" in found.to_text()

    config = finished.write_config(**TOTAL)
    done = CliRunner().invoke(cli.app, ["shadow", str(config), "--quick", "--json"])  # reads the finished reruns
    assert done.exit_code == 4, done.output
    (result,) = json.loads(done.stdout)["results"]
    assert (result["name"], result["verdict"], result["estimate"]["n"]) == ("shadow", "insufficient", 8)
    (plan,) = (finished.folder / "ws").glob("shadow/*/plan.json")
    named = json.loads(plan.read_bytes())["persons"]
    assert [name for name in named if name in done.output] == []


@pytest.mark.slow
def test_existing_reruns_are_reused(attacked, monkeypatch):
    finished, first, _ = attacked
    table = first.path.parent / "synthetic" / "005.parquet"
    table.unlink()
    calls = []
    monkeypatch.setattr(module, "rerun", lambda *args, **more: (calls.append(args[4]), rerun(*args, **more)))
    again, said = run_shadow(finished)
    assert calls == [5]
    assert "1 reruns remain" in said[0]
    assert again.to_json() == first.to_json()


@pytest.mark.slow
def test_persons_left_out_are_those_of_the_plan(finished, monkeypatch):
    given = {}

    def stop(_job, train, _vectors, leave_out, number, _folder, **_):
        given[number] = (leave_out, {r.group for r in train.records})
        if number == 7:
            raise Interrupted("stopped")

    monkeypatch.setattr(module, "rerun", stop)
    with pytest.raises(Interrupted):
        run_shadow(finished, ShadowRequest(runs=8, persons=2, quick=False))
    named = set.union(*(set(out) for out, _ in given.values()))
    assert len(named) == 2
    assert all(named <= persons for _, persons in given.values())
    assert sorted(sum(name in out for out, _ in given.values()) for name in named) == [4, 4]


@pytest.mark.slow
def test_other_options_use_another_folder(finished, monkeypatch):
    monkeypatch.setattr(module, "judge_shadow", lambda folder, *_args, **_more: folder)
    monkeypatch.setattr(module, "rerun", lambda *_, **__: None)
    folders = {
        run_shadow(finished, ShadowRequest(runs=r, persons=p, quick=False))[0].report
        for r, p in ((8, 1), (8, 2), (16, 1))
    }
    assert len(folders) == 3


@pytest.mark.slow
def test_invalid_options_raise_an_error_before_any_rerun(finished, monkeypatch):
    monkeypatch.setattr(module, "rerun", lambda *_, **__: pytest.fail("a rerun was made"))
    with pytest.raises(InputError, match="multiple of 8"):
        run_shadow(finished, ShadowRequest(runs=12, persons=None, quick=False))


def test_a_missing_run_raises_an_error(project):
    with pytest.raises(DataError, match="contains no finished run"):
        run_shadow(project)


@pytest.fixture
def ready(bench):
    job = bench.job()
    prepared, _, embedded = bench.prepare(job)
    return bench, job, prepared.train, embedded.vectors


def clean_of(job):
    return next((job.workspace.root / "stages").glob("deidentify-*"))


def made(folder):
    return read_corpus(folder / OUT, "synthetic").texts


def test_a_rerun_never_reads_the_persons_left_out(ready, tmp_path, monkeypatch):
    bench, job, train, vectors = ready
    out = frozenset(train.records[i].group for i in (0, 7))
    given = []
    bench.encoder.seen.clear()
    monkeypatch.setattr(module, "write_records", lambda *args: given.append(args) or write_records(*args))
    rerun(job, train, vectors, out, 3, tmp_path / "shadow", clean=clean_of(job))
    theirs = {r.text for r in train.records if r.group in out}
    assert theirs
    assert not theirs & set(bench.encoder.seen)
    ((_, material, _),) = given
    kept, embedded = material.train, material.embedded
    staying = [i for i, r in enumerate(train.records) if r.group not in out]
    assert 0 < len(staying) <= len(train) - 2
    assert kept.records == tuple(train.records[i] for i in staying)
    assert embedded.ids == tuple(train.records[i].id for i in staying)
    assert (embedded.vectors == vectors[staying]).all()
    assert material.names == replaced_names(clean_of(job), kept) != replaced_names(clean_of(job), train)
    assert pq.read_table(tmp_path / "shadow" / OUT).num_rows == 15


def test_a_rerun_embeds_no_train_text_and_leaves_one_table(ready, tmp_path):
    bench, job, train, vectors = ready
    bench.encoder.seen.clear()
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow", clean=clean_of(job))
    assert bench.encoder.seen
    assert not set(train.texts) & set(bench.encoder.seen)
    files = [p.relative_to(tmp_path / "shadow").as_posix() for p in (tmp_path / "shadow").rglob("*") if p.is_file()]
    assert files == [OUT]


def test_cut_records_are_embedded_by_the_headings_of_the_remaining_persons(bench, tmp_path):
    job = bench.job(segments={})
    prepared, _, embedded = bench.prepare(job)
    out = frozenset({prepared.train.records[0].group})
    theirs = {line for r in prepared.train.records if r.group in out for line in r.text.splitlines()}
    bench.encoder.seen.clear()
    rerun(job, prepared.train, embedded.vectors, out, 3, tmp_path / "shadow", clean=clean_of(job))
    others = {line for r in prepared.train.records if r.group not in out for line in r.text.splitlines()}
    assert others & set(bench.encoder.seen)
    assert theirs - others
    assert not (theirs - others) & set(bench.encoder.seen)


def test_equal_numbers_write_equal_texts_and_other_numbers_do_not(ready, tmp_path):
    _, job, train, vectors = ready
    texts = []
    for folder, number in (("a", 3), ("b", 3), ("c", 4)):
        rerun(job, train, vectors, frozenset(), number, tmp_path / folder, clean=clean_of(job))
        texts.append(read_corpus(tmp_path / folder / "synthetic" / f"{number:03d}.parquet", "synthetic").texts)
    assert texts[0] == texts[1] != texts[2]


def test_an_interrupted_rerun_continues(ready, tmp_path):
    bench, job, train, vectors = ready
    bench.decoder.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow", clean=clean_of(job))
    assert not (tmp_path / "shadow" / OUT).exists()
    first = len(bench.decoder.decoded)
    bench.decoder.stop_after = None
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow", clean=clean_of(job))
    resumed = len(bench.decoder.decoded) - first
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "whole", clean=clean_of(job))
    assert made(tmp_path / "shadow") == made(tmp_path / "whole")
    assert resumed == len(bench.decoder.decoded) - first - resumed - 1  # the finished decode call is not repeated
