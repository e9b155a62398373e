"""`python -m studies dp`: every trial that is missing, then the tables of all that are there."""

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
BESIDE = {LABELS: LABELS_ALONE, SMOTE: 0.0}  # what has one budget, or none
QUICK_MECHANISMS = (LABELS,)
QUICK_PERSONS, QUICK_EPSILONS, QUICK_RECORDS, QUICK_TOKENS = (60,), (4.0,), (24,), 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DpRequest:
    """What of the study is to be run.

    Args:
        datasets: of `KINDS`; all by default, the clinic alone where it is quick.
        data: the folder of the sets.
        out: where trials, tables and workspaces are.
        persons: of train, each a column; those a set does not have are left out.
        epsilons: of the budgets.
        mechanisms: of `MECHANISMS`.
        records: to write; several are rows of their own.
        seeds: draws of persons.
        quick: so little that it ends in some minutes; figures mean nothing. Of the mechanisms `QUICK_MECHANISMS`:
            of so few persons the others learn nothing that passes a filter.
    """

    datasets: tuple[str, ...]
    data: Path | None
    out: Path
    persons: tuple[int, ...]
    epsilons: tuple[float, ...]
    mechanisms: tuple[str, ...]
    records: tuple[int, ...]
    seeds: int
    quick: bool

    def asked(self) -> list[DpTrial]:
        """Return the trials, those of one workspace together."""
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
        """Return the sets that are asked for."""
        return self.datasets or (("clinic",) if self.quick else tuple(KINDS))


def dp_study(request: DpRequest, progress: Progress, say: Callable[[str], None]) -> Path:
    """Run the trials that are missing and return the page of results; a stopped study goes on where it was.

    Raises:
        DataError: naming every set or mechanism that is unknown and every file that is missing.
        SynthGenError: as a run says.

    Privacy: private sets play themselves here: noise is of a public stream, so nothing it writes may be released.
    Cost: four minutes a trial on two cores.
    """
    if unknown := [
        f"{name}: not one of {', '.join(MECHANISMS)}" for name in request.mechanisms if name not in MECHANISMS
    ]:
        raise DataError("mechanisms we do not know", problems=unknown, hint="Check --mechanism.")
    asked = request.asked()
    sets = {s.name: s for s in read_private_sets(request.names(), request.data, 2 * max(a.persons for a in asked))}
    if request.quick:
        sets = {n: replace(s, kind=replace(s.kind, max_new_tokens=QUICK_TOKENS)) for n, s in sets.items()}
    persons = {name: len({r.group for r in s.corpus.records}) for name, s in sets.items()}
    for one in asked:
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
