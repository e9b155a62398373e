from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from audits.attacks.accounting.accounting_audit import Accounting
from audits.core.stats import clopper_pearson
from audits.core.types import AuditInputs
from audits.gate.shipped import load_policy
from audits.ledger.budgets import all_reservations, spent_so_far
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Vocabulary
from synthgen.decode.learnt import write_learnt
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.loading import Loaded
from synthgen.decode.style_adapter import in_blocks
from synthgen.decode.train.blocks import BlockGradients
from synthgen.dp import noised_sums as sums
from synthgen.dp.adapt import ADAPT, CLIP, RATE, PersonTexts, open_texts, read_adapted, refine_made_up, start_of
from synthgen.dp.descent import descend
from synthgen.dp.dry_run import DryRun
from synthgen.dp.measure import measure
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noise_multipliers import Priced, noise_multipliers
from synthgen.dp.noised_sums import UNIT, PrivateAsk, Query
from synthgen.dp.planned_queries import priced_reads, queries_of
from synthgen.dp.reserve import reserve_budget
from synthgen.pipeline import rounds
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.pipeline import write_records
from synthgen.pipeline.style_choice import read_choice, refuse_learnt
from synthgen.release.assembly import _styles as stated_styles
from synthgen.release.limitations import REFINED_STYLE, limitations

NOBODY = Corpus(role="control", records=(), has_groups=True)
DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}
CHANGES = {
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
    "dp": {**DP, "adapt": {"steps": 12, "batch": 8}},
    "decode": {"style": "auto"},
    "source": {"id": None},
    "filter": {"class_agreement": None, "language": None, "length": None},
}
DIM, MOST = 7, 20


def config(**changes):
    given = {
        "version": 1,
        "source": {"path": "n.jsonl", "group": "p", "labels": ["a", "b"]},
        "interpolate": {"method": "dp-gaussian", "total": 10},
        "filter": {"language": None, "length": None},
        "dp": {**DP, "persons": 3000, "adapt": {}},
    }
    return Config.parse({**given, **changes})


class Village:
    """Persons of a tiny model, and how likely it finds texts."""

    def __init__(self, tiny, parts, texts):
        self.tiny, (self.bridge, self.styles) = tiny, parts
        self.reader = BlockGradients(self.loaded(), self.bridge, self.styles, batch=1)
        rows = tuple((i,) for i in range(len(texts)))
        self.persons = PersonTexts(
            reader=self.reader,
            rows=rows,
            groups=tuple(f"p{i}" for i in rows),
            texts=texts,
            seeds=SeedTree(1),
            prompts=("",) * len(texts),
            vectors=self.vectors(len(texts)),
        )

    def loaded(self):
        model = self.tiny.language_model("llama")
        return Loaded(self.tiny.tokenizer(), model, torch.device("cpu"), on_one_device=True)

    @staticmethod
    def vectors(n):
        return np.ones((n, DIM), dtype=np.float32)

    def learned(self, sigma, steps, *, rate=1.0, clip=CLIP):
        """Return the shares after a descent whose noise has this multiplier."""
        n = len(self.persons.rows)
        query = Query(
            name=ADAPT,
            noise_multiplier=sigma,
            clip=clip,
            steps=steps,
            sampling_rate=rate,
            normaliser=rate * n,
            kind="dp-sgd",
        )
        ask = PrivateAsk(StreamNoise(SeedTree(5)))
        start = np.zeros(self.reader.dimension)
        return descend(start, self.persons.gradients(lambda _: None), n, query, ask, rate=RATE)

    def nats(self, shares, texts):
        """Return nats per token of each text under the bridge with these shares."""
        told = in_blocks(self.bridge, self.styles, shares.reshape(len(self.styles), -1))
        read = Likelihood(self.loaded(), told)
        vectors = self.vectors(len(texts))
        return read.nats(texts, most_tokens=MOST, vectors=vectors, prompts=("",) * len(texts)).each


def test_the_shares_make_the_persons_texts_likelier_and_much_noise_leaves_them_where_they_were(tiny, parts):
    village = Village(tiny, parts, tuple(tiny.sentences(10, seed=2)))
    others = tuple(tiny.sentences(10, seed=3))
    start = np.zeros(village.reader.dimension)
    found, hidden = village.learned(1e-6, 40, rate=0.5), village.learned(1e4, 40, rate=0.5)

    def gain(shares, texts):
        return (village.nats(start, texts) - village.nats(shares, texts)).mean()

    assert gain(found, village.persons.texts) > 0.15
    assert gain(found, others) > 0.03  # what is learned is how they write too
    assert abs(gain(hidden, others)) < 0.05
    assert np.abs(hidden).mean() < np.abs(found).mean() / 2
    assert max(np.abs(found).max(), np.abs(hidden).max()) <= 40 * RATE


