"""Implement the command `verify`, which the command lines `audits` and `synthgen` share."""

from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from typer import Argument, Option

from audits.cli.console import print_error_json, say
from audits.core.errors import AuditError, InputError, PolicyError


def verify(
    bundle: Annotated[Path, Argument(help="Folder of the bundle.")],
    *,
    trust: Annotated[Path | None, Option(help="Your own copy of the trust root, not one from the bundle.")] = None,
    policy: Annotated[str | None, Option(help="Policy under which the bundle must have been released.")] = None,
    only: Annotated[
        Literal["integrity"] | None,
        Option(help="Check only the files, without a trust root. If they are intact, the exit code is 20, not 0."),
    ] = None,
    trust_state: Annotated[
        Path | None, Option(help="File with the newest version of the trust root seen so far, to detect a rollback.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Verify a bundle offline: files, signature, policy, gates, approvals and dates.

    The gates (rules of the policy) are recomputed from the measured numbers in the bundle. The exit code states which
    kind of check failed; 20 means that all requested checks passed, but some were not requested, so the bundle is not
    verified.
    """
    from audits.verify.bundle import verify_bundle, verify_integrity
    from audits.verify.outcome import print_verification

    if (trust is None) != (only is not None) or (
        only is not None and (policy is not None or trust_state is not None)
    ):
        message = "pass --trust FILE to verify everything, or --only integrity to check the files alone"
        _stop(InputError(message, hint="--policy and --trust-state require --trust."), 2)  # 2: wrong command line
    try:
        found = verify_integrity(bundle) if trust is None else verify_bundle(bundle, trust, policy, state=trust_state)
    except PolicyError as error:
        _stop(error, error.exit_code)
    print_verification(found, as_json=as_json)
    raise typer.Exit(found.code)


def _stop(error: AuditError, code: int) -> NoReturn:
    say(f"error: {error}")
    print_error_json(error, code)
    raise typer.Exit(code) from None
