from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.core.types import AuditInputs, Table
from audits.gate.evidence import evidence_from
from audits.gate.policy import Policy, decide
from audits.gate.shipped import load_policy
from audits.runner.input_checks import check_split
from audits.runner.run import run


def checked(inputs):
    return check_split(inputs, np.random.default_rng(0))


def test_claim_of_a_clean_split_is_about_persons_if_they_are_identified(fresh_inputs):
    found = checked(fresh_inputs)
    assert (found.problems, found.details["claim_scope"]) == ((), "person")
    assert len(found.inputs.control) == len(fresh_inputs.control)
    found = checked(replace(fresh_inputs, train=replace(fresh_inputs.train, has_groups=False)))
    assert "do not identify persons" in found.problems[0]
    assert found.details["claim_scope"] == "record"


def with_texts(inputs, **texts):
    """Return the inputs with other texts in some tables."""
    tables = {name: replace(getattr(inputs, name), texts=tuple(rows)) for name, rows in texts.items()}
    return replace(inputs, **tables)


def appended(table, texts):
    """Return the texts of a table with the given texts appended to its first rows."""
    added = [*texts, *[""] * (len(table) - len(texts))]
    return [f"{row} {text}" if text else row for row, text in zip(table.texts, added, strict=True)]


def repeated(inputs, n):
    texts = [t.replace("a", "a ", 1) for t in inputs.train.texts[:n]]
    return with_texts(inputs, control=[*texts, *inputs.control.texts[n:]])


def test_few_repeated_rows_are_removed_and_many_are_a_problem(fresh_inputs):
    found = checked(repeated(fresh_inputs, 3))
    assert (found.problems, found.details["control_rows_left_out"]) == ((), 3)
    assert len(found.inputs.control) == len(fresh_inputs.control) - 3
    assert "nearly duplicate a train row" in checked(repeated(fresh_inputs, 20)).problems[0]


def test_empty_control_is_refused(fresh_inputs):
    nobody = Table(texts=(), labels=(), groups=(), has_groups=True)
    with pytest.raises(InputError, match="there is no control record"):
        check_split(replace(fresh_inputs, control=nobody), np.random.default_rng(0))


def test_control_of_repeats_only_is_refused(fresh_inputs):
    same = replace(fresh_inputs.train, groups=tuple(f"h{g}" for g in fresh_inputs.train.groups))
    with pytest.raises(InputError, match="every control row nearly duplicates"):
        checked(replace(fresh_inputs, control=same))


def test_a_shift_is_a_problem(fresh_inputs):
    texts = [f"{t} winter" if i % 2 else t for i, t in enumerate(fresh_inputs.control.texts)]
    (problem,) = checked(with_texts(fresh_inputs, control=texts)).problems
    assert "differ more than chance explains" in problem


def test_control_of_reworded_train_records_is_a_problem(people, word_dropout):
    """Fewer than 80 % of the shingles are equal, so no control row counts as a near duplicate."""
    train, synthetic = people(120, seed=1, prefix="t"), people(60, seed=2, prefix="s")
    reworded = tuple(word_dropout(train.texts, 0.3))
    control = replace(train, texts=reworded, groups=tuple(f"h{group}" for group in train.groups))
    (problem,) = checked(AuditInputs(synthetic=synthetic, train=train, control=control)).problems
    assert "control records resemble single train records more than chance" in problem


def test_copy_of_a_text_in_train_and_control_fails(fresh_inputs):
    """A text that is in both train and control still counts as a text of the train person."""
    tables = {name: getattr(fresh_inputs, name).texts for name in ("train", "control", "synthetic")}
    inputs = with_texts(fresh_inputs, **{n: [tables["train"][0], *texts[1:]] for n, texts in tables.items()})
    report = run(inputs, names=["memorization"], seed=3)
    assert report.results[0].metrics["memorization.hard_hits"].value == 1
    assert report.results[0].verdict == "fail"


def test_rows_removed_before_count(fresh_inputs):
    found = checked(replace(fresh_inputs, near_duplicate_rate=0.26))
    assert "26.0% of the control rows" in found.problems[0]
    assert found.details["metrics"]["near_duplicate_rate"]["value"] == 0.26
    assert found.details["metrics"]["problems"]["value"] == 1
    report = run(replace(fresh_inputs, near_duplicate_rate=0.26), names=["memorization"])
    assert report.results[0].verdict == "insufficient"
    with pytest.raises(InputError, match="between 0 and 1"):
        checked(replace(fresh_inputs, near_duplicate_rate=float("nan")))


def numbered(inputs, n, *, recorded):
    """Return the inputs with n record numbers that a train person and a control person share."""
    numbers = [f"{70_000_000 + 7919 * i}" for i in range(n)]
    if recorded:  # a date in both tables is not a record number
        of_train = [*((number, "03.04.1971") for number in numbers), *[("Ann",)] * (len(inputs.train) - n)]
        of_control = [*((number, "Ann") for number in numbers), *[("03.04.1971",)] * (len(inputs.control) - n)]
        return replace(inputs, identifiers=tuple(of_train), control_identifiers=tuple(of_control))
    named = [f"MRN: {number}" for number in numbers]
    return with_texts(inputs, train=appended(inputs.train, named), control=appended(inputs.control, named))


