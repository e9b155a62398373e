"""Run the calibration suite on the run's own persons, if the policy requires it and every other gate passed."""

from collections.abc import Mapping

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
from synthgen.core.files import write_bytes
from synthgen.core.made_by import LIBRARIES
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import EVIDENCE, JudgedTables, as_table
from synthgen.pipeline.workspace import StageResult

SELFTEST = "selftest.json"


def is_due(audited: StageResult, policy: Policy) -> bool:
    """Return whether the policy requires the suite and every other gate passed; the suite takes about an hour."""
    evidence = public_evidence(read_evidence((audited.folder / EVIDENCE).read_bytes()), policy)
    gates = decide(evidence, policy).gates
    return len(policy.selftest) > 0 and all(g.verdict == "PASS" for g in gates if not g.id.startswith("selftest-"))


def calibrate(job: Job, tables: JudgedTables, policy: Policy) -> StageResult:
    """Run the calibration suite with the policy's audits on train and control."""
    train, control = as_table(tables.train, {}), as_table(tables.control, {})
    inputs: dict[str, HasDigest] = {
        "train": StageInput(train, table_digest(train)),
        "control": StageInput(control, table_digest(control)),
        "audits": plain_value(list(policy.selftest)),
        "tool": plain_value(tool_name()),
    }
    return job.run(SELFTEST_STAGE, inputs)


def _selftest(context: StageContext) -> Mapping[str, object]:
    """Write selftest.json. If there are too few persons for the suite, it names no audit and the gates stay closed.

    Privacy: the file holds verdicts. Its digest is salted from the run's secret.
    """
    train, control, seeds = context.input("train"), context.input("control"), context.stream("selftest")
    inputs = AuditInputs(synthetic=train, train=train, control=control)  # the suite does not read `synthetic`
    with context.progress.stage("selftest", total=2 * len(CASES) + 1, unit="steps") as advance:
        try:
            result = run_suite(
                inputs,
                audits=tuple(context.input("audits")),
                seed=int.from_bytes(seeds.key(), "big"),
                confidence=context.config("audit.confidence"),
                progress=lambda _line: advance(1),
            ).to_json()
        except InputError:
            result = {"audits": [], "cases": []}
    digests = {"train": table_digest(train), "control": table_digest(control)}
    bound = bound_selftest(result, digests, salt=seeds.child("salt").key().hex(), tool=context.input("tool"))
    write_bytes(context.folder / SELFTEST, bound.to_bytes())
    return {"in": len(train) + len(control), "out": len(bound.audits)}


SELFTEST_STAGE = Stage(
    name="selftest",
    version=1,
    run=_selftest,
    config=("audit.confidence",),
    inputs=("train", "control", "audits", "tool"),
    streams=("selftest",),
    libraries=("python", "audits", *LIBRARIES),
)


def with_selftest(evidence: Evidence, test: BoundSelfTest) -> Evidence:
    """Return the evidence with the results of the calibration suite and the digest of its self-test."""
    fields = ("value", "low", "high", "confidence", "n")
    numbers = {k: Metric(**{f: getattr(e, f) for f in fields}) for k, e in test.numbers().items()}
    digests = {**evidence.digests, "selftest": test.digest()}
    return evidence.model_copy(update={"metrics": {**evidence.metrics, **numbers}, "digests": digests})
