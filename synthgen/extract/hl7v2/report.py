"""Build the text of a report from the report's OBX segments (results) and NTE segments (comments)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from synthgen.extract.documents import UnreadableDocument, from_base64, text_of
from synthgen.extract.hl7v2.message import Hl7Segment, Hl7Value

NO_TEXT = "results without text"
ONLY_COMMENTS = "results without text; the comments (NTE) of these results are not read"
ONLY_LINK = "attachment has only a link and no data"
INCOMPLETE = "result is not final (OBX-11)"
WITHDRAWN = "result is marked as deleted or wrong (OBX-11)"
NO_DATA = "attachment without data"
UNDECODABLE_DATA = "attachment data cannot be decoded"
LINES_LEFT_OUT = "lines or attachments that are not final (OBX-11) are left out"
VALUES_LEFT_OUT = "coded or numeric results are left out of the text"
ATTACHMENT_LEFT_OUT = "attachment is left out, because the text lines of the report are longer"
LINES_BESIDE_ATTACHMENT = "text lines of the report are left out, because the attachment is longer"
LINK_LEFT_OUT = "link to an attachment is not followed"

_NARRATIVE = frozenset({"TX", "FT"})  # types of OBX segments (OBX-2) that contain running text
_LINE_TYPES = frozenset({"TX", "FT", "ST"})  # types of OBX segments that can contain a line of text
# final states of OBX-11 (table 0085), such as F (final) and C (corrected); many systems leave the status empty
_FINAL = frozenset({"", "A", "B", "C", "F", "U", "V"})
_DELETED = frozenset({"D", "W"})  # states of OBX-11: deleted or wrong
# suffix of a code in OBX-3 -> heading for the lines whose code has this suffix
_PART_HEADINGS = {"IMP": "IMPRESSION", "REC": "RECOMMENDATION"}
_CONTENT_TYPES = {"PDF": "application/pdf", "RTF": "application/rtf", "PLAIN": "text/plain", "TXT": "text/plain"}
_CONTENT_TYPES |= {"HTML": "text/html", "HTM": "text/html"}
_CONTENT_TYPES |= dict.fromkeys(("XHTML", "XHTML+XML"), "application/xhtml+xml")
_UNSTATED = frozenset({"", "OCTET-STREAM"})  # values of the type components of OBX-5 that state no content type
_MARKUP = {b"{\\rtf": "application/rtf", b"<!doctype html": "text/html", b"<html": "text/html"}
_STARTS = {b"%pdf-": "application/pdf", **_MARKUP}  # start of a document in lower case -> content type


@dataclass(frozen=True, slots=True)
class Hl7Report:
    """The text of a report."""

    text: str = ""
    reason: str = ""  # why `text` is empty; "" if there is a text, or if `dropped` states the reason
    is_withdrawn: bool = False  # whether all lines and attachments are deleted or wrong
    dropped: tuple[str, ...] = ()  # one reason for each attachment that cannot be read
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Hl7Report({len(self.text)} characters)"


def read_report(segments: Sequence[Hl7Segment], *, short_lines: bool) -> Hl7Report:
    """Return the text of the OBX segments of one document or of one order.

    The type of an OBX segment determines how the segment is used:
    - TX, FT: a line of text.
    - ST: a line of text if the report has a TX or FT line, or if `short_lines` is True (for documents). Otherwise,
      the segment is not used, because it is usually a result of one word.
    - ED: an attachment.
    - all remaining types, such as numbers and codes: not used.

    Most systems send the same text as lines and as an attachment. If both exist, only the longer text is used. If the
    lines belong to several observations (OBX-3), the name of each observation is a heading above its lines. Comments
    (NTE) below a line are a separate paragraph; comments on the order are not used.
    """
    kinds = {segment.part(2).upper() for segment in segments if segment.name == "OBX"}
    text_types = _LINE_TYPES if short_lines else _NARRATIVE  # if a report has none of these types, it has no lines
    if kinds == {""} and all(s.part(11).upper() in _DELETED for s in segments if s.name == "OBX"):
        # a deleted line has no value, so the type of the line may be empty
        return Hl7Report(reason=WITHDRAWN, is_withdrawn=True)
    if not kinds & (text_types | {"ED"}):
        has_comments = any(segment.name == "NTE" for segment in segments)
        return Hl7Report(reason=ONLY_LINK if "RP" in kinds else ONLY_COMMENTS if has_comments else NO_TEXT)
    used_types = (_LINE_TYPES if kinds & text_types else frozenset()) | {"ED"}
    statuses = {s.part(11).upper() for s in segments if s.name == "OBX" and s.part(2).upper() in used_types}
    if not statuses & _FINAL:
        is_withdrawn = statuses <= _DELETED
        return Hl7Report(reason=WITHDRAWN if is_withdrawn else INCOMPLETE, is_withdrawn=is_withdrawn)
    remarks = [LINES_LEFT_OUT] if statuses - _FINAL else []
    remarks += [VALUES_LEFT_OUT] if kinds - _LINE_TYPES - {"ED", "RP"} else []
    remarks += [LINK_LEFT_OUT] if "RP" in kinds else []
    final = list(_final_segments(segments))
    try:
        lines = "\n\n".join(_paragraphs(final, remarks)) if used_types & _LINE_TYPES else ""
    except UnreadableDocument as error:
        return Hl7Report(reason=error.reason)
    attachments: list[str] = []
    dropped: list[str] = []
    for obx in final:
        if obx.name == "OBX" and obx.part(2).upper() == "ED":
            text, reason, attachment_remarks = _attachment(obx)
            attachments += [text] if text else []
            dropped += [reason] if reason else []
            remarks += attachment_remarks
    attached = "\n\n".join(attachments)
    if lines and attached:
        remarks.append(ATTACHMENT_LEFT_OUT if len(lines) >= len(attached) else LINES_BESIDE_ATTACHMENT)
    text = lines if len(lines) >= len(attached) else attached
    return Hl7Report(text, dropped=tuple(dropped), remarks=tuple(dict.fromkeys(remarks)))


def _final_segments(segments: Sequence[Hl7Segment]) -> Iterator[Hl7Segment]:
    # yields the final lines and attachments (OBX), each followed by its comments (NTE)
    is_used = False
    for segment in segments:
        if segment.name == "OBX":
            is_used = segment.part(2).upper() in _LINE_TYPES | {"ED"} and segment.part(11).upper() in _FINAL
        elif segment.name in {"OBR", "ORC", "SPM", "PID", "TXA"}:
            is_used = False
        if is_used and segment.name in {"OBX", "NTE"}:
            yield segment


def _paragraphs(segments: Sequence[Hl7Segment], remarks: list[str]) -> Iterator[str]:
    # yields the lines of each observation (OBX-3) and their comments as paragraphs, and adds remarks to `remarks`
    by_observation: list[tuple[str, Hl7Segment]] = []  # (name of the observation, line or comment)
    key = ""
    is_line = False
    for segment in segments:
        if segment.name == "OBX":
            is_line = segment.part(2).upper() in _LINE_TYPES
            # many systems state the observation only in the first line of the observation
            key = _heading(segment) if segment.part(3, 1) or segment.part(3, 2) else key
        if is_line:
            by_observation.append((key, segment))
    has_headings = len({key for key, _ in by_observation}) > 1
    for observation, group in groupby(by_observation, key=lambda item: item[0]):
        members = [segment for _, segment in group]
        heading = observation if has_headings else ""
        blocks: list[str] = []
        for name, part in groupby(members, key=lambda segment: segment.name):
            written = (segment.text(5 if name == "OBX" else 3).split("\n") for segment in part)
            texts = ["\n".join(line.rstrip() for line in lines) for lines in written]
            blocks += [text] if (text := _plain(texts, remarks).strip("\n").rstrip()) else []
        if blocks:
            yield (f"{heading.rstrip(':')}:\n" if heading else "") + "\n\n".join(blocks)


def _plain(texts: Sequence[str], remarks: list[str]) -> str:
    # an RTF or HTML document can span several lines, so its first line and the lines below are parsed together
    runs: list[list[str]] = []
    for text in texts:
        if not runs or _markup(text):
            runs.append([])
        runs[-1].append(text)
    plain = []
    for run in runs:
        joined, kind = "\n".join(run), _markup(run[0])
        charset = "cp1252" if kind == "application/rtf" else "utf-8"
        if kind:
            found = text_of(joined.encode(charset, "replace"), f"{kind}; charset={charset}")
            joined = found.text
            remarks += found.remarks
        plain.append(joined)
    return "\n".join(plain)


def _markup(text: str) -> str:
    start = text.lstrip()[:20].lower().encode(errors="replace")
    return next((kind for mark, kind in _MARKUP.items() if start.startswith(mark)), "")


def _heading(obx: Hl7Segment) -> str:
    code = obx.part(3)
    part = _PART_HEADINGS.get(code.split(obx.delimiters.subcomponent)[-1].upper(), "")
    name = part or obx.part(3, 2) or obx.part(3, 5) or obx.part(3, 9)
    # a code with digits is not readable text, so it is no heading
    return name or ("" if any(map(str.isdigit, code)) else code.replace(obx.delimiters.subcomponent, " ").strip())


def _attachment(obx: Hl7Segment) -> tuple[str, str, tuple[str, ...]]:  # (text, reason if there is no text, remarks)
    texts: list[str] = []
    remarks: tuple[str, ...] = ()
    for value in obx.values(5):
        data = _data(value)
        if isinstance(data, str):
            return "", data, ()
        try:
            found = text_of(data, _content_type(value, data))
        except UnreadableDocument as error:
            return "", error.reason, ()
        texts.append(found.text.strip("\n"))
        remarks += found.remarks
    return "\n".join(texts), "", remarks


def _data(value: Hl7Value) -> bytes | str:
    # returns the attached bytes, or the reason why no bytes can be read
    separator = value.delimiters.component
    raw = separator.join(value.raw.split(separator)[4:])  # component 5 is the data and may contain the separator
    written = Hl7Value(raw, value.delimiters, value.charset).text()
    if not written.strip():
        return NO_DATA
    encoding = value.part(4).upper()
    if encoding == "BASE64" or (not encoding and _named_type(value) != "text/plain"):
        data = from_base64(written)
        return UNDECODABLE_DATA if data is None else data
    try:
        is_hex = encoding == "HEX"
        return bytes.fromhex("".join(written.split())) if is_hex else written.encode(value.charset, "replace")
    except ValueError:
        return UNDECODABLE_DATA


def _named_type(value: Hl7Value) -> str | None:
    # Returns the content type that a value states, "" if it states none, or None if the stated type is unknown.
    names = [value.part(number).upper().rpartition("/")[2] for number in (3, 2, 1)]
    known = next((_CONTENT_TYPES[name] for name in names if name in _CONTENT_TYPES), None)
    if known is None and names[0] in _UNSTATED:
        return ""
    return known


def _content_type(value: Hl7Value, data: bytes) -> str:
    named = _named_type(value)
    if named == "":
        start = data.lstrip()[:20].lower()
        named = next((kind for mark, kind in _STARTS.items() if start.startswith(mark)), "")
    if named in {"text/plain", "text/html"}:
        return f"{named}; charset={value.charset}"
    return named or "application/octet-stream"
