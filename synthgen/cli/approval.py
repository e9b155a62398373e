"""Implement `synthgen review` and `synthgen approve`.

`review` writes the page that a person reads before a release. `approve` signs an approval or rejection of a bundle
(the folder of a release), or closes the list of approvals.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from synthgen.cli.output import AsJson, print_fields
from synthgen.core.errors import UsageError
from synthgen.core.terminal import say

OptionalFile = Path | None
# kind of the signed decision -> its noun in the question to the user, and its participle in the printed result
_ACTS = {"APPROVE": ("approval", "approved"), "REJECT": ("rejection", "rejected"), "CLOSE": ("closing", "closed")}


def review(
    target: Annotated[Path, Argument(help="Workspace of a finished run, or its configuration.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the private page that a person reads before signing the release, and print its path.

    The page shows the synthetic records with the highest risk beside their nearest training records, a random sample,
    the replaced identifiers, and texts that filters rejected. It contains real text and is never part of a bundle.
    """
    from synthgen.cli.publish import configured
    from synthgen.release.review.page import write_review
    from synthgen.release.run import load_run

    path = str(write_review(load_run(configured(target))))
    print_fields({"review": path}, path, as_json=as_json)


def approve(  # noqa: PLR0913 - one parameter per option
    bundle: Annotated[Path, Argument(help="Folder of the bundle.")],
    *,
    key: Annotated[str, Option(help="Your private key: a file, or a URI such as hsm:2?label=officer.")],
    trust: Annotated[Path, Option(help="Trust root file.")],
    role: Annotated[str | None, Option(help="Your role, such as privacy_officer.")] = None,
    public: Annotated[OptionalFile, Option(help="Public key file (NAME.pub.json), if --key is a URI.")] = None,
    reject: Annotated[bool, Option("--reject", help="Sign a rejection, which blocks the release.")] = False,
    close: Annotated[bool, Option("--close", help="Close the list of approvals, with the releaser's key.")] = False,
    page: Annotated[OptionalFile, Option("--review", help="Review page that you read; its digest is signed.")] = None,
    no_review: Annotated[bool, Option("--no-review", help="Approve without a review page.")] = False,
    yes: Annotated[bool, Option("--yes", help="Skip the confirmation; required without a terminal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign an approval or a rejection of a bundle, or close the list of approvals as the releaser.

    An approval needs the review page (--review) or --no-review. Under an independent policy, whose decisions must not
    depend on private records, pass neither. The command shows what is signed and asks for confirmation. Each
    signature names all earlier approvals and rejections in the bundle, so that a verifier detects their removal.
    """
    from audits.verify.bundle import verify_bundle
    from audits.verify.statement import DecisionKind
    from audits.verify.trust import RELEASER, load_trust
    from synthgen.release.approve import approve as sign
    from synthgen.release.signers import open_key

    if role is None and not close:
        raise UsageError(
            "neither --role nor --close is given", hint="Pass your role, such as --role privacy_officer."
        )
    if close and (role is not None or reject):
        other = "--reject" if reject else "--role"
        raise UsageError(f"--close and {other} cannot be combined", hint="Only the releaser passes --close.")
    kind: DecisionKind = "CLOSE" if close else "REJECT" if reject else "APPROVE"
    opened, root, now = open_key(key, public), load_trust(trust), datetime.now(UTC)
    act, outcome = _ACTS[kind]
    path = sign(
        bundle,
        role=role or RELEASER,
        key=opened,
        trust=root,
        now=now,
        kind=kind,
        review=page,
        no_review=no_review,
        confirm=_confirm(f"Sign this {act}?", yes=yes),
    )
    found = verify_bundle(bundle, root, now=now)
    text = f"{outcome}: {path}\n`synthgen verify` now reports: {found.words} {found.failure}"
    fields = {"decision": kind, "file": str(path), "verification": found.to_json()}
    print_fields(fields, text, as_json=as_json)


def _confirm(question: str, *, yes: bool) -> Callable[[str], None]:
    """Return a function that prints a summary and asks the user the question; with `yes`, it does not ask.

    The function raises UsageError if the user does not agree or cannot be asked.
    """

    def confirm(summary: str) -> None:
        say(summary)
        if yes:
            return
        if not _is_terminal():
            hint = "Read the summary, then run the command again with --yes."
            raise UsageError("nothing was signed, because there is no terminal to ask for confirmation", hint=hint)
        try:
            agreed = typer.confirm(question, default=False, err=True)
        except typer.Abort:  # the input ended without an answer
            say("")
            agreed = False
        if not agreed:
            raise UsageError("nothing was signed, because the signature was not confirmed")

    return confirm


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
