"""Define the `segments` section of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from synthgen.core.section import MAX_NUMBER, Section


class SegmentsConfig(Section):
    """Segmentation of long records. Without this section, a record is one segment."""

    by: Literal["headings", "sentences", "auto"] = Field(
        "auto",
        description="Where records are cut: at section `headings`, or only between `sentences`. `auto` uses headings "
        "if training records of enough persons share a heading (see `least_persons`).",
    )
    words: Annotated[int, Field(ge=10, le=1000)] = Field(
        90,
        description="Approximate length of a segment in words. One vector represents one segment, so longer segments "
        "lose more detail.",
    )
    least_persons: Annotated[int, Field(ge=2, le=MAX_NUMBER)] = Field(
        5,
        description="A line counts as a heading if at least this number of training persons share it. Rarer lines "
        "are treated as private text.",
    )
    context_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(
        64,
        description="Number of tokens at the end of the preceding text that the decoder reads before the next "
        "segment; with `engine: endpoint`, it reads the whole preceding text. A lower number saves memory.",
    )
