import importlib
import pkgutil

import pytest

import synthgen
from audits.gate.evidence import AUDIT_NAMES
from audits.runner.registry import AUDITS
from audits.verify import vocabulary
from audits.verify.vocabulary import (
    HIDDEN,
    LIBRARIES,
    MAX_RECORDS,
    MAX_ROUNDS,
    MAX_TURNS,
    MODELS,
    REASONS,
    SETTINGS,
    STAGES,
    STYLE_KINDS,
    STYLES,
    public_config,
)
from synthgen.attributes.rule import AttributeRule
from synthgen.config import Config
from synthgen.core import made_by
from synthgen.core.stage import Stage
from synthgen.decode.style_adapter import built_in_styles
from synthgen.evaluate.style_gap import style_profile
from synthgen.models.registry import MODELS as REGISTERED
from synthgen.pipeline import rounds, stage_order
from synthgen.plan.sample import SAMPLE


def test_words_are_those_of_the_program():
    assert LIBRARIES == made_by.LIBRARIES
    assert set(MODELS) == set(REGISTERED)
    assert set(STYLES) == set(built_in_styles())
    assert tuple(AUDITS) == AUDIT_NAMES
    assert tuple(style_profile([])) == STYLE_KINDS
    rules = {f"attributes_{name}" for name in AttributeRule.model_fields} - {"attributes_prefer"}
    assert {reason for reason in REASONS if reason.startswith("attributes_")} == rules


def test_every_stage_and_filter_of_the_program_is_known():
    modules = [info.name for info in pkgutil.walk_packages(synthgen.__path__, "synthgen.")]
    loaded = [importlib.import_module(name) for name in modules if "__main__" not in name]
    stages = {value.name for module in loaded for value in vars(module).values() if isinstance(value, Stage)}
    assert stages - {SAMPLE.name} <= set(STAGES)  # only the pilot has this stage, not a run
    assert len(stages) > 10
    assert (MAX_ROUNDS, MAX_TURNS) == (rounds.MAX_ROUNDS, stage_order.TURNS)
    values = [value for m in loaded if m.__name__.startswith("synthgen.filter") for value in vars(m).values()]
    filters = {
        kind.name for kind in values if isinstance(kind, type) and isinstance(getattr(kind, "name", None), str)
    }
    assert [name for name in filters if not any(reason.startswith(name) for reason in REASONS)] == []
    assert len(filters) > 6


def schema_of(section, key):
    """Return the JSON Schemas of the values of a setting."""
    whole = Config.model_json_schema()

    def parts(schema):
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].split("/")[-1]]
        return [one for part in schema["anyOf"] for one in parts(part)] if "anyOf" in schema else [schema]

    of = whole if section == "" else next(one for one in parts(whole["properties"][section]) if "properties" in one)
    return parts(of["properties"][key])


# settings that are paths or names
PATHS = {("embed", "model"), *(("decode", key) for key in ("model", "bridge", "style", "template", "examples"))}


@pytest.mark.parametrize(("section", "key"), [(name, key) for name, keys in SETTINGS.items() for key in keys])
def test_published_settings_have_type_and_range_of_the_configuration(section, key):
    setting, schemas = SETTINGS[section][key], schema_of(section, key)
    words = {word for one in schemas for word in one.get("enum", [one["const"]] if "const" in one else [])}
    words |= {None} & {None for one in schemas if one.get("type") == "null"}
    words |= {word for one in schemas if one.get("type") == "boolean" for word in (True, False)}
    if (section, key) == ("decode", "endpoint"):
        assert set(setting.words) == {"private", "remote", None}
    elif (section, key) in PATHS:
        assert (None in setting.words) == (None in words)
    else:
        assert set(setting.words) == {word for word in words if not isinstance(word, int) or isinstance(word, bool)}
    numbers = [one for one in schemas if one.get("type") in {"integer", "number"}]
    if not numbers or "const" in numbers[0] or "enum" in numbers[0]:
        assert set(range(int(setting.low), int(setting.high) + 1)) == words - set(setting.words)
    else:
        (one,) = numbers
        assert (setting.step == 1) == (one["type"] == "integer")
        assert setting.low == one.get("minimum", one.get("exclusiveMinimum"))
        most = one.get("maximum", one.get("exclusiveMaximum", setting.high))
        assert setting.high == (most if most < 2**53 - 1 else setting.high) <= MAX_RECORDS


@pytest.mark.parametrize(
    ("section", "key", "value", "shown"),
    [
        *(("interpolate", "method", wrong, HIDDEN) for wrong in (123456789, True, None, "john", ["smote"], {})),
        *(("decode", "candidates", wrong, HIDDEN) for wrong in (0, 65, 4.0, True, "4", 10**30)),
        *(("decode", "top_p", wrong, HIDDEN) for wrong in (-0.1, 1.1, float("nan"), float("inf"), False)),
        *(("interpolate", "conditional", value, value) for value in (True, False, None)),
        ("interpolate", "conditional", 1, HIDDEN),
        ("decode", "temperature", 0.123456789, 0.123457),
        ("decode", "temperature", 1e-300, 0.0),
        ("interpolate", "kind", 1, 1),
        ("interpolate", "total", None, None),
    ],
)
def test_only_values_of_a_setting_are_published(section, key, value, shown):
    found = SETTINGS[section][key].public(value)
    assert (found, type(found)) == (shown, type(shown))
    assert SETTINGS[section][key].public(found) == found


def test_a_server_is_published_without_its_address():
    server = {"url": "http://10.0.0.7/v1", "model": "local", "key_env": "OUR_KEY"}
    for allowed, word in ((False, "private"), (True, "remote")):
        shown = public_config({"decode": {"endpoint": {**server, "allow_remote": allowed}}})
        assert shown["decode"]["endpoint"] == word
        assert public_config(shown) == shown
    assert public_config({"decode": {"endpoint": server}})["decode"]["endpoint"] == HIDDEN


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        *((text, text) for text in ("2.13.0+cpu", "3.0rc1", "2026.10.19.post1", "absent", "2.8.0+cu128", "2.2.358")),
        *(
            (text, "other")
            for text in (
                "1.0+johndoe",
                "1.0+john",
                "1.0+cpu1",
                "1.0.0.0",
                "1.1234",
                "01.2",
                "1.0rc12",
                "e" * 64,
                "12345.1",
                "1.0 John",
                "1٣",
                "1.2.3.4.5",
            )
        ),
    ],
)
def test_versions(version, shown):
    assert vocabulary.public_version(version) == shown
