"""Measure the share of marked identifiers that a de-identification engine finds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from audits.core.files import open_regular, read_parquet
from audits.core.stats import clopper_pearson
from synthgen.config import Config
from synthgen.core.errors import ConfigError, UsageError
from synthgen.deidentify.engines import Find
from synthgen.deidentify.marked import Marked, read_marked_file
from synthgen.deidentify.planted import plant
from synthgen.deidentify.spans import Span

CONFIDENCE = 0.975  # one-sided confidence of each end of an interval
_COLUMNS = ("text", "spans", "group")  # columns of a Parquet file with marked texts
PLANTED_NOTES = 330  # number of invented notes that `read_texts("planted")` yields


@dataclass(frozen=True, slots=True)
class EngineShares:
    """Recall and precision of an engine, with confidence intervals, and a private list of missed identifiers."""

    table: Mapping[str, Any]  # JSON data: the measured shares and rates by name, such as "recall" and "precision"
    # for each missed identifier: the number of its text, its category, its start, and the identifier itself
    misses: Sequence[Mapping[str, Any]]

    def __repr__(self) -> str:
        return f"EngineShares({len(self.misses)} misses)"

    def to_text(self) -> str:
        """Return text for a terminal: recall, precision, share of texts and persons without a miss, false names."""
        rows = {f"recall, {name}": share for name, share in self.table["recall"].items()}
        rows["precision"] = self.table["precision"]
        rows |= {f"{unit} without a miss": share for unit, share in self.table["without_a_miss"].items()}
        lines = [f"{k:<24} {x['share']:.3f} [{x['low']:.3f}, {x['high']:.3f}] of {x['n']}" for k, x in rows.items()]
        return "\n".join([*lines, f"false names per 1,000 words: {self.table['false_names_per_1000_words']:.2f}"])


def measure(texts: Iterable[Marked], find: Find, *, with_names: bool, confidence: float = CONFIDENCE) -> EngineShares:
    """Return recall and precision of `find` on texts with marked identifiers; raise UsageError if no text has a word.

    An identifier counts as found if spans of the engine cover all its letters and digits. A span counts as correct if
    it overlaps a marked identifier. With `with_names`, the engine gets the names that are declared for the person of
    each text. `confidence` is the one-sided confidence of each end of a Clopper-Pearson interval.
    """
    n_marked, n_found, n_correct, n_spans = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    without_miss: dict[str, dict[str, bool]] = {"texts": {}, "persons": {}}
    misses: list[dict[str, Any]] = []
    n_words = 0
    for number, item in enumerate(texts, 1):
        spans = find(item.text, item.names if with_names else ())
        n_words += len(item.text.split())
        missed = [mark for mark in item.spans if not _is_covered(item.text, spans, mark)]
        n_marked.update(category for _, _, category in item.spans)
        n_found.update(category for _, _, category in set(item.spans) - set(missed))
        for start, end, category in missed:
            misses.append({"text": number, "category": category, "start": start, "identifier": item.text[start:end]})
        for span in spans:
            n_spans[span.kind] += 1
            n_correct[span.kind] += any(span.start < end and start < span.end for start, end, _ in item.spans)
        for unit, key in (("texts", str(number)), ("persons", item.person)):
            without_miss[unit][key] = without_miss[unit].get(key, True) and not missed
    if not n_words:
        hint = "Pass a file whose texts contain words."
        raise UsageError("the texts contain no word, so nothing can be measured", hint=hint)
    share = partial(_share, confidence)
    table = {
        "recall": {"all": share(n_found.total(), n_marked.total())}
        | {c: share(n_found[c], n) for c, n in sorted(n_marked.items())},
        "precision": share(n_correct.total(), n_spans.total()),
        "precision_by_kind": {kind: share(n_correct[kind], n) for kind, n in sorted(n_spans.items())},
        "without_a_miss": {unit: share(sum(done.values()), len(done)) for unit, done in without_miss.items()},
        "false_spans_per_1000_words": 1000 * (n_spans.total() - n_correct.total()) / n_words,
        "false_names_per_1000_words": 1000 * (n_spans["name"] - n_correct["name"]) / n_words,
    }
    return EngineShares(table, misses)


def _is_covered(text: str, spans: Iterable[Span], mark: tuple[int, int, str]) -> bool:
    start, end, _ = mark
    inside = {i for span in spans for i in range(max(start, span.start), min(end, span.end))}
    return all(i in inside or not text[i].isalnum() for i in range(start, end))


def _share(confidence: float, k: int, n: int) -> dict[str, float]:
    low, high = clopper_pearson(k, n, confidence=confidence) if n else (0.0, 1.0)
    return {"share": k / n if n else 0.0, "low": low, "high": high, "n": n}


def read_texts(source: str) -> Iterator[Marked]:
    """Yield texts with marked identifiers from the file `source`, or invented notes if `source` is "planted".

    A Parquet file has the columns text, spans (with `start`, `end` and `entity_type`) and group. Spans that contain
    or follow an @ are ignored, because most are social media handles. For all formats except Parquet, see
    `read_marked_file`. Raise UsageError if the file cannot be read, lacks a column, or has invalid rows.
    """
    if source == "planted":
        return plant(PLANTED_NOTES)
    path = Path(source)
    return _parquet(path) if path.suffix == ".parquet" else read_marked_file(path)


def read_sample(config: Config) -> tuple[Marked, ...] | None:
    """Return the texts of `deidentify.sample`, or None if the configuration names no sample.

    Raises:
        UsageError: the file cannot be read or has invalid lines.
        ConfigError: the file has no marked identifier.
    """
    if config.deidentify.sample is None:
        return None
    path = config.resolve(config.deidentify.sample)
    texts = tuple(read_texts(str(path)))
    if not any(text.spans for text in texts):
        hint = "Mark the identifiers, or remove deidentify.sample."
        raise ConfigError(f"deidentify.sample: no identifier is marked in {path}", hint=hint)
    return texts


def _parquet(path: Path) -> Iterator[Marked]:
    try:
        with open_regular(path) as file:
            columns, table = read_parquet(file, _COLUMNS)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    if missing := [f"the column {name} is missing" for name in _COLUMNS if name not in columns]:
        raise UsageError(f"{path}: is not a table of marked texts", problems=missing)
    texts, problems = [], []
    for number, row in enumerate(table.to_pylist(), 1):
        text, spans = row["text"], row["spans"] or ()
        try:
            marks = [(span["start"], span["end"], str(span["entity_type"])) for span in spans]
            is_valid = isinstance(text, str) and all(0 <= start < end <= len(text) for start, end, _ in marks)
        except (TypeError, KeyError):
            is_valid = False
        if is_valid:
            kept = tuple(mark for mark in marks if "@" not in text[max(0, mark[0] - 1) : mark[1]])
            texts.append(Marked(text=text, spans=kept, person=str(row["group"])))
        else:
            needed = "needs `text`, and spans with `entity_type`, and with `start` and `end` inside the text"
            problems.append(f"row {number}: {needed}")
    if problems:
        raise UsageError(f"{path}: contains rows that are not marked texts", problems=problems)
    yield from texts
