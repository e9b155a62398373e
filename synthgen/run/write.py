"""The steps that make text: interpolate, decode shard by shard, filter; again for classes the filters left short."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from synthgen.config import OWN
from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError, ModelError
from synthgen.core.tables import read_candidates, read_latents, write_candidates, write_latents
from synthgen.core.types import Candidate, Corpus, Embedded, Float32, Latents
from synthgen.models.store import digest_of
from synthgen.run.adapt import adapt
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.segments import encoder_for, writer_for
from synthgen.run.workspace import Make, StageResult, sync
from synthgen.stages import filter as filtering
from synthgen.stages.decode.base import Decoder, Settings
from synthgen.stages.decode.bridge import Bridge, Vocabulary, load_bridge, load_vocabulary
from synthgen.stages.decode.loading import backend_of
from synthgen.stages.decode.plain import WordsDecoder
from synthgen.stages.decode.prompts import label_prompt
from synthgen.stages.decode.published import SENTENCES, CheckpointBridge, load_checkpoint_bridge
from synthgen.stages.decode.xrag import XragDecoder
from synthgen.stages.embed import Encoder
from synthgen.stages.embed.last_token import LastTokenEncoder
from synthgen.stages.embed.segmented import SegmentedEncoder
from synthgen.stages.filter import Echoes
from synthgen.stages.filter.attributes import check_labels
from synthgen.stages.interpolate import build as build_interpolator
from synthgen.stages.interpolate import check_classes, wanted_counts

SPARE = 1.3  # latents made for each record wanted, before anything is known of how many the filters reject
MAX_ROUNDS = 4
LEAST_RATE = 0.2  # of latents kept that a further round reckons with; below it the run ends with what is short
ECHOES = 96  # train records decoded from their own vectors, for the filters to learn what the decoder can do


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The records that go to the audit.

    Args:
        records: the chosen candidates, exactly the wanted number of each label.
        vectors: float32 (n, d), their re-embedded texts.
        parents: for each the train records that its vector was made from, by id; empty where it was made from none.
        weights: of the parents.
        wanted: how many of each label were asked for.
        stages: what made them.
    """

    records: tuple[Candidate, ...]
    vectors: Float32
    parents: tuple[tuple[str, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    wanted: Mapping[str, int]
    stages: tuple[StageResult, ...]


def open_bridge(job: Job) -> Bridge | Vocabulary:
    """Return the bridge of the configuration: built in, of a folder, or inside the decoder's own checkpoint.

    Or the vocabulary that stands in for one, where texts are written from words alone.

    Raises:
        ModelMissing, ModelError: see `load_bridge`, `load_checkpoint_bridge` and `load_vocabulary`.
    """
    config = job.config.decode
    if config.by_words:
        return load_vocabulary(config.bridge, job.config.resolve, encoder=job.config.embed.model)
    if config.bridge == OWN:
        return load_checkpoint_bridge(job.folder(config.model))
    bridge = load_bridge(config.bridge, job.config.resolve)
    if config.words > 0 and bridge.words is None:
        raise ModelError(
            f"decode.words: the bridge {config.bridge!r} has no vocabulary", hint="Leave decode.words out."
        )
    return bridge


def first_asked(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return how many latents of each label the first round makes, those to spare for the filters included."""
    return {label: math.ceil(SPARE * n) + 2 for label, n in wanted.items()}


class Writer:
    """Makes the synthetic records of one run.

    Args:
        job: the run.
        train: the train records.
        embedded: their vectors.
        upstream: the digest of the embed stage.
    """

    def __init__(self, job: Job, train: Corpus, embedded: Embedded, upstream: str) -> None:
        self.job, self.train, self.embedded, self.upstream = job, train, embedded, upstream
        config = job.config.interpolate
        method = build_interpolator(config)
        self.wanted = wanted_counts(embedded.labels, config.balance, config.total)
        check_classes(embedded.labels, embedded.groups, self.wanted, method.min_groups)
        if job.config.filter.attributes is not None:
            check_labels(job.config.filter.attributes, embedded.labels)
        self.sampler = method.fit(embedded)
        self.model = job.folder(job.config.decode.model)
        self.bridge = open_bridge(job)
        self.stages: list[StageResult] = []
        self.segment_writer = writer_for(job, train, embedded)
        if job.config.decode.adapt is not None and not isinstance(self.bridge, Vocabulary):
            self.bridge, adapted = adapt(job, job.config.decode.adapt, self.bridge, train, upstream)
            self.stages.append(adapted)
        self.decoder_digest = sha256_json([digest_of(self.model), self.bridge.digest])

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that judges what was written."""
        return encoder_for(self.job, self.train)

    @cached_property
    def decoder(self) -> Decoder:
        """The decoder, loaded only when a shard has to be written."""
        config, dim = self.job.config, self.embedded.vectors.shape[1]
        decoder, encoder, device = config.decode.model, config.embed.model, config.decode.placement
        if isinstance(self.bridge, Vocabulary):
            return WordsDecoder(self.model, self.bridge.reader, decoder=decoder, device=device)
        if not isinstance(self.bridge, CheckpointBridge):
            return XragDecoder(self.model, self.bridge, decoder=decoder, encoder=encoder, dim=dim, device=device)
        reads = self.encoder.encoder if isinstance(self.encoder, SegmentedEncoder) else self.encoder
        if not isinstance(reads, LastTokenEncoder):
            raise ModelError(
                f"decode.bridge: {OWN!r} needs an encoder pooled at its last token, embed.model {encoder!r} is none",
                hint="Set embed.model to the encoder its projector was trained with, such as SFR-Embedding-Mistral.",
            )
        bridge = replace(self.bridge, raw_length=reads.raw_length(SENTENCES))
        return XragDecoder(self.model, bridge, decoder=decoder, encoder=encoder, dim=dim, device=device)

    def write(self) -> Written:
        """Return exactly the wanted records of each label.

        Each round asks for more latents where the filters left a class short. The sampler keeps its first rows when
        asked for more, so a round decodes only what is new.

        Raises:
            DataError: naming the classes that stay short after the last round.
        """
        asked = first_asked(self.wanted)
        candidates: tuple[Candidate, ...] = ()
        vectors = np.zeros((0, self.embedded.vectors.shape[1]), dtype=np.float32)
        known: set[str] = set()
        echoes = self.echo()
        for number in range(MAX_ROUNDS):
            mark = "" if number == 0 else f"-{number + 1}"
            latents, made = self.interpolate(mark, asked)
            new = _rows(latents, [i for i, name in enumerate(latents.ids) if name not in known])
            known |= set(new.ids)
            texts, decoded = self.decode(mark, new, made.digest, self.job.config.decode.candidates)
            candidates += texts
            new_vectors, _ = self.embed(mark, texts, decoded)
            vectors = np.concatenate([vectors, new_vectors])
            kept, filtered = self.filter(mark, latents, candidates, vectors, echoes)
            have = Counter(candidate.label for candidate in kept)
            short = {label: n - have[label] for label, n in self.wanted.items() if have[label] < n}
            if not short:
                break
            for label, n in short.items():
                rate = max(have[label] / asked[label], LEAST_RATE)
                asked[label] += math.ceil(1.2 * n / rate) + 2
        return self.choose(kept, candidates, vectors, filtered, latents)

    def interpolate(self, mark: str, asked: Mapping[str, int]) -> tuple[Latents, StageResult]:
        """Make the round's latents, all rounds' rows so far included."""
        config, seeds = self.job.config.interpolate, self.job.seeds.child("interpolate")

        def make(folder: Path) -> Mapping[str, object]:
            latents = self.sampler.sample(asked, seeds)
            if self.segment_writer is not None:
                latents = self.segment_writer.aimed(latents)
            write_latents(folder, latents)
            return {"in": len(self.train), "out": len(latents), "method": latents.method, "asked": dict(asked)}

        inputs = {"version": STAGES_VERSION, "embed": self.upstream, "config": config.model_dump(mode="json"),
                  "asked": dict(asked), "seed": seeds.key().hex()}  # fmt: skip
        result = self._stage("interpolate" + mark, inputs, make)
        return read_latents(result.folder), result

    def echo(self) -> Echoes:
        """Decode some train records from their own vectors; what comes back teaches the filters and goes nowhere."""
        drawn = self.job.seeds.child("echo").generator().permutation(len(self.train))[:ECHOES]
        rows = sorted(int(row) for row in drawn)
        names = tuple(self.embedded.ids[row] for row in rows)
        real = Latents(
            vectors=self.embedded.vectors[rows].copy(),
            ids=tuple(f"echo-{name}" for name in names),
            labels=tuple(self.embedded.labels[row] for row in rows),
            parent_ids=tuple((name,) for name in names),
            weights=((1.0,),) * len(rows),
            method="echo",
            seed_path="echo",
        )
        texts, decoded = self.decode("-echo", real, self.upstream, 1)
        vectors, _ = self.embed("-echo", texts, decoded)
        return Echoes(record_ids=names, texts=tuple(c.text for c in texts), vectors=vectors)

    def decode(
        self, mark: str, latents: Latents, upstream: str, candidates: int
    ) -> tuple[tuple[Candidate, ...], StageResult]:
        """Write texts shard by shard; a shard on disk is never written again."""
        config = self.job.config.decode
        seeds = self.job.seeds.child("decode")
        labels = sorted(set(self.embedded.labels))
        size = max(1, 2 * config.batch // candidates)
        shards = [range(start, min(start + size, len(latents))) for start in range(0, len(latents), size)]
        settings = Settings(
            prompts={label: label_prompt(config.prompt, label) for label in labels},
            candidates=candidates, max_new_tokens=config.max_new_tokens, temperature=config.temperature,
            top_p=config.top_p, top_k=config.top_k, batch=config.batch, words=config.words,
        )  # fmt: skip

        backend = backend_of(config.placement)
        by_segment = self.segment_writer
        sizes = [1] * len(latents) if by_segment is None else by_segment.sizes(latents)
        unit = "texts" if by_segment is None else "segments"

        def make(folder: Path) -> Mapping[str, object]:
            paths = [folder / f"shard-{i:05d}.parquet" for i in range(len(shards))]
            there = [i for rows, path in zip(shards, paths, strict=True) if path.exists() for i in rows]
            total, done = candidates * sum(sizes), candidates * sum(sizes[i] for i in there)
            with self.job.progress.stage("decode" + mark, total=total, unit=unit, done=done) as advance:
                for rows, path in zip(shards, paths, strict=True):
                    if not path.exists():
                        part = _rows(latents, list(rows))
                        if by_segment is None:
                            texts = self.decoder.decode(part, settings, seeds, advance)
                        else:
                            texts = by_segment.decode(self.decoder, part, settings, seeds, advance)
                        partial = path.with_suffix(".partial")
                        write_candidates(partial, texts)
                        sync(partial)
                        partial.replace(path)
            for leftover in folder.glob("*.partial"):
                leftover.unlink()
            counts = {"in": len(latents), "out": candidates * len(latents), "shards": len(shards), "backend": backend}
            return counts if by_segment is None else {**counts, "segments": total}

        inputs = {
            "version": STAGES_VERSION,
            "upstream": upstream,
            "rows": sha256_json(list(latents.ids)),
            "decoder": self.decoder_digest,
            "backend": backend,
            "config": config.model_dump(mode="json"),
            "candidates": candidates,
            "labels": labels,
            "seed": seeds.key().hex(),
            **({} if self.job.config.segments is None else {"segments": self.job.config.segments.model_dump()}),
        }
        result = self._stage("decode" + mark, inputs, make, keep_partial=True)
        return tuple(c for p in sorted(result.folder.glob("shard-*")) for c in read_candidates(p)), result

    def embed(self, mark: str, texts: tuple[Candidate, ...], decoded: StageResult) -> tuple[Float32, StageResult]:
        """Make the vectors of the round's texts; an empty text, rejected later, gets that of a full stop."""

        def make(folder: Path) -> Mapping[str, object]:
            written = [candidate.text or "." for candidate in texts]
            with self.job.progress.stage("re-embed" + mark, total=len(set(written)), unit="texts") as advance:
                np.save(folder / "vectors.npy", self.encoder.encode(written, advance), allow_pickle=False)
            return {"in": len(texts), "out": len(texts)}

        inputs = {"version": STAGES_VERSION, "decode": decoded.digest, "encoder": self.encoder.digest}
        result = self._stage("re-embed" + mark, inputs, make)
        return np.load(result.folder / "vectors.npy", allow_pickle=False), result

    def filter(
        self,
        mark: str,
        latents: Latents,
        candidates: tuple[Candidate, ...],
        vectors: Float32,
        echoes: Echoes,
    ) -> tuple[tuple[Candidate, ...], StageResult]:
        """Judge all candidates so far together and keep the best of each latent."""
        config, seeds = self.job.config, self.job.seeds.child("filter")

        room = config.decode.max_new_tokens
        if self.segment_writer is not None:
            room *= self.segment_writer.usual_size(latents)

        def make(folder: Path) -> Mapping[str, object]:
            context = filtering.make_context(
                latents, vectors, train=self.embedded, corpus=self.train, echoes=echoes, max_new_tokens=room,
                seeds=seeds,
            )  # fmt: skip
            # small problems: one thread is faster than waiting for two, and the same on every machine
            with (
                self.job.progress.stage("filter", total=len(candidates), unit="texts") as advance,
                threadpool_limits(limits=1),
            ):
                done = filtering.apply(candidates, context, filtering.build(config.filter))
                advance(len(candidates))
            write_candidates(folder / "kept.parquet", done.kept)
            write_candidates(folder / "judged.parquet", done.judged)
            return {
                "in": len(candidates), "out": len(done.kept), "wanted": dict(self.wanted),
                "rejected": dict(done.rejected),
                "failed": dict(done.failed), "spare": done.spare, "latents_lost": dict(done.latents_lost),
                "bounds": {name: dict(b) for name, b in done.bounds.items()},
            }  # fmt: skip

        inputs = {
            "version": STAGES_VERSION,
            "embed": [stage.digest for stage in self.stages if stage.name.startswith("re-embed")],
            "config": config.filter.model_dump(mode="json"),
            "wanted": dict(self.wanted),
            "seed": seeds.key().hex(),
        }
        result = self._stage("filter" + mark, inputs, make)
        return read_candidates(result.folder / "kept.parquet"), result

    def choose(
        self,
        kept: tuple[Candidate, ...],
        candidates: tuple[Candidate, ...],
        vectors: Float32,
        filtered: StageResult,
        latents: Latents,
    ) -> Written:
        """Draw exactly the wanted number of each label from what was kept."""
        if not kept:
            rejected = filtered.counts["rejected"]
            raise DataError("no candidate passed the filters", problems=[f"{k}: {v}" for k, v in rejected.items()])
        chosen = filtering.select(kept, self.wanted, self.job.seeds.child("select"))
        row = {(c.latent_id, c.index): i for i, c in enumerate(candidates)}
        rows = [row[c.latent_id, c.index] for c in chosen]
        place = {name: i for i, name in enumerate(latents.ids)}
        made = [place[c.latent_id] for c in chosen]
        return Written(
            records=chosen,
            vectors=vectors[rows],
            parents=tuple(latents.parent_ids[i] for i in made),
            weights=tuple(latents.weights[i] for i in made),
            wanted=self.wanted,
            stages=tuple(self.stages),
        )

    def _stage(
        self, name: str, inputs: Mapping[str, object], make: Make, *, keep_partial: bool = False
    ) -> StageResult:
        result = self.job.workspace.stage(name, inputs, make, keep_partial=keep_partial)
        self.stages.append(result)
        return result


def _rows(latents: Latents, rows: list[int]) -> Latents:
    return replace(
        latents,
        vectors=latents.vectors[rows],
        ids=tuple(latents.ids[i] for i in rows),
        labels=tuple(latents.labels[i] for i in rows),
        parent_ids=tuple(latents.parent_ids[i] for i in rows),
        weights=tuple(latents.weights[i] for i in rows),
    )
