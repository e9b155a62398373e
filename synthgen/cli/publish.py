"""Implement `synthgen release` and `synthgen report`: write a bundle, a refusal or a report.

A bundle is the folder of a released dataset, with its report, audit results and signatures.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from audits.gate.outcome import Decision
from audits.gate.policy import Policy
from synthgen.config import Config, is_uri
from synthgen.core.errors import DataError
from synthgen.core.files import check_writable, read_json
from synthgen.core.progress import terminal_progress
from synthgen.core.terminal import as_written, say
from synthgen.pipeline.institution import policy_of
from synthgen.pipeline.secret import PUBLIC, WARNING
from synthgen.release.keys import check_validity
from synthgen.release.signers import open_key

REPORT = "report/report.html"  # path of the report in a bundle


@dataclass(frozen=True, slots=True)
class Published:
    """A bundle that was written."""

    bundle: Path
    release_id: str
    policy: Policy
    decision: Decision

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-compatible data."""
        return {
            "verdict": "RELEASED",
            "bundle": str(self.bundle),
            "releaseId": self.release_id,
            "policy": self.policy.name,
            "measured": {o.id.removeprefix("audit-"): o.verdict for o in self.decision.without_gate},
        }

    def to_text(self) -> str:
        """Return the result as text for a terminal."""
        lines = [
            f"RELEASED under policy {self.policy.name}: {self.policy.statement}",
            *self.decision.summary,
            f"bundle: {self.bundle}",
            f"report: {self.bundle / REPORT}",
        ]
        command, trust = f"synthgen approve {self.bundle}", "--trust TRUST.json"
        page = "" if self.policy.is_independent else " --review PAGE"
        for rule in self.policy.approvals:
            needed = f"needs approval by {rule.threshold} {rule.role}"
            lines.append(f"{needed}: {command} --role {rule.role} --key KEY {trust}{page}")
        if self.policy.closing is not None:
            lines.append(f"the releaser must close the list of approvals: {command} --close --key KEY {trust}")
        return "\n".join([*lines, f"verify it: synthgen verify {self.bundle} {trust}"])


def publish(config: Config, *, resume: Literal["auto", "never"], stream: TextIO) -> Published:
    """Run the unfinished stages, apply the policy, and write the signed bundle; `stream` receives the progress.

    The policy, the key, the output folder and the number of persons are checked before the stages run, because the
    stages can take hours.

    Raise ReleaseRefused before the run if no run of this configuration can meet the policy. Raise ReleaseRefused
    after the run if the policy refuses the release; the workspace then has the signed refusal and the report. Raise
    it also if the policy file changes during the command; the workspace then has the report.
    """
    from synthgen.pipeline.pipeline import Pipeline
    from synthgen.plan.early_refusal import refuse_unmeetable_policy
    from synthgen.release.assembly import copy_warnings

    out, key_name, public = config.resolve(config.release.out), config.release.key, config.release.public
    if public is not None and is_uri(key_name):
        key = open_key(key_name, config.resolve(public))
    else:
        key = open_key(str(config.resolve(key_name)))
    check_validity(key, datetime.now(UTC))
    policy_of(config)
    check_writable(out)
    if config.secret == PUBLIC:
        stream.write(f"WARNING {WARNING}\n")
    progress = terminal_progress(stream)
    refuse_unmeetable_policy(config, progress, resume=resume)
    run = Pipeline(config, progress).run(resume=resume)
    for note in run.record.stage("load").notes or ():
        say(f"source: {note}")
    decision = run.decide()
    report = run.write_report(decision)
    stream.write(as_written(f"report: {report}\n"))
    stream.writelines(f"WARNING {line}\n" for line in copy_warnings(run))
    if not decision.allowed:
        stream.writelines(f"{line}\n" for line in decision.summary)
    bundle = run.release(decision, key=key, out=out)
    return Published(bundle.path, bundle.release_id, run.policy, decision)


def updated_report(target: Path) -> Path:
    """Return the path of the report; `target` is a configuration of a finished run, a workspace, or a bundle.

    The report of a run with a configuration file is first written again, from the stored results and the current
    policy. The report of a bundle, or of a run that was started from Python, is left as it is.
    """
    if target.is_dir():
        if (target / REPORT).is_file():
            return target / REPORT
        from synthgen.release.run import PRIVATE_REPORT, REPORTED

        stored = target / PRIVATE_REPORT
        # the file `REPORTED` names the configuration file; `REPORTED` is absent if the run was started from Python
        if stored.is_file() and not (target / REPORTED).is_file():
            return stored
    from synthgen.release.run import load_run

    run = load_run(configured(target))
    return run.write_report(run.decide())


def configured(target: Path) -> Config:
    """Return a configuration; `target` is a configuration file, or the workspace of a run.

    Raises:
        DataError: the folder is no workspace, or its last run was started without a configuration file.
    """
    from synthgen.release.run import REPORTED

    if not target.is_dir():
        return Config.load(target)
    if not (target / REPORTED).is_file():
        message = f"{target}: is not the workspace of a run that has a configuration file"
        raise DataError(message, hint="Pass the configuration of a finished run.")
    return Config.load(Path(read_json(target / REPORTED)["config"]))
