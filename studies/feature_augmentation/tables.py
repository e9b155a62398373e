"""Write the study's results: the cells, the tables computed from them, and a Markdown page.

A cell is the result of one method on one fold, with n train records of each minority class.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from studies.feature_augmentation.cells import MEASURES
from studies.feature_augmentation.summary import (
    HEAD_TO_HEAD,
    HIGHER,
    LOWER,
    NO_DIFFERENCE,
    NONE,
    NOT_MEASURABLE,
    RANDOM,
    difference_verdict,
    over_n,
    summarise,
)

Row = dict[str, Any]

PAPER = (
    RANDOM,
    "smote",
    "borderline-smote",
    "borderline-smote-2",
    "adasyn",
    "vae",
)  # the methods that the paper compares

_NAMES = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "minority_recall": "Recall of the minority classes"}
_KEY_TO_ACCURACY = (
    "Each cell is the mean ± half the width of its 95 % interval. ↑ and ↓ mean that the interval of the paired "
    "difference to the row `none` is above or below zero. (k refused) means that the method gave no result in k "
    "folds."
)
_METHOD = (
    "Intervals are 95 % intervals of the mean over folds. Intervals and tests use the corrected resampled t-test, "
    "because folds share training records (Nadeau & Bengio 2003: variance s² · (1/J + n_test/n_train) over J "
    "folds). Differences are paired by fold, records and test set. The p-values are two-sided and corrected by "
    "Holm's method over the methods of a dataset and measure (and n).\n\n"
    "A verdict is based on the interval, which is not corrected for the number of methods. *higher* and *lower* "
    "mean that the interval is on one side of zero. *no difference shown* means that the interval contains zero, "
    "which does not prove equality. *not measurable* means that there are too few folds or no variance. Differences "
    "over all n first average each fold over n, and leave out every n at which one of the two methods has no result "
    "in a fold."
)


def write_tables(cells: pa.Table, meta: Mapping[str, Any], folder: Path) -> None:
    """Write cells.parquet, results.parquet, over_n.parquet and results.md.

    Args:
        cells: the raw results, one row per dataset, repeat, fold, n and method.
        meta: settings of the study as JSON values; written to the metadata of each parquet file under `study` and
            listed in results.md in the order of the mapping.
        folder: created if missing; existing files with the four names are replaced.

    Raises:
        DataError: if the cells are incomplete; see `by_place`.
    """
    summary, overall = summarise(cells), over_n(cells)
    folder.mkdir(parents=True, exist_ok=True)
    note = {"study": json.dumps(meta, ensure_ascii=False)}
    for name, table in (("cells", cells), ("results", summary), ("over_n", overall)):
        pq.write_table(
            table.replace_schema_metadata({**(table.schema.metadata or {}), **note}), folder / f"{name}.parquet"
        )
    page = _page(cells, summary.to_pylist(), overall.to_pylist(), meta)
    (folder / "results.md").write_text(page, encoding="utf-8")


def _page(cells: pa.Table, summary: Sequence[Row], overall: Sequence[Row], meta: Mapping[str, Any]) -> str:
    datasets = list(dict.fromkeys(row["dataset"] for row in summary))
    parts = ["# Results", "## In short"]
    for dataset in datasets:
        own = [row for row in overall if row["dataset"] == dataset and row["measure"] == "accuracy"]
        parts += [f"**{_plain(dataset)}**", "\n".join(_sentences(own)) or "There is no baseline to compare with."]
    for dataset in datasets:
        parts.append(f"## {_plain(dataset)}")
        parts += _accuracy_by_n([r for r in summary if (r["dataset"], r["measure"]) == (dataset, "accuracy")])
        for measure in MEASURES:
            own = [r for r in overall if (r["dataset"], r["measure"]) == (dataset, measure)]
            if own:
                parts += [f"### {_NAMES[measure]}, difference over all n", _difference_table(own)]
    parts += ["## Refusals", _refusals(cells), "## How it was made", markdown_list(meta), _METHOD]
    return "\n\n".join(parts) + "\n"


def _sentences(rows: Sequence[Row]) -> list[str]:
    """Return lines on accuracy: SMOTE against `none`, random oversampling and VAE; all methods; then `_finding`."""
    lines = []
    for method, versus in ((HEAD_TO_HEAD[0], NONE), (HEAD_TO_HEAD[0], RANDOM), HEAD_TO_HEAD):
        row = next((r for r in rows if (r["method"], r["versus"]) == (method, versus)), None)
        if row is not None:
            lines.append(f"- {_sentence(row)}")
    for versus in (NONE, RANDOM):
        own = [r for r in rows if r["versus"] == versus]
        if own:
            parts = (
                f"{word}: {', '.join(r['method'] for r in own if r['verdict'] == word) or '–'}"
                for word in (HIGHER, LOWER, NO_DIFFERENCE, NOT_MEASURABLE)
            )
            lines.append(f"- All methods against {versus}: {'; '.join(parts)}.")
    return lines + _finding(rows)


def _finding(rows: Sequence[Row]) -> list[str]:
    """Return two lines: the methods that confirm the paper's finding, and those better than repeating records."""
    verdicts = {(row["method"], row["versus"]): row["verdict"] for row in rows}

    def among(methods: Sequence[str], versus: str) -> tuple[list[str], list[str]]:
        compared = [m for m in methods if (m, versus) in verdicts]
        better = [m for m in compared if verdicts[m, versus] == HIGHER]
        return better, [m for m in compared if m not in better]

    lines = []
    for claim, (shown, not_shown) in (
        (
            "The paper's finding, that added vectors of the minority classes raise the accuracy, **holds** for",
            among(PAPER, NONE),
        ),
        (f"The accuracy is higher than with {RANDOM}, which repeats records, for", among(PAPER[1:], RANDOM)),
    ):
        if shown or not_shown:
            doubt = f"; not shown for {', '.join(not_shown)}" if not_shown else ""
            lines.append(f"- {claim} {', '.join(shown) or 'no method'}{doubt}.")
    return lines


