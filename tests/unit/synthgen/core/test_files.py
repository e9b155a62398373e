import stat

import pytest

from audits.core.strictjson import JsonError
from synthgen.core.files import read_json, write_json


def test_files_are_private_and_replaced_atomically(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [2]})
    assert read_json(path) == {"a": (2,), "b": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"new")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(JsonError, match="not valid JSON"):
        read_json(path)
