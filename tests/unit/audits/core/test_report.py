import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import InputError
from audits.core.report import AuditReport, audit_schema, private_bytes, read_private, read_report
from audits.core.types import AuditResult, Estimate, Finding

finite = st.floats(-1e6, 1e6, width=32)
estimates = st.builds(
    lambda ends, n: Estimate(value=ends[1], low=ends[0], high=ends[2], confidence=0.95, n=n),
    st.tuples(finite, finite, finite).map(sorted),
    st.integers(0, 10**9),
)
results = st.builds(
    AuditResult,
    name=st.sampled_from(["memorization", "membership"]),
    verdict=st.sampled_from(["pass", "fail", "insufficient"]),
    status=st.sampled_from(["measured", "not_measurable", "failed"]),
    estimate=st.none() | estimates,
    control=st.none() | estimates,
    threshold=st.none() | finite | st.tuples(finite, finite),
    direction=st.sampled_from(["lower_is_safer", "two_sided"]),
    metrics=st.dictionaries(st.sampled_from(["memorization.a", "memorization.b"]), estimates),
    details=st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.lists(finite, max_size=2)),
    reason=st.text(max_size=9),
)


def report(*found):
    return AuditReport(results=found, inputs={"train": "ab" * 32}, tool="t 1")


def result(verdict="pass", **changes):
    fields = {"name": "memorization", "status": "measured", "direction": "lower_is_safer", "reason": ""}
    return AuditResult(verdict=verdict, **fields, **changes)


@given(st.lists(results, max_size=3))
def test_json_round_trip(found):
    made = report(*found)
    assert read_report(made.to_json()) == made
    assert read_report(made.to_json()).to_json() == made.to_json()


@given(results)
def test_private_round_trip(result):
    rows = {"findings": (Finding(row=3, start=0, end=5, kind="name", person="p-7"),), "quarantined": (0, 4)}
    found = read_private(private_bytes(replace(result, **rows)))
    assert (found.findings, found.quarantined) == (rows["findings"], rows["quarantined"])
    assert report(replace(found, findings=(), quarantined=())).to_json() == report(result).to_json()


def test_private_results_that_are_not_json_or_damaged_are_rejected():
    with pytest.raises(InputError, match="the result of memorization cannot be written"):
        private_bytes(result(details={"share": float("nan")}))
    with pytest.raises(InputError, match="not the private result"):
        read_private(private_bytes(result())[:-3])


def test_overall_is_the_worst_verdict():
    verdicts = [[], ["pass"], ["pass", "insufficient"], ["insufficient", "fail", "pass"]]
    found = [report(*map(result, each)).overall for each in verdicts]
    assert found == ["insufficient", "pass", "insufficient", "fail"]


def test_the_fields_of_the_report_are_stable():
    value = json.loads(report(result(threshold=(0.1, 0.9))).to_json())
    assert {"schemaVersion", "overall", "results", "inputs", "tool"} <= value.keys()
    assert value["schemaVersion"] == 4
    named = {"name", "verdict", "status", "estimate", "control", "threshold", "direction", "metrics", "details"}
    assert value["results"][0].keys() == named | {"reason", "confidence"}
    assert value["results"][0]["threshold"] == [0.1, 0.9]
    assert report(result()).to_dict() == json.loads(report(result()).to_json())
    schema = audit_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) >= {"schemaVersion", "overall", "results", "inputs", "tool"}


def test_numpy_values_are_written_as_numbers():
    value = json.loads(report(result(details={"a": np.int64(3), "b": np.array([1, 2]), "c": (1, 2)})).to_json())
    assert value["results"][0]["details"] == {"a": 3, "b": [1, 2], "c": [1, 2]}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), object(), b"x"])
def test_values_that_are_not_json_are_rejected(bad):
    with pytest.raises(InputError, match="cannot be written"):
        report(result(details={"a": bad})).to_json()


@pytest.mark.parametrize("change", [{"extra": 1}, {"schemaVersion": 1}, {"overall": "fine"}, {"seed": 3}])
def test_other_documents_are_rejected(change):
    value = json.loads(report(result()).to_json()) | change
    with pytest.raises(InputError, match="not an audit report") as caught:
        read_report(json.dumps(value).encode())
    assert next(iter(change)) in caught.value.problems[0]
