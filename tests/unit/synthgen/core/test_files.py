import stat

import pytest

from audits.core.strictjson import JsonError
from synthgen.core.errors import StorageError
from synthgen.core.files import check_writable, read_bytes, read_json, write_by, write_json


def test_files_are_private_and_replaced_atomically(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [2]})
    assert read_json(path) == {"a": (2,), "b": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"new")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(JsonError, match="not valid JSON"):
        read_json(path)


def test_an_interrupted_write_leaves_the_old_content(tmp_path):
    path = tmp_path / "a.npy"
    write_by(path, lambda partial: partial.write_bytes(b"old"))
    with pytest.raises(ZeroDivisionError):
        write_by(path, lambda partial: partial.write_bytes(b"new") / 0)
    assert read_bytes(path, 3) == b"old"
    for other, most in ((path, 2), (tmp_path, 9), (tmp_path / "none", 9)):
        with pytest.raises(StorageError, match="cannot be read"):
            read_bytes(other, most)


def test_a_folder_below_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    check_writable(tmp_path / "new" / "out")
    with pytest.raises(StorageError, match=r"file/out is not writable"):
        check_writable(tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match=r"link is not writable"):
        check_writable(tmp_path / "link")
