"""Implement `synthgen shadow`: repeat a run without its most over-represented persons and compare the outputs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audits.attacks.shadow.attack import PERMUTATIONS, REPORT, as_text, judge_shadow
from audits.attacks.shadow.plan import PLAN, ShadowPlan, find_table, plan_shadow, read_plan, write_plan
from audits.core.holdout import MIN_SYNTHETIC
from audits.core.report import AuditReport
from audits.core.streams import stream
from audits.core.types import AuditInputs
from synthgen.cli.rerun import refuse_private, rerun
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.progress import Progress, span
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus
from synthgen.interpolate import wanted_counts
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import SYNTHETIC, as_table
from synthgen.release.run import Run, load_run

QUICK_RUNS, QUICK_PERSONS, QUICK_DEALINGS = 8, 1, 9
QUICK_TOKENS = 48  # of a record; with fewer, too few texts are of their class
WRITTEN = ("interpolate", "decode", "re-embed", "filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRequest:
    """Hold the options of a shadow audit.

    Args:
        runs: Number of reruns; each person is left out of half of them.
        persons: Number of persons attacked; None means 1 % of the training persons.
        quick: Do 8 reruns for one person, with the fewest and shortest records the audit accepts; never passes.
    """

    runs: int
    persons: int | None
    quick: bool


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Hold the content of shadow.json and its path."""

    report: AuditReport
    path: Path

    @property
    def passed(self) -> bool:
        """Whether the audit found no detectable difference for the attacked persons."""
        return self.report.overall == "pass"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-compatible data."""
        return self.report.to_dict()

    def to_text(self) -> str:
        """Return the report as text for a terminal."""
        return f"{as_text(self.report.results[0])}\nwritten: {self.path}"


def shadow(config: Config, request: ShadowRequest, progress: Progress, say: Callable[[str], None]) -> Shadowed:
    """Do the missing reruns, audit all of them, and write shadow.json into the workspace.

    The result is not part of the evidence that the gate uses. It informs the people who decide on a release.

    Args:
        config: Configuration of a finished run.
        request: Options.
        progress: Receives the progress of each stage of each rerun.
        say: Prints a line: the estimated duration, and the number of the current rerun.

    Raises:
        DataError: If the run is not finished, or too few persons of a class are left.
        InputError: If the options do not fit the run, or a table cannot be used.
        Interrupted: If another process has locked the workspace of a rerun.
    """
    refuse_private(config)
    run = load_run(config)
    clean = run.folder("deidentify")
    train, control = (read_corpus(clean / f"{name}.parquet", name) for name in ("train", "control"))
    inputs = AuditInputs(
        synthetic=as_table(read_corpus(run.folder("audit") / SYNTHETIC, "synthetic"), {}),
        train=as_table(train, {}),
        control=as_table(control, {}),
    )
    folder = _folder(run, request)
    job = Job(_quick(config, train) if request.quick else config, run.workspace, progress)
    seeds = job.seeds.child("shadow")
    plan = _plan(inputs, request, folder, seeds.child("plan").integer())
    vectors = np.load(run.folder("embed") / "train.npy", allow_pickle=False)
    missing = [number for number in range(plan.runs) if find_table(folder, number) is None]
    say(_estimate(run, plan, missing, quick=request.quick))
    for number in missing:
        say(f"rerun {number + 1} of {plan.runs}")
        rerun(job, train, vectors, plan.leave_out(number), number, folder)
    dealings = QUICK_DEALINGS if request.quick else PERMUTATIONS
    with progress.stage("shadow", total=plan.runs + dealings, unit="steps") as advance:
        report = judge_shadow(
            folder,
            inputs,
            seed=seeds.child("judge").integer(),
            confidence=config.audit.confidence,
            permutations=dealings,
            progress=lambda _done, _total: advance(1),
        )
    return Shadowed(report, folder / REPORT)


def _folder(run: Run, request: ShadowRequest) -> Path:
    """Return the private folder for these options and this run."""
    options = {"run": run.record.digest, "runs": request.runs, "persons": request.persons, "quick": request.quick}
    return run.workspace.root / "shadow" / sha256_json(options)[:16]


def _plan(inputs: AuditInputs, request: ShadowRequest, folder: Path, seed: int) -> ShadowPlan:
    if not (folder / PLAN).is_file():
        runs, persons = (QUICK_RUNS, QUICK_PERSONS) if request.quick else (request.runs, request.persons)
        rng = stream(seed, "shadow plan")
        write_plan(plan_shadow(inputs, runs=runs, n_persons=persons, rng=rng), folder)
    return read_plan(folder)


def _quick(config: Config, train: Corpus) -> Config:
    """Return the configuration with the fewest records the audit accepts, and with short records."""
    interpolate, decode = config.interpolate, config.decode
    wanted = wanted_counts(train.labels, interpolate.balance, interpolate.total)
    few = {label: min(n, math.ceil(MIN_SYNTHETIC / len(wanted))) for label, n in wanted.items()}
    less = {"max_new_tokens": min(decode.max_new_tokens, QUICK_TOKENS)}
    return config.model_copy(
        update={
            "interpolate": interpolate.model_copy(update={"balance": few, "total": None}),
            "decode": decode.model_copy(update=less),
        }
    )


def _estimate(run: Run, plan: ShadowPlan, missing: list[int], *, quick: bool) -> str:
    seconds = sum(stage.seconds for stage in run.record.stages if stage.is_of(*WRITTEN))
    wait = "" if quick else f", estimated {span(seconds * len(missing))} from the duration of the run"
    return (
        f"{plan.runs} reruns for {len(plan.persons)} persons, each left out of {plan.runs // 2}; "
        f"{len(missing)} reruns remain{wait}"
    )
