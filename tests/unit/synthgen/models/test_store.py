import json
from pathlib import Path

import pytest

from synthgen.core.digest import sha256_file
from synthgen.core.errors import ModelError, ModelMissing, StorageError
from synthgen.models.registry import Pin
from synthgen.models.store import (
    MANIFEST,
    differs,
    digest_of,
    model_folder,
    read_manifest,
    refuse_unsafe,
    staged,
    store_folder,
    write_manifest,
)


@pytest.fixture
def local(tmp_path):
    """A folder with what a local model needs."""
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def index(folder, weight_map):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_the_store_is_where_it_is_told_to_be_or_in_the_cache(store, monkeypatch):
    assert store_folder() == store
    for value in ("", None):
        if value is None:
            monkeypatch.delenv("SYNTHGEN_MODELS")
        else:
            monkeypatch.setenv("SYNTHGEN_MODELS", value)
        assert store_folder() == Path.home() / ".cache" / "synthgen" / "models"


def test_a_model_of_the_store_is_found_by_name(pulled):
    assert model_folder("tiny") == pulled


def test_a_known_model_that_is_not_there_says_how_to_bring_it(store):
    with pytest.raises(ModelMissing, match="model 'minilm' is not in the store") as caught:
        model_folder("minilm")
    assert caught.value.hint == "Run `synthgen models pull minilm`."
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("name", ["nobody/nothing", "a/../b", "nothing", "a/b/c"])
def test_an_unknown_name_is_told_where_it_was_looked_for(store, name):
    with pytest.raises(ModelMissing, match="neither in the store"):
        model_folder(name)


def test_sizes_are_compared_and_every_damaged_file_is_named(pulled):
    (pulled / "config.json").unlink()
    (pulled / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="'tiny' in the store is damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("config.json: missing", "model.safetensors: 5 bytes, expected 768")
    assert "--force" in caught.value.hint


def test_a_manifest_of_other_weights_under_a_known_name_is_refused(pulled):
    (pulled / "model.safetensors").write_bytes(bytes(768))
    told = json.loads((pulled / MANIFEST).read_text())
    told["files"]["model.safetensors"]["sha256"] = sha256_file(pulled / "model.safetensors")
    (pulled / MANIFEST).write_text(json.dumps(told))
    assert digest_of(pulled)  # it is what its manifest says
    with pytest.raises(ModelError, match="damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("model.safetensors: not the pinned file",)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": {}}', '{"files": 3}', '{"files": {"a": {"bytes": 1}}}'])
def test_a_manifest_that_is_none_is_refused(pulled, text):
    (pulled / MANIFEST).write_text(text)
    for read in (lambda: model_folder("tiny"), lambda: digest_of(pulled), lambda: read_manifest(pulled)):
        with pytest.raises(ModelError, match=r"manifest\.json"):
            read()


def test_a_local_folder_is_a_model(local):
    assert model_folder(str(local)) == local


def test_a_sharded_model_whose_shards_are_there_is_one_too(local):
    (local / "model.safetensors").rename(local / "model-00001-of-00001.safetensors")
    index(local, {"a": "model-00001-of-00001.safetensors", "b": "model-00001-of-00001.safetensors"})
    assert model_folder(str(local)) == local


def ask_for_code(folder):
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Model"}}')


def keep_only_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def drop_config(folder):
    (folder / "config.json").unlink()


def name_missing_shard(folder):
    index(folder, {"a": "model.safetensors", "b": "model-2.safetensors"})


def name_pickled_shard(folder):
    (folder / "evil.bin").write_bytes(b"")
    index(folder, {"a": "evil.bin"})


def name_outside_shard(folder):
    (folder.parent / "x.safetensors").write_bytes(b"")
    index(folder, {"a": "../x.safetensors"})


def spoil_index(folder):
    index(folder, ["model.safetensors"])


def name_foreign_module(folder):
    modules = [{"type": "sentence_transformers.models.Pooling"}, {"type": "evil.Module"}]
    (folder / "modules.json").write_text(json.dumps(modules))


def spoil_modules(folder):
    (folder / "modules.json").write_text('{"type": 3}')


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (ask_for_code, "config.json: requires remote code (auto_map), which is never run"),
        (keep_only_pickle, "no *.safetensors file; weights in other formats are never read"),
        (drop_config, "config.json: missing"),
        (name_missing_shard, "model-2.safetensors: named in the index, missing"),
        (name_pickled_shard, "evil.bin: named in the index, not a safetensors file of this folder"),
        (name_outside_shard, "../x.safetensors: named in the index, not a safetensors file of this folder"),
        (spoil_index, "model.safetensors.index.json: weight_map must map each tensor to a file"),
        (name_foreign_module, "modules.json: requires foreign code (evil.Module), which is never run"),
        (spoil_modules, "modules.json: must list modules with their type"),
    ],
)
def test_a_folder_that_could_run_code_or_is_not_whole_is_refused(local, damage, problem):
    damage(local)
    with pytest.raises(ModelError, match="this model cannot be used") as caught:
        model_folder(str(local))
    assert caught.value.problems == (problem,)


