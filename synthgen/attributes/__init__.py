"""What a text says of a person: age, sex, conditions, symptoms, medicines, habits; found by rules of our own."""

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
