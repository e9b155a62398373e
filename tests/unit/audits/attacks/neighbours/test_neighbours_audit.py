"""The neighbours audit: which releases fail, which pass, and when the verdict is insufficient."""

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


def holdout(tables, reference="control"):
    train, control = tables["train"], tables["control"]
    given = {"synthetic": tables["fresh"], "train": train, "control": control, "reference": tables[reference]}
    return HoldoutTables(**given, reference_is_control=False)


def nearness_to_train(tables, reference):
    encoded = encode_words(holdout(tables, reference))
    return highest(encoded.synthetic, encoded.train, 1)[:, 0]


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict."""
    numbers = {"train": 480, "control": 600, "fresh": 900}
    seeded = zip(numbers.items(), enumerate("ths"), strict=True)
    return {name: people(n, seed=seed, prefix=prefix, rows=(1, 1)) for (name, n), (seed, prefix) in seeded}


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


def test_few_copied_persons_fail_only_by_the_scan(town, retexted):
    texts = [*town["train"].texts[:20], *town["fresh"].texts[20:]]
    result = run(retexted(town["fresh"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert "how similar the most similar persons are to a synthetic record" in result.reason
    assert result.estimate.low < 0.55


def test_removing_rows_that_resemble_train_fails(town):
    nearness = nearness_to_train(town, reference="fresh")
    result = run(kept(town["fresh"], np.argsort(nearness)[:450]), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.estimate.value < 0.5


def test_larger_train_is_not_a_leak(people, town):
    result = run(town["fresh"], people(1400, seed=77, prefix="u", rows=(1, 1)), town["control"])
    assert result.verdict == "pass"


def test_leaking_class_fails(town, retexted):
    def labelled(table):
        return replace(table, labels=tuple("aaab"[i % 4] for i in range(len(table))))

    train, control = labelled(town["train"]), labelled(town["control"])
    texts = [train.texts[i % 480] if i % 4 == 3 else t for i, t in enumerate(town["fresh"].texts)]
    result = run(labelled(retexted(town["fresh"], texts)), train, control)
    assert result.verdict == "fail"
    assert result.metrics["worst_class_share"].value > 0.65
    assert "of a class" in result.reason


def test_sixty_persons_are_insufficient_and_the_required_number_is_stated(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert f"instead of at least {MARGINS[-1][0]}" in result.reason
    assert "control persons would be enough" in result.reason


def test_margins_and_their_rows():
    assert [(n, d) for n, d in MARGINS] == [(4196, 0.03), (1511, 0.05), (155, 0.1)]


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
    tables = {}
    for name, low, high in (("train", 0, 1300), ("control", 1300, 2900), ("fresh", 2900, 4000)):
        part = [row for row in rows if low <= person[row["patient_id"]] < high]
        texts, labels, groups = (tuple(row[key] for row in part) for key in ("note", "specialty", "patient_id"))
        tables[name] = Table(texts=texts, labels=labels, groups=groups, has_groups=True)
    return tables


@pytest.mark.slow
def test_removed_rows_are_detected_in_templated_texts(clinic):
    fresh = clinic["fresh"]
    assert run(fresh, clinic["train"], clinic["control"]).verdict == "pass"
    nearness = nearness_to_train(clinic, reference="control")
    filtered = take(fresh, np.sort(np.argsort(nearness)[: int(0.9 * len(nearness))]))
    result = run(filtered, clinic["train"], clinic["control"])
    assert result.verdict == "fail"
    scans = result.details["encoders"]["words"]["scans"]
    assert 20 * scans["nearest"]["p"] < scans["crowding"]["p"]


def finding(share, classes=(), encoder="words"):
    scans = {"nearest": Scan(1.0, 0, 0)}
    return EncoderNeighbours(
        encoder=encoder, share=share, classes=dict(classes), scans=scans, histogram={}, details={}
    )


def test_number_that_would_decide_exceeds_the_present_one(town):
    parts = holdout(town)
    clear = Share(value=0.5, error=0.019)
    for share, classes, said in (
        (
            Share(value=0.56, error=0.03),
            {},
            "of the share of synthetic records nearest to train exceeds its limit; about 967 ",
        ),
        (clear, {"a": Share(value=0.57, error=0.0135)}, "of a class nearest to train exceeds its limit; about "),
    ):
        found = [finding(clear, encoder="characters"), finding(share, classes)]
        result = _judge(found, parts, arms(parts), 0.95)
        assert result.verdict == "insufficient"
        assert said in result.reason
        needed, there = (int(word) for word in re.findall(r"\b(\d+)(?= independent|, from)", result.reason))
        assert needed >= 2 * there


def test_significant_difference_within_the_wide_margin_is_no_pass(town):
    parts = holdout(town)
    verdicts = {}
    for value in (0.47, 0.44):
        found = [finding(Share(value=value, error=0.022))]  # 516 independent rows
        result = _judge(found, parts, arms(parts), 0.95)
        verdicts[value] = result.verdict
    assert verdicts == {0.47: "pass", 0.44: "insufficient"}
    assert f"about {MARGINS[0][0]} independent records are needed for a verdict" in result.reason
