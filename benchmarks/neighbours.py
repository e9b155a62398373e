"""Compare our neighbour searches with those of faiss and scikit-learn: time, exactness and recall on the same rows.

    python benchmarks/neighbours.py [--sizes 500 1000 2000 5000 10000 50000] [--rounds 3] [--ways blocks tiles ...]
        [--searched 10000] [--float32] [--quick]

The searches take turns on the same rows and find the k = 5 nearest neighbours of every row, or of `--searched` evenly
spaced rows. Every row has 384 numbers and belongs to a different person. Like embeddings, the rows are clustered unit
vectors. The searches are:

- `blocks`, `tiles`: our exact search, which selects candidates either in blocks of float32 numbers, or in tiles in
  the fastest precision; in a run, it uses tiles if there are at least `LARGE` pairs of rows,
- `index`: our search for 50,000 rows and more: an inverted file of faiss, with measured recall and float64 distances,
- `flat`: `IndexFlatL2` of faiss, with float32 distances,
- `flat64`: as `flat`, but exact: it computes the distances of more candidates in float64, and checks that no other
  row can be nearer within the rounding error; rows that fail the check are searched in blocks,
- `hnsw`, `ivf`: approximate indices of faiss (`HNSW16`, and `IVF` with 2 √n lists, of which 32 are read),
- `brute`: scikit-learn.

The output has the median wall time and processor time in seconds, including the time to build an index, the share of
the true neighbours that was found, and the share of rows with exactly the true neighbours. With --float32, our tiles
use float32 as on a processor without bfloat16.
"""

import argparse
import time
from unittest.mock import patch

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors

from synthgen.core.neighbours import IndexedSearch, NeighbourSearch, exact, screen
from synthgen.core.seeds import SeedTree

D, K = 384, 5
MARGIN = 8  # number of candidates besides the k nearest whose distances `flat64` computes in float64


def rows(n, rng):
    centres = rng.standard_normal((50, D), dtype=np.float32) / 2
    low = rng.standard_normal((n, 60), dtype=np.float32) @ rng.standard_normal((60, D), dtype=np.float32) / 8
    x = centres[rng.integers(0, 50, n)] + low + rng.standard_normal((n, D), dtype=np.float32) / 3
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ours(x, searched, large):
    with patch.object(exact, "LARGE", large):
        return NeighbourSearch(x, np.arange(len(x))).nearest(K, searched)[0]


def by_index(x, searched):
    return IndexedSearch(NeighbourSearch(x, np.arange(len(x)))).nearest(K, searched)[0]


def others(found, searched, k=K):
    """Return the k nearest rows of each searched row without the searched row itself, int (searched, k)."""
    return np.array([row[row != i][:k] for row, i in zip(found, searched, strict=True)])


def faiss_search(x, searched, index, k=K):
    index.train(x)
    index.add(x)
    return others(index.search(x[searched], k + 1)[1], searched, k)


def flat64(x, searched):
    found = faiss_search(x, searched, faiss.IndexFlatL2(D), K + MARGIN)
    i = np.repeat(np.arange(len(searched)), K + MARGIN)
    near, squared = exact.nearest_of_pairs(x, searched[i], i, found.ravel(), K)
    squares = np.einsum("ij,ij->i", x, x)
    beyond = ((x[searched].astype(np.float64) - x[found[:, -1]]) ** 2).sum(axis=1)
    slack = 2 * exact.SLACK * (squares[searched] + squares.max())
    unsure = np.flatnonzero(squared[:, -1] > beyond - 2 * slack)
    if len(unsure):
        near[unsure] = ours(x, searched[unsure], np.inf)
    return near


def hnsw(x, searched):
    index = faiss.IndexHNSWFlat(D, 16)
    index.hnsw.efConstruction, index.hnsw.efSearch = 40, 64
    return faiss_search(x, searched, index)


def ivf(x, searched):
    index = faiss.index_factory(D, f"IVF{int(2 * np.sqrt(len(x)))},Flat")
    index.nprobe, index.cp.niter, index.cp.min_points_per_centroid = 32, 5, 1
    return faiss_search(x, searched, index)


def brute(x, searched):
    found = NearestNeighbors(n_neighbors=K + 1).fit(x).kneighbors(x[searched], return_distance=False)
    return others(found, searched)


WAYS = {
    "blocks": lambda x, searched: ours(x, searched, np.inf),
    "tiles": lambda x, searched: ours(x, searched, 0),
    "index": by_index,
    "flat": lambda x, searched: faiss_search(x, searched, faiss.IndexFlatL2(D)),
    "flat64": flat64,
    "hnsw": hnsw,
    "ivf": ivf,
    "brute": brute,
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000, 5000, 10_000, 50_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--searched", type=int, help="number of rows whose neighbours are searched; default all")
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--quick", action="store_true", help="300 and 1,100 rows, 1 round")
    args = parser.parse_args(argv)
    sizes, rounds = ([300, 1100], 1) if args.quick else (args.sizes, args.rounds)
    if args.float32:
        screen.KINDS = screen.KINDS[-1:]
    precision = screen.fastest_precision("cpu")
    print(f"tiles in {precision}, used from {exact.LARGE} pairs of rows on; k = {K}, medians of {rounds}")
    x = rows(2000, SeedTree(1).generator())
    for way in args.ways:
        WAYS[way](x, np.arange(50))  # so that the libraries start their threads before the timing
    for n in sizes:
        x = rows(n, SeedTree(n).child("rows").generator())
        searched = np.unique(np.linspace(0, n - 1, args.searched or n).astype(np.int64))
        truth = ours(x, searched, exact.LARGE)
        wall, busy, found = {way: [] for way in args.ways}, {way: [] for way in args.ways}, {}
        for _ in range(rounds):
            for way in args.ways:
                started = time.perf_counter(), time.process_time()
                found[way] = WAYS[way](x, searched)
                wall[way].append(time.perf_counter() - started[0])
                busy[way].append(time.process_time() - started[1])
        print(f"n = {n}, {len(searched)} rows searched")
        for way in args.ways:
            hits = (found[way][:, :, None] == truth[:, None, :]).any(axis=2).mean()
            equal = (found[way] == truth).all(axis=1).mean()
            print(
                f"  {way:<8}{np.median(wall[way]):>9.3f} s wall{np.median(busy[way]):>9.3f} s processor, "
                f"recall {hits:.4f}, rows with exactly these neighbours {equal:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
