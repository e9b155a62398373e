"""The self-test detects audits that miss leaks, raise false alarms or fail, and it shows no text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError, NotMeasurable
from audits.core.types import AuditInputs, without_number
from audits.runner import run as runner
from audits.selftest import run_suite as module
from audits.selftest.bound import bound_selftest
from audits.selftest.cases import CASES
from audits.selftest.run_suite import format_cell, format_table, make_populations, run_case, run_suite, select_audits

STRONG = ("verbatim", "chunk_mix", "one_identifier")


class Always:
    """An audit with a constant verdict."""

    def __init__(self, verdict, *, n=100):
        self.verdict, self.n = verdict, n

    def run(self, _inputs, _rng, _confidence):
        power = {"n": self.n, "n_needed": 10, "smallest_leak": None, "epsilon_ceiling": None}
        result = without_number("x", "measured", f"always {self.verdict}")
        return replace(result, verdict=self.verdict, details={"power": power})


class Quarantines:
    """An audit that passes and quarantines given rows of the synthetic table."""

    def __init__(self, rows_of):
        self.rows_of = rows_of

    def run(self, inputs, _rng, _confidence):
        result = Always("pass").run(inputs, _rng, _confidence)
        return replace(result, quarantined=tuple(self.rows_of(inputs.synthetic.texts)))


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
def populations_found(inputs):
    return make_populations(inputs, 0)


@pytest.fixture
def with_audit(monkeypatch, inputs, populations_found):
    """Return a function that replaces all audits by one; the populations are computed once."""

    def place(attack):
        for room in (module, runner):
            monkeypatch.setattr(room, "build", lambda _name, _see: attack)
        found = lambda i, seed: populations_found if i is inputs else make_populations(i, seed)  # noqa: E731
        monkeypatch.setattr(module, "make_populations", found)

    return place


@pytest.fixture(scope="module")
def whole(inputs, populations_found):
    """Return the result of the whole suite with audits that always pass, fail or raise an error."""
    audits = {"memorization": Always("pass"), "membership": Always("pass"), "neighbours": Always("fail")}
    audits["identifiers"] = Raises(ArithmeticError("MRN 40718823 of Ann"))
    with pytest.MonkeyPatch.context() as patch:
        for room in (module, runner):
            patch.setattr(room, "build", lambda name, _see: audits[name])
        patch.setattr(module, "make_populations", lambda *_: populations_found)
        return run_suite(inputs, audits=list(audits))


@pytest.fixture
def keep_cases(monkeypatch):
    """Return a function that limits the suite to some cases."""
    return lambda *names: monkeypatch.setattr(module, "CASES", [r for r in CASES if r.name in names])


def case_named(name):
    return next(case for case in CASES if case.name == name)


def outcomes(result, audit):
    return {r.case: cell.outcome for r in result.cases for cell in r.cells if cell.audit == audit}


@pytest.mark.slow
def test_an_audit_that_always_passes_is_wrong_on_every_leak(whole):
    wrong = {case for case, outcome in outcomes(whole, "membership").items() if outcome == "wrong"}
    demanded = {r.name for r in CASES if r.demand("membership") in {"must_fail", "must_not_pass"}}
    assert wrong == demanded - {"one_class", "rotated"}  # the tables have no classes; illegible text never passes
    assert len(wrong) == 11
    assert not whole.is_right
    assert any(
        "self-test not passed: membership gives a wrong verdict on verbatim" in p and "always pass" in p
        for p in whole.problems
    )


def test_an_audit_that_always_fails_is_wrong_on_clean_releases(whole):
    found = outcomes(whole, "neighbours")
    assert {case for case, o in found.items() if o == "wrong"} == {"fresh_people", "permuted_roles"}
    assert found["verbatim"] == found["rotated"] == "right"
    assert "accented" not in found  # a case with `only_demanded` runs only the audits with a demand
    assert found["one_identifier"] == "open"
    assert [
        c.verdicts for r in whole.cases for c in r.cells if (r.case, c.audit) == ("permuted_roles", "neighbours")
    ] == [{"fail": 20}]


def test_selftest_json_counts_each_case_with_a_demand(whole):
    bound = bound_selftest(whole.to_json(), dict.fromkeys(("train", "control"), "a" * 64), salt="1" * 64, tool="t")
    for audit in whole.audits:
        demanded = [case for case in CASES if case.demand(audit) != "blind"]
        assert bound.numbers()[f"selftest.{audit}_wrong"].n == len(demanded) > 9


def test_an_error_is_wrong_on_every_case_and_an_interrupt_is_raised(inputs, whole, with_audit, keep_cases):
    assert set(outcomes(whole, "identifiers").values()) == {"wrong"}
    (problem,) = [
        p for p in whole.problems if p.startswith("self-test not passed: identifiers gives a wrong verdict on")
    ]
    assert "ArithmeticError" in problem
    assert "Ann" not in json.dumps(whole.to_json()) + format_table(whole)
    with_audit(Raises(KeyboardInterrupt()))
    keep_cases("verbatim")
    with pytest.raises(KeyboardInterrupt):
        run_suite(inputs, audits=["memorization"])


def test_an_insufficient_audit_is_uncalibrated_only_with_too_few_persons(inputs, with_audit, keep_cases):
    keep_cases("verbatim", "fresh_people", "fresh_filtered")
    for attack in (Always("insufficient", n=9), Raises(NotMeasurable("too few; 413 would be enough"))):
        with_audit(attack)
        result = run_suite(inputs, audits=["membership"])
        found = outcomes(result, "membership")
        assert found["fresh_people"] == found["verbatim"] == "uncalibrated"
        assert found["fresh_filtered"] == "right"
        assert not result.is_right
        assert "too few persons" in result.problems[0]
    with_audit(Always("insufficient", n=1000))
    assert outcomes(run_suite(inputs, audits=["membership"]), "membership")["fresh_people"] == "wrong"


def test_problems_of_the_input_checks_close_the_gate(inputs, with_audit, keep_cases):
    with_audit(Always("pass"))
    keep_cases("fresh_people")
    assert run_suite(inputs, audits=["memorization"]).is_right
    nameless = replace(inputs, train=replace(inputs.train, has_groups=False))
    assert "do not identify persons" in run_suite(nameless, audits=["memorization"]).problems[0]


@pytest.mark.slow
def test_44_persons_suffice_to_detect_leaks_but_not_for_calibration(populations_found):
    populations, problems = populations_found
    assert problems == ()
    audits = ("memorization", "identifiers", "neighbours", "membership")
    for name in STRONG:
        result = run_case(case_named(name), populations[:1], audits, seed=0, confidence=0.95)
        assert {c.outcome for c in result.cells} <= {"right", "open"}, (name, result.cells)
    result = run_case(case_named("fresh_people"), populations, audits, seed=0, confidence=0.95)
    assert {c.outcome for c in result.cells} == {"uncalibrated"}
    assert all(c.verdicts.get("fail", 0) <= 1 for c in result.cells)


def test_only_the_first_split_keeps_train_unchanged(inputs, populations_found):
    populations, _ = populations_found
    everybody = set(inputs.train.groups) | set(inputs.control.groups)
    assert populations[0].train.texts == inputs.train.texts
    for people in populations:
        named = [set(people.train.groups), set(people.control.groups)]
        assert [len(named[0]), len(named[1]), people.n_unseen] == [44, 60, 30]
        assert not named[0] & named[1]
        assert named[0] | named[1] < everybody
    assert 0 < len(set(populations[1].train.groups) & set(inputs.control.groups)) < 44
    assert populations[1].train != populations[2].train


def test_a_case_that_cannot_be_built_is_uncalibrated(populations_found):
    populations, _ = populations_found
    short = replace(populations[0], own_run=np.zeros_like(populations[0].own_run))
    case = case_named("verbatim_1_percent")
    cells = run_case(case, [short], ("memorization", "membership"), seed=0, confidence=0.95).cells
    assert [c.outcome for c in cells] == ["uncalibrated", "open"]
    assert "11 train persons" in cells[0].reason


def test_evasions_run_behind_the_input_checks(populations_found, monkeypatch):
    populations, _ = populations_found
    case = case_named("templated")
    always = Always("pass")
    monkeypatch.setattr(runner, "build", lambda _name, _see: always)
    nameless = [replace(p, train=replace(p.train, has_groups=False)) for p in populations]
    (passed,) = run_case(case, populations, ["memorization", "linkage"], seed=0, confidence=0.95).cells
    (capped,) = run_case(case, nameless, ["memorization", "linkage"], seed=0, confidence=0.95).cells
    assert passed.verdicts == {"pass": 3}
    assert capped.verdicts == {"insufficient": 3}


def test_results_depend_on_the_seed_and_not_on_other_audits(inputs, populations_found):
    populations, _ = populations_found
    again = make_populations(inputs, 0, splits=2)[0]
    assert [c.unseen.texts for c in again] == [c.unseen.texts for c in populations[:2]]
    few = replace(case_named("permuted_roles"), repeats=1)

    def results(audits):
        cells = run_case(few, populations, audits, seed=3, confidence=0.95).cells
        return {c.audit: (c.verdicts, c.reason) for c in cells}

    both = results(("memorization", "identifiers"))
    assert both == results(("memorization", "identifiers"))
    assert both["identifiers"] == results(("identifiers",))["identifiers"]


def test_progress_lines_and_results_contain_no_text(inputs, monkeypatch):
    planted = "zq9planted"
    texts = [f"{t} {planted}{i}" for i, t in enumerate(inputs.train.texts)]
    train = replace(inputs.train, texts=tuple(texts), groups=tuple(f"{planted}{g}" for g in inputs.train.groups))
    cases = [replace(case_named(name), repeats=1) for name in ("verbatim", "one_identifier", "fresh_people")]
    monkeypatch.setattr(module, "CASES", cases)
    lines = []
    result = run_suite(replace(inputs, train=train), audits=["memorization", "identifiers"], progress=lines.append)
    assert "(2 of 3)" in lines[3]
    assert all(" remaining" in line for line in lines[2::2])
    everything = "\n".join([*lines, format_table(result), json.dumps(result.to_json()), repr(result)])
    assert planted not in everything
    addresses = [word for text in inputs.train.texts for word in text.split()[-3:] if "@" in word]
    assert addresses
    assert not any(address in everything for address in addresses)


def test_the_table_shows_verdicts_and_outcomes(inputs, with_audit, keep_cases):
    with_audit(Always("pass"))
    keep_cases("verbatim", "fresh_people", "one_identifier")
    result = run_suite(inputs, audits=["memorization", "identifiers"])
    lines = format_table(result).splitlines()
    assert lines[0].split() == ["case", "memorization", "identifiers", "seconds"]
    assert lines[2].split()[:5] == ["verbatim", "pass", "WRONG", "pass", "WRONG"]
    assert lines[3].split()[:4] == ["one_identifier", "(pass)", "pass", "WRONG"]
    assert lines[4].split()[:5] == ["fresh_people", "pass", "3", "pass", "3"]
    assert lines[5].startswith("fail, pass, insufficient: ")
    cell = replace(result.cases[0].cells[0], outcome="uncalibrated", verdicts={"insufficient": 2, "pass": 1})
    assert format_cell(cell) == "pass 1, insufficient 2 ?"


def test_json_contains_every_cell(whole):
    value = json.loads(json.dumps(whole.to_json()))
    assert value["schema"] == "synthgen-selftest-result/v2"
    assert [r["case"] for r in value["cases"]] == [r.name for r in CASES]
    assert value["cases"][0]["audits"]["membership"]["outcome"] == "wrong"
    assert value["cases"][0]["audits"]["neighbours"]["outcome"] == "right"
    assert value["n_persons"] == {"train": 44, "control": 60, "fresh": 30}
    assert value["is_right"] is False


def test_only_covered_audits_are_calibrated(monkeypatch):
    assert select_audits(["membership", "memorization"]) == ("membership", "memorization")
    monkeypatch.setattr(module, "AUDITS", ("memorization", "canaries", "linkage"))
    assert select_audits(None) == ("memorization", "linkage")
    for demanded in ([], ["memorization", "memorization"]):
        with pytest.raises(InputError, match="at least one audit, no audit twice"):
            select_audits(demanded)
    with pytest.raises(InputError, match=r"'canaries'\n.*'smell'"):
        select_audits(["canaries", "smell"])


def test_a_leak_is_found_if_all_its_rows_are_quarantined(with_audit, populations_found, monkeypatch):
    monkeypatch.setattr(runner, "most_quarantined", lambda n: n)  # the tables of this test are small
    populations, _ = populations_found
    clean = set(populations[0].unseen.texts)
    leaking = lambda texts: [i for i, text in enumerate(texts) if text not in clean]  # noqa: E731
    rows_by_outcome = {
        "right": leaking,
        "uncalibrated": lambda texts: leaking(texts)[1:] or [len(texts) - 1],
        "wrong": lambda _texts: [],
    }
    for name in ("verbatim_one_person", "glued"):  # one case with all audits, and one with demands on a single audit
        case = next(case for case in CASES if case.name == name)
        for outcome, rows_of in rows_by_outcome.items():
            with_audit(Quarantines(rows_of))
            (cell,) = run_case(case, populations[:1], ("memorization",), seed=0, confidence=0.95).cells
            assert cell.outcome == outcome, (name, outcome, cell)
        assert "every row with the leak is quarantined" in _reason(case, populations, with_audit, leaking)


def _reason(case, populations, with_audit, rows_of):
    with_audit(Quarantines(rows_of))
    return run_case(case, populations[:1], ("memorization",), seed=0, confidence=0.95).cells[0].reason
