"""Find the policy of a run, and the institution's ledger of audits and budgets."""

from pathlib import Path

from audits.core.errors import PolicyError
from audits.gate.evidence import AUDIT_NAMES
from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from audits.ledger.chain import HighWaterMark
from audits.ledger.places import ledger_folder
from audits.verify.trust import RELEASER, ROOT
from synthgen.config import Config

_SIGNING_ROLES = {RELEASER, ROOT}  # roles that cannot approve, because their keys sign releases or trust roots


def policy_of(config: Config) -> Policy:
    """Return the policy, which the configuration gives as a path or as the name of a shipped policy.

    Raise PolicyError if the policy is unusable, or requires an unknown audit or an approver in `_SIGNING_ROLES`.
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

    With the high-water mark, every run that uses the key detects whether the ledger was deleted, replaced or rolled
    back.
    """
    folder = ledger_folder() if config.ledger is None else config.resolve(config.ledger)
    return folder, HighWaterMark(config.resolve(config.release.key_file).parent / "ledger-seen.json")
