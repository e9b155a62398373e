"""Read values of FHIR resources; a value of the wrong JSON type counts as missing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]
_STEP = re.compile(r"[A-Za-z]\w*(?:\[[A-Za-z]\w*(?:\.[A-Za-z]\w*)*=[^\]]+\])?")
_TITLE = re.compile(r"^(?:(?:dr|prof|mr|mrs|ms|miss)\.?\s+)+", re.IGNORECASE)
VERSION_DIGITS = 10  # version numbers are padded with zeros to this number of digits, so that they sort as text


def items(value: Any) -> list[Any]:
    """Return `value` if it is a list, an empty list for None, and a list with one item for any other value."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def objects(value: Any) -> list[Resource]:
    """Return the JSON objects among the items of a value."""
    return [item for item in items(value) if isinstance(item, dict)]


def text(value: Any) -> str:
    """Return a string without outer white space, an integer of up to 18 digits as text, or "" for any other value."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else ""


def first(*values: Any) -> str:
    """Apply `text` to each value, and return the first result that is not empty; "" if all are empty."""
    return next((found for value in values if (found := text(value))), "")


def is_path(path: str) -> bool:
    """Return whether a text is a path: names joined by dots, where a name can have a filter `[name=value]`."""
    return all(_STEP.fullmatch(step) for step in _steps(path))


def at_path(resource: Any, path: str) -> Iterator[str]:
    """Yield the texts at a path such as `identifier[system=urn:x].value`, in the order of the resource."""
    found = [resource]
    for step in _steps(path):
        name, _, rule = step.partition("[")
        found = [item for parent in found if isinstance(parent, dict) for item in items(parent.get(name))]
        if rule:
            key, _, required = rule.removesuffix("]").partition("=")
            found = [item for item in found if required in at_path(item, key)]
    yield from (value for item in found if (value := text(item)))


def _steps(path: str) -> list[str]:
    return re.split(r"\.(?![^\[]*\])", path)


def reference(value: Any, kind: str) -> str:
    """Return the id in a reference to a resource of the type `kind`, or "" if the reference has no such id.

    The reference may be relative, absolute, versioned or a `urn:uuid:`: `"Patient/7/_history/2"` -> `"7"`. If the
    reference states an identifier in place of the id, the identifier is returned, see `identifier_key`.
    """
    for one in objects(value):
        target = text(one.get("reference"))
        if target.startswith("urn:"):
            return target.rpartition(":")[2]
        parts = _parts(target)
        if len(parts) > 1 and parts[-2] == kind:
            return parts[-1]
        stated = text(one.get("type"))
        if not target and stated in {"", kind}:
            return first(*map(identifier_key, objects(one.get("identifier"))))
    return ""


def identifier_key(value: Resource) -> str:
    """Return an identifier as `SYSTEM|VALUE`, as `VALUE` if the system is missing, or "" if the value is missing."""
    found, system = text(value.get("value")), text(value.get("system"))
    return f"{system}|{found}" if found and system else found


def is_logical(value: Any) -> bool:
    """Return whether a reference states an identifier of the target resource in place of the target's id."""
    return any(not text(one.get("reference")) and objects(one.get("identifier")) for one in objects(value))


def refers_elsewhere(value: Any, kind: str) -> bool:
    """Return whether a reference points to a resource whose type is not `kind`."""
    targets = [_parts(text(one.get("reference"))) for one in objects(value)]
    return any(len(parts) > 1 and parts[-2] != kind for parts in targets)


def _parts(target: str) -> list[str]:
    # splits a reference at its slashes, without the query or version at its end
    return target.partition("?")[0].partition("/_history/")[0].rstrip("/").split("/")


def keys(resource: Resource) -> list[str]:
    """Return the identifiers of a document: first the business identifiers as `SYSTEM|VALUE`, then `TYPE/ID`."""
    found = [key for name in ("masterIdentifier", "identifier") for key in _business_keys(resource.get(name))]
    if identity := text(resource.get("id")):
        found.append(f"{text(resource.get('resourceType'))}/{identity}")
    return list(dict.fromkeys(found))


def _business_keys(identifiers: Any) -> list[str]:
    # returns `SYSTEM|VALUE` for each identifier; without a system it returns `|VALUE`, unlike `identifier_key`
    stated = [one for one in objects(identifiers) if text(one.get("value"))]
    return [f"{text(one.get('system'))}|{text(one.get('value'))}" for one in stated]


def target_keys(value: Any) -> list[str]:
    """Return the identifiers that a reference to a document states, in the forms of `keys`."""
    found = []
    for one in objects(value):
        target = text(one.get("reference")).partition("/_history/")[0].rstrip("/").split("/")
        found += ["/".join(target[-2:])] if len(target) > 1 else []
        found += _business_keys(one.get("identifier"))
    return found


def version(resource: Resource) -> str:
    """Return a sort key for the versions of a resource: the time of the last update, then the version number."""
    meta = next(iter(objects(resource.get("meta"))), {})
    number = text(meta.get("versionId"))
    padded = number.zfill(VERSION_DIGITS) if number.isdecimal() else number
    return f"{_utc(text(meta.get('lastUpdated')))} {padded}"


def _utc(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # not a time, or a time outside the years 1 to 9999 in UTC
        return value
    return moment.isoformat(timespec="microseconds")


def names(value: Any) -> list[str]:
    """Return the names in values of the type HumanName: the given and family names joined, and the field `text`."""
    found = []
    for one in objects(value):
        parts = [text(part) for part in (*items(one.get("given")), one.get("family"))]
        found.append(" ".join(filter(None, parts)))
        found.append(without_title(text(one.get("text"))))
    return list(dict.fromkeys(name for name in found if name))


def without_title(name: str) -> str:
    """Return a displayed name without titles such as "Dr."."""
    return _TITLE.sub("", name).strip()
