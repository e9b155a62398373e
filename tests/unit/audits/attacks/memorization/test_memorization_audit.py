from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.memorization.memorization_audit import Memorization
from audits.core.types import AuditInputs


def memorized(inputs, texts=None, retexted=None, seed=0):
    if texts is not None:
        inputs = replace(inputs, synthetic=retexted(inputs.synthetic, texts))
    return Memorization().run(inputs, np.random.default_rng(seed), 0.95)


@pytest.fixture(scope="module")
def clean(fresh_inputs):
    return memorized(fresh_inputs)


def test_fresh_people_pass(clean):
    result = clean
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0
    assert result.findings == ()
    assert result.estimate.low <= 0 <= result.estimate.high <= result.threshold == 0.01
    assert {found == n for found, n, _ in result.details["planted_caught_by_tokens"].values()} == {True}
    assert result.details["whole_sentences"][0] <= 2  # sentences of the planted copies do not count


@pytest.fixture
def longest(fresh_inputs):
    """Return the longest train record and its person."""
    source = max(fresh_inputs.train.texts, key=len)
    return source, fresh_inputs.train.groups[fresh_inputs.train.texts.index(source)]


@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_copies_with_dropped_words_fail(fresh_inputs, retexted, word_dropout, rate):
    result = memorized(fresh_inputs, word_dropout(fresh_inputs.train.texts, rate), retexted)
    words = {w for text in fresh_inputs.train.texts for w in text.replace(".", "").split() if len(w) > 6}
    assert words.isdisjoint(repr(result).replace("'", " ").split()), "the result contains no text"
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value > 0
    assert rate > 0 or result.estimate.low > 0.9


def pasted(text, other):
    return f"{other} {text[: len(text) * 3 // 4]} {other}"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (pasted, "run"),
        (lambda text, _: ". ".join(reversed(text.split(". "))), "whole record"),
        (lambda text, _: "".join("7" if c.isdigit() else c for c in text), "whole record"),
        (lambda text, _: text.upper().replace(" ", "  \u200b"), "whole record"),
    ],
    ids=["pasted", "reordered", "renumbered", "upper case"],
)
def test_one_copied_row_fails(fresh_inputs, retexted, longest, change, kind):
    texts = list(fresh_inputs.synthetic.texts)
    texts[17] = change(longest[0], texts[17])
    result = memorized(fresh_inputs, texts, retexted)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.row, finding.kind, finding.person) == (17, kind, longest[1])
    assert result.details["findings_left_out"] == 0


@pytest.mark.parametrize(
    ("n_sharing", "n_copied", "verdict"), [(1, 1, "fail"), (2, 1, "pass"), (2, 2, "pass"), (2, 12, "fail")]
)
def test_passages_that_train_and_control_share_explain_single_copies(
    fresh_inputs, retexted, n_sharing, n_copied, verdict
):
    train, control, texts = (list(getattr(fresh_inputs, side).texts) for side in ("train", "control", "synthetic"))
    order = sorted(range(len(train)), key=lambda i: -len(train[i]))
    of_persons = list({fresh_inputs.train.groups[i]: i for i in reversed(order)}.values())[::-1]
    for k in range(n_sharing):
        control[7 * k] += " " + " ".join(train[of_persons[k]].split()[:25])
    for k in range(n_copied):
        texts[k] = pasted(train[of_persons[40 + k]], texts[k])
    inputs = replace(fresh_inputs, control=replace(fresh_inputs.control, texts=tuple(control)))
    result = memorized(inputs, texts, retexted)
    assert result.verdict == verdict, result.reason
    assert result.details["control_persons_who_share_passages"] == n_sharing
    assert result.quarantined == (tuple(range(n_copied)) if verdict == "pass" else ())


@pytest.mark.parametrize(("copied_control", "verdict"), [(True, "insufficient"), (False, "fail")])
def test_rows_that_may_be_quotations_are_neither_listed_twice_nor_counted_as_leaks(
    fresh_inputs, retexted, copied_control, verdict
):
    """Row 0 may be a quotation, row 1 is a whole train record, row 2 a control record."""
    train, control, texts = (list(getattr(fresh_inputs, side).texts) for side in ("train", "control", "synthetic"))
    order = sorted(range(len(train)), key=lambda i: -len(train[i]))
    of_persons = list({fresh_inputs.train.groups[i]: i for i in reversed(order)}.values())[::-1]
    for k in range(2):
        control[7 * k] += " " + " ".join(train[of_persons[k]].split()[:25])
    texts[0], texts[1] = pasted(train[of_persons[40]], texts[0]), train[of_persons[41]]
    texts[2] = max(control[20:], key=len) if copied_control else texts[2]
    inputs = replace(fresh_inputs, control=replace(fresh_inputs.control, texts=tuple(control)))
    result = memorized(inputs, texts, retexted)
    assert result.verdict == verdict, result.reason
    assert result.quarantined == ((0,) if copied_control else ())
    places = [(finding.row, finding.person) for finding in result.findings]
    assert {row for row, _ in places} == {0, 1}
    assert len(places) == len(set(places))
    assert result.reason.startswith("text of a train person is copied in 1 synthetic row:") is not copied_control


def test_a_record_in_pieces_is_found_in_its_rows(fresh_inputs, retexted, longest):
    words = longest[0].split()
    pieces = [" ".join(words[i : i + 10]) for i in range(0, len(words), 10)]
    result = memorized(fresh_inputs, [*fresh_inputs.synthetic.texts, *pieces], retexted)
    assert result.verdict == "fail"
    assert "for 1 person, several rows together contain most of a record" in result.reason
    first = len(fresh_inputs.synthetic)
    assert set(range(first, first + len(pieces) - 1)) <= {f.row for f in result.findings}
    assert {f.kind for f in result.findings} == {"record in pieces"}


