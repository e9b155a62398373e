"""Define the `source` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthgen.core.section import Count, Section, Share
from synthgen.load.cells import folded, spelled


class MinClassConfig(Section):
    """The smallest number of persons of a class, and what happens to a smaller class."""

    count: Count = Field(description="Smallest number of persons (records, if persons are unknown) of a class.")
    then: Literal["refuse", "drop", "merge"] = Field(
        "refuse",
        description="Action for smaller classes: `refuse` stops with an error, `drop` removes their records, and "
        "`merge` combines all of them into one class `other`.",
    )


class SourceConfig(Section):
    """Location, format and columns of the private source data."""

    path: str | None = Field(
        None,
        description="Path of the source file or folder, relative to the folder of the configuration file. It is "
        "required, unless a table is passed to `Pipeline` in Python.",
    )
    format: Literal["auto", "jsonl", "csv", "parquet", "dataset", "text"] = Field(
        "auto",
        description="File format of the source. `auto` derives it from the file extension; set it if the extension "
        "does not match the content.",
    )
    encoding: str = Field(
        "utf-8", description="Character encoding of csv, jsonl and text files, for example `cp1252` or `utf-16`."
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        ",", description='Character between the cells of a csv file, for example `;` or `"\\t"`.'
    )
    text: str = Field("text", description="Column that holds the text of a record.")
    label: str = Field("label", description="Column that holds the class label of a record.")
    group: str | None = Field(
        None,
        description="Column that identifies the person of a record. Without it, every record counts as one person "
        "and all privacy statements are per record.",
    )
    rows_are_persons: bool = Field(
        False,
        description="Declares, in place of `group`, that each record belongs to a different person. The shipped "
        "policies refuse a release without `group` or this declaration.",
    )
    id: str | None = Field(
        None, description="Column that holds a unique record id. Without it, records are numbered by row."
    )
    names: tuple[str, ...] = Field(
        (),
        description="Columns that hold names of the record's person. De-identification replaces these names in the "
        "text.",
    )
    labels: tuple[str, ...] | None = Field(
        None, description="Class labels to keep. Records of other classes are skipped; null keeps all classes."
    )
    normalize_labels: bool = Field(
        False,
        description="Treats labels that differ only by case, width or spacing as one class, in the spelling of "
        "`labels` or else the most frequent one, and labels such as `NULL` or `N/A` as missing.",
    )
    dedupe: Literal["off", "within-person", "all"] = Field(
        "off",
        description="Removes records that nearly repeat an earlier one (Jaccard index of 5-token shingles of at "
        "least 0.8). `within-person` compares only records of the same person, and `all` compares all records.",
    )
    min_class: MinClassConfig | None = Field(
        None,
        description="Smallest class that is accepted. Without it, `interpolate.method` determines whether a class is "
        "too small.",
    )
    max_records: Count | None = Field(
        None,
        description="Maximum number of records to load. If the source has more, a seeded sample of whole persons "
        "is taken.",
    )
    max_bad_rows: Share = Field(
        0.01,
        description="Largest share of unusable rows (0 to 1) at which loading succeeds. Raise it only if losing "
        "these rows is acceptable.",
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, ValueError):
            raise ValueError("is not a text encoding that Python knows") from None
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _is_no_quote(cls, delimiter: str) -> str:
        if delimiter in '"\r\n ':
            raise ValueError("must not be a quote, a space or a line break")
        return delimiter

    @field_validator("labels")
    @classmethod
    def _normalize_labels(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        normal = tuple(spelled(label, "NFC") for label in labels)
        if "" in normal:
            raise ValueError("a label is empty or invisible")
        if repeated := sorted({label for label in normal if normal.count(label) > 1}):
            raise ValueError(f"labels are listed twice: {', '.join(repeated)}")
        return normal

    @model_validator(mode="after")
    def _persons_are_declared_once(self) -> Self:
        if self.group is not None and self.rows_are_persons:
            raise ValueError("rows_are_persons does not fit with group, which identifies persons; remove one of them")
        return self

    @model_validator(mode="after")
    def _labels_stay_apart(self) -> Self:
        labels = self.labels or ()
        if self.normalize_labels and len(set(map(folded, labels))) < len(labels):
            raise ValueError("normalize_labels makes two of the listed labels one class; list one spelling of each")
        return self

    @property
    def has_persons(self) -> bool:
        """Whether the person of each record is known."""
        return self.group is not None or self.rows_are_persons
