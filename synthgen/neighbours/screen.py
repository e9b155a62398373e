"""Picking the pairs of rows that may be near from products of low precision, with a bound on their error."""

from collections.abc import Iterator
from functools import cache
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgen.types import Float32

Int64 = NDArray[np.int64]
TILE_ROWS, TILE_COLUMNS = 1024, 2048  # a tile of products stays in the cache
SPAN = 16  # columns of a tile whose largest product stands for them
SPANS = TILE_COLUMNS // SPAN
EPS = {torch.bfloat16: 2.0**-8, torch.float32: 2.0**-23}  # one rounding errs by half of this, relatively


def screened(points: Float32, person: Int64, asked: Int64, k: int) -> Iterator[tuple[Int64, Int64]]:
    """Yield for each block of asked rows the pairs that may be among the k nearest.

    Nearest in distance is largest in s = q·x − |x|²/2. Products of rounded rows give ŝ with

        |ŝ − s| ≤ ‖q − q̂‖ max‖x‖ + ‖q̂‖ max‖x − x̂‖ + d·2⁻²³·‖q‖·max‖x‖ + max|b − b̂| + eps |s|

    b being −|x|²/2 around its middle. The k-th largest of the spans' largest ŝ is a lower bound on the k-th largest
    ŝ, so every true neighbour's ŝ is above it less twice the error, and few others' are.

    Args:
        points: float32 (n, d).
        person: int64 (n); rows of one person are no neighbours.
        asked: int64 (r), the rows whose neighbours are wanted.
        k: how many.

    Returns:
        Of each block, the number of the asked row within it, ascending, and the row that may be its neighbour.

    Cost: r·n·d products at this machine's fastest precision.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = fastest(device)
    x = torch.from_numpy(points).to(device)
    n = len(x)
    b = -x.square().sum(1) / 2
    b -= (b.max() + b.min()) / 2
    if b.max() - b.min() > 1e-5:  # rows of one length need neither
        x = x - x.mean(0)
        b = -x.square().sum(1) / 2
        b -= (b.max() + b.min()) / 2
    low, low_b = x.to(kind), b.to(kind)
    lost, length = (x - low.float()).norm(dim=1), x.norm(dim=1)  # lost is what rounding took from each row
    longest = length.max()
    error = lost * longest + (length + lost) * lost.max() + x.shape[1] * EPS[torch.float32] * length * longest
    error += (b - low_b.float()).abs().max()
    pad = -n % TILE_COLUMNS
    low = torch.nn.functional.pad(low, (0, 0, 0, pad))
    low_b = torch.nn.functional.pad(low_b, (0, pad), value=-torch.inf)
    s = torch.empty(TILE_ROWS, n + pad, dtype=kind, device=device)
    order, first = np.argsort(person, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(person))])
    for start in range(0, len(asked), TILE_ROWS):
        block = asked[start : start + TILE_ROWS]
        q = torch.from_numpy(block).to(device)
        tops = _products(low[q], low, low_b, s[: len(q)])
        _forget(s, tops, *(torch.from_numpy(part).to(device) for part in _own(person[block], order, first)))
        kth = tops.topk(k, dim=1).values[:, -1].float()
        floor = kth - 2 * error[q] - 2 * EPS[kind] * (kth.abs() + 2 * error[q])  # one eps for ŝ, one for the floor
        floor = floor.to(kind)[:, None]
        i, span = torch.nonzero(tops >= floor, as_tuple=True)
        columns = _columns(span)
        found = s[i[:, None], columns]
        near = (found >= floor[i]) & (found > -torch.inf)
        yield i[:, None].expand_as(columns)[near].cpu().numpy(), columns[near].cpu().numpy()


def _products(q: Tensor, low: Tensor, low_b: Tensor, s: Tensor) -> Tensor:
    """Write q·x + b of every row into `s`, tile by tile, and return the largest of each span, (b, n / SPAN)."""
    tile = torch.empty(len(q), TILE_COLUMNS, dtype=s.dtype, device=s.device)
    tops = torch.empty(len(q), s.shape[1] // SPAN, dtype=s.dtype, device=s.device)
    for number, columns in enumerate(range(0, s.shape[1], TILE_COLUMNS)):
        part = slice(columns, columns + TILE_COLUMNS)
        torch.mm(q, low[part].T, out=tile)
        if bool(low_b[part].any()):
            tile += low_b[part]
        spans = slice(number * SPANS, (number + 1) * SPANS)
        torch.amax(tile.view(len(q), SPAN, SPANS), dim=1, out=tops[:, spans])
        s[:, part] = tile
    return tops


def _columns(span: Tensor) -> Tensor:
    """Return the columns of each span, (m, SPAN): of its tile every SPANS-th one, because that is fast to reduce."""
    start = span // SPANS * TILE_COLUMNS + span % SPANS
    return start[:, None] + torch.arange(SPAN, device=span.device) * SPANS


def _own(persons: Int64, order: Int64, first: Int64) -> tuple[Int64, Int64]:
    """Return the pairs of a row of the block and a row of the same person.

    Args:
        persons: int64 (b), the person of each row of the block.
        order: int64 (n), all rows sorted by person.
        first: int64 (persons + 1), where each person's rows start in it.
    """
    sizes = first[persons + 1] - first[persons]
    i = np.repeat(np.arange(len(persons)), sizes)
    within = np.arange(len(i)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return i, order[first[persons[i]] + within]


def _forget(s: Tensor, tops: Tensor, i: Tensor, columns: Tensor) -> None:
    """Take pairs out of the running: their products become -inf and their spans' largest are found again."""
    s[i, columns] = -torch.inf
    span = columns // TILE_COLUMNS * SPANS + columns % SPANS
    tops[i, span] = s[i[:, None], _columns(span)].amax(1)


@cache
def fastest(device: str) -> torch.dtype:
    """Return the precision in which this machine multiplies fastest, by measuring one tile of each."""
    seconds = {}
    for kind in EPS:
        a, b = (torch.zeros(rows, 384, dtype=kind, device=device) for rows in (TILE_ROWS, TILE_COLUMNS))
        times = []
        for _ in range(3):
            started = perf_counter()
            float((a @ b.T)[0, 0])  # reading a number waits for the device
            times.append(perf_counter() - started)
        seconds[kind] = min(times)
    return min(seconds, key=lambda kind: seconds[kind])
