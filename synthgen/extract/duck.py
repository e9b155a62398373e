"""Run SQL in a DuckDB database that can access only the given files, has no network access and loads no extension."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.core.engine import engine_errors
from synthgen.core.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATTERN_CHARACTERS = frozenset("*?[")  # characters by which DuckDB recognises a pattern of paths


@contextmanager
def connect(folder: Path, memory: str = "1GB", *, readable: Iterable[Path] = ()) -> Iterator["DuckDBPyConnection"]:
    """Yield an in-memory database that can access only `folder` and the files `readable`.

    The database uses two threads, keeps the order of rows, and shows times in UTC. In `a JOIN b`, the rows of b are
    kept in memory, and the rows of a are streamed. Extensions are not loaded. Statements cannot change these
    settings.

    Args:
        folder: folder for temporary files.
        memory: limit for DuckDB's buffers, such as "1GB"; data above the limit are written to `folder`.
        readable: files that statements can read; for a database NAME, include the file `NAME.wal`.

    Raises:
        DataError: a statement inside the block fails. DuckDB's own message is not repeated, because it can contain
            cell values.
        DependencyError: DuckDB is not installed.

    Privacy: temporary files contain rows of the tables that the block reads.
    """
    with engine_errors():
        import duckdb
    settings = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "enable_progress_bar": "false",
        "python_enable_replacements": "false",  # a name in a statement never means a Python variable
        # the disabled optimizers could make a join keep the left table, which contains the texts, in memory
        "disabled_optimizers": "'join_order,build_side_probe_side'",
        "threads": "2",
        "memory_limit": literal(memory),
        "TimeZone": "'UTC'",
        "temp_directory": literal(folder),
        "allowed_directories": f"[{literal(folder)}]",
        "allowed_paths": f"[{', '.join(map(literal, readable))}]",
        "enable_external_access": "false",  # from here on, only the paths above can be accessed
        "lock_configuration": "true",
    }
    try:
        with duckdb.connect(":memory:") as connection:
            for name, value in settings.items():
                connection.execute(f"SET {name} = {value}")
            yield connection
    except duckdb.OutOfMemoryException:
        message = f"processing the tables needs more than {memory} of memory, or more free disk space in {folder}"
        raise DataError(message, hint="Free disk space, then run the same command again.") from None
    except duckdb.Error as error:
        message = f"DuckDB cannot read or process the tables ({type(error).__name__})"
        hint = (
            "Check that the files are complete and that the disk has free space. If this does not help, export the "
            "files again."
        )
        raise DataError(message, hint=hint) from None


def literal(value: object) -> str:
    """Return a text or path as an SQL literal; raise DataError for a path that DuckDB would read as a pattern."""
    if isinstance(value, Path) and _PATTERN_CHARACTERS & {*str(value)}:
        message = f"{value}: the path contains *, ? or [, which DuckDB reads as a pattern"
        raise DataError(message, hint="Rename the file or folder.")
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return the name of a table or column as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
