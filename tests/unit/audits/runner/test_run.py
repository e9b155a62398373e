import base64
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import audits.runner.run
from audits.core.errors import InputError, NotMeasurable
from audits.core.rates import exact
from audits.core.report import read_report
from audits.core.types import AuditInputs, Finding, without_number
from audits.gate.disclosure import public_report
from audits.gate.evidence import evidence_from
from audits.gate.policy import Policy, decide
from audits.gate.shipped import load_policy
from audits.runner.run import run

PLAIN = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s"}
RECORDS = {"id": "records", "metric": "records.synthetic", "bound": "value", "op": ">=", "limit": 1, "why": "w"}
CANARY = "Featherstonehaugh"


class Fixed:
    """An audit that passes with a number from its random stream, or raises an error."""

    rows, hits, verdict, status = (), 0.0, "pass", "measured"

    def __init__(self, name, error=None):
        self.name, self._error = name, error

    def run(self, inputs, rng, confidence):
        if self._error is not None:
            raise self._error
        drawn = exact(float(rng.random()), confidence=confidence, n=1)
        passed = replace(without_number(self.name, self.status, ""), verdict=self.verdict, estimate=drawn)
        n = len(inputs.synthetic)
        found = (Finding(row=n - 1, start=0, end=1, kind="copy", person="p"),)
        return replace(
            passed,
            metrics={"drawn": drawn, "hard_hits": exact(self.hits, confidence=1.0, n=n)},
            findings=found,
            details={"rows": n},
            quarantined=self.rows,
        )


@pytest.fixture(scope="module")
def few_inputs(people):
    """Return tables of few persons, so that the input checks of a run are fast."""
    sizes = {"synthetic": (70, "s"), "train": (65, "t"), "control": (60, "h")}
    return AuditInputs(**{role: people(n, seed=i, prefix=p) for i, (role, (n, p)) in enumerate(sizes.items(), 1)})


@pytest.fixture
def rigged(monkeypatch):
    errors = {}
    monkeypatch.setattr(audits.runner.run, "build", lambda name, _see: Fixed(name, errors.get(name)))
    return errors


def test_result_does_not_depend_on_other_audits(rigged, few_inputs):
    both = run(few_inputs, names=["memorization", "membership"], seed=5)
    one = run(few_inputs, names=["membership"], seed=5)
    assert both.result("membership") == one.result("membership")
    assert both.result("memorization").estimate != one.result("membership").estimate
    assert run(few_inputs, names=["membership"], seed=6).result("membership") != one.result("membership")
    assert both.overall == "pass"


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, MemoryError, KeyError, InputError])
def test_failed_audit_is_insufficient_and_quotes_nothing(rigged, few_inputs, error):
    rigged["memorization"] = error(CANARY)
    report = run(few_inputs, names=["memorization", "membership"])
    result = report.result("memorization")
    assert (result.status, result.verdict) == ("failed", "insufficient")
    assert error.__name__ in result.reason
    assert CANARY not in report.to_json().decode()
    assert report.overall == "insufficient"
    assert report.result("membership").verdict == "pass"


def test_not_measurable_keeps_its_reason_and_interrupt_is_raised(rigged, few_inputs):
    rigged["memorization"] = NotMeasurable("needs 5 persons")
    result = run(few_inputs, names=["memorization"]).result("memorization")
    assert (result.status, result.verdict, result.reason) == ("not_measurable", "insufficient", "needs 5 persons")
    rigged["memorization"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(few_inputs, names=["memorization"])


def test_problem_of_the_input_checks_prevents_a_pass(rigged, few_inputs):
    report = run(replace(few_inputs, train=replace(few_inputs.train, has_groups=False)), names=["memorization"])
    assert report.overall == "insufficient"
    assert "persons" in report.results[0].reason
    assert report.results[0].estimate is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": []}, "at least one audit"),
        ({"names": ["memorization", "memorization"]}, "each audit once"),
        ({"confidence": 1.0}, "below 1"),
        ({"confidence": 0.9}, r"at least 0\.95"),
        ({"seed": -1}, "negative"),
    ],
)
def test_arguments_are_checked(few_inputs, arguments, message):
    with pytest.raises(InputError, match=message):
        run(few_inputs, **arguments)


def test_progress_lines_and_names_of_metrics(rigged, few_inputs):
    lines = []
    report = run(few_inputs, names=["memorization"], progress=lines.append)
    assert set(report.result("memorization").metrics) == {"memorization.drawn", "memorization.hard_hits"}
    assert lines[-2:] == ["memorization: running (1 of 1)", "memorization: pass"]


