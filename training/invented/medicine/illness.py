"""The type of an invented illness, and the text format in which illnesses are listed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """One illness: the patients who can have it, symptoms, signs, tests, drugs, plans and alternative diagnoses.

    In the lists, `3~12` stands for a number from that range, `(left|right)` for one of the words, and `@bd` (twice
    daily) or a similar code for a dose interval.
    """

    specialty: str
    name: str
    short: str  # abbreviation or short name
    flags: frozenset[str]  # which patients have the illness, and how it shows; see `illnesses`
    symptoms: tuple[str, ...]
    signs: tuple[str, ...]
    tests: tuple[str, ...]
    drugs: tuple[str, ...]
    plans: tuple[str, ...]
    absent: tuple[str, ...]  # symptoms that the patient does not have
    others: tuple[str, ...]  # alternative diagnoses


def illnesses(specialty: str, text: str) -> tuple[Illness, ...]:
    """Return the illnesses listed in a text: eight lines for each illness, with an empty line between illnesses.

    The first line has the name, the short name and the flags, separated by `|`. Flags are baby, child, adult, young,
    old; woman, man; hot (fever), low (low oxygen), acute. Each of the other lines is a list separated by semicolons:
    symptoms, signs, tests, drugs, plans, absent symptoms, other diagnoses.
    """
    found = []
    for block in text.strip().split("\n\n"):
        head, *lists = block.split("\n")
        name, short, flags = (part.strip() for part in head.split("|"))
        symptoms, signs, tests, drugs, plans, absent, others = (
            tuple(item.strip() for item in line.split(";")) for line in lists
        )
        found.append(
            Illness(
                specialty=specialty,
                name=name,
                short=short,
                flags=frozenset(flags.split()),
                symptoms=symptoms,
                signs=signs,
                tests=tests,
                drugs=drugs,
                plans=plans,
                absent=absent,
                others=others,
            )
        )
    return tuple(found)
