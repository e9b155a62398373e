"""Write the fictional notes, with the position of each identifier."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from fictional_clinic.condition import Condition
from fictional_clinic.grammar import expand, mark, pick, unmark
from fictional_clinic.people import Clinician, Patient, make_clinicians, make_patient
from fictional_clinic.phrases import VITALS, VOICES
from fictional_clinic.specialties import SHARES, SPECIALTIES
from fictional_clinic.vocabulary import (
    ALLERGIES,
    COMORBIDITIES,
    EVERYDAY_COMPLAINTS,
    EVERYDAY_DRUGS,
    EVERYDAY_PLANS,
    EVERYDAY_REASONS,
    EVERYDAY_SIGNS,
    EVERYDAY_TESTS,
    FAMILY_ILLNESSES,
    FEMALE_NAMES,
    LAST_NAMES,
    MALE_NAMES,
    OTHER_CARE,
    RELATIVES,
)

MIN_WORDS, MAX_WORDS = 60, 140
OTHER_CLINIC_SHARE = 0.1  # share of visits to another specialty than the patient's usual one
MIXED_SHARE = 0.3  # share of notes with a complaint of another specialty, as a suspected condition
DISTRACTOR_SHARE = 0.5  # share of notes with a condition and a drug of another specialty in the history
VAGUE_SHARE = 0.25  # share of notes without a condition, with everyday complaints only
_CORE = ("symptoms", "signs", "drugs", "plan")
# tried in random order until the note is long enough; "social" is listed twice, so that it tends to come early
_EXTRA = ("tests", "history", "social", "family", "contact", "closing", "social")


@dataclass(frozen=True, slots=True)
class Visit:
    """The patient, the writer and the day of a note."""

    patient: Patient
    writer: Clinician
    day: date


def generate(patients: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the notes of fictional patients, one to four per patient, in the order of patients and visits.

    A row has patient_id, note_id, specialty, note, patient_name, and `key`: the identifiers in the note with kind,
    value and position, and the rare traits of the patient that the note mentions. The key serves to measure leakage.
    """
    return [row for row, _ in generate_visits(patients, rng)]


def generate_visits(patients: int, rng: np.random.Generator) -> list[tuple[dict[str, Any], Visit]]:
    """Return each row of `generate` together with its visit."""
    staff = make_clinicians(rng)
    taken: set[tuple[str, str, str]] = set()
    rows: list[tuple[dict[str, Any], Visit]] = []
    for number in range(1, patients + 1):
        patient = make_patient(number, staff, taken, rng)
        day = patient.first_visit
        for visit in range(1, int(rng.choice((1, 2, 3, 4), p=(0.3, 0.33, 0.22, 0.15))) + 1):
            rows.append(_note(patient, visit, day, staff, rng))
            day += timedelta(days=int(rng.integers(14, 200)))
    return rows


def _note(
    patient: Patient, visit: int, day: date, staff: dict[str, tuple[Clinician, ...]], rng: np.random.Generator
) -> tuple[dict[str, Any], Visit]:
    specialty, writer = patient.specialty, patient.clinician
    condition = patient.conditions[int(rng.integers(len(patient.conditions)))]
    if rng.random() < OTHER_CLINIC_SHARE:
        specialty = _other_specialty(specialty, rng)
        writer = staff[specialty][int(rng.integers(len(staff[specialty])))]
        condition = SPECIALTIES[specialty][int(rng.integers(len(SPECIALTIES[specialty])))]
    other = SPECIALTIES[_other_specialty(specialty, rng)]
    slots = _person_slots(patient, day, writer, rng) | _medical_slots(
        condition, other[int(rng.integers(len(other)))], rng
    )
    text, identifiers = unmark(_write(writer.voice, slots, rng))
    row = {
        "patient_id": patient.id,
        "note_id": f"{patient.id}-{visit}",
        "specialty": specialty,
        "note": text,
        "patient_name": patient.name,
        "key": {
            "identifiers": [{"kind": i.kind, "value": i.value, "start": i.start, "end": i.end} for i in identifiers],
            "traits": {k: v for k, v in patient.traits.items() if v.lower() in text.lower()},
        },
    }
    return row, Visit(patient, writer, day)


def _other_specialty(specialty: str, rng: np.random.Generator) -> str:
    """Return one of the other specialties, drawn by its share of patients."""
    shares = np.array([0.0 if name == specialty else share for name, share in zip(SPECIALTIES, SHARES, strict=True)])
    return str(rng.choice(list(SPECIALTIES), p=shares / shares.sum()))


