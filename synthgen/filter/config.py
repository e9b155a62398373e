"""Define the `filter` section of the configuration."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from synthgen.attributes.rule import AttributeRule, contradictions
from synthgen.core.section import Count, Section, Share

Distance = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]  # cosine distance
AttributeRules = Annotated[dict[str, Annotated[tuple[AttributeRule, ...], Field(min_length=1)]], Field(min_length=1)]


class DistanceBounds(Section):
    """Limit of the cosine distance between a text and the vector from which it was decoded."""

    high: Distance | Literal["auto"] = Field(
        "auto",
        description="Largest cosine distance (0 to 2) between a text and the vector from which it was made. `auto` "
        "learns the limit from texts that are decoded from the vectors of real records.",
    )


class FilterConfig(Section):
    """Conditions on a synthetic text; null turns a filter off."""

    class_agreement: Share | Literal["auto"] | None = Field(
        "auto",
        description="Smallest probability (0 to 1) of the text's label under a classifier that is trained on real "
        "records, but not on records of the persons from whom the text was made. `auto` is at most 0.6 and usually "
        "accepts four fifths of the real records; set null if there is only one class.",
    )
    embedding_distance: DistanceBounds | None = Field(
        DistanceBounds(),
        description="Limits of the distance of a text to the vector from which it was made (`high`), and to the "
        "centre of its class (learned from decoded real records). Null turns all limits off.",
    )
    near_duplicate: Share | None = Field(
        0.95,
        description="Two synthetic texts count as the same if the Jaccard similarity of their 3-grams of words is at "
        "least this value (0.3 to 1). A lower value also removes texts that are less similar.",
    )
    language: Literal["source"] | None = Field(
        "source",
        description="With `source`, the character 3-grams of a text must show the language and script of the source, "
        "and the text must not consist only of numbers and codes.",
    )
    length: Literal["auto"] | tuple[Count, Count] | None = Field(
        "auto",
        description="Allowed length in words: `auto` for the lengths of real records, or `[shortest, longest]`. With "
        "a privacy budget, `auto` is refused.",
    )
    repetition: Share | None = Field(
        0.35, description="Largest share (0 to 1) of 4-grams of words that are repeated within a text."
    )
    fluency: Share | None = Field(
        0.5,
        description="Largest mean surprisal of a text's tokens under the language model, as a share of the surprisal "
        "of a random guess. The measured share is near 0.25 for a trained model, and near 1 for a damaged one.",
    )
    coherent: Literal["prefer", "require"] | None = Field(
        "prefer",
        description="Treatment of contradictions, which rules for English clinical notes find: `prefer` keeps, of "
        "several texts of a vector, the text with the fewest; `require` rejects every text with a contradiction. "
        "See `docs/explanation/coherence.md`.",
    )
    attributes: AttributeRules | None = Field(
        None,
        description='Rules on the content of the texts, as a list for each label or for all labels (`"*"`). Each '
        "rule is a condition on exactly one attribute.",
    )

    @field_validator("attributes")
    @classmethod
    def _no_contradictions(cls, rules: AttributeRules | None) -> AttributeRules | None:
        if rules is not None and (found := contradictions(rules)):
            raise ValueError("no text can fulfil these rules: " + "; ".join(found))
        return rules

    @field_validator("length")
    @classmethod
    def _in_order(cls, length: object) -> object:
        if isinstance(length, tuple) and length[0] > length[1]:
            raise ValueError(f"the shortest length must not exceed the longest, got {length[0]} and {length[1]}")
        return length
