from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.memorization.memorization_audit import Memorization
from audits.core.types import AuditInputs

SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]


def memorized(inputs, seed=0):
    return Memorization().run(inputs, np.random.default_rng(seed), 0.95)


def more(table, texts, prefix="x"):
    """Return the table with additional rows, each of another person."""
    groups = (*table.groups, *(f"{prefix}{i}" for i in range(len(texts))))
    return replace(table, texts=(*table.texts, *texts), groups=groups)


def released(inputs, *texts):
    return replace(inputs, synthetic=more(inputs.synthetic, texts))


def with_rows(inputs, train=(), control=()):
    return replace(inputs, train=more(inputs.train, train, "tt"), control=more(inputs.control, control, "hh"))


def extended(inputs, **endings):
    """Return the inputs with text appended to rows of a table, given as role={row: text}."""
    tables = {}
    for role, by_row in endings.items():
        texts = list(getattr(inputs, role).texts)
        for row, text in by_row.items():
            texts[row] += text
        tables[role] = replace(getattr(inputs, role), texts=tuple(texts))
    return replace(inputs, **tables)


def long_text(rng, n=60):
    return " ".join(f"w{i}x" for i in rng.integers(0, 10**6, size=n))


def test_fresh_people_of_a_clinic_with_forms_pass(form_inputs):
    result = memorized(form_inputs)
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0
    # the headings are common text, the words in the fields are not
    assert 0.5 < result.details["common_share"]["synthetic"] < 0.65


def test_one_pasted_form_fails(form_inputs):
    result = memorized(released(form_inputs, f"zz yy {form_inputs.train.texts[7]} ww"))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert {finding.person for finding in result.findings} == {"t7"}


def test_own_words_between_other_headings_are_found(form_inputs):
    """The fields of one person, of four words each, are copied into another form."""
    other = form_inputs.train.texts[9].split(". ")
    mine = [field.split()[6:] for field in form_inputs.train.texts[7].split(". ")]
    made = ". ".join(" ".join([*field.split()[:6], *own]) for field, own in zip(other, mine, strict=True))
    result = memorized(released(form_inputs, made))
    assert result.verdict == "fail"
    assert "t7" in {finding.person for finding in result.findings}


def test_an_own_sentence_in_a_form_is_found(form_inputs, people):
    own = people(3, seed=99, prefix="x").texts[0].split(". ")[0]
    own = " ".join([*own.split(), *people(3, seed=98, prefix="x").texts[1].split()])[:200].replace(".", "")
    inputs = extended(form_inputs, train={5: f". {own}"})
    result = memorized(released(inputs, f"{inputs.train.texts[11].split('. ')[0]}. {own}"))
    assert result.verdict == "fail"
    assert [finding.person for finding in result.findings if finding.kind == "run"] == ["t5"]


@pytest.mark.slow
def test_a_few_control_persons_who_quote_do_not_blind_the_audit(fresh_inputs):
    """Four control persons quote long passages of the synthetic table; copies of train persons are still found.

    A single copy may then be a quotation, so its row is quarantined.
    """
    quotes = {3 * i: f" {' '.join(fresh_inputs.synthetic.texts[50 * i].split()[:40])}" for i in range(4)}
    inputs = extended(fresh_inputs, control=quotes)
    result = memorized(inputs)
    assert result.verdict == "pass", result.reason
    assert result.details["control_longest_run_tokens"] >= 39
    whole = memorized(released(inputs, *fresh_inputs.train.texts[:5]))
    assert whole.verdict == "fail"
    assert whole.metrics["hard_hits"].value == 5
    source = max(fresh_inputs.train.texts, key=len)
    pasted = memorized(released(inputs, f"zz {source} yy"))
    assert pasted.quarantined == (len(fresh_inputs.synthetic),)
    (row,) = {finding.row for finding in pasted.findings}
    assert row == len(fresh_inputs.synthetic)


