from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from studies.smotext.protocol import LABEL_ONLY, WRITING_OF, SetDesign, SmotextProtocol, first_of_class, first_rows
from studies.smotext.text_sets import SOURCES


@pytest.fixture(scope="module")
def design(small):
    return small.design()


def test_first_rows_are_the_first_of_each_class_in_order():
    assert first_rows(("a", "b", "a", "c", "b", "a"), {"a": 2, "b": 1}) == [0, 1, 2]
    assert first_rows(("a",), {"a": 3, "b": 1}) == [0]


def test_every_variant_gets_the_same_balanced_number(design):
    assert design.counts() == {"car": 7, "cat": 7}
    assert design.counts(5) == {"car": 3, "cat": 2}
    for name in ("paraphrase", "words", LABEL_ONLY):
        assert Counter(design.writing(name, 0).latents.labels) == design.counts()
    assert Counter(design.smote(0).labels) == {"car": 11, "cat": 11}  # 1.5 times, rounded up


def test_spare_vectors_come_after_the_wanted_ones(small, design):
    without = small.design(spare=1.0).smote(1)
    few = first_of_class(design.smote(1), design.counts())
    assert few.ids == without.ids
    assert (few.vectors == without.vectors).all()


def test_seeds_draw_other_records_and_parents_are_among_them(design):
    trains = [set(design.train(seed).ids) for seed in (0, 1)]
    assert trains[0] != trains[1]
    for seed, train in enumerate(trains):
        assert {p for parents in design.smote(seed).parent_ids for p in parents} <= train


def test_a_paraphrase_is_written_from_the_vector_of_one_record(design):
    latents, train = design.writing("paraphrase", 0).latents, design.train(0)
    row = {name: i for i, name in enumerate(train.ids)}
    for vector, (parent,), label in zip(latents.vectors, latents.parent_ids, latents.labels, strict=True):
        assert (vector == train.vectors[row[parent]]).all()
        assert train.labels[row[parent]] == label


def test_texts_by_the_label_depend_on_no_seed_and_no_record(small, design):
    assert not np.any(design.writing(LABEL_ONLY).latents.vectors)
    more = small.design(seeds=3, real=30).writing(LABEL_ONLY)
    assert more.latents.ids == design.writing(LABEL_ONLY).latents.ids
    assert str(more.request.seeds) == str(design.writing(LABEL_ONLY).request.seeds)


def test_settings_of_the_writings(design):
    by_name = {name: design.request(name).settings for name in set(WRITING_OF.values()) - {LABEL_ONLY}}
    wanted = {"smote": (2, 0), "words": (1, 4), "style": (2, 4), "paraphrase": (1, 0)}
    assert {name: (s.candidates, s.words) for name, s in by_name.items()} == wanted
    assert by_name["smote"].prompts == {"cat": "cats", "car": "cars"}
    assert by_name["smote"].max_new_tokens == 9


def test_a_set_may_have_fewer_synthetic_records():
    papers, other = SOURCES["newsgroups20"], SOURCES["sst2"]
    assert SmotextProtocol().of(papers) == SmotextProtocol()
    assert (SmotextProtocol().of(other).synthetic, SmotextProtocol().of(other).sizes) == (1300, (260, 650))
    assert SmotextProtocol(synthetic=400, sizes=(100, 300)).of(other).synthetic == 400


def test_a_request_needs_no_vector(small, design):
    bare = SetDesign(text_set=design.text_set, protocol=design.protocol)
    for name in sorted(set(WRITING_OF.values())):
        for seed in (0, 1):
            requested, writing = bare.request(name, seed), design.writing(name, seed)  # checks that the latents fit
            assert requested == writing.request
            assert len(requested.ids) == len(writing.latents)
    moved = replace(design, pool=replace(design.pool, vectors=-design.pool.vectors))
    assert moved.request("smote", 1) == design.request("smote", 1)
