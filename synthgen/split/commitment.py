"""The split's commitment: a digest that fixes who is on which side before anything is fitted."""

import json
import os
from pathlib import Path

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.split.split import Split


def commitment(split: Split, seeds: SeedTree) -> str:
    """Return sha256 over the seed and the record ids of each side.

    Equal for equal sides whatever the order of records. It gives nobody away as long as the seed is private.
    """
    sides = (split.train, split.control, split.rest)
    parts = [seeds.key().hex()]
    for name, side in zip(("train", "control", "rest"), sides, strict=True):
        parts += [name, str(len(side)), *sorted(r.id for r in side.records)]
    return sha256_texts(parts)


def commit_split(split: Split, seeds: SeedTree, path: Path) -> str:
    """Write the commitment as a new JSON file that its owner alone can read; return the digest.

    To be called before anything is fitted on train: the time of this file is the evidence that control was chosen
    first. The workspace takes the folder of a stage whole or not at all, this file with it.

    Raises:
        StorageError: if the file exists or cannot be written.
    """
    digest = commitment(split, seeds)
    sizes = {"train": len(split.train), "control": len(split.control), "rest": len(split.rest)}
    content = json.dumps({"schemaVersion": 1, "commitment": digest, "records": sizes}, indent=2, sort_keys=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content + "\n")
    except OSError as error:
        raise StorageError(
            f"{path}: the split's commitment cannot be written ({error.strerror})",
            hint="Check the workspace's permissions and the free space.",
        ) from error
    return digest
