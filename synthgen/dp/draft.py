"""Drafts: texts that are written for persons to vote on, under differential privacy; nobody else sees them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Decoder
from synthgen.decode.shards import DecodeTask, read_shards, workers_for, write_shards, write_whole
from synthgen.decode.stage import settings_of
from synthgen.decode.style_adapter import BlockShares
from synthgen.deidentify import with_placeholders
from synthgen.dp.method import PublicContext, Write
from synthgen.embed import Encoder
from synthgen.pipeline import rounds
from synthgen.pipeline.job import Job
from synthgen.pipeline.style_choice import Shares


def rehearse(job: Job, context: PublicContext, k: int) -> None:
    """Write one batch of drafts of a public vector, so that what cannot be written fails before it is paid for.

    Args:
        job: the run.
        context: what everybody may know.
        k: drafts of a class.
    """
    labels = [label for label in context.labels for _ in range(k)][: job.config.decode.batch]
    middle = context.basis.outward(np.zeros((len(labels), len(context.basis.mean))))
    drafter(job, None, context.labels)(middle, labels, context.seeds.child("rehearsal"))


def drafter(job: Job, learned: Shares | BlockShares | None, labels: Sequence[str]) -> Write:
    """Return what writes one text of each vector as the run will, and gives back the texts' vectors.

    The models are loaded when the first draft is asked for.

    Args:
        job: the run.
        learned: the styles that the persons voted for, or that were refined, where they were asked.
        labels: as declared.
    """

    @cache
    def opened() -> tuple[Encoder, Decoder]:
        bridge, encoder = rounds.open_bridge(job, learned), job.encoder()
        return encoder, rounds.open_decoder(job, bridge, encoder)

    def write(vectors: Float32, of: Sequence[str], seeds: SeedTree) -> Float32:
        encoder, decoder = opened()
        empty: tuple[tuple[()], ...] = ((),) * len(of)
        drafts = Latents(
            vectors=vectors,
            ids=tuple(f"draft-{i}" for i in range(len(of))),
            labels=tuple(of),
            parent_ids=empty,
            weights=empty,
            method="draft",
            seed_path=str(seeds),
        )
        config, settings = job.config.decode, settings_of(job.config.decode, labels, 1)
        task = DecodeTask(open_decoder=lambda: decoder, settings=settings, seeds=seeds, write=write_whole)
        workers = workers_for(len(of), settings, job.folder(config.model), config.placement)
        with TemporaryDirectory(dir=job.workspace.root) as folder:
            with job.progress.stage("draft", total=len(of), unit="texts") as advance:
                write_shards(task, drafts, Path(folder), advance, n_workers=workers)
            texts = read_shards(Path(folder))
        return encoder.encode([with_placeholders(text.text) or "." for text in texts])

    return write
