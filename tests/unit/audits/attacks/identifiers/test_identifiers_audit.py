from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.identifiers.identifiers_audit import Identifiers
from audits.core.types import AuditInputs

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def audited(inputs, extra=(), retexted=None):
    if extra:
        inputs = replace(inputs, synthetic=retexted(inputs.synthetic, [*inputs.synthetic.texts, *extra]))
    return Identifiers().run(inputs, np.random.default_rng(0), 0.95)


def mrn_of(table, row):
    return table.texts[row].split("MRN: ")[1].split(",")[0]


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


def test_a_record_number_of_control_is_no_hard_hit(fresh_inputs, retexted):
    result = audited(fresh_inputs, [f"MRN: {mrn_of(fresh_inputs.control, 5)}"], retexted)
    assert result.metrics["hard_hits"].value == 0
    assert result.findings == ()


def with_added(table, said):
    """Return the table with something said at the end of some rows."""
    return replace(table, texts=tuple(f"{text} {said.get(i, '')}".strip() for i, text in enumerate(table.texts)))


@pytest.mark.parametrize("said", ["MRN {}", "the number {}"])
@pytest.mark.parametrize("side", ["train", "control"])
def test_a_record_number_under_two_ids_is_a_leak(fresh_inputs, retexted, said, side):
    number = mrn_of(fresh_inputs.train, 5)
    second = with_added(getattr(fresh_inputs, side), {40: said.format(number)})
    result = audited(replace(fresh_inputs, **{side: second}), [f"MRN: {number}"], retexted)
    assert result.metrics["hard_hits"].value == 1
    whose = {fresh_inputs.train.groups[5]} | ({second.groups[40]} if side == "train" else set())
    assert {finding.person for finding in result.findings} == whose


def test_a_record_number_of_more_than_ten_is_nobodys(fresh_inputs, retexted):
    number = mrn_of(fresh_inputs.train, 5)
    rows = range(0, 200, 4)
    inputs = replace(fresh_inputs, train=with_added(fresh_inputs.train, dict.fromkeys(rows, f"MRN {number}")))
    assert audited(inputs, [f"MRN: {number}"], retexted).metrics["hard_hits"].value == 0


def test_one_address_fails_where_nobody_shares_addresses(fresh_inputs, retexted):
    address = fresh_inputs.train.texts[8].split("mail ")[1].rstrip(".")
    assert audited(fresh_inputs, [f"from {address.upper()}"], retexted).verdict == "fail"


DESKS = ["front.desk@clinic-office.example", "020 7946 0958", "https://www.clinic-office.example/appointments"]


@pytest.mark.parametrize("n_owners", [1, 2, 5, 9])
@pytest.mark.parametrize("desk", DESKS)
def test_a_desk_is_exempt_and_no_other_contact_is(fresh_inputs, retexted, desk, n_owners):
    rows = dict.fromkeys(range(0, 3 * n_owners, 3), f"Contact: {desk}")
    desks = {"train": with_added(fresh_inputs.train, rows), "control": with_added(fresh_inputs.control, rows)}
    inputs = replace(fresh_inputs, **desks)
    assert audited(inputs, [f"Contact: {desk}"], retexted).metrics["hard_hits"].value == 0
    own = fresh_inputs.train.texts[8].split("mail ")[1].rstrip(".")
    assert audited(inputs, [f"Contact: {desk}", f"write to {own}"], retexted).metrics["hard_hits"].value == 1


def test_one_contact_of_control_excuses_none_of_train(fresh_inputs, retexted):
    addresses = [t.texts[8].split("mail ")[1].rstrip(".") for t in (fresh_inputs.train, fresh_inputs.control)]
    assert audited(fresh_inputs, [" ".join(addresses)], retexted).metrics["hard_hits"].value == 1


