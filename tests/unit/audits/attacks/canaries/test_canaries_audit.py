"""The canaries audit: which canary builds fail, which pass, and when the verdict is insufficient."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.canaries import kinds
from audits.attacks.canaries.canaries_audit import (
    CanaryAudit,
    _copy_failures,
    _guess_failures,
    _repeat_failures,
    _shortfalls,
)
from audits.attacks.canaries.kinds import make_canaries
from audits.attacks.canaries.measurements import CopyCounts
from audits.attacks.membership.attack import CrossFitted
from audits.core.coin_guesses import Claim, stated_claim
from audits.core.errors import InputError, NotMeasurable
from audits.core.inputs import take
from audits.core.two_sided import Area
from audits.core.types import AuditInputs, Canaries, Estimate, persons

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def town(people):
    """Return tables with one row per person; `fresh` is the output of a canary build that contains no copies."""
    numbers = {"train": 210, "control": 190, "reference": 230, "synthetic": 250, "fresh": 330}
    return {name: people(n, seed=i + 40, prefix=name[0], rows=(1, 1)) for i, (name, n) in enumerate(numbers.items())}


@pytest.fixture(scope="module")
def planted(town):
    return make_canaries(town["train"], town["reference"], 1000, RNG(0))


@pytest.fixture(scope="module")
def few(town):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "FAMILIES", ("suffix", "semantic"))
        return make_canaries(town["train"], town["reference"], 130, RNG(0))


def run(town, planted, canary_build, *, seed=0, **changed):
    fields = {name: getattr(planted, name) for name in ("table", "family", "inserted", "suffixes")}
    canaries = Canaries(**fields, canary_build=canary_build)
    tables = {name: town[name] for name in ("synthetic", "train", "control", "reference")}
    return CanaryAudit().run(AuditInputs(**tables | {"canaries": canaries} | changed), RNG(seed), 0.95)


def with_words_of(town, planted, retexted, rate, n_words=6, seed=9):
    """Return fresh rows; a share `rate` of them contains words of an inserted canary that has one row."""
    rng, rows = RNG(seed), np.bincount(persons(planted.insert.groups)[1])
    texts = [t for t, p in zip(planted.insert.texts, persons(planted.insert.groups)[1], strict=True) if rows[p] == 1]
    made = []
    for text in town["fresh"].texts:
        words = text.split()
        if rng.random() < rate:
            source = texts[rng.integers(len(texts))].split()
            at = rng.integers(len(source) - n_words + 1)
            words[9:9] = source[at : at + n_words]
        made.append(" ".join(words))
    return retexted(town["fresh"], made)


def test_generator_that_never_saw_canaries_passes(town, planted):
    result = run(town, planted, town["fresh"])
    assert (result.verdict, result.status, result.direction) == ("pass", "measured", "two_sided")
    assert result.threshold == (0.4, 0.6)
    assert result.metrics["epsilon_lower_bound"].value == 0.0
    assert result.metrics["reproduced"].value == 0.0
    assert result.metrics["max_exposure"].value < 13
    assert result.control.low <= 0.5 <= result.control.high
    power = result.details["power"]
    assert (power["n"], power["n_needed"]) == (1000, 1000)
    assert 0.54 < power["smallest_leak"] < 0.56
    assert 4 < power["epsilon_ceiling"] < 6
    assert f"no epsilon above {power['epsilon_ceiling']:.2f} could be proven" in result.reason


def test_generator_that_copies_canaries_fails_by_every_measure(town, planted, retexted):
    fresh = town["fresh"].texts
    n = round(0.05 / 0.95 * 20 * len(fresh))  # the canary build is long: all inserted rows are 5 % of it
    canary_build = retexted(town["fresh"], [*planted.insert.texts, *(fresh[i % len(fresh)] for i in range(n))])
    result = run(town, planted, canary_build)
    assert result.verdict == "fail"
    assert result.metrics["epsilon_lower_bound"].value >= 3
    assert result.metrics["auc"].value > 0.95
    assert result.metrics["reproduced"].value == planted.inserted.sum()
    assert result.metrics["max_exposure"].value == pytest.approx(np.log2(10_001))
    assert result.metrics["scan_p"].value < 1e-6
    assert "are reproduced verbatim" in result.reason
    assert "proves an epsilon" in result.reason


@pytest.mark.slow
def test_few_words_of_canaries_give_intermediate_results(town, planted, retexted):
    few, little, much = (run(town, planted, with_words_of(town, planted, retexted, rate)) for rate in (0.1, 0.2, 1.0))
    assert few.metrics["reproduced"].value == little.metrics["reproduced"].value == 0
    assert much.metrics["reproduced"].value == 0
    assert (few.verdict, little.verdict) == ("pass", "insufficient")
    assert 0.5 < few.estimate.value < little.estimate.value < much.estimate.value < 0.9
    assert little.metrics["epsilon_lower_bound"].value <= much.metrics["epsilon_lower_bound"].value
    assert much.metrics["scan_p"].value < 1e-3
    assert much.verdict in {"fail", "insufficient"}


def test_one_row_of_the_canary_build_and_one_reproduced_ending_fail(town, few, retexted):
    """Only the hard rules detect a single row, also with too few canaries."""
    canary_build = retexted(town["fresh"], [*town["fresh"].texts, f"well {few.insert.texts[3]} so"])
    released = retexted(town["synthetic"], [*town["synthetic"].texts, town["fresh"].texts[7].upper()])
    result = run(town, few, canary_build, synthetic=released)
    assert result.verdict == "fail"
    assert result.reason.startswith("1 rows of the canary build are in the table to release; the endings of 1 ")
    assert result.estimate.low < 0.6
    assert result.metrics["reproduced"].value == 1.0


AREA = Estimate(value=0.5, low=0.47, high=0.53, confidence=0.95, n=400)
NOTHING = CopyCounts(in_canary_build=0, in_release=0, reproduced=0, left_out=0, canary_build_rows=0, in_train=0)
LIMIT = Claim(limit=1.0, delta=0.0, is_claim=False)
POWER = {"n": 1000, "n_needed": 1000, "epsilon_ceiling": 4.0}


@pytest.mark.parametrize(
    ("value", "error", "epsilon", "proven"),
    [
        (0.5, 0.02, 1.0, None),
        (0.7, 0.052, 0.0, None),
        (0.7, 0.050, 0.0, "inserted canaries are more similar"),
        (0.3, 0.050, 0.0, "inserted canaries are less similar"),
        (0.5, 0.02, 1.01, "proves an epsilon of at least 1.01 (limit 1)"),
    ],
)
def test_guess_failures(value, error, epsilon, proven):
    areas = {"only": Area(value=value, error=error, n=400)}
    found = _guess_failures(CrossFitted(scores={}, weights=(), scans={}, areas=areas), epsilon, LIMIT)
    assert (found == []) if proven is None else (len(found) == 1 and proven in found[0])


@pytest.mark.parametrize(
    ("changed", "proven"),
    [
        ({}, None),
        ({"reproduced": 1, "in_release": 1}, "endings of 1 inserted canaries are reproduced"),
        ({"reproduced": 1, "in_canary_build": 1, "left_out": 1}, None),
        ({"canary_build_rows": 2}, "2 rows of the canary build are in the table to release"),
        ({"in_train": 3}, "3 rows of canaries are in the train data of the release"),
    ],
)
def test_each_copy_fails(changed, proven):
    found = _copy_failures(replace(NOTHING, **changed))
    assert (found == []) if proven is None else (len(found) == 1 and proven in found[0])


@pytest.mark.parametrize(
    ("changed", "lacking"),
    [
        ({}, None),
        ({"power": {"n": 999}}, "999 canaries are too few; 1000 are required"),
        ({"power": {"epsilon_ceiling": 1.0}}, "1000 canaries can prove an epsilon of at most 1.00"),
        ({"area": {"high": 0.61}}, "about 2000 canaries are needed"),
        ({"area": {"low": 0.39}}, "exceeds its limit"),
        (
            {"copies": {"left_out": 2}},
            "the endings of 2 omitted canaries are also reproduced, so reproduced endings do not show a leak; draw ",
        ),
        ({"control": {"value": 0.56, "low": 0.51, "high": 0.6}}, "whose generator saw no canaries"),
    ],
)
def test_each_shortfall_prevents_a_pass(changed, lacking):
    area, control = (replace(AREA, **changed.get(name, {})) for name in ("area", "control"))
    copies = replace(NOTHING, **changed.get("copies", {}))
    found = _shortfalls(area, control, copies, LIMIT, POWER | changed.get("power", {}))
    assert (found == []) if lacking is None else (len(found) == 1 and lacking in found[0])


@pytest.mark.parametrize(
    ("mechanism", "claim"),
    [
        (None, LIMIT),
        ({"steps": 3}, LIMIT),
        ({"claim": {"epsilon": 3, "delta": 1e-5}}, Claim(limit=3.0, delta=1e-5, is_claim=True)),
        ({"claim": {"epsilon": 0.5, "unit": "group"}}, Claim(limit=0.5, delta=0.0, is_claim=True)),
    ],
)
def test_claim_replaces_the_limit(mechanism, claim):
    assert stated_claim(mechanism, 1.0) == claim


@pytest.mark.parametrize(
    "claim",
    [
        *({"epsilon": wrong} for wrong in (0, -1.0, float("nan"), float("inf"), "3", True, 99, None)),
        *({"epsilon": 1, "delta": wrong} for wrong in (1.0, -1e-9, None)),
        {},
        3.0,
    ],
)
def test_invalid_claim_is_refused(claim):
    with pytest.raises(InputError, match="the privacy claim in the mechanism log cannot be tested"):
        stated_claim({"claim": claim}, 1.0)


@pytest.fixture(scope="module")
def unseen(town, few):
    return run(town, few, town["fresh"], mechanism={"claim": {"epsilon": 8.0}})


def test_number_of_canaries_required_for_a_claim_is_stated(unseen):
    needed = -(-15797 * 130 // 104)  # 104 of 130 coins are guessed
    assert (unseen.verdict, unseen.details["epsilon"]["limit"]) == ("insufficient", 8.0)
    assert unseen.details["power"]["n_needed"] == needed
    assert f"130 canaries are too few; {needed} are required" in unseen.reason


@pytest.mark.slow
def test_repeated_persons_fail_where_train_has_persons_like_them(town, planted, retexted):
    rows = np.bincount(persons(planted.table.groups)[1])
    person = persons(planted.table.groups)[1]
    of_many = [t for t, p in zip(planted.table.texts, person, strict=True) if planted.inserted[p] and rows[p] == 16]
    words = [text.split()[:12] for text in of_many]  # without the ending
    fresh = [t.split() for t in town["fresh"].texts]
    texts = [" ".join([*f[:9], *words[2 * i % len(words)], *f[9:]]) for i, f in enumerate(fresh)]
    canary_build = retexted(town["fresh"], texts)
    often = replace(town["train"], groups=("t0",) * 16 + town["train"].groups[16:])
    result = run(town, planted, canary_build, train=often)
    assert result.verdict == "fail"
    assert "and a train person has at least 16 rows" in result.reason
    assert result.details["repeats"]["16"]["group_epsilon_lower_bound"] > 1
    assert result.metrics["epsilon_lower_bound"].value == 0  # a group refutes no claim about one person
    assert result.estimate.high < 0.6
    assert _repeat_failures({"16": result.details["repeats"]["16"] | {"as_in_train": False}}) == []


def test_arms_that_differ_without_a_generator_are_insufficient(town, few, people):
    others = people(130, seed=77, prefix="o", rows=(1, 1)).texts
    texts = zip(few.table.texts, others, few.inserted, strict=True)
    written = replace(few.table, texts=tuple(other if is_in else own for own, other, is_in in texts))
    result = run(town, replace(few, table=written, family=("other",) * 130, suffixes=()), town["fresh"])
    assert result.control.low > 0.6
    assert result.verdict == "insufficient"  # any attack separates the arms, also without the canary build
    assert result.estimate.value > 0.7
    assert "whose generator saw no canaries" in result.reason
    assert "max_exposure" not in result.metrics


def test_without_or_with_too_few_canaries_nothing_is_measured(town, few):
    with pytest.raises(NotMeasurable, match="audits canaries"):
        run(town, few, town["fresh"], canaries=None)
    with pytest.raises(NotMeasurable, match=r"canary build's table has 12 rows \(at least 20\)"):
        run(town, few, take(town["fresh"], np.arange(12)))
    tiny = make_canaries(town["train"], None, 30, RNG(0))
    with pytest.raises(NotMeasurable, match="at least 20 each are required"):
        run(town, tiny, town["fresh"])


def test_unfair_or_missing_coins_are_refused(town, few):
    with pytest.raises(NotMeasurable, match="of 130 canaries were inserted, which fair coins almost never"):
        run(town, replace(few, inserted=RNG(0).random(130) < 0.8), town["fresh"])
    with pytest.raises(InputError, match="must have one value for each of the"):
        run(town, replace(few, inserted=few.inserted[1:]), town["fresh"])


def test_the_same_seed_gives_the_same_result_and_no_text_is_in_it(town, few, unseen):
    assert run(town, few, town["fresh"], mechanism={"claim": {"epsilon": 8.0}}) == unseen
    shown = repr(unseen)
    assert not any(text[:25] in shown for text in few.table.texts)
    assert not any(group in shown for group in set(few.table.groups))