def test_every_step_reads_one_record_of_a_person_by_a_draw_that_hangs_on_nobody_else(tiny, parts):
    village = Village(tiny, parts, tuple(tiny.sentences(6, seed=2)))
    persons = replace(village.persons, rows=((0, 1, 2), (3,), (4, 5)), groups=("a", "b", "c"))
    fewer = replace(village.persons, rows=((3,), (4, 5)), groups=("b", "c"))
    drawn = [[persons._record_of(person, step) for person in range(3)] for step in range(60)]
    assert [{row[i] for row in drawn} for i in range(3)] == [{0, 1, 2}, {3}, {4, 5}]
    assert [row[1:] for row in drawn] == [[fewer._record_of(i, s) for i in range(2)] for s in range(60)]


def test_a_persons_gradient_is_the_same_to_its_last_bit_whoever_else_is_drawn(tiny, parts):
    village = Village(tiny, parts, tuple(tiny.sentences(6, seed=2)))
    gradients, start = village.persons.gradients(lambda _: None), np.full(village.reader.dimension, 0.1)

    def of(*drawn):
        (block,) = gradients(1, start, np.array(drawn, dtype=int))
        return block

    together = of(*range(6))
    assert together.any(axis=1).all()
    assert (together == np.concatenate([of(person) for person in range(6)])).all()
    assert (of(4, 1) == together[[4, 1]]).all()
    assert of().shape == (0, village.reader.dimension)


EPSILON, DELTA, BUILDS = 1.0, 1e-5, 200
STEPS, BATCH, PERSONS, WEIGHTS_ = 10, 12, 40, 5


def proven(monkeypatch, *, clipped):
    """Return the epsilon that 200 builds with and 200 without one loud person prove by the likelihood ratio.

    The attacker knows all others, sees the noised sum of every step, and knows that the others say nothing.
    """
    if not clipped:
        monkeypatch.setattr(sums, "exact_sum", lambda rows, _clip: (unclipped(rows), 0.0))
    rate = BATCH / PERSONS
    asked = Priced(share=1.0, steps=STEPS, sampling_rate=rate)
    query = Query(
        name=ADAPT,
        noise_multiplier=noise_multipliers(EPSILON, DELTA, {ADAPT: asked})[ADAPT],
        clip=CLIP,
        steps=STEPS,
        sampling_rate=rate,
        normaliser=float(BATCH),
        kind="dp-sgd",
    )
    pull = np.eye(WEIGHTS_)[0] * 50 * CLIP
    noise, sigma, said = PrivateAsk(StreamNoise(SeedTree(8))), query.noise_multiplier, 1.0 if clipped else 50.0
    ratios = {}
    for with_it in (False, True):
        ratios[with_it] = []
        for _ in range(BUILDS):
            seen = []

            class Listening:
                batch = staticmethod(noise.batch)

                def __call__(self, rows, query, seen=seen):
                    seen.append(noise(rows, query))
                    return seen[-1]

            def gradients(_step, _weights, drawn):
                yield np.where((drawn == PERSONS)[:, None], pull, 0.0)

            descend(np.zeros(WEIGHTS_), gradients, PERSONS + with_it, query, Listening(), rate=RATE)
            along = np.array(seen)[:, 0] * BATCH / CLIP
            likelier = np.minimum((said * along - said**2 / 2) / sigma**2, 500)
            ratios[with_it].append(np.log1p(rate * np.expm1(likelier)).sum())
    best = 0.0
    for at in np.quantile(ratios[True] + ratios[False], np.linspace(0.02, 0.98, 60)):
        hits, alarms = (int((np.array(ratios[with_it]) > at).sum()) for with_it in (True, False))
        low = clopper_pearson(hits, BUILDS, confidence=0.999)[0]
        high = clopper_pearson(alarms, BUILDS, confidence=0.999)[1]
        best = max(best, float(np.log(max(low - DELTA, 1e-9) / high)))
    return best


def unclipped(rows):
    return sum(np.rint(block / CLIP * UNIT).astype(np.int64).sum(axis=0) for block in rows)


