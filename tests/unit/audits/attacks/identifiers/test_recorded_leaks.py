import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.misspellings import is_one_edit, n_within_one_edit
from audits.attacks.identifiers.patterns import Entity, read_content
from audits.attacks.identifiers.recorded import OtherOccurrences, SyntheticOccurrences, index_identifiers
from audits.attacks.identifiers.recorded_leaks import MAX_COINCIDENCES, SyntheticCounts, judge_recorded
from audits.attacks.identifiers.surprisal import Surprisal

ANN, BO, CY, NOBODY = 0, 1, 2, 3  # two train persons and one of control
NAME = "Wojciechowska-Featherstonehaugh"
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)


def judged(lists, made, pool=(), *, dates=None, n_tokens=None, n_numbers=None, n_train=2, n_persons=NOBODY):
    """Audit identifiers of (owner, texts) against synthetic texts and (owner, text) of the pool."""
    recorded = index_identifiers([texts for _, texts in lists], [owner for owner, _ in lists])
    returns = SyntheticOccurrences(recorded)
    rows = [read_content(text) for text in made]
    for row in rows:
        returns.read(row)
    elsewhere = OtherOccurrences(recorded, returns)
    for owner, text in pool:
        elsewhere.read(read_content(text), owner)
    found = {e for row in rows for e in row.entities if e.kind == "date"}
    places = SyntheticCounts(
        n_tokens=sum(len(row.words) for row in rows) if n_tokens is None else n_tokens,
        n_numbers=len({n for row in rows for n in row.numbers}) if n_numbers is None else n_numbers,
        n_dates=len(found) if dates is None else dates,
    )
    return judge_recorded(recorded, returns, elsewhere, (places, SURPRISAL), n_train, max(n_train, n_persons))


def numbers(known):
    return known.tested, known.found, known.phantoms, known.hard


def test_a_name_that_returns_is_a_leak_and_the_persons():
    known = judged([(ANN, [NAME]), (BO, ["Szymborzcsak-Xqy"])], [f"as {NAME.upper()} said", "nothing else"])
    assert numbers(known) == (2, 1, 0, 1)
    assert known.terms.phrases == {("wojciechowska", "featherstonehaugh"): ("known identifier", [ANN])}
    assert known.terms.entities == {}


@pytest.mark.parametrize(
    "written",
    [
        "wojciechovska featherstonehaugh",
        "wojciechowska featherstonehuagh",
        "ojciechowska featherstonehaugh",
        "wojciechowka",
        "wojciechowska featherstoneehaugh",
    ],
)
def test_one_edit_is_enough_and_costs_bits(written):
    known = judged([(BO, [NAME if " " in written else "Wojciechowska"]), (ANN, ["Ann"])], [f"as {written}'s mother"])
    assert (known.found, known.hard) == (1, 1)
    assert known.terms.phrases == {tuple(written.split()): ("known identifier, misspelt", [BO])}


def test_two_edits_are_too_many():
    assert judged([(ANN, [NAME])], ["wojcieckowska featherstonehaug"]).found == 0


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Anna", "Anne"),  # too short
        ("12345678901", "12345678902"),  # another number
        ("Kim Lee Wu", "kim leo wu"),  # no word long enough
    ],
)
def test_what_is_another_name_or_number_is_no_misspelling(value, written):
    assert judged([(ANN, [value])], [f"as {written} said"]).found == 0


