"""Measure how well each attack of the membership audit detects weak leaks, by its AUC and by its scan (ranking test).

    SYNTHGEN_DATA=FOLDER python benchmarks/membership_scores.py [--corpus newsgroups20] [--persons 2100] [--draws 5]

The persons of a corpus are split --draws times into train, control and fresh people (in neither table), as in
`benchmarks/calibration.py`. Each split gives eight releases. The first consists of the rows of the fresh people. In
each other release, a recipe of `audits selftest` makes rows from a part of the train persons, and these rows replace
some of the fresh people's rows. For every attack and release, the output has the mean of (AUC - 1/2) / standard error
over the splits, and the median of -log10 of the scan's p-value.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))  # for the corpora of calibration.py

from calibration import CORPORA, rows_of, split

from audits.attacks.membership.attack import cross_fit
from audits.attacks.membership.scores import membership_scores
from audits.core.holdout import person_scores
from audits.core.inputs import take
from audits.core.streams import stream
from audits.core.types import AuditInputs, persons
from audits.embeddings.encoders import encode_tables
from audits.selftest import recipes
from audits.selftest.clean_release import draw_population, stack_tables

LEAST_P = 1e-30  # smaller p-values count as this value
LEAKS = {  # for each release: the share of the train persons whom the recipe uses, and the recipe
    "fresh people": (0.0, None),
    "half of the words of 10 %": (0.1, partial(recipes.word_dropout, rate=0.5)),
    "half of the words of 2 %": (0.02, partial(recipes.word_dropout, rate=0.5)),
    "a fifth of the words of 30 %": (0.3, partial(recipes.word_dropout, rate=0.8)),
    "chunks of 10 %": (0.1, recipes.chunk_mix),
    "two-word model of 30 %": (0.3, partial(recipes.ngram_model, n=2)),
    "three-word model of 10 %": (0.1, partial(recipes.ngram_model, n=3)),
    "smote of 10 %": (0.1, partial(recipes.interpolated, k=5, largest=1.0)),
}


def release(population, share, recipe, rng):
    """Return the fresh people's rows, of which some are replaced by rows that the recipe makes from train persons."""
    if recipe is None:
        return population.unseen
    names, owner = persons(population.train.groups)
    chosen = rng.choice(len(names), size=round(share * len(names)), replace=False)
    rows = np.flatnonzero(np.isin(owner, chosen))
    some = replace(population, train=take(population.train, rows), own_run=population.own_run[rows])
    made = recipe(some, rng).synthetic
    made = take(made, rng.permutation(len(made))[: len(rows)])
    n = len(population.unseen)
    kept = take(population.unseen, np.sort(rng.choice(n, size=max(0, n - len(made)), replace=False)))
    return stack_tables(kept, made)


def measured(rows, persons_drawn, draw):
    """Return (AUC - 1/2) / standard error and -log10 of the scan's p-value for each release and attack of a split.

    The second number is None for an attack without a scan.
    """
    train, control = split(rows, persons_drawn, f"membership scores/{draw}")
    population = draw_population(
        AuditInputs(synthetic=control, train=train, control=control), stream(draw, "bench/population")
    )
    found = {}
    for name, (share, recipe) in LEAKS.items():
        synthetic = release(population, share, recipe, stream(draw, f"bench/{name}"))
        tables = encode_tables(population.inputs(synthetic), stream(draw, "bench/encoders"))
        scores = {
            attack: person_scores(score, tables.people.row_person)
            for attack, score in membership_scores(tables.holdout, tables.encoded).items()
        }
        fitted = cross_fit(scores, tables.people, stream(draw, "bench/folds"))
        found[name] = {
            attack: (
                (area.value - 0.5) / area.error,
                -np.log10(max(fitted.scans[attack].p, LEAST_P)) if attack in fitted.scans else None,
            )
            for attack, area in fitted.areas.items()
        }
    return found


def table(draws):
    lines = ["| score | " + " | ".join(LEAKS) + " |", "|" + "---|" * (1 + len(LEAKS))]
    for attack in next(iter(draws[0].values())):
        cells = []
        for name in LEAKS:
            errors, scans = zip(*(draw[name][attack] for draw in draws), strict=True)
            scan = "" if scans[0] is None else f", {np.median(scans):.1f}"
            cells.append(f"{np.mean(errors):.1f}{scan}")
        lines.append(f"| {attack} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="newsgroups20", choices=CORPORA)
    parser.add_argument("--persons", type=int, default=2100)
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args(argv)
    rows = rows_of(args.corpus, args.persons)
    print(table([measured(rows, args.persons, draw) for draw in range(args.draws)]))


if __name__ == "__main__":
    main()
