"""Correct logs pass, every incorrect control fails, and missing information is insufficient."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.accounting import accountants
from audits.attacks.accounting import accounting_audit as audit
from audits.attacks.accounting.accountants import gaussian_epsilon
from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import person_set_digest, read_mechanism
from audits.attacks.accounting.prv import PrvBounds
from audits.core.errors import InputError, NotMeasurable
from audits.core.types import AuditInputs, Previous, Table

RNG = np.random.default_rng


def table(names, *, has_groups=True):
    return Table(texts=tuple(f"note of {n}" for n in names), labels=None, groups=tuple(names), has_groups=has_groups)


@pytest.fixture(scope="module")
def inputs(logs):
    """Return 90 train persons, some with two records."""
    train = table([*logs.PERSONS, *logs.PERSONS[:13]])
    return AuditInputs(synthetic=table(["s0"]), train=train, control=table(["h0", "h1"]))


def run(inputs, log, **changes):
    return Accounting().run(replace(inputs, mechanism=log, **changes), RNG(0), 0.95)


@pytest.mark.parametrize("seed", range(3))
def test_correct_log_passes(logs, inputs, seed):
    rng = RNG(seed)
    result = run(inputs, logs.log(logs.sgd(rng), logs.vote(rng), logs.vote(rng, kind="laplace", steps=12)))
    assert (result.verdict, result.status) == ("pass", "measured")
    assert set(result.details["checks"].values()) == {"holds"}
    assert result.estimate.value == result.metrics["epsilon_recomputed"].value < 9.0 == result.threshold
    assert result.metrics["epsilon"].high == 9.0
    assert result.metrics["delta"].high == 1e-4
    assert result.metrics["unaccounted_reads"].value == 0
    assert result.metrics["epsilon_rdp"].value > result.estimate.value
    assert "epsilon_spent" not in result.metrics
    assert result.estimate.n == 90


def test_epsilon_is_at_least_the_recomputed_one(logs, inputs):
    log = logs.log(logs.sgd(RNG(0)))
    spent = run(inputs, log).estimate.value
    tight = run(inputs, log | {"claim": {"epsilon": spent, "delta": 1e-4}})
    assert tight.verdict == "pass"
    short = run(inputs, log | {"claim": {"epsilon": spent - 1e-3, "delta": 1e-4}})
    assert (short.verdict, short.metrics["epsilon"].high) == ("fail", spent)
    assert "is claimed" in short.reason
    exact = {"epsilon": gaussian_epsilon(np.sqrt(11) / 25, delta=1e-4), "delta": 1e-4}
    assert run(inputs, logs.log(logs.vote(RNG(0)), claim=exact)).verdict == "pass"  # the closed form is exact


@pytest.mark.parametrize(("low", "high"), [(-0.2, -0.1), (0.1, 0.2)])
def test_contradiction_between_accountants_does_not_pass(logs, inputs, monkeypatch, low, high):
    log = logs.log(logs.sgd(RNG(0)))
    first = run(inputs, log)
    assert first.verdict == "pass"
    bounds = first.details["accountants"]
    assert bounds["prv_low"] <= bounds["pld"] <= bounds["prv"] == first.metrics["epsilon_prv"].value
    assert first.metrics["epsilon_recomputed"].value == bounds["pld"] + bounds["added"]
    pld, found = bounds["pld"], [PrvBounds(bounds["pld"] + low, bounds["pld"] + high)]
    monkeypatch.setattr(accountants, "prv_bounds", lambda *_, **__: found[-1])
    result = run(inputs, log)
    assert (result.verdict, result.details["checks"]["accountants"]) == ("insufficient", "missing")
    assert "accountants disagree" in result.reason
    found.append(PrvBounds(pld - 0.01, pld + 0.01))
    assert run(inputs, log).verdict == "pass"


def test_contradiction_over_all_releases_together_does_not_pass(logs, inputs, monkeypatch):
    log = logs.log(logs.vote(RNG(0)), spent={"epsilon": 9.0, "delta": 1e-4})
    assert run(inputs, log).verdict == "pass"
    correct = audit._composed_bounds
    monkeypatch.setattr(
        audit, "_composed_bounds", lambda log: correct(log)._replace(prv_low=correct(log).pld + 0.1, prv=99.0)
    )
    assert run(inputs, log).verdict == "insufficient"


def test_verdict_without_opacus_is_the_same(logs, inputs, monkeypatch):
    log = logs.log(logs.sgd(RNG(0)))
    complete = run(inputs, log)
    monkeypatch.setitem(sys.modules, "opacus.accountants.analysis.prv", None)
    alone = run(inputs, log)
    assert (alone.verdict, alone.estimate) == (complete.verdict, complete.estimate)
    assert "epsilon_prv" not in alone.metrics
    assert "opacus is not installed" in alone.details["accountants"]["prv_absent"]


def release(persons, person_set="b" * 64, epsilon=2.0, delta=1e-6, name="2025"):
    cost = {"epsilon": epsilon, "delta": delta}
    return {"release": name, "person_set": person_set, "persons": persons, "cost": cost}


# for each control: the log, the check that breaks, and a part of the reason
def controls(logs, rng):
    earlier = release("overlapping", person_set_digest(logs.PERSONS[:80]))
    disjoint = release("disjoint", person_set_digest(logs.PERSONS))
    counted = {"status": "accounted", "cost": {"epsilon": 1, "delta": 1e-4}}
    honest = logs.vote(rng)
    return {
        "shuffled sampler": (
            logs.log(logs.sgd(rng, dry_run={"batches": logs.shuffled_batches(rng)})),
            "poisson sampling",
            "mechanism 1 (dp-sgd): the sizes of batches",
        ),
        "sigma off by two": (
            logs.log(logs.sgd(rng, dry_run={"noise": logs.gaussian_noise(rng, factor=0.5)})),
            "noise",
            "the noise is not as large as claimed",
        ),
        "record-level unit": (logs.log(logs.sgd(rng, unit="record")), "unit", "per record, not"),
        "release not added up": (logs.log(honest, releases=[earlier]), "composition", "claims no total"),
        "release added up too low": (
            logs.log(honest, releases=[earlier], spent={"epsilon": 2.3, "delta": 1e-4}),
            "composition",
            "is claimed for all releases together",
        ),
        "same persons called disjoint": (
            logs.log(honest, releases=[disjoint], spent={"epsilon": 20.0, "delta": 2e-4}),
            "releases",
            "is declared disjoint but has the same persons",
        ),
        "claim too low": (
            logs.log(honest, claim={"epsilon": 0.2, "delta": 1e-4}),
            "claim",
            "the recomputed epsilon is",
        ),
        "delta too large": (logs.log(honest, claim={"epsilon": 9.0, "delta": 1.2e-3}), "delta", "above 1 / (10 · 90"),
        "normaliser of the data": (
            logs.log(logs.sgd(rng, normaliser={"value": 7.2, "source": "data"})),
            "normaliser",
            "counted from the data",
        ),
        "shared seeds": (
            logs.log(logs.sgd(rng, seed_digest="a" * 64), logs.vote(rng, seed_digest="a" * 64)),
            "seeds",
            "share the seed of their noise",
        ),
        "same noise twice": (
            logs.log(honest, logs.vote(rng, dry_run={"leading": honest["dry_run"]["leading"]})),
            "noise",
            "two steps or mechanisms add the same noise",
        ),
        "person counted twice": (
            logs.log(honest, replay={"sums": "broken", "results": "holds"}),
            "replay",
            "in the replay without one person, a sum changed by more than the clip norm",
        ),
        "divisor counted from the data": (
            logs.log(honest, replay={"sums": "holds", "results": "broken"}),
            "replay",
            "a result changed although the answers to all queries were the same",
        ),
        "scores in batches": (
            logs.log(honest, replay={"sums": "holds", "results": "holds", "scores": "broken"}),
            "replay",
            "the score of another person's text changed",
        ),
        "reads use up delta": (logs.log(honest, reads=logs.answered(scaling=counted)), "claim", "use up the whole"),
    }


@pytest.mark.parametrize("number", range(15))
def test_each_control_fails_its_own_check(logs, inputs, number):
    cases = list(controls(logs, RNG(11)).values())
    assert len(cases) == 15
    log, name, reason = cases[number]
    result = run(inputs, log)
    assert result.verdict == "fail"
    assert [n for n, outcome in result.details["checks"].items() if outcome == "broken"] == [name]
    assert reason in result.reason


def test_log_without_a_replay_does_not_pass(logs, inputs):
    result = run(inputs, logs.log(logs.vote(RNG(0)), replay=None))
    assert (result.verdict, result.details["checks"]["replay"]) == ("insufficient", "missing")
    assert "run the code with fixed answers" in result.reason


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"filter_against_train": "unaccounted"}, ["filter-against-train"]),
        ({"retries": "unaccounted", "vocabulary": "unaccounted"}, ["vocabulary", "retries"]),
    ],
)
def test_unaccounted_read_does_not_pass(logs, inputs, answers, named):
    result = run(inputs, logs.log(logs.vote(RNG(0)), reads=logs.answered(**answers)))
    assert result.verdict == "insufficient"
    assert result.details["unaccounted_reads"] == named
    assert result.metrics["unaccounted_reads"].value == len(named)
    assert all(kind in result.reason for kind in named)
    result = run(inputs, logs.log(logs.vote(RNG(0)), reads=logs.answered()[:-2]))
    assert result.verdict == "insufficient"
    assert result.details["unaccounted_reads"] == ["audit-numbers", "other"]


def test_published_audit_numbers_may_be_outside_the_claim(logs, inputs):
    log = logs.log(logs.vote(RNG(0)))
    silent, telling = (run(inputs, one) for one in (log, log | {"reads": logs.answered(audit_numbers="outside")}))
    assert (silent.verdict, telling.verdict) == ("pass", "pass")
    assert (silent.details["outside_reads"], telling.details["outside_reads"]) == ([], ["audit-numbers"])
    assert telling.metrics["unaccounted_reads"].value == 0
    assert telling.reason == f"{silent.reason}; the claim does not cover audit-numbers"
    assert telling.estimate == silent.estimate


def test_accounted_read_adds_its_epsilon(logs, inputs):
    log = logs.log(logs.vote(RNG(0)))
    alone = run(inputs, log).estimate.value
    counted = {"label_counts": {"status": "accounted", "cost": {"epsilon": 0.5, "delta": 1e-12}}}
    result = run(inputs, log | {"reads": logs.answered(**counted)})
    assert result.verdict == "pass"
    assert result.estimate.value == pytest.approx(alone + 0.5)
    named = {"label_counts": {"status": "accounted", "cost": "mechanism"}}
    assert run(inputs, log | {"reads": logs.answered(**named)}).estimate.value == alone


def test_only_releases_on_the_same_persons_are_added_up(logs, inputs):
    earlier, other = release("same"), release("disjoint", "c" * 64, name="2024")
    log = logs.log(logs.vote(RNG(0)), releases=[earlier, other], spent={"epsilon": 8.0, "delta": 1.01e-4})
    result = run(inputs, log)
    own = run(inputs, log | {"releases": [], "spent": None}).estimate.value
    assert result.verdict == "pass"
    assert result.details["earlier_releases"] == {"same_persons": 1, "in_all": 2}
    assert result.metrics["epsilon_spent"].high == 8.0
    least = run(inputs, log | {"spent": {"epsilon": own + 2.0 + 1e-6, "delta": 1.01e-4}})
    assert least.verdict == "pass"
    assert run(inputs, log | {"spent": {"epsilon": own + 1.99, "delta": 1.01e-4}}).verdict == "fail"


def test_releases_with_known_mechanisms_are_composed_step_by_step(logs, inputs):
    cost = {"kind": "vote", "noise_multiplier": 25.0, "sampling_rate": 1, "steps": 11}
    earlier = release("same", epsilon=0.45, delta=1e-4)
    spent = {"spent": {"epsilon": 0.68, "delta": 1e-4}}
    log = logs.log(logs.vote(RNG(0)), releases=[earlier | {"mechanisms": [cost]}], **spent)
    assert run(inputs, log).verdict == "pass"
    assert run(inputs, log | {"releases": [earlier]}).details["checks"]["composition"] == "broken"


@pytest.mark.parametrize(
    ("n", "declared", "delta", "outcome"),
    [
        (20_999, 20_000, 5e-6, "holds"),  # `declared` is n rounded down to two digits
        (21_000, 20_000, 5e-6, "broken"),
        (900, 20_000, 5.1e-6, "broken"),
        (900, 900, 1e-4, "holds"),
    ],
)
def test_delta_is_compared_with_the_rounded_number_of_persons(logs, n, declared, delta, outcome):
    train = table([f"p{i}" for i in range(n)])
    log = logs.log(logs.vote(RNG(0)), n_persons=declared, claim={"epsilon": 9.0, "delta": delta / 2})
    earlier = release("same") | {
        "mechanisms": [{"kind": "vote", "noise_multiplier": 25.0, "sampling_rate": 1, "steps": 1}]
    }
    together = log | {"releases": [earlier], "spent": {"epsilon": 9.0, "delta": delta}}
    given = AuditInputs(synthetic=table(["s0"]), train=train, control=table(["h0"]))
    assert run(given, together).details["checks"]["delta"] == outcome
    assert run(given, log | {"claim": {"epsilon": 9.0, "delta": delta}}).details["checks"]["delta"] == outcome


def previous(names, **changes):
    return Previous(synthetic=table(["s9"]), train=table(names, **changes))


def test_release_before_must_be_in_the_log_if_persons_overlap(logs, inputs):
    before = previous(["p3", "p4", "q1"])
    log = logs.log(logs.vote(RNG(0)))
    missing = run(inputs, log, previous=before)
    assert missing.verdict == "fail"
    assert missing.details["checks"]["releases"] == "broken"
    earlier = release("overlapping", person_set_digest(before.train.groups), epsilon=1.0, delta=1e-9)
    listed = log | {"releases": [earlier], "spent": {"epsilon": 10.1, "delta": 1.1e-4}}
    assert run(inputs, listed, previous=before).verdict == "pass"
    denied = listed | {"releases": [earlier | {"persons": "disjoint"}]}
    assert run(inputs, denied, previous=before).details["checks"]["releases"] == "broken"
    assert run(inputs, log, previous=previous(["q1", "q2"])).verdict == "pass"
    unnamed = run(inputs, log, previous=previous(["q1"], has_groups=False))
    assert unnamed.details["checks"]["releases"] == "missing"
    log = logs.log(logs.vote(RNG(0), seed_digest="d" * 64))
    before = replace(previous(["q1"]), seed_digest="d" * 64)
    assert run(inputs, log, previous=before).details["checks"]["seeds"] == "broken"


def test_log_of_other_persons_does_not_pass(logs, inputs):
    other = run(inputs, logs.log(logs.vote(RNG(0)), persons=logs.PERSONS[:-1]))
    assert (other.verdict, other.details["checks"]["persons"]) == ("insufficient", "missing")
    unnamed = replace(inputs, train=table(logs.PERSONS, has_groups=False))
    result = run(unnamed, logs.log(logs.vote(RNG(0))))
    assert result.verdict == "insufficient"
    assert (result.details["checks"]["unit"], result.details["claim_scope"]) == ("missing", "record")


def test_delta_limit_uses_the_larger_number_of_persons(logs, inputs):
    for n, delta, verdict in ((90, 1.1e-3, "pass"), (9000, 1.1e-3, "fail"), (9, 1.2e-3, "fail")):
        log = logs.log(logs.vote(RNG(0)), n_persons=n, claim={"epsilon": 9.0, "delta": delta})
        assert run(inputs, log).verdict == verdict


def test_epsilon_without_a_second_accountant_does_not_pass(logs, inputs):
    weak = logs.sgd(RNG(0), noise_multiplier=0.01)
    result = run(inputs, logs.log(weak, claim={"epsilon": 1e9, "delta": 1e-4}))
    assert (result.verdict, result.details["checks"]["accountants"]) == ("insufficient", "missing")


def test_short_dry_run_states_the_needed_number_of_steps(logs, inputs):
    few = {"batches": logs.poisson_batches(RNG(0), steps=70), "noise": logs.gaussian_noise(RNG(0), steps=70)}
    result = run(inputs, logs.log(logs.sgd(RNG(0), dry_run=few), logs.vote(RNG(0))))
    assert result.verdict == "insufficient"
    assert "200 steps of 50 persons would be enough" in result.reason
    assert (result.details["power"]["n"], result.details["power"]["n_needed"]) == (70, 200)


def test_power_states_the_smallest_detectable_excess(logs, inputs):
    log = logs.log(logs.sgd(RNG(0)))
    tight = log | {"claim": {"epsilon": run(inputs, log).estimate.value, "delta": 1e-4}}
    power = run(inputs, tight).details["power"]
    assert 0 < power["smallest_leak"] < 1
    assert power["epsilon_ceiling"] is None
    assert (power["n"], power["n_needed"]) == (240, 200)
    assert run(inputs, logs.log(logs.sgd(RNG(0)) | {"dry_run": None})).details["power"]["smallest_leak"] is None
    few = logs.sgd(RNG(0))
    few = few | {"dry_run": few["dry_run"] | {"noise": few["dry_run"]["noise"][:3], "dimension": 1}}
    assert (
        run(inputs, logs.log(few)).details["power"]["smallest_leak"] is None
    )  # too little noise to detect a shortfall


def test_missing_log_is_not_measurable_and_malformed_log_is_refused(logs, inputs):
    with pytest.raises(NotMeasurable, match="give it if the release claims an epsilon"):
        run(inputs, None)
    with pytest.raises(InputError, match="has 2 mistakes"):
        run(inputs, logs.log(logs.vote(RNG(0))) | {"n_persons": 0, "extra": 1})


def test_result_of_a_log_file_contains_no_person(logs, inputs, tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(logs.log(logs.sgd(RNG(0)), release="zebra")))
    result = run(inputs, read_mechanism(path))
    assert result.verdict == "pass"
    written = json.dumps(dict(result.details)) + result.reason
    assert not any(word in written for word in ("zebra", "p17", "note of", logs.log()["person_set"]))


def test_further_broken_check_never_improves_the_verdict(logs, inputs):
    correct = logs.log(logs.vote(RNG(0)))
    worse = correct | {"reads": [], "claim": {"epsilon": 1e-3, "delta": 1e-4}}
    found = [run(inputs, log).verdict for log in (correct, correct | {"reads": []}, worse)]
    assert found == ["pass", "insufficient", "fail"]