def test_where_people_pass_contacts_on_their_number_decides(fresh_inputs, retexted):
    def of(table):
        return list(dict.fromkeys(text.split("mail ")[1].rstrip(".") for text in table.texts))

    theirs, others = of(fresh_inputs.train), of(fresh_inputs.control)
    for n_train, hits in ((2, 0), (20, 20)):
        result = audited(fresh_inputs, [" ".join([*theirs[:n_train], *others[:5]])], retexted)
        assert result.metrics["hard_hits"].value == hits
        assert result.details["contacts_that_pass_between_people"] == {"email": 5, "phone": 0, "url": 0}


def test_copies_fail(fresh_inputs, retexted):
    inputs = replace(fresh_inputs, synthetic=retexted(fresh_inputs.train, fresh_inputs.train.texts))
    result = audited(inputs)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.9
    train = fresh_inputs.train
    assert {(f.kind, f.person) for f in result.findings} == {
        (kind, person) for kind in ("record number", "e-mail address") for person in train.groups
    }
    assert all(train.groups[f.row] == f.person for f in result.findings)


@pytest.fixture(scope="module")
def replaced(people):
    """Train without identifiers in its text, and the names that stood there before."""
    train = people(305, seed=11, prefix="t")
    names = ("Wojciechowska", "Featherstonehaugh", "Szymborski")
    return AuditInputs(
        synthetic=people(300, seed=13, prefix="s"),
        train=train,
        control=people(310, seed=12, prefix="h"),
        identifiers=tuple((names[i % 3] + chr(97 + i // 26 % 26) + chr(97 + i % 26),) for i in range(len(train))),
    )


def test_a_replaced_name_that_comes_back_fails(replaced, retexted):
    assert audited(replaced).verdict == "pass"
    assert audited(replaced).details["known_identifiers_tested"] > 300
    result = audited(replaced, [f"as {replaced.identifiers[40][0].lower()} said"], retexted)
    assert result.verdict == "fail"
    assert result.details["known_identifiers_found"] == 1


def test_a_misspelt_name_that_comes_back_fails(replaced, retexted):
    text = f"as {replaced.identifiers[40][0].replace('stone', 'ston')} said"
    result = audited(replaced, [text], retexted)
    assert result.verdict == "fail"
    assert result.details["known_identifiers_found"] == 1
    (finding,) = result.findings
    assert (finding.kind, finding.person) == ("known identifier, misspelt", replaced.train.groups[40])
    assert text[finding.start : finding.end] == text.split()[1]


def test_a_date_that_comes_back_in_another_form_fails(replaced, retexted):
    inputs = replace(replaced, identifiers=((), ("12/03/1961",), *[()] * (len(replaced.train) - 2)))
    text = "born on March 12th, 1961, they said"
    result = audited(inputs, [text], retexted)
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.kind, finding.person) == ("known date", replaced.train.groups[1])
    assert text[finding.start : finding.end] == "March 12th, 1961"


def recorded_people(people, n, *, seed, prefix):
    """Return people, and for each of their rows names, a date of birth and a record number on record."""
    table, rng, of_person = people(n, seed=seed, prefix=prefix), np.random.default_rng(seed + 50), {}
    for person in table.groups:
        given, family = ("".join(rng.choice(SYLLABLES, size=rng.integers(3, 6))) for _ in range(2))
        born = f"{rng.integers(1, 29)}/{rng.integers(1, 13)}/19{rng.integers(20, 99)}"
        of_person.setdefault(person, (family, f"{given} {family}", born, str(rng.integers(10**9, 10**10))))
    return table, tuple(of_person[person] for person in table.groups)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_of_fresh_people_who_have_the_like(people, seed):
    sizes = ((160, "t"), (150, "h"), (155, "s"))
    (train, theirs), (control, others), (fresh, own) = (
        recorded_people(people, n, seed=10 * seed + k, prefix=prefix) for k, (n, prefix) in enumerate(sizes)
    )
    texts = [
        f"{text} {name} born {born.replace('/', '.')}, no {number}"
        for text, (_, name, born, number) in zip(fresh.texts, own, strict=True)
    ]
    inputs = AuditInputs(
        synthetic=replace(fresh, texts=tuple(texts)),
        train=train,
        control=control,
        identifiers=theirs,
        control_identifiers=others,
    )
    for one in (inputs, replace(inputs, control_identifiers=None)):
        result = audited(one)
        assert result.metrics["hard_hits"].value == 0
        assert result.findings == ()
        assert result.details["known_identifiers_tested"] >= 160


@pytest.mark.slow
def test_one_record_number_in_one_row_of_a_hundred_thousand(many_short_rows):
    """Every synthetic row has a number of its own, so that one more does not stand out by itself."""
    train, control, synthetic = many_short_rows(3000, 3100, 100_000)
    number = train.texts[1234].split()[-1]
    texts = list(synthetic.texts)
    texts[77_777] = f"the note of ward B, no. {number[:5]}-{number[5:]}, was lost"
    inputs = AuditInputs(synthetic=replace(synthetic, texts=tuple(texts)), train=train, control=control)
    result = audited(inputs)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    (finding,) = result.findings
    assert (finding.row, finding.kind, finding.person) == (77_777, "record number", train.groups[1234])
    assert texts[77_777][finding.start : finding.end] == f"{number[:5]}-{number[5:]}"


def test_numbers_of_which_chance_brings_one_back_are_no_proof(people):
    """8 digits for each of 1,900 persons and in 3,000 rows: one comes back in one of eighteen tables."""
    rng = np.random.default_rng(4)

    def numbered(n, prefix, seed):
        table = people(n, seed=seed, prefix=prefix, rows=(1, 1))
        numbers = rng.integers(10**7, 10**8, size=n)
        return replace(table, texts=tuple(f"{t} MRN: {i}" for t, i in zip(table.texts, numbers, strict=True)))

    train, control, synthetic = numbered(1900, "t", 1), numbered(700, "h", 2), numbered(3000, "s", 3)
    back = train.texts[7].split()[-1]
    texts = (f"{synthetic.texts[0]} MRN: {back}", *synthetic.texts[1:])
    few = replace(synthetic, texts=texts[:40], groups=synthetic.groups[:40])
    for table, hits in ((replace(synthetic, texts=texts), 0), (few, 1)):
        result = audited(AuditInputs(synthetic=table, train=train, control=control))
        assert result.metrics["hard_hits"].value == hits
        assert (result.verdict == "fail") == (hits > 0)


def test_a_name_that_control_also_uses_is_no_hit(replaced, retexted):
    name = replaced.identifiers[40][0]
    control = retexted(replaced.control, [*replaced.control.texts, f"as {name} said"])
    result = audited(replace(replaced, control=control), [f"as {name} said"], retexted)
    assert result.details["known_identifiers_found"] == 0


@pytest.fixture(scope="module")
def both_recorded(replaced):
    """One town recorded for a train person and another for a control person, neither in anybody's text any more."""
    return replace(
        replaced,
        identifiers=(("Quixotebury",), *[()] * (len(replaced.train) - 1)),
        control_identifiers=(("Zephyrhaven",), *[()] * (len(replaced.control) - 1)),
    )


def test_one_name_that_returns_for_control_excuses_none_of_train(both_recorded, retexted):
    result = audited(both_recorded, ["near Quixotebury", "near Zephyrhaven"], retexted)
    assert result.details["known_identifiers_found"] == 1
    assert result.details["known_identifiers_of_control_found"] == 1
    assert result.metrics["hard_hits"].value == 1


def test_a_name_far_rarer_than_any_phantom_is_a_leak(both_recorded, retexted):
    name = "Wojciechowska-Featherstonehaugh"
    inputs = replace(both_recorded, identifiers=((name,), *both_recorded.identifiers[1:]))
    result = audited(inputs, [f"as {name} said", "near Zephyrhaven"], retexted)
    assert result.metrics["hard_hits"].value == 1
    assert result.verdict == "fail"


def test_a_record_number_is_a_leak_whatever_returns_for_control(both_recorded, retexted):
    inputs = replace(both_recorded, identifiers=(("48213377",), *both_recorded.identifiers[1:]))
    result = audited(inputs, ["see record 48213377", "near Zephyrhaven"], retexted)
    assert result.metrics["hard_hits"].value == 1


DISGUISES = {
    "in words": "four eight two one three three seven seven zero five",
    "with doubles": "four eight two one double three double seven oh five",
    "backwards": "5077331284",
    "O for 0": "48213377O5",
    "underscores": "4_8_2_1_3_3_7_7_0_5",
    "commas": "482,133,770,5",
    "marks on the digits": "4\u03018\u03012\u03011\u03013\u03013\u03017\u03017\u03010\u03015",
    "a digit missing": "482133705",
    "the first nine": "482133770",
    "a digit wrong": "4821339705",
    "two lines": "48213\n37705",
    "brackets": "(482)[133]{770}5",
    "Bengali": "৪৮২১৩৩৭৭০৫",
    "in a list": "1, 2, 4821337705, 3",
    "digits in circles": "④⑧②①③③⑦⑦⓪⑤",
}
DISGUISED_NAMES = {
    "backwards": "hguahenotsrehtaeF ylimE",
    "run together": "emilyfeatherstonehaugh",
    "turned round": "Featherstonehaugh, Emily",
    "in pieces": "Emi-ly Feather-stone-haugh",
    "letter by letter": "E m i l y F e a t h e r s t o n e h a u g h",
    "two lines": "Emily Feather-\nstonehaugh",
    "look-alikes": "Еmіlу Fеаthеrstоnеhаugh",
    "underscores": "Emily_Featherstonehaugh",
}
ADDRESSES = {
    "spelt out": "e dot quistgaard at letters dot example",
    "with gaps": "e . quistgaard @ letters . example",
    "full width": "ｅ．ｑｕｉｓｔｇａａｒｄ＠ｌｅｔｔｅｒｓ．ｅｘａｍｐｌｅ",
}


@pytest.mark.parametrize("written", [*DISGUISES.values(), *DISGUISED_NAMES.values(), *ADDRESSES.values()])
def test_a_known_identifier_is_found_in_disguise(replaced, retexted, written):
    on_record = ("4821337705", "Emily Featherstonehaugh", "e.quistgaard@letters.example")
    named = replace(replaced, identifiers=(on_record, *[()] * (len(replaced.train) - 1)))
    text = f"they wrote {written} into the file"
    result = audited(named, [text], retexted)
    assert result.metrics["hard_hits"].value == 1, result.details
    assert {finding.person for finding in result.findings} == {replaced.train.groups[0]}
    for finding in result.findings:
        assert "wrote" not in text[finding.start : finding.end]
        assert "file" not in text[finding.start : finding.end]


def test_a_record_number_of_a_text_alone_is_found_in_disguise(fresh_inputs, retexted):
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    spoken = " ".join(words[int(c)] for c in mrn_of(fresh_inputs.train, 5))
    assert audited(fresh_inputs, [spoken], retexted).metrics["hard_hits"].value == 1
    theirs = mrn_of(fresh_inputs.control, 5)[::-1]
    assert audited(fresh_inputs, [theirs], retexted).metrics["hard_hits"].value == 0


def test_a_short_name_is_left_to_chance(replaced, retexted):
    named = replace(replaced, identifiers=tuple(("Ana",) if i == 0 else () for i in range(len(replaced.train))))
    assert audited(named, ["as Ana said"], retexted).details["known_identifiers_tested"] == 0


def test_too_few_people(people):
    inputs = AuditInputs(
        synthetic=people(50, seed=1, prefix="s"),
        train=people(60, seed=2, prefix="t"),
        control=people(65, seed=3, prefix="h"),
    )
    result = audited(inputs)
    assert result.verdict == "insufficient"
    assert "299" in result.reason
