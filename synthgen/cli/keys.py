"""Implement `synthgen keys` and `synthgen trust`: manage signing keys and trust roots."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from audits.gate.policy import Policy

keys_app = typer.Typer(no_args_is_help=True, help="Create and show signing keys.")
trust_app = typer.Typer(no_args_is_help=True, help="Create, update and show the trust root that a verifier uses.")

_LEDGER = "Ledger in which releases must be recorded: its folder or its id; repeatable."


@keys_app.command("new")
def new(
    path: Annotated[Path, Argument(help="Private key file to write, such as keys/releaser.pem.")],
    *,
    person: Annotated[str, Option(help="Name of the person who signs with the key.")],
    org: Annotated[str, Option(help="Institution of that person.")],
    days: Annotated[int, Option(help="Validity in days.", min=1)] = 730,
    alg: Annotated[Literal["ed25519", "ecdsa-p256"], Option(help="Signature algorithm.")] = "ed25519",
) -> None:
    """Create an encrypted private key (mode 0600) and its public key file; the passphrase is never an argument."""
    from synthgen.release.keys import load_public, new_key, passphrase_for

    public = new_key(
        path, passphrase_for(path), person=person, org=org, now=datetime.now(UTC), valid_days=days, alg=alg
    )
    typer.echo(f"private key: {path}\npublic key: {public}, of {load_public(public).person}", err=True)


@keys_app.command("show")
def show(path: Annotated[Path, Argument(help="Public key file, NAME.pub.json.")]) -> None:
    """Print a public key with its id."""
    from audits.verify.publickeys import keyid
    from synthgen.release.keys import load_public

    key = load_public(path)
    typer.echo(json.dumps({"keyid": keyid(bytes.fromhex(key.public)), **key.model_dump(mode="json")}, indent=1))


@trust_app.command("init")
def trust_init(  # noqa: PLR0913 - one parameter per option
    path: Annotated[Path, Argument(help="Trust root file to write, such as trust.json.")],
    *,
    releaser: Annotated[list[Path], Option(help="Public key file of a releaser; repeatable.")],
    privacy_officer: Annotated[
        list[Path] | None, Option(help="Public key file of a privacy officer; repeatable.")
    ] = None,
    data_owner: Annotated[list[Path] | None, Option(help="Public key file of a data owner; repeatable.")] = None,
    policy: Annotated[
        list[str] | None, Option(help="Accepted policy, by name or file; repeatable. Default: research.")
    ] = None,
    root: Annotated[list[Path] | None, Option(help="Private root key that signs the trust root; repeatable.")] = None,
    authority: Annotated[
        list[Path] | None, Option(help="Certificate (PEM) of a trusted timestamp authority; repeatable.")
    ] = None,
    ledger: Annotated[list[str] | None, Option(help=_LEDGER)] = None,
    days: Annotated[int, Option(help="Validity in days.", min=1)] = 730,
) -> None:
    """Write a trust root: the keys that may sign in each role and the digests of the accepted policies.

    With root keys, the trust root is signed and versioned: `trust rotate` can write a successor, and verifiers
    reject an older version.
    """
    from audits.gate.shipped import load_policy
    from synthgen.release.keys import load_key, passphrase_for, public_path
    from synthgen.release.trust import new_trust

    roles = {
        "releaser": releaser,
        "privacy_officer": privacy_officer or [],
        "data_owner": data_owner or [],
        "root": [public_path(key) for key in root or []],
    }
    accepted = [load_policy(name) for name in policy or ["research"]]
    _need_ledger(accepted, ledger or ())
    found = new_trust(
        path,
        roles={role: files for role, files in roles.items() if files},
        policies={item.name: [item.digest()] for item in accepted},
        expires=datetime.now(UTC) + timedelta(days=days),
        root_keys=[load_key(key, passphrase_for(key)) for key in root or []],
        authorities=authority or [],
        ledgers=[_ledger(named) for named in ledger or []],
    )
    typer.echo(f"trust root: {path}\nfingerprint, for comparison over a second channel: {found}", err=True)


@trust_app.command("rotate")
def trust_rotate(  # noqa: PLR0913 - one parameter per option
    old: Annotated[Path, Argument(help="Current trust root file.")],
    path: Annotated[Path, Argument(help="New trust root file to write.")],
    *,
    sign_with: Annotated[
        list[Path], Option(help="Private root key of the current or the new trust root; repeatable.")
    ],
    root: Annotated[list[Path] | None, Option(help="Public root key file that replaces the current ones.")] = None,
    releaser: Annotated[
        list[Path] | None, Option(help="Public key file of a releaser; replaces the current ones.")
    ] = None,
    policy: Annotated[
        list[str] | None, Option(help="Accepted policy, by name or file; replaces the current ones.")
    ] = None,
    authority: Annotated[
        list[Path] | None, Option(help="Certificate (PEM) of a timestamp authority; replaces the current ones.")
    ] = None,
    ledger: Annotated[list[str] | None, Option(help=f"{_LEDGER} Replaces the current ones.")] = None,
    revoke: Annotated[list[str] | None, Option(help="Id of a key to revoke; repeatable.")] = None,
    since: Annotated[datetime | None, Option(help="Start of the revocation, in UTC; now by default.")] = None,
    reason: Annotated[str, Option(help="Reason for the revocation.")] = "",
    days: Annotated[int | None, Option(help="Validity in days; by default the expiry stays.", min=1)] = None,
) -> None:
    """Write the next version of a signed trust root: replace keys or policies, or revoke a key from a date on."""
    from audits.core.instants import stamp
    from audits.gate.shipped import load_policy
    from audits.verify.trust import Revocation, load_trust
    from synthgen.release.keys import load_key, passphrase_for
    from synthgen.release.trust import follow_trust

    now = datetime.now(UTC)
    date = stamp(now if since is None else since.replace(tzinfo=UTC))
    roles = {"root": root, "releaser": releaser}
    accepted = [load_policy(name) for name in policy or []]
    _need_ledger(accepted, ledger or load_trust(old).ledgers)
    found = follow_trust(
        old,
        path,
        root_keys=[load_key(key, passphrase_for(key)) for key in sign_with],
        roles={role: files for role, files in roles.items() if files},
        policies={item.name: [item.digest()] for item in accepted},
        revoked=[Revocation(keyid=name, since=date, reason=reason) for name in revoke or []],
        expires=None if days is None else now + timedelta(days=days),
        authorities=authority or [],
        ledgers=[_ledger(named) for named in ledger or []],
    )
    typer.echo(f"trust root: {path}\nfingerprint, for comparison over a second channel: {found}", err=True)


@trust_app.command("forget")
def trust_forget(
    state: Annotated[
        Path | None, Option(help="High-water mark file; by default the file of the current user.")
    ] = None,
) -> None:
    """Delete the high-water mark of the trust roots seen; compare fingerprints again before the next verification."""
    from audits.verify.high_water_mark import default_state, forget

    path = default_state() if state is None else state
    forget(path)
    typer.echo(f"deleted: {path}", err=True)


@trust_app.command("show")
def trust_show(path: Annotated[Path, Argument(help="Trust root file.")]) -> None:
    """Print the fingerprint, keys, roles, ledgers and policies of a trust root."""
    from audits.verify.trust import authority, fingerprint, load_trust

    root = load_trust(path)
    typer.echo(f"fingerprint: {fingerprint(path.read_bytes())}\nexpires: {root.expires}")
    for role, rule in sorted(root.roles.items()):
        for name in rule.keyids:
            typer.echo(f"{role}: {name} {root.keys[name].person}, {root.keys[name].org}")
    for text in root.authorities:
        typer.echo(f"timestamps: {authority(text).subject.rfc4514_string()}")
    for name in root.ledgers:
        typer.echo(f"ledger: {name}")
    for name, digests in sorted(root.policies.items()):
        typer.echo(f"policy {name}: {', '.join(digests)}")


def _need_ledger(policies: Iterable["Policy"], ledgers: Sequence[str]) -> None:
    """Raise ConfigError if a policy relies on a DP budget and the trust root would name no ledger."""
    from synthgen.core.errors import ConfigError

    with_budget = sorted(one.name for one in policies if one.dp is not None or one.dp_substitute is not None)
    if with_budget and not ledgers:
        raise ConfigError(
            f"under {', '.join(with_budget)} the verifier accepts a release only if the trust root names its ledger",
            hint="Pass --ledger with the folder of the institution's ledger, or its id.",
        )


def _ledger(named: str) -> str:
    """Return the id of a ledger from its id or its folder; never create a ledger.

    Raises:
        ConfigError: If the folder contains no ledger.
        InputError: If the ledger's key cannot be used.
    """
    from audits.ledger.attempts import ledger_id
    from audits.ledger.chain import KEY
    from synthgen.core.errors import ConfigError

    if re.fullmatch(r"[0-9a-f]{32}", named):
        return named
    if not (Path(named) / KEY).is_file():
        raise ConfigError(
            f"there is no ledger in {named}",
            hint="Pass the folder of the institution's ledger. If a configuration has no ledger yet, "
            "`synthgen budget show CONFIG` creates it.",
        )
    return ledger_id(Path(named))
