"""Make notes from the rows of tables of OMOP and MIMIC."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from synthgen.extract.note import Dropped, Item, Note, Remark

NO_ID, MALFORMED_ID = "no identifier of the document", "identifier contains white space"
UNKNOWN_DATE = "date is not in ISO 8601 form"


def note_of(values: Mapping[str, str], place: str) -> Iterator[Item]:
    """Yield the note with the fields `values`, after a remark if the date cannot be interpreted.

    The keys of `values` are document, text, person, label, encounter, date and author. A row without a document
    identifier is dropped. A row whose document or person identifier contains white space is dropped too: usually, a
    misplaced quote has split a text into such rows.
    """
    if not values["document"]:
        yield Dropped(NO_ID, place)
        return
    if any(map(str.isspace, values["document"] + values["person"])):
        yield Dropped(MALFORMED_ID, place)
        return
    day = iso_date(values["date"])
    if day is None:
        yield Remark(UNKNOWN_DATE, place)
    yield Note(
        place=place,
        document=values["document"],
        text=values["text"].replace("\r\n", "\n").replace("\r", "\n"),
        person=values["person"],
        label=values["label"],
        encounter=values["encounter"],
        date=day or "",
        author=values["author"],
    )


def iso_date(value: str) -> str | None:
    """Return an ISO 8601 date or time in standard form, "" for an empty value, or None for any other form.

    Dates such as 03/04/2020 are not interpreted, because the order of day and month is unknown. Fractions of seconds
    are removed.

    Example:
        >>> iso_date("2020-03-04 10:11:12.5"), iso_date("20200304"), iso_date(""), iso_date("03/04/2020")
        ('2020-03-04T10:11:12', '2020-03-04', '', None)
    """
    value = value.strip().removesuffix(" UTC")
    try:
        if len(value) <= 10:
            return date.fromisoformat(value).isoformat() if value else ""
        return datetime.fromisoformat(value).isoformat(timespec="seconds")
    except ValueError:
        return None
