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


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict."""
    tables = [
        people(n, seed=i, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(480, "t"), (600, "h"), (900, "s")])
    ]
    return dict(zip(("train", "control", "fresh"), tables, strict=True))


@pytest.fixture(scope="module")
def village(people):
    """Return people enough to be measured, and quickly."""
    tables = [people(n, seed=i, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(90, "t"), (110, "h"), (70, "s")])]
    return dict(zip(("train", "control", "fresh"), tables, strict=True))


def test_fresh_people_pass_and_the_report_says_what_was_looked_at(town):
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


def test_rows_that_hide_their_parents_are_found_by_their_texts(town, retexted):
    made, of_row = mixed(town["train"].texts, 2, 800)
    synthetic = retexted(town["fresh"], made)
    hidden = Lineage(parents=((),) * len(made), weights=((),) * len(made))
    told = run(synthetic, town["train"], town["control"], lineage=hidden)
    assert told.verdict == "fail"
    assert told.metrics["records_with_parents"].value == 0
    assert told.metrics["lineage"].value == 1
    honest = run(synthetic, town["train"], town["control"], lineage=evenly(of_row))
    assert (honest.metrics["records_with_parents"].value, honest.metrics["records_with_parents"].n) == (800, 800)


def test_rows_mixed_of_people_who_are_in_neither_arm_pass(town, retexted):
    synthetic = retexted(town["fresh"], mixed(town["fresh"].texts, 2, 800)[0])
    assert run(synthetic, town["train"], town["control"]).verdict == "pass"


@pytest.mark.parametrize("p", [2, 5])
def test_chunks_of_train_people_fail_and_their_parents_are_named(town, retexted, p):
    texts, of_row = mixed(town["train"].texts, p, 700)
    result = run(retexted(town["fresh"], texts), town["train"], town["control"], evenly(of_row))
    assert result.verdict == "fail"
    assert result.metrics["train_share"].value > 0.95
    assert result.metrics["both_excess"].value > 0.6
    assert result.metrics["parent_recall"].low > 0.9
    assert result.metrics["parent_recall_ratio"].low > 20
    assert result.metrics["max_weight"].value == pytest.approx(1 / p)
    assert "how often true parents are found" in result.reason


def test_chunks_fail_without_a_lineage_as_well(town, retexted):
    synthetic = retexted(town["fresh"], mixed(town["train"].texts, 2, 700)[0])
    assert run(synthetic, town["train"], town["control"]).verdict == "fail"


def test_one_parent_with_small_edits_fails(town, retexted, word_dropout):
    synthetic = retexted(town["train"], word_dropout(town["train"].texts, 0.05))
    result = run(synthetic, town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["first_share"].low > 0.9


@pytest.fixture(scope="module")
def vectors(town):
    """Return the town with a matrix for each table, near a common subspace."""
    axes = RNG(9).normal(size=(12, 40))

    def encoded(name, seed):
        n = len(town[name])
        rows = RNG(seed).normal(size=(n, 12)) @ axes + 0.1 * RNG(seed + 1).normal(size=(n, 40))
        return replace(town[name], vectors={"own": rows.astype(np.float32)})

    return {name: encoded(name, seed) for name, seed in (("train", 20), ("control", 30), ("fresh", 40))}


def smote(train, m, noise, *, low=0.0):
    """Return points between rows of a matrix and one of their five nearest, and the ledger."""
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


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_noise_hides_interpolated_vectors_from_the_exact_attack_and_not_from_the_tolerant_one(vectors, noise):
    points, _ = smote(vectors["train"].vectors["own"], 900, noise)
    result = run(*vectors_of(vectors, points))
    assert result.metrics["vectors_between_train"].value == 0
    assert result.verdict == "fail"
    assert result.details["encoders"]["vectors:own"]["train_share"] > 0.6


def test_a_handful_of_interpolated_vectors_is_a_hard_failure(vectors):
    points = vectors["fresh"].vectors["own"].copy()
    points[:3] = smote(vectors["train"].vectors["own"], 3, 0.0, low=0.2)[0]
    result = run(*vectors_of(vectors, points))
    assert result.verdict == "fail"
    assert (
        result.reason == "Synthetic records reveal the persons they were mixed from: "
        "points of the vectors lie exactly between two train rows."
    )


def test_a_fresh_table_with_a_lineage_of_five_parents_passes(town):
    result = run(town["fresh"], town["train"], town["control"], random_lineage(900, 5, 480))
    assert result.verdict == "pass"
    assert result.metrics["parent_recall_ratio"].low < 3
    assert result.metrics["min_effective_parents"].value == pytest.approx(5)
    assert result.details["lineage"]["records_with_parents"] == 900


@pytest.mark.parametrize(
    ("weights", "fails"),
    [((0.7, 0.3), False), ((0.78, 0.22), False), ((0.79, 0.21), True), ((0.95, 0.05), True), ((1.0, 0.0), True)],
)
def test_a_row_that_one_person_nearly_makes_alone_fails_by_the_lineage(village, weights, fails):
    lineage = random_lineage(70, 2, 90)
    lineage = replace(lineage, weights=((0.5, 0.5),) * 69 + (weights,))
    result = run(village["fresh"], village["train"], village["control"], lineage)
    assert result.metrics["max_weight"].value == max(weights)
    assert (result.verdict == "fail") == fails
    assert ("1 records are made by one person alone" in result.reason) == fails


def test_two_notes_of_one_person_are_one_parent(village):
    train = replace(village["train"], groups=("t0", "t0", *village["train"].groups[2:]))
    lineage = evenly([(0, 1), *random_lineage(69, 2, 90).parents])
    result = run(village["fresh"], train, village["control"], lineage)
    assert result.verdict == "fail"
    assert result.metrics["min_row_persons"].value == 1
    assert "one person alone" in result.reason


def test_a_class_made_from_ten_people_fails(village):
    result = run(village["fresh"], village["train"], village["control"], random_lineage(70, 2, 10))
    assert result.verdict == "fail"
    assert "1 classes are made from fewer than 11 persons" in result.reason
    assert result.metrics["min_class_persons"].value == 10


def test_parentless_rows_are_counted_and_nothing_is_said_of_them(village):
    empty = Lineage(parents=((),) * 70, weights=((),) * 70)
    result = run(village["fresh"], village["train"], village["control"], empty)
    assert result.verdict != "fail"
    assert result.details["lineage"]["parentless_records"] == 70
    assert not {"max_weight", "parent_recall"} & set(result.metrics)


@pytest.mark.parametrize("seed", [0, 100, 200])
def test_dropping_the_tenth_that_resembles_train_most_fails_by_absence(people, seed):
    train, control, fresh = (
        people(n, seed=seed + i, prefix=p, rows=(1, 1))
        for i, (n, p) in enumerate([(800, "t"), (1000, "h"), (1300, "s")])
    )
    parts = HoldoutTables(synthetic=fresh, train=train, control=control, reference=fresh, reference_is_control=False)
    encoded = encode_words(parts)
    kept = np.argsort(highest(encoded.synthetic, encoded.train, 1)[:, 0])[:1170].tolist()
    texts, groups = (tuple(column[i] for i in kept) for column in (fresh.texts, fresh.groups))
    result = run(replace(fresh, texts=texts, groups=groups), train, control)
    assert result.verdict == "fail"
    assert "the persons most closely approached" in result.reason
    found = result.details["encoders"]["words"]
    assert found["scan_train_in_cut"] < 0.4 * found["scan_cut"]


def test_a_dozen_parents_among_fresh_people_fail_by_the_scan(town, retexted):
    texts, _ = mixed(town["train"].texts, 2, 25)
    result = run(retexted(town["fresh"], [*texts, *town["fresh"].texts[25:]]), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["scan_p"].value < 0.001


def test_sixty_people_are_too_few_and_a_number_that_would_do_is_named(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert "at least 155 are required" in result.reason
    assert "control persons would be enough" in result.reason


def test_a_handful_of_people_is_not_measurable(people):
    with pytest.raises(NotMeasurable, match="too few to compare"):
        run(*(people(12, seed=i, prefix=p) for i, p in enumerate("sth")))


def test_a_lineage_that_does_not_fit_is_refused(village):
    with pytest.raises(InputError, match="the lineage cannot be used"):
        run(village["fresh"], village["train"], village["control"], random_lineage(69, 2, 90))
    with pytest.raises(InputError, match="70 problems"):
        run(village["fresh"], village["train"], village["control"], evenly([(90, 91)] * 70))


def test_the_same_seed_gives_the_same_result_and_no_text_or_name_is_in_it(town):
    written = "zzyzx quxquux"
    small = {k: replace(t, texts=t.texts[:90], groups=t.groups[:90]) for k, t in town.items()}
    train = replace(
        small["train"], texts=(written, *small["train"].texts[1:]), groups=("Zarathustra", *small["train"].groups[1:])
    )
    once, again = (run(train, train, small["control"], random_lineage(90, 2, 90), seed=4) for _ in range(2))
    assert once == again
    assert once.verdict == "fail"
    assert not any(word in repr(once) for word in (*written.split(), "Zarathustra"))
