"""Measure the time and peak memory of each audit for tables of several sizes, and extrapolate to a million records.

    python benchmarks/audit_times.py [--sizes 1000 3000 10000] [--audits memorization neighbours ...]
        [--data DATA] [--million] [--quick]

For each size n, there are n synthetic, n train and n control records, each of a different person. With --data, the
records are passages of real text, about 90 words each, from DATA/bridge_corpus, which has enough passages for
n = 110,000. Without --data, each record has 80 words, drawn by Zipf's law from 20,000 words; two such records have
far more words in common than two real texts, so the audits take longer. Each measurement runs in its own process; the
measured memory is the peak of the process minus its size before the audit. The whole suite takes less time than the
sum of the audits, because some audits share computations. The growth exponent is the slope of the line fitted to
log seconds as a function of log n. With --million, the audits that search for copies (memorization, identifiers) run
with n = 30,000, 100,000 and 300,000 (with --data 10,000, 30,000 and 100,000), and the fitted line is extrapolated to
a million records per table.
"""

import argparse
import gc
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.errors import NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, Table
from audits.runner.input_checks import check_split
from audits.runner.registry import applicable_audits, build
from audits.runner.run import run

WORDS = 80
VOCABULARY = 20_000
BLOCK = 1000
TABLES = ("synthetic", "train", "control")
LARGE = ("memorization", "identifiers")
MILLION = 1_000_000
INPUT_CHECKS = "input checks"
SUITE = "the whole suite"


def real_people(n, who, data):
    """Return the table `who` with n persons, each with one passage of real text; tables share no passages."""
    files = sorted((Path(data) / "bridge_corpus").glob("*.parquet"))
    texts = pa.concat_tables([pq.read_table(path, columns=["text"]) for path in files]).column("text")
    if 3 * n > len(texts):
        raise SystemExit(f"{data}/bridge_corpus has {len(texts)} passages, which are too few for 3 x {n} records")
    start = n * TABLES.index(who)
    chosen = stream(0, "passages").permutation(len(texts))[start : start + n]
    return table(tuple(texts.take(chosen).to_pylist()), who)


def table(texts, who):
    return Table(texts=texts, labels=None, groups=tuple(f"{who} {i}" for i in range(len(texts))), has_groups=True)


def people(n, who):
    """Return the table `who` with n persons, each with one record of random words.

    The records are made in blocks, so that making them takes less memory than an audit.
    """
    rng = stream(n, who)
    share = 1 / np.arange(1, VOCABULARY + 1)
    cumulative = np.cumsum(share / share.sum())
    words = [f"{'bcdfghjklm'[i % 10]}{'aeiou'[i // 10 % 5]}{i}" for i in range(VOCABULARY)]
    texts = []
    for start in range(0, n, BLOCK):
        ranks = np.minimum(np.searchsorted(cumulative, rng.random((min(BLOCK, n - start), WORDS))), VOCABULARY - 1)
        rows = [[words[i] for i in row] for row in ranks.tolist()]
        texts += [" ".join(row[:40]) + ". " + " ".join(row[40:]) + "." for row in rows]
    return table(tuple(texts), who)


def inputs_of(n, data=None):
    made = (people(n, who) if data is None else real_people(n, who, data) for who in TABLES)
    return AuditInputs(**dict(zip(TABLES, made, strict=True)))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_use():
    """Return the memory, in MiB, that this process uses now; the peak so far may be higher."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measured(name, n, data):
    """Run one audit in this process; return its seconds and MiB of memory, or None if it needs other tables."""
    inputs = inputs_of(n, data)
    before, started = in_use(), time.perf_counter()
    try:
        if name == INPUT_CHECKS:
            check_split(inputs, stream(0, "input_checks"))
        elif name == SUITE:
            run(inputs)
        else:
            build(name).run(inputs, stream(0, name), 0.95)
    except NotMeasurable:
        return None
    return time.perf_counter() - started, peak() - before


def alone(name, n, data):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, name, n, data).result()


def line(name, sizes, data):
    """Print the seconds and memory of an audit for each size; return the seconds and the growth exponent."""
    found = {n: alone(name, n, data) for n in sizes}
    seconds = {n: f[0] for n, f in found.items() if f is not None}
    if not seconds:
        print(f"{name}: not measured, because it needs further tables", flush=True)
        return {}, None
    growth = None
    if len(seconds) > 1:
        growth = float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0])
    times = ", ".join(f"{n:,}: {found[n][0]:.1f} s, {found[n][1]:.0f} MiB" for n in seconds)
    print(f"{name}: {times}" + ("" if growth is None else f"; grows with n^{growth:.2f}"), flush=True)
    return seconds, growth


def million(audits, data):
    sizes = [10_000, 30_000, 100_000] if data is not None else [30_000, 100_000, 300_000]
    for name in audits:
        seconds, growth = line(name, sizes, data)
        last = max(seconds)
        hours = seconds[last] * (MILLION / last) ** growth / 3600
        print(f"{name}: extrapolated to a million records in each table: about {hours:.1f} h", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--audits", nargs="+", default=[INPUT_CHECKS, *applicable_audits(inputs_of(1)), SUITE])
    parser.add_argument("--data", help="folder with bridge_corpus/*.parquet")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--quick", action="store_true", help="sizes 60 and 120")
    args = parser.parse_args()
    if args.million:
        million([name for name in args.audits if name in LARGE], args.data)
        return
    sizes = [60, 120] if args.quick else args.sizes
    for name in args.audits:
        line(name, sizes, args.data)


if __name__ == "__main__":
    main()
