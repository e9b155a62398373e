"""Write the SMOTExT study's results: measures, their means, the goals, and a Markdown page."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from studies.feature_augmentation.tables import markdown_list, markdown_table
from studies.smotext.protocol import LABEL_ONLY, REAL, STYLE
from studies.smotext.summary import GAIN, GOALS, HEADS, OVER_ALONE, OVER_WITH, RATIO, VERDICTS, goals, over_seeds

Row = dict[str, Any]
Lambdas = Mapping[str, Sequence[Mapping[str, float]]]

HEADLINE = ("smotext", "smotext-filtered", "smotext-words", STYLE)
_ATTACKS = (("parent_nearest", "parent nearest"), ("membership_auc", "membership AUC"))
_BY = ("encoder", "characters")
_WHAT = {
    REAL: "the real train records alone",
    "smotext": "texts decoded from SMOTE vectors between near records of a class; first candidate, no filter",
    "smotext-filtered": "as smotext, with two candidates per vector, of which one is chosen by class and distance",
    "smotext-words": "as smotext, with the four nearest words of a public vocabulary in the prompt",
    STYLE: "as smotext-filtered, with four words in the prompt and the style adapter of the set",
    "paraphrase": "texts decoded from the vectors of single real records",
    "eda": "a real record with words swapped or omitted, α = 0.1 (Wei & Zou 2019)",
    "neighbour-concatenation": "a real record followed by the nearest record of its class and of another person",
    "mixup-vectors": "the SMOTE vectors themselves, without text, for the encoder head only",
    LABEL_ONLY: "texts that the language model writes for the class without a vector",
}
_NOTES = """\
- For smotext-filtered, a head trained on the train records alone predicts the class of each candidate (a decoded
  text). Of the candidates with the class of their vector, the one nearest to the vector is kept. A vector without
  such a candidate is replaced by a spare vector.
- eda is used without its synonym operations, which need a thesaurus.
- label-only prompts the same language model in plain words, after one example on another subject. Its texts
  depend on no real record, so all seeds use the same texts."""
_METHOD = """\
The tables show accuracy on the official test split, which was drawn once and not used for any choice. No person and
no text of this split is among the real records. Each seed is one draw of the real records. Intervals are 95 %
intervals of the mean over seeds, and cover the choice of the real records and of the test persons. They combine two
variances. The first is the variance over seeds, s² · (1/J + n/(N − n)) for n of N records and J seeds (Nadeau &
Bengio 2003), which takes into account that the seeds have records in common. The second is the variance over test
persons, who are the same for every seed. The label-only texts are written only once, so the intervals do not include
the variance of these texts. Differences and ratios are paired by seed, real records and test records.

A goal is *reached* if the whole interval is at or above it (for the two comparisons with label-only: above zero),
*missed* if the whole interval is below it, and *not shown* otherwise.

*Parent nearest* is the share of synthetic records whose most similar record, among the real train records and as many
other records of the set, is one of their parents. *Membership AUC* measures how well the similarity to the nearest
synthetic record distinguishes train records from others; 0.5 is chance. The texts of label-only depend on no record,
so their AUC differs from 0.5 only by chance. Similarity is the cosine of the encoder's vectors (*encoder*) or of
TF-IDF vectors of four-character sequences (*characters*). The generator uses the encoder's vectors, but not the
TF-IDF vectors. Both attacks are simple and give a lower bound; the audits are stronger.

