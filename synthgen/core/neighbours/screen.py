"""Select possible nearest neighbours by scalar products in low precision, without missing a true neighbour."""

from collections.abc import Callable, Iterator
from functools import cache
from time import perf_counter, process_time

import numpy as np
import torch
from torch import Tensor

from synthgen.core.types import Float32, Int64

# largest size of a tile of products that stays in the processor's cache; a float32 tile has half as many columns
TILE_ROWS, TILE_COLUMNS = 512, 4096
BUFFER = 1 << 27  # number of products in memory at once, exceeded only if `MIN_ROWS` rows have more products
MIN_ROWS = 64  # smallest number of rows in a product, because products of fewer rows are slow
ALIGNED = 32  # the number of spans of a tile is a multiple of this
SPAN = 16  # number of columns of a tile that are screened together, by their largest product
ALIKE = 1e-5  # rows count as equally long if their squared lengths differ by less than this, as after rounding
KINDS = (torch.bfloat16, torch.float32)  # precisions in which products can be computed
ROUNDING = {kind: torch.finfo(kind).eps / 2 for kind in KINDS}  # largest relative error of one rounding


class Screen:
    """Selects possible neighbours among fixed rows, which are stored in low precision.

    If the rows differ in length, their mean is first subtracted, which changes no distance. The nearest rows x of a
    row q have the largest scores s = q·x − ‖x‖²/2. Products of rounded rows give scores ŝ:

        |ŝ − s| ≤ ‖q − q̂‖ max‖x‖ + ‖q̂‖ max‖x − x̂‖ + d·2⁻²³·max‖x‖² + max|b − b̂| + u |s|

    where a hat marks rounded values, each maximum is over all rows x, and b is −‖x‖²/2 minus the middle of its range.
    u is the relative rounding error of ŝ, and 2⁻²³ is the relative rounding error of the float32 sums.

    The rows x are the columns of the product, and are divided into spans of `SPAN` columns. Let t be the k-th largest
    of the spans' maxima of ŝ. At least k rows have an ŝ of t or more, so each true neighbour has an ŝ of at least t
    minus twice the error. Few other rows have such a large ŝ.

    Args:
        points: float32 (n, d).
        person: int64 (n), from 0; rows of the same person are never neighbours.
    """

    def __init__(self, points: Float32, person: Int64) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.kind = fastest_precision(self.device)
        self.person = person
        self.by_person = np.argsort(person, kind="stable")  # numbers of all rows, sorted by person
        self.first = np.concatenate([[0], np.cumsum(np.bincount(person))])  # start of each person's rows in by_person
        x = torch.from_numpy(points).to(self.device)
        length = torch.linalg.vector_norm(x, dim=1)
        furthest = length.max()  # length of the longest row before the mean is subtracted
        one_length = bool(length.max() ** 2 - length.min() ** 2 < ALIKE)
        if not one_length:
            x = x - x.mean(0)
            length = torch.linalg.vector_norm(x, dim=1)
        b = (length.max() ** 2 + length.min() ** 2 - 2 * length**2) / 4
        # all tiles have the same width with little padding, and spans fill the processor's registers
        self.n_tiles = -(-len(x) // (TILE_COLUMNS if self.kind is torch.bfloat16 else TILE_COLUMNS // 2))
        # `spans` is the number of spans of one tile
        self.spans = -(-len(x) // (self.n_tiles * SPAN * ALIGNED)) * ALIGNED
        padded = self.n_tiles * self.spans * SPAN
        self.low = x.new_zeros((padded, x.shape[1]), dtype=self.kind)
        # if all rows have about the same length, b is almost 0; it is left out, because adding it would round
        low_b = torch.zeros_like(b) if one_length else b
        # columns of padding have the score -inf
        self.low_b = torch.nn.functional.pad(low_b.to(self.kind), (0, padded - len(x)), value=-torch.inf)
        lost = torch.empty_like(length)  # length of the rounding error of each row
        for start in range(0, len(x), TILE_COLUMNS):
            part = slice(start, min(start + TILE_COLUMNS, len(x)))
            self.low[part] = x[part]
            lost[part] = torch.linalg.vector_norm(x[part] - self.low[part].float(), dim=1)
        longest = length.max()
        # by row, the right side of the inequality in the docstring of the class without u |s|, which `pairs` adds
        self.error = lost * longest + (length + lost) * lost.max() + x.shape[1] * 2.0**-23 * longest**2
        self.error += (b - self.low_b[: len(x)].float()).abs().max()
        if not one_length:  # subtracting the mean rounds the rows, and products are rounded before b is added
            self.error += ROUNDING[self.kind] * length * longest + 2.0**-22 * longest * furthest

    def pairs(self, searched: Int64, k: int) -> Iterator[tuple[Int64, Int64]]:
        """Yield, for each block of searched rows, the pairs of a row and a possible neighbour.

        A row is given by its number in the block, in ascending order, and a neighbour by its number among all rows.

        Args:
            searched: int64 (r), numbers of the rows whose neighbours are searched.
            k: number of neighbours, at most the number of spans.

        Cost: r·n·d products at this machine's fastest precision.
        """
        u = ROUNDING[self.kind]
        rows = min(TILE_ROWS, max(MIN_ROWS, BUFFER // len(self.low)))
        s = self.low.new_empty(min(rows, len(searched)), len(self.low))
        for start in range(0, len(searched), rows):
            block = searched[start : start + rows]
            q = torch.from_numpy(block).to(self.device)
            # `s` has the scores ŝ of the block for all rows x, and `tops` the largest score of each span
            tops = self._products(self.low[q], s[: len(q)])
            self._exclude(s, tops, *(torch.from_numpy(part).to(self.device) for part in self._same_person(block)))
            kth = tops.topk(k, dim=1).values[:, -1].float()
            # 3 u: the k-th ŝ, the compared ŝ and the floor are rounded; 0.1 u covers the products of these errors
            floor = kth - 2 * self.error[q] - 3.1 * u * (kth.abs() + 2 * self.error[q])
            floor = floor.to(self.kind)[:, None]
            i, span = torch.nonzero(tops >= floor, as_tuple=True)
            columns = self._columns(span)
            found = s[i[:, None], columns]
            near = (found >= floor[i]) & (found > -torch.inf)
            yield i[:, None].expand_as(columns)[near].cpu().numpy(), columns[near].cpu().numpy()

    def _products(self, q: Tensor, s: Tensor) -> Tensor:
        """Write q·x + b for all rows x into `s`, tile by tile, and return the largest value of each span."""
        tops = s.new_empty(len(q), self.n_tiles * self.spans)
        for number, (tile, top) in enumerate(zip(s.chunk(self.n_tiles, 1), tops.chunk(self.n_tiles, 1), strict=True)):
            part = slice(number * tile.shape[1], (number + 1) * tile.shape[1])
            multiply(q, self.low[part], tile)
            if bool(self.low_b[part].any()):
                tile.add_(self.low_b[part])
            torch.amax(tile.unflatten(1, (SPAN, self.spans)), dim=1, out=top)  # type: ignore[no-untyped-call]
        return tops

    def _columns(self, span: Tensor) -> Tensor:
        """Return the columns of each span, (m, SPAN).

        The columns of a span are evenly spaced in a tile, because the maximum over them is then fast to compute.
        """
        start = span // self.spans * self.spans * SPAN + span % self.spans
        return start[:, None] + torch.arange(SPAN, device=span.device) * self.spans

    def _same_person(self, block: Int64) -> tuple[Int64, Int64]:
        """Return all pairs of a row of the block, given by its number in the block, and a row of the same person."""
        persons = self.person[block]
        sizes = self.first[persons + 1] - self.first[persons]
        i = np.repeat(np.arange(len(block)), sizes)
        within = np.arange(len(i)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return i, self.by_person[self.first[persons[i]] + within]

    def _exclude(self, s: Tensor, tops: Tensor, i: Tensor, columns: Tensor) -> None:
        """Set the products of the given pairs to -inf, and update the largest values of the spans in `tops`."""
        s[i, columns] = -torch.inf
        width = self.spans * SPAN
        span = columns // width * self.spans + columns % width % self.spans
        tops[i, span] = s[i[:, None], self._columns(span)].amax(1)


def multiply(q: Tensor, x: Tensor, out: Tensor) -> None:
    """Write q · xᵀ into `out`, (b, m), for q (b, d) and x (m, d) of the same precision."""
    if out.device.type == "cpu" and out.dtype is torch.float32 and numpy_is_faster():
        np.matmul(q.numpy(), x.numpy().T, out=out.numpy())
    else:
        torch.mm(q, x.T, out=out)


@cache
def fastest_precision(device: str) -> torch.dtype:
    """Return the precision in which this machine multiplies fastest, measured with one tile in each precision."""
    times = {kind: _seconds(multiply, kind, device) for kind in KINDS}
    return min(times, key=lambda kind: times[kind])


@cache
def numpy_is_faster() -> bool:
    """Return whether numpy multiplies float32 faster than torch on this machine's CPU."""
    with_numpy = _seconds(lambda q, x, out: np.matmul(q.numpy(), x.numpy().T, out=out.numpy()), torch.float32, "cpu")
    return with_numpy < _seconds(lambda q, x, out: torch.mm(q, x.T, out=out), torch.float32, "cpu")


def _seconds(product: Callable[[Tensor, Tensor, Tensor], object], kind: torch.dtype, device: str) -> float:
    # on a CPU, wall time would also count the time that other programs of the machine take
    clock = process_time if device == "cpu" else perf_counter
    q, x, out = (torch.zeros(size, dtype=kind, device=device) for size in ((512, 384), (2048, 384), (512, 2048)))
    times = []
    for _ in range(4):
        started = clock()
        product(q, x, out)
        float(out[0, 0])  # reading a value waits for the device
        times.append(clock() - started)
    return min(times)
