import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from synthgen.core.digest import sha256_file
from synthgen.core.errors import ModelError, ModelMissing, StorageError
from synthgen.models import store as module
from synthgen.models.registry import Pin
from synthgen.models.store import (
    MANIFEST,
    digest_of,
    model_folder,
    name_by_weights,
    read_manifest,
    staged,
    store_folder,
    write_manifest,
)


@pytest.fixture
def local(tmp_path):
    """Return a folder with the files of a local model."""
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def add_to_manifest(folder, path):
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][path] = {"sha256": sha256_file(folder / path), "bytes": (folder / path).stat().st_size}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_copy_of_a_registered_model_has_its_name(local, monkeypatch):
    (local / "tokenizer.json").write_text("{}")
    pins = {
        path.name: Pin(sha256_file(path), path.stat().st_size)
        for path in (local / "model.safetensors", local / "tokenizer.json")
    }
    monkeypatch.setattr(module, "MODELS", {"small": SimpleNamespace(name="small", files=pins)})
    assert name_by_weights(str(local), local) == "small"
    assert name_by_weights("small", local / "elsewhere") == "small"
    (local / "model.safetensors").write_bytes(b"WEIGHTS")
    assert name_by_weights(str(local), local) == str(local)
    (local / "model.safetensors").unlink()
    assert name_by_weights(str(local), local) == str(local)


def test_store_folder_is_configured_or_in_the_cache(store, monkeypatch):
    assert store_folder() == store
    monkeypatch.setenv("SYNTHGEN_MODELS", "")
    assert store_folder() == Path.home() / ".cache" / "synthgen" / "models"
    monkeypatch.delenv("SYNTHGEN_MODELS")
    assert store_folder() == Path.home() / ".cache" / "synthgen" / "models"


def test_missing_model_error_says_how_to_install_it(store):
    with pytest.raises(ModelMissing, match="model 'minilm' is not in the store") as caught:
        model_folder("minilm")
    assert caught.value.hint == "Run `synthgen models pull minilm`."
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("name", ["nobody/nothing", "a/../b", "nothing", "a/b/c"])
def test_unknown_name_is_model_missing(store, name):
    with pytest.raises(ModelMissing, match="neither in the store"):
        model_folder(name)


def test_files_of_wrong_size_are_listed(pulled):
    (pulled / "config.json").unlink()
    (pulled / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="'tiny' in the store is damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("config.json: missing", "model.safetensors: 5 bytes, expected 768")
    assert "--force" in caught.value.hint


def test_manifest_of_other_weights_is_rejected(pulled):
    (pulled / "model.safetensors").write_bytes(bytes(768))
    add_to_manifest(pulled, "model.safetensors")
    assert digest_of(pulled)  # the files match the manifest
    with pytest.raises(ModelError, match="damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("model.safetensors: not the file that this version of SynthGen expects",)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": {}}', '{"files": 3}', '{"files": {"a": {"bytes": 1}}}'])
def test_invalid_manifest_is_rejected(pulled, text):
    (pulled / MANIFEST).write_text(text)
    for read in (lambda: model_folder("tiny"), lambda: digest_of(pulled), lambda: read_manifest(pulled)):
        with pytest.raises(ModelError, match=r"manifest\.json"):
            read()


def test_local_folders_with_and_without_shards_are_models(local):
    assert model_folder(str(local)) == local
    (local / "model.safetensors").rename(local / "model-00001-of-00001.safetensors")
    change(local, weight_map(dict.fromkeys("ab", "model-00001-of-00001.safetensors")))
    assert model_folder(str(local)) == local


CONFIG, INDEX, MODULES = "config.json", "model.safetensors.index.json", "modules.json"
FOREIGN_SHARD = "named in the index, but not a safetensors file of this folder"
FOREIGN = '[{"type": "sentence_transformers.models.Pooling"}, {"type": "evil.Module"}]'


def weight_map(value):
    return {INDEX: json.dumps({"weight_map": value})}


def change(folder, files):
    """Write the files, given as text; delete those that are None."""
    for path, text in files.items():
        if text is None:
            (folder / path).unlink()
        else:
            (folder / path).write_text(text)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({CONFIG: '{"auto_map": {}}'}, "config.json: requires remote code (auto_map), which is never run"),
        ({"model.safetensors": None, "x.bin": ""}, "no *.safetensors file; weights in other formats are never read"),
        ({CONFIG: None}, "config.json: missing"),
        (weight_map({"a": "b.safetensors"}), "b.safetensors: named in the index, but missing"),
        (weight_map({"a": "evil.bin"}) | {"evil.bin": ""}, f"evil.bin: {FOREIGN_SHARD}"),
        (weight_map({"a": "../x.safetensors"}) | {"../x.safetensors": ""}, f"../x.safetensors: {FOREIGN_SHARD}"),
        (weight_map(["a"]), "model.safetensors.index.json: weight_map must map each tensor to a file"),
        (
            {MODULES: FOREIGN},
            "modules.json: requires code from outside sentence-transformers (evil.Module), which is never run",
        ),
        ({MODULES: '{"type": 3}'}, "modules.json: must list modules with their type"),
    ],
)
def test_unsafe_or_incomplete_folder_is_rejected(local, files, problem):
    change(local, files)
    with pytest.raises(ModelError, match="this model cannot be used") as caught:
        model_folder(str(local))
    assert caught.value.problems == (problem,)


