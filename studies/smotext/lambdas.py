"""Decode texts from points between the vectors of two texts (the parents), and measure the similarity to each parent.

λ is the position of the point: 0 is at the first parent, and 1 at the second.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studies.drawing import LOOKS, sheet, write_figure
from studies.smotext.fidelity import Bools, Float64, Int64, class_kept, mean_of, words_of
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.embed.base import Encoder
from synthgen.interpolate.linear import interpolate_linearly, pair_weights

TELLING_LETTERS = 4  # smallest length of a word that can be distinctive of a text
TELLING_SHARE = 0.05  # largest share of all texts that contain a distinctive word
_FIGURE_INCHES = 3.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Texts, and the pairs of texts to interpolate.

    Raises:
        DataError: if the two texts of a pair have different classes or are the same text, if the class of a pair has
            fewer than three texts, or if there are fewer than two pairs.
    """

    texts: Sequence[str]
    labels: Sequence[str]  # the class of each text
    # int64 (m, 2), m >= 2, the two different texts of each pair, of one class that has at least three texts
    rows: Int64

    def __post_init__(self) -> None:
        names = np.array(self.labels)
        first, second = self.rows.T
        size = Counter(self.labels)
        few = np.array([size[names[i]] < 3 for i in first], dtype=bool)
        problems = [
            f"{int(wrong.sum())} pairs {what}"
            for wrong, what in (
                (names[first] != names[second], "of two classes"),
                (first == second, "of a text with itself"),
                (few, "of a class with no third text, which the measure `class_kept` needs"),
            )
            if wrong.any()
        ]
        if len(self.rows) < 2:
            needed = "at least two are needed, because each pair is compared with another pair"
            problems.append(f"{len(self.rows)} pairs; {needed}")
        if problems:
            raise DataError("the pairs cannot be interpolated", problems=problems)


def random_pairs(labels: Sequence[str], m: int, rng: np.random.Generator) -> Int64:
    """Return m random pairs of texts, int64 (m, 2); both texts of a pair have one class, and no text is used twice.

    The classes take turns in the list of pairs. Classes with fewer than three texts are skipped.

    Raises:
        DataError: if the classes have too few texts for m pairs.
    """
    size = Counter(labels)
    of = {c: [i for i, label in enumerate(labels) if label == c] for c in sorted(size) if size[c] >= 3}
    by_class = {c: rng.permutation(rows) for c, rows in of.items()}
    each = {c: list(zip(rows[0::2], rows[1::2], strict=False)) for c, rows in by_class.items()}
    turns = [
        pairs[k] for k in range(max(map(len, each.values()), default=0)) for pairs in each.values() if k < len(pairs)
    ]
    if len(turns) < m:
        problem = f"{m} pairs are requested, but the classes have texts for only {len(turns)}"
        raise DataError(problem, hint="Request fewer.")
    return np.array(turns[:m], dtype=np.int64)


def along(
    encoder: Encoder, decoder: Decoder, settings: Settings, pairs: Pairs, lambdas: Sequence[float], seeds: SeedTree
) -> list[dict[str, float]]:
    """Return for each λ one row of measures of the texts that are decoded from points between the parents.

        x̃ = x_i + λ (x_j − x_i),   ŷ = e(text written from x̃)

    Here e is the encoder, and x_i and x_j are the vectors of the parents. If several candidates (texts) are decoded
    for a pair, their measures are averaged. A pair uses the same random numbers for every λ.

    Args:
        encoder: encoder of the texts.
        decoder: decoder of the vectors.
        settings: settings of the decoder; `prompts` must contain the labels of the pairs.
        pairs: the pairs to interpolate.
        lambdas: each in [0, 1].
        seeds: random streams of the decoder and the intervals.

    Returns:
        Rows with λ ("lambda"), the number of pairs ("pairs"), and these means over pairs:
            "target", "target_low", "target_high": cos(ŷ, x̃) and its bootstrap interval;
            "first", "second": cos(ŷ, x_i) and cos(ŷ, x_j);
            "others": mean of cos(ŷ, x) over the two parents x of another pair of the class, as the baseline for
                "first" and "second";
            "class_kept": share of texts of the requested class, by `class_kept` with both parents excluded;
            "says_first", "says_second": share of texts with a rare word that only the first parent has, and share of
                texts with a rare word that only the second parent has;
            "says_both": share of texts with rare words of both kinds;
            "says_both_others": like "says_both", but with the parents of another pair of the class; this is the share
                expected by chance.

    Privacy: the result has numbers and no text.
    Cost: len(lambdas) · m · candidates texts are decoded and embedded.
    """
    vectors = encoder.encode(list(pairs.texts))
    labels = tuple(pairs.labels[i] for i in pairs.rows[:, 0])
    distinctive = _distinctive(pairs)
    rows = []
    for lam in lambdas:
        target = np.empty((len(pairs.rows), vectors.shape[1]), dtype=np.float32)
        at = np.full(len(pairs.rows), lam, dtype=np.float64)
        interpolate_linearly(vectors, pairs.rows, pair_weights(at), target)
        latents = _latents(target, labels, pairs, lam)
        texts = [c.text for c in decoder.decode(latents, settings, seeds.child("decode"), lambda _: None)]
        written = encoder.encode([text or "." for text in texts])
        found = _figures(written, target, vectors, pairs)
        found |= _says([frozenset(words_of(text)) for text in texts], distinctive, _next(pairs))
        mean = mean_of(found.pop("target"), seeds.child("interval", str(lam)).generator())
        row = {"lambda": float(lam), "pairs": float(len(pairs.rows)), "target": mean.value}
        row |= {"target_low": mean.low, "target_high": mean.high}
        rows.append(row | {name: float(values.mean()) for name, values in found.items()})
    return rows