def test_pieces_of_one_control_record_hide_no_pieces_of_train_records(fresh_inputs, retexted):
    """Pieces of the control record raise the limits for runs and for records in pieces above the values of train."""
    longest = {side: sorted(getattr(fresh_inputs, side).texts, key=len)[-12:] for side in ("train", "control")}
    rows = [" ".join(part) for text in (*longest["train"], longest["control"][-1]) for part in cut(text.split(), 24)]
    result = memorized(fresh_inputs, [*fresh_inputs.synthetic.texts, *rows], retexted)
    assert result.verdict == "fail"
    assert "significantly more train persons than control persons" in result.reason


def cut(words, size):
    return [words[i : i + size] for i in range(0, len(words), size)]


def test_a_record_of_phrases_of_control_persons_is_found(fresh_inputs, retexted, longest):
    words = longest[0].split()
    control = list(fresh_inputs.control.texts)
    for at, start in enumerate(range(0, len(words) - 8, 5)):  # each phrase of eight words occurs in control
        control[7 * at] += f" {' '.join(words[start : start + 12])}"
    texts = list(fresh_inputs.synthetic.texts)
    texts[17] = longest[0]
    inputs = replace(fresh_inputs, control=replace(fresh_inputs.control, texts=tuple(control)))
    result = memorized(inputs, texts, retexted)
    assert result.details["control_longest_run_tokens"] < 13  # all of it is common text
    assert result.verdict == "fail"
    assert (17, longest[1]) in {(f.row, f.person) for f in result.findings}


def test_a_pasted_note_is_located_exactly(fresh_inputs, retexted, longest):
    texts, source = list(fresh_inputs.synthetic.texts), longest[0]
    texts[17] = f"Straße {pasted(source, texts[17])}"
    (finding,) = memorized(fresh_inputs, texts, retexted).findings
    written = texts[17][finding.start : finding.end]
    cut = source[: len(source) * 3 // 4]
    # the last word may be cut off, and then it is no word of the person
    assert cut.startswith(written)
    assert len(cut) - len(written) < 12


@pytest.mark.slow
def test_one_pasted_note_is_found_among_eight_thousand_rows(many_short_rows):
    train, control, synthetic = many_short_rows(1300, 1400, 8000)
    texts = list(synthetic.texts)
    note = train.texts[1234].rpartition(". ")[0]
    texts[7777] = f"{texts[7777]}. {note.upper()} and {texts[5]}"
    inputs = AuditInputs(synthetic=replace(synthetic, texts=tuple(texts)), train=train, control=control)
    result = memorized(inputs)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.row, finding.kind, finding.person) == (7777, "run", train.groups[1234])
    assert texts[7777][finding.start : finding.end] == note.upper()


def test_a_copied_control_record_is_no_hit(fresh_inputs, retexted):
    texts = [*fresh_inputs.synthetic.texts, max(fresh_inputs.control.texts, key=len)]
    result = memorized(fresh_inputs, texts, retexted)
    assert result.verdict == "insufficient"
    assert "control" in result.reason
    assert result.metrics["hard_hits"].value == 0


def test_text_of_many_persons_is_no_hit(fresh_inputs, retexted, longest):
    template = longest[0]
    train = list(fresh_inputs.train.texts)
    for i in range(40, 80):
        train[i] = f"{train[i]} {template}"
    inputs = replace(fresh_inputs, train=replace(fresh_inputs.train, texts=tuple(train)))
    result = memorized(inputs, [*inputs.synthetic.texts, template], retexted)
    assert result.metrics["hard_hits"].value == 0


def test_text_of_the_reference_is_no_hit(fresh_inputs, retexted, longest):
    inputs = replace(fresh_inputs, reference=retexted(fresh_inputs.train, longest[:1]))
    assert memorized(inputs, [*fresh_inputs.synthetic.texts, longest[0]], retexted).verdict == "pass"


@pytest.mark.parametrize(("n_less", "n_words", "reason"), [(240, 10**6, "299"), (0, 6, "planted")])
def test_too_few_persons_or_too_short_texts_are_insufficient(people, n_less, n_words, reason):
    tables = {}
    for seed, (role, n) in enumerate({"synthetic": 310, "train": 300, "control": 305}.items(), start=1):
        table = people(n - n_less, seed=seed, prefix=role)
        tables[role] = replace(table, texts=tuple(" ".join(t.split()[:n_words]) for t in table.texts))
    result = memorized(AuditInputs(**tables))
    assert result.verdict == "insufficient"
    assert reason in result.reason
    assert (result.threshold is None) == (n_less > 0)


def test_underrepresented_train_persons_fail(fresh_inputs, retexted):
    """The synthetic rows repeat eight words of every control person and of no train person."""
    phrases = [" ".join(t.split()[:11]) for t in fresh_inputs.control.texts]
    result = memorized(fresh_inputs, [*fresh_inputs.synthetic.texts, *phrases], retexted)
    assert result.verdict == "fail"
    assert "under-represented" in result.reason


def test_the_result_does_not_depend_on_the_order_of_rows(fresh_inputs, clean):
    order = np.random.default_rng(1).permutation(len(fresh_inputs.synthetic))
    synthetic = fresh_inputs.synthetic
    other = replace(synthetic, texts=tuple(synthetic.texts[i] for i in order))
    assert memorized(replace(fresh_inputs, synthetic=other)).metrics == clean.metrics
