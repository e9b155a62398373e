"""Neither further attempts nor another confidence level makes a threshold easier to meet."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.core.types import AuditInputs, AuditResult, Estimate, Lineage
from audits.gate.rule import confidence_of
from audits.runner.registry import build
from audits.runner.run import run

AUDITS = ["memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage"]
CONFIDENCES = [0.95, confidence_of(3, 0.95)]  # of a first and of a third attempt


def copies(inputs, n, drop=0.0, seed=4):
    """Return the inputs with n synthetic rows replaced by train rows; a word is omitted with probability `drop`."""
    rng = np.random.default_rng(seed)
    texts = list(inputs.synthetic.texts)
    for i in range(n):
        texts[i] = " ".join(w for w in inputs.train.texts[i].split() if rng.random() >= drop) or "x"
    return replace(inputs, synthetic=replace(inputs.synthetic, texts=tuple(texts)))


@pytest.fixture(scope="module")
def town(people):
    sizes = ((330, "t"), (410, "h"), (300, "s"))
    tables = [people(n, seed=i + 60, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate(sizes)]
    return AuditInputs(**dict(zip(("train", "control", "synthetic"), tables, strict=True)))


@pytest.fixture(scope="module")
def verdicts(town):
    """Return the verdicts at each of `CONFIDENCES`, by release (clean or barely detectable leak) and audit."""
    releases = {"fresh": town} | {f"{n} copies": copies(town, n, 0.4) for n in (14,)}
    found = {}
    for (release, inputs), name in itertools.product(releases.items(), AUDITS):
        found[release, name] = [
            build(name).run(inputs, np.random.default_rng(1), confidence).verdict for confidence in CONFIDENCES
        ]
    return found


@pytest.mark.slow
def test_a_higher_confidence_never_turns_fail_or_insufficient_into_pass(verdicts):
    order = {"fail": 0, "insufficient": 1, "pass": 2}
    for where, said in verdicts.items():
        ranks = [order[verdict] for verdict in said]
        assert ranks == sorted(ranks, reverse=True) or set(said) <= {"fail", "insufficient"}, (where, said)
        assert "pass" not in said[said.index("fail") :] if "fail" in said else True, (where, said)


def test_what_is_proven_is_proven_at_every_attempt(verdicts):
    """Regression: eight near copies failed at the first attempt and passed at the second and third."""
    assert any(said[0] == "fail" for said in verdicts.values())
    for where, said in verdicts.items():
        if said[0] == "fail":
            assert "pass" not in said, where


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("confidence", [0.51, 0.8, 0.949])
def test_a_lower_confidence_is_refused(town, name, confidence):
    with pytest.raises(InputError, match=r"at least 0\.95"):
        run(town, names=[name], confidence=confidence)


def test_no_audit_can_return_a_pass_with_a_lower_confidence():
    unsure = Estimate(value=0.5, low=0.5, high=0.5, confidence=0.9, n=9)
    with pytest.raises(InputError, match=r"at least 0\.95"):
        AuditResult(
            name="x",
            verdict="pass",
            status="measured",
            estimate=unsure,
            control=None,
            threshold=0.1,
            direction="two_sided",
            reason="",
        )


@pytest.mark.slow
def test_bounds_that_slide_with_n_are_metrics_and_do_not_slide_with_the_confidence(town):
    lineage = Lineage(parents=((),) * 300, weights=((),) * 300)
    inputs = replace(town, lineage=lineage)
    for name, metric in {
        "memorization": "tau",
        "identifiers": "tau",
        "neighbours": "margin",
        "parent_recovery": "margin",
        "linkage": "limit",
    }.items():
        found = [
            {
                k.removeprefix(f"{name}."): v.value
                for k, v in build(name).run(inputs, np.random.default_rng(1), c).metrics.items()
            }
            for c in (0.95, 0.9999)
        ]
        assert found[0].get(metric) == found[1].get(metric), name
        assert found[0].get(metric) is not None or name == "linkage", name
