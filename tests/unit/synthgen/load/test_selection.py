"""The switches of the source section: one spelling per label, no repetitions, no small class."""

import json
from collections import Counter

import pytest

from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Record
from synthgen.load import load
from synthgen.load.config import SourceConfig
from synthgen.load.selection import with_own_persons

BASE = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
ROWS = [
    (BASE, "Surgery", "p1"),
    (f"{BASE}!", "Surgery", "p1"),
    (BASE.upper(), "SURGERY", "p2"),
    ("another text of the second person", "surgery ", "p2"),
    ("a text about the heart", "Cardiology", "p3"),
    ("a text about the lungs", "N/A", "p4"),
    ("a text about the skin", "Skin", "p5"),
    ("a second text about the skin", "Skin", "p6"),
]


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(
        "".join(json.dumps(dict(zip(("text", "label", "group"), row, strict=True))) + "\n" for row in ROWS)
    )

    def read(**keys):
        source = SourceConfig(path=str(path), group="group", max_bad_rows=0.5, **keys)
        return load(source, path, SeedTree(1))

    return read


def test_without_switches_nothing_changes(found):
    report = found()
    assert len(report.corpus) == len(ROWS)
    assert set(report.corpus.labels) == {"Surgery", "SURGERY", "surgery", "Cardiology", "N/A", "Skin"}
    assert len(report.notes) == 3
    assert report.removed["copied_share"] > 0


def test_labels_get_one_spelling_and_missing_values_are_bad_rows(found):
    report = found(normalize_labels=True)
    assert report.corpus.counts() == {"Surgery": 4, "Cardiology": 1, "Skin": 2}
    assert report.bad_counts() == {"missing label": 1}
    assert report.notes[0] == "5 spellings of labels became 3 classes (source.normalize_labels)"
    listed = found(normalize_labels=True, labels=("surgery", "Skin"))
    assert listed.corpus.counts() == {"surgery": 4, "Skin": 2}


@pytest.mark.parametrize(("dedupe", "n"), [("off", 0), ("within-person", 1), ("all", 2)])
def test_repetitions_are_removed_and_counted(found, dedupe, n):
    report = found(dedupe=dedupe)
    assert len(report.corpus) == len(ROWS) - n
    assert report.corpus.texts[0] == BASE
    assert any(note.startswith(f"{n} near repetitions of") for note in report.notes) == (n > 0)
    assert report.counts()["repeated"] == n


def test_small_classes_are_refused_removed_or_merged(found):
    keys = {"normalize_labels": True, "min_class": {"count": 2}}
    with pytest.raises(DataError, match="1 classes have fewer than 2 persons") as refused:
        found(**keys)
    assert refused.value.problems == ("'Cardiology': 1 person",)
    dropped = found(**{**keys, "min_class": {"count": 2, "then": "drop"}})
    assert dropped.corpus.counts() == {"Surgery": 4, "Skin": 2}
    merged = found(**{**keys, "min_class": {"count": 2, "then": "merge"}})
    assert merged.corpus.counts() == {"Surgery": 4, "other": 1, "Skin": 2}
    assert dropped.removed["in_small_classes"] == merged.removed["in_small_classes"] == 1
    assert "merged into 'other' (source.min_class): 'Cardiology': 1 person" in merged.notes[-1]


def test_two_listed_spellings_of_one_class_are_an_error(found):
    with pytest.raises(ValueError, match="spellings of the same class"):
        found(normalize_labels=True, labels=("Skin", "skin"))


def test_switches_that_compare_persons_are_refused_under_a_budget():
    source = {"path": "s", "group": "g", "labels": ["a"], "dedupe": "all", "min_class": {"count": 3}}
    budget = {"dp": {"epsilon": 1, "delta": 1e-5, "persons": 1000}}
    fields = {"version": 1, "source": source, "interpolate": {"method": "dp-gaussian", "total": 9}, **budget}
    with pytest.raises(ConfigError) as refused:
        Config.parse(fields)
    for name in ("source.dedupe: all", "source.min_class"):
        assert name in str(refused.value)


def test_rows_of_unrelated_tables_are_different_persons():
    def groups(*texts):
        records = [Record(id=str(i), text=t, label="a", group=f"record-{i}") for i, t in enumerate(texts)]
        return [record.group for record in with_own_persons(records)]

    first = groups("One.", "Two.", "One.")
    assert len(set(first)) == 3  # each row is a person, also where texts are equal
    assert groups("Two.", "One.", "One.") == [first[1], first[0], first[2]]
    assert set(groups("Other.", "Texts.")).isdisjoint(first)


def test_of_one_person_a_sample_that_depends_on_the_seed_is_kept(tmp_path):
    path = tmp_path / "s.jsonl"
    rows = [{"text": f"text {i}", "label": "a", "group": f"p{i % 2}"} for i in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = SourceConfig(path=str(path), group="group", max_per_person=3)
    kept = [load(source, path, SeedTree(seed)).corpus for seed in (1, 1, 2)]
    assert kept[0] == kept[1] != kept[2]
    assert Counter(record.group for record in kept[0].records) == {"p0": 3, "p1": 3}
    assert load(source, path, SeedTree(1)).removed["over_max_per_person"] == 14


def test_copied_text_is_noted_and_removed_on_request(tmp_path):
    path = tmp_path / "s.jsonl"
    rows = [{"text": text, "label": "a", "group": "p"} for text in (f"{BASE}.", f"{BASE}. And a new sentence.")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept = load(SourceConfig(path=str(path), group="group"), path, SeedTree(1))
    assert [note.partition(" repeat")[0] for note in kept.notes] == ["36% of the passages of ten words"]
    removed = load(SourceConfig(path=str(path), group="group", copy_forward="remove-sentences"), path, SeedTree(1))
    assert removed.corpus.texts == [f"{BASE}.", "And a new sentence."]
    (note,) = removed.notes
    assert removed.counts()["copied_share"] == pytest.approx(5 / 14)
    assert (removed.removed["copied_sentences"], removed.removed["copied_records"]) == (1, 0)
    assert note.endswith(
        "of the same person; 1 sentences and 0 whole records were removed (source.copy_forward: remove-sentences)"
    )


def test_the_share_of_copied_text_is_stated_also_if_nothing_is_copied(tmp_path):
    path = tmp_path / "s.jsonl"
    rows = [{"text": text, "label": "a", "group": "p"} for text in (f"{BASE}.", "A text about the heart.")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load(SourceConfig(path=str(path), group="group"), path, SeedTree(1))
    assert found.removed["copied_share"] == 0
    assert [note.partition(" repeat")[0] for note in found.notes] == ["0% of the passages of ten words"]
    without = load(SourceConfig(path=str(path)), path, SeedTree(1))
    assert (without.notes, "copied_share" in without.counts()) == ((), False)


def test_which_records_of_a_person_are_kept_does_not_depend_on_other_persons(tmp_path):
    own = [{"text": f"text {i}", "label": "a", "group": "p"} for i in range(9)]
    others = [{"text": f"other {i}", "label": "a", "group": f"q{i}"} for i in range(4)]
    source = SourceConfig(path="s.jsonl", group="group", max_per_person=3)
    kept = []
    for rows in (own, [*others, *own], [others[0], *own[:5], *others[1:], *own[5:]]):
        path = tmp_path / "s.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found = load(source, path, SeedTree(1)).corpus.records
        kept.append([record.text for record in found if record.group == "p"])
    assert kept[0] == kept[1] == kept[2]
    assert len(kept[0]) == 3
