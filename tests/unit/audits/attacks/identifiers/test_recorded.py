import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.misspellings import n_within_one_edit
from audits.attacks.identifiers.patterns import Entity, read_content
from audits.attacks.identifiers.recorded import (
    MAX_COINCIDENCES,
    Occurrences,
    SyntheticCounts,
    index_identifiers,
    judge_recorded,
)
from audits.attacks.identifiers.surprisal import Surprisal
from audits.text.spelling import is_one_edit

ANN, BO, CY, NOBODY = 0, 1, 2, 3  # two train persons and one of control
NAME = "Wojciechowska-Featherstonehaugh"
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)


LISTS = [["Jo Bloggs", "12/03/1961"], ["jo bloggs", "no 48213377", "jo@example.org"], ["id 4821 3377"]]
OWNERS = [0, 1, 2]


def test_recorded_identifier_has_all_its_owners():
    recorded = index_identifiers(LISTS, OWNERS)
    owners = {value: list(whose) for value, whose in zip(recorded.values, recorded.owners, strict=True)}
    assert owners["jo", "bloggs"] == [0, 1]
    assert owners["no", "48213377"] == owners["id", "4821", "3377"] == [1, 2]  # one number in two spellings
    assert {recorded.values[i] for i in recorded.dates} == {("12", "03", "1961")}
    assert {recorded.values[i] for i in recorded.personal_numbers} == {("no", "48213377"), ("id", "4821", "3377")}


def test_a_value_with_several_forms_has_the_owners_of_its_rarest_form():
    lists = [["482133"], ["ann.lee@mail.org"], ["482133 ann.lee@mail.org"], ["MRN 482-133"], ["7301"]]
    recorded = index_identifiers(lists, range(5))
    assert list(map(list, recorded.owners)) == [[0, 2, 3], [1, 2], [1, 2], [3], [4]]
    assert list(recorded.owners_of_form[Entity("number", "482133")]) == [0, 2, 3]


def test_occurrences_are_collected_with_their_owners():
    occurrences = Occurrences(index_identifiers(LISTS, OWNERS))
    occurrences.read_synthetic(read_content("Jo Blogggs and 48213377"))
    misspelt = {occurrences.recorded.values[i] for values in occurrences.misspelt.values() for i in values}
    assert misspelt <= {("jo", "bloggs")}
    assert occurrences.forms == {Entity("number", "48213377")}
    for owner in (3, 4):
        occurrences.read_other(read_content("JO BLOGGS 4821-3377"), owner)
    assert list(occurrences.value_owners["jo", "bloggs"]) == [3, 4]
    assert list(occurrences.form_owners[Entity("number", "48213377")]) == [3, 4]


def judged(lists, made, pool=(), *, surprisal=SURPRISAL, n_train=2, n_persons=NOBODY, **counts):
    """Judge identifiers, given as (owner, texts), by synthetic texts and by the (owner, text) of other tables."""
    occurrences = Occurrences(index_identifiers([texts for _, texts in lists], [owner for owner, _ in lists]))
    rows = [read_content(text) for text in made]
    for row in rows:
        occurrences.read_synthetic(row)
    for owner, text in pool:
        occurrences.read_other(read_content(text), owner)
    counted = {
        "n_tokens": sum(len(row.words) for row in rows),
        "n_numbers": len({n for row in rows for n in row.numbers}),
        "n_dates": len({e for row in rows for e in row.entities if e.kind == "date"}),
    }
    counted = SyntheticCounts(**counted | counts)
    return judge_recorded(occurrences, counted, surprisal, n_train, max(n_train, n_persons))


def numbers(known):
    return known.tested, known.found, known.of_control, known.n_leaks


