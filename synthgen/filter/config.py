"""What `filter` can say."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthgen.attributes.rule import AttributeRule, contradictions
from synthgen.core.section import Count, Section, Share

Distance = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]  # of cosine
AttributeRules = Annotated[dict[str, Annotated[tuple[AttributeRule, ...], Field(min_length=1)]], Field(min_length=1)]


class DistanceBounds(Section):
    """Two-sided cosine distance bounds; auto learns them on real records sent through the decoder."""

    low: Distance | Literal["auto"] = "auto"
    high: Distance | Literal["auto"] = "auto"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low != "auto" and self.high != "auto" and self.low > self.high:
            raise ValueError(f"low must not be above high, got {self.low:g} and {self.high:g}")
        return self


class FilterConfig(Section):
    """What a candidate must be to be kept; null turns a filter off."""

    class_agreement: Share | None = 0.6
    embedding_distance: DistanceBounds | None = DistanceBounds()
    near_duplicate: Share | None = 0.95
    language: Literal["source"] | None = "source"
    length: Literal["auto"] | tuple[Count, Count] | None = "auto"
    repetition: Share | None = 0.35
    consistent: Literal["prefer", "require"] | None = None  # paragraphs that tell one age and one sex
    attributes: AttributeRules | None = None  # what texts of a label, or of any ("*"), must say of their person

    @field_validator("attributes")
    @classmethod
    def _can_be(cls, rules: AttributeRules | None) -> AttributeRules | None:
        if rules is not None and (found := contradictions(rules)):
            raise ValueError("no text can be so: " + "; ".join(found))
        return rules

    @field_validator("length")
    @classmethod
    def _in_order(cls, length: object) -> object:
        if isinstance(length, tuple) and length[0] > length[1]:
            raise ValueError(f"the shortest must not be above the longest, got {length[0]} and {length[1]}")
        return length
