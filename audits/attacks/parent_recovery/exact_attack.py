"""Find synthetic vectors that were mixed from train vectors, for the audit `parent_recovery`.

A point is a row of the synthetic matrix, and a real row is a row of train or control. A segment is the straight line
between two train rows, or between two control rows. The first attack counts the points on segments. The second attack
uses only the points: it finds lines through at least three points, and the intersections of these lines. If points
were mixed from pairs of train rows, the lines intersect at train rows.

Both attacks need the original vectors, precise to about four digits. If a text is written from a vector and encoded
again, the new vector is different. A deviation of 1e-3 hides a segment, so finding nothing in new vectors **does not
show safety**. `noise_tolerant_attack.py` has an attack for text.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.stats import binom
from sklearn.preprocessing import normalize

from audits.attacks.parent_recovery.noise_tolerant_attack import CANDIDATES
from audits.core.types import Bool, Float, Int
from audits.embeddings.similarity import BLOCK, best_pairs, similarity_blocks

# largest distance of a point from a segment, as a share of the segment's length; largest distance of two intersecting
# lines, as a share of the sum of their lengths; and largest angle, in radians, between directions on one line
TOLERANCE = 1e-4
MARGIN_OF_CHANCE = 100  # chance is ruled out only if no point is within this many tolerances of a control segment
MIN_DIMENSIONS = 5  # with fewer dimensions, chance is never ruled out
# a point is on a segment only if each end has more than this share of the total weight in the combination of both
# ends that is nearest to the point
INTERIOR = 1e-3
LINE_NEIGHBOURS = 30  # the lines through a point are searched among this many points nearest to it
MAX_LINE_ROWS = 20_000  # lines are searched only among the first points of the synthetic matrix, up to this number
MIN_LINES = 3  # smallest number of lines that meet at an intersection
RECOVERED_WITHIN = 1e-3  # largest distance of a recovered real row from an intersection, as a share of the row's norm


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEvidence:
    """Results of the exact attacks on one matrix."""

    rows: int  # number of points
    between_train: int  # number of points on a train segment
    between_control: int  # number of points on a control segment, which happens only by chance
    # p-value of the one-sided test whether more points lie only on train segments than only on control segments
    sign_test_p: float
    chance_ruled_out: bool  # at least 5 dimensions, and no point within 100 tolerances of a control segment
    train_rows_recovered_from_lines: int  # number of train rows at which three or more lines through points intersect

    @property
    def proven(self) -> bool:
        """Whether at least one point lies on a train segment, and chance is ruled out."""
        return self.chance_ruled_out and self.between_train > 0


def attack_segments(
    synthetic: NDArray[np.float32], train: NDArray[np.float32], control: NDArray[np.float32]
) -> SegmentEvidence:
    """Return how many points lie on train and control segments, and how many train rows the lines reveal.

    In d dimensions, the number of points that are within a distance t of a segment by chance is proportional to
    t^(d - 2). If no point is within 100·t of a control segment, fewer than 3 points are expected there by chance (at
    95 % confidence). Within t of a train segment, fewer than 3·100^(2 - d) points are then expected by chance. For
    d = 5, this number is 3e-6, so a single point is proof. With few dimensions or many repeated rows, points can lie
    on control segments by chance. For this case, a sign test compares train with control.

    The rows of `synthetic` (m, d) must not be normalized, because normalized points are no longer on lines.
    `segment_residuals` normalizes its own copies. `train` has shape (n_train, d), and `control` (n_control, d).
    """
    to_train, to_control = segment_residuals(synthetic, train), segment_residuals(synthetic, control)
    is_train, is_control = to_train <= TOLERANCE, to_control <= TOLERANCE
    only_train, only_control = int((is_train & ~is_control).sum()), int((is_control & ~is_train).sum())
    return SegmentEvidence(
        rows=len(synthetic),
        between_train=int(is_train.sum()),
        between_control=int(is_control.sum()),
        chance_ruled_out=synthetic.shape[1] >= MIN_DIMENSIONS
        and not bool((to_control <= MARGIN_OF_CHANCE * TOLERANCE).any()),
        sign_test_p=float(binom.sf(only_train - 1, only_train + only_control, 0.5)),
        train_rows_recovered_from_lines=_rows_recovered(
            line_intersections(synthetic[:MAX_LINE_ROWS].astype(np.float64)), train
        ),
    )


def segment_residuals(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Float:
    """Return the distance of each of m points from the nearest segment, divided by the segment's length.

    The result is float64 (m,). All rows are first scaled to unit length, so that a point on a segment becomes a
    combination a·P + b·Q of the ends of the segment with positive weights. For a point z, the result is

        |z - a·P - b·Q| / |P - Q|  for the P, Q, a >= 0 and b >= 0 with the smallest |z - a·P - b·Q|

    where P and Q are two of the 40 real rows most similar to z. The result is infinite if P = Q, or if the smaller of
    a and b is at most INTERIOR · (a + b).
    """
    z, x = (normalize(np.asarray(v, dtype=np.float64)) for v in (synthetic, real))
    x_float32 = x.astype(np.float32)
    nearest_pair = np.empty((len(z), 2), dtype=np.int64)
    k = min(CANDIDATES, len(x))
    for block, similarities in similarity_blocks(z.astype(np.float32), x_float32):
        top = np.argpartition(similarities, len(x) - k, axis=1)[:, -k:]
        gram = x_float32[top] @ x_float32[top].transpose(0, 2, 1)
        is_allowed = np.ones((1, *top.shape), dtype=np.bool_)
        pair = best_pairs(np.take_along_axis(similarities, top, axis=1), gram, top, is_allowed)[0]
        nearest_pair[block] = np.take_along_axis(top, pair, axis=1)
    p, q = x[nearest_pair[:, 0]], x[nearest_pair[:, 1]]
    s_p, s_q, g = ((u * v).sum(axis=1) for u, v in ((z, p), (z, q), (p, q)))
    apart = np.linalg.norm(p - q, axis=1)
    determinant = np.where(apart > 0, 1 - g * g, 1)
    determinant = np.where(determinant > 0, determinant, 1)
    a, b = (s_p - g * s_q) / determinant, (s_q - g * s_p) / determinant  # least-squares weights of p and q
    away = np.linalg.norm(z - a[:, None] * p - b[:, None] * q, axis=1)
    inside = (np.minimum(a, b) > INTERIOR * (a + b)) & (a + b > 0) & (apart > 0)
    return np.where(inside, away / np.where(apart > 0, apart, 1), np.inf)


def line_intersections(points: Float) -> Float:
    """Return each intersection of at least three lines, once for each of these lines.

    The result has shape (intersections, d). Each line passes through three or more of the points. Points that were
    mixed from a real row R and different other rows lie on lines through R. An attacker who has only the points
    therefore finds R at an intersection.
    """
    origins, directions, lengths = _lines(points)
    intersections = [np.empty((0, points.shape[1]))]
    for start in range(0, len(origins), BLOCK):
        block = slice(start, start + BLOCK)
        positions, distances, is_parallel = _closest(origins, directions, block)
        meets = (distances <= TOLERANCE * (lengths[block, None] + lengths[None])) & ~is_parallel
        for i in np.flatnonzero(meets.sum(axis=1) >= MIN_LINES - 1):
            ordered = np.sort(positions[i, meets[i]])
            # neighbouring positions on line i that are at most 10 tolerances apart belong to one intersection
            groups = np.split(ordered, np.flatnonzero(np.diff(ordered) > 10 * TOLERANCE * lengths[start + i]) + 1)
            means = [group.mean() for group in groups if len(group) >= MIN_LINES - 1]
            intersections.append(origins[start + i] + np.array(means)[:, None] * directions[start + i])
    return np.concatenate(intersections)


def _lines(points: Float) -> tuple[Float, Float, Float]:
    """Return the origins (lines, d), the unit directions (lines, d) and the lengths (lines,) of the lines.

    A point and two of its nearest points are on one line if the directions from the point to both are equal or
    opposite. Lines with a common point are joined. The origin of a line is the mean of its points. The length is the
    largest distance of a point from the origin.
    """
    m, k = len(points), min(LINE_NEIGHBOURS, len(points) - 1)
    squares = (points**2).sum(axis=1)
    links: list[tuple[Int, Int]] = []
    for start in range(0, m, BLOCK):
        rows = np.arange(start, min(start + BLOCK, m))
        distances = squares[None] - 2 * points[rows] @ points.T
        distances[np.arange(len(rows)), rows] = np.inf
        near = np.argpartition(distances, k - 1, axis=1)[:, :k]
        units = points[near] - points[rows, None]
        norms = np.linalg.norm(units, axis=2, keepdims=True)
        units /= np.where(norms > 0, norms, 1)  # a repeated point has no direction and is on no line
        cosines = np.abs(np.triu(units @ units.transpose(0, 2, 1), 1))
        # the directions are equal or opposite if the angle between them is at most TOLERANCE radians
        row, first, second = np.nonzero(cosines >= 1 - TOLERANCE**2 / 2)
        links += [(rows[row], near[row, first]), (rows[row], near[row, second])]
    ends = [np.concatenate(side) for side in zip(*links, strict=True)]
    graph = sparse.coo_matrix((np.ones(len(ends[0]), dtype=np.int8), (ends[0], ends[1])), shape=(m, m))
    line_of = connected_components(graph, directed=False)[1]
    ordered = np.argsort(line_of, kind="stable")
    lines = [ordered[g] for g in np.split(np.arange(m), np.flatnonzero(np.diff(line_of[ordered])) + 1) if len(g) > 2]
    origins = np.array([points[line].mean(axis=0) for line in lines]).reshape(len(lines), points.shape[1])
    centred = [points[line] - origin for line, origin in zip(lines, origins, strict=True)]
    directions = np.array([np.linalg.svd(c, full_matrices=False)[2][0] for c in centred]).reshape(origins.shape)
    lengths = np.array([np.linalg.norm(c, axis=1).max() for c in centred])
    return origins, directions, lengths


def _closest(origins: Float, directions: Float, block: slice) -> tuple[Float, Float, Bool]:
    """Return (position s on line i, distance, whether parallel) for each line i of a block and each line j.

    Line i is o_i + s·u_i and line j is o_j + t·u_j, with the origins o, the unit directions u, and the signed
    distances s and t from the origins. With w = o_i - o_j and c = <u_i, u_j>, non-parallel lines are closest at

        s = (c·<u_j, w> - <u_i, w>) / (1 - c²),   t = (<u_j, w> - c·<u_i, w>) / (1 - c²)
    """
    o, u = origins[block], directions[block]
    c = u @ directions.T
    is_parallel = 1 - c * c < 1e-6
    denominator = np.where(is_parallel, 1, 1 - c * c)
    u_o, v_o = (u * o).sum(axis=1)[:, None], (directions * origins).sum(axis=1)[None]
    u_w, v_w = u_o - u @ origins.T, o @ directions.T - v_o
    s, t = (c * v_w - u_w) / denominator, (v_w - c * u_w) / denominator
    square_w = (o * o).sum(axis=1)[:, None] + (origins * origins).sum(axis=1)[None] - 2 * o @ origins.T
    square = square_w + s * s + t * t + 2 * s * u_w - 2 * t * v_w - 2 * s * t * c
    return s, np.sqrt(np.maximum(0, square)), is_parallel


def _rows_recovered(intersections: Float, real: NDArray[np.float32]) -> int:
    """Return how many real rows are recovered: nearest to an intersection, and within RECOVERED_WITHIN of it."""
    x = np.asarray(real, dtype=np.float64)
    squares = (x**2).sum(axis=1)
    recovered: set[int] = set()
    for start in range(0, len(intersections), BLOCK):
        batch = intersections[start : start + BLOCK]
        nearest = np.argmin(squares[None] - 2 * batch @ x.T, axis=1)
        close = np.linalg.norm(batch - x[nearest], axis=1) <= RECOVERED_WITHIN * np.sqrt(squares[nearest])
        recovered |= set(nearest[close].tolist())
    return len(recovered)
