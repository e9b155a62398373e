"""Read folders of documents: each file with plain text, HTML, RTF or PDF is one note."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path, PurePath

from audits.core.files import read_regular
from synthgen.core.errors import DataError
from synthgen.extract.documents import UnreadableDocument, text_of
from synthgen.extract.file_fields import NO_DATE, file_field, path_date, require_locations
from synthgen.extract.note import Dropped, Fields, Item, Note, Remark

MAX_FILE_BYTES = 64 << 20
MODIFIED = "modified"  # value of `source.fields.date` for the day on which the file was last changed
# reasons for dropping a file or folder
HIDDEN = "hidden file or folder, or a file of the operating system"
NOT_READ = "file type is not supported"
WORD = "Word documents are not supported; convert the document to RTF, PDF or HTML"
EMPTY = "empty file"
NOT_REGULAR = "device, pipe or socket"
OUTSIDE = "link to a file outside the folder, or to a missing file"
LINKED_FOLDER = "link to a folder"
UNOPENED = f"file or folder cannot be opened, or the file is larger than {MAX_FILE_BYTES >> 20} MiB"
NOT_UTF8 = "file name is not UTF-8"
_TYPES = dict.fromkeys((".txt", ".text", ".md"), "text/plain") | dict.fromkeys((".html", ".htm"), "text/html")
_TYPES |= {".xhtml": "application/xhtml+xml", ".rtf": "text/rtf", ".pdf": "application/pdf"}
_WORD_SUFFIXES = frozenset({".doc", ".docm", ".docx", ".dot", ".dotx"})
_SYSTEM_NAMES = frozenset({"desktop.ini", "thumbs.db"})  # files of Windows
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")  # suffix that an error message can show


def read_folder(path: Path, fields: Fields, encoding: str) -> Iterator[Item]:
    """Yield a `Note` for each readable document below a folder, and a `Dropped` for each file that is not used.

    Files are read in the order of their paths. The identifier of a document is the path of its file below the folder.

    Args:
        path: the folder.
        fields: places of the fields in the path of a file, in the notation of `file_field`. The date may also be
            `modified`, the day in UTC on which the file was last changed. By default, the label is the first folder
            in the path, and all remaining fields are empty.
        encoding: character encoding of plain-text files.

    Raises:
        DataError: the path is not a folder, a location is not in the notation of `file_field`, or the folder has no
            readable document.

    Privacy: reads all documents of the folder.
    """
    locations: dict[str, str | None] = asdict(fields) | {"label": fields.label or "folder 1"}
    is_day_of_change = fields.date == MODIFIED
    require_locations(locations | ({"date": None} if is_day_of_change else {}))
    if not path.is_dir():
        raise DataError(f"{path} is not a folder", hint="Set source.path to the folder that contains the documents.")
    root = os.path.realpath(path)
    n_notes, suffixes = 0, Counter[str]()
    for file in _files(path):
        relative = PurePath(file.relative_to(path))
        reason = _reason(file, root)
        dropped: list[Item] = [Dropped(reason, _printed(relative.as_posix()))] if reason else []
        found = dropped or _items(file, relative, locations, encoding)
        n_notes += any(isinstance(item, Note) for item in found)
        if reason != HIDDEN:
            suffix = file.suffix.lower()
            suffixes[suffix if _SUFFIX.fullmatch(suffix) else "other suffixes, or no suffix"] += 1
        yield from found
    if not n_notes:
        problems = [f"{suffix}: {n} files" for suffix, n in suffixes.most_common(20)]
        problems = problems or ["the folder is empty or has only hidden files"]
        types = f"files of the types {', '.join(_TYPES)}. Convert Word documents to one of these types."
        hint = f"Set source.path to a folder with {types}"
        raise DataError(f"{path} has no readable document", problems=problems, hint=hint)


def _files(folder: Path) -> Iterator[Path]:
    # a hidden, unreadable or linked folder is yielded like a file, so that it is reported as dropped
    stack = [folder]
    while stack:
        entry = stack.pop()
        if entry != folder and (_is_hidden(entry.name) or entry.is_symlink() or not entry.is_dir()):
            yield entry
            continue
        try:
            stack += sorted(entry.iterdir(), key=lambda child: child.name, reverse=True)
        except OSError:
            yield entry


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX", "~$")) or name.lower() in _SYSTEM_NAMES


def _printed(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()  # bytes that are not UTF-8 become escapes


def _reason(file: Path, root: str) -> str:
    # returns why a file or folder from `_files` is not read, or "" if it is read
    if _is_hidden(file.name):
        return HIDDEN
    if _printed(str(file)) != str(file):
        return NOT_UTF8
    try:
        mode = file.stat().st_mode
        is_outside = not PurePath(os.path.realpath(file, strict=True)).is_relative_to(root)
    except OSError:
        return OUTSIDE if file.is_symlink() else UNOPENED
    if stat.S_ISDIR(mode) and not file.is_symlink():  # `_files` yields such a folder only if it cannot be opened
        return UNOPENED
    suffix = file.suffix.lower()
    reasons = {
        OUTSIDE: is_outside,
        LINKED_FOLDER: stat.S_ISDIR(mode),
        NOT_REGULAR: not stat.S_ISREG(mode),
        WORD: suffix in _WORD_SUFFIXES,
        NOT_READ: suffix not in _TYPES,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _items(file: Path, relative: PurePath, locations: dict[str, str | None], encoding: str) -> list[Item]:
    place, kind = relative.as_posix(), _TYPES[file.suffix.lower()]
    try:
        data = read_regular(file, MAX_FILE_BYTES)
        changed = file.stat().st_mtime
    except OSError:
        return [Dropped(UNOPENED, place)]
    if not data.strip():
        return [Dropped(EMPTY, place)]
    try:
        document = text_of(data, f"{kind}; charset={encoding}" if kind == "text/plain" else kind)
    except UnreadableDocument as unreadable:
        return [Dropped(unreadable.reason, place)]
    values = {name: file_field(relative, at) if at and at != MODIFIED else "" for name, at in locations.items()}
    day = _day(changed) if locations["date"] == MODIFIED else path_date(values["date"])
    remarks = (*document.remarks, NO_DATE) if values["date"] and not day else document.remarks
    note = Note(
        place=place,
        document=place,
        text=document.text,
        person=values["person"],
        label=values["label"],
        encounter=values["encounter"],
        date=day,
        author=values["author"],
    )
    return [*(Remark(remark, place) for remark in remarks), note]


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):  # a file system may store any number as a time
        return ""
