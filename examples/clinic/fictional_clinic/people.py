"""Make the fictional patients, with identifiers and a unique combination of traits, and the clinicians."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from fictional_clinic.condition import Condition
from fictional_clinic.grammar import pick
from fictional_clinic.specialties import SHARES, SPECIALTIES
from fictional_clinic.vocabulary import (
    EVENTS,
    FEMALE_NAMES,
    LAST_NAMES,
    MAIL_HOSTS,
    MALE_NAMES,
    OCCUPATIONS,
    PASTIMES,
    STREETS,
    TOWNS,
)

FIRST_VISIT = date(2021, 1, 4)
_VISIT_SPAN_DAYS = 1400
_ELDEST_SHARE = 0.03  # share of patients over 89, whose age is an identifier


@dataclass(frozen=True, slots=True)
class Clinician:
    """A writer of notes: name, specialty, style of writing (a key of `VOICES`) and format of dates."""

    name: str
    specialty: str
    voice: str
    date_format: str


@dataclass(frozen=True, slots=True)
class Patient:
    """A fictional patient; no other patient has the same combination of `traits`."""

    id: str
    first: str
    last: str
    woman: bool
    born: date
    mrn: str
    phone: str
    email: str
    street: str
    town: str
    specialty: str
    conditions: tuple[Condition, ...]
    clinician: Clinician
    traits: dict[str, str]
    first_visit: date

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    def age(self, day: date) -> int:
        """Return the age in whole years on a day."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def make_clinicians(rng: np.random.Generator) -> dict[str, tuple[Clinician, ...]]:
    """Return four to seven clinicians for each specialty."""
    voices = ("prose", "terse", "letter")
    formats = ("%m/%d/%Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y", "%m/%d/%y")
    staff: dict[str, tuple[Clinician, ...]] = {}
    for specialty in SPECIALTIES:
        staff[specialty] = tuple(
            Clinician(
                f"{pick(FEMALE_NAMES + MALE_NAMES, rng)} {pick(LAST_NAMES, rng)}",
                specialty,
                voices[i % 3],
                pick(formats, rng),
            )
            for i in range(int(rng.integers(4, 8)))
        )
    return staff


def make_patient(
    number: int, staff: dict[str, tuple[Clinician, ...]], taken: set[tuple[str, str, str]], rng: np.random.Generator
) -> Patient:
    """Return a patient whose combination of traits is not in `taken`, and add the combination to `taken`."""
    specialty = str(rng.choice(list(SPECIALTIES), p=SHARES))
    woman = bool(rng.random() < 0.53)
    first, last = pick(FEMALE_NAMES if woman else MALE_NAMES, rng), pick(LAST_NAMES, rng)
    age = int(rng.integers(90, 99)) if rng.random() < _ELDEST_SHARE else int(np.clip(rng.normal(57, 17), 18, 89))
    first_visit = FIRST_VISIT + timedelta(days=int(rng.integers(_VISIT_SPAN_DAYS)))
    chosen = rng.permutation(len(SPECIALTIES[specialty]))[: int(rng.integers(1, 3))]
    traits = (pick(OCCUPATIONS, rng), pick(PASTIMES, rng), pick(EVENTS, rng))
    while traits in taken:
        traits = (pick(OCCUPATIONS, rng), pick(PASTIMES, rng), pick(EVENTS, rng))
    taken.add(traits)
    dot = pick((".", "_", ""), rng)
    area = int(rng.integers(201, 990))
    return Patient(
        id=f"p{number:05d}",
        first=first,
        last=last,
        woman=woman,
        born=first_visit - timedelta(days=int(age * 365.25) + int(rng.integers(1, 360))),
        mrn=f"{int(rng.integers(10**7, 10**8))}",
        # 555-0100 to 555-0199 are reserved for fiction
        phone=pick((f"({area}) 555-01{{}}", f"{area}-555-01{{}}", f"+1 {area} 555 01{{}}"), rng).format(
            f"{int(rng.integers(100)):02d}"
        ),
        email=f"{first.lower()}{dot}{last.lower().replace(' ', '').replace(chr(39), '')}{int(rng.integers(10, 99))}"
        f"@{pick(MAIL_HOSTS, rng)}",
        street=f"{int(rng.integers(3, 9900))} {pick(STREETS, rng)}",
        town=pick(TOWNS, rng).format(zip=f"{int(rng.integers(100)):02d}"),
        specialty=specialty,
        conditions=tuple(SPECIALTIES[specialty][int(i)] for i in chosen),
        clinician=staff[specialty][int(rng.integers(len(staff[specialty])))],
        traits=dict(zip(("occupation", "pastime", "event"), traits, strict=True)),
        first_visit=first_visit,
    )
