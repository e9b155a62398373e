import errno
import os
import socket
import stat
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.core import files
from audits.core.errors import InputError
from audits.core.files import (
    disk_errors,
    disk_reason,
    open_regular,
    read_parquet,
    read_regular,
    require_space,
    sync,
    write_whole,
)


def test_a_file_replaces_an_older_one_with_mode_0600(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_no_file(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "a", tmp_path / "folder"):
        with pytest.raises(InputError, match="cannot be written"):
            write_whole(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("error", "wanted"),
    [(OSError(errno.ENOSPC, "No space left"), InputError), (KeyboardInterrupt("No space left"), KeyboardInterrupt)],
)
def test_a_full_disk_or_a_stop_leaves_the_old_file(tmp_path, monkeypatch, error, wanted):
    def stopped(_descriptor):
        raise error

    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", stopped)
    with pytest.raises(wanted, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_sync_takes_files_and_folders(tmp_path):
    (tmp_path / "f").write_text("x")
    sync(tmp_path / "f")
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")


def test_only_regular_files_of_limited_size_are_read_and_nothing_blocks(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "file").write_bytes(b"1234")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path in (*(tmp_path / name for name in ("fifo", "folder", "link", "socket", "none")), "/dev/zero"):
            for read in (read_regular, open_regular):
                with pytest.raises(OSError, match=r"not a regular|directory|No such") as caught:
                    read(path)
                assert caught.value.strerror
    assert read_regular(tmp_path / "file", 4) == b"1234"
    with pytest.raises(OSError, match="the file has 4 bytes; the limit is 3 bytes"):
        open_regular(tmp_path / "file", 3)
    with pytest.raises(OSError, match="the file has more than 9 bytes"):  # the system states the size 0
        read_regular("/proc/self/status", 9)


def test_a_full_or_protected_disk_is_reported_with_the_space_needed(tmp_path):
    (tmp_path / "held").write_bytes(bytes(3 << 20))
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None):
        with (
            pytest.raises(InputError, match=r"MiB are free, at least 5 MiB are needed") as caught,
            disk_errors(tmp_path),
        ):
            raise OSError(number, "x") if number else OSError("8 requested and 5 written")
        assert caught.value.exit_code == 3
    assert "ulimit -f" in disk_reason(OSError(errno.EFBIG, ""), tmp_path / "none" / "x")
    assert disk_reason(OSError(errno.EROFS, ""), tmp_path) == "Read-only file system"
    for number in (errno.EACCES, errno.EIO):
        with pytest.raises(InputError, match=os.strerror(number)), disk_errors(tmp_path):
            raise OSError(number, "x", "file")
    for other in (OSError(errno.EBADF, "x"), OSError("unknown")):
        with pytest.raises(OSError, match=r"x|unknown"), disk_errors(tmp_path):
            raise other
    require_space(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["held"]
    with pytest.raises(InputError, match="bytes cannot be written"):
        require_space(tmp_path / "none", 10)


def test_small_parquet_file_of_many_gigabytes_is_refused_in_little_memory(tmp_path):
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), pa.array(["a " * 499_000]))
    pq.write_table(pa.table({"text": words}), tmp_path / "t.parquet", compression="zstd")
    assert (tmp_path / "t.parquet").stat().st_size < 1000
    command = f"ulimit -v 3000000; {sys.executable} -m audits rewrite t.parquet n.parquet"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "the columns of the file have more than 4294967296 bytes" in done.stderr) == (3, True), (
        done.stderr
    )


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        (["a" * 1000] * 300, 299_999),
        ([""] * 300, 300 * 50 - 1),
        (["x", None] * 150, 300 * 50 - 1),
        ([7] * 300, 14_999),
    ],
)
def test_columns_are_limited_in_bytes_and_cells(tmp_path, monkeypatch, values, limit):
    pq.write_table(pa.table({"a": values, "b": ["x" * 5000] * 300}), tmp_path / "t.parquet")
    for bound in (limit, 2 * limit):
        monkeypatch.setattr(files, "MAX_TABLE_BYTES", bound)
        with (tmp_path / "t.parquet").open("rb") as file:
            if bound == limit:
                with pytest.raises(OSError, match=f"have more than {limit} bytes"):
                    read_parquet(file, ["a"])
            else:
                names, table = read_parquet(file, ["a"])
                assert (names, table.to_pydict()) == (["a", "b"], {"a": values})


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\xff" * 200 + b"PAR1"])
def test_damaged_parquet_file_is_an_error_of_the_system(tmp_path, data):
    (tmp_path / "t.parquet").write_bytes(data)
    with (tmp_path / "t.parquet").open("rb") as file, pytest.raises(OSError, match="not a readable table"):
        read_parquet(file, ["a"])
