"""One thing a text says of its person, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeFinding:
    """One attribute with its value.

    Args:
        attribute: age, age_band, sex, condition, symptom, medication, smoking, alcohol, drugs, exercise, living or
            occupation.
        value: normalised: a dictionary's own name, a status, whole years ("54"), or decades ("60-69").
        start: the first character of the words it was read from.
        end: the character after them.
        negated: whether the text says that it is not so ("denies chest pain"). A habit's status says it by itself.
    """

    attribute: str
    value: str
    start: int
    end: int
    negated: bool = False

    def __repr__(self) -> str:
        return f"AttributeFinding({self.attribute}, {self.start} to {self.end})"  # a value may be of a real person
