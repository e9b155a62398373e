"""Read the XML files of the i2b2 and n2c2 challenges (public tasks on clinical notes)."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePath

from audits.core.files import open_regular, read_regular
from synthgen.core.errors import DataError
from synthgen.extract import links
from synthgen.extract.documents.plain import tidy
from synthgen.extract.file_fields import NO_DATE, file_field, path_date, require_locations
from synthgen.extract.note import Dropped, Fields, Item, Note, Remark
from synthgen.extract.safe_xml import MAX_BYTES, OTHER_ENCODING, Element, UnsafeXml, each_element, local, parse_xml

NO_NOTE = "XML has no element TEXT with text"
RECORDS = ("RECORD", "doc")  # names of elements that contain the record of one patient
_TEXTS = {"TEXT", "text"}  # names of the elements that contain the text
# a line of asterisks that separates two notes of one patient; `Record date:` or the end of the text must follow
_NOTE_SEPARATOR = re.compile(r"^\*{50,}[ \t]*$(?=\s*(?:Record date:|\Z))", re.MULTILINE | re.IGNORECASE)
_DATE = re.compile(r"\s*Record date:\s*(\d{4}-\d{2}-\d{2})", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r"tag (\w+)@(\w+)")


def read_i2b2(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:  # noqa: ARG001 - unused for XML
    """Yield the notes of an XML file of the i2b2 and n2c2 challenges, or of all such files below a folder.

    A file has one of these contents:
    - an element TEXT with the notes of one patient, separated by lines of asterisks
    - many elements RECORD or doc, each with the identifier and the text of one patient

    Defaults of the fields:
    - person: the attribute ID (or id) of a RECORD or doc; in other files, the first part of the file name (`name 1`)
    - date: the line `Record date:` at the start of a note
    - label: the first folder below the source (`folder 1`)
    - encounter and author: none

    An override in `fields` names a part of the file's path, see `file_field`. The override of the label can also be
    `tag NAME@ATTRIBUTE`, such as `tag SMOKING@STATUS`. The label is then the value of the attribute ATTRIBUTE of the
    first element NAME in the record or file.

    Raises:
        DataError: the path does not exist, no file has a note, or an override is not in one of these notations.

    Privacy: reads texts and identifiers.
    """
    is_tag = _TAG.fullmatch(fields.label or "") is not None
    locations = asdict(fields) | ({"label": None} if is_tag else {})
    require_locations(locations, also="; for the label also `tag NAME@ATTRIBUTE`")
    files, n_notes = links.files_of(path), 0
    for file, relative in files:
        outside = [Dropped(links.OUTSIDE, relative.as_posix())] if links.is_outside(file, path) else []
        for item in outside or _items(file, _NoteMaker(relative, fields)):
            n_notes += isinstance(item, Note)
            yield item
    if not n_notes:
        found = links.counts_by_suffix(relative for _, relative in files)
        hint = "Set source.path to the folder of the XML files; for text files, set source.kind to folder."
        raise DataError(f"{path}: no XML file contains a note", problems=found, hint=hint)


@dataclass(frozen=True, slots=True)
class _NoteMaker:
    # makes the notes of one file
    relative: PurePath  # path of the file below the source
    fields: Fields

    def at(self, name: str, default: str = "") -> str:
        # returns the part of the file's path at the configured location of the field `name`, or else at `default`;
        # "" if there is no location, if the location is a tag, or if the path has no such part
        location = getattr(self.fields, name) or default
        return file_field(self.relative, location) if location and not _TAG.fullmatch(location) else ""

    def items(self, number: int, text: str, person: str, element: Element) -> Iterator[Item]:
        # Yields a note, preceded by a remark if the date in the path is not valid. The element that states the label
        # is searched for in `element`, which is the record or the root of the file.
        place = f"{self.relative.as_posix()}, note {number}"
        tag = _TAG.fullmatch(self.fields.label or "")
        tagged = (one.get(tag[2], "") for one in element.iter() if local(one) == tag[1]) if tag else iter(())
        part = self.at("date")
        day = path_date(part) if self.fields.date else _date(text)
        if part and not day:
            yield Remark(NO_DATE, place)
        yield Note(
            place=place,
            document=f"{self.relative.as_posix()}#{number}",
            text=tidy(text),
            person=person,
            label=next(tagged, "") or self.at("label", "folder 1"),
            encounter=self.at("encounter"),
            date=day,
            author=self.at("author"),
        )


def _items(file: Path, maker: _NoteMaker) -> Iterator[Item]:
    shown = maker.relative.as_posix()
    if links.is_hidden(maker.relative):
        yield Dropped(links.HIDDEN, shown)
    elif file.suffix.lower() != ".xml":
        yield Dropped(links.OTHER_FILE, shown)
    else:
        try:
            yield from _records(file, maker)
        except OSError:
            yield Dropped(links.UNREADABLE, shown)
        except UnsafeXml as unsafe:
            yield Dropped(unsafe.reason, shown)


def _records(file: Path, maker: _NoteMaker) -> Iterator[Item]:
    # yields one note for each RECORD or doc; `_notes` reads a file without such elements
    number, shown = 0, maker.relative.as_posix()
    with open_regular(file) as data:
        for number, (record, is_misdeclared) in enumerate(each_element(data, RECORDS), 1):
            if is_misdeclared and number == 1:
                yield Remark(OTHER_ENCODING, shown)
            text = _text(record)
            if text is None:
                yield Dropped(NO_NOTE, f"{shown}, note {number}")
                continue
            stated = record.get("ID") or record.get("id") or ""
            yield from maker.items(number, text, maker.at("person") if maker.fields.person else stated, record)
    if not number:
        yield from _notes(file, maker)


def _notes(file: Path, maker: _NoteMaker) -> Iterator[Item]:
    # yields the notes of one patient, which are separated by lines of asterisks
    root, is_misdeclared = parse_xml(read_regular(file, MAX_BYTES))
    if is_misdeclared:
        yield Remark(OTHER_ENCODING, maker.relative.as_posix())
    parts = [part for part in _NOTE_SEPARATOR.split(_text(root) or "") if part.strip()]
    if not parts:
        yield Dropped(NO_NOTE, maker.relative.as_posix())
    for number, part in enumerate(parts, 1):
        yield from maker.items(number, part, maker.at("person", "name 1"), root)


def _text(element: Element) -> str | None:
    # returns the joined texts of the elements TEXT in `element`, or None if there is no such element
    texts = ["".join(one.itertext()) for one in element.iter() if local(one) in _TEXTS]
    return "\n".join(texts) if texts else None


def _date(text: str) -> str:
    match = _DATE.match(text)
    try:
        return date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return ""
