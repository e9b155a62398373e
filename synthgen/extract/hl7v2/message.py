"""Parse an HL7 v2 message into segments (lines), fields, components and subcomponents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.extract.hl7v2.charset import decode
from synthgen.extract.hl7v2.escapes import Delimiters, unescape
from synthgen.extract.hl7v2.framing import RawMessage

UNREADABLE_HEADER = "message header is not readable"
UNDECODABLE = "undecodable bytes"
CONTINUED_LINE = "line without a segment name; it was read as part of the line before it"
ADDENDUM = "segment ADD; it was read as part of the segment before it"
FRAGMENT = "message is split into several parts (DSC); the parts are not joined"
UNKNOWN_SEGMENT = "segment is left out, because HL7 v2 does not define its name"
# names of the segments that HL7 v2 defines; a line of a text, such as "WBC|5.2", can look like a segment
_SEGMENTS = (
    "ACC ADD AIG AIL AIP AIS AL1 ARV AUT BHS BTS CM0 CM1 CM2 CON CSP CSR CSS CTD CTI DB1 DG1 DRG DSC DSP ERR EVN FAC "
    "FHS FT1 FTS GOL GP1 GP2 GT1 IAM IIM IN1 IN2 IN3 INV IPC LAN LOC MFA MFE MFI MRG MSA MSH NCK NK1 NSC NTE OBR OBX "
    "ODS ODT OH1 OH2 OH3 OH4 OM1 OM2 OM3 OM4 OM5 OM6 OM7 ORC ORG OVR PAC PCR PD1 PDA PEO PES PID PR1 PRA PRB PRC PRD "
    "PRT PSH PTH PV1 PV2 QAK QPD QRD QRF RCP RDF RDT REL RF1 RGS ROL RQ1 RQD RXA RXC RXD RXE RXG RXO RXR RXV SAC SCH "
    "SFT SHP SPM STF STZ TQ1 TQ2 TXA UAC UB1 UB2 URD URS VAR"
)
_KNOWN = frozenset(_SEGMENTS.split())
_HL7_NULL = '""'  # a field with this text tells the receiver to delete the stored value


@dataclass(frozen=True, slots=True)
class Hl7Value:
    """One value of a field; a repeated field has several values."""

    raw: str
    delimiters: Delimiters
    charset: str

    def __repr__(self) -> str:
        return f"Hl7Value({len(self.raw)} characters)"

    def text(self) -> str:
        """Return the whole value as text, including separators of components."""
        return "" if self.raw == _HL7_NULL else unescape(self.raw, self.delimiters, self.charset)

    def part(self, component: int, subcomponent: int = 0) -> str:
        """Return a component or subcomponent without outer white space, or "" if the value has no such part.

        Components and subcomponents are counted from 1. If `subcomponent` is 0, the whole component is returned,
        because many systems write `&`, the separator of subcomponents, as text.
        """
        if not self.raw:
            return ""
        parts = self.raw.split(self.delimiters.component)
        found = parts[component - 1] if component <= len(parts) else ""
        if subcomponent:
            parts = found.split(self.delimiters.subcomponent)
            found = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
        return "" if found == _HL7_NULL else unescape(found, self.delimiters, self.charset).strip()


@dataclass(frozen=True, slots=True)
class Hl7Segment:
    """One segment; `fields[0]` is the name of the segment, and `fields[n]` is field n as written."""

    fields: tuple[str, ...]
    delimiters: Delimiters
    charset: str

    def __repr__(self) -> str:
        return f"Hl7Segment({self.name}, {len(self.fields) - 1} fields)"

    @property
    def name(self) -> str:
        """The name of the segment, such as `PID`."""
        return self.fields[0]

    def values(self, field: int) -> list[Hl7Value]:
        """Return the values of a field; a missing field has one empty value."""
        raw = self.fields[field] if field < len(self.fields) else ""
        return [Hl7Value(part, self.delimiters, self.charset) for part in raw.split(self.delimiters.repetition)]

    def part(self, field: int, component: int = 1, subcomponent: int = 0) -> str:
        """Return a component or subcomponent of the first value of a field, see `Hl7Value.part`."""
        return self.values(field)[0].part(component, subcomponent)

    def text(self, field: int) -> str:
        """Return a field as text, with one line for each value."""
        lines = "\n".join(value.raw for value in self.values(field))
        return Hl7Value(lines, self.delimiters, self.charset).text()


@dataclass(frozen=True, slots=True)
class Hl7Message:
    """One message; the first segment is MSH."""

    segments: tuple[Hl7Segment, ...]
    remarks: tuple[str, ...]

    @property
    def header(self) -> Hl7Segment:
        """The segment MSH."""
        return self.segments[0]

    @property
    def kind(self) -> str:
        """The type of the message, such as `ORU`."""
        return self.header.part(9).upper()

    @property
    def event(self) -> str:
        """The event that caused the message, such as `T02` (new document); empty if the message states none."""
        # MSH-9.3 is a structure such as MDM_T02, which ends with the event
        structure = self.header.part(9, 3).upper().partition("_")[2]
        stated = self.header.part(9, 2).upper() or structure
        return stated or next((s.part(1).upper() for s in self.segments if s.name == "EVN"), "")


def parse_message(raw: RawMessage, encoding: str) -> Hl7Message | str:
    """Return the parsed message, or the reason why the message cannot be read.

    `encoding` is the character set of a message whose field MSH-18 states none. Many exports write line breaks into a
    text. Therefore, a line that does not begin with a segment name and a separator continues the previous line. The
    segment ADD continues the last field of the previous segment.
    """
    if raw.reason:
        return raw.reason
    header = _header(raw.lines[0].decode("latin-1"))
    if header is None:
        return UNREADABLE_HEADER
    declared = [raw.charset] if raw.charset else [value.raw for value in header.values(18)]
    decoded = decode(b"\n".join(raw.lines), declared, encoding)
    if decoded is None:
        return UNDECODABLE
    text, charset, remarks = decoded
    joined, line_remarks = _joined(text.split("\n"), header.delimiters.field)
    separator = header.delimiters.field
    # field 1 of MSH is the separator itself
    msh = ("MSH", separator, *joined[0][4:].split(separator))
    following = (tuple(line.split(separator)) for line in joined[1:])
    segments = tuple(Hl7Segment(fields, header.delimiters, charset) for fields in (msh, *following))
    is_known = all(s.name in _KNOWN or s.name.startswith("Z") for s in segments)
    line_remarks |= set() if is_known else {UNKNOWN_SEGMENT}
    line_remarks |= {FRAGMENT} if segments[0].part(14) or any(s.name == "DSC" for s in segments) else set()
    return Hl7Message(segments, (*remarks, *sorted(line_remarks)))


def _header(line: str) -> Hl7Segment | None:
    # returns the segment MSH, or None if its delimiters are not valid or fields up to MSH-9 are missing
    if not re.match(r"MSH[^\w\s]", line):
        return None
    separator = line[3]
    fields = ("MSH", separator, *line[4:].split(separator))
    stated = fields[2]
    # delimiters that the header omits get their usual values
    given = (stated + "^~\\&#"[len(stated) :])[:5]
    is_valid = len(stated) <= 5 and all(c.isprintable() and not c.isalnum() and c != " " for c in given)
    if len(fields) < 10 or not is_valid or len({separator, *given[:4]}) < 5:
        return None
    return Hl7Segment(fields, Delimiters(separator, *given), "latin-1")


def _joined(lines: list[str], separator: str) -> tuple[list[str], set[str]]:  # (joined lines, remarks)
    starts = re.compile(rf"\s*[A-Z][A-Z0-9]{{2}}{re.escape(separator)}")
    remarks: set[str] = set()

    def segments() -> Iterator[list[str]]:
        parts = [lines[0]]
        n_blank = 0
        for line in lines[1:]:
            if not line.strip():
                n_blank += 1
                continue
            if not starts.match(line):
                remarks.add(CONTINUED_LINE)
                parts.append("\n" * (1 + n_blank) + line)
            elif line.lstrip().startswith("ADD"):
                remarks.add(ADDENDUM)
                parts.append(line.lstrip()[4:])
            else:
                yield parts
                parts = [line.lstrip()]
            n_blank = 0
        yield parts

    return ["".join(parts) for parts in segments()], remarks
