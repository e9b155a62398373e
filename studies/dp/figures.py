"""Figures of the study `dp`: utility of synthetic text by number of persons, for each budget and each mechanism."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import Any

from studies.dp.tables import HEAD, WORDS, Trial, per_cent, shown_epsilon
from studies.dp.trial import LABELS, MECHANISMS, SMOTE
from studies.drawing import LOOKS, sheet, write_figure

TITLES = {HEAD: "encoder head", WORDS: "TF-IDF"}
SHOWN_MECHANISM, SHOWN_EPSILON = "classes", 4.0
_LABELS_STYLE = {"color": "#7f7f7f", "linestyle": (0, (4, 1.5)), "linewidth": 1.2, "marker": ".", "label": LABELS}


def write_dp_figures(trials: Sequence[Trial], folder: Path) -> list[Path]:
    """Draw the trials, and return the paths of the SVG and PNG file of each figure; without trials, an empty list.

    Each set has a row of panels, one per classifier. A panel shows the macro F1 in per cent of the macro F1 with real
    text, by number of persons. The figure `budgets` has a line for each ε of `SHOWN_MECHANISM`. The figure
    `mechanisms` has a line for each mechanism at `SHOWN_EPSILON`. Each figure also shows SMOTE without a budget, and
    the mechanism "labels alone" in grey.
    """
    trials = _shown(trials)
    if not trials:
        return []
    epsilons = sorted({t["settings"]["epsilon"] for t in trials if t["settings"]["mechanism"] == SHOWN_MECHANISM})
    smote = {"smote, no guarantee": (SMOTE, 0.0)}
    budgets = {f"ε = {shown_epsilon(SHOWN_MECHANISM, e)}": (SHOWN_MECHANISM, e) for e in epsilons} | smote
    private = {name: (name, SHOWN_EPSILON) for name in MECHANISMS if name not in {LABELS, SMOTE}} | smote
    return _lines(trials, budgets, folder, "budgets") + _lines(trials, private, folder, "mechanisms")


def _shown(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials to draw: for each set, only the trials with one number of synthetic records.

    This is the number that was tried with the most settings (persons, mechanism, ε); of several such numbers, it is
    the largest. A set is omitted if all its trials with this number of records have the same settings.
    """
    rows: dict[str, dict[int, set[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(set))
    for settings in (t["settings"] for t in trials):
        rows[settings["data"]][settings["records"]].add(
            (settings["persons"], settings["mechanism"], settings["epsilon"])
        )
    most = {data: max(of, key=lambda m: (len(of[m]), m)) for data, of in rows.items()}
    drawn = {(data, m) for data, m in most.items() if len(rows[data][m]) > 1}
    return [t for t in trials if (t["settings"]["data"], t["settings"]["records"]) in drawn]


def _lines(trials: Sequence[Trial], lines: Mapping[str, tuple[str, float]], folder: Path, name: str) -> list[Path]:
    sets = sorted({t["settings"]["data"] for t in trials})
    sizes = sorted({t["settings"]["persons"] for t in trials})
    run = {(t["settings"]["mechanism"], t["settings"]["epsilon"]) for t in trials}
    lines = {label: of for label, of in lines.items() if of in run}  # the legend names only mechanisms that were run
    places = [(data, by) for data in sets for by in TITLES]
    with sheet(0.9 + 1.9 * len(sets), len(sets), len(TITLES), sharex=True, sharey=True) as (figure, panels):
        for panel, (data, by) in zip(panels, places, strict=True):
            own = [t for t in trials if t["settings"]["data"] == data]
            panel.axhline(100, color="black", linewidth=0.7)
            panel.plot(*_over_persons(own, (LABELS, None), by), **_LABELS_STYLE)
            for (label, of), look in zip(lines.items(), cycle(LOOKS), strict=False):
                style = {"color": look.color, "marker": look.marker, "linestyle": look.dash}
                panel.plot(*_over_persons(own, of, by), **style, markeredgecolor="white", label=label)
            records = own[0]["settings"]["records"]
            panel.set_title(f"{data}, {TITLES[by]}, {records:,} records", loc="left", fontsize=8)
            panel.set_xscale("log")
            panel.set_xticks(sizes)
            panel.tick_params(axis="x", labelrotation=40)
            panel.xaxis.set_major_formatter("{x:,.0f}")
            panel.minorticks_off()
            panel.grid(visible=True, axis="y")
            panel.set_axisbelow(True)
        figure.supylabel("macro F1, per cent of real", fontsize=8)
        for panel in panels[-len(TITLES) :]:
            panel.set_xlabel("persons of train", fontsize=8)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=3.4)
        return write_figure(figure, folder, name)


def _over_persons(trials: Sequence[Trial], of: tuple[str, float | None], by: str) -> tuple[list[int], list[float]]:
    """Return the numbers of persons, and for each number the mean score of one mechanism at one ε (None: any ε)."""
    mechanism, epsilon = of
    found: dict[int, list[Any]] = defaultdict(list)
    for trial in trials:
        settings = trial["settings"]
        if settings["mechanism"] == mechanism and epsilon in {None, settings["epsilon"]}:
            found[settings["persons"]].append(per_cent(trial, by))
    return sorted(found), [mean(found[n]) for n in sorted(found)]
