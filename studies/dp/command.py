"""`python -m studies dp`: run the trials that have no result yet, then write tables and figures of all trials."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from studies.dp.figures import write_dp_figures
from studies.dp.sets import KINDS, read_private_sets
from studies.dp.tables import results_page
from studies.dp.trial import LABELS, LABELS_ALONE, MECHANISMS, NOISELESS, SMOTE, DpTrial, run_trial
from synthgen.core.errors import DataError
from synthgen.core.files import write_json
from synthgen.core.progress import Progress

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0, NOISELESS)
PERSONS = (500, 2000, 8000)
RECORDS = (1200,)
# baselines with their epsilon; they do not depend on the requested budgets, so they run only once
BESIDE = {LABELS: LABELS_ALONE, SMOTE: 0.0}
QUICK_MECHANISMS = (LABELS,)
QUICK_PERSONS, QUICK_EPSILONS, QUICK_RECORDS, QUICK_TOKENS = (60,), (4.0,), (12,), 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DpRequest:
    """The options of the study."""

    datasets: tuple[str, ...]  # names in `KINDS`; empty: all sets, or with `quick` only the clinic
    data: Path | None  # folder of the sets
    out: Path  # folder of the trials, tables and workspaces
    # numbers of train persons; a number is skipped for sets with fewer than twice as many persons
    persons: tuple[int, ...]
    epsilons: tuple[float, ...]
    mechanisms: tuple[str, ...]  # names in `MECHANISMS`
    records: tuple[int, ...]  # numbers of synthetic records
    seeds: int  # number of draws of persons
    # Run a small version in minutes, as a test; ignore its results. It runs only `QUICK_MECHANISMS`, because with so
    # few persons the filters reject all texts of the other mechanisms.
    quick: bool

    def trials(self) -> list[DpTrial]:
        """Return all requested trials; trials that share a workspace are next to each other."""
        persons = QUICK_PERSONS if self.quick else self.persons
        epsilons = QUICK_EPSILONS if self.quick else self.epsilons
        records = QUICK_RECORDS if self.quick else self.records
        names = [name for name in self.mechanisms if not self.quick or name in QUICK_MECHANISMS]
        budgets = [(name, epsilon) for name, epsilon in BESIDE.items() if name in names]
        budgets += [(name, epsilon) for epsilon in epsilons for name in names if name not in BESIDE]
        return [
            DpTrial(data=name, persons=n, mechanism=mechanism, epsilon=epsilon, records=m, seed=seed)
            for name in self.names()
            for n in persons
            for seed in range(self.seeds)
            for m in records
            for mechanism, epsilon in budgets
        ]

    def names(self) -> tuple[str, ...]:
        """Return the names of the requested sets."""
        return self.datasets or (("clinic",) if self.quick else tuple(KINDS))


def dp_study(request: DpRequest, progress: Progress, say: Callable[[str], None]) -> Path:
    """Run the trials that have no result yet, write tables and figures, and return the path of the page of results.

    An interrupted study continues where it stopped.

    Raises:
        DataError: if sets or mechanisms are unknown or files are missing; the error lists all of them.
        SynthGenError: if a run fails.

    Privacy: the noise comes from a public stream, so no output may be released.
    Cost: four minutes per trial on two cores.
    """
    if unknown := [
        f"{name}: not one of {', '.join(MECHANISMS)}" for name in request.mechanisms if name not in MECHANISMS
    ]:
        raise DataError("unknown mechanisms", problems=unknown, hint="Check --mechanism.")
    trials = request.trials()
    sets = {s.name: s for s in read_private_sets(request.names(), request.data, 2 * max(a.persons for a in trials))}
    if request.quick:
        sets = {n: replace(s, kind=replace(s.kind, max_new_tokens=QUICK_TOKENS)) for n, s in sets.items()}
    persons = {name: len({r.group for r in s.corpus.records}) for name, s in sets.items()}
    for one in trials:
        path = request.out / "trials" / f"{one.name}.json"
        if path.is_file() or persons[one.data] < 2 * one.persons:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = request.out / "runs" / f"{one.data}-{one.persons}-{one.seed}"
        write_json(path, run_trial(one, sets[one.data], folder, progress))
        say(f"trial: {one.name}")
    found = [json.loads(path.read_bytes()) for path in sorted((request.out / "trials").glob("*.json"))]
    page = request.out / "results.md"
    page.write_text(results_page(found), encoding="utf-8")
    write_dp_figures(found, request.out / "figures")
    return page