def _write(voice: str, slots: dict[str, str], rng: np.random.Generator) -> str:
    """Return a note of 60 to 140 words: an opening, the core parts, then extra parts until it is long enough."""
    phrases = VOICES[voice]
    core = [_CORE[int(i)] for i in rng.permutation(len(_CORE))] if rng.random() < 0.25 else list(_CORE)
    extras = [_EXTRA[int(i)] for i in rng.permutation(len(_EXTRA))]
    wanted = int(rng.integers(MIN_WORDS + 8, MAX_WORDS - 25))
    parts = {part: _sentence(phrases[part], slots, rng) for part in ("opening", *core)}
    order = ["opening", *core]
    for extra in dict.fromkeys(extras):
        if _count(parts) >= wanted:
            break
        parts[extra] = _sentence(phrases[extra], slots, rng)
        if _count(parts) > MAX_WORDS:
            del parts[extra]
        elif extra == "closing":
            order.append(extra)
        else:
            order.insert(int(rng.integers(1, len(order))), extra)
    return " ".join(parts[part] for part in order)


def _sentence(templates: tuple[str, ...], slots: dict[str, str], rng: np.random.Generator) -> str:
    text = expand(pick(templates, rng), slots, rng)
    return text[0].upper() + text[1:]


def _count(parts: dict[str, str]) -> int:
    return sum(len(text.split()) for text in parts.values())


def _draw(items: tuple[str, ...], count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` of the items in random order; items repeat only after all were used."""
    order = rng.permutation(len(items))
    return [items[int(order[i % len(items)])] for i in range(count)]


def _medical_slots(condition: Condition, other: Condition, rng: np.random.Generator) -> dict[str, str]:
    """Return the medical phrases of a visit by slot of the templates.

    At random, some phrases of `condition` are replaced by everyday phrases or by phrases of the condition `other`.
    """
    named = pick(condition.names, rng)
    symptoms, signs = _draw(condition.symptoms, 3, rng), _draw(condition.signs, 2, rng)
    tests, plans = _draw(condition.tests, 2, rng), _draw(condition.plans, 2, rng)
    drugs, comorbidities = _draw(condition.drugs, 3, rng), _draw(COMORBIDITIES, 2, rng)
    other_drug = pick(OTHER_CARE, rng)
    if rng.random() < DISTRACTOR_SHARE:
        other_drug = pick(other.drugs, rng)
        comorbidities[0], drugs[1] = pick(other.names, rng), other_drug
    if rng.random() < VAGUE_SHARE:
        named = pick(EVERYDAY_REASONS, rng)
        symptoms, signs = _draw(EVERYDAY_COMPLAINTS, 3, rng), _draw(EVERYDAY_SIGNS, 2, rng)
        tests[1], plans[1] = pick(EVERYDAY_TESTS, rng), pick(EVERYDAY_PLANS, rng)
        drugs[2] = pick(EVERYDAY_DRUGS, rng)
    elif rng.random() < 0.5:
        signs[1] = pick(EVERYDAY_SIGNS, rng)
    if rng.random() < MIXED_SHARE:
        symptoms, tests[1], plans[1] = _draw(other.symptoms, 3, rng), pick(other.tests, rng), pick(other.plans, rng)
        named = f"[suspected|possible|query] {pick(other.names, rng)}, known with {named}"
    numbered = {"symptom": symptoms, "sign": signs, "test": tests, "plan": plans, "drug": drugs}
    numbered |= {
        "comorbidity": comorbidities,
        "relative": _draw(RELATIVES, 2, rng),
        "illness": _draw(FAMILY_ILLNESSES, 2, rng),
    }
    return {
        **{f"{name}{i}": text for name, texts in numbered.items() for i, text in enumerate(texts, 1)},
        "condition": named,
        "other_drug": other_drug,
        "allergy": pick(ALLERGIES, rng),
        "vitals": pick(VITALS, rng),
    }


def _person_slots(patient: Patient, day: date, writer: Clinician, rng: np.random.Generator) -> dict[str, str]:
    """Return the phrases about the patient and the writer by slot of the templates; identifiers are marked."""

    def stamp(when: date) -> str:
        return mark("date", when.strftime(writer.date_format))

    age = patient.age(day)
    he, him, his = ("she", "her", "her") if patient.woman else ("he", "him", "his")
    return {
        "name": mark("name", patient.name),
        "first": mark("name", patient.first),
        "last": mark("name", patient.last),
        "title": pick(("Ms.", "Mrs."), rng) if patient.woman else "Mr.",
        "kin": mark("name", f"{pick(FEMALE_NAMES + MALE_NAMES, rng)} {patient.last}"),
        "referrer": mark("name", pick(LAST_NAMES, rng)),
        "clinician": mark("name", writer.name),
        "age": mark("age", str(age)) if age > 89 else str(age),
        "sex": "F" if patient.woman else "M",
        "born": stamp(patient.born),
        "date": stamp(day),
        "past": stamp(day - timedelta(days=int(rng.integers(5, 160)))),
        "next": stamp(day + timedelta(days=int(rng.integers(20, 180)))),
        "mrn": mark("record_number", patient.mrn),
        "phone": mark("phone", patient.phone),
        "email": mark("email", patient.email),
        "street": mark("street", patient.street),
        "town": mark("place", patient.town),
        "he": he,
        "He": he.capitalize(),
        "him": him,
        "his": his,
        "His": his.capitalize(),
        **patient.traits,
    }
