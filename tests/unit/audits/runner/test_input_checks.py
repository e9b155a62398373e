from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.gate.evidence import evidence_from
from audits.gate.policy import Policy, decide
from audits.gate.shipped import load_policy
from audits.runner.input_checks import check_split
from audits.runner.run import run


def checked(inputs):
    return check_split(inputs, np.random.default_rng(0))


def test_a_clean_split_has_no_problems(fresh_inputs):
    found = checked(fresh_inputs)
    assert found.problems == ()
    assert len(found.inputs.control) == len(fresh_inputs.control)
    assert found.details["claim_scope"] == "person"


def repeated(inputs, n):
    texts = [t.replace("a", "a ", 1) for t in inputs.train.texts[:n]] + list(inputs.control.texts[n:])
    return replace(inputs, control=replace(inputs.control, texts=tuple(texts)))


def test_a_few_repeated_rows_are_left_out_and_counted(fresh_inputs):
    found = checked(repeated(fresh_inputs, 3))
    assert found.problems == ()
    assert found.details["control_rows_left_out"] == 3
    assert len(found.inputs.control) == len(fresh_inputs.control) - 3


def test_many_repeated_rows_are_a_problem(fresh_inputs):
    found = checked(repeated(fresh_inputs, 20))
    assert "nearly duplicate a train row" in found.problems[0]


def test_nothing_but_repeats_is_refused(fresh_inputs):
    same = replace(fresh_inputs.train, groups=tuple(f"h{g}" for g in fresh_inputs.train.groups))
    with pytest.raises(InputError, match="every control row repeats"):
        checked(replace(fresh_inputs, control=same))


def test_a_shift_is_a_problem(fresh_inputs):
    texts = tuple(f"{t} winter" if i % 2 else t for i, t in enumerate(fresh_inputs.control.texts))
    found = checked(replace(fresh_inputs, control=replace(fresh_inputs.control, texts=texts)))
    assert len(found.problems) == 1
    assert "differ by more than chance" in found.problems[0]


def test_without_persons_nothing_is_shown_about_persons(fresh_inputs):
    found = checked(replace(fresh_inputs, train=replace(fresh_inputs.train, has_groups=False)))
    assert "do not identify persons" in found.problems[0]
    assert found.details["claim_scope"] == "record"


def both(inputs, text):
    """Return the tables with a text of a train and of a control person, which also stands in the synthetic table."""
    return replace(
        inputs,
        train=with_row(inputs.train, text),
        control=with_row(inputs.control, text),
        synthetic=with_row(inputs.synthetic, text),
    )


def with_row(table, text):
    return replace(table, texts=(text, *table.texts[1:]))


def test_what_stands_on_both_sides_is_somebodys(fresh_inputs):
    """A note under two ids, one of them in control, is not nobody's when it comes back."""
    report = run(both(fresh_inputs, fresh_inputs.train.texts[0]), names=["memorization"], seed=3)
    assert report.results[0].metrics["memorization.hard_hits"].value == 1
    assert report.results[0].verdict == "fail"


def test_what_was_left_out_before_counts(fresh_inputs):
    found = checked(replace(fresh_inputs, near_duplicate_rate=0.26))
    assert "26.0% of the control rows" in found.problems[0]
    assert found.details["metrics"]["near_duplicate_rate"]["value"] == 0.26
    assert found.details["metrics"]["problems"]["value"] == 1
    report = run(replace(fresh_inputs, near_duplicate_rate=0.26), names=["memorization"])
    assert report.results[0].verdict == "insufficient"
    with pytest.raises(InputError, match="between 0 and 1"):
        checked(replace(fresh_inputs, near_duplicate_rate=float("nan")))


def numbered(inputs, n, *, recorded):
    """Return the tables with n record numbers that a train and a control person share."""
    numbers = [f"{70_000_000 + 7919 * i}" for i in range(n)]
    if recorded:
        train, control = len(inputs.train), len(inputs.control)
        return replace(
            inputs,
            identifiers=tuple((numbers[i], "03.04.1971") if i < n else ("Ann",) for i in range(train)),
            control_identifiers=tuple((numbers[i], "Ann") if i < n else ("03.04.1971",) for i in range(control)),
        )
    train, control = (
        [f"{t} MRN: {numbers[i]}" if i < n else t for i, t in enumerate(table.texts)]
        for table in (inputs.train, inputs.control)
    )
    return replace(
        inputs, train=replace(inputs.train, texts=tuple(train)), control=replace(inputs.control, texts=tuple(control))
    )


