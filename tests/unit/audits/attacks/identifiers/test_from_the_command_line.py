"""Identifiers in single synthetic rows, from the command line to the verdict, with and without a list of names."""

import json

import pytest

from audits.text import name_lists

# at most three codes per run, because seven would be a leak by their number alone
CODES = {
    "": ("1EG4-TE5-MK73", "AB12CDE34", "SW-7F3A9C1B"),
    "passport ": ("AB12CDE34", "9J2K-4M7Q", "SW-7F3A9C1B"),
    "the purple ": ("1EG4-TE5-MK73", "K7F3A9C1", "AB12-CDE34"),
}
ORDINALS = name_lists.split_list("""
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth
""")
MONTHS = name_lists.split_list("January February March April May June July August September")
STEP = 7  # rows between two planted texts


@pytest.fixture(scope="module")
def written(people):
    sizes = {"train": (400, 31), "control": (400, 32), "synthetic": (390, 33)}
    return {name: people(n, seed=seed, prefix=name, rows=(1, 1)) for name, (n, seed) in sizes.items()}


@pytest.fixture
def tables(written, rows_of):
    """Return tables of 400 train, 400 control and 390 fresh people without identifiers."""
    return {name: rows_of(table) for name, table in written.items()}


def added(rows, row, words):
    """Return the rows with words added to one of them."""
    text, person = rows[row]
    return [*rows[:row], (f"{text} {words} {text[:40]}", person), *rows[row + 1 :]]


def planted(tables, of_train, made):
    """Return the tables with texts added to train rows, and to the synthetic rows that reveal them."""
    tables = dict(tables)
    for i, words in enumerate(of_train):
        tables["train"] = added(tables["train"], 10 * i, words)
    for i, words in enumerate(made):
        tables["synthetic"] = added(tables["synthetic"], STEP * i, words)
    return tables


@pytest.fixture
def leaking(tables, audited):
    """Return a function that checks that exactly the rows with planted texts are found."""

    def check(of_train, made, *options):
        code, report, found, _ = audited("--only", "identifiers", *options, **planted(tables, of_train, made))
        assert found == {STEP * i for i in range(len(made))}
        assert (code, report["results"][0]["verdict"]) == (4, "fail")

    return check


@pytest.mark.slow
@pytest.mark.parametrize("before", CODES)
def test_a_code_of_letters_and_digits_of_one_person_is_a_leak_after_any_word(before, leaking):
    leaking([f"{before}{code}" for code in CODES[before]], [f"{before}{code}" for code in CODES[before]])


def test_one_code_is_enough_and_one_of_a_control_person_is_no_leak(tables, audited):
    tables["synthetic"] = added(tables["synthetic"], 5, "SW-7F3A9C1B")
    for side, verdict in (("train", "fail"), ("control", "pass")):
        changed = tables | {side: added(tables[side], 7, "SW-7F3A9C1B")}
        assert audited("--only", "identifiers", **changed)[1]["results"][0]["verdict"] == verdict


