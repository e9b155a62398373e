from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.memorization.memorization_audit import Memorization
from audits.core.types import AuditInputs


def memorized(inputs, texts=None, retexted=None, seed=0):
    if texts is not None:
        inputs = replace(inputs, synthetic=retexted(inputs.synthetic, texts))
    return Memorization().run(inputs, np.random.default_rng(seed), 0.95)


def test_fresh_people_pass(fresh_inputs):
    result = memorized(fresh_inputs)
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0
    assert result.findings == ()
    assert result.estimate.low <= 0 <= result.estimate.high <= result.threshold == 0.01
    assert {found == n for found, n, _ in result.details["planted_caught_by_tokens"].values()} == {True}


def test_copies_fail(fresh_inputs, retexted):
    result = memorized(fresh_inputs, fresh_inputs.train.texts, retexted)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.9


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_word_dropout_fails(fresh_inputs, retexted, word_dropout, rate):
    result = memorized(fresh_inputs, word_dropout(fresh_inputs.train.texts, rate), retexted)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value > 0


def pasted(text, other):
    return f"{other} {text[: len(text) * 3 // 4]} {other}"


def shuffled(text, _):
    return ". ".join(reversed(text.split(". ")))


def renumbered(text, _):
    return "".join("7" if c.isdigit() else c for c in text)


def shouted(text, _):
    return text.upper().replace(" ", "  \u200b")


@pytest.mark.parametrize(
    ("change", "kind"),
    [(pasted, "run"), (shuffled, "whole record"), (renumbered, "whole record"), (shouted, "whole record")],
)
def test_one_row_is_enough(fresh_inputs, retexted, change, kind):
    texts = list(fresh_inputs.synthetic.texts)
    source = max(fresh_inputs.train.texts, key=len)
    texts[17] = change(source, texts[17])
    result = memorized(fresh_inputs, texts, retexted)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    owner = fresh_inputs.train.groups[fresh_inputs.train.texts.index(source)]
    assert (finding.row, finding.kind, finding.person) == (17, kind, owner)
    assert result.details["findings_left_out"] == 0


def test_a_record_cut_up_over_rows_is_found_in_its_rows(fresh_inputs, retexted):
    words = max(fresh_inputs.train.texts, key=len).split()
    pieces = [" ".join(words[i : i + 10]) for i in range(0, len(words), 10)]
    result = memorized(fresh_inputs, [*fresh_inputs.synthetic.texts, *pieces], retexted)
    assert result.verdict == "fail"
    assert "most of a record of 1 persons is spread over several rows" in result.reason
    first = len(fresh_inputs.synthetic)
    assert set(range(first, first + len(pieces) - 1)) <= {f.row for f in result.findings}
    assert {f.kind for f in result.findings} == {"record in pieces"}


def test_a_record_whose_every_phrase_control_has_is_still_one_persons(fresh_inputs, retexted):
    source = max(fresh_inputs.train.texts, key=len)
    words = source.split()
    control = list(fresh_inputs.control.texts)
    for at, start in enumerate(range(0, len(words) - 8, 5)):  # each phrase of eight words is some control person's
        control[7 * at] += f" {' '.join(words[start : start + 12])}"
    texts = list(fresh_inputs.synthetic.texts)
    texts[17] = source
    inputs = replace(fresh_inputs, control=replace(fresh_inputs.control, texts=tuple(control)))
    result = memorized(inputs, texts, retexted)
    assert result.details["control_longest_run_tokens"] < 13  # common text: nobody's own words are left
    assert result.verdict == "fail"
    owner = fresh_inputs.train.groups[fresh_inputs.train.texts.index(source)]
    assert (17, owner) in {(f.row, f.person) for f in result.findings}


