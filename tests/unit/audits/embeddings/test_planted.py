"""An audit that cannot find a planted leak may not pass."""

from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, AuditResult, Estimate
from audits.embeddings.planted import confirmed, plant
from audits.runner.registry import BY_SIMILARITY, build

RNG = np.random.default_rng


def said(verdict):
    area = Estimate(value=0.5, low=0.49, high=0.51, confidence=0.95, n=9)
    return AuditResult(
        name="x",
        verdict=verdict,
        status="measured",
        estimate=area,
        control=None,
        threshold=(0.4, 0.6),
        direction="two_sided",
        reason="as it was",
    )


@pytest.fixture(scope="module")
def town(people):
    sizes = {"train": 430, "control": 540, "synthetic": 380}
    return AuditInputs(**{n: people(k, seed=i + 70, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())})


@pytest.mark.parametrize("verdict", ["fail", "insufficient"])
def test_only_a_pass_is_questioned(town, verdict):
    assert confirmed(said(verdict), town, lambda *_: pytest.fail("asked")) == said(verdict)


@pytest.mark.parametrize("answer", ["pass", "insufficient", NotMeasurable("too short")])
def test_a_pass_of_what_finds_no_planted_leak_is_none(town, answer):
    def measure(_inputs, _rng):
        if isinstance(answer, NotMeasurable):
            raise answer
        return said(answer)

    found = confirmed(said("pass"), town, measure)
    assert found.verdict == "insufficient"
    assert "30 of 300 train persons" in found.reason
    assert found.details["planted"]["found"] is False
    assert confirmed(said("pass"), town, lambda *_: said("fail")).verdict == "pass"


def test_what_is_planted_is_stated_and_the_same_every_time(town):
    (one, n), (again, _) = (plant(town, stream(0, "planted")) for _ in range(2))
    assert one == again
    assert (n, len(set(one.train.groups)), len(one.synthetic)) == (30, 300, 300)
    own = {text: set(text.split()) for text in one.train.texts}
    copied = [s for s in one.synthetic.texts if any(set(s.split()) <= words for words in own.values())]
    assert len(copied) == 30
    longer = sum(len(t.split()) for t in one.train.texts) / 300
    assert 0.7 < sum(len(s.split()) for s in copied) / 30 / longer < 0.95
    assert len(set(one.synthetic.texts) - set(town.synthetic.texts)) == 30


def test_vectors_and_labels_go_with_the_copies(town):
    labelled = {
        name: replace(
            table,
            labels=tuple("ab"[i % 2] for i in range(len(table))),
            vectors={"v": np.full((len(table), 3), i, dtype=np.float32)},
        )
        for i, (name, table) in enumerate((n, getattr(town, n)) for n in ("train", "control", "synthetic"))
    }
    planted, n = plant(AuditInputs(**labelled), RNG(1))
    assert int((planted.synthetic.vectors["v"][:, 0] == 0).sum()) == n  # the rows of train
    assert set(planted.synthetic.labels) == {"a", "b"}


@pytest.mark.parametrize("name", sorted(BY_SIMILARITY))
def test_every_audit_by_similarity_finds_it_in_fresh_people_and_passes(town, name):
    result = build(name).run(town, RNG(2), 0.95)
    assert result.verdict != "fail"
    if result.verdict == "pass":
        assert result.details["planted"] == {"persons": 30, "of_persons": 300, "words_left_out": 0.2, "found": True}


@pytest.mark.parametrize("name", sorted(BY_SIMILARITY))
def test_people_who_all_write_the_same_cannot_be_told_apart_by_any(people, name):
    def same(n, prefix):
        return replace(people(n, seed=9, prefix=prefix, rows=(1, 1)), texts=("nothing to report today at all",) * n)

    inputs = AuditInputs(train=same(450, "t"), control=same(560, "h"), synthetic=same(430, "s"))
    try:
        verdict = build(name).run(inputs, RNG(3), 0.95).verdict
    except NotMeasurable:
        verdict = "insufficient"
    assert verdict != "pass"
