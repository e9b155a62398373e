import json
import stat
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.core.errors import ConfigError
from synthgen.core.progress import silent
from synthgen.core.types import Corpus, Record
from synthgen.extract import extract as extract_module
from synthgen.extract.note import Note, PersonNames
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan import preview as module
from synthgen.plan.preview import FILE, WARNING, counts_of, make_preview, sample_of


def corpus(counts, text="Some words of a note."):
    records = [
        Record(id=f"{label}{i}", text=text, label=label, group=f"p{label}{i}")
        for label, n in counts.items()
        for i in range(n)
    ]
    return Corpus(role="train", records=tuple(records), has_groups=True)


@pytest.mark.parametrize(
    ("counts", "texts"),
    [
        ({"a": 9, "b": 8}, {"a": 2, "b": 2}),
        ({str(i): 9 for i in range(5)}, {str(i): 2 for i in range(5)}),
        ({**{str(i): 9 for i in range(7)}, "x": 3}, {**{str(i): 1 for i in range(7)}, "x": 1}),
        ({**{str(i): 9 for i in range(10)}, "x": 3}, {str(i): 1 for i in range(10)}),
    ],
)
def test_ten_texts_at_most_and_two_of_a_class(counts, texts):
    assert counts_of(corpus(counts)) == texts


def test_sample_has_some_records_of_each_class_and_a_limited_size():
    assert len(sample_of(corpus({"a": 2000, "b": 7}), 10**6)) == module.MAX_RECORDS
    few = sample_of(corpus({"a": 2000, "b": 7}, "x" * 1000), 25_000)
    assert few.counts() == {"a": 18, "b": 7}
    assert sample_of(corpus({"a": 50, "b": 20}, "x" * 1000), 10).counts() == {"a": 12, "b": 12}
    one, others = corpus({"a": 50}), corpus({"b": 30})
    records = (*(replace(r, group="one") for r in one.records), *(replace(r, label="a") for r in others.records))
    both = replace(one, records=records)
    assert len({r.group for r in sample_of(both, 10).records}) == 12  # persons are counted, not records
    assert [r.id for r in sample_of(corpus({"a": 3}), 10**6).records] == ["a0", "a1", "a2"]


def test_texts_are_private_and_differ_from_those_of_the_run(project):
    config = project.config()
    found = make_preview(config, silent)
    assert len(found.texts) == 6
    path = project.folder / "ws" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == json.loads(json.dumps(found.to_json()))
    assert make_preview(config, silent).texts == found.texts
    run = Pipeline(config).run()
    assert {row["text"] for row in run.texts()}.isdisjoint(c.text for c in found.texts if len(c.text) > 20)
    assert [s.reused for s in run.record.stages][:3] == [True, True, False]


def test_records_much_longer_than_the_texts_give_a_warning(project, monkeypatch):
    long = make_preview(project.config(), silent)
    assert "WARNING source: a record has 100 words on average" in long.to_text()
    assert long.to_json()["length_warning"] == long.length_warning
    monkeypatch.setattr(module, "length_warning", lambda *_: None)
    short = make_preview(project.config(), silent)
    assert "length_warning" not in short.to_json()
    assert "words on average" not in short.to_text()


def test_command_prints_the_warning_first(project):
    result = CliRunner().invoke(app, ["preview", str(project.write_config())])
    assert result.exit_code == 0
    assert result.stdout.startswith(WARNING)
    assert result.stdout.count("--- ") == 6
    assert "prompt:" not in result.stdout


def test_no_preview_under_a_privacy_budget(project):
    given = {
        "interpolate": {"method": "dp-gaussian"},
        "filter": {"length": [5, 90]},
        "policy": "strict-dp",
        "source": {"id": None},
    }
    dp = {"epsilon": 1.0, "delta": 1e-4, "persons": 20}
    with pytest.raises(ConfigError, match="not allowed if the configuration has a privacy budget"):
        make_preview(project.config(**given, dp=dp), silent)
    assert not (project.folder / "ws" / FILE).exists()


@pytest.fixture
def export(project, monkeypatch):
    """Return the configuration of a hospital source of about 150 persons, and the list of notes that were read."""
    rows = [json.loads(line) for line in (project.folder / "notes.jsonl").read_text().splitlines()]
    wanted = project.config().source.labels
    notes = [
        Note(place="f", document=row["note_id"], text=row["note"], person=f"{part}-{row['patient_id']}", label=label)
        for part in range(6)
        for row in rows
        if (label := row["specialty"]) in wanted
    ]
    seen = []

    def read(*_):
        yield PersonNames("0-p00001", ("Ann Lee",))
        for note in notes:
            seen.append(note)
            yield note

    monkeypatch.setitem(extract_module.READERS, "fhir", read)
    (project.folder / "export").mkdir()
    table = {"text": "text", "label": "label", "group": None, "id": None, "names": []}
    return project.config(source=table | {"kind": "fhir", "path": "export"}), seen, len(notes)


def test_only_the_first_notes_of_a_hospital_source_are_read_and_a_run_reads_all(export, project, monkeypatch):
    monkeypatch.setattr(module, "FIRST_NOTES", 200)
    config, seen, n = export
    found = make_preview(config, silent)
    assert (len(seen), found.is_part) == (201, True)  # the additional note shows that notes remain
    assert len(found.texts) == 6
    assert "Only the first" in found.to_text()
    assert found.to_json()["first_notes"] == 200
    ws = project.folder / "ws"
    assert not [path.name for path in (ws / "load-report.json", ws / "notes.parquet") if path.exists()]
    assert not list((ws / "stages").iterdir())
    seen.clear()
    run = Pipeline(config).run(until="split")
    assert (len(seen), run.record.stage("extract").n_in) == (n, n)
    assert not any(stage.reused for stage in run.record.stages)
    assert make_preview(config, silent).texts == found.texts
    assert len(seen) == n  # the first notes are stored


@pytest.mark.slow
def test_the_whole_source_is_read_if_the_first_notes_are_too_few(export, monkeypatch):
    monkeypatch.setattr(module, "FIRST_NOTES", 20)
    config, seen, n = export
    found = make_preview(config, silent)
    assert (len(seen), found.is_part) == (21 + n, False)
    monkeypatch.setattr(module, "FIRST_NOTES", n + 1)
    seen.clear()
    assert not make_preview(config, silent).is_part
    assert len(seen) == n