def test_a_pasted_note_is_placed_to_the_character(fresh_inputs, retexted):
    texts = list(fresh_inputs.synthetic.texts)
    source = max(fresh_inputs.train.texts, key=len)
    texts[17] = f"Straße {pasted(source, texts[17])}"
    (finding,) = memorized(fresh_inputs, texts, retexted).findings
    written = texts[17][finding.start : finding.end]
    cut = source[: len(source) * 3 // 4]
    # the last word may be cut, so that it is no longer the person's
    assert cut.startswith(written)
    assert len(cut) - len(written) < 12


@pytest.mark.slow
def test_one_pasted_note_in_one_row_of_a_hundred_thousand(many_short_rows):
    train, control, synthetic = many_short_rows(3000, 3100, 100_000)
    texts = list(synthetic.texts)
    note = train.texts[1234].rpartition(". ")[0]
    texts[77_777] = f"{texts[77_777]}. {note.upper()} and {texts[5]}"
    inputs = AuditInputs(synthetic=replace(synthetic, texts=tuple(texts)), train=train, control=control)
    result = memorized(inputs)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.row, finding.kind, finding.person) == (77_777, "run", train.groups[1234])
    assert texts[77_777][finding.start : finding.end] == note.upper()


def test_one_row_of_control_is_no_hit(fresh_inputs, retexted):
    """A whole record of control shows that the generator may have seen control, and nothing about train."""
    texts = [*fresh_inputs.synthetic.texts, max(fresh_inputs.control.texts, key=len)]
    result = memorized(fresh_inputs, texts, retexted)
    assert result.verdict == "insufficient"
    assert "control" in result.reason
    assert result.metrics["hard_hits"].value == 0


def test_what_many_people_share_is_nobodys(fresh_inputs, retexted):
    template = max(fresh_inputs.train.texts, key=len)
    train = list(fresh_inputs.train.texts)
    for i in range(40, 80):
        train[i] = f"{train[i]} {template}"
    inputs = replace(fresh_inputs, train=replace(fresh_inputs.train, texts=tuple(train)))
    result = memorized(inputs, [*inputs.synthetic.texts, template], retexted)
    assert result.metrics["hard_hits"].value == 0


def test_what_the_reference_holds_is_nobodys(fresh_inputs, retexted):
    public = max(fresh_inputs.train.texts, key=len)
    texts = [*fresh_inputs.synthetic.texts, public]
    inputs = replace(fresh_inputs, reference=retexted(fresh_inputs.train, [public]))
    assert memorized(inputs, texts, retexted).verdict == "pass"


def test_sixty_people_are_too_few(people):
    inputs = AuditInputs(
        synthetic=people(70, seed=1, prefix="s"),
        train=people(60, seed=2, prefix="t"),
        control=people(65, seed=3, prefix="h"),
    )
    result = memorized(inputs)
    assert result.verdict == "insufficient"
    assert "299" in result.reason
    assert result.threshold is None


def test_texts_too_short_to_judge_are_said_so(people):
    def short(table):
        return replace(table, texts=tuple(" ".join(t.split()[:9]) for t in table.texts))

    inputs = AuditInputs(
        synthetic=short(people(310, seed=1, prefix="s")),
        train=short(people(300, seed=2, prefix="t")),
        control=short(people(305, seed=3, prefix="h")),
    )
    result = memorized(inputs)
    assert result.verdict == "insufficient"
    assert "planted" in result.reason


def test_absence_is_a_leak_too(fresh_inputs, retexted):
    """Synthetic rows that repeat eight words of every control person and of no train person betray train."""
    phrases = [" ".join(t.split()[:11]) for t in fresh_inputs.control.texts]
    result = memorized(fresh_inputs, [*fresh_inputs.synthetic.texts, *phrases], retexted)
    assert result.verdict == "fail"
    assert "under-represented" in result.reason


def test_the_order_of_rows_changes_nothing(fresh_inputs):
    order = np.random.default_rng(1).permutation(len(fresh_inputs.synthetic))
    synthetic = fresh_inputs.synthetic
    other = replace(synthetic, texts=tuple(synthetic.texts[i] for i in order))
    assert memorized(replace(fresh_inputs, synthetic=other)).metrics == memorized(fresh_inputs).metrics


def test_the_result_holds_no_text(fresh_inputs, retexted):
    result = memorized(fresh_inputs, fresh_inputs.train.texts, retexted)
    words = {w for text in fresh_inputs.train.texts for w in text.replace(".", "").split() if len(w) > 6}
    assert words.isdisjoint(repr(result).replace("'", " ").split())
