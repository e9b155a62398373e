"""The model store: a local folder with one folder per model. A manifest in each model's folder lists file digests."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audits.core.files import read_regular
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ModelError, ModelMissing, StorageError
from synthgen.models.registry import MODELS, Pin

MANIFEST = "manifest.json"


def store_folder() -> Path:
    """Return the store's folder: SYNTHGEN_MODELS, or ~/.cache/synthgen/models."""
    return Path(os.environ.get("SYNTHGEN_MODELS") or Path.home() / ".cache" / "synthgen" / "models")


def model_folder(name: str) -> Path:
    """Return the folder of a model: in the store, at a local path, or in the local cache of the Hugging Face Hub.

    Nothing is downloaded. For a model of the store, the manifest and the sizes of the files are checked.

    Raises:
        ModelMissing: the model is not on this machine.
        ModelError: the model in the store is damaged, or loading the model could run code from its folder.
    """
    stored = store_folder() / name
    if name in MODELS:
        if not (stored / MANIFEST).is_file():
            raise ModelMissing(f"model {name!r} is not in the store", hint=f"Run `synthgen models pull {name}`.")
        _check_pins(stored)
        return stored
    local = Path(name).expanduser()
    folder = local if local.is_dir() else _hub_cache(name)
    if folder is None:
        known = ", ".join(sorted(MODELS))
        raise ModelMissing(
            f"model {name!r} is neither in the store ({known}), nor a folder, nor in the local Hugging Face cache",
            hint="Configure a folder with config.json and safetensors, or run `synthgen models pull NAME`.",
        )
    refuse_unsafe(folder)
    return folder


def name_by_weights(name: str, folder: Path) -> str:
    """Return the name of the registered model whose weights and tokenizer are in `folder`, or else `name`.

    A bridge (an adapter from vectors to a language model) states the name of the model that it fits. This function
    lets the bridge accept a copy of that model in any folder.
    """
    for model in () if name in MODELS else MODELS.values():
        files = {file: pin for file, pin in model.files.items() if file.endswith((".safetensors", "tokenizer.json"))}
        if files and all(difference_from_pin(folder / file, pin) is None for file, pin in files.items()):
            return model.name
    return name


def refuse_unsafe(folder: Path) -> None:
    """Raise ModelError if a folder has no config or safetensors weights, or contains code that loading could run."""
    problems = _module_problems(folder)
    if not (folder / "config.json").is_file():
        problems.append("config.json: missing")
    elif "auto_map" in _json(folder / "config.json"):
        problems.append("config.json: requires remote code (auto_map), which is never run")
    if not list(folder.glob("*.safetensors")):
        problems.append("no *.safetensors file; weights in other formats are never read")
    if (index := folder / "model.safetensors.index.json").is_file():
        problems += _shard_problems(folder, _json(index).get("weight_map"))
    if problems:
        raise ModelError(f"{folder}: this model cannot be used", problems=problems)


def _shard_problems(folder: Path, shards: Any) -> list[str]:
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        return ["model.safetensors.index.json: weight_map must map each tensor to a file"]
    problems = []
    for shard in sorted(set(shards.values())):
        if "/" in shard or not shard.endswith(".safetensors"):
            problems.append(f"{shard}: named in the index, but not a safetensors file of this folder")
        elif not (folder / shard).is_file():
            problems.append(f"{shard}: named in the index, but missing")
    return problems


def _module_problems(folder: Path) -> list[str]:
    # some versions of sentence-transformers import the classes in modules.json from this folder
    if not (folder / "modules.json").is_file():
        return []
    try:
        kinds = [module["type"] for module in json.loads(read_regular(folder / "modules.json"))]
    except (OSError, ValueError, TypeError, KeyError):
        return ["modules.json: must list modules with their type"]
    foreign = [kind for kind in kinds if not str(kind).startswith("sentence_transformers.")]
    return [
        f"modules.json: requires code from outside sentence-transformers ({kind}), which is never run"
        for kind in foreign
    ]


