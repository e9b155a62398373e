"""Extract the age, sex, conditions, symptoms, medications and habits of a person from a text about this person."""

from synthgen.attributes.compare import ComparisonRow, compare
from synthgen.attributes.extract import extract
from synthgen.attributes.rule import ANY_LABEL, AttributeRule, is_fulfilled

__all__ = ["ANY_LABEL", "AttributeRule", "ComparisonRow", "compare", "extract", "is_fulfilled"]
