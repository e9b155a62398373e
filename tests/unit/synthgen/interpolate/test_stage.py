from types import SimpleNamespace

import numpy as np
import pytest

from synthgen.core.neighbours import indexed
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import Sources, StageContext, StageInput
from synthgen.core.tables import read_latents
from synthgen.interpolate import neighbourhoods
from synthgen.interpolate.config import InterpolateConfig
from synthgen.interpolate.over_sampler import OverSampler
from synthgen.interpolate.stage import INTERPOLATE


@pytest.fixture
def view(embed):
    vectors = np.random.default_rng(2).normal(size=(640, 4))
    x = embed(vectors, ["ant"] * 430 + ["bee"] * 210)
    config = InterpolateConfig(method="borderline-smote", total=1)
    sampler = config.build().fit(x)
    return SimpleNamespace(train=x.ids, draws=lambda _: sampler)


def counts_of(view, folder, requested):
    inputs = {"training_view": view, "counts": requested, "sections": None}
    sources = Sources(
        config=SimpleNamespace(interpolate=None),
        seeds=SeedTree(3),
        progress=None,
        inputs={name: StageInput(value, name) for name, value in inputs.items()},
    )
    return INTERPOLATE.run(StageContext(INTERPOLATE, sources, folder, "interpolate"))


def test_few_rows_are_searched_exactly_without_a_report(view, tmp_path):
    counts = counts_of(view, tmp_path, {"bee": 7})
    assert counts == {"in": 640, "out": 7, "method": "borderline-smote", "requested": {"bee": 7}}
    assert len(read_latents(tmp_path)) == 7


def test_the_counts_state_how_many_rows_were_searched_and_with_which_recall(view, tmp_path, monkeypatch):
    for module in (indexed, neighbourhoods):
        monkeypatch.setattr(module, "INDEXED_ROWS", 420)
    first = counts_of(view, tmp_path, {"ant": 5, "bee": 7})["neighbours"]
    assert [(one["class"], one["engine"], one["rows"], one["k"]) for one in first] == [
        (None, "ivf", 640, 10),
        ("ant", "exact", 430, 5),  # only the few records in danger are searched
    ]
    assert all(0.95 <= one["recall"] <= 1 for one in first)
    assert counts_of(view, tmp_path, {"ant": 9, "bee": 8})["neighbours"] == first


def test_an_over_sampler_states_how_it_searched(monkeypatch):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(700, 5)), np.repeat(["ant", "bee"], [610, 90])
    over = OverSampler("adasyn", random_state=1)
    over.fit_resample(X, y)
    assert over.searches_ == []
    for module in (indexed, neighbourhoods):
        monkeypatch.setattr(module, "INDEXED_ROWS", 500)
    over.fit_resample(X, y)
    assert [(one["class"], one["engine"], one["rows"], one["k"]) for one in over.searches_] == [(None, "ivf", 700, 5)]
