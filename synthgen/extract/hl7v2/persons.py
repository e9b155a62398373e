"""Read merges of patients, and names of patients and staff, from HL7 v2 messages of every type.

PID-3 means field 3 of the segment (line) PID, which describes one patient.
"""

from collections.abc import Iterator, Mapping

from synthgen.extract.hl7v2.message import Hl7Message, Hl7Segment
from synthgen.extract.hl7v2.values import FieldPath, person_identifier, person_names, staff_name
from synthgen.extract.note import Item, MergedPerson, PersonNames, StaffNames

# Events of ADT messages (admissions and data of patients): merges of patients, and changes of an identifier (A46,
# A47). The old identifier (MRG-1) and the new one (PID-3) then mean one person. Merges of accounts and visits are not
# included, because they concern a single person. A43 is not included either, because it moves records away from a
# wrong person.
_MERGES = frozenset({"A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"})
# A24 states that the identifiers of two PID segments belong to one patient. A37 revokes an A24 and is ignored: the
# two patients still count as one person, which weakens no privacy statement.
_LINK = "A24"
_MERGE_FIELDS = {3: 1, 2: 4, 4: 2, 18: 3}  # number of a PID field -> number of the MRG field with the old value


def _fields(listed: str) -> dict[str, tuple[int, ...]]:  # "PID-5,6" -> {"PID": (5, 6)}
    parts = (item.partition("-") for item in listed.split())
    return {segment: tuple(map(int, numbers.split(","))) for segment, _, numbers in parts}


# fields with names (type XPN) of the patient and contacts, such as the next of kin (NK1) and the guarantor (GT1)
_PERSON_FIELDS = _fields("PID-5,6,9 NK1-2,26,30 GT1-3,4 IN1-16 MRG-7")
# fields with names of staff (type XCN, or NDL in OBR-32 to OBR-35)
_STAFF_FIELDS = _fields(
    "AIP-3 DG1-16 EVN-5 FT1-20,21,24 NTE-5 OBR-10,16,28,32,33,34,35 OBX-16,25 ORC-10,11,12,19 PD1-4 PR1-8,11,12 "
    "PRT-5 PV1-7,8,9,17,52 PV2-13 ROL-4 RXA-10 SCH-12,16,20 TXA-5,9,10,11,22,23"
)
_STAFF_XPN = _fields("CTD-2 PRD-2 STF-3")  # fields with names of staff (type XPN)


def person_of(context: Mapping[str, Hl7Segment], path: FieldPath | None) -> str:
    """Return the patient's identifier: the value at `path` or, if `path` is None, in PID-3 or else PID-2."""
    if path is not None:
        return path.value(context)
    pid = context.get("PID")
    return (person_identifier(pid.values(3)) or person_identifier(pid.values(2))) if pid else ""


def person_items(message: Hl7Message, paths: Mapping[str, FieldPath]) -> Iterator[Item]:
    """Yield the names in a message, and the merges of patients that the message announces.

    A message can be about several patients. A segment belongs to the patient of the last PID segment before it.

    Privacy: reads names and identifiers of patients, contacts and staff.
    """
    staff: dict[str, None] = {}
    for context, segments in _by_patient(message):
        names: dict[str, None] = {}
        for segment in segments:
            for field in _PERSON_FIELDS.get(segment.name, ()):
                names |= dict.fromkeys(person_names(segment.values(field)))
            for field in _STAFF_FIELDS.get(segment.name, ()):
                staff |= dict.fromkeys(filter(None, map(staff_name, segment.values(field))))
            for field in _STAFF_XPN.get(segment.name, ()):
                staff |= dict.fromkeys(person_names(segment.values(field)))
        person = person_of(context, paths.get("person"))
        if person and names:
            yield PersonNames(person, tuple(names))
    if staff:
        yield StaffNames(tuple(staff))
    if message.kind == "ADT":
        yield from _merges(message, paths)


def _by_patient(message: Hl7Message) -> Iterator[tuple[dict[str, Hl7Segment], list[Hl7Segment]]]:
    # Yields pairs (first, segments): one for the segments before the first PID, then one for each patient. `first`
    # maps a name to the patient's first segment with this name, or else to the first one before the first PID. The
    # segments before the first PID apply to all patients.
    groups: list[list[Hl7Segment]] = [[]]
    for segment in message.segments:
        if segment.name == "PID":
            groups.append([])
        groups[-1].append(segment)
    shared = {segment.name: segment for segment in reversed(groups[0])}
    for group in groups:
        yield shared | {segment.name: segment for segment in reversed(group)}, group


def _merges(message: Hl7Message, paths: Mapping[str, FieldPath]) -> Iterator[MergedPerson]:
    path = paths.get("person")
    patients = [(person_of(context, path), group) for context, group in _by_patient(message) if "PID" in context]
    pairs: list[tuple[str, str]] = []  # (old identifier, new identifier); `group[0]` is the PID segment of a patient
    if message.event in _MERGES:
        pairs = [(_prior(s, group[0], path), person) for person, group in patients for s in group if s.name == "MRG"]
    elif message.event == _LINK and patients:
        pairs = [(person, patients[0][0]) for person, _ in patients[1:]]
    yield from (MergedPerson(old, new) for old, new in pairs if old and new and old != new)


def _prior(mrg: Hl7Segment, pid: Hl7Segment, path: FieldPath | None) -> str:
    # the old identifier is in the MRG field that corresponds to the PID field of the new identifier
    if path is None:
        return person_identifier(mrg.values(1 if person_identifier(pid.values(3)) else 4))
    field = _MERGE_FIELDS.get(path.field) if path.segment == "PID" else None
    return mrg.part(field, path.component, path.subcomponent) if field else ""
