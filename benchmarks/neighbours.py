"""The exact neighbour search beside a flat faiss index and scikit-learn's brute force: same rows, alternating.

    python benchmarks/neighbours.py [--sizes 500 1000 2000 5000 10000 50000] [--rounds 3] [--quick]

Prints milliseconds of each, for k = 5 neighbours of every row, every row its own person, 384 numbers a row: the two
ways our search picks its candidates (float32 blocks; tiles in the fastest precision), of which it takes the second
from `LARGE` pairs of rows on, and the others. Rows are clustered unit vectors, as embeddings are.
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
    print(f"fastest precision here: {fastest('cpu')}; tiles from {exact.LARGE} pairs on")
    for way in WAYS.values():
        way(rows(2000, SeedTree(1).generator()))  # libraries start their threads
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
        print(f"n = {n}: {times}; best of ours {best:.1f} times as fast as the best other; rows alike {same}")


if __name__ == "__main__":
    main()
