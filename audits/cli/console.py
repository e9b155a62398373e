"""Options and output helpers shared by the commands of `audits`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Synthetic = Annotated[Path, typer.Option(help="synthetic table to audit (.parquet, .jsonl or .csv)")]
Train = Annotated[Path, typer.Option(help="table the generator was trained on")]
Control = Annotated[Path, typer.Option(help="persons of the same population whom the generator never saw")]
Reference = Annotated[Path | None, typer.Option(help="public text of the same kind")]
Columns = Annotated[str, typer.Option(help="name of this column in every table")]
Seed = Annotated[int, typer.Option(min=0, help="root seed of the random streams")]
Confidence = Annotated[float, typer.Option(help="one-sided confidence of each interval end")]
RowsArePersons = Annotated[bool, typer.Option(help="declare that each row belongs to a different person")]


def say(line: str) -> None:
    """Write a line to stderr and flush it."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def listed(names: str | None) -> list[str] | None:
    """Return the comma-separated names of an option, or None if the option was not given."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]
