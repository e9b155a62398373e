"""Check that every configuration parameter is described, and that the reference page shows the descriptions."""

from pathlib import Path
from typing import get_args

import pytest

from synthgen.attributes import AttributeRule
from synthgen.cli.schemas import configuration_page, parameters, schema_of, split_description
from synthgen.config import Config
from synthgen.dp import gaussian, word_queries
from synthgen.dp.method import VOTE_QUERIES

PAGE = Path(__file__).parents[3] / "docs/reference/configuration.md"
PARAMETERS = dict(parameters(Config))
MAX_CELL = 200  # characters of a table cell


def test_the_parameters_of_all_sections_are_found():
    names = {"version", "source.path", "interpolate.max_exposure", "filter.embedding_distance.high"}
    assert names | {"filter.attributes.sex"} <= set(PARAMETERS)


@pytest.mark.parametrize("path", PARAMETERS)
def test_a_parameter_is_described_in_one_or_two_short_sentences(path):
    description = PARAMETERS[path].description
    assert description, f"{path} has no description; add Field(description=...)"
    assert len(description.split()) >= 3
    assert description.endswith(".")
    assert "|" not in description, "the reference page shows the description in a table"
    assert max(map(len, split_description(description))) <= MAX_CELL


def test_a_description_is_split_after_its_first_sentence():
    whole = "Share, 0.5 e.g. per class. Raise it. Or not."
    assert split_description(whole) == ("Share, 0.5 e.g. per class.", "Raise it. Or not.")
    assert split_description("Format. `auto` derives it.") == ("Format.", "`auto` derives it.")
    assert split_description("One sentence.") == ("One sentence.", "")


def test_the_reference_page_is_generated_from_the_descriptions_and_shows_defaults_as_in_yaml():
    page = configuration_page()
    command = "synthgen schema config --markdown > docs/reference/configuration.md"
    assert PAGE.read_text(encoding="utf-8") == page, f"renew the page: {command}"
    defaults = {"version": "required", "ledger": "`null`", "split.train": "`0.5`", "dp.shares": "`{}`"}
    defaults |= {"release.formats": "`[parquet, jsonl]`", "filter.attributes.prefer": "`false`"}
    defaults |= {"filter.embedding_distance": "`{high: auto}`"}
    for name, default in defaults.items():
        assert f"\n| `{name}` | {default} | " in page
    assert ("`base`" in page, "`file`" in page) == (False, False)


def test_the_json_schema_carries_the_descriptions():
    schema = schema_of("config")
    assert schema["properties"]["seed"]["description"] == PARAMETERS["seed"].description
    sections = schema["$defs"]
    assert sections["DecodeConfig"]["properties"]["top_k"]["description"] == PARAMETERS["decode.top_k"].description
    for section in (schema, *sections.values()):
        for parameter in section.get("properties", {}).values():
            referenced = sections.get(str(parameter.get("$ref")).removeprefix("#/$defs/"), {})
            assert "description" in parameter or "description" in referenced  # pydantic omits an equal docstring


def test_the_description_of_shares_states_the_defaults():
    for name, spec in (gaussian.QUERIES | word_queries.QUERIES | VOTE_QUERIES).items():
        assert f"`{name}` {spec.share:g}" in PARAMETERS["dp.shares"].description


@pytest.mark.parametrize("name", ["age_band", "sex", "smoking", "alcohol", "drugs", "exercise", "living"])
def test_the_description_of_an_attribute_lists_its_values(name):
    field = AttributeRule.model_fields[name]
    values = [value for inner in get_args(field.annotation) for value in get_args(inner)]
    assert values
    assert [value for value in values if f"`{value}`" not in field.description] == []
