"""Write the report of a finished run, and release or refuse it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.files import write_whole
from audits.core.report import read_report
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, read_evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide
from audits.report import render_report
from audits.selftest.bound import read_selftest
from synthgen.compare.study import LabelOnly, Study, compare
from synthgen.config import Config
from synthgen.core.errors import DataError, ReleaseRefused, UsageError
from synthgen.core.files import write_json
from synthgen.core.made_by import AUDITS, versions_of
from synthgen.core.progress import Progress, silent
from synthgen.core.stage import Stage
from synthgen.core.tables import read_corpus
from synthgen.decode.bridge import Vocabulary
from synthgen.decode.stage import DECODE
from synthgen.deidentify.stage import DEIDENTIFY
from synthgen.dp.measure import MEASURE_STAGE
from synthgen.dp.reserve import RESERVE_STAGE
from synthgen.embed.stage import EMBED, EMBED_CANDIDATES, EMBED_CONTROL
from synthgen.evaluate.stage import EVALUATE
from synthgen.filter.stage import FILTER, KEPT
from synthgen.interpolate.stage import INTERPOLATE
from synthgen.load.notes import EXTRACT
from synthgen.load.stage import LOAD
from synthgen.pipeline.decoders import vocabulary_of
from synthgen.pipeline.institution import policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import AUDIT, AUDIT_STAGE, EVIDENCE, SYNTHETIC
from synthgen.pipeline.record import RunRecord, read_record
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.self_test import SELFTEST, SELFTEST_STAGE, with_selftest
from synthgen.pipeline.style_choice import STYLE
from synthgen.pipeline.workspace import Workspace
from synthgen.release.assembly import bundle_content, report_content
from synthgen.release.bundle import Bundle, write_bundle
from synthgen.release.keys import SigningKey, load_key
from synthgen.release.refusal import write_refusal
from synthgen.release.remedies import another_attempt, review_advice, with_remedies
from synthgen.release.statement import release_id_of
from synthgen.release.tables import data_files
from synthgen.split.stage import SPLIT

PRIVATE_REPORT = "report.private.html"
REPORTED = "reported.json"  # file with the path of the configuration of the last run
_PREPARING = (EXTRACT, LOAD, SPLIT, RESERVE_STAGE, DEIDENTIFY, EMBED, MEASURE_STAGE, STYLE)
_WRITING = (INTERPOLATE, DECODE, EMBED_CANDIDATES, FILTER)
_JUDGING = (EMBED_CONTROL, EVALUATE, AUDIT_STAGE, SELFTEST_STAGE)
STAGES: dict[str, Stage] = {stage.name: stage for stage in _PREPARING + _WRITING + _JUDGING}


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of one configuration."""

    config: Config
    workspace: Workspace  # the private folder
    record: RunRecord  # the content of run.json
    policy: Policy  # the configured policy, read when the run was loaded

    def folder(self, stage: str) -> Path:
        """Return the folder of the latest result of a stage; raise DataError if there is no result."""
        return self.workspace.root / "stages" / self.record.stage(stage).folder

    def __repr__(self) -> str:
        return f"Run({self.config.release.name!r}, policy {self.policy.name!r}, {len(self.record.stages)} stages)"

    def texts(self) -> list[dict[str, str]]:
        """Return the label and text of each synthetic record of this run, even if the policy refuses the release.

        If the run ended before the audit, the result has all texts that the filters accepted. The texts are private
        until they are released. Raise DataError if the run did not reach the stage `filter`.
        """
        has_audit = any(stage.is_of("audit") for stage in self.record.stages)
        path = self.folder("audit") / SYNTHETIC if has_audit else self.folder("filter") / KEPT
        texts: list[dict[str, str]] = pq.read_table(path, columns=["label", "text"]).to_pylist()
        return texts

    def to_pandas(self) -> Any:
        """Return `texts` as a pandas frame of the columns label and text; pandas must be installed."""
        return pa.Table.from_pylist(self.texts()).to_pandas()

    def compare(self, progress: Progress = silent, *, label_only: bool = True) -> Study:
        """Train classifiers on the synthetic texts, on train, and on augmented train texts; test all on control.

        With `label_only`, also train classifiers on texts that the language model writes from class names alone. This
        takes about as long as decoding one candidate for each synthetic text. Raise DataError if the run did not
        reach the audit.

        Privacy: reads train and control without noise; the result contains scores only, and is private.
        """
        job = Job(self.config, self.workspace, progress)
        clean = self.folder("deidentify")
        train, control = (read_corpus(clean / f"{name}.parquet", name) for name in ("train", "control"))
        synthetic = read_corpus(self.folder("audit") / SYNTHETIC, "synthetic")
        decode = self.config.for_texts(train.texts).decode
        return compare(
            {"synthetic": synthetic, "train": train, "test": control},
            encoder_for(job, train),
            job.seeds.child("compare"),
            progress,
            with_baselines=True,
            label_only=LabelOnly(folder=job.folder(decode.model), config=decode) if label_only else None,
        )

    @property
    def evidence(self) -> Evidence:
        """The numbers that the gates (policy conditions) read, rounded or removed as the policy requires."""
        return self._evidence_under(self.policy)

    def _evidence_under(self, policy: Policy) -> Evidence:
        """Return the numbers of the audits and, if there was one, of the self-test, rounded as `policy` requires."""
        evidence = read_evidence((self.folder("audit") / EVIDENCE).read_bytes())
        if any(stage.is_of("selftest") for stage in self.record.stages):
            evidence = with_selftest(evidence, read_selftest(self.folder("selftest") / SELFTEST))
        return public_evidence(evidence, policy)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words from which the prompt words were chosen; see `vocabulary_of`."""
        return vocabulary_of(self.config)

    def decide(self, policy: Policy | None = None) -> Decision:
        """Return the decision of a policy on this run; a release requires the decision of the configured policy."""
        policy = self.policy if policy is None else policy
        return decide(self._evidence_under(policy), policy)

    def check_decision(self, decision: Decision) -> None:
        """Raise UsageError unless the decision was made on this run's evidence under the configured policy."""
        policy = self.policy
        if decision.policy_digest != policy.digest():
            of_decision = (
                f"{decision.policy_name!r} version {decision.policy_version} ({decision.policy_digest[:12]})"
            )
            of_run = f"{policy.name!r} version {policy.version} ({policy.digest()[:12]})"
            hint = "Use the result of `run.decide()`, or set `policy` to the policy of the decision and run again."
            raise UsageError(f"the decision uses policy {of_decision}, but the run uses {of_run}", hint=hint)
        if decision != decide(self.evidence, policy):
            hint = "Use the result of `run.decide()`."
            raise UsageError("the decision was not made on this run's evidence", hint=hint)

    def explain(self) -> str:
        """Write the private report; return a text on what did not pass, why, and what to change.

        Privacy: the report and the text contain exact numbers that were measured on private records.
        """
        decision = self.decide()
        state = "allows the release" if decision.allowed else "refuses the release"
        lines = [f"policy {self.policy.name} {state}", *decision.summary, *self.remedies(decision)]
        failed = {gate.metric for gate in decision.gates if gate.verdict != "PASS"}
        # audits with a number whose gate did not pass; if the gate on the verdict failed too, `remedies` states why
        others = {metric.partition(".")[0] for metric in failed if not metric.endswith(".passed")}
        results = read_report((self.folder("audit") / AUDIT).read_bytes()).results
        lines += [
            f"audit {r.name}: {r.verdict}: {r.reason}"
            for r in results
            if r.name in others and f"{r.name}.passed" not in failed
        ]
        lines.append(f"private report: {self.write_report(decision)}")
        return "\n".join(lines if decision.allowed else [*lines, *self.advice])

    def remedies(self, decision: Decision) -> tuple[str, ...]:
        """Return one line with exact private numbers for each gate that did not pass; see `with_remedies`."""
        report = read_report((self.folder("audit") / AUDIT).read_bytes())
        reasons = {result.name: result.reason for result in report.results if result.verdict != "pass"}
        return tuple(with_remedies(decision.with_problems(report.input_checks["problems"]), reasons))

    @property
    def advice(self) -> tuple[str, str]:
        """Advice after a refusal: how to see the rows and words behind the results, and what a further run costs."""
        return (
            review_advice(self.workspace.root, has_file=self.config.file is not None),
            another_attempt(self.policy, is_dp=self.config.interpolate.is_dp),
        )

    def report(self, decision: Decision, *, release_id: str | None = None, private: bool = False) -> str:
        """Return the HTML report of this run under `decision`; a `private` report has exact counts of the source."""
        return render_report(report_content(self, decision, release_id, private=private))

    def write_report(self, decision: Decision) -> Path:
        """Write the private report and the file `REPORTED`; return the path of the report."""
        self.check_decision(decision)
        path = self.workspace.root / PRIVATE_REPORT
        note_config(self.config, self.workspace)
        release_id = None
        if decision.allowed:
            content = bundle_content(self, decision)
            release_id = release_id_of(content, data_files(content.records, content.formats), datetime.now(UTC))
        write_whole(path, self.report(decision, release_id=release_id, private=True).encode())
        return path

    def release(
        self, decision: Decision, *, key: SigningKey | Path | str, out: Path | str, now: datetime | None = None
    ) -> Bundle:
        """Write the signed bundle and return it.

        Args:
            decision: the result of `decide`.
            key: the key of the releaser, or the key file, whose passphrase comes from `keys.passphrase_for`.
            out: the folder in which the folder of the bundle is created.
            now: the signing time; None for the current time.

        Raises:
            UsageError: the decision was not made on this run's evidence under this run's policy.
            ReleaseRefused: the decision does not allow the release (a signed refusal is written into the workspace),
                or the policy file changed since the run was loaded.
            StorageError: the bundle cannot be written; no partial files remain.

        For further errors, see `load_key`, `stated_privacy`, `stated_attempts` and `write_bundle`.
        """
        now = datetime.now(UTC) if now is None else now
        if not isinstance(key, SigningKey):
            key = load_key(Path(key))
        self.check_decision(decision)
        if not decision.allowed:
            policy, problems, advice = self.policy, self.remedies(decision), self.advice
            content: dict[str, Any] = {"evidence": self.evidence, "remedies": problems, "advice": advice}
            folder = write_refusal(self.workspace.root, decision=decision, policy=policy, key=key, now=now, **content)
            hint = f"{' '.join(advice)} The signed refusal: {folder}"
            raise ReleaseRefused(f"not released under policy {policy.name!r}", problems=problems, hint=hint)
        if policy_of(self.config) != self.policy:
            raise ReleaseRefused(
                "the policy file changed during the release, so no bundle was written",
                hint="Repeat the command; in Python, load the run again.",
            )
        return write_bundle(Path(out), content=bundle_content(self, decision), key=key, now=now)


