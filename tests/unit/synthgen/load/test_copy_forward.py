"""Text copied from a person's earlier records is measured, and removed in whole sentences or whole records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.types import Record
from synthgen.load.copy_forward import WINDOW, reduce_copies

HISTORY = "She has had asthma since childhood and uses an inhaler every day. No fever. Lungs clear.\nPlan: continue."
NEW = "Seen today for knee pain after a fall on the stairs at home."


def records(*texts, group="p"):
    return [Record(id=str(i), text=text, label="a", group=group) for i, text in enumerate(texts)]


def texts(found):
    return [record.text for record in found.records]


def test_the_share_counts_repeated_passages_within_a_person_by_hand():
    first = " ".join(f"w{i}" for i in range(12))  # three passages of ten words
    later = " ".join(["new", *(f"w{i}" for i in range(11))])  # the last two of its three passages are repeated
    found = reduce_copies(records(first, later), "keep")
    assert found.share == pytest.approx(2 / 6)
    assert texts(found) == [first, later]
    other = [*records(first), *[Record(id="o", text=first, label="a", group="q")]]
    assert reduce_copies(other, "keep").share == 0


def test_whole_copied_sentences_are_removed_also_short_ones_within_a_copied_paragraph():
    found = reduce_copies(records(HISTORY, f"{NEW}\n\n{HISTORY}\n\nReview in May."), "remove-sentences")
    assert texts(found) == [HISTORY, f"{NEW}\n\nReview in May."]
    assert (found.n_sentences, found.n_records) == (4, 0)


def test_a_short_sentence_that_recurs_alone_stays():
    found = reduce_copies(records(HISTORY, f"{NEW} No fever. {NEW.upper()}"), "remove-sentences")
    assert "No fever." in texts(found)[1]
    assert found.n_sentences == 0


def test_a_sentence_with_one_new_half_stays_whole():
    changed = (
        HISTORY.split(".", maxsplit=1)[0] + ", which has become much worse during the last three weeks of the winter."
    )
    assert texts(reduce_copies(records(HISTORY, changed), "remove-sentences"))[1] == changed


PAIN = "She has had severe pain in the left lower abdomen since"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (f"{PAIN}\nthree days ago.", f"{PAIN}\nyesterday evening when she fell."),
        (f"{PAIN}\nthe age of\n15. No fever.", f"{PAIN}\nthe age of\n16. No fever."),
        (f"{PAIN} a visit to Dr. Smith.", f"{PAIN} a visit to Dr. Jones."),
        (f"{PAIN} a dose of 5 mg\n", f"{PAIN} a dose of 5 mg\nof morphine twice a day."),
    ],
)
def test_a_sentence_that_continues_on_the_next_line_is_not_cut(earlier, later):
    assert texts(reduce_copies(records(earlier, later), "remove-sentences"))[1] == later


@pytest.mark.parametrize("mark", ["\n- ", "\n2. ", "\n2) ", "\n\n", "\nPlan for today: ", "\n \n"])
def test_a_blank_line_a_list_mark_and_a_heading_end_a_sentence(mark):
    first = f"1. {PAIN} March"
    found = reduce_copies(records(first, f"{first}{mark}new words"), "remove-sentences")
    assert texts(found)[1] == f"{mark}new words".strip()
    assert found.n_sentences == 1


@pytest.mark.parametrize(("old", "new"), [("120/80", "190/110"), ("normal", "abnormal")])
def test_a_sentence_with_one_changed_word_stays(old, new):
    measured = f"The blood pressure that was measured at home this morning was {old}."
    changed = measured.replace(old, new)
    assert texts(reduce_copies(records(measured, changed), "remove-sentences"))[1] == changed


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (f"She denies that\n{PAIN[4:]} March.", f"{PAIN[4:]} March."),
        (f"1. {PAIN} March\n- No fever since Monday", f"1. {PAIN} March\n- No fever"),
    ],
)
def test_a_part_of_an_earlier_sentence_stays(earlier, later):
    found = reduce_copies(records(earlier, later), "remove-sentences")
    assert texts(found)[1] == later.replace(f"1. {PAIN} March\n", "")


def test_a_sentence_joined_from_two_earlier_sentences_stays():
    first, second = "a b c d e f g h i j k l", "m n o p q r s t u v w x"
    joined = f"{first} {second}."
    found = reduce_copies(records(f"{first} end.", f"Start {second}.", joined), "remove-sentences")
    assert texts(found)[2] == joined


def test_a_record_without_a_new_word_is_removed():
    found = reduce_copies(records(HISTORY, HISTORY, NEW), "remove-sentences")
    assert texts(found) == [HISTORY, NEW]
    assert found.n_records == 1


def test_the_last_record_of_a_chain_stays():
    longer = f"{HISTORY} {NEW}"
    found = reduce_copies(records(HISTORY, "Short.", longer, NEW, "Short."), "newest")
    assert texts(found) == ["Short.", longer, NEW, "Short."]
    assert found.n_records == 1


def test_persons_do_not_affect_one_another():
    mixed = [*records(HISTORY, group="p"), *[Record(id="9", text=HISTORY, label="a", group="q")]]
    for treatment in ("remove-sentences", "newest"):
        assert reduce_copies(mixed, treatment).records == mixed


WORDS = st.lists(st.sampled_from(["a", "b", "c.", "d!", "e\n", "f", "g"]), max_size=40).map(" ".join)


@settings(max_examples=100)
@given(st.lists(WORDS, min_size=1, max_size=5))
def test_only_copied_words_are_removed_and_the_others_stay_in_order(given_texts):
    given_records = records(*given_texts)
    found = reduce_copies(given_records, "remove-sentences")
    assert 0 <= found.share <= 1
    for record in found.records:
        original = given_texts[int(record.id)].split()
        remaining = iter(original)
        assert all(word in remaining for word in record.text.split())
    if all(len(text.split()) < WINDOW for text in given_texts):
        assert [r.text.split() for r in found.records] == [t.split() for t in given_texts if t.strip()]
