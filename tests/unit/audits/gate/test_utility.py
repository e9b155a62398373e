"""Strict reading of evaluation.json; tests/unit/audits/cli/test_main.py binds it to tables and applies a policy."""

import json

import pytest
from pydantic import ValidationError

from audits.core.errors import InputError
from audits.gate.utility import SCHEMA, EvaluationFile, read_utility

NUMBER = {"value": 0.9, "low": 0.85, "high": 0.95, "confidence": 0.975, "n": 300}
GOOD = {
    **dict.fromkeys(("records", "test_persons", "classifiers", "ratios", "style", "not_measured", "confidence"), 1),
    **dict.fromkeys(("synthetic", "train", "test"), "0" * 64),
    "schema_name": SCHEMA,
    "metrics": {"utility.tstr_over_trtr": NUMBER},
}


def test_metrics_become_estimates():
    (estimate,) = EvaluationFile.model_validate(GOOD).numbers().values()
    assert (estimate.low, estimate.n) == (0.85, 300)


@pytest.mark.parametrize(
    "change",
    [
        {"schema_name": "synthgen-evaluation/v0"},
        {"metrics": {"linkage.rate": NUMBER}},
        {"metrics": {"utility.x": {**NUMBER, "low": 0.99}}},
        {"train": "0"},
        {"more": 1},
    ],
)
def test_malformed_evaluations_are_rejected(change):
    with pytest.raises(ValidationError):
        EvaluationFile.model_validate({**GOOD, **change})


@pytest.mark.parametrize(("data", "message"), [(b"{", "JSON"), (b"{}", "not a result of"), (None, "cannot be read")])
def test_unreadable_files_are_rejected(tmp_path, fresh_inputs, data, message):
    if data is not None:
        (tmp_path / "e.json").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_utility(tmp_path / "e.json", fresh_inputs)


def test_an_evaluation_of_other_tables_is_rejected_and_names_them(tmp_path, fresh_inputs):
    (tmp_path / "e.json").write_text(json.dumps(GOOD))
    with pytest.raises(InputError, match="does not match the tables") as caught:
        read_utility(tmp_path / "e.json", fresh_inputs)
    assert [line.split(" table ")[0] for line in caught.value.problems] == ["its synthetic", "its train", "its test"]
