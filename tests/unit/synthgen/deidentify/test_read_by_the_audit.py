"""The identifiers audit finds the identifiers that de-identification replaces, and counts a copied one as a leak."""

import random

import numpy as np
import pytest

from audits.attacks.identifiers.identifiers_audit import Identifiers
from audits.core.types import AuditInputs, Table
from audits.text.name_lists import split_list
from synthgen.deidentify.marked import read_marks
from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.planted import FALSE_FRIENDS, WRITERS, _Values

CATEGORIES = split_list("EMAIL URL PHONE FAX SSN PLAN LICENCE REGISTERED VEHICLE ACCOUNT DEVICE BIOMETRIC")
SENTENCES = (
    "Mail m.holloway_21 at mail dot example dot org.",
    "Mail m.holloway_21 [at] mail.example.org.",
    "Card 4539 1488 0343 6467.",
    "Card 4539148803436467 exp 12/27.",
    "IBAN GB82 WEST 1234 5698 7654 32.",
    "NHS 943 476 5919.",
    "Medicare 1EG4 TE5 MK73.",
    "Medicare 2428 77813 2.",
    "Car reg AB12 CDE.",
    "Tag: 7KLM482.",
    "Licence MORGA 753116 SM9IJ.",
    "Insurance AB 48 27 19 C.",
    "Portal: myclinic.example.org/p/okonkwo.",
    "Network card 00:1b:44:11:3a:b7.",
)


def planted(category, seed):
    return read_marks(WRITERS[category](_Values(random.Random(seed))), "p").text


def notes(n, seed, *texts):
    draws = random.Random(seed)
    friends = [" ".join(draws.sample(FALSE_FRIENDS, 6)) for _ in range(n)]
    texts = tuple(f"{a} {b}" for a, b in zip(friends, (*texts, *[""] * n), strict=False))
    return Table(texts=texts, labels=None, groups=tuple(f"{seed}-{i}" for i in range(n)), has_groups=True)


def leaks(made, train):
    inputs = AuditInputs(synthetic=notes(40, 1, made), train=notes(43, 2, train), control=notes(41, 3))
    return Identifiers().run(inputs, np.random.default_rng(0), 0.95).metrics["hard_hits"].value


def test_notes_without_identifiers_have_no_leak():
    assert leaks("", "") == 0


@pytest.mark.parametrize(
    "text", [*SENTENCES, *(planted(category, seed) for category in CATEGORIES for seed in (1, 2))]
)
def test_one_planted_identifier_is_a_leak(text):
    assert find_patterns(text)
    assert leaks(text, text) > 0


@pytest.mark.parametrize(
    "text",
    [
        "Registration for 2023 is open.",
        "Tag and 24 others.",
        "Plates of 120 mg.",
        "See groupon.com for it.",
        "Reg 1234.",
    ],
)
def test_ordinary_words_after_a_cue_are_no_leak(text):
    assert leaks(text, text) == 0
