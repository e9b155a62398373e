"""The stages that make text, one function each; `pipeline.py` calls them in rounds until the classes are full."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from synthgen import filter as filtering
from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.tables import read_candidates, read_latents, write_candidates, write_latents
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.config import DecodeConfig
from synthgen.decode.loading import backend_of
from synthgen.decode.prompts import label_prompt
from synthgen.decode.shards import (
    DecodeTask,
    drop_foreign_shards,
    missing_rows,
    read_shards,
    rows_of,
    workers_for,
    write_shards,
    write_whole,
)
from synthgen.deidentify import with_placeholders
from synthgen.filter import Reconstructions
from synthgen.pipeline.job import STAGES_VERSION, Job
from synthgen.pipeline.rounds import Round, Setup, Written
from synthgen.pipeline.workspace import StageResult

RECONSTRUCTIONS = 96  # train records decoded from their own vectors, for the filters to learn what the decoder can do


def interpolate(job: Job, setup: Setup, state: Round) -> tuple[Latents, StageResult]:
    """Make the latents of this round and those before it; the sampler keeps its first rows when asked for more."""
    seeds = job.seeds.child("interpolate")

    def make(folder: Path) -> Mapping[str, object]:
        latents = setup.sampler.sample(state.asked, seeds)
        if setup.sections is not None:
            latents = setup.sections.aimed(latents)
        write_latents(folder, latents)
        return {"in": len(setup.train), "out": len(latents), "method": latents.method, "asked": dict(state.asked)}

    inputs = {
        "version": STAGES_VERSION,
        "embed": setup.upstream,
        "asked": dict(state.asked),
        "config": job.config.interpolate.model_dump(mode="json"),
        "seed": seeds.key().hex(),
    }
    result = job.workspace.stage("interpolate" + state.mark, inputs, make)
    return read_latents(result.folder), result


def unwritten(latents: Latents, candidates: tuple[Candidate, ...]) -> Latents:
    """Return the latents that no candidate was written from yet."""
    written = {candidate.latent_id for candidate in candidates}
    return rows_of(latents, [i for i, name in enumerate(latents.ids) if name not in written])


def reconstruction_latents(job: Job, setup: Setup) -> Latents:
    """Return the vectors of some train records as latents: what comes back of them teaches the filters."""
    drawn = job.seeds.child("echo").generator().permutation(len(setup.train))[:RECONSTRUCTIONS]
    rows = sorted(int(row) for row in drawn)
    names = tuple(setup.embedded.ids[row] for row in rows)
    return Latents(
        vectors=setup.embedded.vectors[rows].copy(),
        ids=tuple(f"echo-{name}" for name in names),
        labels=tuple(setup.embedded.labels[row] for row in rows),
        parent_ids=tuple((name,) for name in names),
        weights=((1.0,),) * len(rows),
        method="echo",
        seed_path="echo",
    )


def reconstructions_of(latents: Latents, texts: tuple[Candidate, ...], vectors: Float32) -> Reconstructions:
    """Return what the filters learn from; it goes nowhere else."""
    return Reconstructions(
        record_ids=tuple(parents[0] for parents in latents.parent_ids),
        texts=tuple(c.text for c in texts),
        vectors=vectors,
    )


def settings_of(config: DecodeConfig, labels: Sequence[str], candidates: int) -> Settings:
    """Return how texts of these labels are drawn, so many of each latent."""
    return Settings(
        prompts={label: label_prompt(config.prompt, label) for label in labels},
        candidates=candidates,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        batch=config.batch,
        words=config.words,
    )


def decode(
    job: Job, setup: Setup, latents: Latents, upstream: str, mark: str, candidates: int
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Write texts shard by shard; a shard on disk is never written again.

    What looks like an identifier in them is replaced by the name of its field: see `with_placeholders`.

    Args:
        job: the run.
        setup: opens the decoder.
        latents: what to write from.
        upstream: the digest of the stage that made them.
        mark: the end of the stage's name.
        candidates: texts of each latent.
    """
    config = job.config.decode
    seeds = job.seeds.child("decode")
    labels = sorted(set(setup.embedded.labels))
    settings = settings_of(config, labels, candidates)
    backend = backend_of(config.placement)
    sizes = [1] * len(latents) if setup.sections is None else setup.sections.sizes(latents)
    unit = "texts" if setup.sections is None else "segments"
    task = DecodeTask(
        open_decoder=setup.decoder,
        settings=settings,
        seeds=seeds,
        write=write_whole if setup.sections is None else setup.sections.decode,
    )

    def make(folder: Path) -> Mapping[str, object]:
        drop_foreign_shards(folder, latents, candidates)
        missing = [i for rows in missing_rows(folder, len(latents)) for i in rows]
        n_workers = workers_for(len(missing), settings, job.folder(config.model), config.placement)
        total, left = candidates * sum(sizes), candidates * sum(sizes[i] for i in missing)
        with job.progress.stage("decode" + mark, total=total, unit=unit, done=total - left) as advance:
            n_shards = write_shards(task, latents, folder, advance, n_workers=n_workers)
        counts = {"in": len(latents), "out": candidates * len(latents), "shards": n_shards, "backend": backend}
        return counts if setup.sections is None else {**counts, "segments": total}

    inputs = {
        "version": STAGES_VERSION,
        "upstream": upstream,
        "rows": sha256_json(list(latents.ids)),
        "decoder": setup.decoder_digest,
        "backend": backend,
        "config": config.model_dump(mode="json"),
        "candidates": candidates,
        "labels": labels,
        "seed": seeds.key().hex(),
        **({} if job.config.segments is None else {"segments": job.config.segments.model_dump()}),
    }
    result = job.workspace.stage("decode" + mark, inputs, make, keep_partial=True)
    written = read_shards(result.folder)
    return tuple(replace(candidate, text=with_placeholders(candidate.text)) for candidate in written), result


