"""Write invented notes with marked identifiers, to measure how many identifiers a de-identification engine finds.

The identifiers have the 18 categories of HIPAA Safe Harbor, with ages over 89 in place of photographs. The notes are
made from templates. Most names are not in the built-in name lists, because real notes contain names of all countries.
Each note also has text that only resembles an identifier, such as "BP 120/80" (false friends).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from audits.text.name_lists import split_list
from synthgen.deidentify.marked import Marked, read_marks

WIDTH = 72  # largest number of characters in a line of a wrapped note
FIRST = split_list("""
Margaret Chidi Ingrid Priyanka Siobhan Hieu Tomasz Wanjiru Aoife Yuto Leocadia Bartholomew Oluwaseun Xiomara Niamh
Kavya Dagny Ines Farouk Svetlana Tariq Marguerite Cormac Adaeze Lakshmi Joaquin Brigid Desta Noor Emeka Katrijn Anton
Robert Linda James Susan Walter Dorothy
""")
LAST = split_list("""
Okonkwo Halvorsen Raghunathan Abernathy Kowalczyk Mbeki Holloway Brightwater Oyelaran Szymanski Vantongeren
Featherstone Achebe Lindqvist Marchbanks Thorvaldsen Venkataraman Cholmondeley Baptiste Ngata Ostrowski Quintanilla
Dlamini Fairweather Haverford Iyer Jankowski Kirkbride Moriarty Nakagawa O'Brien O’Malley Smith-Jones Nwosu-Bright
Ravenscroft Tolliver Ueda Winterbourne Yilmaz Zielinski Müller
""")
_TOWNS = split_list(
    "Dunmore Lakewood Harrowgate Fernlea Kingsbridge Millbrook Ashcombe Tillingham Westerham Cedarville"
)
_ROADS = split_list("Canal Orchard Birchwood Priory Larkspur Beechcroft Sycamore Hawthorn")
_MONTHS = split_list("January February March April May June July August September October November December")
_CLINIC = split_list("cardiology neurology oncology dermatology urology gastroenterology")
_STATES = split_list("PA NJ OH TX CA NY")


class _Values:
    # draws invented values; all notes of a patient have the same `first`, `last`, `mrn` and `is_uk`

    def __init__(self, draws: random.Random) -> None:
        self.draws = draws
        self.first, self.last = draws.choice(FIRST), draws.choice(LAST)
        self.mrn = self.digits(draws.choice([6, 7, 8, 10]))
        self.is_uk = draws.random() < 0.4

    def pick(self, *options: str) -> str:
        return self.draws.choice(options)

    def digits(self, n: int) -> str:
        return str(self.draws.randint(1, 9)) + "".join(str(self.draws.randint(0, 9)) for _ in range(n - 1))

    def letters(self, n: int) -> str:
        return "".join(self.draws.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(n))

    def date(self) -> str:
        # formats such as 1/2/2003 put the day first in UK notes only
        d, m, y = self.draws.randint(13, 28), self.draws.randint(1, 12), self.draws.randint(1990, 2023)
        one, two = (d, m) if self.is_uk else (m, d)
        name, short = _MONTHS[m - 1], _MONTHS[m - 1][:3]
        return self.pick(
            *(f"{one:02d}/{two:02d}/{y}", f"{one}/{two}/{y}", f"{one}/{two}/{y % 100:02d}", f"{one}-{two}-{y}"),
            *(f"{y}-{m:02d}-{d:02d}", f"{d:02d}.{m:02d}.{y}", f"{d:02d}.{m:02d}.{y % 100:02d}"),
            *(f"{y}-{m:02d}-{d:02d}T08:15", f"{name} {d}, {y}", f"{name.lower()} {d}, {y}", f"{d} {short} {y}"),
            *(f"{name.upper()} {d}, {y}", f"{y}-{short}-{d:02d}", f"{d}-{short}-{y}", f"{name} the {d}th, {y}"),
            *(f"{d}th of {name}", f"{name} {d}", f"{m:02d}/{y}", f"{short}-{y}", f"{name} {y}"),
        )

    def short_date(self) -> str:
        d, m = self.draws.randint(13, 28), self.draws.randint(1, 12)
        return f"{d}/{m}" if self.is_uk else f"{m}/{d}"

    def phone(self) -> str:
        a, b, c = self.digits(3), self.draws.randint(100, 999), f"{self.draws.randint(0, 9999):04d}"
        us = [f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}", f"{a} {b} {c}", f"{a}-{b}-{c} x12"]
        uk = [f"+44 7{self.digits(3)} {b} {a}", f"07{self.digits(3)} {self.digits(6)}"]
        uk += [f"020 7{b} {c}", f"01{b} {b}{a}"]
        return self.draws.choice(uk if self.is_uk else us)

    def address(self) -> str:
        number, road = self.draws.randint(2, 980), self.draws.choice(_ROADS)
        kind = self.pick("Road", "Rd", "Street", "Lane", "Ave", "Drive", "Close")
        return f"{number} {self.pick('Old ', '', '')}{road} {kind}"

    def place(self) -> str:
        town = self.draws.choice(_TOWNS)
        if self.is_uk:
            area = self.pick("TS", "LS", "B", "SW")
            return f"{town}, {area}{self.draws.randint(1, 29)} {self.draws.randint(1, 9)}{self.letters(2)}"
        return f"{town}, {self.draws.choice(_STATES)} {self.digits(5)}"

    def clinician(self) -> tuple[str, str]:  # first and last name
        return self.draws.choice(FIRST), self.draws.choice(LAST)


# `_name`, `_geo` and `_age` return a random sentence in which {CATEGORY:value} marks an identifier.
def _name(v: _Values) -> str:
    (f, s), (f2, s2) = v.clinician(), v.clinician()  # first and last names of two persons other than the patient
    m = v.letters(1)
    return v.pick(
        f"Seen by Dr. {{NAME:{f[0]}. {s}}} in {v.draws.choice(_CLINIC)}.",
        f"Dr {{NAME:{s}}} agrees with the plan.",
        f"Attending: {{NAME:{f} {s}}}, MD. Resident: {{NAME:{f2} {s2}}}, DO.",
        f"{{NAME:{s.upper()}, {f.upper()} {m}.}} - discharge summary.",
        f"Name: {{NAME:{s}, {f}}}.",
        f"{{NAME:{v.first} {v.last}}} was seen in clinic with her daughter.",
        f"Mr. {{NAME:{v.last}}} denies chest pain.",
        f"spoke with mr {{NAME:{s.lower()}}} about the biopsy.",
        f"Wife ({{NAME:{f}}}) is at the bedside.",
        f"Lives with his brother {{NAME:{f}}}.",
        f"Daughter {{NAME:{f}}} will collect him.",
        f"Plan d/w {{NAME:{s.upper()}}}.",
        f"Electronically signed by {{NAME:{f} {m}. {s}}}, RN.",
        f"{{NAME:{s}, {f[0]}.}}, M.D. reviewed the films.",
        f"Referred by Dr. {{NAME:de la {s}}} last week.",
        f"Patient {{NAME:{f} {s}}} tolerated the procedure well.",
        f"{{NAME:{v.first}}} {{NAME:{v.last}}}'s pain is better."
        if v.draws.random() < 0.3
        else f"Sister {{NAME:{f2} {s2}}} on the ward was informed.",
        f"pt {{NAME:{f.lower()} {s.lower()}}} arrived by ambulance.",
        f"Consultant: Mr {{NAME:{f} {s}}}, FRCS.",
        f"Her husband, {{NAME:{f} {s}}}, agrees.",
    )


def _geo(v: _Values) -> str:
    town = v.draws.choice(_TOWNS)
    return v.pick(
        f"Lives at {{GEO:{v.address()}, {v.place()}}}.",
        f"Home address is {{GEO:{v.address()}}}.",
        f"Transferred from {{GEO:{town} General Hospital}}.",
        f"Registered at {{GEO:{town} Surgery}}.",
        f"Lives in {{GEO:{town}}} with family.",
        f"ZIP {{GEO:{v.digits(5)}}} on file.",
        f"Moved here from {{GEO:{v.place()}}}.",
        f"Resident of {{GEO:{town} County}}.",
    )


def _age(v: _Values) -> str:
    age = v.draws.randint(90, 104)
    return v.pick(
        f"This {{AGE:{age}}}-year-old woman fell at home.",
        f"{{AGE:{age}}} yo M with dyspnoea.",
        f"Aged {{AGE:{age}}}, lives alone.",
        f"A {{AGE:ninety-{v.draws.choice(split_list('one two three four five six'))}}} year old man.",
        f"{{AGE:{age}}}F with hip fracture.",
        f"Age: {{AGE:{age}}}.",
    )


def _writer(category: str, sentences: str, value: Callable[[_Values], str]) -> Callable[[_Values], str]:
    # the function writes a random one of the `sentences` (separated by |) with a marked value in place of @
    def write(v: _Values) -> str:
        return v.draws.choice(sentences.split("|")).replace("@", f"{{{category}:{value(v)}}}", 1)

    return write


def _email(v: _Values) -> str:
    f, s = v.clinician()
    user = f"{f[0]}.{s}_{v.digits(2)}".lower().replace("'", "").replace("’", "").replace("ü", "u")
    return f"{user}@mail.example.org"


# kind of identifier -> function that writes a sentence with a marked identifier; several kinds can have one category
WRITERS: Mapping[str, Callable[[_Values], str]] = {
    "NAME": _name,
    "GEO": _geo,
    "DATE": _writer(
        "DATE",
        "Seen on @ in clinic.|Operated @ without complication.|Discharged @.|DOB: @.|Last scan was @.|"
        "Symptoms since @.",
        _Values.date,
    ),
    "SHORT": _writer(
        "DATE",
        "Admitted @ in stable condition.|Seen @ in clinic.|Follow up on @.|Tues @ at 10 am.",
        _Values.short_date,
    ),
    "AGE": _age,
    "PHONE": _writer(
        "PHONE", "Call daughter on @.|Tel: @.|Husband reachable at @ after six.|Mobile @.", _Values.phone
    ),
    "FAX": _writer("FAX", "Fax: @.|Please fax the records to @.|F: @.", _Values.phone),
    "EMAIL": _writer("EMAIL", "Email @.|Results were mailed to @ today.", _email),
    "SSN": _writer(
        "SSN",
        "SSN @ was verified.|Social security number: @.",
        lambda v: f"{v.draws.randint(101, 665)}-{v.draws.randint(11, 99)}-{v.draws.randint(1001, 9999)}",
    ),
    "MRN": _writer(
        "MRN",
        "MRN: @.|Pt ID#@, bed 12.|Unit no @.|Hospital number @.|FIN @.|CSN: @.|MRN\n@.|Chart # @.",
        lambda v: v.pick(v.mrn, f"{v.mrn[:3]}-{v.digits(2)}-{v.digits(3)}", f"H{v.digits(7)}"),
    ),
    "PLAN": _writer(
        "PLAN",
        "Medicare ID @ is active.|Subscriber @.|Member ID: @.|Group no. @.|Policy @.|Claim # @.|Medicaid id @.",
        lambda v: v.pick(f"1{v.letters(1)}G{v.digits(1)}-TE5-MK{v.digits(2)}", f"XZ{v.digits(9)}", v.digits(8)),
    ),
    "ACCOUNT": _writer(
        "ACCOUNT",
        "Billing account @ was closed.|Acct no: @.|Account number @.",
        lambda v: v.pick(f"{v.digits(4)}-{v.digits(5)}", v.digits(8)),
    ),
    "LICENCE": _writer(
        "LICENCE",
        "DEA @.|Driver's license @.|Medical licence no. @.|License # @.",
        lambda v: f"B{v.letters(1)}{v.digits(7)}",
    ),
    "REGISTERED": _writer(
        "LICENCE",
        "NPI @.|GMC @.|NMC PIN @.|Signed electronically, GMC: @.",
        lambda v: v.digits(v.draws.choice([7, 10])),
    ),
    "VEHICLE": _writer(
        "VEHICLE",
        "VIN @.|Licence plate @.|Car reg @.|Plate: @.",
        lambda v: v.pick(f"1HGCM8263{v.letters(1)}{v.digits(7)}", f"{v.letters(3)}-{v.digits(4)}"),
    ),
    "DEVICE": _writer(
        "DEVICE",
        "Pump SN @.|Pacemaker serial number @.|S/N: @.|Lot @ implanted.|Device ID @.",
        lambda v: v.pick(f"{v.digits(3)}-{v.digits(5)}", f"PM{v.digits(7)}", f"{v.letters(2)}-{v.digits(6)}"),
    ),
    "URL": _writer(
        "URL",
        "Pictures at @ today.|Portal: @.",
        lambda v: v.pick(
            f"https://www.clinic{v.digits(2)}.example.org/p/{v.digits(4)}", f"myclinic.example.org/p/{v.last.lower()}"
        ),
    ),
    "IP": _writer(
        "IP",
        "Logged in from @.|IP address @.",
        lambda v: v.pick(
            f"192.168.{v.draws.randint(0, 255)}.{v.draws.randint(0, 255)}",
            f"2001:db8::{v.digits(3)}:{v.digits(2)}",
            f"fe80::1ff:fe23:4567:{v.digits(3)}",
        ),
    ),
    "BIOMETRIC": _writer(
        "BIOMETRIC",
        "Fingerprint template @ is enrolled.|Voice print ID @.|Retina scan @ stored.",
        lambda v: f"FP-{v.digits(5)}-{v.letters(2)}",
    ),
    "OTHER": _writer(
        "OTHER",
        "Study subject @ consented.|Accession @.|Specimen no. @.|Case number @.|Order # @.",
        lambda v: f"{v.letters(4)}-{v.letters(2)}-{v.digits(4)}-{v.letters(2)}",
    ),
}
_FALSE_FRIENDS = (
    "VS: 98.4 87 132/78 18 97%.|Cr 1.2 1.4 1.9 2.3 over four days.|I/O 1200 1350 2400.|"
    "Give 5000 OR 10000 units of heparin.|Hepatitis C. She denies jaundice.|Vitamin D. The level was low.|"
    "Factor V. Leiden carrier.|MR Angiogram of the brain was normal.|MS Contin 15 mg twice daily.|"
    "Wilson disease excluded.|Stevens Johnson syndrome with lamotrigine.|Fluid in the pouch of Douglas.|"
    "Patient: Denies fever.|Chest PA and lateral; please DO NOT restart heparin.|Walking stage III disease.|"
    "Pain 7/10 on arrival, 3/10 after ketorolac.|BP 120/80, HR 72, RR 16, T 98.6.|"
    "Cough for 3/7, PMH nil, review in 2/52.|Ejection fraction 35-40%, down from 55%.|"
    "Hodgkin lymphoma, Ann Arbor stage IIB.|Swan-Ganz catheter placed, CVP 12.|Platelets 150000, WBC 4500.|"
    "Apgar 9 and 9, gravida 2 para 1.|L4-L5 disc with CA19-9 of 34 and B12 of 210.|"
    "Epley and Dix-Hallpike negative, Babinski downgoing.|Give Lantus 20 units and Humalog before meals.|"
    "MELD-Na 22, PHQ-9 score 14, GCS 15/15.|Taper 40-30-20-10 mg over 4 weeks."
)
FALSE_FRIENDS = tuple(_FALSE_FRIENDS.split("|"))


def plant(n_notes: int, seed: int = 0) -> Iterator[Marked]:
    """Yield notes with 11 or more (mostly 11) identifiers; each invented patient has two consecutive notes.

    The second note of a patient is wrapped at `WIDTH` characters.

    Randomness: each patient and each note has a generator, seeded by `seed` and the number of the patient or note.
    The notes are public, so the seed is not secret.
    """
    writers = list(WRITERS.values())
    for number in range(n_notes):
        draws = random.Random(f"{seed}-{number // 2}")
        v = _Values(draws)
        v.draws = random.Random(f"{seed}-{number}-note")
        chosen = [WRITERS["NAME"], WRITERS["NAME"], *v.draws.sample(writers, 9)]
        lines = [write(v) for write in chosen] + v.draws.sample(FALSE_FRIENDS, 3)
        v.draws.shuffle(lines)
        text = " ".join(lines) if v.draws.random() < 0.7 else "\n".join(lines)
        note = read_marks(text, f"person-{number // 2}", (f"{v.first} {v.last}",))
        yield replace(note, text=wrapped(note.text)) if number % 2 else note


def wrapped(text: str) -> str:
    """Return a text with line breaks in place of some spaces, so that a line has at most `WIDTH` characters."""
    lines = []
    for line in text.split("\n"):
        start = 0
        while len(line) - start > WIDTH and (at := line.rfind(" ", start, start + WIDTH + 1)) > start:
            lines.append(line[start:at])
            start = at + 1
        lines.append(line[start:])
    return "\n".join(lines)