def note_config(config: Config, workspace: Workspace) -> None:
    """Write the path of the configuration file, if any, to `REPORTED` in the workspace."""
    if config.file is not None:
        write_json(workspace.root / REPORTED, {"config": config.file})


def load_run(config: Config) -> Run:
    """Load the last run of a configuration; raise DataError if there is none, or if configuration or code changed."""
    workspace = Workspace(config.resolve(config.workspace))
    record = read_record(workspace.root)
    if record.config != config.digest():
        hint = "Run the configuration again: `synthgen run CONFIG`."
        raise DataError("the configuration changed since its last run", hint=hint)
    changed = changed_stages(record)
    tools = versions_of((AUDITS,))
    if changed or any(record.versions.get(name) != version for name, version in tools.items()):
        raise DataError(
            "the program changed since the last run, so the results may differ",
            problems=[f"stage {name}: its code or a library changed" for name in changed]
            or ["package audits: its code changed"],
            hint="Run the configuration again: `synthgen run CONFIG`. Only stages that changed are computed again.",
        )
    return Run(config, workspace, record, policy_of(config))


def changed_stages(record: RunRecord) -> list[str]:
    """Return the names of the stages whose code or library versions have changed since the stored run."""
    codes = {name: stage.code_digest for name, stage in STAGES.items()}
    return [stage.name for stage in record.stages if codes.get(stage.base_name) != stage.code]
