"""The rest is in test_bundle, on whole bundles."""

import json

from audits.verify.contents import COLUMNS, jsonl_bytes


def test_a_record_is_one_line_in_one_spelling():
    rows = [("0" * 16, "a \u2028 ü", "x"), ("1" * 16, "b", "y")]
    lines = jsonl_bytes(rows).split(b"\n")
    assert lines[-1] == b""
    assert [tuple(json.loads(line)) for line in lines[:-1]] == [COLUMNS, COLUMNS]
    assert lines[0].decode() == '{"id": "' + "0" * 16 + '", "text": "a \u2028 ü", "label": "x"}'
