"""Read tensors of a safetensors checkpoint by name, from one file or from shards, without loading the model."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor, equal

from synthgen.core.errors import ModelError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TABLE, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def tensor_files(folder: Path) -> dict[str, Path]:
    """Return the file of every tensor of a checkpoint.

    Raises:
        ModelError: if a shard that the index names is missing or damaged, or lacks a tensor. All are listed.
    """
    if not (folder / INDEX).is_file():
        return dict.fromkeys(_names(folder / SINGLE), folder / SINGLE)
    try:
        shards = json.loads((folder / INDEX).read_bytes())["weight_map"]
        named = {str(name): folder / str(shard) for name, shard in shards.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / INDEX}: weight_map must map each tensor to a file") from error
    problems = []
    for shard in sorted(set(named.values())):
        wanted = sorted(name for name, file in named.items() if file == shard)
        if shard.parent != folder or shard.suffix != ".safetensors":
            problems.append(f"{wanted[0]}: {shard.name} is not a safetensors file of this folder")
        elif not shard.is_file():
            problems.append(f"{wanted[0]}: its shard {shard.name} ({len(wanted)} tensors) is missing")
        else:
            missing = sorted(set(wanted) - _names(shard))
            problems += [f"{name}: missing in {shard.name}, which the index names" for name in missing]
    if problems:
        raise ModelError(f"{folder}: the checkpoint is incomplete", problems=problems, hint="Fetch its files again.")
    return named


def read_tensors(files: Mapping[str, Path], names: Iterable[str]) -> dict[str, Tensor]:
    """Return the named tensors as stored; names that no file contains are omitted."""
    found = {}
    for name in names:
        if name in files:
            with safe_open(files[name], framework="pt") as file:
                found[name] = file.get_tensor(name)
    return found


def head_problems(files: Mapping[str, Path], *, tied: bool) -> list[str]:
    """Return contradictions between the output head of a Llama or Mistral checkpoint and `tie_word_embeddings`.

    For such a folder, a library either initializes a random head or ignores the stored one; both change the texts.
    """
    if not tied:
        return [] if HEAD in files else [f"{HEAD}: missing, though config.json says the embeddings are not tied"]
    pair = read_tensors(files, (TABLE, HEAD))
    if not pair:
        return [f"{TABLE}: missing"]
    if len(pair) == 2 and not equal(pair[TABLE], pair[HEAD]):
        return [f"{HEAD}: differs from {TABLE}, though config.json says the embeddings are tied"]
    return []


def _names(path: Path) -> frozenset[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return frozenset(file.keys())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors", hint="Fetch it again.") from error