def test_all_problems_of_a_folder_are_listed(local):
    change(local, {CONFIG: None, "model.safetensors": None, MODULES: FOREIGN})
    with pytest.raises(ModelError) as caught:
        model_folder(str(local))
    assert len(caught.value.problems) == 3


def test_config_that_is_not_json_is_rejected(local):
    (local / CONFIG).write_bytes(b"\xff")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        model_folder(str(local))


@pytest.mark.parametrize("path", ["config.json", "model.safetensors", "sub/vocab.txt"])
def test_digest_detects_a_flipped_bit_and_a_missing_file(pulled, path):
    assert digest_of(pulled) == digest_of(pulled)
    data = bytearray((pulled / path).read_bytes())
    data[len(data) // 2] ^= 1
    (pulled / path).write_bytes(data)
    model_folder("tiny")  # the size is unchanged
    with pytest.raises(ModelError, match="the files of the model were changed after the installation") as caught:
        digest_of(pulled)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{path}: sha256 ")
    (pulled / path).unlink()
    with pytest.raises(ModelError) as caught:
        digest_of(pulled)
    assert caught.value.problems == (f"{path}: missing",)


def test_additional_file_is_rejected_even_if_in_the_manifest(pulled):
    (pulled / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("adapter_config.json: not a file of this model",)
    add_to_manifest(pulled, "adapter_config.json")
    with pytest.raises(ModelError, match="is damaged") as named:
        model_folder("tiny")
    assert named.value.problems == caught.value.problems


def test_digest_of_a_local_folder_covers_names_and_contents(local):
    before = digest_of(local)
    (local / "notes.md").write_text("not read by any model")
    assert digest_of(local) == before
    (local / "tokenizer.json").write_text("{}")
    added = digest_of(local)
    (local / "tokenizer.json").rename(local / "vocab.json")
    assert len({before, added, digest_of(local)}) == 3


def test_staged_model_appears_after_the_block(store):
    with staged("tiny") as folder:
        (folder / "a").write_text("new")
        assert not (store / "tiny").exists()
    with staged("tiny") as folder:
        assert list(folder.iterdir()) == []
        (folder / "b").write_text("newer")
    assert [p.name for p in (store / "tiny").iterdir()] == ["b"]
    assert [p.name for p in store.iterdir()] == ["tiny"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_interrupted_staging_keeps_the_old_model(store, stop):
    with staged("tiny") as folder:
        (folder / "a").write_text("old")

    with pytest.raises(stop), staged("tiny") as folder:  # noqa: PT012 - written, then interrupted
        (folder / "a").write_text("half")
        raise stop
    assert [p.name for p in store.iterdir()] == ["tiny"]
    assert (store / "tiny" / "a").read_text() == "old"


def test_unwritable_store_is_a_storage_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="is not writable") as caught, staged("tiny"):
        pytest.fail("staged in a file")
    assert "SYNTHGEN_MODELS" in caught.value.hint


def test_manifest_requires_exactly_the_pinned_files(tiny, tmp_path):
    folder = tmp_path / "made"
    for path, data in tiny.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    write_manifest(folder, "tiny")
    sizes = {path: entry["bytes"] for path, entry in read_manifest(folder).items()}
    assert sizes == {path: len(data) for path, data in tiny.files.items()}
    (folder / MANIFEST).unlink()
    (folder / "config.json").unlink()
    (folder / "sub" / "vocab.txt").write_bytes(b"b\na\n")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="the files of the model differ from the expected files") as caught:
        write_manifest(folder, "tiny")
    files = [problem.split(":")[0] for problem in caught.value.problems]
    assert files == ["config.json", "vocab.txt", "adapter_config.json"]
    assert not (folder / MANIFEST).exists()


def test_differs_describes_the_difference(tmp_path):
    path, pin = tmp_path / "f", Pin("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)  # of "abc"
    assert module.difference_from_pin(path, pin) == "f: missing"
    for data, found in [
        (b"ab", "f: truncated, 2 bytes, expected 3"),
        (b"abcd", "f: too long, 4 bytes, expected 3"),
        (b"abc", None),
    ]:
        path.write_bytes(data)
        assert module.difference_from_pin(path, pin) == found
    path.write_bytes(b"abd")
    assert module.difference_from_pin(path, pin).startswith("f: wrong sha256 ")
