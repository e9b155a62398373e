"""The public objects have short representations, because notebooks and tracebacks show these."""

from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest

import synthgen
from audits.gate.outcome import Decision, RuleOutcome
from audits.verify.outcome import Verification, VerificationStep
from synthgen import Config, Pipeline, Release
from synthgen.compare.study import Study
from synthgen.pipeline.record import RunRecord
from synthgen.plan.pilot import Pilot
from synthgen.plan.plan import Plan
from synthgen.release.bundle import Bundle
from synthgen.release.run import Run

PRIVATE = "zyzzyva-4711" * 30  # stands for every text, path, label and count that may be private
CONFIG = Config(
    version=1,
    workspace=PRIVATE,
    policy=f"{PRIVATE}/research.yaml",
    source={"path": PRIVATE, "label": PRIVATE, "labels": [PRIVATE, "b"], "text": PRIVATE},
    interpolate={"total": 4711},
    release={"name": "clinic"},
    file=PRIVATE,
)


class Stated:
    """A stand-in for an object whose name or id appears in a representation."""

    name, release_id, stages = "research", "20260101-abcdef", (PRIVATE, PRIVATE)

    @property
    def predicate(self):
        return self


def filled(kind, **known):
    """Return a `kind` with private content in every field that is not given."""
    return kind(**{one.name: known.get(one.name, {PRIVATE: 4711}) for one in fields(kind)})


def rule(verdict, *, gating=True):
    return filled(RuleOutcome, verdict=verdict, gating=gating)


PASSED, FAILED = VerificationStep("schema", True, PRIVATE), VerificationStep("digests", False, PRIVATE)
RECORD = RunRecord(
    tool=PRIVATE,
    finished=PRIVATE,
    config=PRIVATE,
    seed=4711,
    versions={PRIVATE: PRIVATE},
    models=(),
    stages=(),
    digest="",
)
CASES = [
    (CONFIG, "Config('clinic', method='smote')"),
    (Pipeline(CONFIG), "Pipeline('clinic', policy 'research.yaml')"),
    (Run(CONFIG, PRIVATE, Stated(), Stated()), "Run('clinic', policy 'research', 2 stages)"),
    (RECORD, "RunRecord(stages=0)"),
    (
        filled(
            Decision,
            allowed=False,
            policy_name="research",
            outcomes=(rule("PASS"), rule("FAIL"), rule("FAIL", gating=False)),
        ),
        "Decision(research refuses the release, 1 of 2 gates passed)",
    ),
    (
        filled(Decision, allowed=True, policy_name="p", outcomes=()),
        "Decision(p allows the release, 0 of 0 gates passed)",
    ),
    (Bundle(Path(PRIVATE), "20260101-abcdef"), "Bundle(20260101-abcdef)"),
    (
        filled(Plan, policy="research", problems=(PRIVATE,), warnings=()),
        "Plan(policy 'research', problems: 1, warnings: 0)",
    ),
    (filled(Pilot, problems=(), risks=(PRIVATE,) * 2), "Pilot(problems: 0, risks: 2)"),
    (Verification(False, 11, "REFUSED", (PASSED, FAILED), None), "Verification(REFUSED, code 11, checks: 2)"),
    (Verification(True, 0, "VERIFIED", (PASSED,), Stated()), "Verification(VERIFIED, code 0, checks: 1)"),
    (Release(Stated(), pa.table({"text": [PRIVATE]})), "Release(20260101-abcdef, 1 records)"),
    (
        Study({"classifiers": {"tfidf-linear": PRIVATE}, "records": {"test": 12}, "more": PRIVATE}),
        "Study(tfidf-linear; 12 test records)",
    ),
]


@pytest.mark.parametrize(("shown", "expected"), CASES, ids=lambda one: type(one).__name__)
def test_public_objects_have_short_representations_without_private_content(shown, expected):
    assert (repr(shown), len(expected) < 200) == (expected, True)
    assert PRIVATE[:12] not in f"{shown}"
    assert "4711" not in f"{shown}"


def test_every_public_class_has_a_case():
    classes = {name for name in dir(synthgen) if isinstance(getattr(synthgen, name), type)}
    assert classes <= {type(one).__name__ for one, _ in CASES}
    assert classes == {"Config", "Pipeline", "Release"}  # `verify` returns a Verification
