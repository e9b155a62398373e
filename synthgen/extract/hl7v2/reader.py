"""Read notes from HL7 v2 messages of the types ORU and MDM."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.extract.hl7v2.framing import RawMessage, files_below, read_messages
from synthgen.extract.hl7v2.message import UNDECODABLE, parse_message
from synthgen.extract.hl7v2.notes import Hl7NoteMaker
from synthgen.extract.hl7v2.persons import person_items
from synthgen.extract.hl7v2.values import FieldPath, field_paths
from synthgen.extract.links import HIDDEN, OUTSIDE, is_outside
from synthgen.extract.note import Dropped, Fields, Item, MergedPerson, Remark

NOT_HL7 = "file does not begin with an HL7 v2 header (MSH, FHS or BHS)"
UNREADABLE = "file cannot be read"


def read_hl7v2(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:
    """Yield the notes, names and merged identifiers in a file of HL7 v2 messages, or in all such files of a folder.

    Only files that begin with an MSH, FHS or BHS segment are read; the suffix of the file name does not matter. Only
    one message is in memory at a time. A message of more than 64 MiB or 200,000 lines is dropped.

    Defaults of the fields (of a repeated field other than PID-3 and PID-2, the first value is used):
    - person: in PID-3 or else PID-2, the first value of type MR, else of type PI, else of any type, as `ID@AUTHORITY`
    - encounter: PV1-19.1
    - date: the first of TXA-4, OBR-7, TXA-6, OBR-22 and MSH-7 that has a value
    - label: the text, or else the code, in TXA-2 (MDM) or OBR-4 (ORU)
    - author: the first of TXA-5, TXA-9, OBR-32 and OBX-16 that contains a name

    The modules `notes` and `report` state which documents and results are used.

    Args:
        path: a file or a folder.
        fields: overrides such as `PID-3.1` (segment, field, component), optionally with a subcomponent. A note is
            made from a group of segments: an order (ORC or OBR and the segments after it) or a document (TXA and the
            segments after it). The first segment of the stated name (here PID) is searched in three places: the
            group, the patient's segments before the first group, and the segments before the first PID.
        encoding: character set of messages without MSH-18.

    Raises:
        DataError: the path does not exist, no file is HL7 v2, an override is malformed, or the encoding is unknown.

    Privacy: reads the text of notes, and names and identifiers of patients and staff.
    """
    paths = field_paths(fields)
    try:
        "MSH".encode(encoding)
    except (LookupError, ValueError):
        hint = "Set source.encoding to an encoding that Python knows, for example cp1252."
        raise DataError(f"source.encoding: {encoding!r} is not a known encoding", hint=hint) from None
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="Correct source.path.")
    n_read = 0
    for file in files_below(path):
        place = file.relative_to(path).as_posix() if file != path else file.name
        if any(part.startswith((".", "__MACOSX")) for part in Path(place).parts) and file != path:
            yield Dropped(HIDDEN, place)
            continue
        if is_outside(file, path):
            yield Dropped(OUTSIDE, place)
            continue
        try:
            messages = read_messages(file, encoding)
        except OSError:
            yield Dropped(UNREADABLE, place)
            continue
        if messages is None:
            yield Dropped(NOT_HL7, place)
        else:
            n_read += 1
            yield from _items(messages, place, paths, encoding)
    if not n_read:
        hint = "HL7 v2 files begin with MSH, FHS or BHS. Correct source.path or source.kind."
        raise DataError(f"{path} contains no readable HL7 v2 file", hint=hint)


def _items(raws: Iterator[RawMessage], file: str, paths: Mapping[str, FieldPath], encoding: str) -> Iterator[Item]:
    try:
        for raw in raws:
            place = f"{file}, message {raw.number}"
            message = parse_message(raw, encoding)
            if isinstance(message, str):
                yield Dropped(message, place)
                continue
            yield from (Remark(reason, place) for reason in message.remarks)
            people = list(person_items(message, paths))
            yield from people
            if any(isinstance(item, MergedPerson) for item in people):
                continue  # a merge message holds no note, and must not be reported as dropped
            yield from Hl7NoteMaker(message, place, raw.number, paths).items()
    except UnicodeError:  # the rest of a damaged UTF-16 or UTF-32 file cannot be read
        yield Dropped(UNDECODABLE, file)
    except OSError:
        yield Dropped(UNREADABLE, file)
