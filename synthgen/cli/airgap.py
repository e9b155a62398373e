"""Implement `synthgen airgap pack`: write an archive from which synthgen is installed without a network."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from synthgen.cli.output import Application, AsJson, print_result

airgap_app = Application(help="Install synthgen on a machine without a network.")


@airgap_app.callback()
def group() -> None:
    """Install synthgen on a machine without a network."""


@airgap_app.command("pack")
def pack(
    *, out: Annotated[Path, Option(help="Archive to write, such as synthgen-airgap.tar.")], as_json: AsJson = False
) -> None:
    """Write one archive with all packages, the models and install.py, which installs them without a network.

    The target machine needs the same Python version and platform as this machine.
    """
    from synthgen.airgap.pack import pack as pack_archive

    typer.echo("collecting packages and models ...", err=True)
    print_result(pack_archive(out), as_json=as_json)
