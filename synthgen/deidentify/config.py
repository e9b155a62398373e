"""Define the `deidentify` section of the configuration."""

from typing import Literal

from pydantic import Field

from synthgen.core.section import Section


class DeidentifyConfig(Section):
    """De-identification of the source text before any model reads it."""

    engine: Literal["rules", "presidio", "off"] = Field(
        "rules",
        description="Engine that finds identifiers: `rules` uses built-in patterns and name lists, `presidio` adds "
        "the Presidio library, `off` keeps the text unchanged. Use `off` only for data without identifiers.",
    )
