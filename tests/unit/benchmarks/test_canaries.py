import numpy as np
import pytest

from synthgen.dp.noised_sums import Query


@pytest.fixture
def bench(module_at):
    return module_at("benchmarks/canaries.py")


def ward_of(bench, monkeypatch, canaries, dimension):
    monkeypatch.setattr(bench.Ward, "nats", lambda self, shares, rows: np.full(len(rows), shares.sum()))
    return bench.Ward(
        bridge=None,
        styles=(),
        load=None,
        texts=("a",) * canaries,
        prompts=("",) * canaries,
        vectors=np.zeros(0),
        canaries=range(canaries),
        persons=range(0),
        unseen=range(0),
        start=np.zeros(dimension),
    )


def query_of(noise):
    return Query(name="adapt", noise_multiplier=noise, clip=0.5, steps=30, sampling_rate=0.04, normaliser=96.0)


@pytest.mark.parametrize(("noise", "least", "most"), [(1e-6, 1.0, 1.0), (200.0, 0.2, 0.8)])
def test_the_attacks_find_who_is_in_a_sum_without_noise_and_nobody_under_much(bench, monkeypatch, noise, least, most):
    rng, k, d = np.random.default_rng(3), 40, 90
    ward = ward_of(bench, monkeypatch, k, d)
    own = rng.normal(size=(k, d)) / d**0.5 + 2 * rng.normal(size=d)  # what they share is the greater part
    inserted = rng.random(k) < 0.5
    heard = own[inserted].sum(axis=0) + noise * rng.normal(size=d)
    scores = ward.scores(np.ones(d), heard, own, query_of(noise))
    value = bench.auc(scores["apart"][inserted], scores["apart"][~inserted])
    assert least <= value <= most
    assert scores["likelihood"].tolist() == [-d] * k


def test_a_line_tells_each_attack_what_is_proven_and_what_could_be(bench):
    rng, inserted = np.random.default_rng(4), np.arange(200) % 2 == 0
    scores = {"answers": inserted + 0.0, "apart": rng.random(200), "likelihood": rng.random(200)}
    cells = [cell.strip() for cell in bench.row("all", scores, inserted, "4 | 1, 2", rng).strip("|").split("|")]
    assert len(cells) == len(bench.COLUMNS)
    assert cells[1].startswith("1.000 [")
    assert 1 < float(cells[4]) <= float(cells[5])


def test_the_whole_budget_is_the_mechanisms(bench):
    query = bench.mechanism(4.0, 2500, 30, 96)
    assert (query.steps, query.clip, query.normaliser) == (30, bench.CLIP, pytest.approx(96))
    assert query.sampling_rate == pytest.approx(96 / 2500)
    assert bench.mechanism(1.0, 2500, 30, 96).noise_multiplier > query.noise_multiplier > 0.5


def test_the_noise_of_a_step_is_as_long_as_asked_for(bench):
    query = bench.under_noise(0.34, 248, 1000, 30, 16)
    assert query.noise_multiplier / query.normaliser * 248**0.5 == pytest.approx(0.34)
    assert (query.steps, query.clip, query.sampling_rate) == (30, bench.CLIP, pytest.approx(0.016))
    assert 0 < bench.under_noise(0, 248, 1000, 30, 16).noise_multiplier < 1e-5
