from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from synthgen.receive.difference import _compared_records, _differing, difference
from synthgen.receive.received import read_received


def test_the_same_data_released_on_another_day_are_equal(bundle, releases, tmp_path):
    later = releases.bundle(tmp_path, now=releases.LATER + releases.DAY)
    found = difference(read_received(bundle), read_received(later))
    fields = found.to_json()
    assert found.is_equal
    assert fields["statement"] == fields["settings"] == {}
    assert {"releaseId", "timeCreated", "expires"} <= set(fields["release"])
    assert "README.md" in fields["files"]["changed"]
    assert fields["records"] == {"a": 11, "b": 11, "equal": 11, "onlyA": 0, "onlyB": 0, "otherLabel": 0}
    assert found.to_text().splitlines()[-1] == "EQUAL in content; nothing was verified"


def test_each_part_that_differs_is_listed(bundle, releases, tmp_path):
    settings = releases.settings(method="smote", k_neighbors=9)
    rows = [("a new text", "cardiology"), *releases.records()[1:]]
    (one, label), (two, other) = rows[1:3]
    rows[1:3] = (one, other), (two, label)
    models = [
        {**model, "digest": {"sha256": letter * 64}} for model, letter in zip(releases.models(), "ed", strict=True)
    ]
    changes = {"records": rows, "config": settings, "models": models, "formats": ("jsonl",)}
    found = difference(read_received(bundle), read_received(releases.bundle(tmp_path, **changes)))
    fields = found.to_json()
    assert not found.is_equal
    assert fields["statement"]["models.decoder.digest.sha256"] == ["d" * 64, "e" * 64]
    assert fields["settings"]["interpolate.k_neighbors"][1] == 9
    assert fields["files"]["onlyA"] == ["data/train-00000-of-00001.parquet"]
    assert fields["records"] == {"a": 11, "b": 11, "equal": 10, "onlyA": 1, "onlyB": 1, "otherLabel": 2}
    text = found.to_text()
    assert "only in A: data/train-00000-of-00001.parquet" in text
    assert "a new text" not in text
    assert text.endswith("DIFFERENT in content; nothing was verified")


def test_gates_and_measured_numbers_are_shown_side_by_side(bundle, releases, tmp_path):
    policy = releases.POLICY.replace("limit: 0.75", "limit: 0.7").replace("id: hits", "id: copies")
    found = difference(read_received(bundle), read_received(releases.bundle(tmp_path, policy)))
    fields, lines = found.to_json(), found.to_text().splitlines()
    assert [side["threshold"] for side in fields["gates"]["auc"]] == [0.75, 0.7]
    assert fields["gates"]["hits"][1] is None
    assert fields["gates"]["copies"][0] is None
    assert "gate (differs): auc: 0.6 <= 0.75 PASS | 0.6 <= 0.7 PASS" in lines
    assert "measured: membership.auc: 0.55 [0.5, 0.6], n 500 | 0.55 [0.5, 0.6], n 500" in lines


def test_another_measured_number_alone_makes_bundles_differ(bundle):
    received = read_received(bundle)
    metrics = dict(received.evidence.metrics)
    metrics["membership.auc"] = metrics["membership.auc"].model_copy(update={"value": 0.56})
    found = difference(received, replace(received, evidence=SimpleNamespace(metrics=metrics)))
    assert not found.is_equal
    assert [side["value"] for side in found.to_json()["measured"]["membership.auc"]] == [0.55, 0.56]
    assert difference(received, received).is_equal


def test_lists_are_compared_by_role_or_by_number():
    a = {"models": [{"role": "x", "n": 1}, {"role": "y", "n": 2}], "list": [1, 2]}
    b = {"models": [{"role": "y", "n": 2}], "list": [1, 3, 4]}
    found = _differing(a, b)
    assert found == {"models.x.role": ["x", None], "models.x.n": [1, None], "list.1": [2, 3], "list.2": [None, 4]}


class Rows:
    """Stand-in for a bundle that has only rows."""

    def __init__(self, rows):
        self.rows = [("", text, label) for text, label in rows]


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=9)


@given(ROWS, ROWS)
def test_counts_of_texts_add_up(a, b):
    found, back = _compared_records(Rows(a), Rows(b)), _compared_records(Rows(b), Rows(a))
    assert (found["equal"] + found["onlyA"], found["equal"] + found["onlyB"]) == (len(a), len(b))
    assert 0 <= found["otherLabel"] <= found["equal"] == back["equal"]
    is_same = Counter(a) == Counter(b)
    assert is_same == (found["equal"] - found["otherLabel"] == len(a) == len(b))