The tables *Between two records* are for texts decoded from points between the vectors of two records (the parents) of
one class. The weight λ of a point is 0 at the first parent and 1 at the second. A text *mentions* a parent if it
contains a rare word that only this parent has."""


def write_smotext_tables(measures: pa.Table, lambdas: Lambdas, meta: Mapping[str, Any], folder: Path) -> None:
    """Write measures.parquet, results.parquet, goals.parquet, lambdas.json and results.md.

    Args:
        measures: every measure of every trial; see `trial.MEASURE`.
        lambdas: for each dataset, the rows of `lambdas.along`.
        meta: settings of the study as JSON values.
        folder: created if missing; existing files with the five names are replaced.

    Raises:
        DataError: if a measure occurs twice.
    """
    summary, reached = over_seeds(measures), goals(measures)
    folder.mkdir(parents=True, exist_ok=True)
    note = {"study": json.dumps(meta, ensure_ascii=False)}
    for name, found in (("measures", measures), ("results", summary), ("goals", reached)):
        pq.write_table(found.replace_schema_metadata(note), folder / f"{name}.parquet")
    (folder / "lambdas.json").write_text(json.dumps(lambdas, indent=1) + "\n", encoding="utf-8")
    page = _page(summary.to_pylist(), reached.to_pylist(), lambdas, meta)
    (folder / "results.md").write_text(page, encoding="utf-8")


def _page(summary: Sequence[Row], reached: Sequence[Row], lambdas: Lambdas, meta: Mapping[str, Any]) -> str:
    datasets = list(dict.fromkeys(row["dataset"] for row in summary))
    parts = ["# SMOTExT: real records, synthetic ones, and both", "## In short", _short(reached)]
    parts.append("![Accuracy by the number of synthetic records](accuracy.svg)")
    parts.append("![Accuracy beside membership AUC](privacy-utility.svg)")
    for dataset in datasets:
        own = [row for row in summary if row["dataset"] == dataset]
        parts += [f"## {dataset}", "### Accuracy and leakage", _accuracies(own)]
        parts += ["### The goals", _goals([row for row in reached if row["dataset"] == dataset])]
        parts += [
            "### Between two records",
            f"![λ against fidelity](lambdas-{dataset}.svg)",
            _along(lambdas[dataset]),
        ]
    parts += ["## What the rows are", markdown_table(["row", "records"], _WHAT.items()), _NOTES]
    parts += ["## How to read it", _METHOD]
    parts += ["## How it was made", markdown_list(meta)]
    return "\n\n".join(parts) + "\n"


def _short(reached: Sequence[Row]) -> str:
    """Return how often the variants in `HEADLINE` reach each goal, and a table of their means and verdicts."""
    own = [row for row in reached if row["variant"] in HEADLINE]
    counts = Counter((row["goal"], row["verdict"]) for row in own)
    lines = [
        f"- {goal} ({_wanted(goal)}): "
        + ", ".join(f"{word} {counts[goal, word]} times" for word in VERDICTS if counts[goal, word] > 0)
        for goal in GOALS
    ]
    at = {(r["dataset"], r["variant"], r["by"], r["goal"]): r for r in own}
    places = dict.fromkeys((r["dataset"], r["variant"], r["by"]) for r in own)
    rows = [
        [*place[:2], HEADS[place[2]], *(_goal(at.get((*place, goal)), short=True) for goal in GOALS)]
        for place in places
    ]
    counted = (
        f"The goals are counted over sets, classifiers and the rows {', '.join(HEADLINE[:-1])} and {HEADLINE[-1]}.\n"
        "The paper reports 96.1 % for the first goal."
    )
    return "\n\n".join([counted, "\n".join(lines), markdown_table(["set", "row", "classifier", *GOALS], rows)])


def _accuracies(rows: Sequence[Row]) -> str:
    n = max(row["n"] for row in rows)
    at = {(r["variant"], r["arm"], r["by"], r["measure"]): r for r in rows if r["n"] in {0, n}}
    head = ["row", "records"]
    for name in HEADS.values():
        head += [f"{name}, alone", f"{name}, with real"]
    head += [f"{name}, {by}" for _, name in _ATTACKS for by in _BY] + ["cosine to vector"]
    lines = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        arms = (REAL, None) if variant == REAL else ("synthetic", "real+synthetic")
        line = [variant, _number(at.get((variant, "", "", "records")), 0)]
        line += [
            "–" if arm is None else _number(at.get((variant, arm, by, "accuracy"))) for by in HEADS for arm in arms
        ]
        line += [_number(at.get((variant, "synthetic", by, m)), 2) for m, _ in _ATTACKS for by in _BY]
        lines.append([*line, _number(at.get((variant, "", "", "target_cosine")), 2)])
    return markdown_table(head, lines)


def _goals(rows: Sequence[Row]) -> str:
    at = {(r["variant"], r["by"], r["goal"]): r for r in rows}
    places = dict.fromkeys((r["variant"], r["by"]) for r in rows)
    lines = [[v, HEADS[by], *(_goal(at.get((v, by, goal))) for goal in GOALS)] for v, by in places]
    return markdown_table(["row", "classifier", *(f"{goal} ({_wanted(goal)})" for goal in GOALS)], lines)


def _along(rows: Sequence[Mapping[str, float]]) -> str:
    shown = {
        "lambda": "λ",
        "target": "cosine to the vector",
        "first": "to the first parent",
        "second": "to the second",
        "others": "to another pair",
        "class_kept": "class kept",
        "says_first": "mentions the first",
        "says_second": "mentions the second",
        "says_both": "mentions both",
        "says_both_others": "both of another pair (chance)",
    }
    return markdown_table(list(shown.values()), ([f"{row[key]:.2f}" for key in shown] for row in rows))


def _wanted(goal: str) -> str:
    return {RATIO: "≥ 100 %", GAIN: "≥ +2 points", OVER_ALONE: "> 0", OVER_WITH: "> 0"}[goal]


def _goal(row: Row | None, *, short: bool = False) -> str:
    if row is None:
        return "–"
    sign, unit = ("", " %") if row["goal"] == RATIO else ("+", " points")
    # rounding and adding 0 avoids printing −0.0
    mean, low, high = (
        None if row[end] is None else round(100 * row[end], 1) + 0.0 for end in ("mean", "low", "high")
    )
    interval = "" if low is None or short else f" [{low:{sign}.1f}, {high:{sign}.1f}]"
    return f"{mean:{sign}.1f}{unit}{interval}, {row['verdict']}"


def _number(row: Row | None, digits: int = 3) -> str:
    if row is None or row["mean"] is None:
        return "–"
    half = "" if row["high"] is None or not digits else f" ± {row['high'] - row['mean']:.{digits}f}"
    return f"{row['mean']:.{digits}f}{half}"
