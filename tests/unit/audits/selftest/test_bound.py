import pytest

from audits.core.errors import InputError
from audits.gate.evidence import Evidence, evidence_from
from audits.gate.policy import Policy, decide
from audits.selftest.bound import bound_selftest, check_bound, read_selftest

TABLES = {"train": "a" * 64, "control": "b" * 64, "synthetic": "c" * 64}
TOOL = "synthgen-audits 1"


def result(**outcomes):
    cases = []
    for i, (demand, outcome) in enumerate([("must_fail", "right"), ("blind", "open"), ("must_pass", "right")]):
        cell = {"demand": demand, "outcome": outcome, "reason": "301 are"}
        cells = {a: {**cell, "outcome": outcomes.get(a, {}).get(i, outcome)} for a in ("memorization", "linkage")}
        cases.append({"case": f"r{i}", "audits": cells})
    return {"audits": ["memorization", "linkage"], "cases": cases, "n_persons": {"train": 301}}


def bound(tables=TABLES, salt="1" * 64, **outcomes):
    return bound_selftest(result(**outcomes), tables, salt=salt, tool=TOOL)


def policy(**changes):
    given = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s", "selftest": ("memorization",)}
    return Policy(**{**given, **changes})


def decided(test, *, digest=True):
    digests = {"selftest": test.digest()} if digest else {}
    return decide(evidence_from({"results": []}, test.numbers(), digests), policy())


def test_self_test_without_a_wrong_case_passes():
    decision = decided(bound())
    assert [(o.id, o.verdict) for o in decision.outcomes] == [("selftest-memorization", "PASS")]
    assert bound().numbers()["selftest.memorization_wrong"].n == 2  # a case without a demand ("blind") does not count


@pytest.mark.parametrize("outcome", ["wrong", "uncalibrated"])
def test_one_wrong_case_closes_the_gate(outcome):
    assert not decided(bound(memorization={0: outcome})).allowed
    assert decided(bound(linkage={0: outcome})).allowed  # this policy does not require the audit with the wrong case


def test_a_missing_self_test_is_no_pass():
    (failure, *_) = decide(Evidence(metrics={}, audits={}), policy()).failures
    assert failure.startswith("selftest-memorization: INSUFFICIENT")
    assert not decided(bound(), digest=False).allowed
    other = bound_selftest({"audits": [], "cases": []}, TABLES, salt="1" * 64, tool=TOOL)
    assert not decided(other).allowed
    empty = bound().model_copy(update={"audits": {"memorization": {}}})  # no case has a demand on the audit
    assert not decided(empty).allowed


def test_self_test_is_bound_to_tables_tool_and_salt_and_has_no_counts(tmp_path):
    assert bound(salt="1" * 64).digest() != bound(salt="2" * 64).digest()
    assert b"301" not in bound().to_bytes()  # the number of train persons
    path = tmp_path / "selftest.json"
    path.write_bytes(bound().to_bytes())
    test = read_selftest(path)
    assert test == bound()
    check_bound(test, TABLES, TOOL)
    others = [({**TABLES, role: "d" * 64}, TOOL) for role in ("train", "control")]
    for tables, tool in (*others, (TABLES, "x")):
        with pytest.raises(InputError, match="does not match these tables or audits"):
            check_bound(test, tables, tool)


def test_invalid_file_is_refused(tmp_path):
    path = tmp_path / "selftest.json"
    for data in (b"{}", b"[", bound().to_bytes() + b" ", bound().to_bytes().replace(b'"right"', b'"fine"')):
        path.write_bytes(data)
        with pytest.raises(InputError):
            read_selftest(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_selftest(tmp_path / "none")
