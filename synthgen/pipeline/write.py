"""The stages that write text. `pipeline.py` calls them in rounds until every class has enough records."""

from dataclasses import replace

import numpy as np

from synthgen import filter as filtering
from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.stage import HasDigest, StageInput, plain_value
from synthgen.core.tables import read_candidates, read_latents
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.shards import read_shards, rows_of
from synthgen.decode.stage import DECODE
from synthgen.deidentify import with_placeholders
from synthgen.embed.stage import CANDIDATE_VECTORS, EMBED_CANDIDATES
from synthgen.filter import Reconstructions
from synthgen.filter.stage import FILTER, KEPT
from synthgen.interpolate.stage import INTERPOLATE
from synthgen.pipeline.job import Job
from synthgen.pipeline.rounds import Round, Setup, Written
from synthgen.pipeline.workspace import StageResult

RECONSTRUCTIONS = 96  # train records decoded from their own vectors; they show the filters what decoding loses


def interpolate(job: Job, setup: Setup, state: Round) -> tuple[Latents, StageResult]:
    """Return the latents of this round and of the rounds before it."""
    inputs: dict[str, HasDigest] = {
        "training_view": setup.training_view,
        "counts": plain_value(dict(state.requested)),
        "sections": StageInput(setup.sections, setup.layout_digest),
    }
    result = job.run(INTERPOLATE, inputs, suffix=state.suffix)
    return read_latents(result.folder), result


def unwritten(latents: Latents, candidates: tuple[Candidate, ...]) -> Latents:
    """Return the latents that have no candidate yet."""
    written = {candidate.latent_id for candidate in candidates}
    return rows_of(latents, [i for i, name in enumerate(latents.ids) if name not in written])


def reconstruction_latents(job: Job, setup: Setup) -> Latents:
    """Return the vectors of some train records as latents, so that the filters can learn from reconstructions."""
    embedded = setup.training_view.embedded
    drawn = job.seeds.child("echo").generator().permutation(len(setup.training_view.train))[:RECONSTRUCTIONS]
    rows = sorted(int(row) for row in drawn)
    names = tuple(embedded.ids[row] for row in rows)
    return Latents(
        vectors=embedded.vectors[rows].copy(),
        ids=tuple(f"echo-{name}" for name in names),
        labels=tuple(embedded.labels[row] for row in rows),
        parent_ids=tuple((name,) for name in names),
        weights=((1.0,),) * len(rows),
        method="echo",
        seed_path="echo",
    )


def reconstructions_of(latents: Latents, texts: tuple[Candidate, ...], vectors: Float32) -> Reconstructions:
    """Return the reconstructions, which only the filters use."""
    return Reconstructions(
        record_ids=tuple(parents[0] for parents in latents.parent_ids),
        texts=tuple(c.text for c in texts),
        vectors=vectors,
    )


def decode(
    job: Job, setup: Setup, latents: Latents, upstream: str, suffix: str, candidates: int
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Return `candidates` texts of each latent; `with_placeholders` replaces strings that look like identifiers.

    `upstream` is the digest of the stage that computed the latents.
    """
    inputs: dict[str, HasDigest] = {
        "latents": StageInput(latents, sha256_json([upstream, list(latents.ids)])),
        "labels": plain_value(sorted(set(setup.training_view.embedded.labels))),
        "candidates": plain_value(candidates),
        "sections": StageInput(setup.sections, setup.sections_digest),
    }
    result = job.run(DECODE, inputs, {"decoder": setup.decoder}, suffix)
    written = read_shards(result.folder)
    return tuple(replace(candidate, text=with_placeholders(candidate.text)) for candidate in written), result


def embed_texts(
    job: Job, setup: Setup, texts: tuple[Candidate, ...], decoded: StageResult, suffix: str
) -> tuple[Float32, StageResult]:
    """Return the vectors of the candidates' texts."""
    inputs = {"candidates": StageInput(texts, decoded.digest)}
    result = job.run(EMBED_CANDIDATES, inputs, {"embedder": setup.encoder}, suffix)
    return np.load(result.folder / CANDIDATE_VECTORS, allow_pickle=False), result


def filter_candidates(
    job: Job, setup: Setup, state: Round, latents: Latents, reconstructions: Reconstructions
) -> tuple[tuple[Candidate, ...], StageResult]:
    """Filter all candidates of the rounds so far together and return the best of each latent."""
    first, *rounds = state.embeddings  # the first is that of the reconstructions
    inputs: dict[str, HasDigest] = {
        "candidates": StageInput(state, sha256_json(rounds)),
        "latents": StageInput(latents, sha256_json(list(latents.ids))),
        "training_view": setup.training_view,
        "reconstructions": StageInput(reconstructions, first),
        "sections": StageInput(setup.sections, setup.layout_digest),
        "wanted": plain_value(dict(setup.wanted)),
    }
    result = job.run(FILTER, inputs, suffix=state.suffix)
    return read_candidates(result.folder / KEPT), result


def select(job: Job, setup: Setup, state: Round, latents: Latents, filtered: StageResult) -> Written:
    """Draw the wanted number of kept records of each label, or take all if a class has fewer.

    Raises:
        DataError: if no candidate was kept; the problems list the rejections by reason.
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
