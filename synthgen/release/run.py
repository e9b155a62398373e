"""A finished run: its evidence, decision, report, and its bundle or refusal."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, read_evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide
from audits.gate.shipped import load_policy
from audits.selftest.bound import read_selftest
from synthgen.config import Config
from synthgen.core.errors import DataError, ReleaseRefused, UsageError
from synthgen.core.files import write_bytes, write_json
from synthgen.core.made_by import AUDITS, versions_of
from synthgen.decode.bridge import Vocabulary, load_vocabulary
from synthgen.pipeline.judge import EVIDENCE, SELFTEST, with_selftest
from synthgen.pipeline.policy import policy_file
from synthgen.pipeline.record import RunRecord, read_record
from synthgen.pipeline.stages import changed_stages
from synthgen.pipeline.workspace import Workspace
from synthgen.release.assembly import bundle_content, report_content
from synthgen.release.bundle import Bundle, write_bundle
from synthgen.release.keys import SigningKey, load_key, passphrase_for
from synthgen.release.refusal import write_refusal
from synthgen.release.statement import short_id
from synthgen.release.tables import data_files
from synthgen.report import render_report

PRIVATE_REPORT = "report.private.html"
REPORTED = "reported.json"  # the configuration whose report lies in the workspace


@dataclass(frozen=True, slots=True)
class Run:
    """The run of one configuration, which can be reported, released or refused.

    Args:
        config: what was run.
        workspace: the private folder.
        record: the content of run.json.
        policy: the configured policy, as it was when the run was opened.
    """

    config: Config
    workspace: Workspace
    record: RunRecord
    policy: Policy

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage's result, of the last round if there are rounds.

        Raises:
            DataError: the run did not come so far.
        """
        return self.workspace.root / "stages" / self.record.stage(stage).folder

    @property
    def evidence(self) -> Evidence:
        """The numbers a gate may read, as the policy allows them to be published."""
        return self._evidence_under(self.policy)

    def _evidence_under(self, policy: Policy) -> Evidence:
        evidence = read_evidence((self.folder("audit") / EVIDENCE).read_bytes())
        if any(stage.is_of("selftest") for stage in self.record.stages):
            evidence = with_selftest(evidence, read_selftest(self.folder("selftest") / SELFTEST))
        return public_evidence(evidence, policy)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary, if texts were written from words alone."""
        decode = self.config.decode
        if not decode.by_words:
            return None
        return load_vocabulary(decode.bridge, self.config.resolve, encoder=self.config.embed.model)

    def decide(self, policy: Policy | None = None) -> Decision:
        """Return the decision of a policy, by default the configured one; a pure function of policy and evidence.

        The decision carries the policy's name and digest. The run reports and releases only with a decision of the
        configured policy.
        """
        policy = self.policy if policy is None else policy
        return decide(self._evidence_under(policy), policy)

    def check_decision(self, decision: Decision) -> None:
        """Refuse a decision that is not of this run's evidence under the configured policy.

        Raises:
            UsageError: naming both policies.
        """
        own = self.policy
        if decision.policy_digest != own.digest():
            raise UsageError(
                f"the decision is of policy {decision.policy_name!r} version {decision.policy_version} "
                f"({decision.policy_digest[:12]}), the run's is {own.name!r} version {own.version} "
                f"({own.digest()[:12]})",
                hint="Set `policy` in the configuration, and run it again.",
            )
        if decision != decide(self.evidence, own):
            raise UsageError("the decision is not of this run's evidence", hint="Take it from `run.decide()`.")

    def report(self, decision: Decision, *, release_id: str | None = None, private: bool = False) -> str:
        """Return the HTML report of this run under a decision of its policy; private with exact counts of the source.

        Raises:
            UsageError: if the decision is not of this run under its policy.
        """
        return render_report(report_content(self, decision, release_id, private=private))

    def write_report(self, decision: Decision) -> Path:
        """Write the private report into the workspace and return its path; beside it, which configuration made it.

        Raises:
            UsageError: if the decision is not of this run under its policy.
        """
        self.check_decision(decision)
        path = self.workspace.root / PRIVATE_REPORT
        if self.config.file is not None:
            write_json(self.workspace.root / REPORTED, {"config": self.config.file})
        release_id = None
        if decision.allowed:
            content = bundle_content(self, decision)
            release_id = short_id(content, data_files(content.records, content.formats), datetime.now(UTC))
        write_bytes(path, self.report(decision, release_id=release_id, private=True).encode())
        return path

    def release(
        self, decision: Decision, *, key: SigningKey | Path | str, out: Path | str, now: datetime | None = None
    ) -> Bundle:
        """Write the signed bundle and return it.

        Args:
            decision: of `decide`.
            key: the releaser's, opened, or its file; then the passphrase is looked for as `passphrase_for` says.
            out: where bundles go.
            now: the time to state; the clock's by default.

        Raises:
            UsageError: if the decision is not of this run under its policy.
            ReleaseRefused: when the decision is no; then a signed refusal is left in the workspace and nothing else.
            StorageError: when the bundle cannot be written; nothing is left behind.
        """
        self.check_decision(decision)
        now = datetime.now(UTC) if now is None else now
        if not isinstance(key, SigningKey):
            key = load_key(Path(key), passphrase_for(Path(key)))
        if not decision.allowed:
            folder = write_refusal(
                self.workspace.root,
                decision=decision,
                policy=self.policy,
                evidence=self.evidence,
                key=key,
                now=now,
                waivers=self.config.release.waivers,
            )
            raise ReleaseRefused(
                f"not released under policy {self.policy.name!r}",
                problems=decision.failures,
                hint=f"The signed refusal: {folder}",
            )
        content = bundle_content(self, decision)
        release_id = short_id(content, data_files(content.records, content.formats), now)
        content = replace(content, report_html=self.report(decision, release_id=release_id))
        return write_bundle(Path(out), content=content, key=key, now=now)


def load_run(config: Config) -> Run:
    """Return the last run of a configuration from its workspace, without running anything.

    Raises:
        DataError: there is no run, its configuration changed, or another version of the program made it.
    """
    workspace = Workspace(config.resolve(config.workspace))
    record = read_record(workspace.root)
    if record.config != config.digest():
        raise DataError("the configuration changed since its last run", hint="Run it again: `synthgen run CONFIG`.")
    changed = changed_stages(record)
    tools = versions_of((AUDITS,))
    if changed or any(record.versions.get(name) != version for name, version in tools.items()):
        raise DataError(
            "the program changed since the last run, so its results may differ",
            problems=[f"changed: {name}" for name in changed] or ["changed: audits"],
            hint="Run it again: `synthgen run CONFIG`. Stages that did not change are not computed again.",
        )
    return Run(config, workspace, record, load_policy(policy_file(config)))
