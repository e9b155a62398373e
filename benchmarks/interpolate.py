"""Compare our over-samplers with those of imbalanced-learn: time, memory and distribution of the new points.

    python benchmarks/interpolate.py [--sizes 2000 10000 50000] [--classes 2 4 20] [--rounds 3] [--quick]
        [--methods smote ...] [--vectors FILE.npy --labels FILE.npy]
    python benchmarks/interpolate.py --alone 1000000 [--classes 2] [--methods smote borderline-smote adasyn]

The two libraries take turns on the same arrays in the same process. They run with their defaults, which agree: k = 5
neighbours, and Borderline-SMOTE of kind 1 with m = 10 neighbours. For each table, the output has the median times,
the ratio theirs / ours with its range over the rounds, and the additional peak memory. After the tables, the output
has the exponents with which both times grow with the number of rows n. The last part tests whether both libraries
draw new points from the same distribution. It prints the energy distance between sets of points of the two libraries,
the distances between reruns of imbalanced-learn, and the p-value of an exact permutation test over six sets of each
library. In this test, both libraries use m = 11 in Borderline-SMOTE: with an even m, exactly half of the m neighbours
of a row can be of other classes, and only imbalanced-learn counts such a row as in danger (near the border of its
class).

The rows imitate embeddings of text: unit vectors of 384 dimensions, of which the j-th axis has a variance
proportional to 1/j. All classes share eight topics, and the rows of each class are slightly off the centre of a
topic, so that classes overlap. With --vectors and --labels, real vectors are used. The largest class has ten times as
many rows as the smallest, and the ratio of successive class sizes is constant. Times are wall times; the ratio of
processor times is in brackets.

With --alone, only our methods are measured. As in a run, all classes are fitted, the neighbours in each class are
searched, and a point is made for every tenth row. The output has the wall time, the processor time, the peak memory
in addition to that of the rows, and for each neighbour search its engine and its measured recall.
"""

import argparse
import ctypes
import os
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler
from threadpoolctl import threadpool_info

from synthgen.core.seeds import SeedTree
from synthgen.interpolate import METHODS, OverSampler
from synthgen.interpolate.base import TrainRows, Unfit

DIM = 384
TOPICS = 8
CLOUDS = 6  # number of sets of new points ("clouds") per library in the permutation test
THEIRS = {
    "smote": SMOTE,
    "borderline-smote": BorderlineSMOTE,
    "adasyn": ADASYN,
    "random-oversample": RandomOverSampler,
}
IMBALANCE = 10  # size of the largest class divided by the size of the smallest


def class_sizes(n, classes):
    """Return class sizes, int (classes,), that sum to n; the ratio of successive sizes is constant."""
    shares = IMBALANCE ** -(np.arange(classes) / (classes - 1))
    edges = np.rint(np.cumsum(shares) / shares.sum() * n).astype(int)
    return np.diff(edges, prepend=0)


def made_up(sizes):
    """Return random rows that imitate embeddings (see the module docstring), float32 (n, DIM), and classes, (n,)."""
    rng = SeedTree(20261120).child("bench", str(len(sizes)), str(sizes.sum())).generator()
    spectrum = np.arange(1, DIM + 1) ** -0.5
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    topics = rng.normal(size=(TOPICS, DIM)) * spectrum
    off = rng.normal(size=(len(sizes), TOPICS, DIM)) * spectrum * 0.3
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    topic = rng.integers(0, TOPICS, size=len(y))
    X = topics[topic] + off[y, topic] + rng.normal(size=(len(y), DIM)) * spectrum * 0.8
    X = X @ turn
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y


def many(n, classes):
    """Return n rows like those of `made_up`, made in parts to need little memory besides the result."""
    sizes = class_sizes(n, classes)
    rng = SeedTree(20261129).child("many", str(classes), str(n)).generator()
    spectrum = np.arange(1, DIM + 1, dtype=np.float32) ** -0.5
    turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0].astype(np.float32)
    topics = rng.standard_normal((TOPICS, DIM), dtype=np.float32) * spectrum
    off = rng.standard_normal((classes, TOPICS, DIM), dtype=np.float32) * spectrum * np.float32(0.3)
    y = rng.permutation(np.repeat(np.arange(classes), sizes))
    X = np.empty((n, DIM), dtype=np.float32)
    for start in range(0, n, 20_000):
        part = slice(start, start + 20_000)
        topic = rng.integers(0, TOPICS, size=len(y[part]))
        noise = rng.standard_normal((len(topic), DIM), dtype=np.float32) * spectrum * np.float32(0.8)
        X[part] = (topics[topic] + off[y[part], topic] + noise) @ turn
        X[part] /= np.linalg.norm(X[part], axis=1, keepdims=True)
    return X, y


