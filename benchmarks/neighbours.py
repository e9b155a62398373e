"""Compare the run time of the exact neighbour search with a flat faiss index and scikit-learn's brute-force search.

    python benchmarks/neighbours.py [--sizes 500 1000 2000 5000 10000 50000] [--rounds 3] [--quick]

The searches take turns on the same rows and find the k = 5 nearest neighbours of every row. Every row has 384 numbers
and belongs to another person. The rows are clustered unit vectors, as embeddings are. The output has the median time
of each search in milliseconds. Our search selects candidates either in `blocks` of float32 numbers or in `tiles` in
the fastest precision; it uses tiles if there are at least `LARGE` pairs of rows. Both are measured at every size.
"""

import argparse
import time
from unittest.mock import patch

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors

from synthgen.core.neighbours import exact, nearest_rows
from synthgen.core.neighbours.screen import fastest
from synthgen.core.seeds import SeedTree

D, K = 384, 5


def rows(n, rng):
    centres = rng.standard_normal((50, D), dtype=np.float32) / 2
    low = rng.standard_normal((n, 60), dtype=np.float32) @ rng.standard_normal((60, D), dtype=np.float32) / 8
    x = centres[rng.integers(0, 50, n)] + low + rng.standard_normal((n, D), dtype=np.float32) / 3
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ours(x, large):
    with patch.object(exact, "LARGE", large):
        return nearest_rows(x, np.arange(len(x)), K)[0]


def flat(x):
    index = faiss.IndexFlatL2(D)
    index.add(x)
    return index.search(x, K + 1)[1][:, 1:]


def brute(x):
    return NearestNeighbors(n_neighbors=K + 1).fit(x).kneighbors(x, return_distance=False)[:, 1:]


WAYS = {"blocks": lambda x: ours(x, np.inf), "tiles": lambda x: ours(x, 0), "faiss": flat, "scikit-learn": brute}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000, 5000, 10_000, 50_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="300 and 700 rows, 1 round")
    args = parser.parse_args()
    sizes, rounds = ([300, 700], 1) if args.quick else (args.sizes, args.rounds)
    print(f"fastest precision on this machine: {fastest('cpu')}; tiles are used from {exact.LARGE} pairs of rows on")
    for way in WAYS.values():
        way(rows(2000, SeedTree(1).generator()))  # so that the libraries start their threads before the timing
    for n in sizes:
        x = rows(n, SeedTree(n).child("rows").generator())
        times = {name: [] for name in WAYS}
        found = {}
        for _ in range(rounds):
            for name, way in WAYS.items():
                started = time.perf_counter()
                found[name] = way(x)
                times[name].append(time.perf_counter() - started)
        ms = {name: 1e3 * np.median(t) for name, t in times.items()}
        same = {name: f"{(found[name] == found['blocks']).all(axis=1).mean():.4f}" for name in ("tiles", "faiss")}
        best = min(ms["faiss"], ms["scikit-learn"]) / min(ms["blocks"], ms["tiles"])
        times = ", ".join(f"{name} {value:.1f} ms" for name, value in ms.items())
        print(
            f"n = {n}: {times}; our faster search is {best:.1f} times as fast as the faster library; "
            f"share of rows with the same neighbours as blocks: {same}"
        )


if __name__ == "__main__":
    main()
