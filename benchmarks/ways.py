"""Decode texts from the vectors of source texts in several ways, and compare each text with its source.

A source is a real text whose vector is decoded. A way is a method that gives one text for each source: it decodes the
vector, or looks a text up.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from studies.smotext.fidelity import Bools, Float64, Int64, class_kept, mean_of, words_of
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.embed.base import Encoder

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sources:
    """The real texts whose vectors are decoded."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]  # the class of each text
    vectors: Float32  # float32 (n, d), unit rows, the vectors of the texts

    def first(self, n: int) -> "Sources":
        """Return the first n sources."""
        return Sources(texts=self.texts[:n], labels=self.labels[:n], vectors=self.vectors[:n])

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Several texts written for each of m sources."""

    texts: tuple[tuple[str, ...], ...]  # m rows of c texts
    vectors: Float32  # float32 (m, c, d), the vectors of the texts
    ended: Bools  # bool (m, c), whether the model ended the text by itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """The texts of one way: one text for each of the first m sources, decoded or looked up."""

    name: str  # name of the way in a table
    decodes: int  # number of texts decoded for each source; 0 for a way that looks a text up
    texts: tuple[str, ...]  # m texts
    vectors: Float32  # float32 (m, d), unit rows, the vectors of the texts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundTrip:
    """Decodes vectors and embeds the decoded texts with the same encoder."""

    encoder: Encoder  # the encoder of the vectors
    decoder: Decoder
    settings: Settings  # the decoder's settings; `prompts` must contain the labels of the sources
    advance: Callable[[int], None] = lambda _: None  # called with the number of texts written since the last call

    def write(self, vectors: Float32, labels: Sequence[str], seeds: SeedTree, **changes: Any) -> Candidates:
        """Decode vectors (m, d), and return several texts for each; `changes` replace values of the settings.

        If `candidates` is increased, the first texts of each vector stay the same.
        """
        m = len(vectors)
        latents = Latents(
            vectors=np.ascontiguousarray(vectors, dtype=np.float32),
            ids=tuple(f"x{i:05d}" for i in range(m)),
            labels=tuple(labels),
            parent_ids=((),) * m,
            weights=((),) * m,
            method="identity",
            seed_path=str(seeds),
        )
        settings = replace(self.settings, **changes)
        written = self.decoder.decode(latents, settings, seeds, self.advance)
        c = settings.candidates
        # an empty text has no vector, so the vector of a full stop is used
        again = self.encoder.encode([s.text or "." for s in written])
        return Candidates(
            texts=tuple(tuple(s.text for s in written[i * c : (i + 1) * c]) for i in range(m)),
            vectors=again.reshape(m, c, -1),
            ended=np.array([s.finish == "stop" for s in written], dtype=bool).reshape(m, c),
        )


def first_of(name: str, tries: Candidates) -> Way:
    return Way(name=name, decodes=1, texts=tuple(t[0] for t in tries.texts), vectors=tries.vectors[:, 0])


def best_of(name: str, tries: Candidates, target: Float32, *, count: int | None = None, before: int = 0) -> Way:
    """Return a way that chooses the text whose vector is nearest to the target vector, for each source.

    Args:
        name: name of the way.
        tries: the decoded texts of m sources.
        target: the target vectors, float32 (m, d), unit rows.
        count: number of texts of each source to choose from (the first ones); all by default.
        before: number of texts per source that were decoded earlier for this way; they also count as decodes.
    """
    among = tries.vectors[:, :count]
    pick = np.einsum("mcd,md->mc", among, target).argmax(axis=1)
    return Way(
        name=name,
        decodes=among.shape[1] + before,
        texts=tuple(texts[k] for texts, k in zip(tries.texts, pick, strict=True)),
        vectors=among[np.arange(len(pick)), pick],
    )


def corrected(target: Float32, guess: Float32, alpha: float) -> Float32:
    """Return target vectors moved away from the vectors of guessed texts, to correct the error of the guess.

        x' = (x + α (x − e(g))) / |x + α (x − e(g))|

    Args:
        target: the target vectors x, float32 (m, d), unit rows.
        guess: the vectors e(g) of the texts g that were decoded from x, float32 (m, d), unit rows.
        alpha: step length α, above 0.

    Returns:
        The vectors x', float32 (m, d), unit rows.

    Reference: Morris et al., Text Embeddings Reveal (Almost) As Much As Text, EMNLP 2023, section 4. They train a
        second model on (x, e(g), x − e(g), g). This function trains no model; it adds the difference to x.
    """
    moved = target + np.float32(alpha) * (target - guess)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return moved


def correct_once(trip: RoundTrip, guess: Way, sources: Sources, *, alpha: float, tries: int, seeds: SeedTree) -> Way:
    """Return, for each source, the nearest of the guess and of `tries` texts decoded from the corrected vector."""
    name = f"{guess.name}, corrected by α = {alpha:g}"
    moved = corrected(sources.vectors, guess.vectors, alpha)
    written = trip.write(moved, sources.labels, seeds, candidates=tries)
    both = Candidates(
        texts=tuple((g, *w) for g, w in zip(guess.texts, written.texts, strict=True)),
        vectors=np.concatenate([guess.vectors[:, None], written.vectors], axis=1),
        ended=np.concatenate([np.ones((len(moved), 1), dtype=bool), written.ended], axis=1),
    )
    return best_of(name, both, sources.vectors, before=guess.decodes - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WayFigures:
    """The measurements of a way; each array is float64 (m,), with one number per text."""

    way: Way
    cosine: Float64  # cosine between the vectors of the text and of its source
    overlap: Float64  # see `overlap`
    rank: Float64  # see `ranks`
    class_kept: Float64  # 1 if the text has the class of its source, otherwise 0; see `fidelity.class_kept`


def judge(way: Way, sources: Sources) -> WayFigures:
    """Return the measurements of a way; text i is compared with source i, which is ranked among all sources."""
    m = len(way.texts)
    own = np.arange(m)[:, None]
    kept = class_kept(way.vectors, sources.labels[:m], sources.vectors, sources.labels, own)
    return WayFigures(
        way=way,
        cosine=np.einsum("md,md->m", way.vectors, sources.vectors[:m]).astype(np.float64),
        overlap=overlap(way.texts, sources.texts),
        rank=ranks(way.vectors, sources.vectors).astype(np.float64),
        class_kept=kept.astype(np.float64),
    )


def row_of(figures: WayFigures, seeds: SeedTree, against: WayFigures | None = None) -> Row:
    """Return the table row of a way: means with intervals, and paired differences from the way `against`, if given.

    Randomness: the bootstrap of each measurement uses its own child stream, such as seeds/cosine and seeds/overlap.
    """
    rank, way = figures.rank, figures.way
    values: Mapping[str, Float64] = {
        "cosine": figures.cosine,
        "overlap": figures.overlap,
        "first": (rank == 1).astype(np.float64),
    }
    row: Row = {"way": way.name, "decodes": way.decodes, "texts": len(rank)}
    for name, of in values.items():
        mean = mean_of(of, seeds.child(name).generator())
        row |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
    row |= {
        "median_rank": float(np.median(rank)),
        "reciprocal_rank": float((1 / rank).mean()),
        "class_kept": float(figures.class_kept.mean()),
    }
    if against is not None:
        row["against"] = against.way.name
        for name, ours, theirs in (
            ("cosine", figures.cosine, against.cosine),
            ("overlap", figures.overlap, against.overlap),
        ):
            mean = mean_of(ours - theirs, seeds.child(f"{name}-difference").generator())
            row |= {f"{name}_more": mean.value, f"{name}_more_low": mean.low, f"{name}_more_high": mean.high}
    return row


def ranks(written: Float32, sources: Float32) -> Int64:
    """Return the rank of each text's source among all n sources by similarity to the text, int64 (m,); 1 is nearest.

        rank_i = |{j : ŷ_i · x_j >= ŷ_i · x_i}|

    Ties count against the text's own source, so sources with identical vectors get bad ranks.

    Args:
        written: the vectors ŷ of the texts, float32 (m, d), unit rows; text i was written from source i, m <= n.
        sources: the vectors x of the sources, float32 (n, d), unit rows.
    """
    likeness = written @ sources.T
    worse: Int64 = (likeness >= likeness.diagonal()[:, None]).sum(axis=1, dtype=np.int64)
    return worse


def overlap(written: Sequence[str], sources: Sequence[str]) -> Float64:
    """Return the cosine between the TF-IDF vectors of text i and source i, float64 (m,).

    Term weights are (1 + log count) · idf of scikit-learn, learned on the sources. A text without words of the
    sources has overlap 0.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(sublinear_tf=True)
    theirs = weigh.fit_transform(sources)[: len(written)]
    return np.asarray(weigh.transform(written).multiply(theirs).sum(axis=1)).ravel()


def distinct_ngrams(texts: Sequence[str], k: int, words: int) -> float:
    """Return the number of distinct k-grams of the texts, divided by the number of all k-grams.

    Only the first `words` words of all texts together are used. The result falls with the amount of text, so compare
    only results with the same number of words.

    Reference: Li et al., A Diversity-Promoting Objective Function, NAACL 2016, section 5.3 (distinct-1, distinct-2).
    """
    rows = (words_of(text) for text in texts)
    flat = islice(chain.from_iterable(((w, i) for w in row) for i, row in enumerate(rows)), words)
    run = list(flat)
    inside = (run[at : at + k] for at in range(len(run) - k + 1) if run[at][1] == run[at + k - 1][1])
    grams = Counter(tuple(w for w, _ in gram) for gram in inside)
    if not grams:
        raise InternalError(f"no text has {k} consecutive words")
    return len(grams) / grams.total()
