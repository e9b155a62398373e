"""dp-vote: persons vote for the written texts nearest to their own, and what few vote for dies out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Latents
from synthgen.dp import gaussian
from synthgen.dp.class_queries import WIDE, kept_of
from synthgen.dp.gaussian import ClassModel, latents_of
from synthgen.dp.method import Asked, PublicContext
from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Ask, Float64, Query
from synthgen.dp.person_rows import PersonRows

NAME = "dp-vote"
FILE = "survivors.safetensors"
VOTES = "votes"
ASKED = {**gaussian.ASKED, VOTES: Asked(share=0.25, steps=2, kind="vote")}
EACH = 4.0  # standard deviations of the noise that a candidate's votes are on average
FEWEST, MOST = 2, 200  # candidates of a class
SAME = 1e-9  # of texts whose coordinates differ by no more one was written twice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VotedModel:
    """What was learned: the classes, and where in them the survivors are.

        x = m_c + √(1 - h²) (p - m_c) + h L z,   p a survivor, drawn by its votes, m_c their mean,  h² = W / (W + K)

    so that points have the survivors' mean and, where L is their spread, their covariance too. K survivors span K
    directions at most, of the W = `WIDE` along which people differ, so the fewer they are the more points are moved.

    Args:
        classes: the Gaussians and the classifier.
        survivors: float64 (C, K, d), coordinates.
        votes: float64 (C, K), shares, each row summing to 1.

    Source: the kernel that keeps mean and covariance is that of West, J. R. Stat. Soc. B 1993.
    """

    classes: ClassModel
    survivors: Float64
    votes: Float64

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return new vectors; see `Learned`."""
        drawn = {
            label: self.classes.most_of_class(label, self._around(label, m, rng.child(label)))
            for label, m in counts.items()
        }
        return latents_of(drawn, NAME, rng)

    def _around(self, label: str, m: int, rng: SeedTree) -> Float64:
        """Return points around survivors, float64 (m, `DRAWN`, d), of one survivor each."""
        chances = self.votes[self.classes.labels.index(label)]
        chosen = np.searchsorted(np.cumsum(chances), rng.child("survivor").generator().random(m))
        z = rng.child("moved").generator().standard_normal((m, gaussian.DRAWN, self.survivors.shape[2]))
        return self._moved(label, np.minimum(chosen, len(chances) - 1), z)

    def drafts(self, label: str, k: int, rng: SeedTree) -> Float64:
        """Return points around survivors, float64 (k, d), each survivor as often as its votes say, moved in pairs."""
        chances, start = self.votes[self.classes.labels.index(label)], rng.child("survivor").generator().random()
        even = (start + np.arange(k // 2)) / (k // 2)
        chosen = np.minimum(np.searchsorted(np.cumsum(chances), even), len(chances) - 1)
        return self._moved(label, np.repeat(chosen, 2), pairs(k, self.survivors.shape[2], rng)[:, None])[:, 0]

    def _moved(self, label: str, chosen: Int64, z: Float64) -> Float64:
        code = self.classes.labels.index(label)
        chances, points = self.votes[code], self.survivors[code]
        middle, moved = chances @ points, WIDE / (WIDE + len(points))
        kept = middle + np.sqrt(1 - moved) * (points[chosen] - middle)
        return np.asarray(kept[:, None] + np.sqrt(moved) * (z @ self.classes.spread.T))

    def save(self, folder: Path) -> None:
        """Write it into a folder; the basis and the names are public and are not in it."""
        self.classes.save(folder)
        from safetensors.numpy import save_file

        save_file({"survivors": self.survivors, "votes": self.votes}, folder / FILE)


@dataclass(frozen=True, slots=True, eq=False)
class _AtFirst:
    """The classes' Gaussians, which the first drafts are drawn from."""

    classes: ClassModel

    def drafts(self, label: str, k: int, rng: SeedTree) -> Float64:
        """Return points of a class's Gaussian, float64 (k, d), in pairs on either side of its mean."""
        mean = self.classes.points[self.classes.labels.index(label)]
        return np.asarray(mean + pairs(k, len(mean), rng) @ self.classes.spread.T)


def pairs(k: int, d: int, rng: SeedTree) -> Float64:
    """Return normal numbers, float64 (k, d), each row followed by its negative, so that few rows have no mean."""
    z = rng.child("moved").generator().standard_normal((k // 2, d))
    return np.stack([z, -z], axis=1).reshape(-1, d)


def learn(people: PersonRows, context: PublicContext, queries: Mapping[str, Query], ask: Ask) -> VotedModel:
    """Return what survives the persons' votes.

    From the classes' Gaussians come K candidates a class; they are written, and each person votes, in the mean over
    the person's records, for the text of the record's class that lies nearest to it, see `nearest`. Candidates are
    then as likely as their noised votes say, shrunk towards all being alike by what of the votes is noise; the next
    ones lie around them.

    Privacy: the queries of `dp-gaussian`, and one of kind `vote` for each round: a person's row has norm 1 at most.
    Random: setting.seeds/round-i, beside the noise.
    Cost: C K texts a round.
    Source: private evolution, Lin et al., ICLR 2024 (arXiv 2305.15560), and Xie et al., ICML 2024 (arXiv 2403.01749),
        with points moved in the space of vectors, and the classes' Gaussians in place of a public population.
    """
    classes, query = gaussian.learn(people, context, queries, ask), queries[VOTES]
    k = candidates_of(query, context.persons, len(context.labels))
    labels = [label for label in context.labels for _ in range(k)]
    found: VotedModel | None = None
    for number in range(query.steps):
        rng, model = context.seeds.child(f"round-{number + 1}"), found or _AtFirst(classes)
        points = np.stack([model.drafts(label, k, rng.child(label)) for label in context.labels])
        drafts = context.basis.outward(points.reshape(len(labels), -1))
        votes = _ask_votes(people, context.basis.inward(context.write(drafts, labels, rng)), k, query, ask)
        found = VotedModel(classes=classes, survivors=points, votes=votes)
    if found is None:
        raise InternalError("nobody was asked to vote")
    return found


def read(folder: Path, context: PublicContext) -> VotedModel:
    """Return the model that `VotedModel.save` wrote."""
    from safetensors.numpy import load_file

    return VotedModel(classes=gaussian.read(folder, context), **load_file(folder / FILE))


def candidates_of(query: Query, persons: int, n_classes: int) -> int:
    """Return how many candidates a class has, so that noise does not drown the votes: K = N / (C `EACH` σ), even."""
    return 2 * int(np.clip(persons / (n_classes * EACH * query.noise_multiplier), FEWEST, MOST) // 2)


def _ask_votes(people: PersonRows, written: Float64, k: int, query: Query, ask: Ask) -> Float64:
    """Return the share of its class's votes of each candidate, float64 (C, K); all alike where noise is all."""
    n_classes = people.n_classes

    def of_records(at: slice) -> Float64:
        rows = np.zeros((at.stop - at.start, n_classes * k))
        rows[np.arange(len(rows)), nearest(people.points[at], people.classes[at], written, k)] = 1.0
        return rows

    counts = ask(people.mean_rows(of_records), query).reshape(n_classes, k)
    usual = np.maximum(counts.mean(axis=1, keepdims=True), query.noise_multiplier)
    apart = counts - counts.mean(axis=1, keepdims=True)
    shares = np.maximum(0.0, usual + apart * kept_of(apart, query.noise_multiplier))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def nearest(points: Float64, classes: Int64, written: Float64, k: int) -> Int64:
    """Return for each point the number of the written text of its class that lies nearest, int64 (n,).

        argmax_k  ⟨x, w_k⟩ - mean_j ⟨w_j, w_k⟩

    so that texts in the middle, which lie near to everybody, do not take all votes. A vote turns where two are as
    near, so points are functions of one person alone, each is compared by itself, and of texts that are the same
    (`SAME`) the first one alone can be voted for: last bits decide nothing but ties of chance far below any delta.

    Args:
        points: float64 (n, d), coordinates.
        classes: int64 (n,).
        written: float64 (C k, d), class after class.
        k: texts of each class.
    """
    found = np.zeros(len(points), dtype=np.int64)
    for code in np.unique(classes):
        rows, own = classes == code, written[code * k : (code + 1) * k]
        apart = np.abs(own[:, None] - own[None]).max(axis=2)
        again = (np.tril(apart <= SAME, -1)).any(axis=1)
        hub = np.where(again, np.inf, (own @ own.T).mean(axis=1))
        found[rows] = code * k + np.array([(own @ point - hub).argmax() for point in points[rows]])
    return found