def embed_texts(
    job: Job, setup: Setup, texts: tuple[Candidate, ...], decoded: StageResult, mark: str
) -> tuple[Float32, StageResult]:
    """Make the vectors of candidates' texts; an empty text, rejected later, gets that of a full stop."""

    def make(folder: Path) -> Mapping[str, object]:
        written = [candidate.text or "." for candidate in texts]
        with job.progress.stage("re-embed" + mark, total=len(set(written)), unit="texts") as advance:
            np.save(folder / "vectors.npy", setup.encoder.encode(written, advance), allow_pickle=False)
        return {"in": len(texts), "out": len(texts)}

    inputs = {"version": STAGES_VERSION, "decode": decoded.digest, "encoder": setup.encoder.digest}
    result = job.workspace.stage("re-embed" + mark, inputs, make)
    return np.load(result.folder / "vectors.npy", allow_pickle=False), result


def filter_candidates(
    job: Job, setup: Setup, state: Round, latents: Latents, reconstructions: Reconstructions
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Judge all candidates so far together and keep the best of each latent."""
    config, seeds = job.config, job.seeds.child("filter")
    room = config.decode.max_new_tokens
    if setup.sections is not None:
        room *= setup.sections.usual_size(latents)

    def make(folder: Path) -> Mapping[str, object]:
        context = filtering.make_context(
            latents,
            state.vectors,
            train=setup.embedded,
            corpus=setup.train,
            reconstructions=reconstructions,
            max_new_tokens=room,
            seeds=seeds,
        )
        # small problems: one thread is faster than waiting for two, and the same on every machine
        with (
            job.progress.stage("filter", total=len(state.candidates), unit="texts") as advance,
            threadpool_limits(limits=1),
        ):
            done = filtering.apply(state.candidates, context, filtering.build_filters(config.filter))
            advance(len(state.candidates))
        write_candidates(folder / "kept.parquet", done.kept)
        write_candidates(folder / "judged.parquet", done.judged)
        return {
            "in": len(state.candidates),
            "out": len(done.kept),
            "wanted": dict(setup.wanted),
            "kept": dict(Counter(c.label for c in done.kept)),
            "rejected": dict(done.rejected),
            "failed": dict(done.failed),
            "spare": done.spare,
            "latents_lost": dict(done.latents_lost),
            "bounds": {name: dict(b) for name, b in done.bounds.items()},
        }

    inputs = {
        "version": STAGES_VERSION,
        "embed": list(state.embeddings),
        "config": config.filter.model_dump(mode="json"),
        "wanted": dict(setup.wanted),
        "seed": seeds.key().hex(),
    }
    result = job.workspace.stage("filter" + state.mark, inputs, make)
    return read_candidates(result.folder / "kept.parquet"), result


def select(job: Job, setup: Setup, state: Round, latents: Latents, filtered: StageResult) -> Written:
    """Draw the wanted number of each label from what was kept, or take all where a class stayed short.

    Raises:
        DataError: if nothing was kept; the rejections are told by reason.
    """
    if not state.kept:
        rejected = filtered.counts["rejected"]
        raise DataError("no candidate passed the filters", problems=[f"{k}: {v}" for k, v in rejected.items()])
    chosen = filtering.select(state.kept, setup.wanted, job.seeds.child("select"))
    row = {(c.latent_id, c.index): i for i, c in enumerate(state.candidates)}
    place = {name: i for i, name in enumerate(latents.ids)}
    made = [place[c.latent_id] for c in chosen]
    return Written(
        records=chosen,
        vectors=state.vectors[[row[c.latent_id, c.index] for c in chosen]],
        parents=tuple(latents.parent_ids[i] for i in made),
        weights=tuple(latents.weights[i] for i in made),
        wanted=setup.wanted,
        filtered=filtered.digest,
    )