def test_recorded_name_in_the_table_is_a_leak_of_its_person():
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
def test_name_with_one_edit_is_a_leak(written):
    known = judged([(BO, [NAME if " " in written else "Wojciechowska"]), (ANN, ["Ann"])], [f"as {written}'s mother"])
    assert (known.found, known.n_leaks) == (1, 1)
    assert known.terms.phrases == {tuple(written.split()): ("known identifier, misspelt", [BO])}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Anna", "Anne"),  # too short
        ("12345678901", "12345678902"),  # another number
        ("Kim Lee Wu", "kim leo wu"),  # no word long enough
        (NAME, "wojcieckowska featherstonehaug"),  # two edits
    ],
)
def test_another_name_or_number_is_no_misspelling(value, written):
    assert judged([(ANN, [value])], [f"as {written} said"]).found == 0


def test_misspelling_expected_by_chance_is_ignored():
    """The expected number of coincidences is that of all identifiers for which one edit is allowed."""
    made, one = ["as wojciechovska said"], [(BO, ["Wojciechowska"])]
    bits = min(map(SURPRISAL.bits, ("wojciechowska", "wojciechovska"))) - math.log2(n_within_one_edit(13))
    most = int(MAX_COINCIDENCES * 2**bits)
    assert judged(one, made, n_tokens=most - 1).found == 1
    assert judged(one, made, n_tokens=most + 1).found == 0
    many = [(ANN, [f"{a}{b}fghciechowsk{c}" for a in "bdfg" for b in "aeio" for c in "klmn"]), *one]
    assert judged(many, made, n_tokens=most // 66).found == 1
    assert judged(many, made, n_tokens=most // 64).found == 0


@pytest.mark.parametrize(("written", "n_found"), [("paxtient", 1), ("paxtienq", 1), ("patient", 0)])
def test_common_word_is_no_misspelling_of_a_rare_name(written, n_found):
    assert judged([(ANN, ["Paxtient"])], [f"the {written} said"], n_tokens=1).found == n_found


@pytest.mark.parametrize("whose", [CY, NOBODY])
def test_misspelling_that_equals_a_name_of_somebody_else_is_ignored(whose):
    lists, made = [(ANN, ["Featherstonehaugh"])], ["as featherstonehaug said"]
    assert judged(lists, made).found == 1
    assert judged(lists, made, [(ANN, "the featherstonehaug family")]).found == 1
    assert judged(lists, made, [(whose, "the featherstonehaug family")]).found == 0
    theirs = judged([*lists, (whose, ["Featherstonehaug"])], made).terms.phrases.values()
    assert "known identifier, misspelt" not in {kind for kind, _ in theirs}


def test_name_or_misspelling_of_two_train_persons_is_a_leak_of_both():
    made, pool = ["as featherstonehaug said"], [(BO, "the featherstonehaug family")]
    known = judged([(ANN, ["Featherstonehaugh"])], made, pool)
    assert known.terms.phrases == {("featherstonehaug",): ("known identifier, misspelt", [ANN, BO])}
    known = judged([(ANN, ["Wojciechowska"]), (BO, ["Wojciechowski"])], ["as wojciechowsk said"])
    assert (known.found, known.n_leaks) == (1, 1)
    mother_and_child = [(ANN, ["Wojciechowska"]), (BO, ["wojciechowska "])]
    assert numbers(judged(mother_and_child, ["as wojciechowska said"])) == (1, 1, 0, 1)


def test_name_of_more_than_ten_persons_is_not_tested():
    lists = [(person, ["Wojciechowska"]) for person in range(11)]
    assert judged(lists[:10], ["as wojciechowska said"], n_train=11).n_leaks == 1
    assert judged(lists, ["as wojciechowska said"], n_train=11).tested == 0


DATES = ["12 March 1961", "March 12, 1961", "1961-03-12", "12.03.61", "12 03 1961", "12031961"]


@pytest.mark.parametrize("written", DATES)
def test_date_in_another_form_is_found(written):
    known = judged([(ANN, ["12/03/1961"])], [f"born {written} in town"])
    assert numbers(known) == (1, 1, 0, 1)
    known = judged([(ANN, ["12/03/1961"])], [f"born {written} in town"], [(BO, "seen 12/03/1961")])
    assert known.found == 0  # many people share a day


@pytest.mark.parametrize("day", ["November 22", "22nd of Nov", "Sunday, April 11", "March 1961"])
def test_date_without_day_or_year_is_not_tested(day):
    assert judged([(ANN, [day])], [f"seen on {day} in town"] * 40).tested == 0


def test_date_expected_by_chance_is_not_tested():
    lists, made = [(ANN, ["12/03/1961"])], ["born 12 March 1961"]
    assert judged(lists, made, n_dates=300).found == 1  # 300 / 2^15 = .0092
    assert judged(lists, made, n_dates=330).tested == 0
    many = [(BO, [f"{day}/04/19{year}" for day in range(1, 29) for year in range(50, 62)]), *lists]
    assert judged(many, made, n_dates=1).tested == 0


@pytest.mark.parametrize("written", ["no 48213377", "no 4821-3377", "no 48 21 33 77"])
@pytest.mark.parametrize("value", ["48213377", "MRN 4821 3377", "AB48213377"])
def test_number_is_found_by_its_digits_whatever_is_found_of_control(value, written):
    known = judged([(ANN, [value]), (CY, ["Zephyrhavenishment"])], [written, "near Zephyrhavenishment"])
    assert (known.found, known.of_control, known.n_leaks) == (1, 1, 1)
    assert known.terms.entities[Entity("number", "48213377")] == ("known identifier", [ANN])


def test_number_expected_by_chance_is_not_tested():
    """The expected number of chance matches is numbers in the synthetic table · recorded numbers / 10^8."""
    many = [(ANN, [str(48213377 + 31 * i) for i in range(100)])]
    assert judged(many, ["see 48213377"], n_numbers=9_999).n_leaks == 1
    assert numbers(judged(many, ["see 48213377"], n_numbers=10_001)) == (0, 0, 0, 0)
    assert numbers(judged(many[:1], ["see 4821 3377"], n_numbers=10_001)) == (0, 0, 0, 0)
    assert judged([(ANN, ["48213377"])], ["see 48213377"], n_numbers=10_001).n_leaks == 1


@pytest.mark.parametrize("whose", [BO, CY])
def test_record_number_of_two_persons_is_a_leak(whose):
    known = judged([(ANN, ["AB-48213377"])], ["see 48213377"], [(whose, "see 48 21 33 77")])
    assert known.n_leaks == 1
    assert known.terms.entities[Entity("number", "48213377")][1] == [ANN, BO][: 1 + (whose == BO)]
    assert judged([(ANN, ["id 48213377"]), (whose, ["no 48213377"])], ["see 48213377"]).n_leaks >= 1


def test_number_in_public_text_or_of_more_than_ten_persons_is_ignored():
    lists, made = [(ANN, ["AB-48213377"])], ["see 48213377"]
    assert judged(lists, made, [(NOBODY, "see 48 21 33 77")]).found == 0
    assert judged(lists, made, [(i, "see 48 21 33 77") for i in range(1, 11)], n_train=12).found == 0


def test_phone_of_a_front_desk_is_exempt_and_no_other_phone():
    lists = [(ANN, ["555 012 3456", "555 987 6543"]), (CY, ["555 012 3456"])]
    assert judged(lists, ["call 555-012-3456"]).n_leaks == 0
    assert judged(lists, ["call 555-012-3456 or 555-987-6543"]).n_leaks == 1


def test_address_is_found_by_its_pattern():
    known = judged([(BO, ["Jo.Bloggs@Example.org"])], ["mail jo.bloggs@example.org."])
    assert known.terms.entities == {Entity("email", "jo.bloggs@example.org"): ("known identifier", [BO])}


@pytest.mark.parametrize("own", ["Quixotebury", NAME])
@pytest.mark.parametrize("name", ["Zephyrhaven", "Count Maximilian Ferdinand von Hohenstauffen-Lichtenberg zu Ulm"])
def test_one_name_of_control_explains_none_of_train(own, name):
    lists = [(ANN, [own]), (CY, [name])]
    assert numbers(judged(lists, [f"near {own} and {name}"])) == (1, 1, 1, 1)


def test_two_names_of_control_explain_as_many_of_train():
    towns = ["Zephyrhaven", "Quillborough", "Vexminster", "Jaxonwood", "Kyzylford"]
    lists = [(ANN, ["Quixotebury"]), *((CY + i, [town]) for i, town in enumerate(towns))]
    size = {"n_train": 2, "n_persons": 9}
    assert judged(lists, ["near Quixotebury", *towns[:1]], **size).n_leaks == 1
    assert judged(lists, ["near Quixotebury", *towns[:2]], **size).n_leaks == 0
    many = [(i, [f"{a}yx{b}ebury"]) for i, (a, b) in enumerate(product("bdfgklmn", "wq"))]
    control = [(20 + i, [town]) for i, town in enumerate(towns[:2])]
    unseen = [(30 + i, [f"{a}yx{b}ebury"]) for i, (a, b) in enumerate(product("prstvxz", "wq"))]
    made = [name for _, (name,) in [*many, *control]]
    assert judged([*many, *control, *unseen], made, n_train=20, n_persons=50).n_leaks == 16  # 16 to 2 exceeds chance
    long = [(CY + i, [f"{town} upon the wide green waters"]) for i, town in enumerate(towns)]
    made = ["near Quixotebury", *(text for _, (text,) in long)]
    assert judged([lists[0], *long], made, **size).n_leaks == 1  # far longer names explain nothing


def test_rarest_name_is_no_leak_if_almost_as_rare_names_of_control_occur():
    almost = ["Zephyrhavenquillbridge", "Vexminsterjaxonwoodham", "Kyzylfordovquistgaardt"]
    lists = [(ANN, [NAME]), *((CY + i, [name]) for i, name in enumerate(almost))]
    made = [f"near {name}" for _, (name,) in lists]
    assert judged(lists, made, n_train=2, n_persons=9).n_leaks == 0
    shorter = [(owner, [name[:9]]) for owner, (name,) in lists[1:]]
    assert (
        judged([lists[0], *shorter], [made[0], *(name for _, (name,) in shorter)], n_train=2, n_persons=9).n_leaks
        == 1
    )


def test_empty_lists_find_nothing():
    assert numbers(judged([(ANN, []), (BO, ["", "..."])], ["anything"])) == (0, 0, 0, 0)


names = st.text(alphabet="abw", min_size=8, max_size=10)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=5))
def test_found_names_occur_exactly_or_with_one_edit(recorded, made):
    known = judged([(i, [name]) for i, name in enumerate(recorded)], [" ".join(made)], n_train=9)
    for phrase, (kind, (owner, *_)) in known.terms.phrases.items():
        assert phrase[0] in made
        near = phrase[0] == recorded[owner] if kind == "known identifier" else is_one_edit(phrase[0], recorded[owner])
        assert near


