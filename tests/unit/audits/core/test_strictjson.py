import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.strictjson import MAX_DEPTH, JsonError, canonical, parse, parse_canonical

LARGEST = 2**53 - 1  # RFC 8785 has no larger exact integers
TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_canonical_bytes_come_back_as_the_same_value(value):
    data = canonical(value)
    assert parse_canonical(data) == value
    assert canonical(parse_canonical(data)) == data


@pytest.mark.parametrize("value", [2.0**53, -(2.0**53), 2.0**64, 1e20, 999999999999999900000.0, 1e21, 1.7e308])
def test_large_doubles_can_be_read_after_writing(value):
    assert parse_canonical(canonical({"value": value})) == {"value": value}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        *((data, "duplicate key") for data in (b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}')),
        *((data, "JSON does not allow") for data in (b"NaN", b"[Infinity]", b"[-Infinity]")),
        *((b"1e999", "too large"), (b'"\xff"', "not UTF-8")),
        *((data, "not valid JSON") for data in (b"9" * 5000, b'\xef\xbb\xbf"a"', b"{", b"", b"1 2")),
        *((b"[" * n + b"]" * m, "nested too deeply") for n, m in ((100_000, 0), (MAX_DEPTH + 1, MAX_DEPTH + 1))),
    ],
)
def test_ambiguous_json_is_rejected(data, message):
    with pytest.raises(JsonError, match=message):
        parse(data)


@pytest.mark.parametrize(
    "data", [b" 1", b"1.0", b'{"b":1,"a":2}', b'"\\u0041"', b'{"a": 1}', b"-0", b"1E2", b"9007199254740993"]
)
def test_other_spellings_are_not_canonical(data):
    parse(data)
    with pytest.raises(JsonError, match="not in canonical form"):
        parse_canonical(data)


def test_values_without_a_canonical_form_are_rejected():
    for value in (math.nan, math.inf, 2**53, "\ud800", {1: 2}):
        with pytest.raises(JsonError, match="cannot be written"):
            canonical(value)
    with pytest.raises(JsonError):
        parse_canonical(json.dumps("\ud800").encode())
