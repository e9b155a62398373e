"""Stand-ins for a small test run: a fictional clinic, an encoder that counts words, a decoder that picks phrases.

As with the real models, equal texts get equal vectors, and the texts of a record depend only on its vector, its label
and its own random stream.
"""

import functools
import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fictional_clinic import generate

from synthgen.config import Config
from synthgen.core.progress import silent
from synthgen.core.tables import read_corpus
from synthgen.core.types import Candidate
from synthgen.pipeline import decoders, judge, rounds
from synthgen.pipeline.job import Job
from synthgen.pipeline.prepare import (
    embed_train,
    load_source,
    read_prepared,
    replace_identifiers,
    replaced_names,
    split_source,
)
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.stage_order import write_records
from synthgen.pipeline.workspace import Workspace

CLASSES = ("cardiology", "gastroenterology", "pulmonology")
DIM = 40
COLUMNS = {"text": "note", "label": "specialty", "group": "patient_id", "id": "note_id", "names": ["patient_name"]}
SETTINGS = {"version": 1, "seed": 7, "secret": "public", "ledger": "ledger", "embed": {"model": "counting"}}
SETTINGS["source"] = COLUMNS | {"path": "notes.jsonl", "labels": list(CLASSES)}
SETTINGS["deidentify"] = {"engine": "rules"}
SETTINGS["interpolate"] = {"method": "smote", "k_neighbors": 2, "total": 15}
SETTINGS |= {
    "decode": {"model": "picking", "class_words": False, "candidates": 2, "batch": 4},
    "filter": {"class_agreement": None},
}


@functools.cache
def clinic(patients, seed):
    """Return the rows of a clinic; they are cached, so do not change them."""
    return generate(patients, np.random.default_rng(seed))


class CountingEncoder:
    """An encoder whose vectors are signed counts of words; `seen` lists every encoded text in order."""

    name, digest, dim, max_tokens, normalized = "counting", "e" * 64, DIM, 512, True

    def __init__(self):
        self.seen = []

    def encode(self, texts, progress=None):
        self.seen += texts
        if progress is not None:
            progress(len(set(texts)))
        vectors = np.array([self.vector(text) for text in texts]).reshape(len(texts), DIM)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    @staticmethod
    def vector(text):
        vector = np.full(DIM, 0.01)
        for word in re.findall(r"[a-z]+", text.lower()):
            digest = hashlib.sha256(word.encode()).digest()
            vector[digest[0] % DIM] += 1 if digest[1] % 2 else -1
        return vector


class PickingDecoder:
    """A decoder that picks the phrases of another clinic's notes that are near the vector, with some randomness.

    `decoded` has the ids of the latents of each call, `contexts` their texts so far, `settings` the last settings.
    Latents for which `spoil` is true get empty texts. After `stop_after` calls, KeyboardInterrupt is raised.
    """

    def __init__(self, encoder):
        notes = [row["note"] for row in clinic(12, 99)]
        self.phrases = sorted({p for note in notes for p in re.split(r"(?<=[.;])\s+", note) if 12 < len(p) < 70})
        self.vectors = encoder.encode(self.phrases)
        encoder.seen.clear()
        self.decoded, self.contexts = [], []  # contexts: (id, text so far)
        self.spoil = lambda _latent_id, _label: False
        self.stop_after, self.n_phrases = None, 9

    def decode(self, latents, settings, seeds, advance, contexts=()):
        if self.stop_after is not None and len(self.decoded) >= self.stop_after:
            raise KeyboardInterrupt
        self.decoded.append(latents.ids)
        self.contexts += zip(latents.ids, contexts, strict=True) if contexts else []
        self.settings = settings
        found = []
        for id_, label, vector in zip(latents.ids, latents.labels, latents.vectors, strict=True):
            rng = seeds.child(id_).generator()
            for index in range(settings.candidates):
                liking = self.vectors @ vector + rng.gumbel(scale=0.03, size=len(self.phrases))
                text = " ".join(self.phrases[i] for i in np.argsort(-liking)[: self.n_phrases])
                text = "" if self.spoil(id_, label) else text
                found.append(
                    Candidate(latent_id=id_, index=index, text=text, label=label, finish="stop", surprisal=0.2)
                )
        advance(len(found))
        return tuple(found)


