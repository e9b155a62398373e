from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.identifiers.identifiers_audit import Identifiers
from audits.core.types import AuditInputs

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def audited(inputs, extra=(), retexted=None):
    if extra:
        inputs = replace(inputs, synthetic=retexted(inputs.synthetic, [*inputs.synthetic.texts, *extra]))
    return Identifiers().run(inputs, np.random.default_rng(0), 0.95)


@pytest.fixture
def hits(retexted):
    """Return a function that counts the hard hits of inputs with some more synthetic texts."""
    return lambda inputs, *extra: audited(inputs, extra, retexted).metrics["hard_hits"].value


def mrn_of(table, row):
    return table.texts[row].split("MRN: ")[1].split(",")[0]


def address_of(table, row):
    return table.texts[row].split("mail ")[1].rstrip(".")


def with_added(table, added):
    """Return the table with a text added at the end of some rows."""
    return replace(table, texts=tuple(f"{text} {added.get(i, '')}".strip() for i, text in enumerate(table.texts)))


def test_fresh_people_pass(fresh_inputs):
    result = audited(fresh_inputs)
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0


@pytest.mark.parametrize("form", ["MRN: {}", "record number {}", "the number {} was written", "no {0:.4}-{1}"])
def test_one_record_number_in_one_row_fails(fresh_inputs, retexted, form):
    number = mrn_of(fresh_inputs.train, 5)
    result = audited(fresh_inputs, [form.format(number, number[4:])], retexted)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert number not in repr(result)
    (finding,) = result.findings
    assert (finding.row, finding.kind) == (len(fresh_inputs.synthetic), "record number")
    assert finding.person == fresh_inputs.train.groups[5]
    written = form.format(number, number[4:])[finding.start : finding.end]
    assert [c for c in written if c.isdigit()] == list(number)
    assert written[0].isdigit()
    assert written[-1].isdigit()


def test_redaction_marks_of_mimic_are_no_leak(fresh_inputs, retexted):
    marks = "Name: ___ Unit No: ___ MRN: ___ Date of Birth: ___ Call (___) ___-___ or ___@___. Dr. ___, MRN ___."
    inputs = replace(fresh_inputs, train=with_added(fresh_inputs.train, {5: marks}))
    result = audited(inputs, [marks], retexted)
    assert result.metrics["hard_hits"].value == 0
    assert result.findings == ()


def test_record_number_of_control_is_no_hard_hit(fresh_inputs, retexted):
    result = audited(fresh_inputs, [f"MRN: {mrn_of(fresh_inputs.control, 5)}"], retexted)
    assert result.metrics["hard_hits"].value == 0
    assert result.findings == ()


def test_record_number_of_two_persons_is_one_leak_and_a_finding_for_each(fresh_inputs, retexted):
    number = mrn_of(fresh_inputs.train, 5)
    train = with_added(fresh_inputs.train, {40: f"the number {number}"})
    result = audited(replace(fresh_inputs, train=train), [f"MRN: {number}"], retexted)
    assert result.metrics["hard_hits"].value == 1
    assert {finding.person for finding in result.findings} == {train.groups[5], train.groups[40]}


def test_contact_of_a_front_desk_is_exempt_and_no_other_contact(fresh_inputs, hits):
    desk = "Contact: front.desk@clinic-office.example"
    desks = {s: with_added(getattr(fresh_inputs, s), dict.fromkeys((0, 3), desk)) for s in ("train", "control")}
    inputs = replace(fresh_inputs, **desks)
    assert hits(inputs, desk) == 0
    assert hits(inputs, desk, f"write to {address_of(fresh_inputs.train, 8)}") == 1


def test_one_contact_of_control_explains_none_of_train(fresh_inputs, hits):
    assert hits(fresh_inputs, " ".join(address_of(t, 8) for t in (fresh_inputs.train, fresh_inputs.control))) == 1


