"""Names are recognised by roles, phrases, verbs or their form; other words in the same places are no names."""

import pytest

from synthgen.deidentify.engines import find_identifiers


def names(text):
    return [text[s.start : s.end] for s in find_identifiers(text, ()) if s.kind == "name"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patient OKONJO, Ngozila DOB", ["OKONJO, Ngozila"]),
        ("O'SHAUGHLIN, Dermotin P. admitted overnight", ["O'SHAUGHLIN, Dermotin P"]),
        ("Van der Merwede, Pieter / NKDA", ["Van der Merwede, Pieter"]),
        ("mcallisterly, rorik ward 4B", ["mcallisterly, rorik"]),
        ("al-Hashimo (renal) recommends holding it", ["al-Hashimo"]),
        ("J.T. is a 45 yo man", ["J.T."]),
        ("Consent by Mr. A.J. St. Clairmont, risks explained", ["A.J. St. Clairmont"]),
        ('Pt\'s ex-husband, Ronald "Buddy" Hatchman, is not to know.', ['Ronald "Buddy" Hatchman']),
        ("Will says he feels fine; Faith attended alone", ["Will", "Faith"]),
        ("Thanks Stephy - have actioned the bloods", ["Stephy"]),
        ("prescriber M. Arsenaux", ["M. Arsenaux"]),
        ("cc: A. N. Featherstonehaugh", ["A. N. Featherstonehaugh"]),
        ("Dictated by GH Okonkwo, typed by pool", ["GH Okonkwo"]),
        ("Hargrevesa 7718204 bed 12", ["Hargrevesa"]),
        ("labelled with surname Abernethia only; called to RN Deshawni", ["Abernethia", "Deshawni"]),
        ("Resident: Okonkwo. Med student: Wuan.", ["Okonkwo", "Wuan"]),
        ("Plan d/w MBEKI. Plan d/w PICU.", ["MBEKI"]),
        ("NHI ZAC5361 Wiremo Paratai allergies", ["Wiremo Paratai"]),
    ],
)
def test_names_in_context_are_found(text, found):
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Will need review. May attend clinic. Faith is important to her.",
        "phoned, pt refusing meds again",
        "Infection caused by e. coli, treated by s. aureus cover; seen b. pneumonia",
        "Pt 62 yo M with chest pain",
        "He, 62M, smoker",
        "NAUSEA,VOMITING and NSTEMI,PCI",
        "Referred to see Podiatry. Asked for Panadol.",
        "Kocher, Kelly and Babcock on the tray",
        "Blood group O pos, Kell neg, Duffy neg.",
        "Miller blade size 2, Hasson technique, Berry aneurysm",
        "Subscriber 47702150. Salmonella Newport and Morganella morganii; Guedel airway, Bristol stool type 6",
        "Foster carers attended; Ward ext 4417; De Quervain release",
        "Thanks for seeing her. Hi flow oxygen. Patient, Will follow up",
    ],
)
def test_words_that_are_no_names_stay(text):
    assert names(text) == []
