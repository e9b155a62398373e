"""The calibration calibration suite on a run's own persons, where its policy asks for it and nothing else stands in the way."""

from collections.abc import Mapping
from pathlib import Path

from audits.core.errors import InputError
from audits.core.inputs import table_digest
from audits.core.report import tool_name
from audits.core.types import AuditInputs
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, Metric, read_evidence
from audits.gate.policy import Policy, decide
from audits.selftest.bound import BoundSelfTest, bound_selftest
from audits.selftest.cases import CASES
from audits.selftest.run_suite import run_suite
from synthgen.pipeline.job import AUDITS_VERSION, Job
from synthgen.pipeline.judge import EVIDENCE, JudgedTables, as_table
from synthgen.pipeline.workspace import StageResult, write_bytes

SELFTEST = "selftest.json"


def is_due(audited: StageResult, policy: Policy) -> bool:
    """Return whether every gate but those of the self-test has passed, so that its hour of work can matter."""
    evidence = public_evidence(read_evidence((audited.folder / EVIDENCE).read_bytes()), policy)
    gates = decide(evidence, policy).gates
    return len(policy.selftest) > 0 and all(g.verdict == "PASS" for g in gates if not g.id.startswith("selftest-"))


def calibrate(job: Job, tables: JudgedTables, policy: Policy) -> StageResult:
    """Run the calibration suite with the policy's audits on train and control: selftest.json.

    Where the persons are too few for any calibration suite, the file names no audit, and the gates find nothing.

    Privacy: the file holds verdicts; its digest is salted from the run's secret.
    """
    seeds = job.seeds.child("selftest")
    train, control = as_table(tables.train, {}), as_table(tables.control, {})
    digests = {"train": table_digest(train), "control": table_digest(control)}

    def make(folder: Path) -> Mapping[str, object]:
        inputs = AuditInputs(synthetic=as_table(tables.synthetic, {}), train=train, control=control)
        with job.progress.stage("selftest", total=2 * len(CASES) + 1, unit="steps") as advance:
            try:
                result = run_suite(
                    inputs,
                    audits=policy.selftest,
                    seed=int.from_bytes(seeds.key(), "big"),
                    confidence=job.config.audit.confidence,
                    progress=lambda _line: advance(1),
                ).to_json()
            except InputError:
                result = {"audits": [], "cases": []}
        salt = seeds.child("salt").key().hex()
        bound = bound_selftest(result, digests, salt=salt, tool=tool_name())
        write_bytes(folder / SELFTEST, bound.to_bytes())
        return {"in": len(train) + len(control), "out": len(bound.audits)}

    inputs = {
        "version": AUDITS_VERSION,
        **digests,
        "audits": list(policy.selftest),
        "tool": tool_name(),
        "confidence": job.config.audit.confidence,
        "seed": seeds.key().hex(),
    }
    return job.workspace.stage("selftest", inputs, make)


def with_selftest(evidence: Evidence, test: BoundSelfTest) -> Evidence:
    """Return evidence that also says how the audits did on the calibration suite, and of which self-test that is."""
    fields = ("value", "low", "high", "confidence", "n")
    numbers = {k: Metric(**{f: getattr(e, f) for f in fields}) for k, e in test.numbers().items()}
    return evidence.model_copy(
        update={
            "metrics": {**evidence.metrics, **numbers},
            "digests": {**evidence.digests, "selftest": test.digest()},
        }
    )