def test_all_that_is_wrong_with_a_folder_is_told(local):
    drop_config(local)
    keep_only_pickle(local)
    name_foreign_module(local)
    with pytest.raises(ModelError) as caught:
        refuse_unsafe(local)
    assert len(caught.value.problems) == 3


def test_a_config_that_is_not_json_is_refused(local):
    (local / "config.json").write_bytes(b"\xff")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        refuse_unsafe(local)


@pytest.mark.parametrize("path", ["config.json", "model.safetensors", "sub/vocab.txt"])
def test_the_digest_finds_one_flipped_bit(pulled, path):
    assert digest_of(pulled) == digest_of(pulled)
    data = bytearray((pulled / path).read_bytes())
    data[len(data) // 2] ^= 1
    (pulled / path).write_bytes(data)
    model_folder("tiny")  # the size is the same, so only the digest tells
    with pytest.raises(ModelError, match="files differ from the pinned ones") as caught:
        digest_of(pulled)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{path}: sha256 ")


def test_no_file_lies_beside_the_pinned_ones_for_a_library_might_read_it(pulled):
    (pulled / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is damaged") as caught:
        model_folder("tiny")
    assert caught.value.problems == ("adapter_config.json: not a file of this model",)
    manifest = json.loads((pulled / MANIFEST).read_bytes())  # nor does it help to name it there
    manifest["files"]["adapter_config.json"] = {"sha256": sha256_file(pulled / "adapter_config.json"), "bytes": 2}
    (pulled / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="is damaged") as named:
        model_folder("tiny")
    assert named.value.problems == caught.value.problems


def test_the_digest_finds_a_missing_file(pulled):
    (pulled / "config.json").unlink()
    with pytest.raises(ModelError) as caught:
        digest_of(pulled)
    assert caught.value.problems[0].startswith("config.json: sha256 missing, expected ")


def test_the_digest_of_a_local_folder_is_over_names_and_bytes(local):
    before = digest_of(local)
    (local / "notes.md").write_text("not read by any model")
    assert digest_of(local) == before
    (local / "tokenizer.json").write_text("{}")
    added = digest_of(local)
    (local / "tokenizer.json").rename(local / "vocab.json")
    assert len({before, added, digest_of(local)}) == 3


def test_a_staged_model_appears_when_the_block_ends_well(store):
    with staged("tiny") as folder:
        (folder / "a").write_text("new")
        assert not (store / "tiny").exists()
    with staged("tiny") as folder:
        assert list(folder.iterdir()) == []
        (folder / "b").write_text("newer")
    assert [p.name for p in (store / "tiny").iterdir()] == ["b"]
    assert [p.name for p in store.iterdir()] == ["tiny"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_a_stop_leaves_what_was_there(store, stop):
    with staged("tiny") as folder:
        (folder / "a").write_text("old")

    def stopped():
        with staged("tiny") as folder:
            (folder / "a").write_text("half")
            raise stop

    with pytest.raises(stop):
        stopped()
    assert [p.name for p in store.iterdir()] == ["tiny"]
    assert (store / "tiny" / "a").read_text() == "old"


def test_a_store_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot write the model store") as caught, staged("tiny"):
        pytest.fail("staged in a file")
    assert "SYNTHGEN_MODELS" in caught.value.hint


def test_a_manifest_is_written_only_of_the_pinned_files_and_no_others(tiny, tmp_path):
    folder = tmp_path / "made"
    for path, data in tiny.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    write_manifest(folder, "tiny")
    assert {path: entry["bytes"] for path, entry in read_manifest(folder).items()} == {
        path: len(data) for path, data in tiny.files.items()
    }
    (folder / MANIFEST).unlink()
    (folder / "config.json").unlink()
    (folder / "sub" / "vocab.txt").write_bytes(b"b\na\n")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="do not match the pinned digests") as caught:
        write_manifest(folder, "tiny")
    assert [problem.split(",")[0].split(" ")[0] for problem in caught.value.problems] == [
        "config.json:",
        "vocab.txt:",
        "adapter_config.json:",
    ]
    assert not (folder / MANIFEST).exists()


def test_a_file_is_told_how_it_differs(tmp_path):
    path, pin = tmp_path / "f", Pin("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)  # of "abc"
    assert differs(path, pin) == "f: missing"
    for data, told in [(b"ab", "f: truncated, 2 bytes of 3"), (b"abcd", "f: too long, 4 bytes of 3"), (b"abc", None)]:
        path.write_bytes(data)
        assert differs(path, pin) == told
    path.write_bytes(b"abd")
    assert differs(path, pin).startswith("f: wrong sha256 ")
