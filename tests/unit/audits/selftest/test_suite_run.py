"""The self-test closes the gate on an auditor that is blind, cries wolf, breaks or cannot say; and shows no text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError, NotMeasurable
from audits.core.types import AuditInputs, AuditResult
from audits.runner import run as runner
from audits.selftest import suite_run as module
from audits.selftest.cases import CASES
from audits.selftest.suite_run import chosen, gather, selftest, shown, suite_run, table

STRONG = ("verbatim", "chunk_mix", "one_identifier")


class Always:
    """An auditor who has made up his mind."""

    def __init__(self, verdict, *, n=100):
        self.verdict, self.n = verdict, n

    def run(self, _inputs, _rng, _confidence):
        power = {"n": self.n, "n_needed": 10, "smallest_leak": None, "epsilon_ceiling": None}
        return AuditResult(
            name="x",
            verdict=self.verdict,
            status="measured",
            estimate=None,
            control=None,
            threshold=None,
            direction="lower_is_safer",
            details={"power": power},
            reason=f"always {self.verdict}",
        )


class Raises:
    def __init__(self, error):
        self.error = error

    def run(self, _inputs, _rng, _confidence):
        raise self.error


@pytest.fixture(scope="module")
def inputs(people):
    train, control = people(44, seed=1, prefix="t", with_ids=True), people(90, seed=2, prefix="h", with_ids=True)
    return AuditInputs(synthetic=control, train=train, control=control)


@pytest.fixture(scope="module")
def gathered(inputs):
    return gather(inputs, 0)


@pytest.fixture
def with_audit(monkeypatch, inputs, gathered):
    """Return a function that puts an auditor in the place of all others; the people are gathered once."""

    def place(attack):
        for room in (module, runner):
            monkeypatch.setattr(room, "build", lambda _name, _see: attack)
        monkeypatch.setattr(module, "gather", lambda i, seed: gathered if i is inputs else gather(i, seed))

    return place


def outcomes(result, audit):
    return {step.case: cell.outcome for step in result.steps for cell in step.cells if cell.audit == audit}


def test_an_auditor_who_passes_everything_is_wrong_on_every_leak(inputs, with_audit):
    with_audit(Always("pass"))
    result = selftest(inputs, audits=["membership", "memorization"])
    wrong = {case for case, outcome in outcomes(result, "membership").items() if outcome == "wrong"}
    excused = {"one_class", "rotated"}  # these people have no classes, and what cannot be read passes nothing
    asked = {r.name for r in CASES if r.demand("membership") in {"must_fail", "must_not_pass"}}
    assert wrong == asked - excused
    assert len(wrong) == 11
    assert not result.is_right
    assert any("gate closed: membership is wrong on verbatim" in p and "always pass" in p for p in result.problems)


def test_an_auditor_who_stops_everything_is_wrong_on_fresh_people(inputs, with_audit):
    with_audit(Always("fail"))
    result = selftest(inputs, audits=["neighbours"])
    found = outcomes(result, "neighbours")
    assert {case for case, o in found.items() if o == "wrong"} == {"fresh_people", "permuted_roles"}
    assert found["verbatim"] == found["rotated"] == "right"
    assert "accented" not in found  # nothing is asked of it there, so it is not run
    assert found["one_identifier"] == "open"
    assert [c.verdicts for s in result.steps for c in s.cells if s.case == "permuted_roles"] == [{"fail": 20}]


def test_an_auditor_who_breaks_is_wrong_everywhere(inputs, with_audit, monkeypatch):
    with_audit(Raises(ArithmeticError("MRN 40718823 of Ann")))
    monkeypatch.setattr(module, "CASES", [replace(r, repeats=1) for r in CASES])
    result = selftest(inputs, audits=["identifiers"])
    assert set(outcomes(result, "identifiers").values()) == {"wrong"}
    assert "ArithmeticError" in result.problems[0]
    assert "Ann" not in json.dumps(result.to_json()) + table(result)


def test_an_auditor_who_cannot_say_is_not_calibrated(inputs, with_audit, monkeypatch):
    keep = {"verbatim", "fresh_people", "fresh_filtered"}
    monkeypatch.setattr(module, "CASES", [r for r in CASES if r.name in keep])
    for attack in (Always("insufficient", n=9), Raises(NotMeasurable("too few; 413 would be enough"))):
        with_audit(attack)
        result = selftest(inputs, audits=["membership"])
        found = outcomes(result, "membership")
        assert found["fresh_people"] == found["verbatim"] == "uncalibrated"
        assert found["fresh_filtered"] == "right"
        assert not result.is_right
        assert "too few people" in result.problems[0]
    with_audit(Always("insufficient", n=1000))
    assert outcomes(selftest(inputs, audits=["membership"]), "membership")["fresh_people"] == "wrong"


def test_an_error_of_ours_is_not_swallowed(inputs, with_audit):
    with_audit(Raises(KeyboardInterrupt()))  # nor is anything else that no broken audit raises
    with pytest.raises(KeyboardInterrupt):
        selftest(inputs, audits=["memorization"])


def test_tables_that_cannot_be_compared_close_the_gate(inputs, with_audit, monkeypatch):
    with_audit(Always("pass"))
    monkeypatch.setattr(module, "CASES", [r for r in CASES if r.name == "fresh_people"])
    assert selftest(inputs, audits=["memorization"]).is_right
    nameless = replace(inputs, train=replace(inputs.train, has_groups=False))
    assert "do not name persons" in selftest(nameless, audits=["memorization"]).problems[0]


def test_forty_four_people_are_enough_to_catch_leaks_and_too_few_to_be_calibrated(gathered):
    populations, problems = gathered
    assert problems == ()
    by_name = {r.name: r for r in CASES}
    audits = ("memorization", "identifiers", "neighbours", "membership")
    for name in STRONG:
        step = suite_run(by_name[name], populations[:1], audits, seed=0, confidence=0.95)
        assert {c.outcome for c in step.cells} <= {"right", "open"}, (name, step.cells)
    step = suite_run(by_name["fresh_people"], populations, audits, seed=0, confidence=0.95)
    assert {c.outcome for c in step.cells} == {"uncalibrated"}
    assert all(c.verdicts.get("fail", 0) <= 1 for c in step.cells)


def test_only_the_first_split_keeps_train_as_it_is(inputs, gathered):
    populations, _ = gathered
    everybody = set(inputs.train.groups) | set(inputs.control.groups)
    assert populations[0].train.texts == inputs.train.texts
    for people in populations:
        named = [set(people.train.groups), set(people.control.groups)]
        assert [len(named[0]), len(named[1]), people.n_unseen] == [44, 60, 30]
        assert not named[0] & named[1]
        assert named[0] | named[1] < everybody
    assert 0 < len(set(populations[1].train.groups) & set(inputs.control.groups)) < 44
    assert populations[1].train != populations[2].train


def test_a_case_that_cannot_be_made_is_not_calibrated(gathered):
    populations, _ = gathered
    short = replace(populations[0], own_run=np.zeros_like(populations[0].own_run))
    case = next(r for r in CASES if r.name == "verbatim_1_percent")
    cells = suite_run(case, [short], ("memorization", "membership"), seed=0, confidence=0.95).cells
    assert [c.outcome for c in cells] == ["uncalibrated", "open"]
    assert "11 train persons" in cells[0].reason


def test_a_way_round_is_judged_behind_the_checks_of_the_tables(gathered, monkeypatch):
    populations, _ = gathered
    case = next(r for r in CASES if r.name == "templated")
    always = Always("pass")
    monkeypatch.setattr(runner, "build", lambda _name, _see: always)
    nameless = [replace(p, train=replace(p.train, has_groups=False)) for p in populations]
    (passed,) = suite_run(case, populations, ["memorization", "linkage"], seed=0, confidence=0.95).cells
    (capped,) = suite_run(case, nameless, ["memorization", "linkage"], seed=0, confidence=0.95).cells
    assert passed.verdicts == {"pass": 3}
    assert capped.verdicts == {"insufficient": 3}


def test_the_same_seed_says_the_same_and_no_audit_changes_another(inputs, gathered):
    populations, _ = gathered
    assert [c.unseen.texts for c in gather(inputs, 0, splits=2)[0]] == [c.unseen.texts for c in populations[:2]]
    case = next(r for r in CASES if r.name == "permuted_roles")
    few = replace(case, repeats=3)

    def said(audits):
        cells = suite_run(few, populations, audits, seed=3, confidence=0.95).cells
        return {c.audit: (c.verdicts, c.reason) for c in cells}

    both = said(("memorization", "identifiers"))
    assert both == said(("memorization", "identifiers"))
    assert both["identifiers"] == said(("identifiers",))["identifiers"]


def test_lines_tell_how_far_it_is_and_nothing_shows_a_text(inputs, monkeypatch):
    planted = "zq9planted"
    texts = [f"{t} {planted}{i}" for i, t in enumerate(inputs.train.texts)]
    train = replace(inputs.train, texts=tuple(texts), groups=tuple(f"{planted}{g}" for g in inputs.train.groups))
    monkeypatch.setattr(
        module,
        "CASES",
        [replace(r, repeats=1) for r in CASES if r.name in {"verbatim", "one_identifier", "fresh_people"}],
    )
    lines = []
    result = selftest(replace(inputs, train=train), audits=["memorization", "identifiers"], progress=lines.append)
    assert "(2 of 3)" in lines[3]
    assert all(" left" in line for line in lines[2::2])
    everything = "\n".join([*lines, table(result), json.dumps(result.to_json()), repr(result)])
    assert planted not in everything
    assert not any(
        str(word) in everything for text in inputs.train.texts for word in text.split()[-3:] if "@" in word
    )


def test_the_table_shows_who_said_what(inputs, with_audit, monkeypatch):
    with_audit(Always("pass"))
    keep = {"verbatim", "fresh_people", "one_identifier"}
    monkeypatch.setattr(module, "CASES", [r for r in CASES if r.name in keep])
    result = selftest(inputs, audits=["memorization", "identifiers"])
    lines = table(result).splitlines()
    assert lines[0].split() == ["case", "memorization", "identifiers", "seconds"]
    assert lines[2].split()[:5] == ["verbatim", "passed", "WRONG", "passed", "WRONG"]
    assert lines[3].split()[:4] == ["one_identifier", "(passed)", "passed", "WRONG"]
    assert lines[4].split()[:5] == ["fresh_people", "passed", "3", "passed", "3"]
    assert lines[5].startswith("caught: ")
    cell = result.steps[0].cells[0]
    assert (
        shown(replace(cell, outcome="uncalibrated", verdicts={"insufficient": 2, "pass": 1}))
        == "passed 1, unsure 2 ?"
    )


def test_json_holds_every_cell(inputs, with_audit, monkeypatch):
    with_audit(Always("fail"))
    monkeypatch.setattr(module, "CASES", [replace(r, repeats=1) for r in CASES])
    said = json.loads(json.dumps(selftest(inputs, audits=["memorization", "membership"]).to_json()))
    assert said["schema"] == "synthgen-selftest/v1"
    assert [r["case"] for r in said["cases"]] == [r.name for r in CASES]
    assert said["cases"][0]["audits"]["membership"]["outcome"] == "right"
    assert said["n_persons"] == {"train": 44, "control": 60, "fresh": 30}
    assert said["is_right"] is False


def test_only_audits_of_the_suite_are_calibrated(monkeypatch):
    assert chosen(["membership", "memorization"]) == ("membership", "memorization")
    monkeypatch.setattr(module, "names", lambda: ("memorization", "canaries", "linkage"))
    assert chosen(None) == ("memorization", "linkage")
    for asked in ([], ["memorization", "memorization"]):
        with pytest.raises(InputError, match="at least one"):
            chosen(asked)
    with pytest.raises(InputError, match=r"'canaries' is not judged.*\n.*'smell' is not"):
        chosen(["canaries", "smell"])
