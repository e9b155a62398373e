"""Evasions contain what a reader recognises as text of a train person, in a form that simple rules miss."""

import unicodedata
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs
from audits.selftest import evasions
from audits.selftest.clean_release import draw_population

N_TRAIN, N_CONTROL = 33, 65


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def population(people):
    def labelled(table):
        return replace(table, labels=tuple("aab"[i % 3] for i in range(len(table))))

    train, control = labelled(people(N_TRAIN, seed=1, prefix="t")), labelled(people(N_CONTROL, seed=2, prefix="h"))
    return draw_population(AuditInputs(synthetic=control, train=train, control=control), rng())


def owners_of(table, passage):
    """Return the persons of a table with a text that contains the passage."""
    return {group for text, group in zip(table.texts, table.groups, strict=True) if passage in text}


def numbered(made):
    """Return the train texts with a planted record number."""
    return [text for text in made.train.texts if " MRN " in text]


def added(population, made):
    """Return the texts appended to clean rows, and the rows added after the clean rows."""
    n = len(population.unseen)
    pairs = zip(made.synthetic.texts[:n], population.unseen.texts, strict=True)
    behind = [now.removeprefix(f"{before} ") for now, before in pairs if now != before]
    return behind, made.synthetic.texts[n:]


LATIN = str.maketrans("асеорху０１２３４５６７８９", "aceopxy0123456789")
DISGUISES = [
    ("accented", lambda text: text.replace(evasions.ACCENT, "")),
    ("invisible", lambda text: "".join(c for c in text if unicodedata.category(c) != "Cf")),
    ("underscored", lambda text: text.replace("_", " ")),
    ("confusable", lambda text: text.translate(LATIN)),
]


@pytest.mark.parametrize(("how", "seen"), DISGUISES)
def test_disguised_texts_of_four_persons_are_readable(population, how, seen):
    made = evasions.disguised(population, rng(), how=how)
    behind, more = added(population, made)
    originals = dict(zip(made.train.texts, made.train.groups, strict=True))
    assert more == ()
    assert len({originals[seen(text)] for text in behind}) == evasions.HIDDEN
    assert all(" MRN " in seen(text) for text in behind)
    assert not set(behind) & set(originals)


def test_glued_and_misspelled_texts_keep_their_letters(population):
    def letters(text):
        return "".join(sorted("".join(text.split())))

    for how in ("glued", "misspelled"):
        made = evasions.disguised(population, rng(), how=how)
        persons = dict(zip(map(letters, made.train.texts), made.train.groups, strict=True))
        behind, _ = added(population, made)
        assert len({persons[letters(text)] for text in behind}) == evasions.HIDDEN
        assert not set(behind) & set(made.train.texts)


def test_a_shared_passage_has_an_owner_on_each_side(population):
    made = evasions.shared_passage(population, rng())
    ((passage,), _) = added(population, made)
    assert len(passage.split()) == evasions.SHARED_WORDS
    assert (len(owners_of(made.train, passage)), len(owners_of(made.control, passage))) == (1, 1)


def test_near_copies_keep_nine_words_in_ten_and_no_number(population):
    made = evasions.near_copies(population, rng())
    behind, copies = added(population, made)
    assert behind == []
    assert len(copies) == evasions.HIDDEN
    for copy in copies:
        words = copy.split()
        (source,) = [t for t in numbered(made) if len(t.split()) == len(words) and t.split()[:9] == words[:9]]
        same = np.mean([a == b for a, b in zip(words, source.split(), strict=True)])
        assert 0.8 < same < 0.95
        assert source.split()[-1] not in copy


