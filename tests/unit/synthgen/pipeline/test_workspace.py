import errno
import json
import stat
import subprocess
import sys

import pytest

from audits.core.errors import InputError
from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import Interrupted, StorageError
from synthgen.core.files import write_json
from synthgen.pipeline import workspace as module
from synthgen.pipeline.workspace import DONE, Workspace, read_field


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "ws")


class Maker:
    """Write two files and count the calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, folder):
        self.calls += 1
        (folder / "sub").mkdir()
        (folder / "sub" / "data.txt").write_text("made")
        (folder / "other.txt").write_text("too")
        return {"in": 3, "out": 2}


def names(workspace):
    return sorted(p.name for p in (workspace.root / "stages").iterdir())


def test_the_folder_is_private(tmp_path):
    workspace = Workspace(tmp_path / "deep" / "ws")
    assert mode(workspace.root) == mode(workspace.root / "stages") == 0o700


@pytest.mark.parametrize("bits", [0o701, 0o710, 0o704, 0o755, 0o770])
def test_a_folder_that_others_may_read_raises_an_error(tmp_path, bits):
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws").chmod(bits)
    with pytest.raises(StorageError, match="other users may read it") as caught:
        Workspace(tmp_path / "ws")
    assert "chmod 700" in caught.value.hint


def test_a_path_that_cannot_be_a_folder_raises_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "ws"):
        with pytest.raises(StorageError, match="is not writable"):
            Workspace(place)


def test_a_second_run_is_refused_while_the_workspace_is_locked(workspace):
    with (
        workspace.locked(),
        pytest.raises(Interrupted, match="another run has locked it") as caught,
        Workspace(workspace.root).locked(),
    ):
        pytest.fail("two runs locked one workspace")
    assert caught.value.exit_code == 7
    with workspace.locked():
        pass


def test_parts_are_refused_while_another_run_has_locked_the_workspace(workspace, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0)
    with (
        workspace.locked(),
        pytest.raises(Interrupted, match="another run has locked it"),
        Workspace(workspace.root).shared({"parts": 3}),
    ):
        pytest.fail("a run and a part of another run locked one workspace")


def test_the_lock_of_a_killed_run_is_released(workspace):
    imports = "import os, sys, pathlib; from synthgen.pipeline.workspace import Workspace"
    code = f"{imports}\nwith Workspace(pathlib.Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(workspace.root)], check=False).returncode == -9
    with workspace.locked():
        pass


def test_a_stage_is_computed_once_and_then_reused(workspace):
    make = Maker()
    first = workspace.stage("embed", {"a": 1, "b": [2]}, make)
    second = workspace.stage("embed", {"b": [2], "a": 1}, make)
    assert make.calls == 1
    assert (first.reused, second.reused) == (False, True)
    assert (second.folder, second.digest, second.seconds) == (first.folder, first.digest, first.seconds)
    assert second.counts == {"in": 3, "out": 2}
    assert names(workspace) == [f"embed-{first.digest[:16]}"]
    done = json.loads((first.folder / DONE).read_bytes())
    assert done["files"] == {"other.txt": sha256_bytes(b"too"), "sub/data.txt": sha256_bytes(b"made")}


def test_other_inputs_or_another_name_give_another_result(workspace):
    make, stages = Maker(), (("embed", 1), ("embed", 2), ("load", 1))
    folders = {workspace.stage(name, {"a": value}, make).folder for name, value in stages}
    assert make.calls == len(folders) == len(names(workspace)) == 3


DAMAGES = [  # file, new content (None: removed), reported problem
    ("sub/data.txt", "fake", "sub/data.txt: changed"),
    ("other.txt", None, "other.txt: missing"),
    ("shard-9.parquet", "one more", "shard-9.parquet: added"),
    (DONE, "{", "done.json: missing or changed"),
    (DONE, "[]", "done.json: missing or changed"),
    (DONE, None, "done.json: missing or changed"),
]


def damage(folder, file, content):
    (folder / file).unlink() if content is None else (folder / file).write_text(content)


@pytest.mark.parametrize(
    ("file", "content"), [*(damage[:2] for damage in DAMAGES), (DONE, '{"files": {}, "seconds": 1}')]
)
def test_a_changed_result_is_computed_again(workspace, file, content):
    make = Maker()
    first = workspace.stage("embed", {}, make)
    damage(first.folder, file, content)
    again = workspace.stage("embed", {}, make)
    assert (make.calls, again.reused) == (2, False)
    assert sorted(p.name for p in again.folder.iterdir()) == [DONE, "other.txt", "sub"]
    assert workspace.stage("embed", {}, make).reused


@pytest.mark.parametrize(("file", "content", "problem"), DAMAGES)
def test_a_result_that_spent_a_budget_is_neither_deleted_nor_computed_twice(workspace, file, content, problem):
    make = Maker()
    first = workspace.stage("measure", {}, make, is_paid=True)
    assert workspace.stage("measure", {}, make, is_paid=True).reused
    damage(first.folder, file, content)
    kept = sorted(p for p in first.folder.rglob("*"))
    with pytest.raises(StorageError, match="budget is spent") as refused:
        workspace.stage("measure", {}, make, is_paid=True)
    assert (make.calls, list(refused.value.problems)) == (1, [problem])
    assert sorted(p for p in first.folder.rglob("*")) == kept
    workspace.forget()
    assert not workspace.stage("measure", {}, make, is_paid=True).reused


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("keep_partial", [True, False])
def test_an_interrupted_stage_leaves_no_finished_result(workspace, stop, keep_partial):
    def stopped(folder):
        (folder / "half.txt").write_text("half")
        raise stop

    with pytest.raises(stop):
        workspace.stage("decode", {}, stopped, keep_partial=keep_partial)
    assert all(name.endswith(".partial") for name in names(workspace))
    result = workspace.stage("decode", {}, Maker(), keep_partial=keep_partial)
    assert not result.reused
    assert (result.folder / "half.txt").exists() == keep_partial
    assert names(workspace) == [result.folder.name]


def test_a_stage_continues_from_existing_shards(workspace):
    written = []

    def make(folder):
        for number in range(5):
            path = folder / f"shard-{number}"
            if not path.exists():
                path.write_text(str(number))
                written.append(number)
            if len(written) == 3:
                written.append("stop")
                raise KeyboardInterrupt
        return {"shards": 5}

    with pytest.raises(KeyboardInterrupt):
        workspace.stage("decode", {}, make, keep_partial=True)
    result = workspace.stage("decode", {}, make, keep_partial=True)
    assert written == [0, 1, 2, "stop", 3, 4]
    assert sorted(p.name for p in result.folder.glob("shard-*")) == [f"shard-{n}" for n in range(5)]
    assert workspace.stage("decode", {}, make, keep_partial=True).reused


@pytest.mark.parametrize("left", [DONE, ".part-x"])
def test_a_stop_just_before_the_rename_does_not_break_the_next_run(workspace, left):
    def make(folder):
        (folder / "data").write_text("made")
        return {}

    def stopped(folder):
        make(folder)
        (folder / left).write_text("{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.stage("decode", {}, stopped, keep_partial=True)
    workspace.stage("decode", {}, make, keep_partial=True)
    assert workspace.stage("decode", {}, make, keep_partial=True).reused


def test_forget_removes_every_result(workspace):
    make = Maker()
    workspace.stage("embed", {}, make)
    workspace.forget()
    assert names(workspace) == []
    assert mode(workspace.root / "stages") == 0o700
    assert not workspace.stage("embed", {}, make).reused


def test_json_files_are_sorted_ascii_without_a_number_that_json_lacks(tmp_path):
    path = tmp_path / "run.json"
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"auc": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(path, {"b": 1, "a": "é"})
    assert path.read_bytes() == b'{\n "a": "\\u00e9",\n "b": 1\n}\n'


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "x"), OSError(errno.EFBIG, "x"), OSError("8 requested and 5 written")]
)
def test_a_full_disk_is_an_error_of_the_user_and_the_next_attempt_succeeds(workspace, error):
    def full(folder):
        (folder / "half.txt").write_bytes(bytes(3 << 20))
        raise error

    with pytest.raises(InputError, match="at least 5 MiB are needed"):
        workspace.stage("decode", {}, full)
    assert not workspace.stage("decode", {}, Maker()).reused


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"\xff", b"3"])
def test_a_field_of_an_unreadable_file_raises_an_error(tmp_path, content):
    path = tmp_path / "state.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=r"state\.json: cannot be read as a JSON object"):
        read_field(path, "run")
    path.write_text('{"run": "a"}')
    assert (read_field(path, "run"), read_field(path, "other")) == ("a", None)
