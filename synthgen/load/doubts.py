"""Report labels, texts and person ids that are probably mistakes, such as a label `NULL`."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import regex
from confusable_homoglyphs.confusables import confusables_data

from synthgen.core.types import Record
from synthgen.load.cells import folded
from synthgen.load.config import SourceConfig
from synthgen.load.selection import is_no_value

_REMEDY_MISSING = "source.normalize_labels: true rejects the rows with these labels"
# key: Unicode category (accents, dashes, opening quotes, closing quotes); value: replacement of its characters
_REPLACEMENTS = {"Mn": "", "Pd": "-", "Pi": "'", "Pf": "'"}
_LETTER_DIGIT_OR_EMOJI = regex.compile(r"[\p{L}\p{N}\p{Emoji_Presentation}]")


def doubts(records: Sequence[Record], wanted: Sequence[Record], source: SourceConfig) -> list[str]:
    """Return notes on probable mistakes in the usable `records`; `wanted` are the records of the classes to keep."""
    return [
        *doubtful_labels(Counter(record.label for record in records), {record.label for record in wanted}),
        *doubtful_texts(record.text for record in wanted),
        *(doubtful_persons((record.group for record in records), source.group) if source.group else ()),
    ]


def doubtful_labels(counts: Mapping[str, int], wanted: set[str]) -> list[str]:
    """Return notes on labels that look like a missing value, or like a different label of the source.

    `counts` maps each label to its number of records. `wanted` has the labels of the classes to keep.
    """
    by_folded: dict[str, list[str]] = defaultdict(list)  # labels that differ only by case, width or spacing
    for label in sorted(counts):
        by_folded[folded(label)].append(label)
    by_shape: dict[str, list[str]] = defaultdict(list)  # look-alike labels; the first of each list in `by_folded`
    for spellings in by_folded.values():
        by_shape[_as_seen(spellings[0])].append(spellings[0])
    differ_by_case = [labels for labels in by_folded.values() if len(labels) > 1 and wanted & {*labels}]
    differ_by_shape = [labels for labels in by_shape.values() if len(labels) > 1 and wanted & {*labels}]
    like_missing = [label for label in sorted(wanted) if is_no_value(label)]

    def counted(labels: Sequence[str]) -> str:
        return ", ".join(f"{label!r}: {counts[label]} records" for label in labels)

    notes = [
        f"labels that differ only by case, width or spacing are separate classes ({counted(labels)}); "
        "source.normalize_labels: true makes them one class"
        for labels in differ_by_case
    ]
    notes += [
        "labels that differ only by accents, dashes, quotes or look-alike letters are separate classes "
        f"({counted(labels)}); if they are one class, correct them in the source"
        for labels in differ_by_shape
    ]
    if like_missing:
        notes.append(f"some class labels look like a missing value ({counted(like_missing)}); {_REMEDY_MISSING}")
    return notes


def _as_seen(label: str) -> str:
    """Return the folded label without accents, with uniform dashes and quotes, and look-alikes as Latin letters."""
    shown = []
    for character in unicodedata.normalize("NFKD", folded(label)):
        others = [other["c"] for other in confusables_data.get(character, ())]
        plain = [other for other in others if len(other) == 1 and other.isascii() and other.isalnum()]
        category = unicodedata.category(character)
        if category in _REPLACEMENTS:
            shown.append(_REPLACEMENTS[category])
        else:
            shown.append(character if character.isascii() or not plain else plain[0].casefold())
    return "".join(shown)


def doubtful_texts(texts: Iterable[str]) -> list[str]:
    """Return a note on texts that have no letter, digit or emoji, or that look like a missing value."""
    n = sum(_LETTER_DIGIT_OR_EMOJI.search(text) is None or is_no_value(text) for text in texts)
    message = f"{n} texts look like a missing value, such as NULL, or have no letter, digit or emoji"
    return [f"{message}; remove these rows unless they are meant as texts"] if n else []


def doubtful_persons(groups: Iterable[str], column: str) -> list[str]:
    """Return a note on group values that may be different spellings of one id."""
    spellings = Counter(map(_id_key, {*groups}))
    n = sum(count - 1 for count in spellings.values())
    how = "case, leading zeros or a final `.0`"
    message = f"{n} values of {column} differ from another value only by {how}, and each counts as a separate person"
    return [f"{message}; if such ids name the same person, give them one spelling in the source"] if n else []


def _id_key(group: str) -> str:
    """Return an id in lower case, without leading zeros and a final `.0`: "007.0" -> "7"."""
    plain: str = regex.sub(r"^0+(?=\d)", "", regex.sub(r"(?<=^\d+)\.0+$", "", group.casefold()))
    return plain
