import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.decode.config import PLAIN
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import style_vote as vote
from synthgen.dp.noised_sums import PrivateMechanism, Query, StreamNoise
from synthgen.dp.style_vote import decide_style, preferences, read_nats, votes_of, voting_rows
from synthgen.pipeline import decoders


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


def test_votes_are_those_of_the_sampled_persons_and_depend_on_no_other_person(monkeypatch):
    monkeypatch.setattr(vote, "VOTERS", 10)
    records = tuple(Record(id=str(i), text=f"text {i}", label="a", group=f"p{i % 25}") for i in range(60))
    train, seeds = Corpus(role="train", records=records, has_groups=True), SeedTree(4)
    nats = {r.id: np.random.default_rng(int(r.id)).random(len(built_in_styles())) for r in records}
    votes, voters = votes_of(train, nats, 25, seeds), voting_rows(train, 25, seeds)
    groups = sorted({record.group for record in records})
    assert 3 <= len(voters) <= 17
    for row, group in zip(votes, groups, strict=True):
        expected = (
            preferences(nats[records[voters[group]].id][None])[0] if group in voters else np.zeros(votes.shape[1])
        )
        assert np.array_equal(row, expected)
    rest = Corpus(role="train", records=tuple(r for r in records if r.group != groups[3]), has_groups=True)
    assert np.array_equal(votes_of(rest, nats, 25, seeds), np.delete(votes, 3, axis=0))
    with pytest.raises(InternalError, match="a person drawn for the style vote has no score"):
        votes_of(train, {}, 25, seeds)


def test_nats_are_computed_from_each_text_separately(village_bench, monkeypatch):
    together, read = [], Likelihood._read

    def recorded(self, frames, texts, soft):
        together.append(len(texts))
        return read(self, frames, texts, soft)

    monkeypatch.setattr(Likelihood, "_read", recorded)
    job = village_bench.job(**village_bench.changes, decode={"style": "auto"})
    prepared, _, embedded = village_bench.prepare(job)
    found = read_nats(job, decoders.open_bridge(job), prepared.train, embedded, 30)
    assert found.is_separate
    votes = votes_of(prepared.train, found.nats, 30, job.seeds.child("vote"))
    assert np.abs(votes).max() > 0
    with monkeypatch.context() as patch:
        patch.setattr(vote, "VOTERS", 0)  # no person is sampled
        none = read_nats(job, decoders.open_bridge(job), prepared.train, embedded, 30)
        empty = votes_of(prepared.train, none.nats, 30, job.seeds.child("vote"))
    assert (none.nats, none.is_separate, empty.shape, empty.any()) == ({}, True, votes.shape, False)
    assert set(together) == {1}  # padded bfloat16 batches change the votes of others by 0.06 clip norms


def test_texts_that_are_scored_in_batches_are_found(village_bench, monkeypatch):
    load = Likelihood.load
    monkeypatch.setattr(Likelihood, "load", lambda folder, style, **_: load(folder, style, batch=32))
    job = village_bench.job(**village_bench.changes, decode={"style": "auto"})
    prepared, _, embedded = village_bench.prepare(job)
    assert not read_nats(job, decoders.open_bridge(job), prepared.train, embedded, 30).is_separate