class Bench:
    """Configurations in one folder that use the stand-ins for the models."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch):
        self.root, self.encoder, self.source_control = root, CountingEncoder(), None
        self.decoder = PickingDecoder(self.encoder)
        patch.setattr(Job, "encoder", lambda _job: self.encoder)
        patch.setattr(Job, "folder", lambda _job, name: root / name)
        patch.setattr(decoders, "digest_of", lambda folder: f"digest of {folder.name}")
        patch.setattr(decoders, "load_bridge", lambda name, _resolve: SimpleNamespace(digest=f"bridge {name}"))
        patch.setattr(decoders, "open_decoder", lambda *_: self.decoder)
        patch.setattr("synthgen.decode.stage.workers_for", lambda *_, **__: 1)  # one worker keeps the calls in order
        self.rows = clinic(60, 5)
        lines = [json.dumps({k: v for k, v in row.items() if k != "key"}) for row in self.rows]
        (root / "notes.jsonl").write_text("\n".join(lines) + "\n")

    def job(self, **changes):
        """Return a job with some changed sections of the configuration."""
        given = {k: {**v, **changes.pop(k, {})} if isinstance(v, dict) else v for k, v in SETTINGS.items()}
        config = Config.parse({**given, **changes}, base=str(self.root))
        return Job(config, Workspace(config.resolve(config.workspace)), silent)

    def prepare(self, job):
        """Return the prepared records, the embed stage and the vectors."""
        loaded = load_source(job, None)
        parts = split_source(job, loaded)
        clean = replace_identifiers(job, loaded, parts)
        self.stages = (loaded, parts, clean)
        self.source_control = read_corpus(parts.folder / "control.parquet", "control")
        prepared = read_prepared(job, parts, clean)
        result, embedded = embed_train(job, clean, prepared.train, encoder_for(job, prepared.train))
        return prepared, result, embedded

    def writer(self, job):
        """Return the writing rounds of a run, before the first round."""
        prepared, result, embedded = self.prepare(job)
        names = replaced_names(self.stages[2].folder, prepared.train)
        return Writing(job, prepared.train, embedded, result.digest, names)

    def judge(self, job, prepared, embedded, written):
        """Run the stages after the writing; return the stages of control, utility and audits."""
        encoder, synthetic = encoder_for(job, prepared.train), judge.synthetic_corpus(job, written)
        attempt = judge.register_attempt(job, written, prepared, self.source_control or prepared.control)
        control, control_vectors = judge.embed_control(job, prepared.control, encoder)
        vectors = {"train": embedded.vectors, "control": control_vectors, "synthetic": written.vectors}
        corpora = {"synthetic": synthetic, "train": prepared.train, "control": prepared.control}
        tables = judge.JudgedTables(**corpora, vectors=vectors, train_segments=embedded.parts)
        evaluated = judge.evaluate_utility(job, tables, written, encoder, attempt)
        return control, evaluated, judge.attack(job, tables, prepared, written, evaluated, attempt)


class Writing:
    """The writing rounds of a run: `write` runs all of them and lists their `stages`; other methods run one stage."""

    def __init__(self, job, train, embedded, upstream, names):
        self.names = names
        self.job, self.train, self.embedded, self.upstream = job, train, embedded, upstream
        self.encoder = encoder_for(job, train)
        self.stages = []

    @functools.cached_property
    def setup(self):
        return rounds.set_up(self.job, self.material, self.encoder, decoders.open_bridge(self.job))

    @functools.cached_property
    def material(self):
        return rounds.fitted_on(self.job, self.train, self.embedded, self.upstream, self.names)

    def write(self):
        stages = write_records(self.job, self.material, self.encoder)
        while True:
            try:
                self.stages.append(next(stages))
            except StopIteration as end:
                return end.value

    def interpolate(self, requested):
        return rounds.interpolate(self.job, self.setup, SimpleNamespace(requested=requested, suffix=""))

    def decode(self, latents, upstream, candidates, mark=""):
        return rounds.decode(self.job, self.setup, latents, upstream, mark, candidates)

    def reconstruction(self):
        latents = rounds.reconstruction_latents(self.job, self.setup)
        texts, decoded = self.decode(latents, self.upstream, 1, "-reconstruction")
        vectors, _ = rounds.embed_texts(self.job, self.setup, texts, decoded, "-reconstruction")
        return rounds.reconstructions_of(latents, texts, vectors)