def _sentence(row: Row) -> str:
    pair = f"{row['method']} against {row['versus']}"
    if row["verdict"] == NOT_MEASURABLE:
        return f"{pair}: {NOT_MEASURABLE} ({row['folds']} folds with both)."
    p = _p(row["p_holm"])
    return (
        f"{pair}: accuracy **{row['verdict']}**, {_signed(row['diff'])} {_interval(row)}, "
        f"p {p if p.startswith('<') else f'= {p}'}, over n = {_list(row['n_used'])} in {row['folds']} folds."
    )


def _accuracy_by_n(rows: Sequence[Row]) -> list[str]:
    all_n = sorted({row["n"] for row in rows})
    at = {(row["method"], row["n"]): row for row in rows}
    lines = [[m, *(_accuracy(at.get((m, n))) for n in all_n)] for m in dict.fromkeys(row["method"] for row in rows)]
    return [
        "### Accuracy by n, the records of each minority class",
        markdown_table(["method", *map(str, all_n)], lines),
        _KEY_TO_ACCURACY,
    ]


def _accuracy(row: Row | None) -> str:
    if row is None:
        return "–"
    if row["mean"] is None:
        return "refused"
    half = "" if row["high"] is None else f" ± {row['high'] - row['mean']:.3f}"
    arrow = {HIGHER: " ↑", LOWER: " ↓"}.get(difference_verdict(row["diff_none_low"], row["diff_none_high"]), "")
    refused = f" ({row['folds_refused']} refused)" if row["folds_refused"] > 0 else ""
    return f"{row['mean']:.3f}{half}{arrow}{refused}"


def _difference_table(rows: Sequence[Row]) -> str:
    lines = [
        [
            r["method"],
            r["versus"],
            _signed(r["diff"]),
            _interval(r),
            _p(r["p_holm"]),
            r["verdict"],
            _list(r["n_left_out"]),
        ]
        for r in rows
    ]
    return markdown_table(
        ["method", "against", "difference", "95 % interval", "p (Holm)", "verdict", "n left out"], lines
    )


def _refusals(cells: pa.Table) -> str:
    rows = cells.select(["dataset", "method", "n", "status", "reason"]).to_pylist()
    reasons: dict[tuple[str, str, int], Counter[str]] = {}
    for row in rows:
        if row["status"] == "refused":
            reasons.setdefault((row["dataset"], row["method"], row["n"]), Counter())[row["reason"]] += 1
    if not reasons:
        return "No method refused."
    lines = [[*place, counts.total(), counts.most_common(1)[0][0]] for place, counts in reasons.items()]
    return markdown_table(["dataset", "method", "n", "folds", "most frequent reason"], lines)


def markdown_list(meta: Mapping[str, Any], indent: str = "") -> str:
    """Return settings as nested Markdown lists."""
    lines = []
    for key, value in meta.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}- {_plain(key)}:", markdown_list(value, indent + "  ")]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            lines.append(f"{indent}- {_plain(key)}: {_plain(shown)}")
    return "\n".join(lines)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table with a heading row."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_plain(str(cell)) for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _interval(row: Row) -> str:
    return "–" if row["low"] is None else f"[{row['low']:+.3f}, {row['high']:+.3f}]"


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _list(values: Sequence[int]) -> str:
    return ", ".join(map(str, values)) or "–"