def test_a_policy_names_the_audits(few_inputs):
    policy = load_policy("research").model_copy(update={"measured": ("memorization", "canaries"), "required": ()})
    found = {result.name: result.status for result in run(few_inputs, policy, seed=1).results}
    assert found == {"memorization": "measured", "canaries": "not_measurable"}


@pytest.mark.slow
def test_every_audit_reports_its_power(fresh_inputs):
    results = run(fresh_inputs, seed=3).results
    measured = {r.name: r.details["power"] for r in results if r.status == "measured"}
    assert {"memorization", "neighbours", "identifiers", "membership"} <= set(measured)
    for name, power in measured.items():
        assert {"n", "n_needed", "smallest_leak", "epsilon_ceiling"} <= set(power), name
        assert power["n"] > 0
        assert power["smallest_leak"] is None or 0 < power["smallest_leak"] < 1, name
    assert measured["memorization"]["smallest_leak"] == 1 / 320
    assert measured["membership"]["n"] == 248  # the attacks are fitted on a fifth of the 310 control persons
    assert measured["membership"]["n_needed"] == 912
    assert set(measured["membership"]["curve"]) == {"power", "auc", "copied_share", "epsilon"}
    assert measured["membership"]["epsilon_ceiling"] > 1
    # the distance of an AUC from one half that an attack detects with power 0.8
    assert measured["membership"]["smallest_leak"] == pytest.approx(0.0644, abs=1e-3)


def test_unkeyed_digests_prevent_a_pass(rigged, few_inputs):
    texts = list(few_inputs.synthetic.texts)
    texts[0] += " " + hashlib.sha256(few_inputs.train.groups[3].encode()).hexdigest()
    leaking = replace(few_inputs, synthetic=replace(few_inputs.synthetic, texts=tuple(texts)))
    report = run(leaking, names=["memorization"])
    assert report.overall == "insufficient"
    assert "unkeyed digests" in report.results[0].reason
    assert report.input_checks["metrics"]["problems"]["value"] == 1


def odd(inputs, *rows):
    """Return the inputs with some synthetic rows encoded in base64."""
    texts = [base64.b64encode(t.encode()).decode() if i in rows else t for i, t in enumerate(inputs.synthetic.texts)]
    return replace(inputs, synthetic=replace(inputs.synthetic, texts=tuple(texts)))


def test_a_few_illegible_rows_are_quarantined_and_the_audits_conclude_on_the_rest(rigged, few_inputs, monkeypatch):
    n = len(few_inputs.synthetic)
    report = run(odd(few_inputs, 7, 0), names=["memorization"])
    (result,) = report.results
    assert (result.verdict, result.status, result.details["rows"]) == ("pass", "measured", n - 2)
    assert [finding.row for finding in result.findings] == [n - 1]
    assert (report.quarantined, report.overall) == ({"language": (0, 7)}, "insufficient")
    assert json.loads(report.to_json())["quarantined"] == {"language": [1, 8]}
    assert read_report(report.to_json()).quarantined == report.quarantined
    assert report.input_checks["metrics"]["quarantined_rows"]["value"] == 2
    assert report.inputs["synthetic"] != run(few_inputs, names=["memorization"]).inputs["synthetic"]
    for policy in (load_policy("research"), Policy(**PLAIN, rules=(RECORDS,))):
        decision = decide(
            evidence_from(report.to_dict(), {"records.synthetic": exact(9.0, confidence=1.0, n=9)}), policy
        )
        assert any(failure.startswith("no-quarantined-row: FAIL") for failure in decision.failures)
    public = public_report(report.to_dict(), load_policy("research"))
    assert "quarantined" not in public
    assert public["input_checks"]["metrics"]["quarantined_rows"]["value"] == 1  # 1 is published for 1 to 9 rows

    monkeypatch.setattr(Fixed, "rows", (6,))
    both = run(odd(few_inputs, 0), names=["memorization"])
    assert both.quarantined == {"language": (0,), "memorization": (7,)}  # row numbers before quarantine


def test_too_many_illegible_rows_are_a_problem_and_stay_in_the_audits(rigged, few_inputs):
    report = run(odd(few_inputs, *range(8)), names=["memorization"])
    (result,) = report.results
    assert (result.verdict, result.status) == ("insufficient", "inconclusive")
    assert result.details["rows"] == len(few_inputs.synthetic)
    assert "8 synthetic rows are illegible" in result.reason
    assert report.quarantined == {}
    (result,) = run(odd(few_inputs, 3), names=["memorization"], quarantine=False).results
    assert (result.verdict, result.details["rows"]) == ("insufficient", len(few_inputs.synthetic))


