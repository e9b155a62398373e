import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgen.core.errors import ModelError
from synthgen.decode.checkpoint import HEAD, INDEX, SINGLE, TABLE, head_problems, read_tensors, tensor_files


@pytest.fixture
def folder(xrag_folder, tmp_path):
    return shutil.copytree(xrag_folder, tmp_path / "m")


def refusal(folder):
    with pytest.raises(ModelError, match=r"incomplete|weight_map|cannot be read") as refused:
        tensor_files(folder)
    return refused.value


def test_shards_and_a_single_file_give_the_same_tensors(tiny_xrag, folder, tmp_path):
    whole = tiny_xrag.read_shards(folder)
    (tmp_path / "one").mkdir()
    save_file(whole, tmp_path / "one" / SINGLE)
    for place in (folder, tmp_path / "one"):
        files = tensor_files(place)
        assert set(files) == set(whole)
        assert all(torch.equal(tensor, whole[name]) for name, tensor in read_tensors(files, files).items())


def test_only_what_is_there_and_asked_for_is_read(folder):
    assert list(read_tensors(tensor_files(folder), [HEAD, "model.nothing.weight"])) == [HEAD]


def test_a_missing_shard_is_named_with_a_tensor_of_it(tiny_xrag, folder):
    lost = sorted(load_file(folder / tiny_xrag.SHARDS[1]))
    (folder / tiny_xrag.SHARDS[1]).unlink()
    assert refusal(folder).problems == (
        f"{lost[0]}: its shard {tiny_xrag.SHARDS[1]} ({len(lost)} tensors) is missing",
    )


def test_every_problem_of_the_shards_is_listed(tiny_xrag, folder):
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"] |= {"model.extra.weight": tiny_xrag.SHARDS[0], "far": "../far.safetensors", "bin": "a.bin"}
    (folder / INDEX).write_text(json.dumps(index))
    assert sorted(refusal(folder).problems) == [
        "bin: a.bin is not a safetensors file of this folder",
        "far: far.safetensors is not a safetensors file of this folder",
        f"model.extra.weight: missing in {tiny_xrag.SHARDS[0]}, which the index names",
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": null}'])
def test_a_damaged_index_is_refused(folder, content):
    (folder / INDEX).write_text(content)
    assert "weight_map" in refusal(folder).message


@pytest.mark.parametrize("shard", [0, 2])
def test_a_damaged_shard_is_named(tiny_xrag, folder, shard):
    path = folder / tiny_xrag.SHARDS[shard]
    path.write_bytes(path.read_bytes()[:-9])
    assert path.name in refusal(folder).message


def test_no_weights_at_all(tmp_path):
    assert SINGLE in refusal(tmp_path).message


def put(folder, tensors):
    save_file(tensors, folder / SINGLE)
    return tensor_files(folder)


@pytest.mark.parametrize(
    ("names", "tied", "wanted"),
    [
        ((TABLE, HEAD), False, []),
        ((TABLE,), True, []),
        ((HEAD,), True, []),
        ((TABLE,), False, [f"{HEAD}: missing, though config.json says the embeddings are not tied"]),
        (("other",), True, [f"{TABLE}: missing"]),
        ((TABLE, HEAD), True, [f"{HEAD}: differs from {TABLE}, though config.json says the embeddings are tied"]),
    ],
)
def test_the_head_is_what_the_configuration_says(tmp_path, names, tied, wanted):
    assert head_problems(
        put(tmp_path, {n: torch.full((5, 3), float(i)) for i, n in enumerate(names)}), tied=tied
    ) == (wanted)


def test_a_tied_head_stored_twice_is_no_problem(tmp_path):
    assert head_problems(put(tmp_path, {n: torch.ones(5, 3) for n in (TABLE, HEAD)}), tied=True) == []
