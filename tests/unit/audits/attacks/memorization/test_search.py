from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.memorization.memorization_audit import Memorization
from audits.attacks.memorization.search import RECORD_TOKENS, keyed, owner_of, record_keys, sentence_keys, sole_owners
from audits.core.types import AuditInputs


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


def test_a_few_control_persons_who_quote_do_not_blind_the_audit(fresh_inputs):
    """Four control persons quote long passages of the synthetic table; copies of train persons are still found."""
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
    assert pasted.verdict != "pass"
    assert pasted.metrics["hard_hits"].value == 1


def test_a_passage_of_two_persons_is_common_text(fresh_inputs):
    """A train and a control person with long records tell the same joke."""
    joke = long_text(np.random.default_rng(4), 25)
    tables = {"train": fresh_inputs.train.texts, "control": fresh_inputs.control.texts}
    longest = {role: max(range(100), key=lambda i, t=texts: len(t[i])) for role, texts in tables.items()}
    inputs = extended(fresh_inputs, **{role: {row: f" {joke}"} for role, row in longest.items()})
    assert memorized(released(inputs, f"zz {joke}")).metrics["hard_hits"].value == 0


@pytest.mark.parametrize("ids", [2, 3, 10, 30])
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
        texts = tuple(t if i % 10 == 0 else " ".join(t.split()[:8]) for i, t in enumerate(table.texts))
        return replace(table, texts=texts)

    tables = (fresh_inputs.synthetic, fresh_inputs.train, fresh_inputs.control)
    result = memorized(AuditInputs(**dict(zip(("synthetic", "train", "control"), map(cut, tables), strict=True))))
    assert result.verdict == "insufficient"
    assert "planted" in result.reason
    assert result.details["planted_caught_by_tokens"]["1"][0] == 0
    assert result.details["planted_caught_by_tokens"]["64"][0] == 8


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


KEYS = st.integers(0, 6)
ROWS = st.lists(st.tuples(st.lists(KEYS, max_size=4), st.integers(0, 3)), max_size=9)


@given(ROWS, st.lists(KEYS, max_size=8))
def test_sole_owners_equal_an_exhaustive_search(rows, wanted):
    owners = np.array([owner for _, owner in rows], dtype=np.int64)
    sole = sole_owners(keyed(keys for keys, _ in rows), owners)
    assert (np.diff(sole.key.astype(np.int64)) > 0).all()
    having = {key: {owner for keys, owner in rows if key in keys} for key in range(7)}
    slow = [next(iter(having[key])) if len(having[key]) == 1 else -1 for key in wanted]
    assert owner_of(sole, np.array(wanted, dtype=np.uint64)).tolist() == slow


SENTENCES = [f"The {name} was seen here on day {i} and felt quite well." for i, name in enumerate("abc")]


def test_reordered_sentences_and_changed_numbers_share_a_key():
    whole, masked, bag = record_keys(" ".join(SENTENCES))
    turned = record_keys(" ".join(SENTENCES[::-1]))
    assert turned[2] == bag
    assert whole not in turned
    renumbered = record_keys(" ".join(SENTENCES).replace("day 1", "day 7"))
    assert renumbered[1] == masked
    assert renumbered[0] != whole
    assert len({whole, masked, bag}) == 3


def test_short_records_and_sentences_have_no_key_and_keys_have_their_rows():
    for n, n_keys in ((RECORD_TOKENS - 1, 0), (RECORD_TOKENS, 3)):
        assert len(record_keys(" ".join(f"w{chr(97 + i)}" for i in range(n)))) == n_keys
    found = keyed([[3, 1], [], [2**64 - 1]])
    assert (found.key.tolist(), found.row.tolist()) == ([3, 1, 2**64 - 1], [0, 0, 2])
    assert len(sentence_keys("One two three four five. One two three four five six. " * 2)) == 2
