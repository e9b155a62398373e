"""What an invented illness is made of, and how one is written down."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """One illness: whom it befalls, how it is felt, found, tested, treated, and what it might have been instead.

    In the lists `3~12` stands for a number of that range, `(left|right)` for one of the words, `@bd` for how often.
    """

    specialty: str
    name: str
    short: str
    flags: frozenset[str]
    symptoms: tuple[str, ...]
    signs: tuple[str, ...]
    tests: tuple[str, ...]
    drugs: tuple[str, ...]
    plans: tuple[str, ...]
    absent: tuple[str, ...]
    others: tuple[str, ...]


def illnesses(specialty: str, text: str) -> tuple[Illness, ...]:
    """Return the illnesses of a text: eight lines each, blank lines between.

    The first line is name, short name and flags (baby, child, adult, young, old; woman, man; hot, low,
    acute); then symptoms, signs, tests, drugs, plans, symptoms that are absent, other diagnoses, by semicolons.
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
