import io
import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from audits.core.errors import AuditError
from audits.core.strictjson import with_tuples
from audits.gate.evidence import records_digest
from audits.gate.utility import EvaluationFile
from synthgen.cli.main import app
from synthgen.cli.utility import Measure, study
from synthgen.compare.study import METRICS
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
    columns = changes.pop("columns", ("text", "label", "group"))
    measure = Measure(encoder=str(encoder), seed=3, **changes.pop("measure", {}))
    return study(**{**tables, **changes}, measure=measure, stream=io.StringIO(), columns=columns)


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
    assert value["classifiers"]["tfidf-linear"]["real"]["accuracy"]["value"] == 1  # the words identify the class
    text = made.to_text().splitlines()
    assert text[0].startswith("tested on 14 real records")
    assert len(text) == 2 + 2 * 3


def test_the_command_prints_and_writes_the_study(tmp_path, encoder):
    wanted, out = json.loads(json.dumps(found(tmp_path, encoder).to_json())), tmp_path / "out.json"
    options = {"synthetic": "s.jsonl", "train": "t.jsonl", "test": "u.jsonl", "out": out.name}
    words = [word for name, file in options.items() for word in (f"--{name}", str(tmp_path / file))]
    done = CliRunner().invoke(app, ["evaluate", *words, "--encoder", str(encoder), "--seed", "3", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads(out.read_text()) == wanted
    for word in (*wanted["classifiers"], "real+synthetic", "macro_f1"):
        assert word in done.stderr


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


def test_other_columns_of_the_synthetic_table_are_ignored_and_the_tables_are_bound(tmp_path, encoder):
    """A release has the column id, pandas writes an index, and a user's column may hold anything."""
    rows = [json.loads(line) for line in table(tmp_path / "rows.jsonl", 16, start=100).read_text().splitlines()]
    frame = pd.DataFrame([{k: row[k] for k in ("text", "label")} for row in rows])
    plain = frame.assign(id=[f"{i:032x}" for i in range(16)], topic="x")
    digests = []
    for name, odd in {"release": plain, "index": frame.set_index(pd.Index(range(5, 85, 5)))}.items():
        odd.to_parquet(tmp_path / f"{name}.parquet")
        made = found(tmp_path, encoder, synthetic=tmp_path / f"{name}.parquet").to_json()
        digests.append(made["synthetic"])
        assert made["schema_name"] == "synthgen-evaluation/v1"
        assert made["metrics"]["balance.tv_distance"]["value"] == 0
        EvaluationFile.model_validate(with_tuples(json.loads(json.dumps(made))))
    assert digests == [records_digest([row["text"] for row in rows], [row["label"] for row in rows])] * 2


def test_columns_balance_and_confidence_can_be_chosen(tmp_path, encoder):
    tables = {}
    for name, n in {"synthetic": 12, "train": 22, "test": 14}.items():
        rows = [
            json.loads(line) for line in table(tmp_path / "rows.jsonl", n, start=100 * n).read_text().splitlines()
        ]
        renamed = [{"note": r["text"], "topic": r["label"], "who": r["group"]} for r in rows]
        if name == "train":
            renamed = [row for row in renamed if row["topic"] == "ant"] + renamed[1:8:2]
        tables[name] = tmp_path / f"{name}.jsonl"
        tables[name].write_text("".join(json.dumps(row) + "\n" for row in renamed))
    for balance, distance in (("as-source", 0.25), ("equal", 0)):
        options = {"columns": ("note", "topic", "who"), "measure": {"balance": balance, "confidence": 0.992}}
        made = found(tmp_path, encoder, **tables, **options).to_json()
        assert made["metrics"]["balance.tv_distance"]["value"] == pytest.approx(distance, abs=0.01)
        assert made["metrics"]["utility.tstr_over_trtr"]["confidence"] == pytest.approx(0.992)
