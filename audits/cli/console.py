"""Define the command-line options and the output functions that the commands of `audits` share."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from audits.core.errors import InputError, printable

Synthetic = Annotated[Path, typer.Option(help="synthetic table to audit (.parquet, .jsonl or .csv)")]
Train = Annotated[Path, typer.Option(help="table on which the generator was trained")]
Control = Annotated[Path, typer.Option(help="table of other persons of the same kind, whom the generator never saw")]
Reference = Annotated[Path | None, typer.Option(help="table of public text of the same kind")]
TextColumn = Annotated[str, typer.Option(help="name of the column of the texts in every table")]
LabelColumn = Annotated[str, typer.Option(help="name of the column of the classes in every table")]
GroupColumn = Annotated[str, typer.Option(help="name of the column of the person ids in every table")]
Seed = Annotated[int, typer.Option(min=0, help="seed of all random choices")]
Confidence = Annotated[float, typer.Option(help="one-sided confidence of each end of an interval, such as 0.95")]
RowsArePersons = Annotated[bool, typer.Option(help="declare that each row belongs to a different person")]

AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON on stdout")]


def say(text: str) -> None:
    """Write text to stderr, with invisible characters replaced; exit with code 3 if stderr cannot be written."""
    try:
        sys.stderr.write("".join(f"{printable(line)}\n" for line in text.split("\n")))
        sys.stderr.flush()
    except OSError:
        sys.exit(InputError.exit_code)


def show(text: str) -> None:
    """Write a result to stdout, with invisible characters replaced."""
    sys.stdout.write("".join(f"{printable(line)}\n" for line in text.split("\n")))


def print_fields(fields: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Write a result as text to stdout. With `as_json`, write the fields as JSON to stdout and the text to stderr."""
    if as_json:
        sys.stdout.write(json.dumps(fields, indent=1) + "\n")
    (say if as_json else show)(text)


def print_error_json(error: Any, code: int | None = None, further_fields: Mapping[str, object] | None = None) -> None:
    """If the command line contains --json, write an error and the fields in `further_fields` as JSON to stdout."""
    if "--json" in sys.argv[1:]:
        fields = {"code": error.exit_code if code is None else code, "message": error.message}
        fields |= {"problems": [*error.problems], "hint": error.hint}
        with suppress(OSError):  # the error may be that stdout cannot be written
            sys.stdout.write(json.dumps({"error": fields, **(further_fields or {})}, indent=1) + "\n")


def print_exit_json(stop: SystemExit) -> None:
    """If typer exits because of a wrong command line, print the error as JSON; see `print_error_json`."""
    describe = getattr(stop.__context__, "format_message", None)  # only the errors of typer have this method
    if describe is not None:
        error = InputError(describe(), hint="Run the command with `--help` to see its arguments and options.")
        print_error_json(error, int(stop.code or 0))


def protect_process(stop: Callable[[int, FrameType | None], None]) -> None:
    """Make new files private, forbid core dumps, and call `stop` on Ctrl-C or SIGTERM, for the whole process.

    `stop` raises SystemExit. If Python ignores this exception, because the signal came during a `__del__`, `stop` is
    called again.
    """
    os.umask(0o077)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write private text to disk
        signal.signal(signal.SIGALRM, stop)
        sys.unraisablehook = _stop_later
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _stop_later(ignored: "sys.UnraisableHookArgs") -> None:
    """Send SIGALRM after ten milliseconds if Python ignores a SystemExit; print every other ignored exception."""
    if isinstance(ignored.exc_value, SystemExit):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(ignored)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Write stdout in UTF-8, and exit with code 3 if stdout or stderr is closed or cannot be written."""
    # if a stream is closed, the next opened file gets its descriptor, and output would be written into this file
    if sys.stdout is None or sys.stderr is None:
        if sys.stderr is not None:
            say("error: standard output is closed; redirect it to a file, a pipe or /dev/null")
        sys.exit(InputError.exit_code)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
    except OSError:
        say("")  # if the error is that stderr cannot be written, `say` exits here
        raise
    finally:
        try:
            sys.stdout.flush()
        except OSError as error:
            say(f"error: standard output cannot be written ({error.strerror})")
            sys.exit(InputError.exit_code)


def listed(names: str | None) -> list[str] | None:
    """Return the comma-separated names of an option, or None if the option was not given."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]


def create_folder(folder: Path) -> None:
    """Create the folder if it is missing; raise InputError if it cannot be created or is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be created ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"the folder {folder} is not writable")
