"""The generator turned round on control: what it writes, what it sees, and that the audits take it in."""

import json

import pytest

import audits
from synthgen.cli.mirror import make_mirror, mirror
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.core.tables import read_corpus
from synthgen.pipeline.judge import synthetic_corpus
from synthgen.pipeline.mirror import read_mirror
from synthgen.pipeline.pipeline import Pipeline


@pytest.fixture
def ready(bench):
    job = bench.job(interpolate={"total": 24})
    prepared, _, embedded = bench.prepare(job)
    return bench, job, prepared, embedded, bench.writer(job).write()


def test_it_is_written_from_control_as_the_release_from_train(ready):
    bench, job, prepared, _, written = ready
    bench.encoder.seen.clear()
    made = make_mirror(job, prepared.train, prepared.control, written.filtered)
    found = read_mirror(made)
    assert not set(prepared.train.texts) & set(bench.encoder.seen)
    assert set(prepared.control.texts) <= set(bench.encoder.seen)
    assert found.records.counts() == {label: found.records.labels.count(label) for label in written.wanted}
    assert len(found.records) == len(written.records)
    assert not {r.id for r in found.records.records} & {r.id for r in synthetic_corpus(job, written).records}
    assert (found.vectors == bench.encoder.encode(found.records.texts)).all()
    assert sorted(path.name for path in made.folder.iterdir()) == ["done.json", "mirror.npy", "mirror.parquet"]
    assert make_mirror(job, prepared.train, prepared.control, written.filtered).reused


def test_a_stopped_mirror_goes_on(ready):
    bench, job, prepared, _, written = ready
    bench.decoder.decoded.clear()
    bench.decoder.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        make_mirror(job, prepared.train, prepared.control, written.filtered)
    bench.decoder.stop_after = None
    make_mirror(job, prepared.train, prepared.control, written.filtered)
    assert len(bench.decoder.decoded) == len(set(bench.decoder.decoded))  # what was written is not written again


def test_the_audits_take_it_in_and_that_is_another_attempt(ready, monkeypatch):
    bench, job, prepared, embedded, written = ready
    given, run = [], audits.run
    monkeypatch.setattr(
        "synthgen.pipeline.judge.audits.run",
        lambda inputs, **more: given.append(inputs) or run(inputs, names=["membership"], **more),
    )
    judge = {"prepared": prepared, "embedded": embedded, "written": written}
    _, _, plain = bench.judge(job, **judge)
    made = read_mirror(make_mirror(job, prepared.train, prepared.control, written.filtered))
    _, _, mirrored = bench.judge(job, **judge)
    assert given[0].mirror is None
    assert given[1].mirror.texts == tuple(made.records.texts)
    assert [attempts_of(stage.folder) for stage in (plain, mirrored)] == [1, 2]
    names = [json.loads((s.folder / "evidence.json").read_bytes())["metrics"] for s in (plain, mirrored)]
    assert ["membership.mirror_auc" in n for n in names] == [False, True]
    # that of another run is none
    other = make_mirror(job, prepared.train, prepared.control, "0" * 64)
    assert other.digest != made.digest


def attempts_of(folder):
    return json.loads((folder / "evidence.json").read_bytes())["metrics"]["attempts.number"]["value"]


def test_made_before_the_audit_it_is_the_first_attempt_and_no_bundle_holds_it(project, tmp_path):
    config = project.config()
    Pipeline(config).run(until="filter")
    path = mirror(config, silent)
    run = Pipeline(config).run()
    assert json.loads((run.folder("audit") / "audit.json").read_bytes())["inputs"].keys() >= {"mirror"}
    assert attempts_of(run.folder("audit")) == 1
    released = set(read_corpus(run.folder("audit") / "synthetic.parquet", "synthetic").texts)
    own = [text for text in read_corpus(path, "synthetic").texts if text not in released]
    bundle = write(run, project.folder / "keys", tmp_path)
    assert own
    assert not [text for text in own if text.encode() in bundle]


def write(run, keys, folder):
    """Return all bytes of the run's bundle."""
    made = run.release(run.decide(), key=keys / "releaser.pem", out=folder / "out")
    return b"".join(path.read_bytes() for path in made.path.rglob("*") if path.is_file())


def test_there_must_be_a_run(project):
    with pytest.raises(DataError, match="holds no finished run"):
        mirror(project.config(), silent)
