"""Run the stage `selftest`, which runs the calibration suite of the audits on the persons of the run.

Each case of the suite is a set of tables made from these persons, with or without a known leak. The suite checks the
verdicts of the audits on these tables, which takes about an hour. The result of each case is a shard (a file with a
part of the stage's result), so several processes can share the work.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.inputs import table_digest
from audits.core.report import tool_name
from audits.core.types import AuditInputs
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, Metric, read_evidence
from audits.gate.policy import Policy, decide
from audits.selftest.bound import BoundCell, BoundSelfTest, bound_selftest
from audits.selftest.cases import CASES
from audits.selftest.clean_release import Population
from audits.selftest.run_suite import make_populations, run_case, select_audits
from synthgen.core.made_by import LIBRARIES
from synthgen.core.shards import Division
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import EVIDENCE, JudgedTables, as_table
from synthgen.pipeline.workspace import StageResult

SELFTEST = "selftest.json"
_Verdicts = dict[str, BoundCell] | None  # key: audit; value: its result in one case; None: too few persons
_VERDICTS = TypeAdapter[_Verdicts](_Verdicts)


def needs_selftest(audited: StageResult, policy: Policy) -> bool:
    """Return whether to run the calibration suite: the policy requires the suite, and all other gates passed."""
    evidence = public_evidence(read_evidence((audited.folder / EVIDENCE).read_bytes()), policy)
    gates = decide(evidence, policy).gates
    return len(policy.selftest) > 0 and all(g.verdict == "PASS" for g in gates if not g.id.startswith("selftest-"))


def calibrate(job: Job, tables: JudgedTables, policy: Policy) -> StageResult:
    """Run the calibration suite on the persons of train and control, for the audits in `policy.selftest`."""
    train, control = as_table(tables.train, {}), as_table(tables.control, {})
    inputs: dict[str, HasDigest] = {
        "train": StageInput(train, table_digest(train)),
        "control": StageInput(control, table_digest(control)),
        "audits": plain_value(list(policy.selftest)),
        "tool": plain_value(tool_name()),
    }
    return job.run(SELFTEST_STAGE, inputs)


def _divide(context: StageContext) -> Division:
    cases = {f"{case.name}.json": case for case in CASES}

    def write(shards: Sequence[str]) -> None:
        train, control = context.input("train"), context.input("control")
        inputs = AuditInputs(synthetic=train, train=train, control=control)  # the suite does not read `synthetic`
        seed = int.from_bytes(context.stream("selftest").key(), "big")
        confidence = context.config("audit.confidence")
        done = len(cases) - len(shards)
        with context.progress.stage("selftest", total=len(cases), unit="cases", done=done) as advance:
            populations = list[Population]()
            with suppress(InputError):  # with too few persons, `populations` stays empty and each verdict is None
                audits = select_audits(tuple(context.input("audits")))
                populations, _ = make_populations(inputs, seed)
            for shard in shards:
                verdicts: _Verdicts = None
                with suppress(InputError):
                    if populations:
                        cells = run_case(cases[shard], populations, audits, seed=seed, confidence=confidence).cells
                        verdicts = {cell.audit: BoundCell(demand=cell.demand, outcome=cell.outcome) for cell in cells}
                write_whole(context.shards / shard, _VERDICTS.dump_json(verdicts))
                advance(1)

    def is_intact(shard: str) -> bool:
        try:
            verdicts = _VERDICTS.validate_json((context.shards / shard).read_bytes())
        except ValidationError:
            return False
        # an audit that need not detect the leak of a case ("blind") may have no verdict
        demanded = {audit for audit in context.input("audits") if cases[shard].demand(audit) != "blind"}
        return verdicts is None or demanded <= verdicts.keys()

    return Division(folder=context.shards, names=tuple(cases), write=write, is_intact=is_intact)


def _combine(context: StageContext) -> Mapping[str, object]:
    # The file contains verdicts, the digests of train and control, and a salt. Only the digest of this file is
    # published. The salt is derived from the run's secret, so that a guess of the tables cannot be tested with the
    # published digest (except with `secret: public`).
    train, control, audits = context.input("train"), context.input("control"), list(context.input("audits"))
    verdicts = {case.name: json.loads((context.shards / f"{case.name}.json").read_bytes()) for case in CASES}
    if None in verdicts.values():  # too few persons: without results, the gates fail
        audits, verdicts = [], {}
    result = {"audits": audits, "cases": [{"case": name, "audits": cells} for name, cells in verdicts.items()]}
    digests = {"train": table_digest(train), "control": table_digest(control)}
    salt = context.stream("selftest").child("salt").key().hex()
    bound = bound_selftest(result, digests, salt=salt, tool=context.input("tool"))
    write_whole(context.folder / SELFTEST, bound.to_bytes())
    return {"in": len(train) + len(control), "out": len(bound.audits)}


SELFTEST_STAGE = Stage(
    name="selftest",
    version=2,
    divide=_divide,
    run=_combine,
    config=("audit.confidence",),
    inputs=("train", "control", "audits", "tool"),
    streams=("selftest",),
    libraries=("python", "audits", *LIBRARIES),
)


def with_selftest(evidence: Evidence, test: BoundSelfTest) -> Evidence:
    """Return the evidence with the results of the calibration suite and the digest of selftest.json."""
    fields = ("value", "low", "high", "confidence", "n")
    numbers = {k: Metric(**{f: getattr(e, f) for f in fields}) for k, e in test.numbers().items()}
    digests = {**evidence.digests, "selftest": test.digest()}
    return evidence.model_copy(update={"metrics": {**evidence.metrics, **numbers}, "digests": digests})