def test_what_the_best_attack_proves_stays_below_the_claim_and_exceeds_it_without_the_clip(monkeypatch):
    assert proven(monkeypatch, clipped=True) <= EPSILON
    assert proven(monkeypatch, clipped=False) > EPSILON


def strange(n, seed):
    """Return n sentences that nobody writes."""
    rng = np.random.default_rng(seed)
    return [" ".join("".join(rng.choice(list("qxzjvkw"), 3)) for _ in range(4)) for _ in range(n)]


def planted_and_not(tiny, parts, sigma, clip):
    """Return how much likelier planting makes a canary, in standard deviations of what it does to others."""
    ordinary, (canary, *controls) = tuple(tiny.sentences(5, seed=2)), strange(9, seed=4)
    gains = []
    for texts in (ordinary, (*ordinary, canary)):
        village = Village(tiny, parts, texts)
        found = village.learned(sigma, 14, clip=clip, rate=0.999)
        gains.append(village.nats(found, [canary, *controls]))
    gained = gains[0] - gains[1]
    return (gained[0] - gained[1:].mean()) / gained[1:].std(ddof=1)


def test_a_planted_canary_is_not_likelier_than_others_under_clip_and_noise_and_is_without(tiny, parts):
    assert planted_and_not(tiny, parts, 1e-7, 1e6) > 3
    assert planted_and_not(tiny, parts, 3.0, CLIP) < 3


def asked(bench, **changes):
    """Return job, prepared, measured and the stage that measured."""
    job = bench.job(**{**CHANGES, **changes})
    prepared, _, embedded = bench.prepare(job)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"), NOBODY, NOBODY)
    measured, answered = measure(job, prepared.train, embedded, reservation, embedded.encoder)
    return job, prepared, measured, answered


def test_a_run_refines_the_voted_style_pays_once_and_the_audit_agrees(village_bench):
    job, prepared, measured, answered = asked(village_bench)
    found = read_adapted(answered.folder, job.config)
    assert found.names == ("letter", "note")
    assert found.values.shape == (2, 4)  # the projector and three layers
    assert np.array_equal(measured.shares.values, found.values)
    moved = np.abs(found.values - start_of(job.config, read_choice(answered.folder)))
    assert 0 < moved.max() <= 12 * RATE
    bridges = {
        rounds.open_bridge(job, shares).digest for shares in (measured.shares, read_choice(answered.folder), ())
    }
    assert len(bridges) == 3 or (read_choice(answered.folder) == (("plain", 1.0),) and len(bridges) == 2)

    train = as_table(prepared.train, {})
    inputs = AuditInputs(synthetic=train, train=train, control=train, mechanism=measured.log)
    audit = Accounting().run(inputs, np.random.default_rng(0), 0.95)
    assert set(dict(audit.details["checks"]).values()) == {"holds"}, audit.reason
    assert audit.metrics["epsilon_recomputed"].value == pytest.approx(2.0, rel=1e-2)
    (log,) = [one for one in measured.log["mechanisms"] if one["kind"] == "dp-sgd"]
    assert (log["clip_norm"], log["sampling"], log["normaliser"]["source"]) == (CLIP, "poisson", "constant")
    assert len(log["dry_run"]["batches"]) >= 200

    _, _, again, kept = asked(village_bench)
    assert kept.reused
    assert np.array_equal(again.shares.values, found.values)
    assert len(all_reservations(*ledger_of(job.config))) == 1
    assert spent_so_far(*ledger_of(job.config)).epsilon == 2.0


