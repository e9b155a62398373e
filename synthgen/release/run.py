"""A finished run and the ways on from it: a decision, a report, a bundle or a refusal."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from audits.gate.outcome import Decision
from synthgen.config import Config
from synthgen.core.errors import DataError, ReleaseRefused
from synthgen.pipeline.finished import FinishedRun
from synthgen.pipeline.job import AUDITS_VERSION
from synthgen.pipeline.record import read_record
from synthgen.pipeline.workspace import Workspace, write_bytes, write_json
from synthgen.release.assembly import bundle_content, report_content
from synthgen.release.bundle import Bundle, write_bundle
from synthgen.release.keys import SigningKey, load_key, passphrase_for
from synthgen.release.refusal import write_refusal
from synthgen.release.statement import short_id
from synthgen.release.tables import data_files
from synthgen.report import render_report

PRIVATE_REPORT = "report.private.html"
REPORTED = "reported.json"  # the configuration whose report lies in the workspace


class Run(FinishedRun):
    """A finished run that can be reported, released or refused."""

    __slots__ = ()

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
                policy=self.policy(),
                evidence=self.evidence,
                key=key,
                now=now,
                waivers=self.config.release.waivers,
            )
            raise ReleaseRefused(
                f"not released under policy {self.policy().name!r}",
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
        DataError: when there is none, it was of another configuration, or other versions made it.
    """
    workspace = Workspace(config.resolve(config.workspace))
    record = read_record(workspace.root)
    if record.config != config.digest():
        raise DataError("the configuration changed since its last run", hint="Run it again: `synthgen run CONFIG`.")
    changed = sorted(name for name, version in AUDITS_VERSION.items() if record.versions.get(name) != version)
    if changed or set(record.versions) != set(AUDITS_VERSION):
        raise DataError(
            "the program changed since the last run, and its numbers with it",
            problems=[f"changed: {name}" for name in changed],
            hint="Run it again: `synthgen run CONFIG`; what did not change is not made again.",
        )
    return Run(config, workspace, record)
