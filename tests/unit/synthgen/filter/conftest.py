"""A small artificial dataset: three classes in seven dimensions, two records per person, candidates around latents.

The decoder errors of the reconstructions, which are decoded from train vectors, are as large as those of candidates.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, Record
from synthgen.filter import Reconstructions, make_context
from synthgen.interpolate import InterpolateConfig

SUBJECTS = {
    "ant": ["the colony", "a worker", "the queen", "an old nest", "every forager", "the soldier caste"],
    "bee": ["the hive", "a drone", "the swarm", "an empty comb", "every keeper", "the nectar store"],
    "cow": ["the herd", "a heifer", "the dairy", "an open stall", "every farmer", "the milking parlour"],
}
VERBS = ["moved slowly across", "was found beside", "grew larger than", "returned late to", "was seen far from"]
PLACES = ["the river bank", "a stone wall", "the northern field", "our old barn", "some wet meadow", "the long road"]
TIMES = ["before dawn", "in the rain", "after two days", "while it was snowing", "in late summer", "at noon"]
DIM = 7
N_RECONSTRUCTIONS = 34


def paragraph(label, rng):
    phrases = (SUBJECTS[label], VERBS, PLACES, TIMES)
    return " ".join(" ".join(words[rng.integers(len(words))] for words in phrases) + "." for _ in range(3))


@dataclass
class World:
    """The arguments of `make_context`, and the candidates."""

    train: Embedded
    corpus: Corpus
    latents: object
    candidates: list
    vectors: np.ndarray
    reconstructions: Reconstructions

    def context(self, **changes):
        given = {
            "train": self.train,
            "corpus": self.corpus,
            "reconstructions": self.reconstructions,
            "max_new_tokens": 96,
            "seeds": SeedTree(4).child("filter"),
        }
        return make_context(self.latents, self.vectors, **(given | changes))

    def permuted(self, order):
        """Return the same world with candidates in another order."""
        return replace(self, candidates=[self.candidates[i] for i in order], vectors=self.vectors[list(order)])

    def some_reconstructions(self, rows):
        """Return the reconstructions of these rows, in this order."""
        given = self.reconstructions
        ids, texts = (tuple(values[i] for i in rows) for values in (given.record_ids, given.texts))
        return Reconstructions(record_ids=ids, texts=texts, vectors=given.vectors[list(rows)])

    def with_texts(self, texts, **changes):
        """Return copies of the first candidate with other texts."""
        return [replace(self.candidates[0], text=text, **changes) for text in texts]


@pytest.fixture
def world():
    rng = np.random.default_rng(11)
    records, rows = [], []
    for axis, label in enumerate(SUBJECTS):
        for person in range(9 + axis):
            for note in range(2):
                vector = rng.normal(scale=0.25, size=DIM)
                vector[axis] += 1
                rows.append(vector / np.linalg.norm(vector))
                group = f"{label}{person:02d}"
                text = paragraph(label, rng)
                records.append(Record(id=f"{group}-{note}", text=text, label=label, group=group))
    order = rng.permutation(len(records))
    corpus = Corpus(role="train", records=tuple(records[i] for i in order), has_groups=True)
    train = Embedded(
        vectors=np.array(rows, dtype=np.float32)[order],
        ids=tuple(r.id for r in corpus.records),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        encoder="test",
        normalized=True,
    )
    config = InterpolateConfig(method="smote", k_neighbors=3, total=10)
    latents = config.build().fit(train).sample({"ant": 6, "bee": 5, "cow": 4}, SeedTree(9))
    candidates, vectors = [], []
    for id_, label, latent in zip(latents.ids, latents.labels, latents.vectors, strict=True):
        for index in range(3):
            text = paragraph(label, rng)
            candidates.append(
                Candidate(latent_id=id_, index=index, text=text, label=label, finish="stop", surprisal=0.2)
            )
            vectors.append(latent + rng.normal(scale=0.05 * (1 + index), size=DIM))
    rows = rng.permutation(len(records))[:N_RECONSTRUCTIONS]
    noise = np.array([rng.normal(scale=0.05 * (1 + i % 3), size=DIM) for i in range(N_RECONSTRUCTIONS)])
    reconstructions = Reconstructions(
        record_ids=tuple(train.ids[row] for row in rows),
        texts=tuple(paragraph(train.labels[row], rng) for row in rows),
        vectors=(train.vectors[rows] + noise).astype(np.float32),
    )
    return World(train, corpus, latents, candidates, np.array(vectors, dtype=np.float32), reconstructions)