WRITTEN_ANEW = {
    "numbers": {
        "no 93.05.18-223.61": "the 930518 22361",
        "account 4821 3397 56": "4821339756 was used",
        "file A-4821/33-975": "in A482133975",
    },
    "insurance and addresses": {
        "AB 47 21 93 C": "ab472193c",
        "write to jo.bloggs@mail.example": "jo dot bloggs at mail dot example",
        "ask al.quist@post.example": "al.quist[at]post[dot]example",
    },
    "in words and with other separators": {
        "number 71828459": "seven one eight two eight four five nine",
        "ref KX4821|9937": "KX48219937",
        "id 7F:3A:9C:1B": "7f3a9c1b",
    },
    "in the form of one country": {
        "his PAN is ABRPE7163F": "abrpe7163f",
        "tel 0033 6 12 84 39 71": "06.12.84.39.71",
        "write to jo.bloggs@mail.example": "jo.bloggs(a)mail.example",
    },
    "without a word before": {
        "K4821339": "seen K48 213 39",
        "4450012739": "four four five zero zero one two seven three nine",
        "DE89 3704 0044 0532 0130 00": "it was DE89370400440532013000",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WRITTEN_ANEW)
def test_numbers_and_addresses_of_one_person_are_leaks_in_another_form(case, leaking):
    leaking(list(WRITTEN_ANEW[case]), WRITTEN_ANEW[case].values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        lambda i: (f"born {1 + i}.{1 + i % 12}.19{40 + i}", f"born {1 + i}/{1 + i % 12}/19{40 + i}"),
        lambda i: (f"born {1 + i}.{1 + i % 9}.19{40 + i}", f"born the {ORDINALS[i]} of {MONTHS[i % 9]} 19{40 + i}"),
        lambda i: (f"call {140 + i}-{4821 + 37 * i}", f"call {140 + i} {4821 + 37 * i}"),
        lambda i: (
            f"K{'ABCDE'[i % 5]}{12 + 3 * i} {'XYZ'[i % 3]}DE",
            f"k{'abcde'[i % 5]}{12 + 3 * i}{'xyz'[i % 3]}de",
        ),
        lambda i: (f"file {130 + 7 * i}/{7412 + 53 * i}", f"the {130 + 7 * i}-{7412 + 53 * i}"),
    ],
    ids=["dates of birth", "dates of birth in words", "local telephone numbers", "plates", "file numbers"],
)
def test_short_numbers_of_twenty_persons_are_a_leak(write, tables, audited):
    """A single match may be chance, so the findings need not contain every row."""
    of_train, made = zip(*map(write, range(20)), strict=True)
    code, report, found, _ = audited("--only", "identifiers", **planted(tables, of_train, made))
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert found <= {STEP * i for i in range(20)}


COMBINATIONS = {
    "a 93 year old man of SW1A 1AA born 12/03/1931": "man aged 93, SW1A 1AA, born March 12, 1931",
    "Mrs, aged 91, born 4 May 1932, of M1 1AE": "she, 91 years old, from M1 1AE, born 4.5.1932",
    "a woman of 96 years, of Dunmore Springs, CO 81413, born 1927-02-08": "woman, 96, CO 81413, born 8 February 1927",
    "male, 101 y/o, EC1A 1BB, dob 30.11.1922": "a male aged 101 of ec1a 1bb, born November 30, 1922",
}


def test_facts_that_together_belong_to_one_person_are_a_leak(leaking):
    leaking(list(COMBINATIONS), COMBINATIONS.values())


def test_each_combination_of_facts_is_a_leak_by_itself(leaking):
    leaking(list(COMBINATIONS)[:1], list(COMBINATIONS.values())[:1])


SHARED = {
    "e-mail": ("write to jo.bloggs@mail.example", "jo.bloggs@mail.example"),
    "telephone": ("call +44 20 7946 0958", "+44 20 7946 0958"),
    "page": ("see https://pages.example/~wilhelmina", "https://pages.example/~wilhelmina"),
}


@pytest.mark.parametrize("sides", [("train", "control"), ("train", "train")])
def test_a_contact_of_two_persons_is_a_leak(sides, tables, audited):
    for i, (written, made) in enumerate(SHARED.values()):
        for j, side in enumerate(sides):
            tables[side] = added(tables[side], 20 * i + 5 * j, written)
        tables["synthetic"] = added(tables["synthetic"], STEP * i, made)
    code, report, found, _ = audited("--only", "identifiers", **tables)
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert found == {0, STEP, 2 * STEP}


# --- names

