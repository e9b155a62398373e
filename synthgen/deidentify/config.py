"""Define the `deidentify` section of the configuration."""

from typing import Literal, Self

from pydantic import Field, model_validator

from synthgen.core.section import Section


class DeidentifyConfig(Section):
    """Settings of the stage that replaces identifiers in the source texts, before the texts are embedded."""

    engine: Literal["auto", "rules", "rules+ner", "off"] = Field(
        "auto",
        description="Engine that finds identifiers: `rules` (patterns and name lists), `rules+ner` (the rules and "
        "the classifier Rampart), or `off` (none). `auto` means `rules+ner` if Rampart is in the model store, and "
        "otherwise `rules`; use `off` only for data without identifiers.",
    )
    date_order: Literal["auto", "day-first", "month-first"] = Field(
        "auto",
        description="Order of day and month in dates such as 05/11/2023; `auto` uses the unambiguous dates of the "
        "same person, and `month-first` if there are none.",
    )
    sample: str | None = Field(
        None,
        description="File with texts of the institution and their marked identifiers, in a format that `synthgen "
        "deidentify evaluate` reads. The run measures its engine on these texts and records the metric "
        "`deidentify.recall`, which a policy can require.",
    )

    @model_validator(mode="after")
    def _sample_needs_engine(self) -> Self:
        if self.engine == "off" and self.sample is not None:
            raise ValueError(
                "`sample` measures the engine, but `engine` is off; set `engine` to rules or rules+ner, or remove "
                "`sample`"
            )
        return self
