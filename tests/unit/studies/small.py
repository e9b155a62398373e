"""A small set of two kinds of text, an encoder that counts words, and texts that a decoder could have written."""

import zlib
from dataclasses import replace

import numpy as np

from studies.smotext.protocol import EmbeddedDesign, SmotextProtocol
from studies.smotext.text_sets import Source, TextSet
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Record
from synthgen.embed import with_ids

WORDS = {"cat": ("purr", "fur", "mouse", "sleep", "milk"), "car": ("road", "wheel", "engine", "fuel", "brake")}
BOTH = ("the", "a", "and", "with", "of", "some", "very", "old")
PROTOCOL = SmotextProtocol(seeds=2, seed=3, real=24, synthetic=14, sizes=(6,), neighbours=2, spare=1.5)
PROTOCOL = replace(PROTOCOL, tokens=9, batch=4, pairs=6, lambdas=(0.0, 1.0))
D = 32


class Counting:
    """An encoder that returns unit vectors of word counts; equal texts get equal vectors."""

    name, digest, dim, max_tokens, normalized = "counting", "c" * 64, D, 99, True

    def encode(self, texts, progress=None):
        x = np.zeros((len(texts), D), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in text.split():
                x[i, zlib.crc32(word.encode()) % D] += 1
        if progress is not None:
            progress(len(texts))
        return x / np.linalg.norm(x, axis=1, keepdims=True)


def text(label, rng):
    words = [*rng.choice(WORDS[label], 3), *rng.choice(BOTH, 4), f"no{rng.integers(10**6)}"]
    return " ".join(rng.permutation(words))


def corpus(n, seed, per_person=2):
    rng = np.random.default_rng(seed)
    rows = [("cat", "car")[int(i % 5 < 2)] for i in range(n)]
    records = (
        Record(id=f"s{seed}-{i}", text=text(label, rng), label=label, group=f"s{seed}-p{i // per_person}")
        for i, label in enumerate(rows)
    )
    return Corpus(role="source", records=tuple(records), has_groups=True)


def design(**changes):
    words = {"cat": "cats", "car": "cars"}
    source = Source(train=(), test=(), words=words, label_prompt="Of {label}.", max_new_tokens=9, style="letter")
    small = TextSet(name="small", pool=corpus(70, 1), test=corpus(31, 2), source=source)
    encoder = Counting()
    pool, test = with_ids(small.pool, encoder.encode(small.pool.texts), encoder), encoder.encode(small.test.texts)
    return EmbeddedDesign(text_set=small, pool=pool, test=test, protocol=replace(PROTOCOL, **changes))


def written(writing):
    """Return what a decoder that knows the classes would write."""
    found = []
    for name, label in zip(writing.latents.ids, writing.latents.labels, strict=True):
        rng = SeedTree(7).child(name).generator()
        texts = [text(label, rng) for _ in range(writing.request.settings.candidates)]
        found += [Candidate(latent_id=name, index=c, text=t, label=label, finish="stop") for c, t in enumerate(texts)]
    return tuple(found)