def test_a_few_disguised_rows_are_quarantined_but_still_audited(rigged, few_inputs):
    texts = list(few_inputs.synthetic.texts)
    texts[3] = "".join(c + "\u200b" for c in texts[3])
    disguised = replace(few_inputs, synthetic=replace(few_inputs.synthetic, texts=tuple(texts)))
    report = run(disguised, names=["memorization"])
    (result,) = report.results
    assert (result.verdict, result.status, result.details["rows"]) == ("pass", "measured", len(texts))
    assert (report.quarantined, report.overall) == ({"input_checks": (3,)}, "insufficient")
    (result,) = run(disguised, names=["memorization"], quarantine=False).results
    assert (result.verdict, result.status) == ("insufficient", "inconclusive")
    assert "1 synthetic rows and 0 real rows contain many look-alike or invisible characters" in result.reason


def test_a_row_of_all_words_hides_no_copies(fresh_inputs):
    """Six rows are shuffled train records; the last row contains every word of train and control."""
    rng, real = np.random.default_rng(1), (*fresh_inputs.train.texts, *fresh_inputs.control.texts)
    texts = list(fresh_inputs.synthetic.texts)
    texts[:6] = [" ".join(rng.permutation(text.split())) for text in fresh_inputs.train.texts[:6]]
    texts[-1] = " ".join(rng.permutation(sorted({word for text in real for word in text.split()})))
    poisoned = replace(fresh_inputs, synthetic=replace(fresh_inputs.synthetic, texts=tuple(texts)))
    report = run(poisoned, names=["memorization"])
    assert report.quarantined["language"] == (len(texts) - 1,)
    assert report.results[0].metrics["memorization.hard_hits"].value >= 2


HITS = {"id": "hits", "metric": "memorization.hard_hits", "bound": "value", "op": "<=", "limit": 0, "why": "w"}
AUC = {**HITS, "id": "auc", "metric": "memorization.drawn", "bound": "high", "limit": 1}


def judged(report, rule):
    numbers = {"records.synthetic": exact(9.0, confidence=1.0, n=9)}
    decision = decide(evidence_from(report.to_dict(), numbers), Policy(**PLAIN, rules=(RECORDS, rule)))
    return decision.allowed


@pytest.mark.parametrize("blind", ["no persons", "another language", "too few persons", "an error", "a blind attack"])
def test_a_number_of_an_audit_without_a_verdict_meets_no_rule(rigged, few_inputs, blind, monkeypatch):
    """A count of 0 hits meets no rule if the audit could not have found a hit."""
    monkeypatch.setattr(Fixed, "hits", 0)
    inputs = few_inputs
    assert judged(run(inputs, names=["memorization"]), HITS)
    if blind == "no persons":
        inputs = replace(inputs, train=replace(inputs.train, has_groups=False))
    elif blind == "another language":
        inputs = odd(inputs, *range(40))
    elif blind == "an error":
        rigged["memorization"] = ValueError("private")
    else:
        monkeypatch.setattr(Fixed, "verdict", "insufficient")
        monkeypatch.setattr(Fixed, "status", "measured" if blind == "too few persons" else "inconclusive")
    report = run(inputs, names=["memorization"])
    assert not judged(report, HITS)
    assert judged(report, AUC) == (blind == "too few persons")  # the interval allows for too few persons


def test_problems_of_the_tables_do_not_concern_the_accounting(rigged, few_inputs, monkeypatch):
    """Otherwise private records would decide on a release whose only gate is the accounting."""
    train, control = few_inputs.train, few_inputs.control
    repeating = replace(control, texts=(*train.texts[:90], *control.texts[90:]))
    report = run(replace(few_inputs, control=repeating), names=["memorization", "accounting"])
    assert report.result("memorization").verdict == "insufficient"
    assert (report.result("accounting").verdict, report.result("accounting").status) == ("pass", "measured")
    monkeypatch.setattr(Fixed, "rows", tuple(range(len(few_inputs.synthetic))))  # more rows than may be quarantined
    report = run(few_inputs, names=["memorization", "accounting"])
    assert report.result("memorization").verdict == "insufficient"
    assert report.result("accounting").verdict == "pass"
