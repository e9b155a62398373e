"""What a text says of a person: age, sex, conditions, symptoms, medicines, habits; found by rules of our own."""

from synthgen.attributes.compare import ComparisonRow, compare
from synthgen.attributes.extract import extract
from synthgen.attributes.finding import AttributeFinding
from synthgen.attributes.mentions import mentions
from synthgen.attributes.rule import ANY_LABEL, AttributeRule, contradictions, is_fulfilled

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
