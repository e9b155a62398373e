"""Define the `source` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthgen.core.section import Count, Section, Share
from synthgen.load.cells import folded, normalized
from synthgen.load.copy_forward import CopyForward


class MinClassConfig(Section):
    """The smallest number of persons of a class, and the treatment of smaller classes."""

    count: Count = Field(description="Smallest number of persons (records, if persons are unknown) of a class.")
    then: Literal["refuse", "drop", "merge"] = Field(
        "refuse",
        description="Action for smaller classes: `refuse` stops with an error, `drop` removes their records, and "
        "`merge` combines all of them into one class `other`.",
    )


class FieldsConfig(Section):
    """Fields of a hospital source that hold the data of a note; null selects the usual field of the source's kind."""

    person: str | None = Field(None, description="Field with the patient's identifier, such as `PID-3.1` for hl7v2.")
    encounter: str | None = Field(None, description="Field with the identifier of the encounter.")
    date: str | None = Field(None, description="Field with the date of a note.")
    label: str | None = Field(
        None,
        description="Field with the class of a note, such as `category.coding.code` for fhir. Null selects the type "
        "of the document.",
    )
    author: str | None = Field(None, description="Field with the name of the author.")


class SourceConfig(Section):
    """Location, format and columns of the private source data."""

    kind: Literal["table", "folder", "fhir", "hl7v2", "ccda", "omop", "mimic", "i2b2"] = Field(
        "table", description="A table with a text column, or a hospital source, whose notes `synthgen` extracts."
    )
    path: str | None = Field(
        None,
        description="Path of the source file or folder, relative to the folder of the configuration file. It is "
        "required, unless a table is passed to `Pipeline` in Python.",
    )
    format: Literal["auto", "jsonl", "csv", "parquet", "dataset", "text"] = Field(
        "auto",
        description="File format of the source. `auto` derives it from the file extension, or from the content of a "
        "folder; set the format if the extension does not match the content.",
    )
    encoding: str = Field("utf-8", description="Encoding of csv, jsonl and text files, such as `cp1252` or `utf-16`.")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        ",", description='Character between the cells of a csv file, for example `;` or `"\\t"`.'
    )
    text: str = Field("text", description="Column that holds the text of a record.")
    label: str = Field("label", description="Column that holds the class label of a record.")
    group: str | None = Field(
        None,
        description="Column of a table that identifies the person of a record. Without it, every row counts as one "
        "person and, unless `rows_are_persons` is true, all privacy statements are per record.",
    )
    rows_are_persons: bool = Field(
        False,
        description="Declares, in place of `group`, that each record belongs to a different person. For a table, "
        "the shipped policies refuse a release without `group` or this declaration.",
    )
    id: str | None = Field(
        None, description="Column with a unique record id. With null, the ids are made from the row numbers."
    )
    names: tuple[str, ...] = Field(
        (), description="Columns with names of the record's person, which de-identification replaces in the text."
    )
    staff: tuple[str, ...] = Field(
        (),
        description="Columns that hold names of staff, such as the author. Without a privacy budget, "
        "de-identification replaces these names in all records; with a budget, it does not use them.",
    )
    fields: FieldsConfig = Field(
        FieldsConfig(), description="Fields of a hospital source with the data of a note. A table does not use them."
    )
    labels: tuple[str, ...] | None = Field(
        None, description="Class labels to keep. Records of other classes are skipped; null keeps all classes."
    )
    normalize_labels: bool = Field(
        False,
        description="Treats labels that differ only by case, width or spacing as one class. The class has the "
        "spelling in `labels`, or else the most frequent spelling in the source; labels such as `NULL` or `N/A` "
        "count as missing.",
    )
    dedupe: Literal["off", "within-person", "all"] = Field(
        "off",
        description="Removes records that nearly repeat an earlier record (the Jaccard index of their 5-token "
        "shingles is at least 0.8). `within-person` compares only records of the same person, and `all` compares "
        "all records.",
    )
    copy_forward: CopyForward = Field(
        "keep",
        description="Treatment of text that a record copies from an earlier record of the same person. The rows of a "
        "table must be in the order of time. `remove-sentences` removes copied sentences, and `newest` removes a "
        "record if a later record contains at least 80 % of it.",
    )
    max_per_person: Count | None = Field(
        None, description="Maximum number of records of one person. If a person has more, a seeded sample is kept."
    )
    min_class: MinClassConfig | None = Field(
        None, description="Smallest accepted class. With null, only the minimum of `interpolate.method` applies."
    )
    max_records: Count | None = Field(
        None, description="Maximum number of records. If exceeded, a seeded sample of whole persons is kept."
    )
    max_bad_rows: Share = Field(
        0.01,
        description="Largest accepted share of unusable rows, 0 to 1. Raise the value only if losing these rows is "
        "acceptable.",
    )

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, ValueError):
            raise ValueError("is not a text encoding that Python knows, such as utf-8 or cp1252") from None
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _check_delimiter(cls, delimiter: str) -> str:
        if delimiter in '"\r\n ':
            raise ValueError("must not be a double quote, a space or a line break")
        return delimiter

    @field_validator("labels")
    @classmethod
    def _normalize_labels(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        normal = tuple(normalized(label, "NFC") for label in labels)
        if "" in normal:
            raise ValueError("a label has no visible character")
        if repeated := sorted({label for label in normal if normal.count(label) > 1}):
            raise ValueError(f"labels are listed twice: {', '.join(repeated)}")
        return normal

    @model_validator(mode="after")
    def _check_combined_keys(self) -> Self:
        if self.group is not None and self.rows_are_persons:
            raise ValueError(
                "`rows_are_persons` does not fit with `group`, which identifies persons; remove one of the two keys"
            )
        labels = self.labels or ()
        if self.normalize_labels and len(set(map(folded, labels))) < len(labels):
            raise ValueError(
                "with `normalize_labels`, two entries of `labels` are spellings of the same class; remove one of them"
            )
        if self.copy_forward != "keep" and self.rows_are_persons:
            raise ValueError(
                "`copy_forward` compares the records of one person, but `rows_are_persons` declares that each person "
                "has one record; remove one of the two keys"
            )
        if self.copy_forward != "keep" and not self.has_persons:
            raise ValueError(
                "`copy_forward` compares the records of one person, but the persons are unknown; set `group`, or "
                "remove `copy_forward`"
            )
        return self

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind == "table":
            if self.fields != FieldsConfig():
                raise ValueError(
                    "`fields` is only for hospital sources; for a table, set `text`, `label`, `group` and `id`"
                )
            return self
        table_keys = ("delimiter", "format", "group", "id", "label", "max_bad_rows", "names", "staff", "text")
        unused = [name for name in table_keys if getattr(self, name) != SourceConfig.model_fields[name].default]
        if unused:
            raise ValueError(
                f"`kind: {self.kind}` does not use these keys: {', '.join(unused)}. Remove them; set `source.fields` "
                "to change where the person, label, date, encounter or author of a note is found"
            )
        if self.rows_are_persons and self.fields.person is not None:
            raise ValueError(
                "`rows_are_persons` does not fit with `fields.person`, which identifies persons; remove one of the "
                "two keys"
            )
        if self.rows_are_persons and self.kind != "folder":
            raise ValueError(
                f"`rows_are_persons` does not fit with `kind: {self.kind}`, whose notes identify their persons"
            )
        if self.kind == "folder" and self.fields.person is None and not self.rows_are_persons:
            raise ValueError(
                "`kind: folder` needs `fields.person`, for example `folder 2` (the second folder below source.path) "
                "or `name 1` (the first part of the file name); if each file belongs to a different person, set "
                "`rows_are_persons: true`"
            )
        return self

    @property
    def has_persons(self) -> bool:
        """Whether the person of each record is known."""
        return self.group is not None or self.rows_are_persons or self.kind != "table"

    @property
    def of_notes(self) -> "SourceConfig":
        """The configuration for the table of notes extracted from this hospital source."""
        columns = {"text": "text", "label": "label", "id": "id", "names": ("names",), "format": "parquet"}
        group = None if self.rows_are_persons else "person"
        return self.model_copy(update={**columns, "group": group, "encoding": "utf-8"})
