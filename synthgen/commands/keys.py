"""`synthgen keys` and `synthgen trust`: who signs, and whom a verifier trusts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

keys_app = typer.Typer(no_args_is_help=True, help="Signing keys: new, show.")
trust_app = typer.Typer(no_args_is_help=True, help="The trust root a verifier holds: init, show.")


@keys_app.command("new")
def new(
    path: Annotated[Path, Argument(help="The private key to write, such as keys/releaser.pem.")],
    *,
    person: Annotated[str, Option(help="Who signs with it.")],
    org: Annotated[str, Option(help="For which institution.")],
    days: Annotated[int, Option(help="How long it is valid.", min=1)] = 730,
) -> None:
    """Write an encrypted Ed25519 key (mode 0600) and its public part; the passphrase is never an argument."""
    from synthgen.release.keys import load_public, new_key, passphrase_for

    public = new_key(path, passphrase_for(path), person=person, org=org, now=datetime.now(UTC), valid_days=days)
    typer.echo(f"private key: {path}\npublic part: {public}, held by {load_public(public).person}", err=True)


@keys_app.command("show")
def show(path: Annotated[Path, Argument(help="The public part, NAME.pub.json.")]) -> None:
    """Print the public part of a key with its id."""
    from audits.verify.ed25519 import keyid
    from synthgen.release.keys import load_public

    key = load_public(path)
    typer.echo(json.dumps({"keyid": keyid(bytes.fromhex(key.public)), **key.model_dump(mode="json")}, indent=1))


@trust_app.command("init")
def trust_init(
    path: Annotated[Path, Argument(help="The trust root to write, such as trust.json.")],
    *,
    releaser: Annotated[list[Path], Option(help="Public part of a releaser's key; may be given again.")],
    privacy_officer: Annotated[list[Path] | None, Option(help="Public part of a privacy officer's key.")] = None,
    data_owner: Annotated[list[Path] | None, Option(help="Public part of a data owner's key.")] = None,
    policy: Annotated[list[str] | None, Option(help="Policies accepted, by name or file; default: research.")] = None,
    days: Annotated[int, Option(help="How long it is valid.", min=1)] = 730,
) -> None:
    """Write a trust root: which keys may sign in which role, and which policies are accepted, by digest."""
    from audits.gate.policy import load_policy
    from synthgen.release.trust import new_trust

    roles = {"releaser": releaser, "privacy_officer": privacy_officer or [], "data_owner": data_owner or []}
    accepted = [load_policy(name) for name in policy or ["research"]]
    found = new_trust(
        path,
        roles={role: files for role, files in roles.items() if files},
        policies={item.name: [item.digest()] for item in accepted},
        expires=datetime.now(UTC) + timedelta(days=days),
    )
    typer.echo(f"trust root: {path}\nfingerprint, to be compared by another way: {found}", err=True)


@trust_app.command("show")
def trust_show(path: Annotated[Path, Argument(help="A trust root.")]) -> None:
    """Print a trust root's fingerprint, keys, roles and policies."""
    from audits.verify.trust import fingerprint, load_trust

    root = load_trust(path)
    typer.echo(f"fingerprint: {fingerprint(path.read_bytes())}\nexpires: {root.expires}")
    for role, held in sorted(root.roles.items()):
        for name in held.keyids:
            typer.echo(f"{role}: {name} {root.keys[name].person}, {root.keys[name].org}")
    for name, digests in sorted(root.policies.items()):
        typer.echo(f"policy {name}: {', '.join(digests)}")
