import pytest

from audits.attacks.identifiers.common_words import (
    CALENDAR,
    CommonWord,
    is_ordinary_word,
    is_titled,
    leaking_words,
    ordinary_words_leak,
)


def test_common_words_are_single_ordinary_words():
    assert [
        is_ordinary_word(value) for value in (["mountain"], ["november"], ["quixotebury"], ["ann", "mountain"])
    ] == [*(True, True, False, False)]
    assert all(is_ordinary_word([word]) for word in CALENDAR)


def test_titles_stand_directly_before_a_word():
    words = ["as", "mrs", "mountain", "said", "of", "the", "mountain"]
    assert [is_titled(words, at) for at in range(len(words))] == [False, False, True, False, False, False, False]
    assert not is_titled(["mountain"], 0)


@pytest.mark.parametrize(
    ("train", "control", "share", "are_leaks"),
    [
        *((n, 0, 0.5, n >= 7) for n in range(10)),
        *((n, 0, 0.9, n >= 7) for n in (1, 6, 7, 20)),  # a small control does not raise the limit
        *((n, 1, 0.5, n >= 10) for n in (7, 9, 10, 11)),  # P[Bin(10, .5) >= 9] is .011, P[Bin(11, .5) >= 10] is .006
        (20, 20, 0.5, False),
        (0, 5, 0.5, False),
    ],
)
def test_many_words_of_train_are_leaks_in_any_split(train, control, share, are_leaks):
    assert ordinary_words_leak(train, control, share) == are_leaks


def words(**of_control):
    own = {
        0: ("mountain", {3}),
        1: ("november", {3}),
        2: ("chocolate", {3}),
        3: ("march", {3}),
        4: ("furniture", {4}),
    }
    return {i: CommonWord(word, train, of_control.get(word, set())) for i, (word, train) in own.items()}


def test_two_words_of_one_person_in_one_row_are_leaks_unless_both_are_of_the_calendar():
    def found(*row, **of_control):
        return leaking_words(words(**of_control), [frozenset(row)], 0.5)

    assert found(0) == found(1) == set()
    assert found(0, 1) == {0, 1}
    assert found(0, 1, 2, 3) == {0, 1, 2, 3}
    assert found(1, 3) == set()  # `november` and `march` are words of the calendar
    assert found(0, 4) == set()  # of two persons
    assert leaking_words(words(), [frozenset({0}), frozenset({2})], 0.5) == set()  # in two rows
    of_two = {"mountain": {8, 9}, "chocolate": {8, 9}}
    assert found(0, 2, **of_two) == set()
