"""Implement `synthgen keys`, `synthgen trust` and `synthgen timestamp`.

Keys sign releases and approvals. A trust root is the receiver's file of accepted keys, policies and ledgers. A
timestamp (RFC 3161) proves that a signature existed at a certified time.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from synthgen.cli.output import Application, AsJson, print_fields, print_json

if TYPE_CHECKING:
    from audits.verify.trust import TrustRoot

keys_app = Application(help="Create and show signing keys.")
trust_app = Application(help="Create, update and show the trust root that a verifier uses.")
timestamp_app = Application(help="Request and attach trusted timestamps (RFC 3161).")

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,31}")  # the pattern of `audits.gate.policy.RoleName`
Paths = list[Path] | None  # values of a repeatable option; None if the option is not passed
Names = list[str] | None  # the same for values that are not paths
_Envelope = Annotated[Path, Argument(help="attestation/release.dsse.json of a bundle, or the file of an approval.")]
_APPROVER = "Role and public key file of an approver, such as ethics_board=keys/board.pub.json; repeatable."
_LEDGER = "Ledger in which releases must be recorded: its folder or its id; repeatable."


@keys_app.command("new")
def new(
    path: Annotated[Path, Argument(help="Private key file to write, such as keys/releaser.pem.")],
    *,
    person: Annotated[str, Option(help="Name of the person who signs with the key.")],
    org: Annotated[str, Option(help="Institution of that person.")],
    days: Annotated[int, Option(help="Validity in days.", min=1)] = 730,
    alg: Annotated[Literal["ed25519", "ecdsa-p256"], Option(help="Signature algorithm.")] = "ed25519",
    as_json: AsJson = False,
) -> None:
    """Create an encrypted private key (mode 0600) and its public key file.

    The passphrase comes from SYNTHGEN_KEY_PASSPHRASE, the file NAME.passphrase beside the key, or a prompt.
    """
    from audits.verify.publickeys import keyid
    from synthgen.release.keys import load_public, new_key, passphrase_for

    now = datetime.now(UTC)
    public = new_key(path, passphrase_for(path), person=person, org=org, now=now, valid_days=days, alg=alg)
    key = load_public(public)
    fields = {"private": str(path), "public": str(public), "keyid": keyid(bytes.fromhex(key.public))}
    text = f"private key: {path}\npublic key: {public}, of {key.person}"
    print_fields({**fields, "person": key.person}, text, as_json=as_json)


@keys_app.command("show")
def show(
    path: Annotated[Path, Argument(help="Public key file, NAME.pub.json.")],
    *,
    as_json: AsJson = False,  # noqa: ARG001 - every command accepts --json
) -> None:
    """Print a public key with its id as JSON, with or without --json."""
    from audits.verify.publickeys import keyid
    from synthgen.release.keys import load_public

    key = load_public(path)
    print_json({"keyid": keyid(bytes.fromhex(key.public)), **key.model_dump(mode="json")})


@trust_app.command("init")
def trust_init(  # noqa: PLR0913 - one parameter per option
    path: Annotated[Path, Argument(help="Trust root file to write, such as trust.json.")],
    *,
    releaser: Annotated[list[Path], Option(help="Public key file of a releaser; repeatable.")],
    privacy_officer: Annotated[Paths, Option(help="Public key file of a privacy officer; repeatable.")] = None,
    data_owner: Annotated[Paths, Option(help="Public key file of a data owner; repeatable.")] = None,
    approver: Annotated[Names, Option(metavar="ROLE=FILE", help=_APPROVER)] = None,
    policy: Annotated[Names, Option(help="Accepted policy, by name or file; repeatable. Default: research.")] = None,
    root: Annotated[Paths, Option(help="Private root key that signs the trust root; repeatable.")] = None,
    authority: Annotated[Paths, Option(help="PEM certificate of a trusted timestamp authority; repeatable.")] = None,
    ledger: Annotated[Names, Option(help=_LEDGER)] = None,
    days: Annotated[int, Option(help="Validity in days.", min=1)] = 730,
    as_json: AsJson = False,
) -> None:
    """Write a trust root: the keys that may sign in each role and the digests of the accepted policies.

    With root keys, the trust root is signed. `trust rotate` can then write its next version, and verifiers that have
    seen the next version reject this version. Without root keys, the trust root is not signed, and `trust rotate`
    refuses it.
    """
    from synthgen.release.keys import load_key, passphrase_for, public_path
    from synthgen.release.trust import new_trust

    roles = {"releaser": releaser, "privacy_officer": privacy_officer or [], "data_owner": data_owner or []}
    for role, files in _approvers(approver or []).items():
        roles[role] = [*roles.get(role, []), *files]
    roles["root"] = [public_path(key) for key in root or []]
    fingerprint = new_trust(
        path,
        roles={role: files for role, files in roles.items() if files},
        policies=_policy_digests(policy or ["research"], ledger or ()),
        expires=datetime.now(UTC) + timedelta(days=days),
        root_keys=[load_key(key, passphrase_for(key)) for key in root or []],
        authorities=authority or [],
        ledgers=[_ledger_id(name) for name in ledger or []],
    )
    _print_fingerprint(path, fingerprint, as_json=as_json)


@trust_app.command("rotate")
def trust_rotate(  # noqa: PLR0913 - one parameter per option
    old: Annotated[Path, Argument(help="Current trust root file.")],
    path: Annotated[Path, Argument(help="New trust root file to write.")],
    *,
    sign_with: Annotated[list[Path], Option(help="Private root key of the current or new trust root; repeatable.")],
    root: Annotated[Paths, Option(help="Public root key file; replaces the current root keys.")] = None,
    releaser: Annotated[Paths, Option(help="Public key file of a releaser; replaces the current keys.")] = None,
    approver: Annotated[Names, Option(metavar="ROLE=FILE", help=f"{_APPROVER} Replaces the role's keys.")] = None,
    policy: Annotated[Names, Option(help="Accepted policy, by name or file; replaces the current policies.")] = None,
    authority: Annotated[Paths, Option(help="PEM file of an authority; replaces the current authorities.")] = None,
    ledger: Annotated[Names, Option(help=f"{_LEDGER} Replaces the current ledgers.")] = None,
    revoke: Annotated[Names, Option(help="Id of a key to revoke; repeatable.")] = None,
    since: Annotated[datetime | None, Option(help="Start of the revocations, in UTC; now by default.")] = None,
    reason: Annotated[str, Option(help="Reason for the revocations.")] = "",
    days: Annotated[
        int | None, Option(help="Validity in days from now; by default the expiry date stays.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the next version of a signed trust root: replace keys or policies, or revoke a key from a date on.

    A revocation is final: later versions keep it.
    """
    from audits.verify.trust import load_trust
    from synthgen.core.errors import UsageError
    from synthgen.release.keys import load_key, passphrase_for
    from synthgen.release.trust import rotate_trust

    if not revoke and (since is not None or reason):
        raise UsageError(
            "--since and --reason describe a revocation, but no key is revoked",
            hint="Pass --revoke with the id of the key.",
        )
    now = datetime.now(UTC)
    roles = {"root": root, "releaser": releaser, **_approvers(approver or [])}
    fingerprint = rotate_trust(
        old,
        path,
        policies=_policy_digests(policy or [], ledger or load_trust(old).ledgers),
        root_keys=[load_key(key, passphrase_for(key)) for key in sign_with],
        now=now,
        roles={role: files for role, files in roles.items() if files},
        revoked=revoke or [],
        since=now if since is None else since.replace(tzinfo=UTC),
        reason=reason,
        expires=None if days is None else now + timedelta(days=days),
        authorities=authority or [],
        ledgers=[_ledger_id(name) for name in ledger or []],
    )
    _print_fingerprint(path, fingerprint, as_json=as_json)


