"""Implement `synthgen timestamp`: add an RFC 3161 timestamp of an authority to a release or an approval."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

timestamp_app = typer.Typer(no_args_is_help=True, help="Trusted timestamps (RFC 3161): request, attach.")
_Envelope = Annotated[Path, Argument(help="attestation/release.dsse.json of a bundle, or the file of an approval.")]


@timestamp_app.command("request")
def request(
    envelope: _Envelope, request: Annotated[Path, Argument(help="Request file to write, such as release.tsq.")]
) -> None:
    """Write a timestamp request. Authority side: `openssl ts -reply -queryfile release.tsq -out release.tsr`."""
    from synthgen.release.timestamps import request_timestamp

    request_timestamp(envelope, request)
    typer.echo(f"request: {request}", err=True)


@timestamp_app.command("attach")
def attach(
    envelope: _Envelope,
    response: Annotated[Path, Argument(help="Response file of the authority, such as release.tsr.")],
    *,
    trust: Annotated[Path, Option(help="Trust root that lists the authority's certificate.")],
) -> None:
    """Check the authority's response and store it in the bundle, next to the stamped file."""
    from audits.core.instants import stamp
    from audits.verify.trust import load_trust
    from synthgen.release.timestamps import attach_timestamp

    path, time = attach_timestamp(envelope, response, trust=load_trust(trust), now=datetime.now(UTC))
    typer.echo(f"timestamp: {path}\nsigned no later than: {stamp(time)}", err=True)