def test_bits_of_an_edit_computed_by_hand():
    """Nine unknown letters cost 6 bits each; one edit leaves 54 - log2(1 + 9 + 9 · 63 + 10 · 64 + 8)."""
    most = int(0.01 * 2 ** (54 - math.log2(1225)))
    for n_tokens, found in ((most - 1, 1), (most + 2, 0)):
        case = judged([(ANN, ["zqxzqxzqx"])], ["zqxzqxzqy"], n_tokens=n_tokens, surprisal=Surprisal([]))
        assert case.found == found


def test_a_single_ordinary_word_is_a_leak_only_if_many_occur():
    """Seven words of train and none of control are significant at 1 %; one month, or a noun as a surname, is not."""
    words = ["november", "mountain", "chocolate", "furniture", "september", "telescope", "wednesday", "adventure"]
    lists = [*((i, [word]) for i, word in enumerate(words)), *((20 + i, [f"control word{i}"]) for i in range(12))]
    size = {"n_train": 20, "n_persons": 40}
    assert [judged(lists, [f"in {word}" for word in words[:n]], **size).n_leaks for n in (1, 5, 8)] == [0, 0, 8]
    assert judged(lists, [f"in {word}" for word in words[:7]], n_train=20, n_persons=21).n_leaks == 7  # small control
    assert judged(lists[:3], ["in november"], **size).n_leaks == 1  # nothing of control was tested
    rare = [(0, ["November"]), (1, ["Quixotebury"]), (2, ["November Mountain"]), *lists[-12:]]
    assert judged(rare, ["in november near quixotebury"], **size).n_leaks == 1
    assert judged(rare, ["with November Mountain today"], **size).n_leaks == 1
    assert judged(rare, ["as Mrs November said"], **size).n_leaks == 1


