"""Turn HL7 v2 messages into notes: documents (message type MDM) and reports of examinations (ORU).

TXA-12 means field 12 of the segment (line) TXA. OBX segments contain the text or attachments (see the module
`report`), and OBX-11 is their status. If all of them are deleted (D) or wrong (W), the document or report is
withdrawn: it counts as deleted, together with its earlier versions.

MDM: a TXA segment and the OBX segments after it are a document. The event of the message, such as T02, states what
happens to the document.
- Messages with the events T01, T03, T05, T07 and T09 usually only announce a document and contain no text. If the OBX
  segments of such a message contain text, the text is used.
- A document is also withdrawn if the event is T11 (cancelled) or if TXA-19 is `CA` (deleted).
- T09 and T10 replace the document that TXA-13 names. T07 and T08 send a newer version of the document that TXA-12
  names. An addendum (T05, T06) is a separate document.
- TXA-17 is the completion status (table 0271). Authenticated documents (AU, LA) are used. Documents with the status
  documented (DO) or without a status are used, with a remark in the load report. All other documents are not used.
- TXA-19 is the availability (table 0273). Documents that are available (AV), obsolete (OB) or without this value are
  used; an obsolete document is marked as superseded. Documents with any other value are not used.

ORU: each OBR segment (an order) with its OBX segments is a report.
- OBR-25 is the status of the report (table 0123). Reports that are final (F), corrected (C), partly available (A) or
  without a status are used. A cancelled order (X) withdraws the report. Reports with any other status are not used.
- The identifier of a report is `NUMBER/EXAMINATION`. The number is OBR-3, else OBR-2, else `_made_identifier`; the
  examination is the code in OBR-4, else its text. If reports of two messages have the same identifier, the report in
  the later message is a newer version.

Versions of a note are sorted by the time of the message in UTC (MSH-7, else EVN-2, else OBR-22), then by the position
of the message in the file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.extract.hl7v2.message import Hl7Message, Hl7Segment
from synthgen.extract.hl7v2.persons import person_of
from synthgen.extract.hl7v2.report import NO_TEXT, ONLY_COMMENTS, Hl7Report, read_report
from synthgen.extract.hl7v2.values import FieldPath, entity, read_time, staff_name
from synthgen.extract.note import Dropped, Item, Note, Remark

NO_NOTES = "messages of this type contain no notes"
NOTIFICATION = "notification without text"
NO_DOCUMENT_TEXT = "document without text"
NO_TXA = "document message without TXA segment"
NOT_COMPLETE = "document is not complete (TXA-17)"
UNAVAILABLE = "document is unavailable (TXA-19)"
UNKNOWN_STATUS = "unknown status of a document (TXA-17, TXA-19)"
CANCELLED = "document cancelled (T11)"
DELETED = "document deleted (TXA-19)"
NOT_FINAL = "report is not final (OBR-25)"
ORDER_CANCELLED = "order cancelled (OBR-25)"
UNSIGNED = "document is complete, but not authenticated (TXA-17 is DO)"
NO_STATUS = "document without completion status (TXA-17)"
INVALID_DATE = "date is not valid"

_ANNOUNCEMENTS = frozenset({"T01", "T03", "T05", "T07", "T09"})  # events that usually only announce a document
_REPLACEMENTS = frozenset({"T09", "T10"})  # events that replace a document
_COMPLETION_REMARKS = {"AU": "", "LA": "", "DO": UNSIGNED, "": NO_STATUS}  # TXA-17 of a used document -> remark
_NOT_COMPLETE = frozenset({"DI", "IN", "IP", "PA"})  # TXA-17: dictated, incomplete, in progress, pre-authenticated
_AVAILABLE = frozenset({"", "AV", "OB"})  # TXA-19 of used documents
_FINAL_ORDERS = frozenset({"", "A", "C", "F"})  # OBR-25 of used reports
# default fields for the date of a note; the first field with a value is used
_DATES = (FieldPath("TXA", 4), FieldPath("OBR", 7), FieldPath("TXA", 6), FieldPath("OBR", 22), FieldPath("MSH", 7))
_ENCOUNTER = FieldPath("PV1", 19)  # default field for the encounter
_MESSAGE_TIMES = (FieldPath("MSH", 7), FieldPath("EVN", 2), FieldPath("OBR", 22))  # the first valid time is used
_NO_REPORT = Hl7Report()
_AUTHORS = (("TXA", 5), ("TXA", 9), ("OBR", 32), ("OBX", 16))  # (segment, field) of authors, in order of preference


# segment name -> the first segment with this name among the segments that apply to a note, see `grouped`
Context = Mapping[str, Hl7Segment]


@dataclass(frozen=True, slots=True)
class Hl7NoteMaker:
    """Make the notes of one message."""

    message: Hl7Message
    place: str  # file, and number of the message in the file
    number: int  # number of the message in the file
    paths: Mapping[str, FieldPath]  # name of a note's field, such as date -> configured HL7 field

    def items(self) -> Iterator[Item]:
        """Yield the notes of the message, remarks on the notes, and a `Dropped` with the reason for each unused part.

        Privacy: reads the text of notes.
        """
        if self.message.kind == "MDM":
            yield from self._documents()
        elif self.message.kind == "ORU":
            yield from self._reports()
        else:
            yield Dropped(NO_NOTES, self.place)

    def _documents(self) -> Iterator[Item]:
        groups = [group for group in grouped(self.message, ("TXA",)) if group[0][0].name == "TXA"]
        if not groups:
            yield Dropped(NO_TXA, self.place)
        event = self.message.event
        for index, (segments, context) in enumerate(groups):
            txa = context["TXA"]
            document = entity(txa, 12) or self._made_identifier(index)
            report = read_report(segments, short_lines=True)
            if event == "T11" or txa.part(19).upper() == "CA" or report.is_withdrawn:
                reason = CANCELLED if event == "T11" else report.reason if report.is_withdrawn else DELETED
                yield from self._note(context, document, withdrawn=reason)
            elif reason := _text_problem(report, event) or _status_problem(txa):
                yield Dropped(reason, self.place)
            else:
                if remark := _COMPLETION_REMARKS[txa.part(17).upper()]:
                    yield Remark(remark, self.place)
                replaces = (entity(txa, 13),) if event in _REPLACEMENTS and entity(txa, 13) else ()
                yield from self._note(context, document, report, replaces=replaces)

    def _reports(self) -> Iterator[Item]:
        seen: Counter[tuple[str, str]] = Counter()
        for index, (segments, context) in enumerate(grouped(self.message, ("ORC", "OBR"))):
            obr = context.get("OBR")
            number = (entity(obr, 3) or entity(obr, 2)) if obr else ""
            code = (obr.part(4) or obr.part(4, 2)) if obr else ""
            document = f"{number or self._made_identifier(index)}/{code}"
            key = person_of(context, self.paths.get("person")), document
            seen[key] += 1
            # two reports of a patient with the same identifier in one message are different reports, not versions
            document += f"#{seen[key]}" if seen[key] > 1 else ""
            status = obr.part(25).upper() if obr else ""
            report = read_report(segments, short_lines=False)
            if status == "X" or report.is_withdrawn:
                reason = ORDER_CANCELLED if status == "X" else report.reason
                yield from self._note(context, document, withdrawn=reason)
            elif report.reason or status not in _FINAL_ORDERS:
                yield Dropped(report.reason or NOT_FINAL, self.place)
            else:
                yield from self._note(context, document, report)

    def _made_identifier(self, index: int) -> str:
        """Return an identifier for a document or report that states none; `index` is its number in the message.

        The identifier contains the sending application (MSH-3) and the identifier of the message (MSH-10). Therefore,
        a message that is sent twice gives the same identifier. If MSH-10 is empty, `place` replaces both fields.
        """
        header = self.message.header
        return f"{header.part(3)}/{header.part(10)}/{index}" if header.part(10) else f"{self.place}/{index}"

    def _note(
        self,
        context: Context,
        document: str,
        report: Hl7Report = _NO_REPORT,
        *,
        withdrawn: str = "",
        replaces: tuple[str, ...] = (),
    ) -> Iterator[Item]:
        # yields the reasons why attachments are unused; then the remarks and the note, or why there is no note
        paths = self.paths
        yield from (Dropped(reason, self.place) for reason in report.dropped)
        if not report.text and not withdrawn:
            if not report.dropped:
                yield Dropped(NO_TEXT, self.place)
            return
        yield from (Remark(reason, self.place) for reason in report.remarks)
        places = (paths["date"],) if "date" in paths else _DATES
        stated = next(filter(None, (place.value(context) for place in places)), "")
        date = read_time(stated)
        if stated and date is None:
            yield Remark(INVALID_DATE, self.place)
        short = document.partition("@")[0]  # an alias, because TXA-13 of a later message often omits the namespace
        yield Note(
            place=self.place,
            document=document,
            text=report.text,
            person=person_of(context, paths.get("person")),
            label=paths["label"].value(context) if "label" in paths else _label(context),
            encounter=paths.get("encounter", _ENCOUNTER).value(context),
            date=date.iso if date else "",
            author=paths["author"].value(context) if "author" in paths else _author(context),
            version=self._version(context),
            aliases=(short,) if short != document and "TXA" in context else (),
            replaces=replaces,
            is_superseded="TXA" in context and context["TXA"].part(19).upper() == "OB",
            withdrawn=withdrawn,
        )

    def _version(self, context: Context) -> str:
        time = next(filter(None, (read_time(place.value(context)) for place in _MESSAGE_TIMES)), None)
        return f"{time.utc if time else ''} {self.number:012d}"


def grouped(message: Hl7Message, starts: Sequence[str]) -> Iterator[tuple[list[Hl7Segment], Context]]:
    """Yield (segments, context) for each group of segments; each group is one document or one report.

    A PID segment begins the segments of a patient. A group begins with a segment whose name is in `starts`, and ends
    before the next group or PID segment. Exception: an OBR segment continues a group without OBR, such as a group
    that begins with ORC. If a patient has an OBX segment and no group, all segments of the patient form a group.

    The context maps each segment name to the first such segment in the group. Names that the group lacks are searched
    among the patient's segments before the first group, and then among the segments before the first PID.
    """
    shared: dict[str, Hl7Segment] = {}  # segments before the first PID, such as EVN, which apply to all patients
    has_patient = False
    patient: list[Hl7Segment] = []
    patient_context: dict[str, Hl7Segment] = {}
    group: list[Hl7Segment] | None = None  # None before the first group of a patient
    group_context: dict[str, Hl7Segment] = {}

    def current_group() -> Iterator[tuple[list[Hl7Segment], Context]]:
        segments = patient if group is None else group
        if group is not None or any(segment.name == "OBX" for segment in patient):
            yield segments, {**shared, **patient_context, **group_context}

    for segment in message.segments:
        name = segment.name
        if name == "PID":
            yield from current_group()
            if not has_patient:
                shared, has_patient = patient_context, True
            patient, patient_context, group, group_context = [], {}, None, {}
        elif name in starts and not (name == "OBR" and group and "OBR" not in group_context):
            yield from current_group()
            group, group_context = [], {}
        context = patient_context if group is None else group_context
        (patient if group is None else group).append(segment)
        context.setdefault(name, segment)
    yield from current_group()


def _text_problem(report: Hl7Report, event: str) -> str:
    # returns why a document has no text, or "" if it has a text or if `report.dropped` states the reasons
    if report.text or report.dropped:
        return ""
    if report.reason in {"", NO_TEXT, ONLY_COMMENTS}:
        return NOTIFICATION if event in _ANNOUNCEMENTS else NO_DOCUMENT_TEXT
    return report.reason


def _status_problem(txa: Hl7Segment) -> str:
    # returns why the status of a document excludes it, or "" if the document is used
    completion, availability = txa.part(17).upper(), txa.part(19).upper()
    if completion in _NOT_COMPLETE:
        return NOT_COMPLETE
    if availability == "UN":
        return UNAVAILABLE
    is_known = completion in _COMPLETION_REMARKS and availability in _AVAILABLE
    return "" if is_known else UNKNOWN_STATUS


def _label(context: Context) -> str:
    if "TXA" in context:
        return context["TXA"].part(2, 2) or context["TXA"].part(2)
    return (context["OBR"].part(4, 2) or context["OBR"].part(4)) if "OBR" in context else ""


def _author(context: Context) -> str:
    stated = (context[name].values(field)[0] for name, field in _AUTHORS if name in context)
    return next(filter(None, (staff_name(value, family_first=True) for value in stated)), "")