@trust_app.command("forget")
def trust_forget(
    state: Annotated[
        Path | None, Option(help="File with the newest versions seen; by default the current user's file.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Accept an older trust root again, by deleting the record of the newest version that was seen.

    Before you verify again, compare the fingerprint of the trust root with the fingerprint that its sender states
    over a second channel.
    """
    from audits.verify.high_water_mark import default_state, forget

    path = default_state() if state is None else state
    forget(path)
    print_fields({"deleted": str(path)}, f"deleted: {path}", as_json=as_json)


@trust_app.command("show")
def trust_show(path: Annotated[Path, Argument(help="Trust root file.")], *, as_json: AsJson = False) -> None:
    """Print the fingerprint and all fields of a trust root, except the bytes of its keys and certificates."""
    from audits.core.errors import printable
    from audits.verify.trust import fingerprint, parse_trust, read_trust

    data = read_trust(path)
    root, digest = parse_trust(data, name=str(path)), fingerprint(data)
    fields = {"fingerprint": digest, "trust": root.model_dump(mode="json")}
    lines = (f"fingerprint: {digest}", *_described(root))
    print_fields(fields, "\n".join(map(printable, lines)), as_json=as_json)  # a person's name may contain line breaks


def _approvers(given: Sequence[str]) -> dict[str, list[Path]]:
    """Return the key files of each role; raise UsageError if a value is not ROLE=FILE with an approver's role."""
    from synthgen.core.errors import UsageError

    pairs = [(role, Path(file)) for role, _, file in (value.partition("=") for value in given)]
    problems = [
        f"--approver {value}: must be ROLE=FILE, where ROLE is a lower-case name other than releaser and root"
        for value, (role, _) in zip(given, pairs, strict=True)
        if "=" not in value or not _ROLE.fullmatch(role) or role in {"releaser", "root"}
    ]
    if problems:
        hint = "A role has lower-case letters, digits and _, such as ethics_board=keys/board.pub.json."
        raise UsageError("a value of --approver is invalid", problems=problems, hint=hint)
    return {role: [file for other, file in pairs if other == role] for role, _ in pairs}


def _described(root: "TrustRoot") -> list[str]:
    """Return the fields of a trust root as lines for a terminal."""
    from audits.verify.trust import authority

    roles = sorted(root.roles.items())
    role_text = {name: f"{role}, {rule.threshold} required" for role, rule in roles for name in rule.keyids}
    lines = [f"version: {root.version}", f"expires: {root.expires}"]
    if root.min_tool_version is not None:
        lines.append(f"oldest accepted version of the tool: {root.min_tool_version}")
    for name in (*role_text, *sorted(root.keys.keys() - role_text.keys())):
        key = root.keys[name]
        holder = f"{name} {key.person}, {key.org}, {key.alg}, valid from {key.valid_from} to {key.valid_until}"
        lines.append(f"{role_text.get(name, 'no role')}: {holder}")
    lines += [f"revoked: {key.keyid} from {key.since} ({key.reason or 'no reason given'})" for key in root.revoked]
    lines += [f"timestamp authority: {authority(text).subject.rfc4514_string()}" for text in root.authorities]
    lines += [f"ledger: {name}" for name in root.ledgers]
    return [*lines, *(f"policy {name}: {', '.join(digests)}" for name, digests in sorted(root.policies.items()))]


def _print_fingerprint(path: Path, fingerprint: str, *, as_json: bool) -> None:
    text = f"trust root: {path}\nfingerprint, for comparison over a second channel: {fingerprint}"
    print_fields({"trust": str(path), "fingerprint": fingerprint}, text, as_json=as_json)


def _policy_digests(names: Sequence[str], ledgers: Sequence[str]) -> dict[str, list[str]]:
    """Return, by the name of each policy, a list with its digest.

    Raise ConfigError if a policy refers to a privacy budget, but the trust root names no ledger (`ledgers`).
    """
    from audits.gate.shipped import load_policy
    from synthgen.core.errors import ConfigError

    policies = [load_policy(name) for name in names]
    with_budget = sorted(p.name for p in policies if p.dp is not None or p.dp_substitute is not None)
    if with_budget and not ledgers:
        need = "the verifier accepts a release only if the trust root names the ledger of the release"
        raise ConfigError(
            f"under the polic{'y' if len(with_budget) == 1 else 'ies'} {', '.join(with_budget)}, {need}",
            hint="Pass --ledger with the folder of the institution's ledger, or its id.",
        )
    return {policy.name: [policy.digest()] for policy in policies}


def _ledger_id(id_or_folder: str) -> str:
    """Return the id of a ledger, given its id or folder; raise ConfigError if the folder has no ledger."""
    from audits.ledger.chain import KEY, ledger_id
    from synthgen.core.errors import ConfigError

    if re.fullmatch(r"[0-9a-f]{32}", id_or_folder):
        return id_or_folder
    if not (Path(id_or_folder) / KEY).is_file():
        hint = "Pass the folder of the institution's ledger. `synthgen budget show CONFIG` creates a missing ledger."
        raise ConfigError(f"there is no ledger in {id_or_folder}", hint=hint)
    return ledger_id(Path(id_or_folder))


@timestamp_app.command("request")
def request(
    envelope: _Envelope,
    request: Annotated[Path, Argument(help="Request file to write, such as release.tsq.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write a timestamp request. The authority runs `openssl ts -reply -queryfile release.tsq -out release.tsr`."""
    from synthgen.release.timestamps import request_timestamp

    request_timestamp(envelope, request)
    print_fields({"request": str(request)}, f"request: {request}", as_json=as_json)


@timestamp_app.command("attach")
def attach(
    envelope: _Envelope,
    response: Annotated[Path, Argument(help="Response file of the authority, such as release.tsr.")],
    *,
    trust: Annotated[Path, Option(help="Trust root that lists the authority's certificate.")],
    as_json: AsJson = False,
) -> None:
    """Check the authority's response and store it in the bundle, beside the file that it certifies."""
    from audits.core.instants import stamp
    from audits.verify.trust import load_trust
    from synthgen.release.timestamps import attach_timestamp

    path, time = attach_timestamp(envelope, response, trust=load_trust(trust), now=datetime.now(UTC))
    text = f"timestamp: {path}\nsigned no later than: {stamp(time)}"
    print_fields({"timestamp": str(path), "time": stamp(time)}, text, as_json=as_json)
