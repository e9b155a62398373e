import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from audits.core.files import write_whole
from synthgen.config import Config
from synthgen.core.errors import DataError
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus, Record
from synthgen.decode.config import DecodeConfig
from synthgen.pipeline.prepare import (
    check_language,
    check_train_classes,
    embed_train,
    extract_notes,
    load_source,
    read_source,
)

NAMES = ("load", "split", "deidentify", "embed")


def computed(bench, **changes):
    """Return the names of the stages that were computed, not reused."""
    _, result, _ = bench.prepare(bench.job(**changes))
    return tuple(s.name for s in (*bench.stages, result) if not s.reused)


def test_a_second_run_reuses_all_stages(bench):
    first, stages = bench.prepare(bench.job()), bench.stages
    bench.encoder.seen.clear()
    second, again = bench.prepare(bench.job()), bench.stages
    assert [(s.name, s.reused) for s in (*stages, first[1])] == [(name, False) for name in NAMES]
    assert [(s.name, s.reused) for s in (*again, second[1])] == [(name, True) for name in NAMES]
    assert bench.encoder.seen == []
    assert (second[0].train, second[0].control) == (first[0].train, first[0].control)
    assert second[0].identifiers == first[0].identifiers
    np.testing.assert_array_equal(second[2].vectors, first[2].vectors)


CHANGED = [
    ({"seed": 8}, NAMES),
    ({"source": {"labels": ["cardiology", "pulmonology"]}}, NAMES),
    ({"split": {"train": 0.6, "control": 0.4}}, NAMES[1:]),
    ({"deidentify": {"engine": "off"}}, NAMES[2:]),
    ({"interpolate": {"total": 12}}, ()),
    ({"release": {"name": "other"}}, ()),
]


def test_a_changed_configuration_recomputes_only_dependent_stages(bench):
    computed(bench)
    for changes, expected in CHANGED:
        assert computed(bench, **changes) == expected, changes
    assert computed(bench) == ()


def test_another_encoder_or_source_recomputes_dependent_stages(bench):
    computed(bench)
    bench.encoder.digest = "f" * 64
    assert computed(bench) == ("embed",)
    path = bench.root / "notes.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    assert computed(bench) == NAMES


def test_persons_are_on_one_side_and_all_records_are_counted(bench):
    job = bench.job()
    prepared, result, embedded = bench.prepare(job)
    loaded, parts, clean = bench.stages
    assert not {r.group for r in prepared.train.records} & {r.group for r in prepared.control.records}
    assert loaded.counts["out"] == parts.counts["in"] == len(read_corpus(loaded.folder / "records.parquet", "source"))
    n = len(prepared.train) + len(prepared.control)
    assert parts.counts["out"] == clean.counts["in"] == clean.counts["out"] == n
    assert n + parts.counts["near_duplicates_set_aside"] == parts.counts["in"]
    assert result.counts["in"] == len(prepared.train) == len(embedded.ids)
    assert (prepared.train.role, prepared.control.role) == ("train", "control")


def test_vectors_are_of_deidentified_train_text_alone(bench):
    prepared, _, embedded = bench.prepare(bench.job())
    assert sorted(bench.encoder.seen) == sorted(set(prepared.train.texts))
    assert embedded.ids == tuple(r.id for r in prepared.train.records)
    np.testing.assert_array_equal(embedded.vectors, bench.encoder.encode(prepared.train.texts))


def test_replaced_identifiers_are_stored_by_record(bench):
    job = bench.job()
    prepared, _, _ = bench.prepare(job)
    raw = {r.id: r for r in read_corpus(bench.stages[1].folder / "train.parquet", "train").records}
    assert prepared.identifiers is not None
    assert len(prepared.identifiers) == len(prepared.train)
    assert sum(map(len, prepared.identifiers)) > len(prepared.train)
    for record, found in zip(prepared.train.records, prepared.identifiers, strict=True):
        assert all(text in raw[record.id].text for text in found)
        assert (record.text == raw[record.id].text) == (found == ())
    assert prepared.control_identifiers is not None
    assert len(prepared.control_identifiers) == len(prepared.control)
    replaced = bench.stages[2].folder / "replaced-train.json"
    assert stat.S_IMODE(replaced.stat().st_mode) == 0o600
    assert bench.prepare(bench.job(deidentify={"engine": "off"}))[0].identifiers is None


