"""Audit tables that leak nothing, drawn from real corpora, and count how often an audit wrongly stops a table.

    python benchmarks/clean_tables.py [--corpora yelp_augpe,...] [--persons 1000] [--splits 10]
        [--only AUDITS] [--identifiers]

Persons are drawn at random into train, control and a "synthetic" table, which consists of real records and leaks
nothing about train. Of records with equal text only the first is kept, and each person has one record of at most 150
words. Labels with fewer than 100 persons are left out. Persons of real corpora quote one another. The benchmark
therefore leaves out synthetic rows that share an identifier or 13 consecutive words with train or control, or nearly
repeat one of their rows. Rows that no audit can judge (quarantined rows) are removed, and the table is audited again,
as `audits run` requires. The output has a line for each split: the verdicts other than pass, and the numbers of rows
that were left out and removed. The corpora are in the folder SYNTHGEN_DATA. With `--identifiers`, the audits also get
the identifiers that the rules of `deidentify` find in each row of train and control.
"""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from audits.core.inputs import take
from audits.core.quarantine import without_rows
from audits.core.streams import stream
from audits.core.types import AuditInputs, Table
from audits.runner.run import run
from audits.selftest.clean_release import repeating_rows
from synthgen.deidentify.engines import finder

CORPORA = ("yelp_augpe", "medquad", "ag_news", "newsgroups20", "sst2")
MAX_WORDS = 150
LEAST_PERSONS = 100  # labels of fewer persons are left out, as with `source.min_class: {then: drop}`
TURNS = 3  # largest number of times that a table is audited; quarantined rows are removed in between


def persons_of(corpus):
    """Return one row (text, label, person) per person; without a column `group`, each row is its own person."""
    files = sorted((Path(os.environ["SYNTHGEN_DATA"]) / corpus).glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    seen, found = set(), {}
    for i, row in enumerate(rows):
        text, person = " ".join(str(row["text"]).split()[:MAX_WORDS]), str(row.get("group", f"row {i}"))
        if text and text not in seen and person not in found:
            seen.add(text)
            found[person] = (text, str(row["label"]), person)
    sizes = Counter(label for _, label, _ in found.values())
    return [row for row in found.values() if sizes[row[1]] >= LEAST_PERSONS]


def identifiers_in(table):
    find = finder("rules")
    return [[text[span.start : span.end] for span in find(text, ())] for text in table.texts]


def split(rows, persons, rng, *, with_identifiers):
    """Return audit inputs with `persons` randomly drawn persons in each table, and the number of rows left out."""
    order = rng.permutation(len(rows))[: 3 * persons]
    parts = [[rows[i] for i in order[k::3]] for k in range(3)]
    tables = []
    for has_groups, part in zip((True, True, False), parts, strict=True):
        texts, labels, groups = zip(*part, strict=True)
        tables.append(Table(texts=texts, labels=labels, groups=groups, has_groups=has_groups))
    train, control, synthetic = tables
    repeats, _ = repeating_rows(train, control, synthetic)
    lists = dict(zip(("identifiers", "control_identifiers"), map(identifiers_in, (train, control)), strict=True))
    inputs = AuditInputs(
        synthetic=take(synthetic, np.flatnonzero(~repeats)),
        train=train,
        control=control,
        **(lists if with_identifiers else {}),
    )
    return inputs, int(repeats.sum())


def judged(inputs, names, seed):
    """Return the verdicts other than pass with their reasons, and the number of rows removed by quarantine."""
    n = len(inputs.synthetic)
    for _ in range(TURNS):
        report = run(inputs, names=names, seed=seed)
        if not report.quarantined_rows:
            break
        inputs = without_rows(inputs, np.array(report.quarantined_rows))
    stopped = {
        result.name: f"{result.verdict}: {result.reason}" for result in report.results if result.verdict != "pass"
    }
    if report.quarantined_rows:
        stopped["quarantine"] = "rows remain"
    return stopped, n - len(inputs.synthetic)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--persons", type=int, default=1000)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--only")
    parser.add_argument("--identifiers", action="store_true")
    args = parser.parse_args(argv)
    names = None if args.only is None else args.only.split(",")
    for corpus in args.corpora.split(","):
        rows, passed = persons_of(corpus), 0
        for number in range(args.splits):
            started = time.monotonic()
            rng = stream(0, f"clean tables/{corpus}/{number}")
            inputs, left_out = split(rows, args.persons, rng, with_identifiers=args.identifiers)
            stopped, removed = judged(inputs, names, number)
            passed += not stopped
            print(
                f"{corpus} split {number}: {left_out} rows left out, {removed} removed; "
                f"stopped by {stopped or 'none'}; {time.monotonic() - started:.0f} s",
                flush=True,
            )
        print(f"{corpus}: {passed} of {args.splits} clean tables of {args.persons} persons pass", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