@pytest.mark.parametrize("recorded", [False, True])
def test_persons_of_one_record_number_are_no_non_members(fresh_inputs, recorded):
    few = checked(numbered(fresh_inputs, 2, recorded=recorded))
    assert few.problems == ()
    out = {fresh_inputs.control.groups[i] for i in range(2)}
    assert out.isdisjoint(few.inputs.control.groups)
    assert set(few.inputs.set_aside.groups) == out
    many = checked(numbered(fresh_inputs, 20, recorded=recorded))
    assert len(many.problems) == 1
    assert "the group column is wrong" in many.problems[0]


def test_a_number_of_everybody_makes_nobody_a_relative(fresh_inputs):
    train, control = (
        [f"{t} MRN: 40718823" if i < 9 else t for i, t in enumerate(table.texts)]
        for table in (fresh_inputs.train, fresh_inputs.control)
    )
    found = checked(
        replace(
            fresh_inputs,
            train=replace(fresh_inputs.train, texts=tuple(train)),
            control=replace(fresh_inputs.control, texts=tuple(control)),
        )
    )
    assert found.inputs.set_aside is None


def referenced(inputs, texts, people, n=600):
    public = people(n, seed=77, prefix="r", rows=(1, 1))
    reference = replace(public, texts=(*public.texts, *texts), groups=(*public.groups, *(f"rr{i}" for i in texts)))
    return replace(inputs, reference=reference)


def whole(text):
    return [text]


def thirds(text):
    words = text.split()
    k = len(words) // 3
    return [" ".join(words[:k]), " ".join(words[k : 2 * k]), " ".join(words[2 * k :])]


def inside(text):
    return [f"public words before it {text} and public words behind it"]


def renumbered(text):
    return ["".join("7" if c.isdigit() else c for c in text)]


@pytest.mark.parametrize("copied", [whole, thirds, inside, renumbered])
def test_a_reference_of_train_records_hides_nothing(fresh_inputs, people, copied):
    texts = [text for text in fresh_inputs.train.texts if len(text.split()) > 45][:8]
    rows = [row for text in texts for row in copied(text)]
    inputs = referenced(fresh_inputs, rows, people, n=800 * len(copied("a b c")))
    inputs = replace(inputs, synthetic=replace(inputs.synthetic, texts=(*texts, *inputs.synthetic.texts[8:])))
    report = run(inputs, names=["memorization"], seed=3)
    assert report.input_checks["reference_rows_left_out"] == len(rows)
    assert report.results[0].verdict == "fail"
    assert report.results[0].metrics["memorization.hard_hits"].value == 8


def test_a_reference_that_repeats_many_is_refused_as_one(fresh_inputs, people):
    found = checked(referenced(fresh_inputs, fresh_inputs.control.texts[:20], people))
    assert "reference" in found.problems[0]
    only = checked(replace(fresh_inputs, reference=fresh_inputs.train))
    assert only.inputs.reference is None
    assert only.details["metrics"]["problems"]["value"] == 1


def test_a_public_passage_that_people_quote_is_a_reference(fresh_inputs, people):
    passage = " ".join(people(3, seed=55, prefix="q").texts[0].split()[:12])
    train = [f"{t} {passage}" if i < 4 else t for i, t in enumerate(fresh_inputs.train.texts)]
    inputs = replace(fresh_inputs, train=replace(fresh_inputs.train, texts=tuple(train)))
    found = checked(referenced(inputs, [passage], people))
    assert found.details["reference_rows_left_out"] == 0


def test_research_reads_input_checks(fresh_inputs):
    """Every ninth control row repeats a train row; whatever else the table does, nothing is shown."""
    report = run(repeated(fresh_inputs, 70), names=["memorization"])
    rule = next(rule for rule in load_policy("research").rules if rule.metric == "input_checks.problems")
    policy = Policy(name="p", version="1", intended_use="inside", statement="s", rules=(rule,))
    for report_json, verdict in ((report.to_dict(), "FAIL"), ({"results": []}, "INSUFFICIENT")):
        (outcome,) = decide(evidence_from(report_json, {}), policy).outcomes
        assert outcome.verdict == verdict
    clean = run(fresh_inputs, names=["memorization"]).to_dict()
    assert decide(evidence_from(clean, {}), policy).allowed


@pytest.mark.parametrize("name", ["research", "hospital-external", "strict-dp"])
def test_every_shipped_policy_reads_input_checks(name):
    assert "input_checks.problems" in [rule.metric for rule in load_policy(name).rules]