GIVEN = ("Rajesh", "Mary", "Peter", "Anna", "George", "Susan", "Carlos", "Ruth", "Simon", "Helen")
MIDDLE = ("Andre", "Jane", "Paul", "Marie", "Luis", "Rose", "Juan", "Ann", "Leo", "Grace")
SURNAME = ("Turner", "Smith", "Hill", "Young", "Baker", "Jones", "Garcia", "Brown", "Nelson", "Carter")
NAMES = list(zip(GIVEN, MIDDLE, SURNAME, strict=True))
FORMS = {  # number of names that are needed, and how they are written
    "reversed": (3, lambda a, b, c: f"{c}, {a} {b}"),
    "in capitals without middle name": (3, lambda a, _, c: f"{a} {c}".upper()),
    "middle initial": (3, lambda a, b, c: f"{a} {b[0]}. {c}"),
    "middle name last": (3, lambda a, b, c: f"{a} {c} {b}"),
    "initials": (10, lambda a, b, c: f"{a[0]}. {b[0]}. {c}"),
    "initials last": (10, lambda a, b, c: f"{c} {a[0]}{b[0]}"),
    "one initial": (10, lambda a, _, c: f"{a[0]}. {c}'s sister"),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_recorded_names_are_leaks_in_every_order_and_with_initials(form, tables, audited, tmp_path):
    n, write = FORMS[form]
    recorded = [[" ".join(name)] for name in NAMES] + [[]] * (len(tables["train"]) - len(NAMES))
    (tmp_path / "names.jsonl").write_text("".join(json.dumps(row) + "\n" for row in recorded))
    made = [f"{write(*name)} has HIV" for name in NAMES[:n]]
    options = ("--only", "identifiers", "--identifiers", tmp_path / "names.jsonl")
    code, report, found, _ = audited(*options, **planted(tables, [], made))
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert found <= {STEP * i for i in range(n)}
    assert len(found) >= n - 1


MANY_NAMES = [(GIVEN[i % 10], MIDDLE[(3 * i) % 10], SURNAME[(i + i // 10) % 10]) for i in range(30)]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["reversed", "in capitals without middle name", "middle name last", "as written"])
def test_thirty_common_names_with_a_diagnosis_are_a_leak_without_a_list(form, tables, audited):
    """Without a list, single names are not found: only their number is compared with that of control."""
    write = {**FORMS, "as written": (10, lambda *name: " ".join(name))}[form][1]
    of_train = [f"Seen with {' '.join(name)} today." for name in MANY_NAMES]
    made = [f"{write(*name)} has HIV" for name in MANY_NAMES]
    code, report, found, _ = audited("--only", "identifiers", **planted(tables, of_train, made))
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert found <= {STEP * i for i in range(len(MANY_NAMES))}


CHANGED = {  # recorded identifiers, and how they are written in the table
    "Giorgio Ameet Bargatze": "Thanks #GiorgioBargatze!",
    "Wilhelmina Rosa Quistgaard": "write to wilhelminaquistgaard88@mail.example",
    "Theodric Leif Vanhoutte": "with Theodric Van houtte",
    "Ottoline Maud Brackenridge": "with Enilotto Egdirnekcarb",
    "Kasimir Juno Szymborski": "The manager is called Kasimir. Her last name is Szymborski.",
    "giorgio.daly61@gmail.com": "her gmail is giorgio.daly61",
    "greg.hebden66@yahoo.com": "to greg.hebden66+x@yahoo.com",
    "jacob.cross35@gmail.com": "jacob.cross35 on gmail",
    "dean.haney60@gmail.com": "DEAN.HANEY60&#64;GMAIL.COM",
    "107 Chappelle Lane": "in Chappelle Lane, number 107",
    "108 Lindqvist Close": "at one hundred and eight Lindqvist Cl",
    "31.153.253.225": "the 31 dot 153 dot 253 dot 225",
    "@okafor_gio59": "okafor underscore gio59",
}


def test_recorded_names_and_addresses_are_leaks_in_a_changed_form(tables, audited, tmp_path):
    lists = {side: [[] for _ in tables[side]] for side in ("train", "control")}
    for i, identifier in enumerate(CHANGED):
        lists["train"][10 * i] = [identifier]
        lists["control"][10 * i] = [f"Aurelio Ravenscombe{i}", f"{200 + i} Ravenscombe Street"]
    options = ["--only", "identifiers"]
    for side, option in (("train", "--identifiers"), ("control", "--control-identifiers")):
        path = tmp_path / f"{side}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in lists[side]))
        options += [option, path]
    code, report, found, error = audited(*options, **planted(tables, [], CHANGED.values()))
    assert found == {STEP * i for i in range(len(CHANGED))}
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert "--control-identifiers" not in error
    code, report, found, error = audited(*options[:4], **tables)
    assert (code, report["results"][0]["verdict"], found) == (0, "pass", set())
    assert "note: no list of identifiers of control was passed (`--control-identifiers FILE`)" in error


def test_a_full_name_and_a_date_of_birth_of_one_person_are_a_leak_without_a_list(leaking):
    names = ["Ameet Sydney Hartmansen", "Wilhelmina Rosa Quistgaard", "Theodric Leif Vanhoutte"]
    of_train = [f"Signed, {name}, born {4 + i}/5/198{i}" for i, name in enumerate(names)]
    leaking(of_train, [f"{name}, 198{i}-05-0{4 + i}." for i, name in enumerate(names)])