def test_two_ordinary_words_of_one_person_in_a_row_are_leaks():
    control = [(20 + i, [f"control word{i}"]) for i in range(12)]
    lists = [(0, ["Mountain", "November", "Chocolate"]), *control]
    size = {"n_train": 20, "n_persons": 40}
    assert judged(lists, ["to the mountain with chocolate"], **size).n_leaks == 2
    assert judged(lists, ["to the mountain", "with chocolate"], **size).n_leaks == 0


def test_ordinary_words_of_control_explain_no_rare_name_of_train():
    lists = [(0, ["Brackenrid"]), (20, ["November"]), (21, ["September"])]
    made = ["near brackenrid", "in november", "in september"]
    assert judged(lists, made, n_train=20, n_persons=40).n_leaks == 1


@pytest.mark.parametrize(("n_control", "n_leaks"), [(0, 5), (1, 5), (5, 0)])
def test_numbers_of_train_are_no_leaks_if_as_many_of_control_are_found(n_control, n_leaks):
    listed = [[f"2024{n:04d}"] for n in range(1000, 1060)]
    found = [number for (number,) in (*listed[:5], *listed[30 : 30 + n_control])]
    known = judged(list(enumerate(listed)), [f"no {number}" for number in found], n_train=30, n_persons=60)
    assert (known.found, known.of_control, known.n_leaks) == (5, n_control, n_leaks)


