"""Section headings: which lines can be one, and which of them so many persons have that they are nobody's."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

MAX_CHARACTERS = 60
MAX_WORDS = 6
_ITEMS = "-–•*·"  # what a line of a list begins with
_ENDS = ".,;!?"  # what a sentence ends with


def heading_of(line: str) -> str | None:
    """Return the normal form of a line that can be a heading, else None.

    A heading stands on a line of its own, has at most 6 words and 60 characters, is no item of a list and no entry
    such as "BP: 120/80", and ends in a colon, or is in capitals, or begins with "#". Its normal form has no marks and
    no capitals: "## Past History:" and "PAST HISTORY" are both "past history".
    """
    bare = line.strip()
    if not 0 < len(bare) <= MAX_CHARACTERS or bare[0] in _ITEMS or bare[-1] in _ENDS:
        return None
    words = bare.strip("#: \t").split()
    is_entry = any(word.endswith(":") for word in words)  # "BP: 120/80"
    if not 0 < len(words) <= MAX_WORDS or is_entry or not any(c.isalpha() for c in bare):
        return None
    is_marked = bare.startswith("#") or bare.endswith(":") or bare.isupper()
    return " ".join(words).casefold() if is_marked else None


def shared_headings(texts: Sequence[str], groups: Sequence[str], least_persons: int) -> Mapping[str, str]:
    """Return the headings that records of at least so many persons have: normal form to how it is written.

    It is written as most persons write it, where that form too stands in records of enough persons; else in capitals.

    Args:
        texts: n texts.
        groups: the person of each.
        least_persons: fewer persons, and the line is treated as text.

    Privacy: a line of a note can be a name. Only what many persons' records say alike comes out.
    """
    persons: dict[str, set[str]] = defaultdict(set)
    forms: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text, group in zip(texts, groups, strict=True):
        for name, line in _found(text):
            persons[name].add(group)
            forms[name][line].add(group)
    shared = {}
    for name in sorted(name for name, who in persons.items() if len(who) >= least_persons):
        form, who = min(forms[name].items(), key=lambda item: (-len(item[1]), item[0]))
        ways = (form if len(who) >= least_persons else "", name.upper(), name + ":")
        # a rare letter makes a way that is read as another heading, or as none: "ß" in capitals is "SS"
        written = next((way for way in ways if heading_of(way) == name), None)
        if written is not None:
            shared[name] = written
    return shared


def _found(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name = heading_of(line)
        if name is not None:
            yield name, " ".join(line.split())
