import pytest

from audits.core.errors import InputError
from audits.core.report import result_json
from audits.core.strictjson import canonical, parse
from audits.core.types import AuditResult, Estimate
from audits.gate.evidence import evidence_from, read_evidence, records_digest


def test_evidence_contains_numbers_of_estimate_metrics_details_and_engine(releases):
    found = evidence_from(releases.audit_json(), {"utility.tstr_over_trtr": releases.estimate(0.9)})
    names = "memorization.estimate memorization.hard_hits memorization.excess membership.estimate membership.auc"
    names += " membership.epsilon_lower_bound utility.tstr_over_trtr"
    assert set(found.metrics) == set(names.split())
    assert found.audits["membership"].verdict == "insufficient"
    assert read_evidence(found.to_bytes()) == found


def test_results_in_memory_give_the_same_evidence(releases):
    number = Estimate(value=0.5, low=0.4, high=0.6, confidence=0.95, n=7)
    said = {"name": "membership", "verdict": "pass", "status": "measured", "direction": "two_sided", "reason": "r"}
    numbers = {"estimate": number, "control": None, "threshold": 0.6, "details": {"n": 3}}
    result = AuditResult(**said, **numbers, metrics={"auc": number, "membership.tpr": number})
    found = evidence_from({"results": [result_json(result)]}, {})
    assert set(found.metrics) == {"membership.estimate", "membership.auc", "membership.tpr"}


WRONG_NUMBERS = ({"value": float("nan")}, {"low": 9.0}, {"n": 1.5})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("results"), "no list `results`"),
        (lambda r: r["results"].append(r["results"][0]), "membership twice|memorization twice"),
        (lambda r: r["results"][0].pop("name"), "has no `name`"),
        *((lambda r, item=item: r["results"].append(item), "has no `name`") for item in (1, "name", ["name"], None)),
        (lambda r: r["results"][0].update(verdict="fine"), "cannot be used"),
        (lambda r: r["results"][0].pop("status"), "cannot be used"),
        *((lambda r, w=w: r["results"][0]["estimate"].update(w), "cannot be used") for w in WRONG_NUMBERS),
        (lambda r: r["results"][0]["estimate"].pop("n"), "cannot be used"),
        (lambda r: r["results"][0].update(metrics={"membership.auc": {}}), "of another audit"),
        (lambda r: r["results"][1].update(details={"auc": {**r["results"][1]["estimate"], "n": 3}}), "two different"),
    ],
)
def test_malformed_reports_are_refused(releases, change, message):
    report = releases.audit_json()
    change(report)
    with pytest.raises(InputError, match=message):
        evidence_from(report, {})


def test_evidence_bytes_are_strict(releases):
    data = evidence_from(releases.audit_json(), {}).to_bytes()
    value = parse(data)
    for broken in (data + b"\n", data.replace(b"0.55", b"NaN"), canonical({**value, "x": 1}), b"[]"):
        with pytest.raises(InputError):
            read_evidence(broken)


METRIC = {"value": 0.5, "low": 0.4, "high": 0.6, "confidence": 1.0, "n": 0}
STATE = {"verdict": "pass", "status": "measured", "confidence": 1.0}


@pytest.mark.parametrize(
    "changes",
    [
        *({"metrics": {"a.b": METRIC | bad}} for bad in ({"confidence": 0.0}, {"confidence": 1.01}, {"n": -1})),
        *({"metrics": {name: METRIC}} for name in ("a", "A.b", f"a.{'b' * 79}")),
        *({"audits": {"a": {**STATE, "confidence": confidence}}} for confidence in (0.0, 1.01)),
        *({"audits": {name: STATE}} for name in ("a b", "a" * 41)),
        *({"digests": {"synthetic": digest}} for digest in ("f" * 63, "F" * 64)),
    ],
)
def test_fields_of_evidence_are_bounded(changes):
    good = {
        "schemaVersion": 2,
        "metrics": {f"a.{'b' * 78}": METRIC},
        "audits": {"a": STATE, "a" * 40: STATE},
        "digests": {},
    }
    read_evidence(canonical(good))
    with pytest.raises(InputError):
        read_evidence(canonical({**good, **changes}))


def test_numbers_of_an_audit_without_its_state_are_malformed():
    found = {"schemaVersion": 2, "metrics": {"membership.auc": METRIC, "records.synthetic": METRIC}, "digests": {}}
    read_evidence(canonical({**found, "audits": {"membership": STATE}}))
    with pytest.raises(InputError, match="has numbers of membership, but `audits` lacks this audit"):
        read_evidence(canonical({**found, "audits": {"linkage": STATE}}))


def test_digest_depends_on_texts_labels_and_number_but_not_on_order():
    one = records_digest(["a", "b", "b"], ["x", "y", "y"])
    assert one == records_digest(["b", "a", "b"], ["y", "x", "y"])
    others = [
        records_digest(["a", "b"], ["x", "y"]),
        records_digest(["a", "b", "b"], ["y", "x", "y"]),
        records_digest(["a", "b", "b "], ["x", "y", "y"]),
        records_digest(["a", "b", "b"], None),
        records_digest([], []),
    ]
    assert len({one, *others}) == 6
    with pytest.raises(ValueError, match="shorter"):
        records_digest(["a", "b"], ["x"])
