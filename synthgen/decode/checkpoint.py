"""What the safetensors of a checkpoint hold, by name, in one file or in shards, without loading the model."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor, equal

from synthgen.core.errors import ModelError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TABLE, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def stored(folder: Path) -> dict[str, Path]:
    """Return the file of every tensor of a checkpoint.

    Raises:
        ModelError: naming each shard the index names that is missing or damaged, with a tensor it should hold, and
            each tensor that its shard lacks.
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
            there = _names(shard)
            problems += [f"{name}: not in {shard.name}, where the index says" for name in wanted if name not in there]
    if problems:
        raise ModelError(f"{folder}: the checkpoint is incomplete", problems=problems, hint="Fetch its files again.")
    return named


def read(files: Mapping[str, Path], names: Iterable[str]) -> dict[str, Tensor]:
    """Return the named tensors as they are stored; a name that no file holds is left out."""
    found = {}
    for name in names:
        if name in files:
            with safe_open(files[name], framework="pt") as file:
                found[name] = file.get_tensor(name)
    return found


def head_problems(files: Mapping[str, Path], *, tied: bool) -> list[str]:
    """Return where the output head of a Llama or Mistral checkpoint contradicts what its configuration says of it.

    A library that reads such a folder either makes up a head or drops the stored one; both write other texts.

    Args:
        files: of `stored`.
        tied: config.json's tie_word_embeddings.
    """
    if not tied:
        return [] if HEAD in files else [f"{HEAD}: missing, though config.json says the embeddings are not tied"]
    pair = read(files, (TABLE, HEAD))
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
