"""Measurements of canaries: scores, copies, exposure, families and repeats."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.canaries import kinds
from audits.attacks.canaries.kinds import make_canaries
from audits.attacks.canaries.measurements import (
    Kinds,
    auc_by_family,
    auc_by_repeats,
    canary_exposures,
    canary_kinds,
    count_copies,
    ending_reproduced,
    exposure_bits,
    exposure_details,
    persons_of,
    rank_within_kinds,
    score_canaries,
    scores_of,
)
from audits.core.errors import InputError
from audits.core.holdout import Arms
from audits.core.types import AuditInputs, Canaries, Table, persons

RNG = np.random.default_rng


def arms_of(is_in):
    return Arms(
        row_person=np.arange(len(is_in)),
        is_train=is_in,
        person_class=np.arange(len(is_in)) % 3,
        synthetic_class=np.zeros(4, dtype=np.int64),
        n_classes=3,
    )


@pytest.fixture(scope="module")
def tables(people):
    numbers = {"train": 30, "control": 28, "reference": 50, "synthetic": 33, "canary_build": 35}
    return {name: people(n, seed=i, prefix=name[0]) for i, (name, n) in enumerate(numbers.items())}


@pytest.fixture(scope="module")
def canaries(tables):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "REPEATS", (1, 3))
        made = make_canaries(tables["train"], tables["reference"], 64, RNG(0))
    fields = {name: getattr(made, name) for name in ("table", "family", "inserted", "suffixes")}
    return Canaries(**fields, canary_build=tables["canary_build"])


def inputs_of(tables, **changed):
    return AuditInputs(**{name: tables[name] for name in ("train", "control", "synthetic")} | changed)


def persons_rows(canaries, inserted):
    person = persons(canaries.table.groups)[1]
    return [np.flatnonzero(person == p) for p in np.flatnonzero(canaries.inserted == inserted)]


def test_no_copies_in_unrelated_tables(canaries, tables):
    copies = count_copies(canaries, inputs_of(tables), tables["reference"])
    assert not any(getattr(copies, name) for name in copies.__slots__)


def test_reproduced_endings_are_counted_by_person_and_table(canaries, tables, retexted):
    texts = canaries.table.texts
    inserted, omitted = persons_rows(canaries, True), persons_rows(canaries, False)
    many = next(rows for rows in inserted if len(rows) == 3)
    once = [rows for rows in inserted if len(rows) == 1]
    seen = [*(texts[i] for i in many), f"so {texts[once[0][0]]} and more"]
    canary_build = retexted(tables["canary_build"], [*tables["canary_build"].texts, *seen])
    copied = [texts[rows[0]] for rows in (once[0], once[1], omitted[0])]
    released = retexted(tables["synthetic"], [*copied, *tables["synthetic"].texts])
    built = replace(canaries, canary_build=canary_build)
    copies = count_copies(built, inputs_of(tables, synthetic=released), tables["reference"])
    assert (copies.in_canary_build, copies.in_release, copies.reproduced, copies.left_out) == (2, 2, 3, 1)


def test_rows_of_the_canary_build_in_the_release_are_counted_unless_in_control(canaries, tables, retexted):
    canary_build = tables["canary_build"]
    of_control = tables["control"].texts[2]
    own = replace(canaries, canary_build=retexted(canary_build, [*canary_build.texts, of_control]))
    copied = [canary_build.texts[0].upper(), f" {canary_build.texts[5]}\n", of_control]
    released = retexted(canary_build, [*copied, *tables["synthetic"].texts])
    assert count_copies(own, inputs_of(tables, synthetic=released), tables["reference"]).canary_build_rows == 2


def test_canaries_in_the_data_of_the_release_are_counted(canaries, tables, retexted):
    train = retexted(tables["train"], [*tables["train"].texts, *canaries.table.texts[:5]])
    assert count_copies(canaries, inputs_of(tables, train=train), tables["reference"]).in_train == 5


def test_persons_are_in_the_order_of_the_scores(canaries):
    kinds = canary_kinds(canaries)
    assert kinds.rows.tolist() == [len(r) for side in (True, False) for r in persons_rows(canaries, side)]
    of_inserted = [f for f, is_in in zip(canaries.family, canaries.inserted, strict=True) if is_in]
    assert kinds.family[: len(of_inserted)].tolist() == of_inserted


@given(st.lists(st.tuples(st.sampled_from("pq"), st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=40))
def test_ranks_are_those_among_persons_of_the_same_kind(drawn):
    family, rows, score = (np.array(column) for column in zip(*drawn, strict=True))
    ranked = rank_within_kinds({"a": score.astype(float)}, Kinds(family=family, rows=rows))["a"]
    for i, (f, r, s) in enumerate(drawn):
        peers = [other for g, q, other in drawn if (g, q) == (f, r)]
        assert ranked[i] == pytest.approx((sum(o < s for o in peers) + sum(o == s for o in peers) / 2) / len(peers))


def test_score_that_only_separates_kinds_has_equal_ranks():
    family, rows = np.array(["p", "q"] * 30), np.array([1, 1, 4] * 20)
    ranked = rank_within_kinds({"a": (family == "p") + 2.0 * rows}, Kinds(family=family, rows=rows))["a"]
    assert ranked == pytest.approx(np.full(60, 0.5))


def test_families_are_counted_with_their_auc():
    family, is_in = np.array(["p"] * 7 + ["q"] * 5), np.array([True, False] * 6)
    pooled = np.where(family == "p", is_in, ~is_in).astype(float)
    assert auc_by_family(family, is_in, pooled) == {
        "p": {"inserted": 4, "left_out": 3, "auc": 1.0},
        "q": {"inserted": 2, "left_out": 3, "auc": 0.0},
    }


def test_an_arm_without_persons_has_no_auc():
    found = auc_by_family(np.array(["p", "q"]), np.array([True, True]), np.zeros(2))
    assert all(one["auc"] is None and one["left_out"] == 0 for one in found.values())


def test_repeats_are_measured_separately_with_enough_persons(tables):
    rng = RNG(3)
    rows = np.array([1] * 50 + [2] * 120 + [9] * 30)
    is_in = rng.random(200) < 0.5
    scores = {"a": np.where(rows == 2, is_in, rng.random(200)).astype(float), "b": rng.random(200)}
    found = auc_by_repeats(scores, arms_of(is_in), rows, tables["train"], rng)
    assert set(found) == {"2"}
    assert found["2"]["as_in_train"]
    assert not auc_by_repeats(scores, arms_of(is_in), rows * 3, tables["train"], rng)["6"]["as_in_train"]
    assert found["2"]["auc"] > 0.95 < found["2"]["auc_low"] + 0.1
    assert found["2"]["group_epsilon_lower_bound"] > 1
    assert found["2"]["inserted"] == int(is_in[rows == 2].sum())


def test_selected_persons_keep_scores_and_coins():
    is_in, some = np.array([True, True, False, False, False]), np.array([False, True, True, False, True])
    assert scores_of({"a": np.arange(5.0)}, some)["a"].tolist() == [1, 2, 4]
    chosen = persons_of(arms_of(is_in), some)
    assert (chosen.is_train.tolist(), chosen.person_class.tolist()) == ([True, False, False], [1, 2, 1])
    assert len(chosen.row_person) == 3


def test_exposure_is_of_random_endings_only_and_by_arm(canaries, tables, retexted):
    first = np.unique(persons(canaries.table.groups)[1], return_index=True)[1]
    of_suffix = [p for p, family in enumerate(canaries.family) if family == "suffix"]
    copied = next(p for p in of_suffix if canaries.inserted[p])
    texts = [*tables["canary_build"].texts, canaries.table.texts[first[copied]]]
    canary_build = retexted(tables["canary_build"], texts)
    bits = canary_exposures(replace(canaries, canary_build=canary_build), tables["reference"])
    n_inserted = sum(canaries.inserted[p] for p in of_suffix)
    assert [len(b) for b in bits] == [n_inserted, len(of_suffix) - n_inserted]
    details = exposure_details(bits, len(canaries.suffixes))
    assert details["inserted"]["max"] == pytest.approx(details["most_possible"]) == pytest.approx(np.log2(10_001))
    assert details["left_out"]["max"] < 10


def test_exposure_needs_suffixes_and_both_arms(canaries, tables):
    assert canary_exposures(replace(canaries, suffixes=()), tables["reference"]) is None
    assert canary_exposures(replace(canaries, inserted=np.ones(64, dtype=bool)), tables["reference"]) is None
    assert exposure_details(None, 0)["inserted"] is None


def test_scores_are_of_inserted_persons_first_and_of_the_highest_row(people):
    canary_build, reference = people(90, seed=1, prefix="s"), people(60, seed=2, prefix="r")
    written = people(40, seed=3, prefix="c", rows=(2, 2))
    inserted = RNG(5).random(40) < 0.5
    table = Table(
        texts=(*written.texts[:-1], canary_build.texts[4]), labels=None, groups=written.groups, has_groups=True
    )
    canaries = Canaries(table=table, family=("other",) * 40, inserted=inserted, canary_build=canary_build)
    scores, arms = score_canaries(canaries, canary_build, reference, RNG(0))
    assert arms.is_train.tolist() == sorted(inserted.tolist(), reverse=True)
    order = [*np.flatnonzero(inserted), *np.flatnonzero(~inserted)]
    assert order[int(np.argmax(scores["containment"]))] == 39
    assert scores["containment"].max() == 1.0
    again, _ = score_canaries(canaries, canary_build, reference, RNG(0))
    assert all((scores[name] == again[name]).all() for name in scores)


ENDING = "one two three four five six seven eight"


@pytest.mark.parametrize(
    ("synthetic", "reference", "reproduced"),
    [
        (f"before {ENDING} after", "", True),
        ("ONE, two;\nthree four five - six seven EIGHT!", "", True),
        (ENDING, f"as everybody says {ENDING}", False),
        ("two three four five six seven eight", "", False),
        ("one two three four and five six seven eight", "", False),
    ],
)
def test_ending_is_reproduced_only_as_a_whole(synthetic, reference, reproduced):
    found = ending_reproduced([f"some beginning {ENDING}"], ["something else", synthetic], [reference, "else"])
    assert found.tolist() == [reproduced]


def test_text_of_seven_words_is_not_reproduced():
    seven = "two three four five six seven eight"
    assert ending_reproduced([seven, ENDING], [ENDING], ["x"]).tolist() == [False, True]
    assert ending_reproduced(["too short"], [ENDING], ["x"]).tolist() == [False]


texts = st.lists(
    st.lists(st.sampled_from(["aa", "bb"]), min_size=1, max_size=16).map(" ".join), min_size=1, max_size=5
)


@given(texts, texts, texts)
def test_ending_reproduced_equals_slow_search(mine, synthetic, reference):
    def holds(table, ending):
        return any(f" {ending} " in f" {text} " for text in table)

    slow = [
        len(text.split()) >= 8
        and holds(synthetic, ending := " ".join(text.split()[-8:]))
        and not holds(reference, ending)
        for text in mine
    ]
    assert ending_reproduced(mine, synthetic, reference).tolist() == slow


@pytest.fixture(scope="module")
def suffixes():
    rng = np.random.default_rng(1)
    return [" ".join(f"w{i}" for i in rng.integers(300, size=8)) for _ in range(10_000)]


def written(n, seed):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(300, size=40)) for _ in range(n)]


def test_exposure_of_a_reproduced_and_of_unseen_endings(suffixes):
    endings, synthetic = written(400, 2), written(30, 3)
    endings = [" ".join(text.split()[:8]) for text in endings]
    bits = exposure_bits(endings, suffixes, [*synthetic, f"w3 {endings[7]} w9"], written(50, 4))
    assert bits[7] == pytest.approx(math.log2(10_001))
    others = np.delete(bits, 7)
    assert others.mean() == pytest.approx(math.log2(math.e), abs=4 * others.std() / 20)
    assert others.min() >= 0


def test_equal_scores_have_the_middle_rank():
    bits = exposure_bits(["q q q q q q q q"], ["z z z z z z z z"] * 10_000, ["a b c d"], ["e f g h"])
    assert bits[0] == pytest.approx(math.log2(10_001) - math.log2(5_001))


def test_too_few_suffixes_are_refused(suffixes):
    with pytest.raises(InputError, match="requires 10000 suffixes \\(random endings\\), but there are 9999"):
        exposure_bits([ENDING], suffixes[1:], ["a"], ["b"])
