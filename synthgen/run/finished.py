"""What a run left in its workspace, and the decision that a policy makes of it."""

from dataclasses import dataclass
from pathlib import Path

from audits.gate.evidence import Evidence, read_evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide, load_policy, policy_path
from synthgen.config import Config
from synthgen.run.judge import EVIDENCE
from synthgen.run.record import RunRecord
from synthgen.run.workspace import Workspace
from synthgen.stages.decode.bridge import Vocabulary, load_vocabulary


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
        """The numbers a gate may read."""
        return read_evidence((self.folder("audit") / EVIDENCE).read_bytes())

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words that texts were written from, where they were written from words alone."""
        decode = self.config.decode
        if not decode.by_words:
            return None
        return load_vocabulary(decode.bridge, self.config.resolve, encoder=self.config.embed.model)

    def policy(self) -> Policy:
        """Return the configured policy."""
        return load_policy(policy_file(self.config))

    def decide(self, policy: Policy | None = None) -> Decision:
        """Return what the policy makes of the evidence; a pure function of the two."""
        return decide(self.evidence, self.policy() if policy is None else policy)


def policy_file(config: Config) -> Path:
    """Return the file of the configured policy: a shipped name, or a path from the configuration's folder."""
    named = config.resolve(config.policy)
    return named if named.is_file() else policy_path(config.policy)
