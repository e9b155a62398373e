"""What the commands of the audits share: options of the same meaning, and lines for people on stderr."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Synthetic = Annotated[Path, typer.Option(help="what is to be released (.parquet, .jsonl, .csv)")]
Train = Annotated[Path, typer.Option(help="what the generator saw")]
Control = Annotated[Path, typer.Option(help="persons of the same kind that the generator never saw")]
Reference = Annotated[Path | None, typer.Option(help="public text of the same kind")]
Columns = Annotated[str, typer.Option(help="column of this name in every table")]
Seed = Annotated[int, typer.Option(min=0, help="root of the random streams")]
Confidence = Annotated[float, typer.Option(help="one-sided confidence of every interval's ends")]
RowsArePersons = Annotated[bool, typer.Option(help="claim that every row is another person")]


def say(line: str) -> None:
    """Write a line on stderr at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def listed(names: str | None) -> list[str] | None:
    """Return the names of an option that takes several, separated by commas; None where it was not given."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]
