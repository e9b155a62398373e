import io
import json

import pytest

from audits.core.errors import AuditError
from synthgen.cli.utility import METRICS, study
from synthgen.core.errors import DataError, ModelMissing

WORDS = {"ant": "fever cough doctor goal", "bee": "rocket orbit engine left"}


def table(path, n, *, start=0, label=True):
    rows = []
    for i in range(start, start + n):
        name = sorted(WORDS)[i % 2]
        row = {"text": f"{WORDS[name]} number {i} {WORDS[name].split()[i % 4]}", "group": f"p{i}"}
        rows.append({**row, "label": name} if label else row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def found(tmp_path, encoder, **changes):
    synthetic, train = table(tmp_path / "s.jsonl", 16, start=100), table(tmp_path / "t.jsonl", 22)
    tables = {"synthetic": synthetic, "train": train, "test": table(tmp_path / "u.jsonl", 14, start=50)}
    return study(**{**tables, **changes}, encoder=str(encoder), seed=3, stream=io.StringIO())


@pytest.fixture(scope="module")
def encoder(new_project):
    return new_project.folder / "models" / "encoder"


def test_two_classifiers_and_three_arms_with_intervals(tmp_path, encoder):
    made = found(tmp_path, encoder)
    value = json.loads(json.dumps(made.to_json()))
    assert found(tmp_path, encoder).to_json() == made.to_json()  # the same seed gives the same study
    assert len(value["classifiers"]) == 2
    for arms in value["classifiers"].values():
        assert set(arms) == {"real", "synthetic", "real+synthetic"}
        for arm in arms.values():
            assert set(arm["per_class"]) == {"ant", "bee"}
            assert all(arm[m]["low"] <= arm[m]["value"] <= arm[m]["high"] for m in METRICS)
    assert value["classifiers"]["tfidf-linear"]["real"]["accuracy"]["value"] == 1  # the words give it away
    text = made.to_text().splitlines()
    assert text[0].startswith("tested on 14 real records")
    assert len(text) == 2 + 2 * 3


@pytest.mark.parametrize("role", ["synthetic", "train", "test"])
def test_a_table_without_labels_is_named(tmp_path, encoder, role):
    plain = table(tmp_path / "plain.jsonl", 9, label=False)
    with pytest.raises(DataError, match=r"plain\.jsonl: has no column 'label'"):
        found(tmp_path, encoder, **{role: plain})


def test_a_missing_table_or_encoder_raises_an_error(tmp_path, encoder):
    with pytest.raises(AuditError, match=r"none\.jsonl"):
        found(tmp_path, encoder, train=tmp_path / "none.jsonl")
    with pytest.raises(ModelMissing):
        found(tmp_path, tmp_path / "no-encoder")
