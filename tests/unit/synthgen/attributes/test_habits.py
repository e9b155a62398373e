from typing import get_args

from synthgen.attributes import AttributeRule
from synthgen.attributes.habits import HABITS
from synthgen.attributes.lexicon import entries


def test_every_status_can_be_asked_for():
    for habit, block in HABITS.items():
        statuses = {status for status, _ in entries(block)}
        allowed = {a for part in get_args(AttributeRule.model_fields[habit].annotation) for a in get_args(part)}
        assert statuses <= allowed