def _latents(target: Float32, labels: tuple[str, ...], pairs: Pairs, lam: float) -> Latents:
    return Latents(
        vectors=target,
        ids=tuple(f"pair{k}" for k in range(len(target))),
        labels=labels,
        parent_ids=tuple((str(i), str(j)) for i, j in pairs.rows),
        weights=((1 - lam, lam),) * len(target),
        method="along",
        seed_path="along",
    )


def _next(pairs: Pairs) -> Int64:
    """Return for each pair the number of the next pair of its class (int64), or of any class if there is no other."""
    of = [pairs.labels[i] for i in pairs.rows[:, 0]]
    m = len(of)
    turn = [[(k + step) % m for step in range(1, m)] for k in range(m)]
    return np.array([next((j for j in turn[k] if of[j] == of[k]), turn[k][0]) for k in range(m)], dtype=np.int64)


def _figures(written: Float32, target: Float32, vectors: Float32, pairs: Pairs) -> dict[str, Float64]:
    """Return the cosine measures of `along` and "class_kept", each float64 (m), one number per pair."""
    m = len(target)
    again = written.reshape(m, -1, written.shape[1])
    other = pairs.rows[_next(pairs)]
    found = {
        name: np.asarray(np.einsum("mcd,md->m", again, x) / again.shape[1], dtype=np.float64)
        for name, x in (
            ("target", target / np.linalg.norm(target, axis=1, keepdims=True)),
            ("first", vectors[pairs.rows[:, 0]]),
            ("second", vectors[pairs.rows[:, 1]]),
            ("others", vectors[other].mean(axis=1)),
        )
    }
    labels = [pairs.labels[i] for i in pairs.rows[:, 0]]
    kept = [class_kept(again[:, c], labels, vectors, pairs.labels, pairs.rows) for c in range(again.shape[1])]
    return found | {"class_kept": np.mean(kept, axis=0)}


def _distinctive(pairs: Pairs) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Return for each pair the rare words that only its first text has, and those that only its second text has.

    A word of at least `TELLING_LETTERS` letters is rare if at most `TELLING_SHARE` of the texts, or at most two
    texts, contain it.
    """
    words = [frozenset(w for w in words_of(text) if len(w) >= TELLING_LETTERS) for text in pairs.texts]
    n_texts = Counter(w for of in words for w in of)
    most = max(2.0, TELLING_SHARE * len(words))
    rare = [frozenset(w for w in of if n_texts[w] <= most) for of in words]
    return [(rare[i] - words[j], rare[j] - words[i]) for i, j in pairs.rows]


def _says(
    words: Sequence[frozenset[str]], distinctive: Sequence[tuple[frozenset[str], frozenset[str]]], others: Int64
) -> dict[str, Float64]:
    """Return the measures "says_..." of `along`: for each pair, the share of its texts with distinctive words.

    `words` are the words of the decoded texts, pair by pair, and `others` is the next pair of each pair; see `_next`.
    """
    m = len(distinctive)
    c = len(words) // m

    def share(pair_of: Sequence[int]) -> tuple[Bools, Bools]:
        first, second = (
            np.array([[bool(words[k * c + i] & distinctive[pair_of[k]][side]) for i in range(c)] for k in range(m)])
            for side in (0, 1)
        )
        return first, second

    first, second = share(range(m))
    chance = np.logical_and(*share(others.tolist()))
    shown = {"first": first, "second": second, "both": first & second, "both_others": chance}
    return {f"says_{name}": hits.mean(axis=1) for name, hits in shown.items()}


def write_lambdas(rows: Sequence[dict[str, float]], folder: Path, name: str = "lambdas") -> list[Path]:
    """Draw the measures in the rows of `along` over λ, and return the files, SVG and PNG."""
    lam = np.array([row["lambda"] for row in rows])
    panels_of = (
        (
            "cosine of the decoded text",
            {
                "target": "to the vector",
                "first": "to the first parent",
                "second": "to the second parent",
                "others": "to another pair's parents",
            },
        ),
        (
            "share of texts",
            {
                "class_kept": "class kept",
                "says_both": "mentions both parents",
                "says_both_others": "mentions both parents of another pair (chance)",
            },
        ),
    )
    with sheet(_FIGURE_INCHES, 1, 2) as (figure, panels):
        for panel, (title, series) in zip(panels, panels_of, strict=True):
            for look, (key, label) in zip(LOOKS, series.items(), strict=False):
                y = [row[key] for row in rows]
                style = {"color": look.color, "marker": look.marker, "linestyle": look.dash}
                panel.plot(lam, y, **style, markeredgecolor="white", markeredgewidth=0.4, label=label)
                if key == "target":
                    low, high = ([row[f"target_{end}"] for row in rows] for end in ("low", "high"))
                    panel.fill_between(lam, low, high, color=look.color, alpha=0.13, linewidth=0)
            panel.set_title(title, loc="left")
            panel.set_xlabel("λ, from the first parent to the second")
            panel.set_xticks(lam)
            panel.set_ylim(bottom=min(0, panel.get_ylim()[0]))
            panel.grid(visible=True, axis="y")
            panel.set_axisbelow(True)
            panel.legend(loc="upper left", bbox_to_anchor=(0, -0.18), handlelength=3.4, borderaxespad=0)
        return write_figure(figure, folder, name)
