import importlib
import pkgutil

import pytest

import synthgen
from audits.gate.evidence import AUDIT_NAMES
from audits.runner.registry import names
from audits.verify import vocabulary
from audits.verify.vocabulary import (
    LIBRARIES,
    MODELS,
    MOST_ROUNDS,
    MOST_TURNS,
    REASONS,
    SETTINGS,
    STAGES,
    STYLE_KINDS,
    STYLES,
)
from synthgen.attributes.rule import AttributeRule
from synthgen.config import Config
from synthgen.core import made_by
from synthgen.core.stage import Stage
from synthgen.decode.style_adapter import built_in_styles
from synthgen.evaluate.style_gap import style_profile
from synthgen.models.registry import MODELS as REGISTERED
from synthgen.pipeline import pipeline, rounds


def test_words_are_those_of_the_program():
    assert LIBRARIES == made_by.LIBRARIES
    assert set(MODELS) == set(REGISTERED)
    assert set(STYLES) == set(built_in_styles())
    assert names() == AUDIT_NAMES
    assert tuple(style_profile([])) == STYLE_KINDS
    rules = {f"attributes_{name}" for name in AttributeRule.model_fields} - {"attributes_prefer"}
    assert {reason for reason in REASONS if reason.startswith("attributes_")} == rules


def test_every_stage_and_filter_of_the_program_is_known():
    modules = [info.name for info in pkgutil.walk_packages(synthgen.__path__, "synthgen.")]
    loaded = [importlib.import_module(name) for name in modules if "__main__" not in name]
    stages = {value.name for module in loaded for value in vars(module).values() if isinstance(value, Stage)}
    assert stages <= set(STAGES)
    assert len(stages) > 10
    assert (MOST_ROUNDS, MOST_TURNS) == (rounds.MOST_ROUNDS, pipeline.TURNS)
    values = [value for m in loaded if m.__name__.startswith("synthgen.filter") for value in vars(m).values()]
    filters = {
        kind.name for kind in values if isinstance(kind, type) and isinstance(getattr(kind, "name", None), str)
    }
    assert [name for name in filters if not any(reason.startswith(name) for reason in REASONS)] == []
    assert len(filters) > 6


def test_published_settings_exist():
    sample = {"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}, "segments": {}}
    config = Config.parse(sample).model_dump(mode="json")
    for section, keys in SETTINGS.items():
        assert set(keys) <= set(config[section] if section else config)


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        *((text, text) for text in ("2.13.0+cpu", "3.0rc1", "2026.10.19.post1", "absent", "1.0+john")),
        *((text, "other") for text in ("1.0+johndoe", "12345.1", "1.0 John", "1٣", "1.2.3.4.5")),
    ],
)
def test_versions(version, shown):
    assert vocabulary.public_version(version) == shown