def test_what_cannot_be_refined_fails_before_it_is_paid_for(village_bench, monkeypatch):
    def full(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(BlockGradients, "gradients", full)
        with pytest.raises(MemoryError):
            asked(village_bench)
    job, *_ = asked(village_bench)  # so it goes on with what it reserved
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made"]


def test_drafts_are_written_in_the_refined_style(village_bench, monkeypatch):
    seen, decoder = [], village_bench.decoder
    monkeypatch.setattr(rounds, "open_decoder", lambda _job, bridge, _: seen.append(bridge.digest) or decoder)
    job, _, measured, _ = asked(
        village_bench,
        interpolate={"method": "dp-vote"},
        decode={"style": "letter"},
        dp={**DP, "adapt": {"steps": 3, "batch": 8}},
    )
    rehearsed, *drafted = seen  # a batch is written in the named style before anything is paid for
    assert rehearsed == rounds.open_bridge(job).digest
    assert set(drafted) == {rounds.open_bridge(job, measured.shares).digest}
    assert rehearsed not in drafted
    assert start_of(job.config, None).tolist() == [[1.0] * 4, [0.0] * 4]


def test_texts_are_written_with_the_refined_bridge(village_bench, monkeypatch):
    job, _, measured, _ = asked(village_bench)

    def stop(_job, _material, _encoder, bridge):
        raise LookupError(bridge.digest)

    monkeypatch.setattr("synthgen.pipeline.pipeline.set_up", stop)
    with pytest.raises(LookupError, match=rounds.open_bridge(job, measured.shares).digest):
        next(write_records(job, measured.training_view, job.encoder(), measured.shares))


def test_a_release_names_every_style_that_may_be_in_its_texts(village_bench):
    run = SimpleNamespace(config=village_bench.job(**{**CHANGES, "decode": {"style": "letter"}}).config)
    assert [one["name"] for one in stated_styles(run)] == ["builtin:letter", "builtin:note"]
    said = {"has_groups": True, "disclosure": None, "calibrated": True, "silent": True}
    assert REFINED_STYLE in limitations(config=run.config, **said)
    assert REFINED_STYLE not in limitations(config=village_bench.job(**{**CHANGES, "dp": DP}).config, **said)


def test_people_who_do_not_exist_are_clipped_in_batches_of_their_own(village_bench):
    job = village_bench.job(**CHANGES)
    query = queries_of(job.config)[ADAPT]
    dry_run = DryRun(n_persons=400, noise=StreamNoise(SeedTree(3)))
    refine_made_up(job.config, 400, query, dry_run, np.random.default_rng(0))
    log = dry_run.log(ADAPT)
    assert (log["dimension"], len(log["noise"]), len(log["batches"])) == (8, 12, 12)
    assert log["max_norm"] == pytest.approx(CLIP)
    assert np.mean([len(batch) for batch in log["batches"]]) == pytest.approx(400 * 8 / 30, rel=0.2)


def test_whatever_style_is_named_the_whole_built_in_may_be_in_the_texts(village_bench):
    job = village_bench.job(**{**CHANGES, "decode": {"style": "letter"}})
    plain = village_bench.job(**{**CHANGES, "decode": {"style": "letter"}, "dp": DP})
    prepared, _, _ = village_bench.prepare(job)
    write_learnt([r.text for r in prepared.train.records], village_bench.root / "built_in" / "note")
    refuse_learnt(plain.config, prepared.train)
    with pytest.raises(DataError, match="the very records"):
        refuse_learnt(job.config, prepared.train)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dp": {"adapt": {}}, "interpolate": {"total": 10}}, "belong to an epsilon"),
        ({"decode": {"bridge": "words"}}, "bridge of soft tokens"),
        ({"decode": {"bridge": "model"}}, "bridge of soft tokens"),
        ({"dp": {**DP, "shares": {"adapt": 0.2}}}, "adapt of nothing"),
        ({"dp": {**DP, "adapt": {"steps": 0}}}, "adapt"),
    ],
)
def test_what_has_no_style_or_no_budget_is_not_refined(changes, said):
    with pytest.raises(ConfigError, match=said):
        config(**changes)


def test_the_plan_says_how_much_noise_a_step_has_and_what_was_measured_with_how_much():
    asked_for, small = config(), config(dp={**DP, "persons": 500, "adapt": {}})
    query = queries_of(asked_for)[ADAPT]
    assert (query.steps, query.kind, query.normaliser) == (30, "dp-sgd", pytest.approx(96))
    said, less = dict(priced_reads(asked_for))[ADAPT], dict(priced_reads(small))[ADAPT]
    assert f"noise of {query.noise_multiplier / 96:.2g} in each of 248 weights" in said
    assert "30 times, each person with a chance of 0.032" in said
    assert "Fictional notes of others became 0.52 nats per token likelier under noise 0.2 long" in said
    assert "0.44 nats per token likelier under noise 1.04 long" in less
    few = config(dp={**DP, "persons": 60, "epsilon": 0.5, "adapt": {}})
    assert "so expect nothing" in dict(priced_reads(few))[ADAPT]
    assert ADAPT not in queries_of(config(dp=DP))


def test_nothing_is_read_of_a_vocabulary(village_bench):
    with pytest.raises(InternalError, match="no style"):
        open_texts(village_bench.job(**CHANGES), object.__new__(Vocabulary), None, None)
