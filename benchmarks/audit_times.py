"""Measure the time and the peak memory of each audit as n grows, and extrapolate to a million records.

    python benchmarks/audit_times.py [--sizes 1000 3000 10000] [--audits memorization neighbours ...]
        [--million] [--quick]

There are n synthetic, n train and n control records. Each record belongs to another person and has about 80 words,
drawn by Zipf's law from 20,000 words. No record is a copy. Each measurement runs in its own process; memory is the
peak of the process minus the size of the tables. The whole suite takes less time
than the sum of the audits, because some audits share computations. The growth exponent is the slope of the line
through log n and log seconds. With --million, the audits that search for copies (memorization, identifiers) run with
30,000, 100,000 and 300,000 records, and the line is extrapolated to a million.
"""

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.streams import stream
from audits.core.types import AuditInputs, Table
from audits.runner.input_checks import check_split
from audits.runner.registry import applicable_audits, build
from audits.runner.run import run

WORDS = 80
VOCABULARY = 20_000
BLOCK = 1000
LARGE = ("memorization", "identifiers")
MILLION = 1_000_000
INPUT_CHECKS = "input checks"
SUITE = "the whole suite"


def people(n, who):
    """Return n persons with one record each, made in blocks so that this takes less memory than the audits."""
    rng = stream(n, who)
    share = 1 / np.arange(1, VOCABULARY + 1)
    cumulative = np.cumsum(share / share.sum())
    words = [f"{'bcdfghjklm'[i % 10]}{'aeiou'[i // 10 % 5]}{i}" for i in range(VOCABULARY)]
    texts = []
    for start in range(0, n, BLOCK):
        ranks = np.minimum(np.searchsorted(cumulative, rng.random((min(BLOCK, n - start), WORDS))), VOCABULARY - 1)
        rows = [[words[i] for i in row] for row in ranks.tolist()]
        texts += [" ".join(row[:40]) + ". " + " ".join(row[40:]) + "." for row in rows]
    return Table(texts=tuple(texts), labels=None, groups=tuple(f"{who} {i}" for i in range(n)), has_groups=True)


def inputs_of(n):
    return AuditInputs(synthetic=people(n, "synthetic"), train=people(n, "train"), control=people(n, "control"))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(name, n):
    """Return seconds and MiB of one audit in this process, or None if the audit needs other tables."""
    inputs = inputs_of(n)
    before, started = peak(), time.perf_counter()
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


def alone(name, n):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, name, n).result()


def line(name, sizes):
    """Print and return an audit's seconds and memory at each size, and its growth exponent."""
    found = {n: alone(name, n) for n in sizes}
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


def million(audits):
    for name in audits:
        seconds, growth = line(name, [30_000, 100_000, 300_000])
        last = max(seconds)
        hours = seconds[last] * (MILLION / last) ** growth / 3600
        print(f"{name}: extrapolated to a million records in each table: about {hours:.1f} h", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--audits", nargs="+", default=[INPUT_CHECKS, *applicable_audits(inputs_of(1)), SUITE])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--quick", action="store_true", help="sizes 60 and 120")
    args = parser.parse_args()
    if args.million:
        million([name for name in args.audits if name in LARGE])
        return
    sizes = [60, 120] if args.quick else args.sizes
    for name in args.audits:
        line(name, sizes)


if __name__ == "__main__":
    main()