@pytest.mark.parametrize(("n_in_control", "n_leaks"), [(0, 1), (1, 1), (2, 0)])
def test_without_a_list_of_control_its_texts_show_how_many_names_occur_by_chance(n_in_control, n_leaks):
    names = ["Quixotebury", "Zephyrhaven", "Ravenscombe"]
    lists = [(i, [name]) for i, name in enumerate(names)]
    pool = [(10 + i, f"near {name}") for i, name in enumerate(names[1 : 1 + n_in_control])]
    known = judged(lists, ["near Quixotebury"], pool, n_train=3, n_persons=20, n_control_tokens=2)
    assert (known.found, known.n_leaks) == (1, n_leaks)
    # with a list, the names of control persons show it
    known = judged([*lists, (15, ["Lindqvistsen"])], ["near Quixotebury"], pool, n_train=3, n_persons=20)
    assert known.n_leaks == 1


@pytest.mark.parametrize("made", ["number 48213377 noted", "mrn 48213377 tel 02079460000 noted"])
def test_a_common_form_does_not_hide_a_rare_form_of_the_same_value(made):
    lists = [(0, ["MRN 48213377 tel 02079460000"]), *((k, ["tel 02079460000"]) for k in range(1, 13))]
    assert judged(lists, [made], n_train=13).n_leaks == 1
    assert judged(lists, ["tel 02079460000 noted"], n_train=13).n_leaks == 0
