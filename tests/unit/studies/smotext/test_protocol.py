from collections import Counter

import numpy as np
import pytest

from studies.smotext.protocol import LABEL_ONLY, WRITING_OF, SmotextProtocol, first_of_class, first_rows
from studies.smotext.text_sets import SOURCES


@pytest.fixture(scope="module")
def plan(small):
    return small.plan()


def test_first_rows_are_the_first_of_each_class_in_order():
    assert first_rows(("a", "b", "a", "c", "b", "a"), {"a": 2, "b": 1}) == [0, 1, 2]
    assert first_rows(("a",), {"a": 3, "b": 1}) == [0]


def test_every_variant_gets_the_same_balanced_number(plan):
    assert plan.counts() == {"car": 7, "cat": 7}
    assert plan.counts(5) == {"car": 3, "cat": 2}
    assert Counter(plan.writing("paraphrase", 0).latents.labels) == plan.counts()
    assert Counter(plan.writing("words", 0).latents.labels) == plan.counts()
    assert Counter(plan.writing(LABEL_ONLY).latents.labels) == plan.counts()
    assert Counter(plan.smote(0).labels) == {"car": 11, "cat": 11}  # 1.5 times, rounded up


def test_spare_vectors_come_after_the_wanted_ones(small, plan):
    without = small.plan(spare=1.0).smote(1)
    few = first_of_class(plan.smote(1), plan.counts())
    assert few.ids == without.ids
    assert (few.vectors == without.vectors).all()


def test_seeds_draw_other_records_and_parents_are_among_them(plan):
    trains = [set(plan.train(seed).ids) for seed in (0, 1)]
    assert trains[0] != trains[1]
    for seed, train in enumerate(trains):
        assert {p for parents in plan.smote(seed).parent_ids for p in parents} <= train


def test_a_paraphrase_is_written_from_the_vector_of_one_record(plan):
    latents, train = plan.writing("paraphrase", 0).latents, plan.train(0)
    row = {name: i for i, name in enumerate(train.ids)}
    for vector, (parent,), label in zip(latents.vectors, latents.parent_ids, latents.labels, strict=True):
        assert (vector == train.vectors[row[parent]]).all()
        assert train.labels[row[parent]] == label


def test_texts_by_the_label_depend_on_no_seed_and_no_record(small, plan):
    assert not np.any(plan.writing(LABEL_ONLY).latents.vectors)
    more = small.plan(seeds=3, real=30).writing(LABEL_ONLY)
    assert more.latents.ids == plan.writing(LABEL_ONLY).latents.ids
    assert str(more.seeds) == str(plan.writing(LABEL_ONLY).seeds)


def test_settings_of_the_writings(plan):
    by_name = {name: plan.writing(name).settings for name in set(WRITING_OF.values()) - {LABEL_ONLY}}
    assert {name: (s.candidates, s.words) for name, s in by_name.items()} == {
        "smote": (2, 0), "words": (1, 4), "paraphrase": (1, 0),
    }  # fmt: skip
    assert by_name["smote"].prompts == {"cat": "cats", "car": "cars"}
    assert by_name["smote"].max_new_tokens == 9


def test_a_set_may_ask_for_fewer_synthetic_records():
    papers, other = SOURCES["newsgroups20"], SOURCES["sst2"]
    assert SmotextProtocol().of(papers) == SmotextProtocol()
    assert (SmotextProtocol().of(other).synthetic, SmotextProtocol().of(other).sizes) == (1300, (260, 650))
    assert SmotextProtocol(synthetic=400, sizes=(100, 300)).of(other).synthetic == 400
