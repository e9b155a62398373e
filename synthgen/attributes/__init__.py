"""Extract attributes of a person from text by rules: age, sex, conditions, symptoms, medications, habits."""

from synthgen.attributes.compare import ComparisonRow, compare
from synthgen.attributes.extract import extract
from synthgen.attributes.lexicon import AttributeFinding
from synthgen.attributes.rule import ANY_LABEL, AttributeRule, contradictions, is_fulfilled, mentions

__all__ = [
    "ANY_LABEL",
    "AttributeFinding",
    "AttributeRule",
    "ComparisonRow",
    "compare",
    "contradictions",
    "extract",
    "is_fulfilled",
    "mentions",
]