def test_cut_up_and_in_turn_lose_no_word(population):
    made = evasions.cut_up(population, rng())
    behind, pieces = added(population, made)
    assert behind == []
    assert max(len(piece.split()) for piece in pieces) == evasions.PIECE
    assert sorted(" ".join(pieces).split()) == sorted(" ".join(numbered(made)).split())
    made = evasions.in_turn(population, rng())
    behind, more = added(population, made)
    assert (len(behind), more) == (evasions.HIDDEN // 2, ())
    assert sorted(" ".join(behind).split()) == sorted(" ".join(numbered(made)).split())
    starts, first = [text.split()[:4] for text in numbered(made)], behind[0].split()
    assert all(first[i:8:2] in starts for i in (0, 1))


def test_short_records_are_copied_whole(population):
    own = np.where(np.arange(len(population.train)) % 2, 17, 0)
    made = evasions.short_copies(replace(population, own_run=own), rng())
    _, copies = added(population, made)
    owners = [population.train.groups[population.train.texts.index(text)] for text in copies]
    assert len(set(owners)) == len(owners) == evasions.N_SHORT
    with pytest.raises(NotMeasurable, match="11 train persons with a short record"):
        evasions.short_copies(replace(population, own_run=np.zeros_like(own)), rng())


def test_rotated_is_rot13_and_only_the_largest_class_leaks(population):
    made = evasions.rotated(population, rng())
    back = str.maketrans("nopqrstuvwxyzabcdefghijklm", "abcdefghijklmnopqrstuvwxyz")
    assert [t.translate(back) for t in made.synthetic.texts] == list(population.train.texts)
    made = evasions.one_class(population, rng())
    for text, label in zip(made.synthetic.texts, made.synthetic.labels, strict=True):
        assert (text in population.train.texts) == (label == "a")
    with pytest.raises(NotMeasurable, match="two classes"):
        evasions.one_class(replace(population, train=replace(population.train, labels=None)), rng())


def test_shared_desk_is_of_many_persons_and_the_other_address_of_one(population):
    made = evasions.shared_desk(population, rng())
    for table in (made.train, made.control):
        assert len(owners_of(table, "front.desk@")) == evasions.HIDDEN
    tables = (made.train, made.synthetic, made.control)
    assert [sum("haverkamp" in text for text in table.texts) for table in tables] == [1, 1, 0]
    assert sum("front.desk@" in t for t in made.synthetic.texts) >= 3


def test_two_ids_have_one_text(population):
    made = evasions.two_ids(population, rng())
    text = made.train.texts[-1]
    assert len(owners_of(made.train, text)) == 2
    assert len(made.train.labels) == len(made.train)
    assert any(text in t for t in made.synthetic.texts)


def test_long_name_is_of_a_control_person(population):
    made = evasions.long_control_name(population, rng())
    assert [len(made.identifiers), len(made.control_identifiers)] == [len(made.train), len(made.control)]
    of_train, of_control = (list(chain.from_iterable(n)) for n in (made.identifiers, made.control_identifiers))
    assert [len(of_train), len(of_control)] == [4, 1]
    assert len(of_control[0]) > 2 * max(map(len, of_train))
    assert sum(any(n in t for n in of_train) for t in made.synthetic.texts) == 2


def test_persons_are_identified_by_names_codes_and_facts(population):
    made = evasions.name_orders(population, rng())
    behind, _ = added(population, made)
    names = [set(name.lower().split()) for name in chain.from_iterable(made.identifiers)]
    assert sum(name <= set(text.lower().replace(",", "").split()) for name in names for text in behind) == 4
    for make in (evasions.bare_code, evasions.combined_facts):
        made = evasions.with_facts(population, rng(), make=make)
        behind, _ = added(population, made)
        digits = {"".join(filter(str.isdigit, text)) for text in behind}
        written = [t for t, before in zip(made.train.texts, population.train.texts, strict=True) if t != before]
        assert (len(digits), len(written)) == (4, 4)
        if make is evasions.bare_code:
            assert all(any(d in "".join(filter(str.isdigit, text)) for text in written) for d in digits)


def test_reference_or_control_repeats_released_texts(population):
    made = evasions.copied_reference(population, rng())
    assert len(made.reference) == 8
    assert set(made.reference.texts) <= set(made.train.texts) & set(made.synthetic.texts)
    made = evasions.repeating_control(population, rng())
    repeated = set(made.control.texts) & set(made.train.texts)
    assert len(repeated) == int(np.ceil(0.11 * len(made.control)))
    assert repeated <= set(made.synthetic.texts)


@pytest.mark.parametrize("pasted", [False, True])
def test_six_words_in_ten_are_of_the_template(population, pasted):
    made = evasions.templated(population, rng(), pasted=pasted)
    shared = {word for sentence in evasions.TEMPLATE for word in sentence.split()}
    for table in (made.train, made.control, made.synthetic):
        share = np.mean([np.mean([w in shared for w in text.split()]) for text in table.texts])
        assert 0.55 < share < 0.75
    assert sum(any(t in row for t in made.train.texts) for row in made.synthetic.texts) == int(pasted)


@pytest.mark.parametrize("copied", [False, True])
def test_control_persons_quote_each_other(population, copied):
    made = evasions.quoting(population, rng(), copied=copied)
    behind, copies = added(population, made)
    assert behind
    for passage in behind:
        assert len(owners_of(made.control, passage)) == 2
    assert len(copies) == (5 if copied else 0)
    assert set(copies) <= set(made.train.texts)


def test_texts_without_own_words_cannot_be_hidden(population):
    short = replace(population, own_run=np.zeros_like(population.own_run))
    for recipe in (evasions.near_copies, evasions.two_ids, evasions.copied_reference, evasions.repeating_control):
        with pytest.raises(NotMeasurable, match="30 consecutive words"):
            recipe(short, rng())
