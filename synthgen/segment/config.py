"""What `segments` can say."""

from typing import Annotated, Literal

from pydantic import Field

from synthgen.core.section import MAX_NUMBER, Section


class SegmentsConfig(Section):
    """How long records are cut; without this section a record is one segment."""

    by: Literal["headings", "sentences", "auto"] = "auto"  # auto: by the shared headings, if there are any
    words: Annotated[int, Field(ge=10, le=1000)] = 90  # of a segment, about; what a vector has room for
    least_persons: Annotated[int, Field(ge=2, le=MAX_NUMBER)] = 5  # must share a heading, or it is private text
    context_tokens: Annotated[int, Field(ge=1, le=4096)] = 192  # of the text so far, read before the next segment
