"""Implement `inspect`, `diff` and `export`: the commands for the receiver of a bundle.

A bundle is the folder of a released dataset.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from synthgen.cli.output import AsJson, print_result

DIFFERENT = 8  # exit code of `diff` if the content of the bundles differs
BundlePath = Annotated[Path, Argument(help="Folder of the bundle.")]


def inspect(bundle: BundlePath, *, as_json: AsJson = False) -> None:
    """Print what a bundle states about records, classes, models, gates, guarantee and keys. Nothing is verified."""
    from synthgen.receive.overview import overview
    from synthgen.receive.received import read_received

    print_result(overview(read_received(bundle)), as_json=as_json)


def diff(
    a: Annotated[Path, Argument(help="Folder of a bundle.", metavar="A")],
    b: Annotated[Path, Argument(help="Folder of another bundle.", metavar="B")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare statements, gates, numbers and records of two unverified bundles; exit with code 8 if they differ."""
    from synthgen.receive.difference import difference
    from synthgen.receive.received import read_received

    found = difference(read_received(a), read_received(b))
    print_result(found, as_json=as_json)
    raise typer.Exit(0 if found.is_equal else DIFFERENT)


def export(
    bundle: BundlePath,
    *,
    to: Annotated[
        Literal["csv", "hf", "fhir"],
        Option(help="hf: for datasets.load_from_disk. fhir: NDJSON with the security label HTEST."),
    ],
    out: Annotated[Path, Option(help="New folder for the exported files.")],
    as_json: AsJson = False,
) -> None:
    """Write the records of a bundle in another format, after a check of all files; the copy is not signed."""
    from synthgen.receive.export import export as export_records

    print_result(export_records(bundle, to, out), as_json=as_json)
