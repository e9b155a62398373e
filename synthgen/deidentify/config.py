"""Define the `deidentify` section of the configuration."""

from typing import Literal

from pydantic import Field

from synthgen.core.section import Section


class DeidentifyConfig(Section):
    """De-identification of the source text before any model reads it."""

    engine: Literal["auto", "rules", "rules+ner", "off"] = Field(
        "auto",
        description="Engine that finds identifiers: patterns and name lists (`rules`), also the classifier Rampart "
        "(`rules+ner`), either of them (`auto`: with Rampart if it is in the model store), or none (`off`). Use "
        "`off` only for data without identifiers.",
    )
    date_order: Literal["auto", "day-first", "month-first"] = Field(
        "auto",
        description="Order of day and month in dates such as 05/11/2023; `auto` uses the unambiguous dates of the "
        "same person, and `month-first` if there are none.",
    )
