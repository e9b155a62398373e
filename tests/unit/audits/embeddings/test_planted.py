from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, Estimate
from audits.embeddings.planted import confirmed, plant
from audits.runner.registry import BY_SIMILARITY, build

RNG = np.random.default_rng


def result_of(verdict):
    area = Estimate(value=0.5, low=0.49, high=0.51, confidence=0.95, n=9)
    fields = {"name": "x", "status": "measured", "direction": "two_sided", "reason": "unchanged"}
    return AuditResult(verdict=verdict, estimate=area, **fields)


@pytest.fixture(scope="module")
def town(people):
    sizes = {"train": 430, "control": 540, "synthetic": 380}
    return AuditInputs(**{n: people(k, seed=i + 70, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())})


@pytest.mark.parametrize("verdict", ["fail", "insufficient"])
def test_only_a_pass_is_checked(town, verdict):
    assert confirmed(result_of(verdict), town, lambda *_: pytest.fail("run again")) == result_of(verdict)


@pytest.mark.parametrize("answer", ["pass", "insufficient", NotMeasurable("too short")])
def test_a_pass_without_finding_the_planted_leak_is_insufficient(town, answer):
    def measure(_inputs, _rng):
        if isinstance(answer, NotMeasurable):
            raise answer
        return result_of(answer)

    found = confirmed(result_of("pass"), town, measure)
    assert found.verdict == "insufficient"
    assert "30 of 300 train persons" in found.reason
    assert found.details["planted"]["found"] is False
    assert confirmed(result_of("pass"), town, lambda *_: result_of("fail")).verdict == "pass"


def test_planted_copies_are_reproducible_and_counted(town):
    (one, n), (again, _) = (plant(town, stream(0, "planted")) for _ in range(2))
    assert one == again
    assert (n, len(set(one.train.groups)), len(one.synthetic)) == (30, 300, 300)
    own = {text: set(text.split()) for text in one.train.texts}
    copied = [s for s in one.synthetic.texts if any(set(s.split()) <= words for words in own.values())]
    assert len(copied) == 30
    longer = sum(len(t.split()) for t in one.train.texts) / 300
    assert 0.7 < sum(len(s.split()) for s in copied) / 30 / longer < 0.95
    assert len(set(one.synthetic.texts) - set(town.synthetic.texts)) == 30


def test_copies_have_the_vectors_and_labels_of_their_source(town):
    labelled = {}
    for i, role in enumerate(("train", "control", "synthetic")):
        table = getattr(town, role)
        labels, vectors = ("a", "b") * (len(table) // 2), np.full((len(table), 3), i, dtype=np.float32)
        labelled[role] = replace(table, labels=labels, vectors={"v": vectors})
    planted, n = plant(AuditInputs(**labelled), RNG(1))
    assert int((planted.synthetic.vectors["v"][:, 0] == 0).sum()) == n  # 0 marks the rows of train
    assert set(planted.synthetic.labels) == {"a", "b"}


@pytest.mark.parametrize("name", sorted(BY_SIMILARITY))
def test_similarity_audits_find_the_planted_leak_in_fresh_people(town, name):
    result = build(name).run(town, RNG(2), 0.95)
    assert result.verdict != "fail"
    if result.verdict == "pass":
        assert result.details["planted"] == {"persons": 30, "of_persons": 300, "words_left_out": 0.2, "found": True}


@pytest.mark.parametrize("name", sorted(BY_SIMILARITY))
def test_similarity_audits_do_not_pass_identical_texts(people, name):
    def same(n, prefix):
        return replace(people(n, seed=9, prefix=prefix, rows=(1, 1)), texts=("nothing to report today at all",) * n)

    inputs = AuditInputs(train=same(450, "t"), control=same(560, "h"), synthetic=same(430, "s"))
    try:
        verdict = build(name).run(inputs, RNG(3), 0.95).verdict
    except NotMeasurable:
        verdict = "insufficient"
    assert verdict != "pass"
