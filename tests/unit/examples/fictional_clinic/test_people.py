from datetime import date

import numpy as np
from fictional_clinic.people import make_clinicians, make_patient
from fictional_clinic.specialties import SPECIALTIES


def patients(n, seed):
    rng = np.random.Generator(np.random.Philox(seed))
    staff = make_clinicians(rng)
    taken = set()
    return staff, [make_patient(i, staff, taken, rng) for i in range(n)]


def test_staff_of_every_specialty_writes_in_every_voice():
    staff, _ = patients(1, 3)
    assert set(staff) == set(SPECIALTIES)
    assert all({c.voice for c in held} == {"prose", "terse", "letter"} for held in staff.values())


def test_patients_have_their_own_traits_and_number_and_a_fictional_phone_number():
    _, made = patients(300, 5)
    assert len({tuple(p.traits.values()) for p in made}) == 300
    assert len({p.id for p in made}) == 300
    assert all("55501" in p.phone.translate({ord(c): None for c in "()+- "}) for p in made)


def test_age_counts_whole_years():
    _, (patient,) = patients(1, 11)
    birthday = date(patient.born.year + 40, patient.born.month, 28)
    day_before = date(birthday.year, patient.born.month, 1)
    assert patient.age(birthday) in {39, 40}
    assert patient.age(birthday) >= patient.age(day_before)
    assert patient.clinician.specialty == patient.specialty
