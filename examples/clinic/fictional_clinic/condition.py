"""The type of a medical condition of the fictional clinic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, with alternative phrases for its name, symptoms, signs, tests, drugs and plans."""

    names: tuple[str, ...]
    symptoms: tuple[str, ...]
    signs: tuple[str, ...]
    tests: tuple[str, ...]
    drugs: tuple[str, ...]
    plans: tuple[str, ...]


def condition(*parts: str) -> Condition:
    """Return a condition from six semicolon-separated lists, in the order of the fields of `Condition`."""
    return Condition(*(tuple(item.strip() for item in part.split(";")) for part in parts))