def test_a_name_of_a_declared_column_is_replaced_in_train_and_control(bench):
    prepared, _, _ = bench.prepare(bench.job())
    last_names = {row["note_id"]: row["patient_name"].split()[-1] for row in bench.rows}
    raw = {row["note_id"]: row["note"] for row in bench.rows}
    named = [r for r in (*prepared.train.records, *prepared.control.records) if last_names[r.id] in raw[r.id]]
    assert len(named) > 20
    assert not [r.id for r in named if last_names[r.id] in r.text.split()]


def test_a_changed_result_is_computed_again(bench):
    job = bench.job()
    prepared, result, embedded = bench.prepare(job)
    write_whole(result.folder / "train.npy", b"not vectors")
    again, vectors = embed_train(job, bench.stages[-1], prepared.train, bench.encoder)
    assert not again.reused
    np.testing.assert_array_equal(vectors.vectors, embedded.vectors)


def test_a_class_in_control_alone_raises_an_error_with_its_name():
    def part(role, labels):
        records = tuple(Record(id=f"{role}{i}", text="a", label=x, group=f"{role}{i}") for i, x in enumerate(labels))
        return Corpus(role=role, records=records, has_groups=True)

    check_train_classes(part("train", "abc"), part("control", "ab"))
    with pytest.raises(DataError, match="without a record in train") as refused:
        check_train_classes(part("train", "ab"), part("control", "abd"))
    assert list(refused.value.problems) == ["'d': only control has records of this class"]


@pytest.mark.parametrize("read", [load_source, read_source])
def test_bad_rows_are_listed_in_a_private_file_even_if_there_are_too_many(bench, read):
    path = bench.root / "notes.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "[private words", "[private words"]) + "\n")
    rows = [{"row": len(lines) + i, "reason": "malformed row"} for i in (1, 2)]
    for share in (0.0, 0.5):
        job = bench.job(source={"max_bad_rows": share})
        listed = job.workspace.root / "bad-rows.json"
        listed.unlink(missing_ok=True)
        if share == 0:
            with pytest.raises(DataError, match=f"{listed} lists the number and the reason") as caught:
                read(job, None)
            assert "private words" not in str(caught.value)
        else:
            read(job, None)
        assert json.loads(listed.read_text()) == rows
        assert stat.S_IMODE(listed.stat().st_mode) == 0o600


GERMAN = ["Der Patient klagt seit gestern über starke Schmerzen im linken Knie und kann kaum gehen."] * 5
SERVER = {"url": "http://127.0.0.1:8000/v1", "model": "local"}


def test_other_languages_are_refused_only_for_models_that_write_english():
    shipped = DecodeConfig()
    with pytest.raises(DataError, match="the texts are not English"):
        check_language(shipped, GERMAN)
    check_language(shipped, ["The patient has had severe pain in the left knee since yesterday."] * 5)
    check_language(DecodeConfig(model="./own", bridge="./own-bridge"), GERMAN)
    check_language(DecodeConfig(engine="endpoint", writer="prompt", endpoint=SERVER), GERMAN)


def test_a_missing_hospital_source_is_an_error(bench, tmp_path):
    source = {"kind": "fhir", "path": str(tmp_path / "nowhere")}
    given = {"version": 1, "source": source, "interpolate": {"total": 9}}
    config = Config.parse(given, base=str(tmp_path))
    with pytest.raises(DataError, match="nowhere: there is no such file or folder"):
        extract_notes(replace(bench.job(), config=config))
