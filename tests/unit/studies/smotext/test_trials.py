import json
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.smotext import trials, writing
from studies.smotext.protocol import BRIDGE, LABEL_ONLY, REAL, STYLE, VARIANTS
from studies.smotext.trials import Bench, lambda_rows, run_trials, trial_key, trial_paths
from studies.smotext.writing import Maker
from synthgen.core.errors import StorageError
from synthgen.core.progress import silent
from synthgen.core.tables import write_candidates
from synthgen.core.types import Candidate


class Reconstruction:
    """A decoder that writes a text of the class that is requested."""

    name = "reconstruction"

    def __init__(self, small):
        self.small = small

    def decode(self, latents, settings, seeds, advance):
        advance(len(latents))
        rng, one = np.random.default_rng(3), partial(Candidate, index=0, finish="stop")
        rows = zip(latents.ids, latents.labels, strict=True)
        return tuple(one(latent_id=name, text=self.small.text(label, rng), label=label) for name, label in rows)


DIGEST = "c" * 64
KEYS = {REAL: "8f41cce17abecc12", "smotext": "d1696fc997756932"}


@pytest.fixture(scope="module")
def bench(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    maker = Maker(open=partial(Reconstruction, small), digest="m")
    makers = dict.fromkeys((BRIDGE, f"{STYLE}-small", f"{LABEL_ONLY}-small"), maker)
    made = Bench(designs={"small": small.design()}, texts=folder, makers=makers, encoder=small.Counting)
    for wanted in made.writings(paths_of(made, folder)):
        texts = small.written(wanted)
        for path, rows in wanted.shards(made.makers, folder).items():
            path.parent.mkdir(exist_ok=True)
            names = {wanted.latents.ids[i] for i in rows}
            write_candidates(path, tuple(c for c in texts if c.latent_id in names))
    return made


def paths_of(bench, out):
    return trial_paths(bench.designs, bench.makers, DIGEST, out)


def test_trials_are_made_once_and_a_stopped_study_continues(bench, tmp_path, in_this_process):
    made = []
    in_this_process(trials, "_state", made, stop_after=4)
    with pytest.raises(SystemExit):
        run_trials(bench, paths_of(bench, tmp_path), silent)
    assert len(made) == 4
    in_this_process(trials, "_state", made)
    measures, lambdas = run_trials(bench, paths_of(bench, tmp_path), silent)
    jobs = {("small", s, v) for s in (0, 1) for v in (REAL, *VARIANTS)} | {("small", -1, "lambdas")}
    assert len(made) == len(jobs)
    assert set(made) == jobs
    assert {(r["seed"], r["variant"]) for r in measures.to_pylist()} == {(s, v) for _, s, v in jobs if s >= 0}
    assert [row["lambda"] for row in lambdas["small"]] == [0, 1]
    again, _ = run_trials(bench, paths_of(bench, tmp_path), silent)
    assert again == measures
    assert len(made) == len(jobs)
    # damaged files of trials are reported
    other = pa.BufferOutputStream()
    pq.write_table(measures.select(["seed"]), other)
    damages = (("eda-0", b"no", "cannot be read"), ("eda-0", other.getvalue().to_pybytes(), "not the measures"))
    for name, damage, message in (*damages, ("lambdas", b"{", "cannot be read")):
        path = next(tmp_path.glob(f"small-{name}-*"))
        before = path.read_bytes()
        path.write_bytes(damage)
        with pytest.raises(StorageError, match=message):
            run_trials(bench, paths_of(bench, tmp_path), silent)
        path.write_bytes(before)


def test_texts_are_requested_only_where_a_trial_is_missing(bench, tmp_path):
    everything = bench.writings(paths_of(bench, tmp_path))
    names = [f"{name}-seed-{seed}" for seed in (0, 1) for name in ("smote", "words", "style", "paraphrase")]
    assert sorted(w.request.name for w in everything) == sorted(f"small-{name}" for name in (*names, LABEL_ONLY))
    assert [w.request.maker for w in everything] == [BRIDGE] * 6 + [f"{LABEL_ONLY}-small"] + [f"{STYLE}-small"] * 2
    seeds = [w.request.name[-1] for w in everything[:6]]
    assert seeds == sorted(seeds)  # all texts of a seed come before those of the next
    done = [("small", 0, v) for v in VARIANTS] + [("small", 1, LABEL_ONLY), ("small", 1, "smotext-filtered")]
    for job in done:
        paths_of(bench, tmp_path)[job].touch()
    missing = {w.request.name for w in bench.writings(paths_of(bench, tmp_path))}
    assert missing == {f"small-{name}" for name in names[4:]}  # `smotext` still needs the SMOTE texts of seed 1


def test_all_inputs_of_a_trial_are_in_its_key(small, bench):
    job, design, makers = ("small", 0, "smotext"), bench.designs["small"], bench.makers
    key = trial_key(job, design, makers, DIGEST)
    assert trial_key(job, small.design(seeds=5), makers, DIGEST) == key  # more seeds extend the same study
    test = replace(design.text_set.test, records=design.text_set.test.records[::-1])
    other = {**makers, BRIDGE: Maker(open=makers[BRIDGE].open, digest="n")}
    key_of = partial(trial_key, job)
    keys = {key, key_of(small.design(synthetic=12), makers, DIGEST), key_of(design, makers, "e")}
    keys.add(key_of(replace(design, text_set=replace(design.text_set, test=test)), makers, DIGEST))
    keys.add(key_of(design, other, DIGEST))
    keys |= {trial_key(("small", *of), design, makers, DIGEST) for of in ((1, "smotext"), (0, "eda"))}
    assert len(keys) == 7
    # another bridge changes only the keys of trials that use it
    for name, touched in (("eda", False), (LABEL_ONLY, False), ("lambdas", True), ("paraphrase", True)):
        both = {trial_key(("small", 0, name), design, m, DIGEST) for m in (makers, other)}
        assert (len(both) == 2) == touched


def test_versions_are_in_the_key_and_code_is_not(bench, monkeypatch):
    """Any checkout finds the kept trials; after a change of the requests, `studies.smotext.rekey` renames them."""
    design, makers = bench.designs["small"], bench.makers
    keys = {v: trial_key(("small", 0, v), design, makers, DIGEST)[:16] for v in (REAL, "smotext")}
    assert keys == KEYS
    monkeypatch.setattr(writing, "TEXTS_VERSION", 0)
    other = {v: trial_key(("small", 0, v), design, makers, DIGEST)[:16] for v in keys}
    assert (other[REAL] == keys[REAL], other["smotext"] == keys["smotext"]) == (True, False)
    monkeypatch.setattr(trials, "TRIALS_VERSION", 0)
    assert trial_key(("small", 0, REAL), design, makers, DIGEST)[:16] != keys[REAL]


def test_trials_are_found_on_a_processor_that_rounds_differently(bench, tmp_path):
    design = bench.designs["small"]
    pool = replace(design.pool, vectors=design.pool.vectors + np.float32(1e-7))
    other = replace(bench, designs={"small": replace(design, pool=pool, test=design.test + np.float32(1e-7))})
    assert paths_of(other, tmp_path) == paths_of(bench, tmp_path)
    keys = {w.request.name: w.key(bench.makers) for w in bench.writings(paths_of(bench, tmp_path))}
    for w in other.writings(paths_of(other, tmp_path)):  # texts of other vectors have other keys
        assert (w.key(bench.makers) == keys[w.request.name]) == w.request.maker.startswith(LABEL_ONLY)


def test_pairs_are_of_two_persons_of_a_class(small, monkeypatch):
    seen = {}

    def along(encoder, decoder, settings, pairs, lambdas, seeds):
        seen.update(pairs=pairs, candidates=settings.candidates)
        return [{"lambda": v} for v in lambdas]

    monkeypatch.setattr(trials, "along", along)
    design = small.design()
    rows = lambda_rows(design, small.Counting(), Reconstruction(small))
    assert json.dumps(rows) == '[{"lambda": 0.0}, {"lambda": 1.0}]'
    group = {r.text: r.group for r in design.text_set.pool.records}
    pairs = seen["pairs"]
    assert len(pairs.rows) == 6
    assert len({group[text] for text in pairs.texts}) == len(pairs.texts) == 12
    assert seen["candidates"] == 1
