import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Record
from synthgen.decode.config import PLAIN
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import style_vote as vote
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noised_sums import Query, exact_sum, private_sum
from synthgen.dp.style_vote import count_votes, decide_style, made_up_votes, preferences, read_votes
from synthgen.pipeline import rounds


def counts(**votes):
    return np.array([votes.get(name.replace("-", "_"), 0.0) for name in built_in_styles()])


def test_the_style_of_most_votes_is_taken_and_near_ones_are_mixed():
    assert decide_style(counts(letter=40, question=15), 128) == (("letter", 1.0),)
    mixed = decide_style(counts(letter=40, question=22, clinical_note=21, clinical_shorthand=20), 128)
    assert mixed == (("letter", 1 / 3), ("question", 1 / 3), ("clinical-note", 1 / 3))
    assert decide_style(counts(letter=31, question=30), 128) == ((PLAIN, 1.0),)


def test_a_text_likeliest_without_a_style_votes_for_none_and_two_gains_share_the_vote():
    nats = np.full((3, len(built_in_styles())), 4.0)
    letter, question, plain = (built_in_styles().index(name) for name in ("letter", "question", PLAIN))
    nats[0, plain] = 3.0
    nats[1, [letter, question]] = 3.7, 3.6
    nats[2, letter] = 1.0
    votes = preferences(nats)
    assert votes[0].sum() == 0
    assert votes[1, [letter, question]] == pytest.approx([0.6, 0.8])
    assert votes[2, letter] == pytest.approx(1)
    assert np.linalg.norm(votes, axis=1) == pytest.approx([0, 1, 1])


def test_votes_change_no_more_than_ten_times_what_nats_do():
    rng = np.random.default_rng(0)
    nats = 4 + rng.normal(size=(200, len(built_in_styles()))) * np.geomspace(1e-7, 1, 200)[:, None]
    other = nats + 1e-6 * rng.normal(size=nats.shape)
    moved = np.linalg.norm(preferences(nats) - preferences(other), axis=1)
    assert (moved <= 40 * np.linalg.norm(nats - other, axis=1)).all()
    assert np.linalg.norm(preferences(nats), axis=1).max() <= 1 + 1e-12


def test_which_record_is_sampled_about_hangs_on_that_person_alone():
    seeds = SeedTree(4)
    records = [Record(id=f"row-{i}", text=f"text {i}", label="a", group="p") for i in range(20)]
    again = [Record(id=f"row-{i + 7}", text=r.text, label=r.label, group=r.group) for i, r in enumerate(records)]
    assert [vote._lot(seeds, r) for r in records] == [vote._lot(seeds, r) for r in again]


def test_noise_alone_decides_for_some_style_and_never_for_none():
    query = Query(name="style", noise_multiplier=50.0)
    for seed in range(20):
        noise = StreamNoise(SeedTree(seed))
        asked = count_votes(np.zeros((5, len(built_in_styles()))), query, lambda rows, q: private_sum(rows, q, noise))  # noqa: B023
        assert 1 <= len(decide_style(asked, 5)) <= 3


def test_an_oversized_vote_is_clipped_to_one():
    votes = made_up_votes(40, np.random.default_rng(0))
    assert votes.max() == 7
    _, largest = exact_sum([votes], 1.0)
    assert largest == pytest.approx(1.0)


def test_about_the_declared_share_of_persons_is_sampled():
    asked = sum(vote._is_sampled(SeedTree(3).child(str(i)), 0.2) for i in range(2000))
    assert 320 < asked < 480


def test_a_vote_for_styles_is_read_of_each_text_by_itself(village_bench, monkeypatch):
    together, read = [], Likelihood._read

    def watched(self, frames, said, soft):
        together.append(len(said))
        return read(self, frames, said, soft)

    monkeypatch.setattr(Likelihood, "_read", watched)
    job = village_bench.job(
        interpolate={"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
        decode={"style": "auto"},
        dp={"epsilon": 2.0, "delta": 4e-6, "persons": 30},
        source={"id": None},
        filter={"class_agreement": None, "language": None, "length": None},
    )
    prepared, _, embedded = village_bench.prepare(job)
    votes = read_votes(job, rounds.open_bridge(job), prepared.train, embedded)
    assert np.abs(votes).max() > 0
    with monkeypatch.context() as patch:
        patch.setattr(vote, "VOTERS", 0)  # as coins may fall
        none = read_votes(job, rounds.open_bridge(job), prepared.train, embedded)
    assert none.shape == votes.shape
    assert not none.any()
    assert set(together) == {1}  # padded in company, in bfloat16, others' votes move by .06 of a clip norm in all
