"""All checks of a correct dry run hold, and each mistake breaks its own check."""

import numpy as np
import pytest

from audits.attacks.accounting.dry_run_checks import check_noise_is_new, degrees, dry_run_checks, needed_steps
from audits.attacks.accounting.mechanism_log import Mechanism
from audits.core.strictjson import canonical, parse

RNG = np.random.default_rng


def checks(value, n_persons=90):
    """Return the checks of JSON values, by name."""
    mechanism = Mechanism.model_validate(parse(canonical(value)))
    return {c.name: c for c in dry_run_checks(mechanism, n_persons=n_persons)}


@pytest.mark.parametrize("seed", range(5))
def test_checks_of_a_correct_mechanism_hold(logs, seed):
    found = checks(logs.sgd(RNG(seed)))
    assert list(found) == ["poisson sampling", "noise", "clipping", "normaliser"]
    assert all(c.outcome == "holds" and c.sentence == "" for c in found.values())
    assert set(dict(found["poisson sampling"].p)) == {"rate", "sizes", "participations", "overlaps"}
    for kind in ("vote", "gaussian", "laplace"):
        found = checks(logs.vote(RNG(seed), kind=kind, steps=13))
        assert {name: c.outcome for name, c in found.items()} == {"noise": "holds", "clipping": "holds"}


def wrong(logs, case):
    rng = RNG(7)
    dry_runs = {
        "shuffled": {"batches": logs.shuffled_batches(rng)},
        "fixed size": {"batches": logs.fixed_batches(rng)},
        "replacement": {"batches": [[4, 4, 9], *logs.poisson_batches(rng, steps=239)]},
        "half the noise": {"noise": logs.gaussian_noise(rng, factor=0.5)},
        "twice the noise": {"noise": logs.gaussian_noise(rng, factor=2.0)},
        "the same noise": {"noise": logs.gaussian_noise(rng, steps=120) * 2},
        "no noise in empty batches": {"noise": logs.gaussian_noise(rng, steps=237)},
        "not clipped": {"max_norm": 0.51},
        "normaliser of the dry run": {"normalisers": [9.6] * 240},
        "normaliser of the batch": {"normalisers": RNG(1).integers(5, 12, size=240).astype(float).tolist()},
    }
    changes = {
        "sampling said to be shuffled": {"sampling": "shuffled"},
        "normaliser said to be counted": {"normaliser": {"value": 7.2, "source": "data"}},
        "normaliser not declared": {"normaliser": None},
    }
    return logs.sgd(rng, dry_run=dry_runs.get(case), **changes.get(case, {}))


@pytest.mark.parametrize(
    ("case", "name", "sentence"),
    [
        ("shuffled", "poisson sampling", "the sizes of batches do not vary"),
        ("fixed size", "poisson sampling", "the sizes of batches do not vary"),
        ("replacement", "poisson sampling", "a person is in a batch twice"),
        ("sampling said to be shuffled", "poisson sampling", "batches are shuffled, but accounted for as"),
        ("half the noise", "noise", "the noise is not as large as claimed"),
        ("twice the noise", "noise", "the noise is not as large as claimed"),
        ("the same noise", "noise", "the same noise was used twice"),
        ("no noise in empty batches", "noise", "noise was added in 237 steps, but persons were drawn in 240 steps"),
        ("not clipped", "clipping", "larger than the clip norm"),
        ("normaliser of the dry run", "normaliser", "a number other than the declared constant"),
        ("normaliser of the batch", "normaliser", "a number other than the declared constant"),
        ("normaliser said to be counted", "normaliser", "a number counted from the data"),
        ("normaliser not declared", "normaliser", "a number that the log does not declare"),
    ],
)
def test_each_mistake_breaks_only_its_own_check(logs, case, name, sentence):
    found = checks(wrong(logs, case))
    assert [c.name for c in found.values() if c.outcome != "holds"] == [name]
    assert found[name].outcome == "broken"
    assert sentence in found[name].sentence


@pytest.mark.parametrize(
    ("dry_run", "name", "sentence"),
    [
        ({"batches": None}, "poisson sampling", "log the batches of at least 200 steps"),
        ({"noise": [], "dimension": None}, "noise", "no dry run with the size of the noise"),
        ({"max_norm": None}, "clipping", "no dry run with the largest norms before and after clipping"),
        ({"largest_row": None}, "clipping", "no dry run with the largest norms before and after clipping"),
        ({"largest_row": 0.5}, "clipping", "so nothing was clipped; include larger contributions"),
        ({"normalisers": []}, "normaliser", "log the divisor of each step"),
    ],
)
def test_check_without_its_log_is_missing(logs, dry_run, name, sentence):
    found = checks(logs.sgd(RNG(0), dry_run=dry_run))
    assert [(c.name, c.outcome) for c in found.values() if c.outcome != "holds"] == [(name, "missing")]
    assert sentence in found[name].sentence