@pytest.mark.parametrize("recorded", [False, True])
def test_control_persons_with_a_record_number_of_train_are_removed(fresh_inputs, recorded):
    few = checked(numbered(fresh_inputs, 2, recorded=recorded))
    assert few.problems == ()
    out = {fresh_inputs.control.groups[i] for i in range(2)}
    assert out.isdisjoint(few.inputs.control.groups)
    assert set(few.inputs.set_aside.groups) == out
    (problem,) = checked(numbered(fresh_inputs, 20, recorded=recorded)).problems
    assert "the group column is probably wrong" in problem


def test_record_number_of_many_persons_is_ignored(fresh_inputs):
    texts = {name: appended(getattr(fresh_inputs, name), ["MRN: 40718823"] * 9) for name in ("train", "control")}
    assert checked(with_texts(fresh_inputs, **texts)).inputs.set_aside is None


def referenced(inputs, texts, people, n=600):
    public = people(n, seed=77, prefix="r", rows=(1, 1))
    reference = replace(public, texts=(*public.texts, *texts), groups=(*public.groups, *(f"rr{i}" for i in texts)))
    return replace(inputs, reference=reference)


def thirds(text):
    return [" ".join(words) for words in np.array_split(text.split(), 3)]


COPIED = {
    "whole": lambda text: [text],
    "in thirds": thirds,
    "inside": lambda text: [f"public words before it {text} and public words behind it"],
    "with other numbers": lambda text: ["".join("7" if c.isdigit() else c for c in text)],
}


@pytest.mark.parametrize("copied", COPIED.values(), ids=COPIED)
def test_reference_with_train_records_hides_no_copy(fresh_inputs, people, copied):
    texts = [text for text in fresh_inputs.train.texts if len(text.split()) > 45][:3]
    rows = [row for text in texts for row in copied(text)]
    inputs = referenced(fresh_inputs, rows, people, n=300 * len(copied("a b c")))
    inputs = with_texts(inputs, synthetic=[*texts, *inputs.synthetic.texts[3:]])
    report = run(inputs, names=["memorization"], seed=3)
    assert report.input_checks["reference_rows_left_out"] == len(rows)
    assert report.results[0].verdict == "fail"
    assert report.results[0].metrics["memorization.hard_hits"].value == 3


def test_reference_that_repeats_many_records_is_a_problem(fresh_inputs, people):
    found = checked(referenced(fresh_inputs, fresh_inputs.control.texts[:20], people))
    assert "reference" in found.problems[0]
    only = checked(replace(fresh_inputs, reference=fresh_inputs.train))
    assert only.inputs.reference is None
    assert only.details["metrics"]["problems"]["value"] == 1


def test_quoted_public_passage_stays_in_the_reference(fresh_inputs, people):
    passage = " ".join(people(3, seed=55, prefix="q").texts[0].split()[:12])
    inputs = with_texts(fresh_inputs, train=appended(fresh_inputs.train, [passage] * 4))
    found = checked(referenced(inputs, [passage], people))
    assert found.details["reference_rows_left_out"] == 0


def test_every_audited_shipped_policy_reads_input_checks(fresh_inputs):
    """About one control row in nine repeats a train row; the policy refuses the release."""
    report = run(repeated(fresh_inputs, 70), names=["canaries"])  # not measurable without canaries
    for name in ("hospital-external", "research"):  # not `strict-dp`, where the checks run before the budget is spent
        rule = next(rule for rule in load_policy(name).rules if rule.metric == "input_checks.problems")
    policy = Policy(name="p", version="1", intended_use="inside", statement="s", rules=(rule,))
    for report_json, verdict in ((report.to_dict(), "FAIL"), ({"results": []}, "INSUFFICIENT")):
        (outcome,) = decide(evidence_from(report_json, {}), policy).outcomes
        assert outcome.verdict == verdict
    clean = run(fresh_inputs, names=["canaries"]).to_dict()
    assert decide(evidence_from(clean, {}), policy).allowed


def test_names_as_labels_are_a_problem(fresh_inputs):
    """Each of 40 labels, a name with a diagnosis, belongs to two train rows, so to fewer than 10 persons."""

    def labelled(name, identifiers):
        labels = [f"{name(i // 2)}, HIV" if i < 80 else "none" for i in range(len(fresh_inputs.train))]
        train = replace(fresh_inputs.train, labels=tuple(labels))
        synthetic = replace(fresh_inputs.synthetic, labels=tuple(labels[: len(fresh_inputs.synthetic)]))
        control = replace(fresh_inputs.control, labels=("none",) * len(fresh_inputs.control))
        made = replace(fresh_inputs, train=train, synthetic=synthetic, control=control, identifiers=identifiers)
        return checked(made).problems

    names = [f"Ann Smith{'abcdefghij'[i % 10]}{'abcd'[i // 10]}" for i in range(40)]
    listed = tuple((names[i // 2],) if i < 80 else () for i in range(len(fresh_inputs.train)))
    (problem,) = labelled(names.__getitem__, listed)
    assert "contain an identifier and belong to fewer than 10 train persons: 40" in problem
    (problem,) = labelled("MRN: 8301947{:02d}".format, None)
    assert "contain an identifier and belong to fewer than 10 train persons: 40" in problem
    assert labelled("class {}".format, listed) == ()
