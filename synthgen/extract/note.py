"""Define the items that a reader of a hospital format yields, such as notes, names, remarks and dropped items."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One clinical document; a string is empty if the source does not state the value."""

    place: str  # the file, and the line or the message number in this file, for the private load report
    document: str  # identifier of the document, the same for all versions of the document
    text: str  # plain text; line ends are line feeds
    person: str  # identifier of the patient
    label: str  # the class of the document, such as "Discharge summary"
    encounter: str = ""
    date: str = ""  # ISO 8601, as precise as the source
    author: str = ""
    version: str = ""  # text that sorts after the `version` of each earlier version of the document
    aliases: tuple[str, ...] = ()  # further identifiers of this document; `replaces` of later notes can contain them
    replaces: tuple[str, ...] = ()  # identifiers of the documents that this document replaces
    # True if the source marks the document as superseded; without a newer document, a superseded document is used
    is_superseded: bool = False
    withdrawn: str = ""  # why this document and all earlier versions count as deleted; "" if not deleted

    def __repr__(self) -> str:
        return f"Note({self.place!r}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Dropped:
    """An item of the source that is not used."""

    reason: str  # one of a fixed list of phrases, without content of the source
    place: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem of an item that is used, such as a wrongly declared encoding; the load report lists the problem."""

    reason: str  # one of a fixed list of phrases, without content of the source
    place: str


@dataclass(frozen=True, slots=True)
class MergedPerson:
    """Two identifiers of one person: `old` was replaced by `new`."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PersonNames:
    """Names of a person and of contacts of that person, for de-identification."""

    person: str
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"PersonNames({len(self.names)})"


@dataclass(frozen=True, slots=True)
class StaffNames:
    """Names of practitioners, for the de-identification of all notes."""

    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"StaffNames({len(self.names)})"


Item = Note | Dropped | Remark | MergedPerson | PersonNames | StaffNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Where the source has the fields of a note, in the notation of the reader of the format.

    For FHIR, it is a path such as `encounter.serviceType.text`. None selects the default place.
    """

    person: str | None = None
    encounter: str | None = None
    date: str | None = None
    label: str | None = None
    author: str | None = None


# A reader yields the items of a file or folder one by one; its memory does not grow with the number of notes. The
# arguments are the path, the fields, and the character encoding of text files (`source.encoding`). A reader raises
# DataError if no file has its format or if a place in `Fields` cannot be interpreted; the message repeats no data
# of the source.
Reader = Callable[[Path, Fields, str], Iterator[Item]]
