from collections import Counter

import numpy as np
import pytest

from synthgen.core.types import Corpus, Record
from synthgen.plan import sample
from synthgen.plan.plan import make_plan
from synthgen.plan.sample import SMALL_CLASS, of_chosen_persons


def corpus(n_persons, n_small):
    """Return a corpus with two records of each person, and a further record of a small class for some persons."""
    labels = [("a", "b", *(("small",) if person < n_small else ())) for person in range(n_persons)]
    records = [(f"p{person}", label) for person, given in enumerate(labels) for label in given]
    return Corpus(
        role="train",
        records=tuple(Record(id=f"r{i}", text="t", label=y, group=p) for i, (p, y) in enumerate(records)),
        has_groups=True,
    )


def test_the_sample_has_all_records_of_a_share_of_the_persons():
    whole = corpus(2000, 0)
    part = of_chosen_persons(whole, 0.1, np.random.default_rng(1))
    assert 150 < len(part) / 2 < 250
    assert set(Counter(record.group for record in part.records).values()) == {2}
    ids = [record.id for record in whole.records]
    assert [record.id for record in part.records] == [i for i in ids if i in {r.id for r in part.records}]


@pytest.mark.parametrize(("n_small", "is_whole"), [(SMALL_CLASS, True), (SMALL_CLASS + 1, False)])
def test_a_small_class_stays_whole(n_small, is_whole):
    part = of_chosen_persons(corpus(1500, n_small), 0.1, np.random.default_rng(2))
    assert (part.counts()["small"] == n_small) == is_whole


def test_the_pilot_of_a_large_source_reads_a_sample_and_predicts_the_whole_run(project, monkeypatch):
    monkeypatch.setattr(sample, "MOST_RECORDS", 48)
    monkeypatch.setattr(sample, "SMALL_CLASS", 5)
    plan = make_plan(project.config(), pilot=True)
    found = plan.pilot
    assert found is not None, plan.problems
    n_source = sum(plan.train.values()) + sum(plan.control.values())
    assert (found.n_source, found.n_read < n_source) == (n_source, True)
    assert f"a random sample of {found.n_read} of {n_source} records" in plan.to_text()
    times = {stage.name: stage for stage in found.stages}
    assert times["load"].done > 0
    assert (times["deidentify"].done, times["embed"].done) == (0, 0)
    assert times["embed"].rest > 0