def digest_of(folder: Path) -> str:
    """Return one sha256 for the files of a model; raise ModelError if they differ from an existing manifest."""
    manifest = read_manifest(folder) if (folder / MANIFEST).is_file() else {}
    suffixes = {".json", ".safetensors", ".txt", ".model", ".jinja"}
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix in suffixes]
    names = sorted(manifest) or sorted(str(p.relative_to(folder)) for p in files)
    digests = {name: sha256_file(folder / name) if (folder / name).is_file() else "missing" for name in names}
    wrong = [name for name, entry in manifest.items() if digests[name] != entry["sha256"]]
    if wrong:
        raise ModelError(
            f"{folder.name}: the files of the model were changed after the installation",
            problems=[
                f"{name}: missing"
                if digests[name] == "missing"
                else f"{name}: sha256 {digests[name]}, expected {manifest[name]['sha256']}"
                for name in wrong
            ],
            hint=f"Run `synthgen models pull {folder.name} --force`.",
        )
    return sha256_json(digests)


@contextmanager
def staged(name: str) -> Iterator[Path]:
    """Yield an empty folder that becomes the model's folder after the block.

    If the block raises an error, the folder is removed, and an installed model stays. Raise StorageError if the
    folder cannot be created.
    """
    store = store_folder()
    partial = store / f".partial-{name}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
    except OSError as error:
        raise StorageError(
            f"{store}: is not writable ({error.strerror})", hint="Set SYNTHGEN_MODELS to another folder."
        ) from error
    try:
        yield partial
        if (store / name).exists():
            shutil.rmtree(store / name)
        partial.replace(store / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_manifest(folder: Path, name: str) -> None:
    """Write the manifest of the model `name` into `folder`; raise ModelError if a file differs from the registry."""
    pins = MODELS[name].files
    present = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    problems = [problem for path, pin in pins.items() if (problem := difference_from_pin(folder / path, pin))]
    problems += [f"{path}: not a file of this model" for path in present if path not in pins]
    if problems:
        raise ModelError(f"{name}: the files of the model differ from the expected files", problems=problems)
    files = {path: {"sha256": sha256_file(p), "bytes": p.stat().st_size} for path, p in present.items()}
    (folder / MANIFEST).write_text(json.dumps({"name": name, "files": files}, indent=1) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the sha256 and the size ("bytes") of each file of a model from its manifest, by the name of the file."""
    files = _json(folder / MANIFEST).get("files")
    entries = files.values() if isinstance(files, dict) else [None]
    if not files or not all(isinstance(entry, dict) and {"sha256", "bytes"} <= set(entry) for entry in entries):
        raise ModelError(f"{folder / MANIFEST}: must list the sha256 and size of each file")
    return dict(files)


def difference_from_pin(path: Path, pin: Pin) -> str | None:
    """Return a message if a file is missing or differs from `pin` in its size or sha256, or else None."""
    if not path.is_file():
        return f"{path.name}: missing"
    size = path.stat().st_size
    if size != pin.size_bytes:
        word = "truncated" if size < pin.size_bytes else "too long"
        return f"{path.name}: {word}, {size} bytes, expected {pin.size_bytes}"
    digest = sha256_file(path)
    return None if digest == pin.sha256 else f"{path.name}: wrong sha256 {digest}, expected {pin.sha256}"


def _check_pins(folder: Path) -> None:
    """Raise ModelError if the manifest differs from `MODELS`, or if names or sizes of files differ from the manifest.

    The contents of the files are not read; `digest_of` compares them.
    """
    entries, pins = read_manifest(folder), MODELS[folder.name].files
    other = [name for name, pin in pins.items() if entries.get(name, {}).get("sha256") != pin.sha256]
    problems = [f"{name}: not the file that this version of SynthGen expects" for name in other]
    for name, entry in entries.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name}: missing")
        elif path.stat().st_size != entry["bytes"]:
            problems.append(f"{name}: {path.stat().st_size} bytes, expected {entry['bytes']}")
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    # libraries look up files by name, so an extra file can change what the model writes
    problems += [f"{name}: not a file of this model" for name in sorted({*present, *entries} - {MANIFEST, *pins})]
    if problems:
        hint = f"Run `synthgen models pull {folder.name} --force`."
        raise ModelError(f"model {folder.name!r} in the store is damaged", problems=problems, hint=hint)


def _hub_cache(name: str) -> Path | None:
    """Return the folder of a model in the local cache of the Hugging Face Hub; None if the model is not there."""
    from huggingface_hub import try_to_load_from_cache

    if name.count("/") != 1 or not all(name.split("/")) or ".." in name:
        return None
    try:
        path = try_to_load_from_cache(name, "config.json")
    except ValueError:  # for example ./model, which is no repository name
        return None
    return Path(path).parent if isinstance(path, str) else None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_regular(path))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: must contain a JSON object")
    return value