def alone(method, X, y):
    """Print the time and the memory of fitting all classes and making a point for every tenth row."""
    classes = np.arange(y.max() + 1)
    counts = np.bincount(y) // 10
    rows = TrainRows(vectors=X, classes=y, groups=np.arange(len(X)), normalized=True)
    reset_peak()
    before = memory_kb("VmRSS")
    started = time.perf_counter(), time.process_time()
    fitted = METHODS[method]().fit_rows(rows)
    for code in classes.tolist():
        try:
            fitted.points(code, int(counts[code]), SeedTree(1).child(str(code)))
        except Unfit as reason:
            print(f"{method} makes no points of class {code}: {reason}")
    wall, busy = time.perf_counter() - started[0], time.process_time() - started[1]
    peak = (memory_kb("VmHWM") - before) / 1024
    print(f"{method:<18}{wall:>9.1f} s wall{busy:>9.1f} s processor{peak:>8.0f} MB", flush=True)
    for one in rows.searches(classes.tolist()):
        where = "all classes" if one["class"] is None else f"class {one['class']}"
        print(f"    among {one['rows']} rows of {where}: {one['engine']}, recall {one['recall']:.3f}")


def real(vectors, labels, sizes):
    """Return random rows of the most frequent classes with their labels, or None if a class has too few rows."""
    names, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")[: len(sizes)]
    if len(order) < len(sizes) or (counts[order] < sizes).any():
        return None
    rng = SeedTree(20261120).child("bench", "real").generator()
    rows = [rng.permutation(np.flatnonzero(labels == names[c]))[:size] for c, size in zip(order, sizes, strict=True)]
    rows = rng.permutation(np.concatenate(rows))
    return np.ascontiguousarray(vectors[rows], dtype=np.float32), labels[rows]


