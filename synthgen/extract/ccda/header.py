"""Read values from a C-CDA document (XML of HL7): elements at a path, identifiers, dates and names of persons."""

import re
from collections.abc import Sequence
from datetime import datetime

from synthgen.extract.safe_xml import Element, local

_STEP = re.compile(r"""(?P<name>[A-Za-z]\w*)(?:\[@(?P<key>\w+)=(?P<value>[^\]"']+)\])?|@(?P<attribute>\w+)""")
_TIME = re.compile(r"(\d{4}(?:\d\d){0,5})(?:\.\d+)?([+-]\d{4})?", re.ASCII)  # digits and zone of an HL7 time
# number of digits of an HL7 time -> length of the time in ISO 8601; an hour without minutes is left out
_ISO_LENGTHS = {4: 4, 6: 7, 8: 10, 10: 10, 12: 16, 14: 19}
# endings of element names that mean organisations or places, such as `manufacturerOrganization`
_NO_PERSONS = ("Organization", "place")


def children(element: Element, name: str) -> list[Element]:
    """Return the child elements whose name is `name`, in any namespace."""
    return [child for child in element if local(child) == name]


def below(element: Element, *names: str) -> list[Element]:
    """Return all elements that are reached from `element` by the path of element names `names`."""
    found = [element]
    for name in names:
        found = [child for parent in found for child in children(parent, name)]
    return found


def is_path(path: str) -> bool:
    """Return whether a text is a path for `at_path`, such as `name/id[@root=1.2.3]/@extension`."""
    matches = [_STEP.fullmatch(step) for step in _steps(path)]
    return all(matches) and not any(match and match["attribute"] for match in matches[:-1])


def at_path(root: Element, path: str) -> str:
    """Return the first text or attribute value at a path such as `id[@root=1.2]/@extension`; "" if there is none."""
    found: list[Element] = [root]
    for step in _steps(path):
        match = _STEP.fullmatch(step)
        if match is None:
            return ""
        if (attribute := match["attribute"]) is not None:
            return next((value for one in found if (value := one.get(attribute, "").strip())), "")
        found = [child for one in found for child in children(one, match["name"])]
        if match["key"] is not None:
            found = [one for one in found if one.get(match["key"]) == match["value"]]
    return next((value for one in found if (value := plain_text(one))), "")


def plain_text(element: Element) -> str:
    """Return the text of an element without tags; white space becomes a single space."""
    return " ".join("".join(element.itertext()).split())


def _steps(path: str) -> list[str]:
    return re.split(r"/(?![^\[]*\])", path)


def identifier(element: Element) -> str:
    """Return `EXTENSION@ROOT`, or only one of them if the other is missing; return "" if `nullFlavor` is set."""
    root, extension = element.get("root", "").strip(), element.get("extension", "").strip()
    if element.get("nullFlavor") is not None:
        return ""
    return f"{extension}@{root}" if extension and root else extension or root


def identifiers(elements: Sequence[Element]) -> list[str]:
    """Return the identifiers of the elements, without empty identifiers."""
    return [found for element in elements if (found := identifier(element))]


def iso_time(value: str) -> str:
    """Return an HL7 time in ISO 8601, or "" if not valid: `"202003041011+0100"` -> `"2020-03-04T10:11+01:00"`."""
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return ""
    digits, zone = match.groups(default="")
    # two characters of the layout stand for two digits, but `%Y` stands for four
    layout = "%Y%m%d%H%M%S"[: len(digits) - 2] + "%z" * bool(zone)
    try:
        parsed = datetime.strptime(digits + zone, layout)  # noqa: DTZ007 - `zone` is copied below
    except ValueError:
        return ""
    time = parsed.isoformat()[: _ISO_LENGTHS[len(digits)]]
    return f"{time}{zone[:3]}:{zone[3:]}" if zone and "T" in time else time


def names(element: Element) -> list[str]:
    """Return the full names of persons below an element."""
    found = []
    for one in element.iter():
        parent = one.getparent()
        if local(one) != "name" or parent is None or local(parent).endswith(_NO_PERSONS):
            continue
        parts = [plain_text(part) for kind in ("given", "family") for part in children(one, kind)]
        found.append(" ".join(filter(None, parts)) if parts else plain_text(one))
    return list(dict.fromkeys(name for name in found if name))
