"""What a run left in its workspace, and the decision that a policy makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, read_evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide
from audits.gate.shipped import load_policy, policy_path
from synthgen.config import Config
from synthgen.core.errors import UsageError
from synthgen.pipeline.record import RunRecord
from synthgen.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from synthgen.decode.bridge import Vocabulary


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """The run of one configuration.

    Args:
        config: what was run.
        workspace: the private folder.
        record: the content of run.json.
    """

    config: Config
    workspace: Workspace
    record: RunRecord

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage's result, of the last round where there are rounds.

        Raises:
            DataError: when the run did not come so far.
        """
        return self.workspace.root / "stages" / self.record.stage(stage).folder

    @property
    def evidence(self) -> Evidence:
        """The numbers a gate may read, as the configured policy lets them be public."""
        return self._evidence_under(self.policy())

    def _evidence_under(self, policy: Policy) -> Evidence:
        from audits.selftest.bound import read_selftest
        from synthgen.pipeline.calibrate import SELFTEST, with_selftest
        from synthgen.pipeline.judge import EVIDENCE

        evidence = read_evidence((self.folder("audit") / EVIDENCE).read_bytes())
        if any(stage.is_of("selftest") for stage in self.record.stages):
            evidence = with_selftest(evidence, read_selftest(self.folder("selftest") / SELFTEST))
        return public_evidence(evidence, policy)

    @property
    def vocabulary(self) -> "Vocabulary | None":
        """The words that texts were written from, where they were written from words alone."""
        decode = self.config.decode
        if not decode.by_words:
            return None
        from synthgen.decode.bridge import load_vocabulary

        return load_vocabulary(decode.bridge, self.config.resolve, encoder=self.config.embed.model)

    def policy(self) -> Policy:
        """Return the configured policy."""
        return load_policy(policy_file(self.config))

    def decide(self, policy: Policy | None = None) -> Decision:
        """Return what a policy, by default the configured one, makes of the evidence; a pure function of the two.

        The decision carries the policy's name and digest. That of another policy than the configured one is for
        reading: nothing is reported or released by it.
        """
        policy = self.policy() if policy is None else policy
        return decide(self._evidence_under(policy), policy)

    def check_decision(self, decision: Decision) -> None:
        """Refuse a decision that is not of this run's evidence under the configured policy.

        Raises:
            UsageError: naming both policies.
        """
        own = self.policy()
        if decision.policy_digest != own.digest():
            raise UsageError(
                f"the decision is of policy {decision.policy_name!r} version {decision.policy_version} "
                f"({decision.policy_digest[:12]}), the run's is {own.name!r} version {own.version} "
                f"({own.digest()[:12]})",
                hint="Set `policy` in the configuration, and run it again.",
            )
        if decision != decide(self.evidence, own):
            raise UsageError("the decision is not of this run's evidence", hint="Take it from `run.decide()`.")


def policy_file(config: Config) -> Path:
    """Return the file of the configured policy: a shipped name, or a path from the configuration's folder."""
    named = config.resolve(config.policy)
    return named if named.is_file() else policy_path(config.policy)
