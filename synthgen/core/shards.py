"""Divide the work of a stage into shards: files that any process can compute, in any order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """The shards of a stage.

    Names and contents of the shards depend only on the inputs of the stage, not on the number of processes. Each
    shard is written under a temporary name and renamed, so it is complete or absent.
    """

    folder: Path  # contains the finished shards; mode 0700
    names: tuple[str, ...]  # file names of all shards; if shards contain rows, in the order of the rows
    write: Callable[[Sequence[str]], None]  # computes the shards with these names and writes their files
    is_intact: Callable[[str], bool]  # whether the file of a shard can be read and has the expected content

    def missing(self) -> list[str]:
        """Return the names of the shards that do not exist, in order."""
        try:
            found = {path.name for path in self.folder.iterdir()}
        except FileNotFoundError:
            found = set()
        return [name for name in self.names if name not in found]

    def remove_damaged(self, names: Iterable[str]) -> None:
        """Remove the shards in `names` that are not intact; `missing` then returns their names."""
        for name in names:
            if (self.folder / name).exists() and not self.is_intact(name):
                (self.folder / name).unlink(missing_ok=True)


def rows_name(rows: range, suffix: str) -> str:
    """Return the file name of the shard with these rows."""
    return f"shard-{rows.start:08d}-{rows.stop:08d}{suffix}"
