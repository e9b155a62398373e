"""Read identifiers, names, times and configured fields of HL7 v2 segments.

Names such as CX and XPN are data types of HL7 v2. A data type states what the components of a field contain.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone

from synthgen.core.errors import DataError
from synthgen.extract.hl7v2.message import Hl7Segment, Hl7Value
from synthgen.extract.note import Fields

_PERSON_TYPES = ("MR", "PI")  # table 0203: medical record number, patient internal identifier
_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})"
    r"(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?)?)?)?"
    r"(?P<zone>[+-][0-9]{4})?"
)
_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>[1-9]\d{0,2})(?:\.(?P<part>[1-9]\d?)(?:\.(?P<subpart>[1-9]\d?))?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A part of a message: `PID-3` is a field, `PID-3.1` a component and `PID-3.1.2` a subcomponent."""

    segment: str
    field: int
    component: int = 1
    subcomponent: int = 0  # 0 for the whole component

    def value(self, context: Mapping[str, Hl7Segment]) -> str:
        """Return the first value of the field, or ""; `context` maps the name of a segment to the segment."""
        segment = context.get(self.segment)
        return segment.part(self.field, self.component, self.subcomponent) if segment else ""


def field_paths(fields: Fields) -> dict[str, FieldPath]:
    """Return field name -> path for the configured fields; raise a DataError that lists all malformed paths."""
    texts = {name: text for name, text in asdict(fields).items() if text is not None}
    found = {name: _PATH.fullmatch(text) for name, text in texts.items()}
    if wrong := [
        f"source.fields.{name}: {texts[name]!r} is not an HL7 v2 field" for name in texts if found[name] is None
    ]:
        hint = "Write segment and field, and if needed component and subcomponent: OBR-4, PID-3.1 or PID-3.4.2."
        raise DataError("source.fields cannot be used", problems=wrong, hint=hint)
    return {
        name: FieldPath(path["segment"], int(path["field"]), int(path["part"] or 1), int(path["subpart"] or 0))
        for name, path in found.items()
        if path is not None
    }


def person_identifier(values: list[Hl7Value]) -> str:
    """Return a person's identifier from values of the type CX (PID-3, MRG-1), or "" if all values are empty.

    The identifier is the first one of the type MR, else the first one of the type PI, else the first one of any type.
    If the assigning authority is stated, the result is `IDENTIFIER@AUTHORITY`.
    """
    stated = [value for value in values if value.part(1)]
    ranked = [value for kind in _PERSON_TYPES for value in stated if value.part(5).upper() == kind] + stated
    if not ranked:
        return ""
    authority = ranked[0].part(4, 1) or ranked[0].part(4, 2)
    return f"{ranked[0].part(1)}@{authority}" if authority else ranked[0].part(1)


def entity(segment: Hl7Segment, field: int) -> str:
    """Return a field of the type EI as `IDENTIFIER@NAMESPACE@UNIVERSAL`, or "" if the identifier is missing.

    A missing namespace or universal identifier is left out together with its `@`.
    """
    if not segment.part(field):
        return ""
    return "@".join(filter(None, (segment.part(field, number) for number in (1, 2, 3))))


def person_names(values: list[Hl7Value]) -> Iterator[str]:
    """Yield the full names in values of the type XPN; a value with several family names yields one name for each."""
    for value in values:
        given = [value.part(2), value.part(3)]
        # subcomponents of the family name: whole surname, own surname, and surname of the partner
        families = [value.part(1, number) for number in (1, 3, 5)]
        for family in dict.fromkeys(filter(None, families)) or [""]:
            if name := " ".join(filter(None, (*given, family))):
                yield name


def staff_name(value: Hl7Value, *, family_first: bool = False) -> str:
    """Return the name in a value of the type XCN, CNN or NDL, or "" if the value contains no name.

    The name is "GIVEN MIDDLE FAMILY", or "FAMILY GIVEN" if `family_first` is True.

    Some systems write the name in place of the identifier. Therefore, if the value has no given or family name, an
    identifier with a letter and no digit counts as the name.
    """
    if not value.raw:
        return ""
    if value.part(1, 2) or value.part(1, 3):  # NDL: a person in the subcomponents of the first component
        first, family, given, middle = (value.part(1, number) for number in (1, 2, 3, 4))
    else:
        first, family, given, middle = value.part(1, 1), value.part(2, 1), value.part(3), value.part(4)
    if not (family or given):
        return first if any(map(str.isalpha, first)) and not any(map(str.isdigit, first)) else ""
    if family_first:
        return " ".join(filter(None, (family, given)))
    return " ".join(filter(None, (given, middle, family)))


@dataclass(frozen=True, slots=True)
class Hl7Time:
    """A point in time."""

    iso: str  # the time in ISO 8601, as precise as in the message
    utc: str  # the time in UTC, as text that sorts by time


def read_time(text: str) -> Hl7Time | None:
    """Parse a time of the type DTM (`YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ]`); return None if `text` is not valid.

    A time without a zone sorts as if it were UTC.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (found[n] for n in ("year", "month", "day", "hour", "minute", "second"))
    micro = int((found["fraction"] or "0").ljust(6, "0")[:6])
    zone = found["zone"] or ""
    try:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) if zone else timedelta()
        local = timezone(-offset if zone.startswith("-") else offset)
        time_of_day = int(hour or 0), int(minute or 0), int(second or 0), micro
        moment = datetime(int(year), int(month or 1), int(day or 1), *time_of_day, tzinfo=local)
        utc = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    iso = "-".join(filter(None, (year, month, day)))
    if hour:
        clock = ":".join(filter(None, (hour, minute, second)))
        fraction = f".{found['fraction']}" if found["fraction"] else ""
        iso += f"T{clock}{fraction}{zone[:3]}{':' if zone else ''}{zone[3:]}"
    return Hl7Time(iso, utc.isoformat(timespec="microseconds"))