def test_a_misspelling_as_likely_as_chance_is_none():
    """What is searched for with one edit is paid for by all together, in bits of its own."""
    made, one = ["as wojciechovska said"], [(BO, ["Wojciechowska"])]
    bits = min(map(SURPRISAL.bits, ("wojciechowska", "wojciechovska"))) - math.log2(n_within_one_edit(13))
    most = int(MAX_COINCIDENCES * 2**bits)
    assert judged(one, made, n_tokens=most - 1).found == 1
    assert judged(one, made, n_tokens=most + 1).found == 0
    many = [(ANN, [f"{a}{b}fghciechowsk{c}" for a in "bdfg" for b in "aeio" for c in "klmn"]), *one]
    assert judged(many, made, n_tokens=most // 66).found == 1
    assert judged(many, made, n_tokens=most // 64).found == 0


def test_a_common_word_is_no_misspelling_of_a_rare_name():
    lists = [(ANN, ["Paxtient"])]
    assert judged(lists, ["the paxtient said"]).found == 1
    assert judged(lists, ["the paxtienq said"], n_tokens=1).found == 1
    assert judged(lists, ["the patient said"], n_tokens=1).found == 0


@pytest.mark.parametrize("whose", [CY, NOBODY])
def test_a_spelling_that_somebody_else_has_is_nobodys(whose):
    lists, made = [(ANN, ["Featherstonehaugh"])], ["as featherstonehaug said"]
    assert judged(lists, made).found == 1
    assert judged(lists, made, [(ANN, "the featherstonehaug family")]).found == 1
    assert judged(lists, made, [(whose, "the featherstonehaug family")]).found == 0
    theirs = judged([*lists, (whose, ["Featherstonehaug"])], made).terms.phrases.values()
    assert "known identifier, misspelt" not in {kind for kind, _ in theirs}


def test_a_name_or_spelling_of_two_train_persons_is_both_of_theirs():
    made, pool = ["as featherstonehaug said"], [(BO, "the featherstonehaug family")]
    known = judged([(ANN, ["Featherstonehaugh"])], made, pool)
    assert known.terms.phrases == {("featherstonehaug",): ("known identifier, misspelt", [ANN, BO])}
    known = judged([(ANN, ["Wojciechowska"]), (BO, ["Wojciechowski"])], ["as wojciechowsk said"])
    assert (known.found, known.hard) == (1, 1)
    mother_and_child = [(ANN, ["Wojciechowska"]), (BO, ["wojciechowska "])]
    assert numbers(judged(mother_and_child, ["as wojciechowska said"])) == (1, 1, 0, 1)


def test_a_name_that_more_than_ten_have_is_nobodys():
    lists = [(person, ["Wojciechowska"]) for person in range(11)]
    assert judged(lists[:10], ["as wojciechowska said"], n_train=11).hard == 1
    assert judged(lists, ["as wojciechowska said"], n_train=11).tested == 0


DATES = ["12 March 1961", "March 12, 1961", "1961-03-12", "12.03.61", "12 03 1961", "12031961"]


@pytest.mark.parametrize("written", DATES)
def test_a_date_in_another_form_is_found(written):
    known = judged([(ANN, ["12/03/1961"])], [f"born {written} in town"])
    assert numbers(known) == (1, 1, 0, 1)
    known = judged([(ANN, ["12/03/1961"])], [f"born {written} in town"], [(BO, "seen 12/03/1961")])
    assert known.found == 0  # many people share a day


def test_a_date_of_which_there_are_many_is_left_to_chance():
    lists, made = [(ANN, ["12/03/1961"])], ["born 12 March 1961"]
    assert judged(lists, made, dates=300).found == 1  # 300 / 2^15 = .0092
    assert judged(lists, made, dates=330).tested == 0
    many = [(BO, [f"{day}/04/19{year}" for day in range(1, 29) for year in range(50, 62)]), *lists]
    assert judged(many, made, dates=1).tested == 0


@pytest.mark.parametrize("written", ["no 48213377", "no 4821-3377", "no 48 21 33 77"])
@pytest.mark.parametrize("value", ["48213377", "MRN 4821 3377", "AB48213377"])
def test_a_number_is_found_by_its_digits_whatever_returns_for_control(value, written):
    known = judged([(ANN, [value]), (CY, ["Zephyrhavenishment"])], [written, "near Zephyrhavenishment"])
    assert (known.found, known.phantoms, known.hard) == (1, 1, 1)
    assert known.terms.entities[Entity("number", "48213377")] == ("known identifier", [ANN])


def test_a_number_is_left_to_chance_where_there_are_many():
    """λ = numbers in S times numbers on record / 10^8."""
    many = [(ANN, [str(48213377 + 31 * i) for i in range(100)])]
    assert judged(many, ["see 48213377"], n_numbers=9_999).hard == 1
    assert numbers(judged(many, ["see 48213377"], n_numbers=10_001)) == (0, 0, 0, 0)
    assert numbers(judged(many[:1], ["see 4821 3377"], n_numbers=10_001)) == (0, 0, 0, 0)
    assert judged([(ANN, ["48213377"])], ["see 48213377"], n_numbers=10_001).hard == 1


@pytest.mark.parametrize("whose", [BO, CY])
def test_a_record_number_under_two_ids_is_a_leak(whose):
    known = judged([(ANN, ["AB-48213377"])], ["see 48213377"], [(whose, "see 48 21 33 77")])
    assert known.hard == 1
    assert known.terms.entities[Entity("number", "48213377")][1] == [ANN, BO][: 1 + (whose == BO)]
    assert judged([(ANN, ["id 48213377"]), (whose, ["no 48213377"])], ["see 48213377"]).hard >= 1


def test_a_number_in_public_text_or_of_too_many_is_nobodys():
    lists, made = [(ANN, ["AB-48213377"])], ["see 48213377"]
    assert judged(lists, made, [(NOBODY, "see 48 21 33 77")]).found == 0
    assert judged(lists, made, [(i, "see 48 21 33 77") for i in range(1, 11)], n_train=12).found == 0


def test_a_desks_phone_is_exempt_and_no_other():
    lists = [(ANN, ["555 012 3456", "555 987 6543"]), (CY, ["555 012 3456"])]
    assert judged(lists, ["call 555-012-3456"]).hard == 0
    assert judged(lists, ["call 555-012-3456 or 555-987-6543"]).hard == 1


def test_an_address_is_found_by_its_pattern():
    known = judged([(BO, ["Jo.Bloggs@Example.org"])], ["mail jo.bloggs@example.org."])
    assert known.terms.entities == {Entity("email", "jo.bloggs@example.org"): ("known identifier", [BO])}


@pytest.mark.parametrize(
    "phantom", ["Zephyrhaven", "Count Maximilian Ferdinand von Hohenstauffen-Lichtenberg zu Ostermundingen"]
)
def test_one_name_of_control_excuses_none_of_train(phantom):
    lists = [(ANN, ["Quixotebury"]), (CY, [phantom])]
    assert numbers(judged(lists, [f"near Quixotebury and {phantom}"])) == (1, 1, 1, 1)


def test_names_of_control_that_return_explain_as_many_of_train():
    towns = ["Zephyrhaven", "Quillborough", "Vexminster", "Jaxonwood", "Kyzylford"]
    lists = [(ANN, ["Quixotebury"]), *((CY + i, [town]) for i, town in enumerate(towns))]
    size = {"n_train": 2, "n_persons": 9}
    assert judged(lists, ["near Quixotebury", *towns[:1]], **size).hard == 1
    assert judged(lists, ["near Quixotebury", *towns[:2]], **size).hard == 0
    many = [(i, [f"{a}yx{b}ebury"]) for i, (a, b) in enumerate(product("bdfgklmn", "wq"))]
    control = [(20 + i, [town]) for i, town in enumerate(towns[:2])]
    unseen = [(30 + i, [f"{a}yx{b}ebury"]) for i, (a, b) in enumerate(product("prstvxz", "wq"))]
    made = [name for _, (name,) in [*many, *control]]
    assert judged([*many, *control, *unseen], made, n_train=20, n_persons=50).hard == 16  # 16 to 2 is no chance
    long = [(CY + i, [f"{town} upon the wide green waters"]) for i, town in enumerate(towns)]
    made = ["near Quixotebury", *(text for _, (text,) in long)]
    assert judged([lists[0], *long], made, **size).hard == 1  # what is far longer tells nothing


def test_nothing_on_record():
    assert numbers(judged([(ANN, []), (BO, ["", "..."])], ["anything"])) == (0, 0, 0, 0)


names = st.text(alphabet="abw", min_size=8, max_size=10)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=5))
def test_what_is_found_stands_there_or_one_edit_away(recorded, made):
    known = judged([(i, [name]) for i, name in enumerate(recorded)], [" ".join(made)], n_train=9)
    for phrase, (kind, (owner, *_)) in known.terms.phrases.items():
        assert phrase[0] in made
        near = phrase[0] == recorded[owner] if kind == "known identifier" else is_one_edit(phrase[0], recorded[owner])
        assert near


def test_the_bits_of_an_edit_by_hand():
    """Nine letters never seen cost 6 bits each; one edit leaves 54 - log2(1 + 9 + 9 63 + 10 64 + 8)."""
    surprisal = Surprisal([])
    bits = 54 - math.log2(1225)
    recorded = index_identifiers([["zqxzqxzqx"]], [ANN])
    returns = SyntheticOccurrences(recorded)
    returns.read(read_content("zqxzqxzqy"))
    for n_tokens, found in ((int(0.01 * 2**bits) - 1, 1), (int(0.01 * 2**bits) + 2, 0)):
        places = SyntheticCounts(n_tokens=n_tokens, n_numbers=0, n_dates=0)
        assert (
            judge_recorded(recorded, returns, OtherOccurrences(recorded, returns), (places, surprisal), 1, 2).found
            == found
        )
