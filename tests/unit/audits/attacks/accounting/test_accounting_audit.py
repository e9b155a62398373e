"""The accounting audit: honest logs pass, every control that it must catch fails, what is missing is insufficient."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import person_set_digest, read_mechanism
from audits.core.errors import InputError, NotMeasurable
from audits.core.types import AuditInputs, Previous, Table

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def logs(module_at):
    return module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")


def table(names, *, has_groups=True):
    return Table(texts=tuple(f"note of {n}" for n in names), labels=None, groups=tuple(names), has_groups=has_groups)


@pytest.fixture(scope="module")
def inputs(logs):
    """Return 90 train persons, some with two records, and nothing that this audit reads elsewhere."""
    train = table([*logs.PERSONS, *logs.PERSONS[:13]])
    return AuditInputs(synthetic=table(["s0"]), train=train, control=table(["h0", "h1"]))


def run(inputs, log, **changes):
    return Accounting().run(replace(inputs, mechanism=log, **changes), RNG(0), 0.95)


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_log_passes(logs, inputs, seed):
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


def test_the_claim_that_a_policy_compares_is_never_below_what_was_recomputed(logs, inputs):
    log = logs.log(logs.sgd(RNG(0)))
    spent = run(inputs, log).estimate.value
    tight = run(inputs, log | {"claim": {"epsilon": spent, "delta": 1e-4}})
    assert tight.verdict == "pass"
    short = run(inputs, log | {"claim": {"epsilon": spent - 1e-3, "delta": 1e-4}})
    assert (short.verdict, short.metrics["epsilon"].high) == ("fail", spent)
    assert "is claimed" in short.reason


def test_a_claim_by_the_closed_form_is_honest(logs, inputs):
    from audits.attacks.accounting.accountants import gaussian_epsilon

    exact = gaussian_epsilon(np.sqrt(11) / 25, delta=1e-4)
    result = run(inputs, logs.log(logs.vote(RNG(0)), claim={"epsilon": exact, "delta": 1e-4}))
    assert result.verdict == "pass"


def disagreeing(monkeypatch, low, high):
    from audits.attacks.accounting import accountants
    from audits.attacks.accounting.prv import PrvBounds

    monkeypatch.setattr(accountants, "prv_bounds", lambda *_, **__: PrvBounds(low, high))


def test_loss_variables_stand_beside_the_others(logs, inputs):
    result = run(inputs, logs.log(logs.sgd(RNG(0))))
    beside = result.details["accountants"]
    assert result.verdict == "pass"
    assert beside["prv_low"] <= beside["pld"] <= beside["prv"] == result.metrics["epsilon_prv"].value
    assert result.metrics["epsilon_recomputed"].value == beside["pld"] + beside["added"]


@pytest.mark.parametrize(("low", "high"), [(-0.2, -0.1), (0.1, 0.2)])
def test_an_accountant_that_contradicts_the_loss_distributions_lets_nothing_pass(
    logs, inputs, monkeypatch, low, high
):
    log = logs.log(logs.sgd(RNG(0)))
    pld = run(inputs, log).details["accountants"]["pld"]
    disagreeing(monkeypatch, pld + low, pld + high)
    result = run(inputs, log)
    assert (result.verdict, result.details["checks"]["accountants"]) == ("insufficient", "missing")
    assert "accountants disagree" in result.reason
    disagreeing(monkeypatch, pld - 0.01, pld + 0.01)
    assert run(inputs, log).verdict == "pass"


def test_a_contradiction_over_all_releases_together_counts_as_well(logs, inputs, monkeypatch):
    from audits.attacks.accounting import accounting_audit as audit

    log = logs.log(logs.vote(RNG(0)), spent={"epsilon": 9.0, "delta": 1e-4})
    assert run(inputs, log).verdict == "pass"
    honest = audit._composed_bounds
    monkeypatch.setattr(
        audit, "_composed_bounds", lambda log: honest(log)._replace(prv_low=honest(log).pld + 0.1, prv=99.0)
    )
    assert run(inputs, log).verdict == "insufficient"


def test_without_its_library_the_verdict_is_the_same_and_the_reason_is_told(logs, inputs, monkeypatch):
    log = logs.log(logs.sgd(RNG(0)))
    beside = run(inputs, log)
    monkeypatch.setitem(sys.modules, "opacus.accountants.analysis.prv", None)
    alone = run(inputs, log)
    assert (alone.verdict, alone.estimate) == (beside.verdict, beside.estimate)
    assert "epsilon_prv" not in alone.metrics
    assert "opacus is not installed" in alone.details["accountants"]["prv_absent"]


# each control of the recipe: what is changed, the check that breaks, and a part of the reason
def controls(logs, rng):
    earlier = {
        "release": "2025",
        "person_set": person_set_digest(logs.PERSONS[:80]),
        "persons": "overlapping",
        "cost": {"epsilon": 2.0, "delta": 1e-6},
    }
    same = earlier | {"person_set": person_set_digest(logs.PERSONS)}
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
        "record-level unit": (logs.log(logs.sgd(rng, unit="record")), "unit", "for each record and not"),
        "release not added up": (logs.log(honest, releases=[earlier]), "composition", "are not added up"),
        "release added up too low": (
            logs.log(honest, releases=[earlier], spent={"epsilon": 2.3, "delta": 1e-4}),
            "composition",
            "is claimed for all releases together",
        ),
        "same persons called disjoint": (
            logs.log(honest, releases=[same | {"persons": "disjoint"}], spent={"epsilon": 20.0, "delta": 2e-4}),
            "releases",
            "is called disjoint and has the same persons",
        ),
        "claim too low": (logs.log(honest, claim={"epsilon": 0.2, "delta": 1e-4}), "claim", "was recomputed"),
        "delta too large": (logs.log(honest, claim={"epsilon": 9.0, "delta": 1.2e-3}), "delta", "above 1 / (10 · 90"),
        "normaliser of the data": (
            logs.log(logs.sgd(rng, normaliser={"value": 7.2, "source": "data"})),
            "normaliser",
            "counted from the data",
        ),
        "shared seeds": (
            logs.log(logs.sgd(rng, seed_digest="a" * 64), logs.vote(rng, seed_digest="a" * 64)),
            "seeds",
            "share their noise's seed",
        ),
        "reads use up delta": (
            logs.log(honest, reads=logs.answered(scaling=counted)),
            "claim",
            "use up the whole delta",
        ),
    }


CASES = [
    "shuffled sampler",
    "sigma off by two",
    "record-level unit",
    "release not added up",
    "release added up too low",
    "same persons called disjoint",
    "claim too low",
    "delta too large",
    "normaliser of the data",
    "shared seeds",
    "reads use up delta",
]


@pytest.mark.parametrize("case", CASES)
def test_each_control_is_caught_by_its_own_check(logs, inputs, case):
    log, name, reason = controls(logs, RNG(11))[case]
    result = run(inputs, log)
    assert result.verdict == "fail"
    assert result.details["checks"][name] == "broken"
    assert [n for n, outcome in result.details["checks"].items() if outcome == "broken"] == [name]
    assert reason in result.reason


def test_every_control_is_listed(logs):
    assert set(controls(logs, RNG(0))) == set(CASES)


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"filter_against_train": "unaccounted"}, ["filter-against-train"]),
        ({"retries": "unaccounted", "vocabulary": "unaccounted"}, ["vocabulary", "retries"]),
    ],
)
def test_a_filter_that_nobody_counted_is_no_pass(logs, inputs, answers, named):
    result = run(inputs, logs.log(logs.vote(RNG(0)), reads=logs.answered(**answers)))
    assert result.verdict == "insufficient"
    assert result.details["unaccounted_reads"] == named
    assert result.metrics["unaccounted_reads"].value == len(named)
    assert all(kind in result.reason for kind in named)


def test_a_read_that_nobody_answered_for_is_no_pass_either(logs, inputs):
    result = run(inputs, logs.log(logs.vote(RNG(0)), reads=logs.answered()[:-2]))
    assert result.verdict == "insufficient"
    assert result.details["unaccounted_reads"] == ["audit-numbers", "other"]


def test_what_is_told_of_the_audits_may_be_outside_and_is_said_to_be(logs, inputs):
    log = logs.log(logs.vote(RNG(0)))
    silent, telling = (run(inputs, one) for one in (log, log | {"reads": logs.answered(audit_numbers="outside")}))
    assert (silent.verdict, telling.verdict) == ("pass", "pass")
    assert (silent.details["outside_reads"], telling.details["outside_reads"]) == ([], ["audit-numbers"])
    assert telling.metrics["unaccounted_reads"].value == 0
    assert telling.reason == f"{silent.reason}; what is told of the audits is outside it"
    assert telling.estimate == silent.estimate


def test_an_accounted_read_adds_to_what_was_spent(logs, inputs):
    log = logs.log(logs.vote(RNG(0)))
    alone = run(inputs, log).estimate.value
    counted = {"label_counts": {"status": "accounted", "cost": {"epsilon": 0.5, "delta": 1e-12}}}
    result = run(inputs, log | {"reads": logs.answered(**counted)})
    assert result.verdict == "pass"
    assert result.estimate.value == pytest.approx(alone + 0.5)
    named = {"label_counts": {"status": "accounted", "cost": "mechanism"}}
    assert run(inputs, log | {"reads": logs.answered(**named)}).estimate.value == alone


def test_releases_on_the_same_persons_are_added_up_and_others_are_not(logs, inputs):
    earlier = {"release": "2025", "person_set": "b" * 64, "persons": "same", "cost": {"epsilon": 2.0, "delta": 1e-6}}
    other = earlier | {"release": "2024", "person_set": "c" * 64, "persons": "disjoint"}
    log = logs.log(logs.vote(RNG(0)), releases=[earlier, other], spent={"epsilon": 8.0, "delta": 1.01e-4})
    result = run(inputs, log)
    own = run(inputs, log | {"releases": [], "spent": None}).estimate.value
    assert result.verdict == "pass"
    assert result.details["earlier_releases"] == {"same_persons": 1, "in_all": 2}
    assert result.metrics["epsilon_spent"].high == 8.0
    least = run(inputs, log | {"spent": {"epsilon": own + 2.0 + 1e-6, "delta": 1.01e-4}})
    assert least.verdict == "pass"
    assert run(inputs, log | {"spent": {"epsilon": own + 1.99, "delta": 1.01e-4}}).verdict == "fail"


def test_releases_whose_mechanisms_are_known_are_composed_more_tightly(logs, inputs):
    cost = {"kind": "vote", "noise_multiplier": 25.0, "sampling_rate": 1, "steps": 11}
    earlier = {"release": "2025", "person_set": "b" * 64, "persons": "same", "cost": {"epsilon": 0.45, "delta": 1e-4}}
    spent = {"spent": {"epsilon": 0.68, "delta": 1e-4}}
    log = logs.log(logs.vote(RNG(0)), releases=[earlier | {"mechanisms": [cost]}], **spent)
    assert run(inputs, log).verdict == "pass"
    assert run(inputs, log | {"releases": [earlier]}).details["checks"]["composition"] == "broken"


def previous(names, **changes):
    return Previous(synthetic=table(["s9"]), train=table(names, **changes))


def test_the_release_before_must_be_in_the_log_if_it_has_persons_of_this_one(logs, inputs):
    before = previous(["p3", "p4", "q1"])
    log = logs.log(logs.vote(RNG(0)))
    missing = run(inputs, log, previous=before)
    assert missing.verdict == "fail"
    assert missing.details["checks"]["releases"] == "broken"
    earlier = {
        "release": "2025",
        "person_set": person_set_digest(before.train.groups),
        "persons": "overlapping",
        "cost": {"epsilon": 1.0, "delta": 1e-9},
    }
    listed = log | {"releases": [earlier], "spent": {"epsilon": 10.1, "delta": 1.1e-4}}
    assert run(inputs, listed, previous=before).verdict == "pass"
    denied = listed | {"releases": [earlier | {"persons": "disjoint"}]}
    assert run(inputs, denied, previous=before).details["checks"]["releases"] == "broken"
    assert run(inputs, log, previous=previous(["q1", "q2"])).verdict == "pass"
    unnamed = run(inputs, log, previous=previous(["q1"], has_groups=False))
    assert unnamed.details["checks"]["releases"] == "missing"


def test_noise_shared_with_the_release_before_is_broken(logs, inputs):
    log = logs.log(logs.vote(RNG(0), seed_digest="d" * 64))
    before = replace(previous(["q1"]), seed_digest="d" * 64)
    assert run(inputs, log, previous=before).details["checks"]["seeds"] == "broken"


def test_a_log_of_other_persons_or_of_none_is_no_pass(logs, inputs):
    other = run(inputs, logs.log(logs.vote(RNG(0)), persons=logs.PERSONS[:-1]))
    assert (other.verdict, other.details["checks"]["persons"]) == ("insufficient", "missing")
    unnamed = replace(inputs, train=table(logs.PERSONS, has_groups=False))
    result = run(unnamed, logs.log(logs.vote(RNG(0))))
    assert result.verdict == "insufficient"
    assert (result.details["checks"]["unit"], result.details["claim_scope"]) == ("missing", "record")


def test_the_larger_of_declared_and_actual_persons_limits_delta(logs, inputs):
    for n, delta, verdict in ((90, 1.1e-3, "pass"), (9000, 1.1e-3, "fail"), (9, 1.2e-3, "fail")):
        log = logs.log(logs.vote(RNG(0)), n_persons=n, claim={"epsilon": 9.0, "delta": delta})
        assert run(inputs, log).verdict == verdict


def test_an_epsilon_nobody_can_confirm_is_no_pass(logs, inputs):
    weak = logs.sgd(RNG(0), noise_multiplier=0.01)
    result = run(inputs, logs.log(weak, claim={"epsilon": 1e9, "delta": 1e-4}))
    assert (result.verdict, result.details["checks"]["accountants"]) == ("insufficient", "missing")


def test_a_dry_run_too_short_names_the_number_that_would_do(logs, inputs):
    few = {"batches": logs.poisson_batches(RNG(0), steps=70), "noise": logs.gaussian_noise(RNG(0), steps=70)}
    result = run(inputs, logs.log(logs.sgd(RNG(0), dry_run=few), logs.vote(RNG(0))))
    assert result.verdict == "insufficient"
    assert "200 steps of 50 persons would be enough" in result.reason
    assert (result.details["power"]["n"], result.details["power"]["n_needed"]) == (70, 200)


def test_power_says_which_epsilon_the_noise_log_could_have_missed(logs, inputs):
    log = logs.log(logs.sgd(RNG(0)))
    tight = log | {"claim": {"epsilon": run(inputs, log).estimate.value, "delta": 1e-4}}
    power = run(inputs, tight).details["power"]
    assert 0 < power["smallest_leak"] < 1
    assert power["epsilon_ceiling"] is None
    assert (power["n"], power["n_needed"]) == (240, 200)
    assert run(inputs, logs.log(logs.sgd(RNG(0)) | {"dry_run": None})).details["power"]["smallest_leak"] is None
    few = logs.sgd(RNG(0))
    few = few | {"dry_run": few["dry_run"] | {"noise": few["dry_run"]["noise"][:3], "dimension": 1}}
    assert run(inputs, logs.log(few)).details["power"]["smallest_leak"] is None  # of so little no shortfall is seen


def test_no_log_is_not_measurable_and_a_bad_one_is_refused(logs, inputs):
    with pytest.raises(NotMeasurable, match="where epsilon is claimed, give its log"):
        run(inputs, None)
    with pytest.raises(InputError, match="has 2 mistakes"):
        run(inputs, logs.log(logs.vote(RNG(0))) | {"n_persons": 0, "extra": 1})


def test_a_file_written_by_the_simulation_passes_and_the_result_holds_no_person(logs, inputs, tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(logs.log(logs.sgd(RNG(0)), release="zebra")))
    result = run(inputs, read_mechanism(path))
    assert result.verdict == "pass"
    written = json.dumps(dict(result.details)) + result.reason
    assert not any(word in written for word in ("zebra", "p17", "note of", logs.log()["person_set"]))


def test_one_more_broken_check_never_helps(logs, inputs):
    honest = logs.log(logs.vote(RNG(0)))
    worse = honest | {"reads": [], "claim": {"epsilon": 1e-3, "delta": 1e-4}}
    order = ["pass", "insufficient", "fail"]
    found = [run(inputs, log).verdict for log in (honest, honest | {"reads": []}, worse)]
    assert found == order
