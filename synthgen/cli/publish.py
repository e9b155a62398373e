"""`synthgen release` and `synthgen report`: from a configuration to a bundle, or to a refusal."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from audits.gate.outcome import Decision
from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from synthgen.config import Config, is_uri
from synthgen.core.errors import DataError, StorageError
from synthgen.core.progress import terminal_progress
from synthgen.pipeline.policy import policy_file
from synthgen.pipeline.secret import PUBLIC, WARNING
from synthgen.release.keys import SigningKey
from synthgen.release.refusal import check_waivers
from synthgen.release.signers import open_key

REPORT = "report/report.html"


@dataclass(frozen=True, slots=True)
class Published:
    """A release that was written."""

    bundle: Path
    release_id: str
    policy: Policy
    decision: Decision

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "verdict": "RELEASED",
            "bundle": str(self.bundle),
            "releaseId": self.release_id,
            "policy": self.policy.name,
            "measured": {o.id.removeprefix("audit-"): o.verdict for o in self.decision.measured},
        }

    def to_text(self) -> str:
        """Return it for people."""
        return "\n".join(
            [
                f"RELEASED under policy {self.policy.name}: {self.policy.statement}",
                *self.decision.summary,
                f"bundle: {self.bundle}",
                f"report: {self.bundle / REPORT}",
                *(
                    f"approval of {rule.threshold} {rule.role}: "
                    f"synthgen approve {self.bundle} --role {rule.role} --key KEY --trust TRUST.json"
                    for rule in self.policy.approvals
                ),
                f"check it: synthgen verify {self.bundle} --trust TRUST.json",
            ]
        )


def publish(config: Config, *, resume: Literal["auto", "never"], stream: TextIO) -> Published:
    """Run what is missing, judge it, and write the signed bundle.

    What could stop the release at its end is checked before its start: the policy, waivers, the key, the folder for
    bundles.

    Raises:
        ReleaseRefused: when the gate says no; the signed refusal and the report stay in the workspace.
        SynthGenError: as the stages say.
    """
    from synthgen.pipeline.pipeline import Pipeline

    out = config.resolve(config.release.out)
    key = _key(config)
    check_waivers(config.release.waivers, load_policy(policy_file(config)))
    _writable(out)
    if config.secret == PUBLIC:
        stream.write(f"WARNING {WARNING}\n")
    run = Pipeline(config, terminal_progress(stream)).run(resume=resume)
    decision = run.decide()
    report = run.write_report(decision)
    stream.write(f"report: {report}\n")
    if not decision.allowed:
        stream.writelines(f"{line}\n" for line in decision.summary)
    bundle = run.release(decision, key=key, out=out)
    return Published(bundle.path, bundle.release_id, run.policy, decision)


def report_of(target: Path) -> Path:
    """Return the report of a configuration's last run, of a workspace, or of a bundle.

    That of a run is written anew each time, from the run and the policy as they are now.

    Raises:
        DataError: when the target holds no report yet, or the configuration changed since its last run.
    """
    if target.is_dir():
        if (target / REPORT).is_file():
            return target / REPORT
        target = _reported(target)
    from synthgen.release.run import load_run

    run = load_run(Config.load(target))
    return run.write_report(run.decide())


def _key(config: Config) -> SigningKey:
    named, public = config.release.key, config.release.public
    if public is None or not is_uri(named):
        return open_key(str(config.resolve(named)))
    return open_key(named, config.resolve(public))


def _reported(workspace: Path) -> Path:
    """Return the configuration whose run was last reported in a workspace."""
    from synthgen.release.run import REPORTED

    note = workspace / REPORTED
    if not note.is_file():
        raise DataError(f"{workspace}: holds no report", hint="Give a bundle, or the configuration of a run.")
    return Path(json.loads(note.read_bytes())["config"])


def _writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StorageError(
            f"{out}: bundles cannot be written there ({error.strerror}); nothing was run",
            hint="Change release.out, or make the folder writable.",
        ) from error
