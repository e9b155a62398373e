import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Record
from synthgen.decode.config import PLAIN
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import style_vote as vote
from synthgen.dp.noised_sums import PrivateMechanism, Query, StreamNoise, exact_sum
from synthgen.dp.style_vote import decide_style, made_up_votes, preferences, read_votes
from synthgen.pipeline import rounds


def counts(**votes):
    return np.array([votes.get(name.replace("-", "_"), 0.0) for name in built_in_styles()])


def test_decide_style_takes_the_most_votes_and_mixes_close_styles():
    assert decide_style(counts(letter=40, question=15), 128) == (("letter", 1.0),)
    mixed = decide_style(counts(letter=40, question=22, clinical_note=21, clinical_shorthand=20), 128)
    assert mixed == (("letter", 1 / 3), ("question", 1 / 3), ("clinical-note", 1 / 3))
    assert decide_style(counts(letter=31, question=30), 128) == ((PLAIN, 1.0),)


def test_preferences_share_the_vote_among_styles_with_a_gain():
    nats = np.full((3, len(built_in_styles())), 4.0)
    letter, question, plain = (built_in_styles().index(name) for name in ("letter", "question", PLAIN))
    nats[0, plain] = 3.0
    nats[1, [letter, question]] = 3.7, 3.6
    nats[2, letter] = 1.0
    votes = preferences(nats)
    assert (votes[0].sum(), votes[1, [letter, question]]) == (0, pytest.approx([0.6, 0.8]))
    assert (votes[2, letter], np.linalg.norm(votes, axis=1)) == (pytest.approx(1), pytest.approx([0, 1, 1]))


def test_preferences_change_little_if_nats_change_little():
    rng = np.random.default_rng(0)
    nats = 4 + rng.normal(size=(200, len(built_in_styles()))) * np.geomspace(1e-7, 1, 200)[:, None]
    other = nats + 1e-6 * rng.normal(size=nats.shape)
    moved = np.linalg.norm(preferences(nats) - preferences(other), axis=1)
    assert (moved <= 40 * np.linalg.norm(nats - other, axis=1)).all()
    assert np.linalg.norm(preferences(nats), axis=1).max() <= 1 + 1e-12


def test_sampling_depends_only_on_the_person_and_has_the_declared_share():
    sampled = sum(vote._is_sampled(SeedTree(3).child(str(i)), 0.2) for i in range(2000))
    assert 320 < sampled < 480
    seeds = SeedTree(4)
    records = [Record(id=f"row-{i}", text=f"text {i}", label="a", group="p") for i in range(20)]
    again = [Record(id=f"row-{i + 7}", text=r.text, label=r.label, group=r.group) for i, r in enumerate(records)]
    assert [vote._random_key(seeds, r) for r in records] == [vote._random_key(seeds, r) for r in again]


def test_decide_style_chooses_one_to_three_styles_from_noise_alone():
    query, none = Query(name="style", noise_multiplier=50.0), np.zeros((5, len(built_in_styles())))
    for seed in range(20):
        counted = PrivateMechanism(StreamNoise(SeedTree(seed)))([none], query)
        assert 1 <= len(decide_style(counted, 5)) <= 3


def test_made_up_votes_that_are_too_large_are_clipped():
    votes = made_up_votes(40, np.random.default_rng(0))
    assert (votes.max(), exact_sum([votes], 1.0)[1]) == (7, pytest.approx(1.0))


def test_votes_are_computed_from_each_text_separately(village_bench, monkeypatch):
    together, read = [], Likelihood._read

    def recorded(self, frames, texts, soft):
        together.append(len(texts))
        return read(self, frames, texts, soft)

    monkeypatch.setattr(Likelihood, "_read", recorded)
    job = village_bench.job(**village_bench.changes, decode={"style": "auto"})
    prepared, _, embedded = village_bench.prepare(job)
    votes = read_votes(job, rounds.open_bridge(job), prepared.train, embedded)
    assert np.abs(votes).max() > 0
    with monkeypatch.context() as patch:
        patch.setattr(vote, "VOTERS", 0)  # no person is sampled
        none = read_votes(job, rounds.open_bridge(job), prepared.train, embedded)
    assert (none.shape, none.any()) == (votes.shape, False)
    assert set(together) == {1}  # in padded bfloat16 batches, other persons' votes change by 0.06 clip norms in all
