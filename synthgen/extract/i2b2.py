"""Read the XML files of the i2b2 and n2c2 challenges (public tasks on clinical notes)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePath

from audits.core.files import open_regular, read_regular
from synthgen.core.errors import DataError
from synthgen.extract.documents.plain import tidy
from synthgen.extract.file_fields import file_field, require_locations
from synthgen.extract.links import OUTSIDE, is_outside
from synthgen.extract.note import Dropped, Fields, Item, Note, Remark
from synthgen.extract.safe_xml import MAX_BYTES, Element, UnsafeXml, each_element, local, parse_xml

OTHER_FILE, NO_NOTE = "file type is not read", "XML has no element TEXT"
OTHER_ENCODING = "XML declares another encoding than it has"
UNREADABLE, HIDDEN = "file cannot be opened, or is too large", "hidden file or folder"
RECORDS = ("RECORD", "doc")  # elements of files that hold the records of many patients
_TEXTS = {"TEXT", "text"}
# a line of asterisks separates two notes of one patient only if `Record date:` or the end of the text follows
_RULE = re.compile(r"^\*{50,}[ \t]*$(?=\s*(?:Record date:|\Z))", re.MULTILINE | re.IGNORECASE)
_DATE = re.compile(r"\s*Record date:\s*(\d{4}-\d{2}-\d{2})", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r"tag (\w+)@(\w+)")


def read_i2b2(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:  # noqa: ARG001 - unused for XML
    """Yield the notes of XML files of i2b2 and n2c2 challenges below a folder, or of one file.

    A file holds one note in an element TEXT, several notes of a patient that lines of asterisks separate, or many
    elements RECORD or doc, each with the identifier and the text of a patient.

    Defaults of the fields:
    - person: the identifier of a RECORD or doc; in other files, the first part of the file's name (`name 1`)
    - date: the line `Record date:` at the start of a note
    - label: the first folder below the source (`folder 1`)
    - encounter and author: none

    Overrides in `fields` are locations in the path, see `file_field`. The label may also be `tag NAME@ATTRIBUTE`, the
    attribute of the first element of that name in the record or file, for example `tag SMOKING@STATUS`.

    Raises:
        DataError: the path does not exist, no file has a note, or a field has another notation.

    Privacy: reads texts and identifiers.
    """
    is_tag = _TAG.fullmatch(fields.label or "") is not None
    locations = asdict(fields) | ({"label": None} if is_tag else {})
    require_locations(locations, also="; for the label also `tag NAME@ATTRIBUTE`")
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder", hint="Check source.path.")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if not file.is_dir())
    n_notes, suffixes = 0, Counter[str]()
    for file in files:
        relative = PurePath(file.relative_to(path)) if path.is_dir() else PurePath(file.name)
        suffixes[file.suffix.lower() or "(none)"] += 1
        outside = [Dropped(OUTSIDE, relative.as_posix())] if is_outside(file, path) else []
        for item in outside or _items(file, _Places(relative, fields)):
            n_notes += isinstance(item, Note)
            yield item
    if not n_notes:
        found = [f"{suffix}: {n} files" for suffix, n in sorted(suffixes.items())[:20]]
        hint = "Set source.path to the folder of the XML files; for text files, set source.kind to folder."
        raise DataError(f"{path}: no XML file has a note", problems=found, hint=hint)


@dataclass(frozen=True, slots=True)
class _Places:
    """The path of one file below the source, and the configured fields."""

    relative: PurePath
    fields: Fields

    def at(self, name: str, default: str = "") -> str:
        location = getattr(self.fields, name) or default
        return file_field(self.relative, location) if location and not _TAG.fullmatch(location) else ""

    def note(self, number: int, text: str, person: str, element: Element) -> Item:
        """Return a note with this text; `element` contains the tag that states the label, if one is configured."""
        place = f"{self.relative.as_posix()}, note {number}"
        tag = _TAG.fullmatch(self.fields.label or "")
        tagged = (one.get(tag[2], "") for one in element.iter() if local(one) == tag[1]) if tag else iter(())
        return Note(
            place=place,
            document=f"{self.relative.as_posix()}#{number}",
            text=tidy(text),
            person=person,
            label=next(tagged, "") or self.at("label", "folder 1"),
            encounter=self.at("encounter"),
            date=self.at("date") or _date(text),
            author=self.at("author"),
        )


def _items(file: Path, places: _Places) -> Iterator[Item]:
    shown = places.relative.as_posix()
    if any(part.startswith((".", "__MACOSX")) for part in places.relative.parts):
        yield Dropped(HIDDEN, shown)
    elif file.suffix.lower() != ".xml":
        yield Dropped(OTHER_FILE, shown)
    else:
        try:
            yield from _records(file, places)
        except OSError:
            yield Dropped(UNREADABLE, shown)
        except UnsafeXml as unsafe:
            yield Dropped(unsafe.reason, shown)


def _records(file: Path, places: _Places) -> Iterator[Item]:
    number, shown = 0, places.relative.as_posix()
    with open_regular(file) as data:
        for number, (record, is_misdeclared) in enumerate(each_element(data, RECORDS), 1):
            if is_misdeclared and number == 1:
                yield Remark(OTHER_ENCODING, shown)
            text = _text(record)
            if text is None:
                yield Dropped(NO_NOTE, f"{shown}, note {number}")
                continue
            stated = record.get("ID") or record.get("id") or ""
            yield places.note(number, text, places.at("person") if places.fields.person else stated, record)
    if not number:
        yield from _notes(file, places)


def _notes(file: Path, places: _Places) -> Iterator[Item]:
    root, is_misdeclared = parse_xml(read_regular(file, MAX_BYTES))
    if is_misdeclared:
        yield Remark(OTHER_ENCODING, places.relative.as_posix())
    parts = [part for part in _RULE.split(_text(root) or "") if part.strip()]
    if not parts:
        yield Dropped(NO_NOTE, places.relative.as_posix())
    for number, part in enumerate(parts, 1):
        yield places.note(number, part, places.at("person", "name 1"), root)


def _text(element: Element) -> str | None:
    """Return the text of the elements TEXT, with the content of inner tags; None if there is no such element."""
    texts = ["".join(one.itertext()) for one in element.iter() if local(one) in _TEXTS]
    return "\n".join(texts) if texts else None


def _date(text: str) -> str:
    """Return the date that the first line of a note states; empty if there is none or the day does not exist."""
    match = _DATE.match(text)
    try:
        return date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return ""
