import pytest

from synthgen.filter.label_words import LabelWords, unused_label_words

PLAIN = ["the film is slow and the plot is thin"] * 100


@pytest.mark.parametrize(
    ("texts", "label", "unused"),
    [
        (PLAIN, "negative", ("negative",)),
        ([*PLAIN[:98], "so negative", "very negatively put"], "negative", ()),  # 2 % use it or a longer form
        ([*PLAIN[:99], "so negative"], "negative", ("negative",)),
        ([*PLAIN[:90], *["NEGATIVE!"] * 10], "Negative", ()),
        (["my computer is slow"] * 100, "comp.sys", ("sys",)),
        (PLAIN, "no/ok 12", ()),  # words of one or two letters are not checked
        ([""] * 100, "negative", ()),  # without text, the use of a word is unknown
    ],
)
def test_worked_examples(texts, label, unused):
    assert unused_label_words(texts, [label] * len(texts)) == unused


def test_a_word_is_used_if_the_texts_of_another_class_use_it():
    labels = ["urgent"] * 100 + ["routine"] * 100
    assert unused_label_words(PLAIN * 2, labels) == ("routine", "urgent")
    assert unused_label_words([*PLAIN, *["an urgent call"] * 100], labels) == ("routine",)


def test_a_text_with_an_unused_word_of_a_label_is_rejected(world):
    texts = ["the ants came", "Every BEE was seen.", "a beetle", "the herd moved", "antler", "distant hills"]
    outcomes = LabelWords().fit(world.context()).judge(world.with_texts(texts))
    assert [o.passed for o in outcomes] == [False, False, False, True, False, True]
    assert {o.reason for o in outcomes if not o.passed} == {"label_word"}
