import random
from dataclasses import replace

import pytest

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.attempts import attempts_before, record_attempt, recorded_attempt
from audits.ledger.chain import HighWaterMark, ledger_id

WORDS = ("amber", "basin", "cedar", "delta", "ember", "flint", "grove", "heron", "jade", "knoll", "larch", "maple")


def person(i, n=30):
    drawn = random.Random(i)
    return " ".join(f"{drawn.choice(WORDS)}{drawn.randrange(40)}" for _ in range(n))


def table(texts, groups=None, *, has_groups=True):
    texts = tuple(texts)
    groups = tuple(f"P-{i:03d}" for i in range(len(texts))) if groups is None else tuple(groups)
    return Table(texts=texts, labels=None, groups=groups, has_groups=has_groups)


CONTROL = table(person(i) for i in range(200))
FRESH = table((person(1000 + i) for i in range(200)), (f"Q-{i}" for i in range(200)))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json")


@pytest.fixture
def number(place):
    return lambda digest, control=CONTROL: record_attempt(*place, digest=digest, control=control).number


def renamed(control):
    return replace(control, groups=tuple(f"other {i}" for i in range(len(control))))


def changed(edit, *, ids=True):
    """Return control with other texts and, by default, other ids."""
    made = replace(CONTROL, texts=tuple(edit(text) for text in CONTROL.texts))
    return renamed(made) if ids else made


def every_tenth_word_exchanged(text):
    return " ".join("exchanged" if i % 10 == 3 else word for i, word in enumerate(text.split()))


def test_attempts_with_different_digests_are_counted(number):
    assert [number(digest) for digest in ("a", "b", "b", "a", "c")] == [1, 2, 2, 1, 3]


def test_ledger_keeps_the_number_of_every_attempt(place):
    begun = ledger_id(place[0])
    first, second = (record_attempt(*place, digest=digest, control=CONTROL) for digest in "ab")
    assert [recorded_attempt(*place, found.digest).number for found in (first, second)] == [1, 2]
    assert recorded_attempt(*place, first.digest).ledger == second.ledger

    assert (first.ledger.id, first.number) == (begun, 1)
    assert attempts_before(*place, control=CONTROL) == 2
    with pytest.raises(InputError, match="has no entry for the audits of this run"):
        recorded_attempt(*place, "a" * 64)


def test_position_counts_audits_of_any_persons(place):
    found = [
        record_attempt(*place, digest=digest, control=control)
        for digest, control in zip("abab", (CONTROL, FRESH) * 2, strict=True)
    ]
    assert [(one.number, one.position) for one in found] == [(1, 1), (1, 2), (1, 1), (1, 2)]
    assert recorded_attempt(*place, found[1].digest).position == 2


SAME_PERSONS = {
    "same": CONTROL,
    "renamed": renamed(CONTROL),
    "blank": changed(lambda text: text + " "),
    "spaces": changed(lambda text: "  " + text.replace(" ", " \n\t")),
    "case": changed(str.upper),
    "invisible": changed(lambda text: text.replace("a", "a\u200b")),
    "appended": changed(lambda text: text + " appended"),
    "prefixed": changed(lambda text: "prefix " + text),
    "every tenth word": changed(every_tenth_word_exchanged),
    "persons alone": changed(lambda _text: "translated into another language altogether", ids=False),
    "reversed": changed(lambda text: text[::-1], ids=False),
    "id spelling": replace(CONTROL, groups=tuple(f" p-{i:03d}\u00a0" for i in range(200)), texts=FRESH.texts),
    "no persons": replace(renamed(CONTROL), has_groups=False),
    "order": table(CONTROL.texts[::-1], CONTROL.groups[::-1]),
    "a few texts": table(FRESH.texts[:196] + CONTROL.texts[:4], FRESH.groups),
    "a few persons": table(FRESH.texts, FRESH.groups[:196] + CONTROL.groups[:4]),
    "subset": table(CONTROL.texts[:3], ["x", "y", "z"]),
}


@pytest.mark.parametrize("again", SAME_PERSONS.values(), ids=SAME_PERSONS)
def test_disguised_control_persons_are_recognised(number, again):
    assert (number("a"), number("b", again)) == (1, 2)


def test_new_control_persons_start_at_the_first_attempt(number):
    assert (number("a"), number("b", FRESH), number("c", FRESH)) == (1, 1, 2)
    most = table(FRESH.texts[:198] + CONTROL.texts[:2], FRESH.groups[:198] + CONTROL.groups[:2])
    assert number("d", most) == 3  # b and c count; a does not, because it shares only 1 % of the persons
    assert number("e", table((person(5000 + i) for i in range(50)), (f"R{i}" for i in range(50)))) == 1


def test_new_persons_with_a_shared_template_are_new(number):
    """60 % boilerplate: every note contains the same passages, in the same order, around its own words."""
    form = [person(90_000 + k, 12) for k in range(4)]

    def note(i):
        own = [person(10_000 * k + i, 8) for k in range(4)]
        return " ".join(f"{a} {b}" for a, b in zip(form, own, strict=True))

    one, other = (
        table((note(i) for i in part), (f"{part.start}/{i}" for i in part)) for part in (range(300), range(300, 600))
    )
    assert (number("a", one), number("b", other)) == (1, 1)
    assert number("c", renamed(one)) == 2


def test_row_numbers_are_no_persons(number):
    rows = replace(CONTROL, has_groups=False)
    others = replace(FRESH, has_groups=False, groups=rows.groups)
    assert (number("a", rows), number("b", others)) == (1, 1)


def test_ledger_contains_no_text_and_no_unkeyed_hash(number, place, tmp_path):
    number("a")
    number("b", FRESH)
    record_attempt(tmp_path / "other", HighWaterMark(tmp_path / "other.json"), digest="a", control=CONTROL)
    one, other = ((folder / "attempts.jsonl").read_bytes() for folder in (place[0], tmp_path / "other"))
    assert not any(word.encode() in one for word in ("P-0", "p0", *WORDS))
    held = {one[i : i + 16] for i in range(len(one) - 16)}
    assert not any(other[i : i + 16] in held for i in range(200, len(other) - 200, 16))
