"""Text that people share does not blind the audit, and does not hide what is somebody's."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.memorization.memorization_audit import Memorization
from audits.core.types import AuditInputs


def memorized(inputs, seed=0):
    return Memorization().run(inputs, np.random.default_rng(seed), 0.95)


def more(table, texts, prefix="x"):
    """Return the table with further rows, each of another person."""
    return replace(
        table, texts=(*table.texts, *texts), groups=(*table.groups, *(f"{prefix}{i}" for i in range(len(texts))))
    )


def released(inputs, *texts):
    return replace(inputs, synthetic=more(inputs.synthetic, texts))


def long_text(rng, n=60):
    return " ".join(f"w{i}x" for i in rng.integers(0, 10**6, size=n))


def test_fresh_people_of_a_clinic_with_forms_pass(form_inputs):
    result = memorized(form_inputs)
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0
    # the headings, and not the words in the fields
    assert 0.5 < result.details["common_share"]["synthetic"] < 0.65


def test_one_pasted_form_fails(form_inputs):
    result = memorized(released(form_inputs, f"zz yy {form_inputs.train.texts[7]} ww"))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert {finding.person for finding in result.findings} == {"t7"}


def test_own_words_between_other_headings_are_found(form_inputs):
    """The copier puts the fields of one person into another form, four words at a time."""
    other = form_inputs.train.texts[9].split(". ")
    mine = [field.split()[6:] for field in form_inputs.train.texts[7].split(". ")]
    made = ". ".join(" ".join([*field.split()[:6], *own]) for field, own in zip(other, mine, strict=True))
    result = memorized(released(form_inputs, made))
    assert result.verdict == "fail"
    assert "t7" in {finding.person for finding in result.findings}


def test_an_own_sentence_in_a_form_is_found(form_inputs, people):
    own = people(3, seed=99, prefix="x").texts[0].split(". ")[0]
    own = " ".join([*own.split(), *people(3, seed=98, prefix="x").texts[1].split()])[:200].replace(".", "")
    train = list(form_inputs.train.texts)
    train[5] = f"{train[5]}. {own}"
    inputs = replace(form_inputs, train=replace(form_inputs.train, texts=tuple(train)))
    result = memorized(released(inputs, f"{inputs.train.texts[11].split('. ')[0]}. {own}"))
    assert result.verdict == "fail"
    assert [finding.person for finding in result.findings if finding.kind == "run"] == ["t5"]


def test_a_few_non_members_who_quote_do_not_blind_the_audit(fresh_inputs):
    """Four of control repeat long passages of the non-members; nobody of train is repeated, and who is, is found."""
    control = list(fresh_inputs.control.texts)
    for i in range(4):
        control[3 * i] = f"{control[3 * i]} {' '.join(fresh_inputs.synthetic.texts[50 * i].split()[:40])}"
    inputs = replace(fresh_inputs, control=replace(fresh_inputs.control, texts=tuple(control)))
    result = memorized(inputs)
    assert result.verdict == "pass", result.reason
    assert result.details["control_longest_run_tokens"] >= 39
    whole = memorized(released(inputs, *fresh_inputs.train.texts[:5]))
    assert whole.verdict == "fail"
    assert whole.metrics["hard_hits"].value == 5
    source = max(fresh_inputs.train.texts, key=len)
    pasted = memorized(released(inputs, f"zz {source} yy"))
    assert pasted.verdict != "pass"
    assert pasted.metrics["hard_hits"].value == 1


def test_a_passage_of_two_persons_is_common_text(fresh_inputs):
    """A joke that a train and a control person tell, and a stranger; each wrote much besides."""
    joke = long_text(np.random.default_rng(4), 25)
    train, control = list(fresh_inputs.train.texts), list(fresh_inputs.control.texts)
    rows = [max(range(100), key=lambda i, texts=texts: len(texts[i])) for texts in (train, control)]
    train[rows[0]] += f" {joke}"
    control[rows[1]] += f" {joke}"
    inputs = replace(
        fresh_inputs,
        train=replace(fresh_inputs.train, texts=tuple(train)),
        control=replace(fresh_inputs.control, texts=tuple(control)),
    )
    assert memorized(released(inputs, f"zz {joke}")).metrics["hard_hits"].value == 0


def with_rows(inputs, train=(), control=()):
    return replace(inputs, train=more(inputs.train, train, "tt"), control=more(inputs.control, control, "hh"))


@pytest.mark.parametrize("ids", [2, 3, 10])
def test_a_note_under_several_ids_is_somebodys(fresh_inputs, ids):
    note = long_text(np.random.default_rng(5))
    result = memorized(released(with_rows(fresh_inputs, train=[note] * ids), f"zz {note} yy"))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert result.details["persons_with_two_ids"] == 1


def test_a_note_of_mother_and_child_on_both_sides_is_somebodys(fresh_inputs):
    """Each id has a sentence more, so that the records are not equal."""
    rng = np.random.default_rng(6)
    note = long_text(rng)
    inputs = with_rows(fresh_inputs, [f"{note} {long_text(rng, 20)}"], [f"{long_text(rng, 20)} {note}"])
    result = memorized(released(inputs, f"zz {note} yy"))
    assert result.verdict == "fail"
    assert result.details["control_longest_run_tokens"] < 20


def test_a_record_that_train_repeats_under_many_ids_is_no_template(fresh_inputs):
    """No control person has it, who is drawn from the same people and would fill in the same form."""
    note = long_text(np.random.default_rng(7))
    result = memorized(released(with_rows(fresh_inputs, train=[note] * 30), f"zz {note} yy"))
    assert result.verdict == "fail"


def test_a_letter_that_everybody_gets_is_a_template(fresh_inputs):
    letter = long_text(np.random.default_rng(8), 40)
    inputs = with_rows(fresh_inputs, [letter] * 9, [letter] * 7)
    assert memorized(released(inputs, letter, letter)).metrics["hard_hits"].value == 0


def test_a_control_that_repeats_train_hides_nothing(fresh_inputs):
    """Ninety train records stand in the table, and in control under other ids."""
    copied = fresh_inputs.train.texts[:90]
    inputs = released(with_rows(fresh_inputs, control=copied), *copied)
    result = memorized(inputs)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value >= 80


def test_a_table_of_common_text_alone_is_not_judged(forms):
    inputs = AuditInputs(
        **{
            role: forms(n, seed=seed, prefix=role[0], filled=0)
            for role, n, seed in (("synthetic", 310, 33), ("train", 330, 31), ("control", 320, 32))
        }
    )
    result = memorized(inputs)
    assert result.verdict == "insufficient"
    assert "common text" in result.reason


def test_short_records_are_not_calibrated_by_long_ones(fresh_inputs):
    """Most records are too short for the bound; the few long ones do not stand for them."""

    def cut(table):
        texts = tuple(t if i % 10 == 0 else " ".join(t.split()[:8]) for i, t in enumerate(table.texts))
        return replace(table, texts=texts)

    inputs = AuditInputs(
        synthetic=cut(fresh_inputs.synthetic), train=cut(fresh_inputs.train), control=cut(fresh_inputs.control)
    )
    result = memorized(inputs)
    assert result.verdict == "insufficient"
    assert "planted" in result.reason
    assert result.details["planted_caught_by_tokens"]["1"][0] == 0
    assert result.details["planted_caught_by_tokens"]["64"][0] == 8


def test_copies_with_words_changed_fail(fresh_inputs):
    """Four patients: every number replaced, and every tenth word another."""
    rng = np.random.default_rng(9)
    texts = []
    for text in sorted(fresh_inputs.train.texts, key=len)[-40:-36]:
        words = ["99" if any(c.isdigit() for c in word) else word for word in text.split()]
        words[9::10] = [long_text(rng, 1) for _ in words[9::10]]
        texts.append(" ".join(words))
    result = memorized(released(fresh_inputs, *texts))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 4
    assert {finding.kind for finding in result.findings} == {"near copy"}
