import random
import shutil
from dataclasses import replace

import pytest

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.attempts import attempt, ledger_id, noted
from audits.ledger.chain import HighWaterMark

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
def ask(tmp_path):
    def asked(made, control=CONTROL):
        return attempt(tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json"), made=made, control=control).number

    return asked


def renamed(control):
    return replace(control, groups=tuple(f"other {i}" for i in range(len(control))))


def changed(edit, *, ids=True):
    """Return control with other texts, and under other ids unless the ids are to tell."""
    made = replace(CONTROL, texts=tuple(edit(text) for text in CONTROL.texts))
    return renamed(made) if ids else made


def every_tenth_word_exchanged(text):
    return " ".join("exchanged" if i % 10 == 3 else word for i, word in enumerate(text.split()))


def test_what_differs_counts_and_the_same_again_does_not(ask):
    assert [ask(made) for made in ("a", "b", "b", "a", "c")] == [1, 2, 2, 1, 3]


def test_every_attempt_stays_in_the_ledger_with_its_number(ask, tmp_path):
    place = tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json")
    first = attempt(*place, made="a", control=CONTROL)
    second = attempt(*place, made="b", control=CONTROL)
    assert [noted(*place, made=found.made).number for found in (first, second)] == [1, 2]
    assert noted(*place, made=first.made).ledger == second.ledger
    with pytest.raises(InputError, match="does not hold this run's attempt"):
        noted(*place, made="a" * 64)


@pytest.mark.parametrize(
    "again",
    [
        CONTROL,
        renamed(CONTROL),
        changed(lambda text: text + " "),
        changed(lambda text: "  " + text.replace(" ", " \n\t")),
        changed(str.upper),
        changed(lambda text: text.replace("a", "a\u200b")),
        changed(lambda text: text + " appended"),
        changed(lambda text: "prefix " + text),
        changed(every_tenth_word_exchanged),
        changed(lambda _text: "translated into another language altogether", ids=False),
        changed(lambda text: text[::-1], ids=False),
        replace(CONTROL, groups=tuple(f" p-{i:03d}\u00a0" for i in range(200)), texts=FRESH.texts),
        replace(renamed(CONTROL), has_groups=False),
        table(CONTROL.texts[::-1], CONTROL.groups[::-1]),
        table(FRESH.texts[:196] + CONTROL.texts[:4], FRESH.groups),
        table(FRESH.texts, FRESH.groups[:196] + CONTROL.groups[:4]),
        table(CONTROL.texts[:3], ["x", "y", "z"]),
    ],
    ids=[
        "same",
        "renamed",
        "blank",
        "spaces",
        "case",
        "invisible",
        "appended",
        "prefixed",
        "every-tenth-word",
        "persons-alone",
        "reversed",
        "id-spelling",
        "no-persons",
        "order",
        "a-few-texts",
        "a-few-persons",
        "subset",
    ],
)
def test_asking_the_same_people_again_counts_however_they_are_dressed(ask, again):
    assert (ask("a"), ask("b", again)) == (1, 2)


def test_fresh_people_are_asked_for_the_first_time(ask):
    assert (ask("a"), ask("b", FRESH), ask("c", FRESH)) == (1, 1, 2)
    most = table(FRESH.texts[:198] + CONTROL.texts[:2], FRESH.groups[:198] + CONTROL.groups[:2])
    assert ask("d", most) == 3  # 1 % of them may have been asked; the others were asked by b and c
    assert ask("e", table((person(5000 + i) for i in range(50)), (f"R{i}" for i in range(50)))) == 1


def test_fresh_people_of_a_template_are_fresh(ask):
    """60 % boilerplate: every note holds the same passages, in the same order, around its own words."""
    form = [person(90_000 + k, 12) for k in range(4)]

    def note(i):
        own = [person(10_000 * k + i, 8) for k in range(4)]
        return " ".join(f"{a} {b}" for a, b in zip(form, own, strict=True))

    one, other = (
        table((note(i) for i in part), (f"{part.start}/{i}" for i in part)) for part in (range(300), range(300, 600))
    )
    assert (ask("a", one), ask("b", other)) == (1, 1)
    assert ask("c", renamed(one)) == 2


def test_row_numbers_are_no_persons(ask):
    rows = replace(CONTROL, has_groups=False)
    others = replace(FRESH, has_groups=False, groups=rows.groups)
    assert (ask("a", rows), ask("b", others)) == (1, 1)


def test_the_ledger_holds_no_text_and_nothing_to_try_a_guess_on(ask, tmp_path):
    ask("a")
    ask("b", FRESH)
    (tmp_path / "other").mkdir()
    place = tmp_path / "other" / "ledger", HighWaterMark(tmp_path / "other" / "seen.json")
    attempt(*place, made="a", control=CONTROL)
    one, other = ((folder / "attempts.jsonl").read_bytes() for folder in (tmp_path / "ledger", place[0]))
    assert not any(word.encode() in one for word in ("P-0", "p0", *WORDS))
    held = {one[i : i + 16] for i in range(len(one) - 16)}
    assert not any(other[i : i + 16] in held for i in range(200, len(other) - 200, 16))


def test_a_missing_or_older_ledger_is_seen(ask, tmp_path):
    ask("a")
    shutil.copytree(tmp_path / "ledger", tmp_path / "older")
    ask("b")
    shutil.rmtree(tmp_path / "ledger")
    with pytest.raises(InputError, match="lacks its key"):
        ask("c")
    shutil.copytree(tmp_path / "older", tmp_path / "ledger")
    with pytest.raises(InputError, match="holds 1 entries, and held 2 before"):
        ask("c")


def test_a_ledger_has_its_id_before_anything_is_counted_in_it(tmp_path):
    begun = ledger_id(tmp_path / "ledger")
    found = attempt(tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json"), made="a", control=CONTROL)
    assert (found.ledger.id, found.number) == (begun, 1)
