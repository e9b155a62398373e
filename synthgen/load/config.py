"""What `source` can say."""

import unicodedata
from typing import Literal

from pydantic import field_validator

from synthgen.core.section import Count, Section, Share


class SourceConfig(Section):
    """Where the records are and which columns hold what."""

    path: str
    format: Literal["auto", "jsonl", "csv", "parquet", "dataset", "text"] = "auto"
    text: str = "text"
    label: str = "label"
    group: str | None = None
    id: str | None = None
    names: tuple[str, ...] = ()  # columns that hold names of persons, for deidentify
    labels: tuple[str, ...] | None = None  # keep these classes only
    max_records: Count | None = None  # a seeded sample of whole groups
    max_bad_rows: Share = 0.01

    @field_validator("labels")
    @classmethod
    def _as_records_have_them(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        normal = tuple(unicodedata.normalize("NFC", label) for label in labels)
        if repeated := sorted({label for label in normal if normal.count(label) > 1}):
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return normal
