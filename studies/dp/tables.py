"""Tables of the study `dp`: utility of synthetic text in per cent of real text, by persons, epsilon and mechanism."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from studies.corrected_t import corrected_t
from studies.dp.trial import LABELS, MECHANISMS, NOISELESS, SMOTE

Trial = Mapping[str, Any]
MANY = 10  # from this number of draws on, the interval of the AUC is computed from the variance over draws
CHANCE = 0.5  # AUC of an attack that guesses
HEAD, WORDS = "encoder-logistic", "tfidf-linear"
_ORDER = tuple(MECHANISMS)
_COLUMNS = (
    "persons",
    "learned",
    "ε",
    "records",
    "head",
    "TF-IDF",
    "draws",
    "real: head, TF-IDF",
    "style gap",
    "membership AUC",
)


def results_page(trials: Sequence[Trial]) -> str:
    """Return the Markdown page, with a table of means over draws for each set, and the figures if they are useful."""
    parts = ["# What differential privacy costs", "", _INTRODUCTION]
    # if all trials had the same number of persons, each curve of the figures would be a single point
    if len({trial["settings"]["persons"] for trial in trials}) > 1:
        parts += ["", "![By budget](figures/budgets.svg)", "", "![By what is learned](figures/mechanisms.svg)"]
    for name in sorted({trial["settings"]["data"] for trial in trials}):
        parts += ["", f"## {name}", "", *_table([trial for trial in trials if trial["settings"]["data"] == name])]
    return "\n".join(parts) + "\n"


def _table(trials: Sequence[Trial]) -> list[str]:
    rows = defaultdict(list)
    for trial in trials:
        settings = trial["settings"]
        rows[
            settings["persons"], _ORDER.index(settings["mechanism"]), settings["epsilon"], settings["records"]
        ].append(trial)
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for (persons, place, epsilon, records), same in sorted(rows.items()):
        head, words = (mean(per_cent(trial, name) for trial in same) for name in (HEAD, WORDS))
        real = ", ".join(f"{mean(t['scores'][name]['real'] for t in same):.3f}" for name in (HEAD, WORDS))
        gaps = [t["style_gap"] for t in same if t["style_gap"] is not None]
        gap = f"{mean(gaps):.2f}" if gaps else "too few"
        cells = f"{persons:,} | {_ORDER[place]} | {shown_epsilon(_ORDER[place], epsilon)} | {records:,}"
        reached = f"{head:.1f} % | {words:.1f} % | {len(same)}"
        lines.append(f"| {cells} | {reached} | {real} | {gap} | {_membership(same)} |")
    return lines


def per_cent(trial: Trial, name: str) -> float:
    """Return the macro F1 of a classifier trained on synthetic text, in per cent of its score with real text."""
    of = trial["scores"][name]
    return float(100 * of["synthetic"] / of["real"])


def shown_epsilon(mechanism: str, epsilon: float) -> str:
    """Return the text that the table shows for the ε of a trial."""
    if mechanism == SMOTE:
        return "none"
    if mechanism == LABELS:
        return "0"
    return "∞" if epsilon >= NOISELESS else f"{epsilon:g}"


def _membership(trials: Sequence[Trial]) -> str:
    known = [t["membership"] for t in trials if t["membership"] is not None]
    if not known:
        return "not measured"
    even = sum(m["low"] <= CHANCE <= m["high"] for m in known)
    areas = [t["attacks"] for t in trials if t["membership"] is not None and t.get("attacks")]
    if len(areas) == len(known) >= MANY:
        value, low, high = _over_draws(areas)
        return f"{_area(value, 3)} [{_area(low, 3)}, {_area(high, 3)}]; {even} of {len(known)} contain .5"
    value, low, high = (mean(m[end] for m in known) for end in ("value", "low", "high"))
    return f"{_area(value, 2)} [{_area(low, 2)}, {_area(high, 2)}]"


def _area(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".removeprefix("0")


def _over_draws(areas: Sequence[Mapping[str, float]]) -> tuple[float, float, float]:
    """Return the mean AUC of one attack, and the lowest and highest end of the intervals of all attacks' means.

    The attack is the one whose mean over draws is farthest from 0.5. Choosing the strongest attack separately in each
    draw would bias the mean away from 0.5.
    """
    found = [corrected_t(np.array([of[name] for of in areas]), 0.0) for name in areas[0]]
    farthest = max((f.mean for f in found if f.mean is not None), key=lambda value: abs(value - CHANCE))
    ends = [end for f in found for end in (f.mean if f.low is None else f.low, f.mean if f.high is None else f.high)]
    return farthest, min(e for e in ends if e is not None), max(e for e in ends if e is not None)


_INTRODUCTION = """\
`python -m studies dp` made this page. Each row compares classifiers that are trained only on synthetic records with
the same classifiers trained on all real records of train. Both are tested on persons who are not in train. The
columns "head" (classifier on the encoder's vectors) and "TF-IDF" (classifier on words) are macro F1 in percent of the
macro F1 with real records. There are equal numbers of synthetic records in each class.

- ε is per person, and δ is 10⁻⁵. At ε = 0 the noise hides every result, and the texts depend only on the class names.
  ε = ∞ means ε = 50, with negligible noise.
- *learned*: `classes` is the method `dp-gaussian`, `classes + words` also queries words, `labels alone` learns
  nothing, and `smote` is SMOTE without a guarantee.
- *membership AUC* is the result of the audit with its interval. With ten or more draws, it is the mean AUC of the
  attack whose mean is farthest from one half. The brackets then span the intervals of the means of all attacks
  (Student's t over draws). They are followed by the number of draws whose own interval contains one half.
- If there are several draws of persons, all figures are means over the draws. The noise of these runs comes from a
  public random stream.
- Published results are not shown, because their tasks and sizes are not comparable. Aug-PE (Xie et al., ICML 2024)
  reads 1.9 million private Yelp reviews, writes 5,000 to 100,000 texts with GPT-2, GPT-3.5 or other large models, and
  tests a fine-tuned RoBERTa. The set `yelp_augpe` is the public part of the data of Aug-PE, 10,000 reviews.

[Removed options](removed-options.md) has the rows of methods that were removed later."""
