"""`synthgen timestamp`: a trusted time for a release or an approval, from an authority on another machine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

timestamp_app = typer.Typer(no_args_is_help=True, help="Trusted timestamps (RFC 3161): request, attach.")
_Envelope = Annotated[Path, Argument(help="attestation/release.dsse.json of a bundle, or an approval's file.")]


@timestamp_app.command("request")
def request(
    envelope: _Envelope, request: Annotated[Path, Argument(help="The request to write, such as release.tsq.")]
) -> None:
    """Write the request that an authority answers: `openssl ts -reply -queryfile release.tsq -out release.tsr`."""
    from synthgen.release.timestamps import request_timestamp

    request_timestamp(envelope, request)
    typer.echo(f"request: {request}", err=True)


@timestamp_app.command("attach")
def attach(
    envelope: _Envelope,
    response: Annotated[Path, Argument(help="The authority's answer, such as release.tsr.")],
    *,
    trust: Annotated[Path, Option(help="The trust root, which names the authority.")],
) -> None:
    """Check the authority's answer and put it into the bundle, beside what it is of."""
    from audits.core.instants import stamp
    from audits.verify.trust import load_trust
    from synthgen.release.timestamps import attach_timestamp

    path, time = attach_timestamp(envelope, response, trust=load_trust(trust), now=datetime.now(UTC))
    typer.echo(f"timestamp: {path}\nsigned by: {stamp(time)}", err=True)
