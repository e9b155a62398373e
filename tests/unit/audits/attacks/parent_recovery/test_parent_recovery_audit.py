"""The parent recovery audit: releases that fail, releases that pass, and cases with too little evidence."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.parent_recovery.parent_recovery_audit import ParentRecovery
from audits.core.errors import InputError, NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.types import AuditInputs, Lineage
from audits.embeddings.encoders import encode_words
from audits.embeddings.similarity import highest

RNG = np.random.default_rng


def run(synthetic, train, control, lineage=None, seed=0):
    inputs = AuditInputs(synthetic=synthetic, train=train, control=control, lineage=lineage)
    return ParentRecovery().run(inputs, RNG(seed), 0.95)


def mixed(texts, p, m, seed=5):
    """Return texts made of one run of words of each of p parents, and the parents."""
    rng, made, of_row = RNG(seed), [], []
    for _ in range(m):
        parents = rng.choice(len(texts), size=p, replace=False)
        runs = []
        for words in (texts[i].split() for i in parents):
            n = max(1, len(words) // p)
            start = rng.integers(len(words) - n + 1)
            runs += words[start : start + n]
        made.append(" ".join(runs))
        of_row.append(tuple(parents.tolist()))
    return made, of_row


def evenly(of_row):
    return Lineage(parents=tuple(of_row), weights=tuple((1 / len(row),) * len(row) for row in of_row))


def random_lineage(m, p, n_train, seed=3):
    return evenly([tuple(RNG(seed + i).choice(n_train, size=p, replace=False).tolist()) for i in range(m)])


def tables(people, *sizes, seed=0):
    made = [
        people(n, seed=seed + i, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate(zip(sizes, "ths", strict=True))
    ]
    return dict(zip(("train", "control", "fresh"), made, strict=True))


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict."""
    return tables(people, 480, 600, 900)


@pytest.fixture(scope="module")
def village(people):
    """Return few people, for quick measurements."""
    return tables(people, 90, 110, 70)


def test_fresh_persons_pass_with_full_details(town):
    result = run(town["fresh"], town["train"], town["control"])
    assert (result.verdict, result.status, result.direction) == ("pass", "measured", "two_sided")
    assert result.threshold[0] <= result.estimate.low < 0.5 < result.estimate.high <= result.threshold[1]
    assert set(result.details["encoders"]) == {"words", "characters"}
    assert set(result.metrics) == {"train_share", "first_share", "both_excess", "scan_p", "lineage", "margin"}
    assert result.metrics["lineage"].value == 0
    power = result.details["power"]
    assert power["n"] >= result.estimate.n
    assert power["epsilon_ceiling"] is None
    assert 0.03 <= power["smallest_leak"] <= 0.1
    assert power["n_needed"] > 1717
    assert result.details["lineage"] is None


def test_records_with_hidden_parents_fail_by_their_texts(town, retexted):
    made, _ = mixed(town["train"].texts, 2, 800)
    synthetic = retexted(town["fresh"], made)
    hidden = Lineage(parents=((),) * len(made), weights=((),) * len(made))
    told = run(synthetic, town["train"], town["control"], lineage=hidden)
    assert told.verdict == "fail"
    assert told.metrics["records_with_parents"].value == 0
    assert told.metrics["lineage"].value == 1


@pytest.mark.parametrize("p", [2, 5])
def test_mixed_train_texts_fail_and_their_parents_are_found(town, retexted, p):
    texts, of_row = mixed(town["train"].texts, p, 700)
    synthetic = retexted(town["fresh"], texts)
    if p == 2:
        assert run(synthetic, town["train"], town["control"]).verdict == "fail"  # also without a lineage
    result = run(synthetic, town["train"], town["control"], evenly(of_row))
    assert result.verdict == "fail"
    assert result.metrics["train_share"].value > 0.95
    assert result.metrics["both_excess"].value > 0.6
    assert result.metrics["parent_recall"].low > 0.9
    assert result.metrics["parent_recall_ratio"].low > 20
    assert result.metrics["max_weight"].value == pytest.approx(1 / p)
    assert (result.metrics["records_with_parents"].value, result.metrics["records_with_parents"].n) == (700, 700)
    assert "true parents are found more than 3 times" in result.reason


