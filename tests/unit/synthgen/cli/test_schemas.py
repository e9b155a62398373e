import json
import re
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from audits.gate.shipped import load_policy
from synthgen.cli.schemas import Kind, schema_of

KINDS = get_args(Kind)


def references(node):
    """Yield the target of every reference in a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for item in node.values():
            yield from references(item)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_valid_and_their_references_resolve(kind):
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert set(schema["required"]) <= set(schema["properties"])
    assert json.loads(json.dumps(schema)) == schema
    for target in references(schema):
        assert target.removeprefix("#/$defs/") in schema["$defs"]


def test_the_schemas_have_the_keys_of_a_file_and_no_others():
    schema = schema_of("config")
    assert {"version", "source", "interpolate", "policy", "release"} <= set(schema["properties"]) - {"base"}
    assert "base" not in schema["properties"]
    assert schema["additionalProperties"] is False
    bridge = schema_of("bridge")
    assert {"encoder", "corpus", "train", "out"} <= set(bridge["properties"])
    assert "base" not in bridge["properties"]
    parts = [bridge, *bridge["$defs"].values()]
    fields = [(name, one) for part in parts for name, one in part["properties"].items()]
    assert [name for name, one in fields if not {"description", "$ref"} & set(one)] == []
    assert set(load_policy("research").model_dump()) == set(schema_of("policy")["properties"])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bridge"])  # its schema has no patterns
def test_the_patterns_of_a_schema_are_valid_in_json_schema(kind):
    """JSON Schema uses the regular expressions of ECMA 262, where only special characters may be escaped."""
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(schema_of(kind)))
    assert patterns
    for pattern in map(json.loads, patterns):
        assert not re.search(r"\\[^dDwWsSbBnrtvf0.*+?^$()\[\]{}|/\\pP]", pattern), pattern
