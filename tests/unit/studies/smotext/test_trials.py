import json
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest

from studies.smotext import trials
from studies.smotext.protocol import BRIDGE, LABEL_ONLY, REAL, VARIANTS
from studies.smotext.trials import Bench, lambda_rows, run_trials
from studies.smotext.writing import Maker
from synthgen.core.errors import StorageError
from synthgen.core.progress import silent
from synthgen.core.tables import write_candidates
from synthgen.core.types import Candidate


class Echo:
    """A decoder that writes a text of the class it is asked for."""

    name = "echo"

    def __init__(self, small):
        self.small = small

    def decode(self, latents, settings, seeds, advance):
        import numpy as np

        advance(len(latents))
        rng = np.random.default_rng(3)
        rows = zip(latents.ids, latents.labels, strict=True)
        return tuple(
            Candidate(latent_id=name, index=0, text=self.small.text(label, rng), label=label, finish="stop")
            for name, label in rows
        )


@pytest.fixture(scope="module")
def bench(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    maker = Maker(open=partial(Echo, small), digest="m")
    plan = small.plan()
    made = Bench(
        plans={"small": plan}, makers={BRIDGE: maker, f"{LABEL_ONLY}-small": maker}, texts=folder,
        encoder=small.Counting, encoder_digest=small.Counting.digest,
    )  # fmt: skip
    for writing in made.writings(made.places(folder)):
        texts = small.written(writing)
        for path, rows in writing.shards(made.makers, folder).items():
            path.parent.mkdir(exist_ok=True)
            names = {writing.latents.ids[i] for i in rows}
            write_candidates(path, tuple(c for c in texts if c.latent_id in names))
    return made


def in_this_process(monkeypatch, made, stop_after=999):
    def run(jobs, job_of, finished, *, start, given):
        if jobs:
            start(*given)
        for k, job in enumerate(jobs):
            if k == stop_after:
                raise SystemExit(7)
            made.append(job)
            finished(job, job_of(job))

    monkeypatch.setattr(trials, "in_processes", run)
    monkeypatch.setattr(trials, "_state", {})


def test_trials_are_made_once_and_a_stopped_study_goes_on(bench, tmp_path, monkeypatch):
    made = []
    in_this_process(monkeypatch, made, stop_after=4)
    with pytest.raises(SystemExit):
        run_trials(bench, bench.places(tmp_path), silent)
    assert len(made) == 4
    in_this_process(monkeypatch, made)
    measures, lambdas = run_trials(bench, bench.places(tmp_path), silent)
    jobs = {("small", s, v) for s in (0, 1) for v in (REAL, *VARIANTS)} | {("small", -1, "lambdas")}
    assert len(made) == len(jobs)
    assert set(made) == jobs
    assert {(r["seed"], r["variant"]) for r in measures.to_pylist()} == {(s, v) for _, s, v in jobs if s >= 0}
    assert [row["lambda"] for row in lambdas["small"]] == [0, 1]
    again, _ = run_trials(bench, bench.places(tmp_path), silent)
    assert again == measures
    assert len(made) == len(jobs)
    # one seed more adds its own trials; other texts, other vectors or another protocol make all anew
    path = next(tmp_path.glob("small-eda-0-*"))
    path.write_bytes(b"no")
    with pytest.raises(StorageError, match="cannot be read"):
        run_trials(bench, bench.places(tmp_path), silent)
    pq.write_table(measures.select(["seed"]), path)
    with pytest.raises(StorageError, match="not the measures"):
        run_trials(bench, bench.places(tmp_path), silent)
    path.unlink()
    json_path = next(tmp_path.glob("small-lambdas-*"))
    json_path.write_bytes(b"{")
    with pytest.raises(StorageError, match="cannot be read"):
        run_trials(bench, bench.places(tmp_path), silent)


def test_texts_are_asked_for_only_where_a_trial_is_missing(bench, tmp_path):
    everything = bench.writings(bench.places(tmp_path))
    names = ["smote-seed-0", "words-seed-0", "paraphrase-seed-0", "smote-seed-1", "words-seed-1", "paraphrase-seed-1"]
    assert sorted(w.name for w in everything) == sorted(f"small-{name}" for name in (*names, LABEL_ONLY))
    assert [w.maker for w in everything] == [BRIDGE] * 6 + [f"{LABEL_ONLY}-small"]
    seeds = [w.name[-1] for w in everything[:-1]]
    assert seeds == sorted(seeds)  # a seed after the other
    done = [("small", 0, v) for v in VARIANTS] + [("small", 1, LABEL_ONLY), ("small", 1, "smotext-filtered")]
    for job in done:
        bench.places(tmp_path)[job].touch()
    # the SMOTE texts of seed 1 are still wanted by `smotext`
    assert {w.name for w in bench.writings(bench.places(tmp_path))} == {
        "small-smote-seed-1", "small-words-seed-1", "small-paraphrase-seed-1",
    }  # fmt: skip


def test_whatever_decides_a_trial_is_in_its_key(small, bench):
    job, code = ("small", 0, "smotext"), {"a.py": "1"}
    key = bench.key(job, code)
    more = replace(bench, plans={"small": small.plan(seeds=5)})
    assert more.key(job, code) == key  # more seeds add to the ones that are there
    plan = bench.plans["small"]
    test = replace(plan.text_set.test, records=plan.text_set.test.records[::-1])
    other_maker = Maker(open=bench.makers[BRIDGE].open, digest="n")
    changed = [
        replace(bench, plans={"small": small.plan(synthetic=12)}),
        replace(bench, plans={"small": replace(plan, text_set=replace(plan.text_set, test=test))}),
        replace(bench, encoder_digest="e"),
        replace(bench, makers={**bench.makers, BRIDGE: other_maker}),
    ]
    keys = {b.key(job, code) for b in changed} | {bench.key(job, {"a.py": "2"}), bench.key(("small", 1, "eda"), code)}
    assert len(keys | {key}) == 7
    # what another bridge writes does not touch a baseline
    assert changed[3].key(("small", 0, "eda"), code) == bench.key(("small", 0, "eda"), code)
    assert changed[3].key(("small", -1, "lambdas"), code) != bench.key(("small", -1, "lambdas"), code)


def test_a_processor_that_rounds_otherwise_finds_what_another_has_measured(bench, tmp_path):
    plan = bench.plans["small"]
    pool = replace(plan.pool, vectors=plan.pool.vectors + np.float32(1e-7))
    other = replace(bench, plans={"small": replace(plan, pool=pool, test=plan.test + np.float32(1e-7))})
    assert other.places(tmp_path) == bench.places(tmp_path)
    keys = {w.name: w.key(bench.makers) for w in bench.writings(bench.places(tmp_path))}
    for writing in other.writings(other.places(tmp_path)):  # texts of other vectors are never taken for these
        assert (writing.key(bench.makers) == keys[writing.name]) == (writing.maker != BRIDGE)


def test_pairs_are_of_two_persons_of_a_class(small, monkeypatch):
    seen = {}

    def along(encoder, decoder, settings, pairs, lambdas, seeds):
        seen.update(pairs=pairs, candidates=settings.candidates)
        return [{"lambda": v} for v in lambdas]

    monkeypatch.setattr(trials, "along", along)
    plan = small.plan()
    rows = lambda_rows(plan, small.Counting(), Echo(small))
    assert json.dumps(rows) == '[{"lambda": 0.0}, {"lambda": 1.0}]'
    group = {r.text: r.group for r in plan.text_set.pool.records}
    pairs = seen["pairs"]
    assert len(pairs.rows) == 6
    assert len({group[text] for text in pairs.texts}) == len(pairs.texts) == 12
    assert seen["candidates"] == 1