def memory_kb(key):
    """Return VmRSS or VmHWM of this process in kB, or nan if the system does not report it."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((float(line.split()[1]) for line in lines if line.startswith(key)), np.nan)


def measured(sampler, X, y):
    """Return wall seconds, additional peak MB (nan if not reported) and processor seconds of `fit_resample`."""
    reset_peak()
    before = memory_kb("VmRSS")
    started = time.perf_counter(), time.process_time()
    sampler.fit_resample(X, y)
    seconds, busy = time.perf_counter() - started[0], time.process_time() - started[1]
    return seconds, (memory_kb("VmHWM") - before) / 1024, busy


def reset_peak():
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None and os.access("/proc/self/clear_refs", os.W_OK):
        trim(0)  # without this, reused heap memory of earlier calls would not count as additional memory
        Path("/proc/self/clear_refs").write_text("5")


def compared(method, X, y, rounds):
    """Return wall seconds, MB and processor seconds as float64 (rounds, 2); None if imbalanced-learn raises an error.

    Column 0 is our library, and column 1 is imbalanced-learn.
    """
    seconds, megabytes, busy = np.empty((3, rounds, 2))
    for r in range(rounds):
        for side in (0, 1) if r % 2 == 0 else (1, 0):
            if side == 0:
                seconds[r, 0], megabytes[r, 0], busy[r, 0] = measured(OverSampler(method, random_state=r), X, y)
                continue
            try:
                seconds[r, 1], megabytes[r, 1], busy[r, 1] = measured(THEIRS[method](random_state=r), X, y)
            except ValueError as error:
                print(f"{method:<18} ours {seconds[r, 0]:.3f}s, imbalanced-learn refuses: {error}")
                return None
    return seconds, megabytes, busy


def mean_distance(a, b):
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0)).mean()


def energies(clouds):
    """Return the energy distance of each pair of clouds, 2 E|a - b| - E|a - a'| - E|b - b'|."""
    mean = np.array(
        [[mean_distance(a, b) if i <= j else 0 for j, b in enumerate(clouds)] for i, a in enumerate(clouds)]
    )
    mean = np.triu(mean) + np.triu(mean, 1).T
    return 2 * mean - mean.diagonal()[:, None] - mean.diagonal()[None, :]


def same_points(method, X, y, points):
    """Print energy distances between the libraries and between reruns of imbalanced-learn; return the p-value."""
    kinds = {"m_neighbors": 11} if method == "borderline-smote" else {}
    rng = SeedTree(20261120).child("bench", "clouds").generator()
    samplers = [OverSampler(method, random_state=r, **kinds) for r in range(CLOUDS)]
    samplers += [THEIRS[method](random_state=r, **kinds) for r in range(CLOUDS)]
    clouds = []
    for sampler in samplers:
        new = sampler.fit_resample(X, y)[0][len(X) :].astype(np.float64)
        clouds.append(new[rng.permutation(len(new))[:points]])
    distance = energies(clouds)
    ours = np.arange(2 * CLOUDS) < CLOUDS
    across = [distance[np.ix_(s, ~s)].mean() for s in splits()]
    p = float(np.mean(np.array(across) >= distance[np.ix_(ours, ~ours)].mean() - 1e-15))
    own = distance[np.ix_(~ours, ~ours)][np.triu_indices(CLOUDS, 1)] * 1e3
    other = distance[np.ix_(ours, ~ours)].ravel() * 1e3
    print(
        f"{method:<18} energy distance x 1000: ours to theirs {np.median(other):.3f} ({other.min():.3f} to "
        f"{other.max():.3f}), their reruns {np.median(own):.3f} ({own.min():.3f} to {own.max():.3f}), "
        f"p = {p:.2f} over {min(len(c) for c in clouds)} points"
    )
    return p


def splits():
    """Yield every assignment of half of the clouds to our library, bool (2 * CLOUDS,)."""
    for chosen in combinations(range(2 * CLOUDS), CLOUDS):
        yield np.isin(np.arange(2 * CLOUDS), chosen)


def exponent(times):
    n, t = np.array(sorted(times.items())).T
    return float(np.polyfit(np.log(n), np.log(t), 1)[0]) if len(n) > 1 else np.nan


def bench(rows, methods, sizes, classes, rounds):
    print(
        f"{'method':<18}{'n':>7}{'classes':>9}{'ours':>10}{'theirs':>10}   theirs / ours          ours MB  theirs MB"
    )
    grown = {}
    for c in classes:
        for n in sizes:
            found = rows(class_sizes(n, c))
            if found is None:
                print(f"{n} rows of {c} classes: the file has too few rows")
                continue
            print(f"{n} x {found[0].shape[1]}, classes of {' '.join(map(str, class_sizes(n, c)))}")
            for method in methods:
                both = compared(method, *found, rounds)
                if both is None:
                    continue
                seconds, megabytes, busy = both
                ratio, (mine, theirs) = seconds[:, 1] / seconds[:, 0], np.median(seconds, axis=0)
                for side, median in (("ours", mine), ("theirs", theirs)):
                    grown.setdefault((method, c, side), {})[n] = median
                print(
                    f"{method:<18}{n:>7}{c:>9}{mine:>9.3f}s{theirs:>9.3f}s{np.median(ratio):>7.1f} "
                    f"({ratio.min():.1f} to {ratio.max():.1f}) [{np.median(busy[:, 1] / busy[:, 0]):.1f}]".ljust(76)
                    + "{:>8.0f}{:>11.0f}".format(*np.median(megabytes, axis=0)),
                    flush=True,
                )
    for (method, c, side), times in grown.items():
        if side == "ours" and len(times) > 1:
            theirs = exponent(grown[method, c, "theirs"])
            print(f"{method:<18} {c} classes: ours grows as n^{exponent(times):.2f}, theirs as n^{theirs:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000, 50_000])
    parser.add_argument("--classes", type=int, nargs="+", help="2 4 20 by default, with --alone 2")
    parser.add_argument("--methods", nargs="+", choices=list(THEIRS), help="all by default, with --alone the first 3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vectors", type=Path, help="(n, d) numbers, saved by numpy")
    parser.add_argument("--labels", type=Path, help="(n) classes, saved by numpy")
    parser.add_argument("--quick", action="store_true", help="400 and 800 rows, 2 and 4 classes, 1 round")
    parser.add_argument("--alone", type=int, metavar="N", help="measure only our methods, on N rows")
    args = parser.parse_args()
    if args.alone:
        for classes in args.classes or [2]:
            X, y = many(args.alone, classes)
            print(f"{args.alone} x {DIM}, classes of {' '.join(map(str, np.bincount(y)))}", flush=True)
            for method in args.methods or list(THEIRS)[:3]:
                alone(method, X, y)
        return
    args.classes, args.methods = args.classes or [2, 4, 20], args.methods or list(THEIRS)
    if (args.vectors is None) != (args.labels is None):
        parser.error("--vectors and --labels must be given together")
    if args.quick:
        args.sizes, args.classes, args.rounds = [400, 800], [2, 4], 1
    rows = made_up
    if args.vectors is not None:
        vectors, labels = np.load(args.vectors, allow_pickle=False), np.load(args.labels, allow_pickle=False)
        rows = lambda sizes: real(vectors, labels, sizes)  # noqa: E731
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    print(f"{os.cpu_count()} cores, {threads} threads, {args.rounds} rounds; times are medians")
    warm = made_up(class_sizes(min(args.sizes), 2))
    for method in args.methods:
        compared(method, *warm, 1)  # libraries load on first use
    bench(rows, args.methods, args.sizes, args.classes, args.rounds)
    cloud = rows(class_sizes(min(args.sizes), 2))
    if cloud is not None:
        ps = [same_points(method, *cloud, points=1_000) for method in args.methods]
        print(
            f"same points: smallest p = {min(ps):.2f} of {len(ps)} methods; below {0.05 / len(ps):.4f}, the points "
            "of the two libraries differ"
        )


if __name__ == "__main__":
    main()
