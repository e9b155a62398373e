"""Print the result of a command as text, or with `--json` as one JSON object on standard output."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer import Option

from synthgen.core.terminal import say, show

AsJson = Annotated[bool, Option("--json", help="Print the result as JSON on standard output.")]


def print_json(value: object) -> None:
    """Print a value as JSON on standard output; raise ValueError for NaN and infinity, which JSON does not have."""
    typer.echo(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False))


def print_fields(fields: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print a result as text on standard output.

    With `as_json`, print its fields as one JSON object on standard output, and the text on standard error.
    """
    if as_json:
        print_json(fields)
    (say if as_json else show)(text)


def print_result(result: Any, *, as_json: bool) -> None:
    """Print a result that has the methods `to_json` and `to_text`; see `print_fields`."""
    print_fields(result.to_json(), result.to_text(), as_json=as_json)
