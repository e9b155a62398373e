import stat

import pytest

from audits.core.strictjson import JsonError
from synthgen.core.files import read_json, write_bytes, write_json


def test_files_are_private_and_replaced_atomically(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [2]})
    assert read_json(path) == {"a": (2,), "b": 1}
    write_bytes(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(JsonError, match="not valid JSON"):
        read_json(path)
