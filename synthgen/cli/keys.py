"""`synthgen keys` and `synthgen trust`: who signs, and whom a verifier trusts."""

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

keys_app = typer.Typer(no_args_is_help=True, help="Signing keys: new, show.")
trust_app = typer.Typer(no_args_is_help=True, help="The trust root a verifier holds: init, show.")

_LEDGER = "Folder of a ledger in which releases must be counted, or its id."


@keys_app.command("new")
def new(
    path: Annotated[Path, Argument(help="The private key to write, such as keys/releaser.pem.")],
    *,
    person: Annotated[str, Option(help="Who signs with it.")],
    org: Annotated[str, Option(help="For which institution.")],
    days: Annotated[int, Option(help="How long it is valid.", min=1)] = 730,
    alg: Annotated[Literal["ed25519", "ecdsa-p256"], Option(help="The kind of key.")] = "ed25519",
) -> None:
    """Write an encrypted key (mode 0600) and its public part; the passphrase is never an argument."""
    from synthgen.release.keys import load_public, new_key, passphrase_for

    public = new_key(
        path, passphrase_for(path), person=person, org=org, now=datetime.now(UTC), valid_days=days, alg=alg
    )
    typer.echo(f"private key: {path}\npublic part: {public}, held by {load_public(public).person}", err=True)


@keys_app.command("show")
def show(path: Annotated[Path, Argument(help="The public part, NAME.pub.json.")]) -> None:
    """Print the public part of a key with its id."""
    from audits.verify.ed25519 import keyid
    from synthgen.release.keys import load_public

    key = load_public(path)
    typer.echo(json.dumps({"keyid": keyid(bytes.fromhex(key.public)), **key.model_dump(mode="json")}, indent=1))


@trust_app.command("init")
def trust_init(  # noqa: PLR0913 - an option each
    path: Annotated[Path, Argument(help="The trust root to write, such as trust.json.")],
    *,
    releaser: Annotated[list[Path], Option(help="Public part of a releaser's key; may be given again.")],
    privacy_officer: Annotated[list[Path] | None, Option(help="Public part of a privacy officer's key.")] = None,
    data_owner: Annotated[list[Path] | None, Option(help="Public part of a data owner's key.")] = None,
    policy: Annotated[list[str] | None, Option(help="Policies accepted, by name or file; default: research.")] = None,
    root: Annotated[list[Path] | None, Option(help="Private key of the role root, which signs this root.")] = None,
    authority: Annotated[list[Path] | None, Option(help="Certificate (PEM) that vouches for timestamps.")] = None,
    ledger: Annotated[list[str] | None, Option(help=_LEDGER)] = None,
    days: Annotated[int, Option(help="How long it is valid.", min=1)] = 730,
) -> None:
    """Write a trust root: which keys may sign in which role, and which policies are accepted, by digest.

    With root keys it is signed, can be followed by another version, and verifiers refuse an older one.
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
    typer.echo(f"trust root: {path}\nfingerprint, to be compared by another way: {found}", err=True)


@trust_app.command("rotate")
def trust_rotate(  # noqa: PLR0913 - an option each
    old: Annotated[Path, Argument(help="The trust root before.")],
    path: Annotated[Path, Argument(help="The one to write.")],
    *,
    sign_with: Annotated[
        list[Path], Option(help="Private root key, of the old and of the new root; again for more.")
    ],
    root: Annotated[list[Path] | None, Option(help="Public parts of the root keys from now on.")] = None,
    releaser: Annotated[list[Path] | None, Option(help="Public parts of the releasers' keys from now on.")] = None,
    policy: Annotated[list[str] | None, Option(help="Policies accepted from now on, by name or file.")] = None,
    authority: Annotated[list[Path] | None, Option(help="Certificates (PEM) for timestamps from now on.")] = None,
    ledger: Annotated[list[str] | None, Option(help=f"{_LEDGER} These instead of those before.")] = None,
    revoke: Annotated[list[str] | None, Option(help="Id of a key that no longer counts.")] = None,
    since: Annotated[datetime | None, Option(help="From when, in UTC; now by default.")] = None,
    reason: Annotated[str, Option(help="Why.")] = "",
    days: Annotated[int | None, Option(help="How long it is valid; as before by default.", min=1)] = None,
) -> None:
    """Write the next version of a signed trust root: other keys or policies, or a key revoked from a date on."""
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
    typer.echo(f"trust root: {path}\nfingerprint, to be compared by another way: {found}", err=True)


@trust_app.command("forget")
def trust_forget(
    state: Annotated[Path | None, Option(help="The high-water mark; the user's own by default.")] = None,
) -> None:
    """Forget which trust roots were seen; then compare fingerprints again before you verify."""
    from audits.verify.high_water_mark import default_state, forget

    path = default_state() if state is None else state
    forget(path)
    typer.echo(f"forgotten: {path}", err=True)


@trust_app.command("show")
def trust_show(path: Annotated[Path, Argument(help="A trust root.")]) -> None:
    """Print a trust root's fingerprint, keys, roles, ledgers and policies."""
    from audits.verify.authorities import authority
    from audits.verify.trust import fingerprint, load_trust

    root = load_trust(path)
    typer.echo(f"fingerprint: {fingerprint(path.read_bytes())}\nexpires: {root.expires}")
    for role, held in sorted(root.roles.items()):
        for name in held.keyids:
            typer.echo(f"{role}: {name} {root.keys[name].person}, {root.keys[name].org}")
    for text in root.authorities:
        typer.echo(f"timestamps: {authority(text).subject.rfc4514_string()}")
    for name in root.ledgers:
        typer.echo(f"ledger: {name}")
    for name, digests in sorted(root.policies.items()):
        typer.echo(f"policy {name}: {', '.join(digests)}")


def _need_ledger(policies: Iterable["Policy"], ledgers: Sequence[str]) -> None:
    """Raise ConfigError where a release may rest on a budget under a policy, and the root would name no ledger."""
    from synthgen.core.errors import ConfigError

    resting = sorted(one.name for one in policies if one.dp is not None or one.dp_substitute is not None)
    if resting and not ledgers:
        raise ConfigError(
            f"under {', '.join(resting)} a release counts only where the trust root names its ledger",
            hint="Give --ledger: the folder of the institution's ledger, or its id.",
        )


def _ledger(named: str) -> str:
    """Return the id of a ledger that is named by its id or its folder; a mistaken folder is not made a ledger.

    Raises:
        ConfigError: there is no ledger in the folder.
        InputError: as `ledger_id`.
    """
    from audits.ledger.attempts import ledger_id
    from audits.ledger.chain import KEY
    from synthgen.core.errors import ConfigError

    if re.fullmatch(r"[0-9a-f]{32}", named):
        return named
    if not (Path(named) / KEY).is_file():
        raise ConfigError(
            f"there is no ledger in {named}",
            hint="Name the folder of the institution's ledger; `synthgen budget show CONFIG` begins that of a "
            "configuration where there is none yet.",
        )
    return ledger_id(Path(named))
