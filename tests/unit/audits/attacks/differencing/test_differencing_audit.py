"""The differencing audit: pairs of releases that fail, that pass, and that are insufficient."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.differencing.differencing_audit import Differencing, _common_rows
from audits.attacks.differencing.release_change import RowOverlap
from audits.core.errors import NotMeasurable
from audits.core.types import AuditInputs, Previous

RNG = np.random.default_rng


def both(a, b):
    return replace(a, texts=a.texts + b.texts, groups=a.groups + b.groups)


@pytest.fixture(scope="module")
def town(people):
    """Return persons who stay, join or leave, control persons, and two releases of fresh people."""
    sizes = {"stay": 40, "joined": 300, "left": 290, "control": 400, "then": 150, "now": 160}
    return {n: people(k, seed=i + 130, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())}


@pytest.fixture
def with_copies(retexted, word_dropout):
    """Return a function that copies persons into the first rows of a release, without 30 % of the words."""

    def copy(release, persons):
        texts = word_dropout(persons.texts, 0.3)
        return retexted(release, [*texts, *release.texts[len(texts) :]])

    return copy


def run(town, *, seed=0, joined=True, left=False, confidence=0.95, **changes):
    """Run the audit on two releases with different seeds, with persons who joined or left and with other changes."""
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


def test_copied_persons_who_joined_are_found(town, with_copies):
    result = run(town, now=with_copies(town["now"], town["joined"]))
    assert result.verdict == "fail"
    assert result.estimate.value > 0.95
    assert result.metrics["scan_p"].value < 1e-6
    assert result.metrics["new_rows_share"].value > 0.7
    assert "reveals persons who joined, as shown by the AUC of an attack" in result.reason


def test_few_copied_persons_are_found_by_the_scan_alone(town, retexted):
    now = retexted(town["now"], [*town["joined"].texts[:20], *town["now"].texts[20:]])
    result = run(town, now=now)
    assert result.verdict == "fail"
    assert result.reason.endswith("shown by the persons at the top of a ranking")


def test_copied_persons_who_left_are_found(town, with_copies):
    result = run(town, left=True, then=with_copies(town["then"], town["left"]))
    assert result.verdict == "fail"
    assert "reveals persons who left, as shown by the AUC of an attack" in result.reason
    assert "joined" not in result.reason
    assert set(result.details["arms"]) == {"joined", "left"}
    # moving away from persons who left counts as evidence of membership, so no attack had to be inverted
    assert min(result.details["arms"]["left"]["attacks"].values()) > 0.5


def test_same_seed_fails_and_the_changed_rows_reveal_persons_who_joined(town, with_copies, first_rows):
    result = run(town, now=with_copies(town["then"], first_rows(town["joined"], 50)))
    assert result.verdict == "fail"
    assert "100 of 150 long rows also occur in the previous release" in result.reason
    assert "the persons nearest to the changed rows" in result.reason
    assert result.metrics["shared_rows"].value == 100
    assert result.metrics["new_rows_share"].value > 0.9


def test_equal_seed_digests_fail_whatever_the_rows(town):
    result = run(town, joined=False, seed_digest_now="a" * 64)
    assert result.verdict == "fail"
    assert "the same seed" in result.reason


def test_unchanged_data_with_another_seed_passes(town):
    result = run(town, joined=False)
    assert result.verdict == "pass"
    assert result.details["change"] == "not_measurable"
    assert set(result.metrics) == {"shared_rows", "near_rows"}
    assert (result.estimate.value, result.threshold, result.direction) == (0.0, 0.01, "lower_is_safer")
    assert "No record changed" in result.reason
    unknown = run(town, joined=False, seed_digest=None)  # so few rows do not exclude a common seed
    assert unknown.verdict == "insufficient"
    assert "299 rows of at least 20 words" in unknown.reason


@pytest.mark.parametrize(
    ("n", "near", "seeds", "reason"),
    [
        (0, 0, "unknown", "no row has 20 words or more, so a common seed is possible"),
        (40, 1, "unknown", "1 of 40 long rows also occur in the previous release, so a common seed is possible"),
        (40, 3, "different", "3 of 40 long rows also occur in the previous release, although the seeds differ"),
    ],
)
def test_why_shared_rows_prevent_a_pass(n, near, seeds, reason):
    rows = RowOverlap(n=n, equal=0, near=near, by_chance=0.0, is_new=np.ones(1), is_gone=np.ones(1))
    assert not rows.excludes_shared_randomness(seeds, confidence=0.95)
    assert _common_rows(rows, seeds, 0.95).startswith(reason)


def test_rows_kept_after_a_person_left_prevent_a_pass(town, retexted):
    now = retexted(town["now"], [town["then"].texts[0], *town["now"].texts[1:]])
    result = run(town, joined=False, left=True, now=now)
    assert result.verdict == "insufficient"
    assert "records were removed, and 1 rows of the previous release remain" in result.reason
    assert "removed" not in run(town, now=now).reason


def test_too_few_persons_who_joined_are_insufficient_and_the_needed_number_is_stated(town, first_rows):
    result = run(town, train=both(town["stay"], first_rows(town["joined"], 12)))
    assert result.verdict == "insufficient"
    assert "12 persons who joined are too few; 228 would be enough" in result.reason
    assert result.details["change"] == "not_measurable"
    assert "auc" not in result.metrics
    assert result.details["power"]["n"] == 12


def test_too_few_control_persons_are_insufficient_and_the_needed_number_is_stated(town, first_rows):
    result = run(town, control=first_rows(town["control"], 125))
    assert result.verdict == "insufficient"
    assert "100 control persons whom neither generator saw are too few; 285 would be enough" in result.reason


def test_control_persons_of_the_previous_release_are_excluded(town):
    result = run(town, left=True, joined=False, control=both(town["control"], town["left"]))
    assert result.details["n_control_persons"] == 320


def test_shift_between_arm_and_control_is_insufficient(town):
    def winter(table):
        return replace(table, texts=tuple(f"{text} winter snow ice" for text in table.texts))

    result = run(town, train=both(town["stay"], winter(town["joined"])), now=winter(town["now"]))
    assert result.verdict == "insufficient"
    assert "persons who joined differ significantly from control" in result.reason


def test_persons_with_added_records_are_a_separate_arm(town):
    stay = town["stay"]
    more = replace(town["joined"], texts=town["joined"].texts[:40], groups=stay.groups)
    result = run(town, train=both(stay, more))
    assert result.details["n_persons_by_arm"] == {"records_added": 40}
    assert "40 persons who stayed and to whom records were added are too few" in result.reason


def test_without_persons_only_a_common_seed_is_detected(town):
    unnamed = replace(town["stay"], has_groups=False)
    with pytest.raises(NotMeasurable, match="must have a person column"):
        run(town, train=unnamed)
    assert run(town, train=unnamed, now=town["then"]).verdict == "fail"


def test_without_previous_release_the_audit_is_not_measurable(town):
    with pytest.raises(NotMeasurable, match="no previous release was given"):
        run(town, previous=None)


def test_result_is_reproducible_and_contains_no_text(town, first_rows):
    small = {name: first_rows(table, 60) for name, table in town.items()}
    small |= {name: first_rows(town[name], 60, "zzyzx quxquux 4711") for name in ("joined", "now")}
    once, again = (run(small, seed=4) for _ in range(2))
    assert once == again
    assert not any(word in json.dumps(dict(once.details)) + once.reason for word in ("zzyzx", "joined3", "stay2"))


@pytest.mark.parametrize("seed", range(3))
def test_chance_alone_does_not_fail(people, seed):
    sizes = {"stay": 20, "joined": 110, "left": 105, "control": 140, "then": 120, "now": 115}
    town = {n: people(k, seed=10 * seed + i + 300, prefix=n, rows=(1, 2)) for i, (n, k) in enumerate(sizes.items())}
    assert run(town, seed=seed, left=True).verdict != "fail"
