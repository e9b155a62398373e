"""Select possible nearest neighbours by scalar products in low precision, without missing a true neighbour."""

from collections.abc import Callable, Iterator
from functools import cache
from time import perf_counter, process_time

import numpy as np
import torch
from torch import Tensor

from synthgen.core.types import Float32, Int64

# A tile is the part of a matrix of products that is computed at a time. These are the largest numbers of rows and
# columns with which a bfloat16 tile stays in the processor's cache. A float32 tile has half as many columns.
TILE_ROWS, TILE_COLUMNS = 512, 4096
BUFFER = 1 << 27  # largest number of products in memory at once, unless `MIN_ROWS` rows have more products
MIN_ROWS = 64  # smallest number of rows in a block, except the last block; products of fewer rows are slow
ALIGNED = 32  # the number of spans (see `SPAN`) of a tile is a multiple of this, to fill vector registers
SPAN = 16  # number of columns of a tile that are screened together, by their largest product
ALIKE = 1e-5  # smaller differences of squared norms are ignored; rows scaled to norm 1 have such differences
KINDS = (torch.bfloat16, torch.float32)  # precisions in which products can be computed
ROUNDING = {kind: torch.finfo(kind).eps / 2 for kind in KINDS}  # largest relative error of one rounding


class Screen:
    """Selects possible neighbours among fixed rows, which are stored in low precision.

    The nearest rows x of a row q have the largest scores s = q·x + b. Here b is −‖x‖²/2, shifted so that the range of
    b over all rows is centred at 0. Values with a hat are rounded to low precision, and ŝ is the score computed from
    them. The error of ŝ has this limit:

        |ŝ − s| ≤ ‖q − q̂‖ max‖x‖ + ‖q̂‖ max‖x − x̂‖ + d·2⁻²³·max‖x‖² + max|b − b̂| + c + u |s|

    Each maximum is taken over all rows x. d is the number of columns of `points`, u is the relative rounding error of
    ŝ, and 2⁻²³ is that of the float32 sums. If all rows have the same norm, b is almost 0, so b̂ = 0 and c = 0.
    Otherwise, the mean of the rows is first subtracted, which changes no distance, and c = u ‖q‖ max‖x‖ + 2⁻²² L
    max‖x‖. The first term of c covers the rounding of q·x before b is added. The second term covers the rounding of
    the subtraction; L is max‖x‖ before the subtraction.

    The rows x are the columns of the product, and are divided into spans of `SPAN` columns. Each span has a largest
    ŝ. Let t be the k-th largest of these maxima. At least k rows have an ŝ of t or more, so each true neighbour has
    an ŝ of at least t minus twice the limit. All rows with an ŝ of at least this value are selected; few of them are
    not neighbours.

    Args:
        points: float32 (n, d).
        person: int64 (n), from 0; rows of the same person are never neighbours.
    """

    def __init__(self, points: Float32, person: Int64) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.kind = fastest_precision(self.device)
        self.person = person
        self.by_person = np.argsort(person, kind="stable")  # row numbers, sorted by person
        self.first = np.concatenate([[0], np.cumsum(np.bincount(person))])  # start of each person's rows in by_person
        x = torch.from_numpy(points).to(self.device)
        norm = torch.linalg.vector_norm(x, dim=1)
        first_norm = norm.max()  # L in the docstring of the class
        has_one_norm = bool(norm.max() ** 2 - norm.min() ** 2 < ALIKE)
        if not has_one_norm:
            x = x - x.mean(0)
            norm = torch.linalg.vector_norm(x, dim=1)
        b = (norm.max() ** 2 + norm.min() ** 2 - 2 * norm**2) / 4
        # all tiles have the same width, so that little padding is needed
        self.n_tiles = -(-len(x) // (TILE_COLUMNS if self.kind is torch.bfloat16 else TILE_COLUMNS // 2))
        self.n_spans = -(-len(x) // (self.n_tiles * SPAN * ALIGNED)) * ALIGNED  # number of spans of one tile
        padded = self.n_tiles * self.n_spans * SPAN
        self.low = x.new_zeros((padded, x.shape[1]), dtype=self.kind)
        low_b = torch.zeros_like(b) if has_one_norm else b
        # columns of padding have the score -inf
        self.low_b = torch.nn.functional.pad(low_b.to(self.kind), (0, padded - len(x)), value=-torch.inf)
        lost = torch.empty_like(norm)  # norm of the rounding error of each row, ‖x − x̂‖
        for start in range(0, len(x), TILE_COLUMNS):
            part = slice(start, min(start + TILE_COLUMNS, len(x)))
            self.low[part] = x[part]
            lost[part] = torch.linalg.vector_norm(x[part] - self.low[part].float(), dim=1)
        longest = norm.max()
        # limit of the error for each row q (see the docstring of the class), without u |s|, which `pairs` adds
        self.error = lost * longest + (norm + lost) * lost.max() + x.shape[1] * 2.0**-23 * longest**2
        self.error += (b - self.low_b[: len(x)].float()).abs().max()
        if not has_one_norm:
            self.error += ROUNDING[self.kind] * norm * longest + 2.0**-22 * longest * first_norm

    def pairs(self, searched: Int64, k: int) -> Iterator[tuple[Int64, Int64]]:
        """Yield, for each block of searched rows, the pairs of a row and a possible neighbour.

        An item contains two int64 arrays (p): for each pair, the position of the searched row in the block, in
        ascending order, and the number of the neighbour among all rows.

        Args:
            searched: int64 (r), numbers of the rows whose neighbours are searched.
            k: number of neighbours, at most the number of spans.

        Cost: r·n·d products at this machine's fastest precision.
        """
        u = ROUNDING[self.kind]
        n_rows = min(TILE_ROWS, max(MIN_ROWS, BUFFER // len(self.low)))
        s = self.low.new_empty(min(n_rows, len(searched)), len(self.low))
        for start in range(0, len(searched), n_rows):
            block = searched[start : start + n_rows]
            q = torch.from_numpy(block).to(self.device)
            # `s`: scores ŝ of the block's rows with all rows x; `tops`: largest score of each span
            tops = self._products(self.low[q], s[: len(q)])
            self._exclude(s, tops, *(torch.from_numpy(part).to(self.device) for part in self._same_person(block)))
            kth = tops.topk(k, dim=1).values[:, -1].float()
            # `floor` is the lowest ŝ of a selected row: t minus twice the limit. The factor 3.1 u is a sum: 2 u for
            # the term u |s|, which is in the limit of t and in the limit of the compared ŝ; u for the rounding of the
            # floor; and 0.1 u for the products of these errors.
            floor = kth - 2 * self.error[q] - 3.1 * u * (kth.abs() + 2 * self.error[q])
            floor = floor.to(self.kind)[:, None]
            i, span = torch.nonzero(tops >= floor, as_tuple=True)
            columns = self._columns(span)
            span_scores = s[i[:, None], columns]
            is_near = (span_scores >= floor[i]) & (span_scores > -torch.inf)
            yield i[:, None].expand_as(columns)[is_near].cpu().numpy(), columns[is_near].cpu().numpy()

    def _products(self, q: Tensor, s: Tensor) -> Tensor:
        """Write the scores q·x + b of all rows x into `s`, tile by tile; return the largest score of each span."""
        tops = s.new_empty(len(q), self.n_tiles * self.n_spans)
        for number, (tile, top) in enumerate(zip(s.chunk(self.n_tiles, 1), tops.chunk(self.n_tiles, 1), strict=True)):
            part = slice(number * tile.shape[1], (number + 1) * tile.shape[1])
            multiply(q, self.low[part], tile)
            if bool(self.low_b[part].any()):
                tile.add_(self.low_b[part])
            torch.amax(tile.unflatten(1, (SPAN, self.n_spans)), dim=1, out=top)  # type: ignore[no-untyped-call]
        return tops

    def _columns(self, span: Tensor) -> Tensor:
        """Return the column numbers, int64 (m, SPAN), of m spans, given the span numbers, int64 (m).

        The columns of a span are evenly spaced in a tile, which makes their maximum fast to compute.
        """
        start = span // self.n_spans * self.n_spans * SPAN + span % self.n_spans
        return start[:, None] + torch.arange(SPAN, device=span.device) * self.n_spans

    def _same_person(self, block: Int64) -> tuple[Int64, Int64]:
        """Return all pairs of a row of the block (its position) and a row of the same person (its number)."""
        persons = self.person[block]
        sizes = self.first[persons + 1] - self.first[persons]
        i = np.repeat(np.arange(len(block)), sizes)
        within = np.arange(len(i)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return i, self.by_person[self.first[persons[i]] + within]

    def _exclude(self, s: Tensor, tops: Tensor, i: Tensor, columns: Tensor) -> None:
        """Set the scores of the pairs (i, column) to -inf, and update the largest scores of their spans in `tops`."""
        s[i, columns] = -torch.inf
        width = self.n_spans * SPAN
        span = columns // width * self.n_spans + columns % width % self.n_spans
        tops[i, span] = s[i[:, None], self._columns(span)].amax(1)


def multiply(q: Tensor, x: Tensor, out: Tensor) -> None:
    """Write q · xᵀ into `out`, (b, m), for q (b, d) and x (m, d) of the same precision."""
    if out.device.type == "cpu" and out.dtype is torch.float32 and numpy_is_faster():
        np.matmul(q.numpy(), x.numpy().T, out=out.numpy())
    else:
        torch.mm(q, x.T, out=out)


@cache
def fastest_precision(device: str) -> torch.dtype:
    """Return the precision of `KINDS` in which this machine multiplies fastest, measured with one matrix product."""
    times = {kind: _seconds(multiply, kind, device) for kind in KINDS}
    return min(times, key=lambda kind: times[kind])


@cache
def numpy_is_faster() -> bool:
    """Return whether numpy multiplies float32 faster than torch on this machine's CPU."""
    with_numpy = _seconds(lambda q, x, out: np.matmul(q.numpy(), x.numpy().T, out=out.numpy()), torch.float32, "cpu")
    return with_numpy < _seconds(lambda q, x, out: torch.mm(q, x.T, out=out), torch.float32, "cpu")


def _seconds(product: Callable[[Tensor, Tensor, Tensor], object], kind: torch.dtype, device: str) -> float:
    # Return the shortest of four times, in seconds, for the product of a (512, 384) and a (384, 2048) matrix. On a
    # CPU, process time is measured, because wall time would also count other programs.
    clock = process_time if device == "cpu" else perf_counter
    q, x, out = (torch.zeros(size, dtype=kind, device=device) for size in ((512, 384), (2048, 384), (512, 2048)))
    times = []
    for _ in range(4):
        started = clock()
        product(q, x, out)
        float(out[0, 0])  # reading a value waits for the device
        times.append(clock() - started)
    return min(times)