def test_one_parent_with_small_edits_fails(town, retexted, word_dropout):
    synthetic = retexted(town["train"], word_dropout(town["train"].texts, 0.05))
    result = run(synthetic, town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["first_share"].low > 0.9


@pytest.fixture(scope="module")
def vectors(town):
    """Return the tables of `town` with vectors near a common subspace."""
    axes = RNG(9).normal(size=(12, 40))

    def encoded(name, seed):
        n = len(town[name])
        rows = RNG(seed).normal(size=(n, 12)) @ axes + 0.1 * RNG(seed + 1).normal(size=(n, 40))
        return replace(town[name], vectors={"own": rows.astype(np.float32)})

    return {name: encoded(name, seed) for name, seed in (("train", 20), ("control", 30), ("fresh", 40))}


def smote(train, m, noise, *, low=0.0):
    """Return points between a row and one of its five nearest rows, and their lineage."""
    rng = RNG(1)
    near = np.argsort(np.linalg.norm(train[:, None] - train[None], axis=2), axis=1)[:, 1:6]
    i, which = rng.integers(len(train), size=m), rng.integers(5, size=m)
    j, weight = near[i, which], rng.uniform(low, 1 - low, size=m)
    points = train[i] + weight[:, None] * (train[j] - train[i])
    points += noise * np.linalg.norm(train[j] - train[i], axis=1)[:, None] * RNG(2).normal(size=points.shape) / 6.3
    of_row = tuple(zip(i.tolist(), j.tolist(), strict=True))
    weights = tuple(zip((1 - weight).tolist(), weight.tolist(), strict=True))
    return points.astype(np.float32), Lineage(parents=of_row, weights=weights)


def test_vectors_of_fresh_people_pass(vectors):
    result = run(*vectors_of(vectors, vectors["fresh"].vectors["own"]))
    assert result.verdict == "pass"
    assert result.metrics["vectors_between_train"].value == 0
    assert result.details["encoders"].keys() == {"words", "characters", "vectors:own"}


def vectors_of(vectors, points):
    return replace(vectors["fresh"], vectors={"own": points}), vectors["train"], vectors["control"]


def test_noise_hides_vectors_from_the_exact_attack_only(vectors):
    points, _ = smote(vectors["train"].vectors["own"], 900, noise=1.0)
    result = run(*vectors_of(vectors, points))
    assert result.metrics["vectors_between_train"].value == 0
    assert result.verdict == "fail"
    assert result.details["encoders"]["vectors:own"]["train_share"] > 0.6


def test_few_interpolated_vectors_fail(vectors):
    points = vectors["fresh"].vectors["own"].copy()
    points[:3] = smote(vectors["train"].vectors["own"], 3, 0.0, low=0.2)[0]
    result = run(*vectors_of(vectors, points))
    assert result.verdict == "fail"
    assert result.reason.endswith("mixed from: synthetic vectors lie exactly between the vectors of two train rows.")


def test_fresh_or_mixed_persons_of_neither_arm_pass(town, retexted):
    synthetic = retexted(town["fresh"], mixed(town["fresh"].texts, 2, 800)[0])
    assert run(synthetic, town["train"], town["control"]).verdict == "pass"
    result = run(town["fresh"], town["train"], town["control"], random_lineage(900, 5, 480))
    assert result.verdict == "pass"
    assert result.metrics["parent_recall_ratio"].low < 3
    assert result.metrics["min_effective_parents"].value == pytest.approx(5)
    assert result.details["lineage"]["records_with_parents"] == 900


@pytest.mark.parametrize(
    ("weights", "fails"),
    [((0.7, 0.3), False), ((0.78, 0.22), False), ((0.79, 0.21), True), ((0.95, 0.05), True), ((1.0, 0.0), True)],
)
def test_record_made_mostly_by_one_person_fails(village, weights, fails):
    lineage = random_lineage(70, 2, 90)
    lineage = replace(lineage, weights=((0.5, 0.5),) * 69 + (weights,))
    result = run(village["fresh"], village["train"], village["control"], lineage)
    assert result.metrics["max_weight"].value == max(weights)
    assert (result.verdict == "fail") == fails
    assert ("1 records are mostly made from one person" in result.reason) == fails


def test_two_records_of_one_person_are_one_parent(village):
    train = replace(village["train"], groups=("t0", "t0", *village["train"].groups[2:]))
    lineage = evenly([(0, 1), *random_lineage(69, 2, 90).parents])
    result = run(village["fresh"], train, village["control"], lineage)
    assert result.verdict == "fail"
    assert result.metrics["min_row_persons"].value == 1
    assert "mostly made from one person" in result.reason


def test_class_of_ten_persons_fails_and_parentless_rows_are_counted(village):
    result = run(village["fresh"], village["train"], village["control"], random_lineage(70, 2, 10))
    assert result.verdict == "fail"
    assert "1 classes are made from fewer than 11 persons" in result.reason
    assert result.metrics["min_class_persons"].value == 10
    empty = Lineage(parents=((),) * 70, weights=((),) * 70)
    result = run(village["fresh"], village["train"], village["control"], empty)
    assert result.verdict != "fail"
    assert result.details["lineage"]["parentless_records"] == 70
    assert not {"max_weight", "parent_recall"} & set(result.metrics)


def test_dropping_the_records_nearest_to_train_fails(people):
    train, control, fresh = tables(people, 800, 1000, 1300).values()
    parts = HoldoutTables(synthetic=fresh, train=train, control=control, reference=fresh, reference_is_control=False)
    encoded = encode_words(parts)
    kept = np.argsort(highest(encoded.synthetic, encoded.train, 1)[:, 0])[:1170].tolist()
    texts, groups = (tuple(column[i] for i in kept) for column in (fresh.texts, fresh.groups))
    result = run(replace(fresh, texts=texts, groups=groups), train, control)
    assert result.verdict == "fail"
    assert "among the persons whose records are most similar to a synthetic record" in result.reason
    found = result.details["encoders"]["words"]
    assert found["scan_train_in_cut"] < 0.4 * found["scan_cut"]


def test_few_parents_among_fresh_persons_fail_by_the_scan(town, retexted):
    texts, _ = mixed(town["train"].texts, 2, 25)
    result = run(retexted(town["fresh"], [*texts, *town["fresh"].texts[25:]]), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["scan_p"].value < 0.001


def test_too_few_persons_are_insufficient_and_the_required_number_is_stated(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert "instead of at least 155" in result.reason
    assert "control persons would be enough" in result.reason
    with pytest.raises(NotMeasurable, match="too few to compare"):
        run(*(people(12, seed=i, prefix=p) for i, p in enumerate("sth")))


def test_result_is_reproducible_without_texts_or_names_and_misfitting_lineages_are_rejected(town, village):
    written = "zzyzx quxquux"
    small = {k: replace(t, texts=t.texts[:90], groups=t.groups[:90]) for k, t in town.items()}
    texts, groups = small["train"].texts[1:], small["train"].groups[1:]
    train = replace(small["train"], texts=(written, *texts), groups=("Zarathustra", *groups))
    once, again = (run(train, train, small["control"], random_lineage(90, 2, 90), seed=4) for _ in range(2))
    assert once == again
    assert once.verdict == "fail"
    assert not any(word in repr(once) for word in (*written.split(), "Zarathustra"))
    with pytest.raises(InputError, match="the lineage cannot be used"):
        run(village["fresh"], village["train"], village["control"], random_lineage(69, 2, 90))
    with pytest.raises(InputError, match="70 problems"):
        run(village["fresh"], village["train"], village["control"], evenly([(90, 91)] * 70))