@pytest.mark.parametrize(("n_train", "n_hits"), [(2, 0), (20, 20)])
def test_number_of_contacts_decides_if_people_share_contacts(fresh_inputs, retexted, n_train, n_hits):
    def of(table):
        return list(dict.fromkeys(address_of(table, row) for row in range(len(table))))

    contacts = [*of(fresh_inputs.train)[:n_train], *of(fresh_inputs.control)[:5]]
    result = audited(fresh_inputs, [" ".join(contacts)], retexted)
    assert result.metrics["hard_hits"].value == n_hits
    assert result.details["contacts_that_pass_between_people"] == {"email": 5, "phone": 0, "url": 0}


def test_copies_fail(fresh_inputs, retexted):
    train = fresh_inputs.train
    result = audited(replace(fresh_inputs, synthetic=retexted(train, train.texts)))
    assert result.verdict == "fail"
    assert result.estimate.low > 0.9
    assert {(f.kind, f.person) for f in result.findings} == {
        (kind, person) for kind in ("record number", "e-mail address") for person in train.groups
    }
    assert all(train.groups[f.row] == f.person for f in result.findings)


@pytest.fixture(scope="module")
def replaced(people):
    """Tables without identifiers, and for each train row the name that was recorded before it was replaced."""
    train = people(305, seed=11, prefix="t")
    names = ("Wojciechowska", "Featherstonehaugh", "Szymborski")
    return AuditInputs(
        synthetic=people(300, seed=13, prefix="s"),
        train=train,
        control=people(310, seed=12, prefix="h"),
        identifiers=tuple((names[i % 3] + chr(97 + i // 26 % 26) + chr(97 + i % 26),) for i in range(len(train))),
    )


@pytest.fixture(scope="module")
def few_replaced(people):
    """Return tables without identifiers; their persons are few, but enough to find a leak."""
    sizes = {"synthetic": (80, "s"), "train": (90, "t"), "control": (85, "h")}
    return AuditInputs(
        **{role: people(n, seed=i, prefix=p, rows=(1, 1)) for i, (role, (n, p)) in enumerate(sizes.items(), 11)}
    )


def recorded_for(inputs, row, *identifiers):
    """Return the inputs with identifiers recorded for one row of train only."""
    lists = [()] * len(inputs.train)
    lists[row] = identifiers
    return replace(inputs, identifiers=tuple(lists))


def test_replaced_name_in_the_table_fails(replaced, retexted):
    clean = audited(replaced)
    assert clean.verdict == "pass"
    assert clean.details["known_identifiers_tested"] > 300
    name = replaced.identifiers[40][0].lower()
    result = audited(replaced, [f"as {name} said"], retexted)
    assert result.verdict == "fail"
    assert result.details["known_identifiers_found"] == 1
    control = retexted(replaced.control, [*replaced.control.texts, f"as {name} said"])
    result = audited(replace(replaced, control=control), [f"as {name} said"], retexted)
    assert result.details["known_identifiers_found"] == 0  # control also uses the name


def test_misspelt_replaced_name_fails(replaced, retexted):
    text = f"as {replaced.identifiers[40][0].replace('stone', 'ston')} said"
    result = audited(replaced, [text], retexted)
    assert result.verdict == "fail"
    assert result.details["known_identifiers_found"] == 1
    (finding,) = result.findings
    assert (finding.kind, finding.person) == ("known identifier, misspelt", replaced.train.groups[40])
    assert text[finding.start : finding.end] == text.split()[1]


def test_replaced_date_in_another_format_is_a_leak(few_replaced, retexted):
    text = "born on March 12th, 1961, they said"
    result = audited(recorded_for(few_replaced, 1, "12/03/1961"), [text], retexted)
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.kind, finding.person) == ("known date", few_replaced.train.groups[1])
    assert text[finding.start : finding.end] == "March 12th, 1961"


def recorded_people(people, n, *, seed, prefix):
    """Return people, and for each of their rows recorded names, a date of birth and a record number."""
    table, rng, of_person = people(n, seed=seed, prefix=prefix), np.random.default_rng(seed + 50), {}
    for person in table.groups:
        given, family = ("".join(rng.choice(SYLLABLES, size=rng.integers(3, 6))) for _ in range(2))
        born = f"{rng.integers(1, 29)}/{rng.integers(1, 13)}/19{rng.integers(20, 99)}"
        of_person.setdefault(person, (family, f"{given} {family}", born, str(rng.integers(10**9, 10**10))))
    return table, tuple(of_person[person] for person in table.groups)


@pytest.mark.parametrize("seed", range(3))
def test_identifiers_of_fresh_people_are_not_found(people, seed):
    sizes = ((160, "t"), (150, "h"), (155, "s"))
    (train, of_train), (control, of_control), (fresh, own) = (
        recorded_people(people, n, seed=10 * seed + k, prefix=prefix) for k, (n, prefix) in enumerate(sizes)
    )
    added = {i: f"{name} born {born.replace('/', '.')}, no {number}" for i, (_, name, born, number) in enumerate(own)}
    inputs = AuditInputs(synthetic=with_added(fresh, added), train=train, control=control, identifiers=of_train)
    for one in (inputs, replace(inputs, control_identifiers=of_control)):
        result = audited(one)
        assert result.metrics["hard_hits"].value == 0
        assert result.findings == ()
        assert result.details["known_identifiers_tested"] >= 160


def test_surnames_that_fresh_people_share_are_not_found_without_a_list_of_control(people):
    """One list of names is enough: the names in control texts show how many names occur by chance."""
    tables, lists, rng = {}, {}, np.random.default_rng(5)
    surnames = ["".join(rng.choice(SYLLABLES, size=4)).title() for _ in range(250)]
    for k, role in enumerate(("train", "control", "synthetic")):
        table = people(320, seed=60 + k, prefix=role[0], rows=(1, 1))
        lists[role] = [
            f"{''.join(rng.choice(SYLLABLES, size=3))} {rng.choice(surnames)}".title() for _ in table.texts
        ]
        tables[role] = with_added(table, {i: f"Signed, {name}" for i, name in enumerate(lists[role])})
    recorded = tuple((name,) for name in lists["train"])
    for of_control in (None, tuple((name,) for name in lists["control"])):
        result = audited(AuditInputs(**tables, identifiers=recorded, control_identifiers=of_control))
        assert result.findings == ()
        assert ("--control-identifiers" in result.reason) == (of_control is None)


@pytest.mark.slow
def test_one_record_number_in_one_row_of_eight_thousand(many_short_rows):
    """Every synthetic row has a number of its own, so the added number is not conspicuous by itself."""
    train, control, synthetic = many_short_rows(1300, 1400, 8000)
    number = train.texts[1234].split()[-1]
    texts = list(synthetic.texts)
    texts[7777] = f"the note of ward B, no. {number[:5]}-{number[5:]}, was lost"
    result = audited(AuditInputs(synthetic=replace(synthetic, texts=tuple(texts)), train=train, control=control))
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.row, finding.kind, finding.person) == (7777, "record number", train.groups[1234])
    assert texts[7777][finding.start : finding.end] == f"{number[:5]}-{number[5:]}"


def test_record_numbers_expected_by_chance_are_no_hard_hits(people):
    """With 7-digit numbers of 600 persons and in 950 rows, one table in sixteen has a match by chance."""
    rng = np.random.default_rng(4)

    def numbered(n, prefix, seed):
        table = people(n, seed=seed, prefix=prefix, rows=(1, 1))
        return with_added(table, {i: f"MRN: {k}" for i, k in enumerate(rng.integers(10**6, 10**7, size=n))})

    train, control, synthetic = numbered(600, "t", 1), numbered(220, "h", 2), numbered(950, "s", 3)
    synthetic = with_added(synthetic, {0: f"MRN: {train.texts[7].split()[-1]}"})
    few = replace(synthetic, texts=synthetic.texts[:40], groups=synthetic.groups[:40])
    for table, n_hits in ((synthetic, 0), (few, 1)):
        result = audited(AuditInputs(synthetic=table, train=train, control=control))
        assert result.metrics["hard_hits"].value == n_hits
        assert (result.verdict == "fail") == (n_hits > 0)


def test_one_name_of_control_in_the_table_explains_no_leak(few_replaced, retexted):
    others = (("Zephyrhaven",), *[()] * (len(few_replaced.control) - 1))
    inputs = replace(recorded_for(few_replaced, 0, "Quixotebury"), control_identifiers=others)
    result = audited(inputs, ["near Quixotebury and Zephyrhaven"], retexted)
    assert result.details["known_identifiers_found"] == 1
    assert result.details["known_identifiers_of_control_found"] == 1
    assert result.metrics["hard_hits"].value == 1
    assert result.verdict == "fail"


DISGUISES = {
    "in words": "four eight two one three three seven seven zero five",
    "with doubles": "four eight two one double three double seven oh five",
    "O for 0": "48213377O5",
    "commas": "482,133,770,5",
    "marks on the digits": "4\u03018\u03012\u03011\u03013\u03013\u03017\u03017\u03010\u03015",
    "the first nine": "482133770",
    "two lines": "48213\n37705",
    "backwards": "5077331284",
    "underscores": "4_8_2_1_3_3_7_7_0_5",
    "a digit missing": "482133705",
    "a digit wrong": "4821339705",
    "brackets": "(482)[133]{770}5",
    "Bengali": "৪৮২১৩৩৭৭০৫",
    "in a list": "1, 2, 4821337705, 3",
    "digits in circles": "④⑧②①③③⑦⑦⓪⑤",
    "name backwards": "hguahenotsrehtaeF ylimE",
    "name in one word": "emilyfeatherstonehaugh",
    "name in reverse order": "Featherstonehaugh, Emily",
    "name in pieces": "Emi-ly Feather-stone-haugh",
    "name letter by letter": "E m i l y F e a t h e r s t o n e h a u g h",
    "name on two lines": "Emily Feather-\nstonehaugh",
    "name in look-alikes": "Еmіlу Fеаthеrstоnеhаugh",
    "name with underscores": "Emily_Featherstonehaugh",
    "address in words": "e dot quistgaard at letters dot example",
    "address with gaps": "e . quistgaard @ letters . example",
    "address in full width": "ｅ．ｑｕｉｓｔｇａａｒｄ＠ｌｅｔｔｅｒｓ．ｅｘａｍｐｌｅ",
}


@pytest.mark.parametrize("written", DISGUISES.values(), ids=DISGUISES)
def test_disguised_recorded_identifier_is_found(few_replaced, retexted, written):
    identifiers = ("4821337705", "Emily Featherstonehaugh", "e.quistgaard@letters.example")
    text = f"they wrote {written} into the file"
    result = audited(recorded_for(few_replaced, 0, *identifiers), [text], retexted)
    assert result.metrics["hard_hits"].value == 1, result.details
    assert {finding.person for finding in result.findings} == {few_replaced.train.groups[0]}
    for finding in result.findings:
        assert "wrote" not in text[finding.start : finding.end]
        assert "file" not in text[finding.start : finding.end]


def test_disguised_record_number_of_a_text_is_found(fresh_inputs, hits):
    assert hits(fresh_inputs, " ".join(DIGITS[int(c)] for c in mrn_of(fresh_inputs.train, 5))) == 1
    assert hits(fresh_inputs, mrn_of(fresh_inputs.control, 5)[::-1]) == 0


def test_short_name_is_not_tested(few_replaced, retexted):
    result = audited(recorded_for(few_replaced, 0, "Ana"), ["as Ana said"], retexted)
    assert result.details["known_identifiers_tested"] == 0


def test_too_few_people_are_insufficient(people):
    synthetic, train, control = (
        people(n, seed=s, prefix=p) for n, s, p in ((50, 1, "s"), (60, 2, "t"), (65, 3, "h"))
    )
    result = audited(AuditInputs(synthetic=synthetic, train=train, control=control))
    assert result.verdict == "insufficient"
    assert "299" in result.reason


def planted(inputs, of_train, made):
    """Return the inputs with `of_train` added to the first train rows and `made` to the first synthetic rows."""
    return replace(
        inputs,
        train=with_added(inputs.train, dict(enumerate(of_train))),
        synthetic=with_added(inputs.synthetic, dict(enumerate(made))),
    )


CODES = {
    "national number": ("no 93.05.18-223.61", "the 930518 22361"),
    "account": ("account 4821 3397 56", "4821339756 was used"),
    "passport": ("passport K4821339", "seen K48 213 39"),
    "file": ("file A-4821/33-975", "in A482133975"),
    "insurance": ("AB 48 21 33 C", "ab482133c"),
    "address in words": ("write to jo.bloggs@mail.example", "jo dot bloggs at mail dot example"),
    "address in brackets": ("write to al.quist@post.example", "al.quist[at]post[dot]example"),
    "address with gaps": ("write to dermot@notes.example", "d e r m o t @ n o t e s . e x a m p l e"),
    "age, sex, date and postal code": (
        "a 93 year old man of SW1A 1AA born 12/03/1931",
        "man aged 93, SW1A 1AA, born March 12, 1931",
    ),
}


def test_numbers_and_combinations_of_one_person_are_found_without_a_list(replaced):
    inputs = replace(planted(replaced, *zip(*CODES.values(), strict=True)), identifiers=None)
    result = audited(inputs)
    assert (result.verdict, result.metrics["hard_hits"].value) == ("fail", len(CODES)), result.details
    found = {(f.row, f.person) for f in result.findings}
    assert found == {(i, replaced.train.groups[i]) for i in range(len(CODES))}
    control = with_added(replaced.control, {7 + 3 * i: written for i, (written, _) in enumerate(CODES.values())})
    assert audited(replace(inputs, control=control)).metrics["hard_hits"].value == 3  # only contacts stay leaks


def test_short_numbers_and_dates_of_many_persons_are_found(replaced):
    values = [f"{140 + i}-{4821 + 37 * i} in {1 + i % 12}/{13 + i % 12}/19{40 + i}" for i in range(20)]
    result = audited(replace(planted(replaced, values, values), identifiers=None))
    assert result.verdict == "fail"
    assert {finding.kind for finding in result.findings} == {"number or code", "date"}


NAMES = [
    f"{a} {b} {c}"
    for a, b, c in zip(
        ("Rajesh", "Mary", "Peter", "Anna", "George", "Susan", "Carlos", "Ruth", "Simon", "Helen"),
        ("Andre", "Jane", "Paul", "Marie", "Luis", "Rose", "Juan", "Ann", "Leo", "Grace"),
        ("Turner", "Smith", "Hill", "Young", "Baker", "Jones", "Garcia", "Brown", "Nelson", "Carter"),
        strict=True,
    )
]
ORDERS = {
    "reversed": lambda a, b, c: f"{c}, {a} {b}",
    "without middle name": lambda a, _, c: f"{a} {c}".upper(),
    "middle initial": lambda a, b, c: f"{a} {b[0]}. {c}".lower(),
    "initials": lambda a, b, c: f"{a[0]}. {b[0]}. {c}",
    "initials last": lambda a, b, c: f"{c} {a[0]}{b[0]}",
    "one initial": lambda a, _, c: f"{a[0]}. {c}'s sister",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_recorded_names_in_other_orders_are_found(few_replaced, order):
    made = [f"{order(*name.split())} has HIV" for name in NAMES]
    lists = [(name,) for name in NAMES] + [()] * (len(few_replaced.train) - len(NAMES))
    inputs = replace(planted(few_replaced, [], made), identifiers=tuple(lists))
    result = audited(inputs)
    assert result.verdict == "fail"
    assert set() < {f.row for f in result.findings} <= set(range(len(NAMES)))


def test_names_in_texts_are_found_without_a_list(replaced):
    made = [f"{order(*name.split())} has HIV" for name, order in zip(NAMES, [ORDERS["reversed"]] * 10, strict=True)]
    inputs = replace(planted(replaced, [f"Seen with {name}." for name in NAMES], made), identifiers=None)
    result = audited(inputs)
    assert result.verdict == "fail"
    assert result.details["found_in_other_ways_train_control"]["names_in_texts"][0] >= 7