def test_a_long_passage_of_few_persons_is_no_common_text(fresh_inputs):
    """Relatives and copied notes share long passages, which are no common text; a shorter one of three persons is."""
    rng, texts = (
        np.random.default_rng(4),
        {role: list(getattr(fresh_inputs, role).texts) for role in ("train", "control")},
    )
    ends, passages = {"train": {}, "control": {}}, []
    rows = {role: iter(sorted(range(len(of)), key=lambda i, of=of: -len(of[i]))) for role, of in texts.items()}
    for n_words, owners in ((25, "tc"), (50, "tt"), (50, "ttcc"), (18, "tc"), (25, "ttc"), (40, "ttccc")):
        passages.append(" ".join("".join(rng.choice(SYLLABLES, 3)) for _ in range(n_words)))
        for role in ("train" if owner == "t" else "control" for owner in owners):
            ends[role][next(rows[role])] = f" {passages[-1]}"
    inputs = extended(fresh_inputs, **ends)
    result = memorized(released(inputs, *(f"zz {passage}" for passage in passages)))
    assert result.verdict == "fail"
    first = len(fresh_inputs.synthetic)
    assert {finding.row - first for finding in result.findings} == {0, 1, 2, 3}
    assert result.details["control_longest_run_tokens"] < 13, "passages of train persons do not raise the limit"


@pytest.mark.parametrize("ids", [2, 10, 30])
def test_a_note_under_several_ids_belongs_to_one_person(fresh_inputs, ids):
    note = long_text(np.random.default_rng(5))
    result = memorized(released(with_rows(fresh_inputs, train=[note] * ids), f"zz {note} yy"))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert result.details["persons_with_two_ids"] == 1


def test_a_note_in_train_and_control_belongs_to_one_person(fresh_inputs):
    """Each record has another sentence, so that the records are not equal."""
    rng = np.random.default_rng(6)
    note = long_text(rng)
    inputs = with_rows(fresh_inputs, [f"{note} {long_text(rng, 20)}"], [f"{long_text(rng, 20)} {note}"])
    result = memorized(released(inputs, f"zz {note} yy"))
    assert result.verdict == "fail"
    assert result.details["control_longest_run_tokens"] < 20


def test_a_letter_in_train_and_control_is_a_template(fresh_inputs):
    letter = long_text(np.random.default_rng(8), 40)
    inputs = with_rows(fresh_inputs, [letter] * 9, [letter] * 7)
    assert memorized(released(inputs, letter, letter)).metrics["hard_hits"].value == 0


def test_control_that_repeats_train_hides_no_copies(fresh_inputs):
    """Ninety train records are in the synthetic table, and in control under other ids."""
    copied = fresh_inputs.train.texts[:90]
    inputs = released(with_rows(fresh_inputs, control=copied), *copied)
    result = memorized(inputs)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value >= 80


def test_a_table_of_common_text_alone_is_not_judged(forms):
    sizes = {"synthetic": (310, 33), "train": (330, 31), "control": (320, 32)}
    tables = {role: forms(n, seed=seed, prefix=role[0], filled=0) for role, (n, seed) in sizes.items()}
    result = memorized(AuditInputs(**tables))
    assert result.verdict == "insufficient"
    assert "common text" in result.reason


def test_short_records_are_not_calibrated_by_long_ones(fresh_inputs):
    """Most records are too short to be tested; the few long ones do not represent them."""

    def cut(table):
        texts = tuple(t if i % 10 == 0 else " ".join(t.split()[:6]) for i, t in enumerate(table.texts))
        return replace(table, texts=texts)

    tables = (fresh_inputs.synthetic, fresh_inputs.train, fresh_inputs.control)
    result = memorized(AuditInputs(**dict(zip(("synthetic", "train", "control"), map(cut, tables), strict=True))))
    assert result.verdict == "insufficient"
    assert "planted" in result.reason
    assert result.details["planted_caught_by_tokens"]["1"][0] == 0
    assert result.details["planted_caught_by_tokens"]["64"][0] == 41


def test_copies_with_changed_words_fail(fresh_inputs):
    """In the copies of four records, every number and every tenth word is replaced."""
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
