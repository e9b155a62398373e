"""The six specialties of the fictional clinic, with their conditions and their shares of the patients."""

from fictional_clinic.condition import Condition
from fictional_clinic.internal_medicine import CARDIOLOGY, ENDOCRINOLOGY, GASTROENTEROLOGY, PULMONOLOGY
from fictional_clinic.nerves_and_joints import NEUROLOGY, ORTHOPEDICS

SPECIALTIES: dict[str, tuple[Condition, ...]] = {
    "cardiology": CARDIOLOGY,
    "endocrinology": ENDOCRINOLOGY,
    "gastroenterology": GASTROENTEROLOGY,
    "neurology": NEUROLOGY,
    "orthopedics": ORTHOPEDICS,
    "pulmonology": PULMONOLOGY,
}
# share of the patients of each specialty, in the order of `SPECIALTIES`
SHARES = (0.26, 0.06, 0.20, 0.13, 0.18, 0.17)
