"""The differencing audit: which pairs of releases it stops, which pass, and when it cannot tell."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.differencing.differencing_audit import Differencing
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Previous

RNG = np.random.default_rng


def both(a, b):
    return replace(a, texts=a.texts + b.texts, groups=a.groups + b.groups)


@pytest.fixture(scope="module")
def town(people):
    """Return 40 who stay, 300 who join, 290 who leave, 400 control persons, and two releases of fresh people."""
    sizes = {"stay": 40, "joined": 300, "left": 290, "control": 400, "then": 150, "now": 160}
    return {n: people(k, seed=i + 130, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())}


def run(town, *, seed=0, joined=True, left=False, confidence=0.95, **changes):
    """Run the audit on the town with two seeds, with persons who joined or left and with anything else changed."""
    previous = {
        "synthetic": changes.pop("then", town["then"]),
        "train": both(town["stay"], town["left"]) if left else town["stay"],
        "seed_digest": changes.pop("seed_digest", "a" * 64),
        "seed_digest_now": changes.pop("seed_digest_now", "b" * 64),
    }
    inputs = {
        "synthetic": changes.pop("now", town["now"]),
        "train": both(town["stay"], town["joined"]) if joined else town["stay"],
        "control": town["control"],
        "previous": Previous(**previous),
    } | changes
    return Differencing().run(AuditInputs(**inputs), RNG(seed), confidence)


def test_two_releases_of_fresh_people_pass(town):
    result = run(town)
    assert (result.verdict, result.status, result.direction) == ("pass", "measured", "two_sided")
    assert 0.4 <= result.estimate.low <= 0.5 <= result.estimate.high <= 0.6
    assert result.estimate == result.metrics["auc"]
    assert result.metrics["shared_rows"].value == result.metrics["near_rows"].value == 0
    assert result.details["n_persons_by_arm"] == {"joined": 300}
    assert result.details["n_control_persons"] == 320
    assert (result.details["power"]["n"], result.details["power"]["n_needed"]) == (300, 228)
    assert 0 < result.details["power"]["smallest_leak"] < 0.1


def test_those_who_joined_and_were_copied_are_found(town, retexted, word_dropout):
    texts = word_dropout(town["joined"].texts, 0.3)
    result = run(town, now=retexted(town["now"], [*texts, *town["now"].texts[len(texts) :]]))
    assert result.verdict == "fail"
    assert result.estimate.value > 0.95
    assert result.metrics["scan_p"].value < 1e-6
    assert result.metrics["new_rows_share"].value > 0.7
    assert "shows persons who joined, by the attacks" in result.reason


def test_a_dozen_copied_people_are_found_by_the_scan_alone(town, retexted):
    now = retexted(town["now"], [*town["joined"].texts[:20], *town["now"].texts[20:]])
    result = run(town, now=now)
    assert result.verdict == "fail"
    assert result.reason.endswith("by who stands at the top of a ranking")


def test_those_who_left_and_had_been_copied_are_found(town, retexted, word_dropout):
    texts = word_dropout(town["left"].texts, 0.3)
    result = run(town, left=True, then=retexted(town["then"], [*texts, *town["then"].texts[len(texts) :]]))
    assert result.verdict == "fail"
    assert "shows persons who left, by the attacks" in result.reason
    assert "joined" not in result.reason
    assert set(result.details["arms"]) == {"joined", "left"}
    # moving away from who left counts as a member's sign, so no attack had to be turned round
    assert min(result.details["arms"]["left"]["attacks"].values()) > 0.5


def test_the_same_seed_is_a_hard_failure_and_the_rows_that_changed_name_who_joined(town, retexted, word_dropout):
    texts = word_dropout(town["joined"].texts[:50], 0.3)
    result = run(town, now=retexted(town["then"], [*texts, *town["then"].texts[50:]]))
    assert result.verdict == "fail"
    assert "100 of 150 long rows stand in the release before" in result.reason
    assert "whose records are nearest to the rows that changed" in result.reason
    assert result.metrics["shared_rows"].value == 100
    assert result.metrics["new_rows_share"].value > 0.9


def test_equal_digests_of_seeds_are_a_hard_failure_whatever_the_rows_say(town):
    result = run(town, joined=False, seed_digest_now="a" * 64)
    assert result.verdict == "fail"
    assert "the same seed" in result.reason


def test_the_same_data_with_another_seed_pass_on_shared_rows_and_the_change_is_not_measurable(town):
    result = run(town, joined=False)
    assert result.verdict == "pass"
    assert result.details["change"] == "not_measurable"
    assert set(result.metrics) == {"shared_rows", "near_rows"}
    assert (result.estimate.value, result.threshold, result.direction) == (0.0, 0.01, "lower_is_safer")
    assert "Not one record changed" in result.reason


def test_few_rows_say_nothing_about_the_seed_unless_it_is_known(town):
    unknown = run(town, joined=False, seed_digest=None)
    assert unknown.verdict == "insufficient"
    assert "299 rows of 20 words" in unknown.reason
    assert run(town, joined=False).verdict == "pass"


def test_rows_kept_after_somebody_left_hold_the_release_up(town, retexted):
    now = retexted(town["now"], [town["then"].texts[0], *town["now"].texts[1:]])
    result = run(town, joined=False, left=True, now=now)
    assert result.verdict == "insufficient"
    assert "records were taken back and 1 rows of the release before are still there" in result.reason
    assert "taken back" not in run(town, now=now).reason


def test_few_who_joined_are_too_few_and_the_number_is_named(town):
    few = replace(town["joined"], texts=town["joined"].texts[:12], groups=town["joined"].groups[:12])
    result = run(town, train=both(town["stay"], few))
    assert result.verdict == "insufficient"
    assert "12 persons who joined are too few; 228 would be enough" in result.reason
    assert result.details["change"] == "not_measurable"
    assert "auc" not in result.metrics
    assert result.details["power"]["n"] == 12


def test_few_control_persons_are_too_few_and_the_number_is_named(town):
    few = replace(town["control"], texts=town["control"].texts[:125], groups=town["control"].groups[:125])
    result = run(town, control=few)
    assert result.verdict == "insufficient"
    assert "100 control persons whom neither generator saw are too few; 285 would be enough" in result.reason


def test_control_persons_of_the_earlier_release_are_left_out(town):
    again = both(town["control"], town["left"])
    result = run(town, left=True, joined=False, control=again)
    assert result.details["n_control_persons"] == 320


def test_a_later_year_is_not_mistaken_for_a_leak(town):
    def winter(table):
        return replace(table, texts=tuple(f"{text} winter snow ice" for text in table.texts))

    result = run(town, train=both(town["stay"], winter(town["joined"])), now=winter(town["now"]))
    assert result.verdict == "insufficient"
    assert "persons who joined differ from control by more than chance" in result.reason


def test_persons_with_records_added_are_an_arm_of_their_own(town):
    stay = town["stay"]
    more = replace(town["joined"], texts=town["joined"].texts[:40], groups=stay.groups)
    result = run(town, train=both(stay, more))
    assert result.details["n_persons_by_arm"] == {"records_added": 40}
    assert "40 persons who stayed with other records added are too few" in result.reason


def test_without_names_only_a_common_seed_can_be_seen(town):
    unnamed = replace(town["stay"], has_groups=False)
    with pytest.raises(NotMeasurable, match="must name persons"):
        run(town, train=unnamed)
    assert run(town, train=unnamed, now=town["then"]).verdict == "fail"


def test_without_an_earlier_release_there_is_nothing_to_measure(town):
    with pytest.raises(NotMeasurable, match="no earlier release was given"):
        run(town, previous=None)


def test_the_same_seed_of_the_audit_gives_the_same_result_and_no_text_reaches_it(town):
    small = {name: replace(t, texts=t.texts[:60], groups=t.groups[:60]) for name, t in town.items()}
    small["joined"] = replace(small["joined"], texts=("zzyzx quxquux 4711", *small["joined"].texts[1:]))
    small["now"] = replace(small["now"], texts=("zzyzx quxquux 4711", *small["now"].texts[1:]))
    once, again = (run(small, seed=4) for _ in range(2))
    assert once == again
    assert not any(word in json.dumps(dict(once.details)) + once.reason for word in ("zzyzx", "joined3", "stay2"))


@pytest.mark.parametrize("seed", range(3))
def test_chance_alone_does_not_fail(people, seed):
    town = {
        n: people(k, seed=10 * seed + i + 300, prefix=n, rows=(1, 2))
        for i, (n, k) in enumerate(
            {"stay": 20, "joined": 110, "left": 105, "control": 140, "then": 120, "now": 115}.items()
        )
    }
    assert run(town, seed=seed, left=True).verdict != "fail"
