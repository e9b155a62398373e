"""The neighbours audit: which releases it stops, which it lets pass, and when it says it cannot tell."""

import re
from dataclasses import replace

import numpy as np
import pytest
from fictional_clinic import generate

from audits.attacks.neighbours.neighbours_audit import MARGINS, EncoderNeighbours, Neighbours, _judge
from audits.core.holdout import HoldoutTables, arms
from audits.core.inputs import take
from audits.core.stats import Scan
from audits.core.types import AuditInputs, Table
from audits.embeddings.distances import Share
from audits.embeddings.encoders import encode_words
from audits.embeddings.similarity import highest
from synthgen.core.seeds import SeedTree


def run(synthetic, train, control, seed=0):
    inputs = AuditInputs(synthetic=synthetic, train=train, control=control)
    return Neighbours().run(inputs, np.random.default_rng(seed), 0.95)


def kept(table, rows):
    return replace(table, texts=tuple(table.texts[i] for i in rows), groups=tuple(table.groups[i] for i in rows))


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict."""
    tables = [
        people(n, seed=i, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(480, "t"), (600, "h"), (900, "s")])
    ]
    return dict(zip(("train", "control", "fresh"), tables, strict=True))


def test_fresh_people_pass(town):
    result = run(town["fresh"], town["train"], town["control"])
    assert (result.verdict, result.direction) == ("pass", "two_sided")
    assert result.threshold[0] <= result.estimate.low < result.estimate.high <= result.threshold[1]
    assert result.threshold == (0.5 - result.details["margin_supported"], 0.5 + result.details["margin_supported"])
    assert set(result.details["encoders"]) == {"words", "characters"}


@pytest.mark.parametrize("rate", [0.0, 0.3], ids=["verbatim", "dropout"])
def test_copies_fail(town, retexted, word_dropout, rate):
    synthetic = retexted(town["train"], word_dropout(town["train"].texts, rate))
    result = run(synthetic, town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.estimate.low > 0.9
    assert result.metrics["scan_p"].value < 1e-6


def test_a_dozen_copied_people_fail_by_the_scan_alone(town, retexted):
    texts = [*town["train"].texts[:20], *town["fresh"].texts[20:]]
    result = run(retexted(town["fresh"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert "the persons closest to a synthetic record" in result.reason
    assert result.estimate.low < 0.55


def test_dropping_what_resembles_train_fails_by_absence(town):
    parts = HoldoutTables(
        synthetic=town["fresh"],
        train=town["train"],
        control=town["control"],
        reference=town["fresh"],
        reference_is_control=False,
    )
    encoded = encode_words(parts)
    nearness = highest(encoded.synthetic, encoded.train, 1)[:, 0]
    result = run(kept(town["fresh"], np.argsort(nearness)[:450]), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.estimate.value < 0.5


def test_three_times_as_much_train_does_not_look_like_a_leak(people, town):
    result = run(town["fresh"], people(1400, seed=77, prefix="u", rows=(1, 1)), town["control"])
    assert result.verdict == "pass"


def test_a_class_that_leaks_fails_the_whole(town, retexted):
    def labelled(table):
        return replace(table, labels=tuple("aaab"[i % 4] for i in range(len(table))))

    train, control = labelled(town["train"]), labelled(town["control"])
    texts = [train.texts[i % 480] if i % 4 == 3 else t for i, t in enumerate(town["fresh"].texts)]
    result = run(labelled(retexted(town["fresh"], texts)), train, control)
    assert result.verdict == "fail"
    assert result.metrics["worst_class_share"].value > 0.65
    assert "within a class" in result.reason


def test_sixty_people_are_too_few_and_a_number_that_would_do_is_named(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert f"at least {MARGINS[-1][0]} are required" in result.reason
    assert "control persons would be enough" in result.reason


def test_each_margin_is_what_its_rows_can_tell():
    assert [(n, d) for n, d in MARGINS] == [(1718, 0.03), (619, 0.05), (155, 0.1)]


def test_the_same_seed_gives_the_same_result_and_the_order_of_synthetic_rows_does_not_matter(town):
    small = {k: kept(t, range(90)) for k, t in town.items()}
    once, again = (run(small["fresh"], small["train"], small["control"], seed=4) for _ in range(2))
    assert once == again
    turned = run(kept(small["fresh"], range(89, -1, -1)), small["train"], small["control"], seed=4)
    assert turned.estimate.value == pytest.approx(once.estimate.value)
    assert turned.metrics["scan_p"] == once.metrics["scan_p"]


@pytest.fixture(scope="module")
def clinic():
    """Return notes that follow one template: train, control and other people."""
    rows = generate(4000, SeedTree(5).child("neighbours").generator())
    person = {name: i for i, name in enumerate(dict.fromkeys(row["patient_id"] for row in rows))}
    parts = [
        [r for r in rows if lo <= person[r["patient_id"]] < hi] for lo, hi in ((0, 1300), (1300, 2900), (2900, 4000))
    ]
    tables = [
        Table(
            texts=tuple(r["note"] for r in part),
            labels=tuple(r["specialty"] for r in part),
            groups=tuple(r["patient_id"] for r in part),
            has_groups=True,
        )
        for part in parts
    ]
    return dict(zip(("train", "control", "fresh"), tables, strict=True))


@pytest.mark.slow
def test_absence_is_seen_where_all_texts_follow_a_template(clinic):
    fresh = clinic["fresh"]
    assert run(fresh, clinic["train"], clinic["control"]).verdict == "pass"
    parts = HoldoutTables(
        synthetic=fresh,
        train=clinic["train"],
        control=clinic["control"],
        reference=clinic["control"],
        reference_is_control=False,
    )
    encoded = encode_words(parts)
    nearness = highest(encoded.synthetic, encoded.train, 1)[:, 0]
    filtered = take(fresh, np.sort(np.argsort(nearness)[: int(0.9 * len(nearness))]))
    result = run(filtered, clinic["train"], clinic["control"])
    assert result.verdict == "fail"
    scans = result.details["encoders"]["words"]["scans"]
    assert 20 * scans["nearest"]["p"] < scans["crowding"]["p"]


def test_what_would_decide_is_more_than_there_is(town):
    parts = HoldoutTables(
        synthetic=town["fresh"],
        train=town["train"],
        control=town["control"],
        reference=town["control"],
        reference_is_control=False,
    )
    rest = {"histogram": {}, "details": {}}
    clear, scans = Share(value=0.5, error=0.019), {"nearest": Scan(1.0, 0, 0)}
    for share, classes, said in (
        (Share(value=0.521, error=0.019), {}, "of the share exceeds its limit; about 1838 "),
        (clear, {"a": Share(value=0.57, error=0.016)}, "of the share within a class exceeds its limit; about "),
    ):
        one = EncoderNeighbours(encoder="words", share=share, classes=classes, scans=scans, **rest)
        other = EncoderNeighbours(encoder="characters", share=clear, classes={}, scans=scans, **rest)
        result = _judge([other, one], parts, arms(parts), 0.95)
        assert result.verdict == "insufficient"
        assert said in result.reason
        needed, there = (int(word) for word in re.findall(r"\b(\d+)(?= independent|, from)", result.reason))
        assert needed >= 2 * there


def test_a_proven_difference_is_no_pass_though_few_rows_are_granted_a_wide_margin(town):
    parts = HoldoutTables(
        synthetic=town["fresh"],
        train=town["train"],
        control=town["control"],
        reference=town["control"],
        reference_is_control=False,
    )
    verdicts = {}
    for value in (0.47, 0.44):
        share = Share(value=value, error=0.022)  # 516 independent rows
        finding = EncoderNeighbours(
            encoder="words",
            share=share,
            classes={},
            scans={"nearest": Scan(1.0, 0, 0)},
            histogram={},
            details={},
        )
        result = _judge([finding], parts, arms(parts), 0.95)
        verdicts[value] = result.verdict
    assert verdicts == {0.47: "pass", 0.44: "insufficient"}
    assert f"about {MARGINS[0][0]} would decide" in result.reason
