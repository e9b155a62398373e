"""Read C-CDA documents (XML files of HL7 Consolidated CDA): each document becomes one note."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from audits.core.files import read_regular
from synthgen.core.errors import DataError
from synthgen.extract import links
from synthgen.extract.ccda.header import at_path, below, children, identifiers, is_path, iso_time, names
from synthgen.extract.ccda.narrative import body_text
from synthgen.extract.documents import DocumentText, UnreadableDocument, from_base64, text_of
from synthgen.extract.note import Dropped, Fields, Item, Note, PersonNames, Remark, StaffNames
from synthgen.extract.safe_xml import MAX_BYTES, OTHER_ENCODING, REASONS, Element, UnsafeXml, local, parse_xml

NOT_CDA = "XML is not a clinical document"
NO_TEXT, URL_ONLY = "document has no section with text", "document has only a URL; put the text into the document"
NOT_BASE64, ARCHIVE = "attachment is not base64", "zip archive; unpack it first"
INCOMPLETE, NO_DATE = "document is not complete (statusCode)", "date is not valid"
# reasons why a file is not a clinical document; a file that is dropped for any other reason is a clinical document
_NO_DOCUMENT = REASONS | {links.OUTSIDE, links.OTHER_FILE, links.HIDDEN, links.UNREADABLE, NOT_CDA, ARCHIVE}
_SUFFIXES = {".xml", ".ccda", ".cda", ".ccd"}  # suffixes of files that are read
_OID = re.compile(r"[0-9.]+")  # an identifier that is only an OID names an authority, not a patient
_NUMBER = re.compile(r"[0-9]{1,9}")
MAX_EARLIER_VERSIONS = 100  # largest number of earlier versions that a document is assumed to replace
_WITHDRAWN = {"nullified", "aborted", "cancelled", "obsolete"}  # values of statusCode
_COMPLETE = {"completed", "normal", ""}  # values of statusCode; "" stands for a missing statusCode
_STAFF = ("assignedPerson", "informationRecipient")  # elements with names of staff, in header and entries
_CONTACTS = (  # paths of the elements with names of the patient and contacts
    ("recordTarget", "patientRole", "patient"), ("participant", "associatedEntity"), ("informant", "relatedEntity"),
)  # fmt: skip
_ENCOUNTER_TIME = "componentOf/encompassingEncounter/effectiveTime"
# paths of the date of a document, in the order of preference
_DATES = (f"{_ENCOUNTER_TIME}/low/@value", f"{_ENCOUNTER_TIME}/@value", "effectiveTime/@value")


def read_ccda(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:  # noqa: ARG001 - unused for XML
    """Yield a note for each C-CDA document, and the names that the document states.

    `path` is a file or a folder with files `.xml`, `.ccda`, `.cda` or `.ccd`. The text of a note is the narrative of
    all sections, with titles and without the coded entries. If the body of a document is an attached file, such as a
    PDF, the text of the attached file is used.

    Defaults of the fields:
    - person: the first identifier of `recordTarget/patientRole`, as `EXTENSION@ROOT`; an identifier without extension
      is used only if its root is not an OID (for example a UUID)
    - encounter: the identifier of `componentOf/encompassingEncounter`
    - date: the start or time of the encounter, else the time of the document
    - label: the display name of the document's `code`, else the code itself
    - author: the name of the first author

    Overrides in `fields` are paths of element names such as `recordTarget/patientRole/id[@root=1.2.3]/@extension`.

    Raises:
        DataError: the path does not exist, no file is a clinical document, or a path in `fields` is malformed.

    Privacy: reads texts, names and identifiers of patients and staff.
    """
    _check(fields)
    files, n_documents = links.files_of(path), 0
    for file, relative in files:
        reason = links.OUTSIDE if links.is_outside(file, path) else _reason(relative)
        items = [Dropped(reason, relative.as_posix())] if reason else _read(file, relative.as_posix(), fields)
        n_documents += not any(isinstance(item, Dropped) and item.reason in _NO_DOCUMENT for item in items)
        yield from items
    if not n_documents:
        found = links.counts_by_suffix(relative for _, relative in files)
        hint = "Set source.path to the folder of the XML documents."
        raise DataError(f"{path}: there is no clinical document (C-CDA)", problems=found, hint=hint)


def _check(fields: Fields) -> None:
    paths = asdict(fields).items()
    wrong = [(name, path) for name, path in paths if path and not is_path(path)]
    problems = [f"source.fields.{name}: {path!r} is not a path of XML elements" for name, path in wrong]
    if problems:
        hint = "Use names of elements joined by slashes, for example `recordTarget/patientRole/id/@extension`."
        raise DataError("source.fields cannot be used", problems=problems, hint=hint)


def _reason(relative: PurePath) -> str:
    # returns why a file with this path is not read, or "" if it is read
    if links.is_hidden(relative):
        return links.HIDDEN
    if relative.suffix.lower() == ".zip":
        return ARCHIVE
    return "" if relative.suffix.lower() in _SUFFIXES else links.OTHER_FILE


def _read(file: Path, place: str, fields: Fields) -> list[Item]:
    try:
        root, is_misdeclared = parse_xml(read_regular(file, MAX_BYTES))
    except OSError:
        return [Dropped(links.UNREADABLE, place)]
    except UnsafeXml as unsafe:
        return [Dropped(unsafe.reason, place)]
    if local(root) != "ClinicalDocument":
        return [Dropped(NOT_CDA, place)]
    remarks = [Remark(OTHER_ENCODING, place)] if is_misdeclared else []
    return [*remarks, *_Document(root, place, fields).items()]


@dataclass(frozen=True, slots=True)
class _Document:
    # a clinical document, from which `items` makes a note and the names of persons
    root: Element
    place: str  # path of the file, for the load report
    fields: Fields

    def items(self) -> Iterator[Item]:
        status = next((one.get("code", "").strip().lower() for one in children(self.root, "statusCode")), "")
        if status not in _COMPLETE | _WITHDRAWN:
            yield Dropped(INCOMPLETE, self.place)
            return
        yield from self._people()
        withdrawn = f"document is {status}" if status in _WITHDRAWN else ""
        text = ""
        if not withdrawn:
            try:
                text, remarks = self._text()
            except UnreadableDocument as unreadable:
                yield Dropped(unreadable.reason, self.place)
                return
            yield from (Remark(remark, self.place) for remark in remarks)
        date = self._date()
        if not date:
            yield Remark(NO_DATE, self.place)
        yield self._note(text, date, withdrawn)

    def _person(self) -> str:
        stated = below(self.root, "recordTarget", "patientRole", "id")
        ids = identifiers([one for one in stated if one.get("extension") or not _OID.fullmatch(one.get("root", ""))])
        return self._value("person", next(iter(ids), ""))

    def _value(self, name: str, default: str) -> str:
        path = getattr(self.fields, name)
        return default if path is None else at_path(self.root, path)

    def _people(self) -> Iterator[Item]:
        names_of_person = [name for path in _CONTACTS for one in below(self.root, *path) for name in names(one)]
        if names_of_person and (person := self._person()):
            yield PersonNames(person, tuple(dict.fromkeys(names_of_person)))
        staff = [name for kind in _STAFF for one in self.root.iter(f"{{*}}{kind}") for name in names(one)]
        # a patient can be the author of a document, but is not staff
        if staff := list(dict.fromkeys(name for name in staff if name not in names_of_person)):
            yield StaffNames(tuple(staff))

    def _date(self) -> str:
        if self.fields.date is not None:
            return iso_time(at_path(self.root, self.fields.date))
        return next((date for path in _DATES if (date := iso_time(at_path(self.root, path)))), "")

    def _text(self) -> tuple[str, tuple[str, ...]]:  # (text, remarks)
        for body in below(self.root, "component", "nonXMLBody", "text"):
            found = _attached(body)
            if not found.text:
                raise UnreadableDocument(NO_TEXT)
            return found.text, found.remarks
        if text := body_text(self.root):
            return text, ()
        raise UnreadableDocument(NO_TEXT)

    def _note(self, text: str, date: str, withdrawn: str) -> Note:
        sets, ids = (identifiers(children(self.root, name)) for name in ("setId", "id"))
        code = next(iter(children(self.root, "code")), None)
        kind = "" if code is None else code.get("code", "").strip()
        label = "" if code is None else code.get("displayName") or kind
        # Some systems give documents of different types the same identifier. Therefore the field `document` is the
        # identifier followed by the type. A document that replaces another states the identifier without the type
        # (`_replaced`), so `aliases` contains this form too.
        typed = [f"{one} {kind}" for one in ids[:1] if kind]
        encounter = identifiers(below(self.root, "componentOf", "encompassingEncounter", "id"))
        persons = below(self.root, "author", "assignedAuthor", "assignedPerson")
        authors = [name for person in persons for name in names(person)]
        number = next((one.get("value", "") for one in children(self.root, "versionNumber")), "")
        time = next((one.get("value", "") for one in children(self.root, "effectiveTime")), "")
        versions = [f"{one} version {int(number)}" for one in sets if _NUMBER.fullmatch(number)]
        aliases = [*typed, *ids, *versions, *sets]
        # Many systems give all documents the same setId and version. Therefore, only lower versions count as
        # replaced, and documents with equal versions are kept.
        lower = range(max(0, int(number) - MAX_EARLIER_VERSIONS), int(number)) if versions else ()
        earlier = [f"{one} version {n}" for one in sets for n in lower]
        return Note(
            place=self.place,
            # a withdrawal applies to all versions of a document, so it is identified by the `setId` of these versions
            document=(sets if withdrawn and sets else aliases or [self.place])[0],
            text=text,
            person=self._person(),
            label=self._value("label", label),
            encounter=self._value("encounter", next(iter(encounter), "")),
            date=date,
            author=self._value("author", next(iter(authors), "")),
            version=f"{number.zfill(10)} {time}",
            aliases=tuple(dict.fromkeys(aliases)),
            replaces=tuple(dict.fromkeys([*(key for key in self._replaced() if key not in sets), *earlier])),
            withdrawn=withdrawn,
        )

    def _replaced(self) -> Iterator[str]:
        # yields the identifiers of the documents that this document replaces
        for related in children(self.root, "relatedDocument"):
            if related.get("typeCode") == "RPLC":
                for parent in children(related, "parentDocument"):
                    yield from identifiers([*children(parent, "id"), *children(parent, "setId")])


def _attached(body: Element) -> DocumentText:
    kind = body.get("mediaType", "text/plain")
    content = "".join(body.itertext()).strip()
    if not content:
        raise UnreadableDocument(URL_ONLY if children(body, "reference") else NO_TEXT)
    # some systems omit `representation` for base64
    if body.get("representation", "").upper() != "B64" and kind.lower().startswith("text/"):
        return text_of(content.encode(), f"{kind.partition(';')[0]}; charset=utf-8")
    if (data := from_base64(content)) is None:
        raise UnreadableDocument(NOT_BASE64)
    return text_of(data, kind)
