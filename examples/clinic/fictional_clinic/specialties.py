"""The six specialties of the fictional clinic, of unequal size."""

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
# shares of patients, in the same order
SHARES = (0.26, 0.06, 0.20, 0.13, 0.18, 0.17)
