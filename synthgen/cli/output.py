"""Define the help output of commands, and print results as text or, with `--json`, as one JSON object on stdout."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

from synthgen.core.terminal import say, show

AsJson = Annotated[bool, Option("--json", help="Print the result as JSON on standard output.")]


def _hide_flag_types(params: list[Any]) -> list[Any]:
    """Change the parameters so that the help shows no type for a flag; return the parameters."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _hide_flag_types(super().get_params(ctx))


class _CommandGroup(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _hide_flag_types(super().get_params(ctx))


class Application(typer.Typer):
    """A command line whose help shows no type such as `<bool>` for flags, because a flag has no value."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_CommandGroup, no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return a decorator that registers a function as a command; see `typer.Typer.command`."""
        return super().command(name, cls=_Command, **settings)


def print_json(value: object) -> None:
    """Print a value as JSON on standard output; raise ValueError for NaN and infinity."""
    typer.echo(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False))


def print_fields(fields: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print a result as text on stdout; with `as_json`, as a JSON object on stdout and as text on stderr."""
    if as_json:
        print_json(fields)
    (say if as_json else show)(text)


def print_result(result: Any, *, as_json: bool) -> None:
    """Print a result that has the methods `to_json` and `to_text`; see `print_fields`."""
    print_fields(result.to_json(), result.to_text(), as_json=as_json)