def test_dry_run_needs_another_number_of_persons(logs):
    for n, outcome in ((120, "missing"), (110, "missing"), (109, "holds"), (133, "missing"), (134, "holds")):
        found = checks(logs.sgd(RNG(0)), n_persons=n)["normaliser"]
        assert found.outcome == outcome, n
        assert outcome == "holds" or "run it on at least a tenth more or fewer" in found.sentence


def test_without_a_dry_run_all_checks_are_missing(logs):
    assert {c.outcome for c in checks(logs.sgd(RNG(0), dry_run=None) | {"dry_run": None}).values()} == {"missing"}


def test_too_few_steps_or_persons_are_missing(logs):
    rng = RNG(0)
    few = {"batches": logs.poisson_batches(rng, steps=199), "noise": logs.gaussian_noise(rng, steps=199)}
    found = checks(logs.sgd(rng, dry_run=few))
    assert {found["poisson sampling"].outcome, found["noise"].outcome} == {"missing"}
    assert "199 logged steps of 120 persons are too few; 200 steps" in found["poisson sampling"].sentence
    assert "199 logged steps of noise in 31 coordinates are too few; 200 steps" in found["noise"].sentence
    few = {"n_persons": 49, "batches": logs.poisson_batches(rng, n=49)}
    assert checks(logs.sgd(rng, dry_run=few))["poisson sampling"].outcome == "missing"
    short = checks(logs.vote(rng, steps=2))["noise"]
    assert "2 logged steps of noise in 40 coordinates are too few; 2 steps, with 200 coordinates" in short.sentence


def test_needed_steps_and_degrees_of_freedom(logs):
    sgd, vote = (Mechanism.model_validate(parse(canonical(m))) for m in (logs.sgd(RNG(0)), logs.vote(RNG(0))))
    assert (needed_steps(sgd), needed_steps(vote)) == (200, 11)
    assert (degrees("laplace", 7), degrees("vote", 7)) == (14, 7)


def test_a_sum_divided_by_answers_needs_no_logged_divisor(logs):
    by_answers = {"normaliser": {"source": "answers"}, "dry_run": {"normalisers": []}}
    assert checks(logs.sgd(RNG(0), **by_answers))["normaliser"].outcome == "holds"


def reuse(*values):
    return check_noise_is_new([Mechanism.model_validate(parse(canonical(value))) for value in values])


def test_noise_that_is_used_twice_is_found(logs):
    sgd, vote = logs.sgd(RNG(0)), logs.vote(RNG(1), steps=13)
    assert reuse(sgd, vote, logs.vote(RNG(2))).outcome == "holds"
    first = vote["dry_run"]["leading"][5]
    for again in (first, [-z for z in first], first[:3], [z + 4e-7 for z in first]):
        other = logs.vote(RNG(3), steps=3)
        other["dry_run"]["leading"][1] = again
        assert reuse(sgd, vote, other).outcome == "broken", again
        assert "add the same noise" in reuse(other, vote).sentence
    within = logs.sgd(RNG(0), dry_run={"leading": [*logs.leading(RNG(4), 239), sgd["dry_run"]["leading"][0]]})
    assert reuse(within).outcome == "holds"
    within["dry_run"]["leading"][17] = within["dry_run"]["leading"][201]
    assert reuse(within).outcome == "broken"
    other = logs.vote(RNG(3), steps=3)
    other["dry_run"]["leading"][1] = [first[0], *(z + 1e-3 for z in first[1:])]
    assert reuse(vote, other).outcome == "holds"


def test_noise_without_coordinates_is_missing_and_single_coordinates_are_not_compared(logs):
    for changes in ({"dry_run": {"leading": []}}, {"dry_run": None}):
        value = logs.vote(RNG(0), **changes) | ({"dry_run": None} if changes["dry_run"] is None else {})
        assert reuse(logs.sgd(RNG(1)), value).outcome == "missing"
        assert "with the first coordinates" in reuse(value).sentence
    single = logs.vote(RNG(0), steps=2, dry_run={"leading": [[0.5], [0.5]]})
    assert reuse(single).outcome == reuse(single, logs.sgd(RNG(1))).outcome == "holds"
