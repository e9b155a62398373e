"""Find the policy of a run, the institution's ledger of audits and budgets, and the attempts of a workspace.

An attempt is an audit that the ledger counts. In the ledger, a repeated audit is recognised by its synthetic records.
Before a run, these records do not exist, so the number of the next attempt is predicted from the configuration.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from audits.core.errors import InputError, PolicyError
from audits.core.files import write_whole
from audits.gate.evidence import AUDIT_NAMES
from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from audits.ledger.attempts import Attempt, recorded_attempt
from audits.ledger.chain import HighWaterMark
from audits.ledger.places import ledger_folder
from audits.verify.trust import RELEASER, ROOT
from synthgen.config import Config
from synthgen.core.digest import sha256_json

ATTEMPT_FILE = "attempts.json"  # file in the workspace
_JSON = TypeAdapter(dict[str, Attempt])  # key: see `settings_digest`
# sections and keys that `settings_digest` omits: a change of their values is not expected to cause a new attempt
_WITHOUT_EFFECT: dict[str, bool | set[str]] = {
    **dict.fromkeys(("workspace", "ledger", "policy", "release", "run"), True),
    "deidentify": {"sample"},
}
_SIGNING_ROLES = {RELEASER, ROOT}  # roles that cannot approve, because their keys sign releases or trust roots


def policy_of(config: Config) -> Policy:
    """Return the policy that the configuration names: a file or a shipped policy.

    Raise PolicyError if the policy is unusable, or names an unknown audit or an approver in `_SIGNING_ROLES`.
    """
    path = config.resolve(config.policy)
    policy = load_policy(path if path.is_file() else config.policy)
    substitute = policy.dp_substitute
    audits = (*policy.required, *policy.measured, *(() if substitute is None else substitute.required))
    unknown = [
        f"the policy names the audit {name!r}, which does not exist"
        for name in dict.fromkeys(audits)
        if name not in AUDIT_NAMES
    ]
    roles = [approval.role for approval in policy.approvals]
    signing = [f"approvals: the role {role!r} cannot approve a release" for role in roles if role in _SIGNING_ROLES]
    if problems := [*unknown, *signing]:
        hints = [f"The audits are {', '.join(AUDIT_NAMES)}."] * bool(unknown)
        hints += ["Write another role in `approvals`, such as privacy_officer."] * bool(signing)
        raise PolicyError(f"no release can meet the policy {policy.name!r}", problems=problems, hint=" ".join(hints))
    return policy


def ledger_of(config: Config) -> tuple[Path, HighWaterMark]:
    """Return the ledger's folder, and the high-water mark: the ledger's latest state, kept beside the releaser's key.

    With the high-water mark, every run with this key detects a deleted, replaced or rolled-back ledger.
    """
    folder = ledger_folder() if config.ledger is None else config.resolve(config.ledger)
    return folder, HighWaterMark(config.resolve(config.release.key_file).parent / "ledger-seen.json")


def settings_digest(config: Config) -> str:
    """Return a digest of the settings from which it is predicted whether a run repeats an audit of the ledger."""
    settings = config.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    return sha256_json({**settings, "decode": config.decode.written.model_dump(mode="json")})


def stored_attempts(root: Path) -> Mapping[str, Attempt]:
    """Return the newest attempt by `settings_digest`, from the workspace `root`; empty without a valid file."""
    try:
        return _JSON.validate_json((root / ATTEMPT_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def store_attempt(root: Path, config: Config, attempt: Attempt) -> None:
    """Add an attempt to the file in the workspace `root`."""
    write_whole(root / ATTEMPT_FILE, _JSON.dump_json({**stored_attempts(root), settings_digest(config): attempt}))


def foreseen_number(root: Path, config: Config, n_before: int) -> int:
    """Return the number that the next audit will have in the ledger, counted from 1.

    A repeated audit is no new attempt: if the workspace and the ledger have an attempt with the same settings, return
    the number of this attempt. `n_before` is the number of attempts on the same control persons in the ledger.
    """
    stored = stored_attempts(root).get(settings_digest(config))
    if stored is not None:
        with suppress(InputError):  # the ledger has no such attempt, because it is another ledger
            return recorded_attempt(*ledger_of(config), stored.digest).number
    return n_before + 1
