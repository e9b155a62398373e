"""`synthgen shadow`: rerun a finished run without its most over-represented persons, and see whether that shows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audits.attacks.shadow.attack import PERMUTATIONS
from audits.attacks.shadow.plan import PLAN, ShadowPlan, find_table, plan_shadow, read_plan, write_plan
from audits.attacks.shadow.report import REPORT, as_text, judge_shadow
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
    """What was asked for.

    Args:
        runs: reruns, half of them without each person.
        persons: asked about; None takes one in a hundred of train.
        quick: eight reruns about one person, with as few and as short records as can be judged; never a verdict of
            pass.
    """

    runs: int
    persons: int | None
    quick: bool


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What was found: the content of shadow.json, and where it lies."""

    report: AuditReport
    path: Path

    @property
    def passed(self) -> bool:
        """Whether the reruns show that the flagged persons do not show."""
        return self.report.overall == "pass"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return self.report.to_dict()

    def to_text(self) -> str:
        """Return it for people."""
        return f"{as_text(self.report.results[0])}\nwritten: {self.path}"


def shadow(config: Config, request: ShadowRequest, progress: Progress, say: Callable[[str], None]) -> Shadowed:
    """Make the reruns that are missing, judge them, and write shadow.json into the workspace.

    Nothing of it enters the evidence a gate reads: it is for people who decide, and costs as many runs as it takes.

    Args:
        config: of a finished run.
        request: how much.
        progress: told of every stage of every rerun.
        say: takes lines for people: the estimate, and which rerun it is.

    Raises:
        DataError: the run is not finished, or too few persons of a class are left.
        InputError: the numbers cannot be, or a table cannot be used.
        Interrupted: another process holds the rerun's workspace.
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
    """Return the private folder of these reruns of this run; others never mix with them."""
    asked = {"run": run.record.digest, "runs": request.runs, "persons": request.persons, "quick": request.quick}
    return run.workspace.root / "shadow" / sha256_json(asked)[:16]


def _plan(inputs: AuditInputs, request: ShadowRequest, folder: Path, seed: int) -> ShadowPlan:
    if not (folder / PLAN).is_file():
        runs, persons = (QUICK_RUNS, QUICK_PERSONS) if request.quick else (request.runs, request.persons)
        rng = stream(seed, "shadow plan")
        write_plan(plan_shadow(inputs, runs=runs, n_persons=persons, rng=rng), folder)
    return read_plan(folder)


def _quick(config: Config, train: Corpus) -> Config:
    """Return the configuration with as few records as can be judged, and short ones."""
    asked, decode = config.interpolate, config.decode
    wanted = wanted_counts(train.labels, asked.balance, asked.total)
    few = {label: min(n, math.ceil(MIN_SYNTHETIC / len(wanted))) for label, n in wanted.items()}
    less = {"max_new_tokens": min(decode.max_new_tokens, QUICK_TOKENS)}
    return config.model_copy(
        update={
            "interpolate": asked.model_copy(update={"balance": few, "total": None}),
            "decode": decode.model_copy(update=less),
        }
    )


def _estimate(run: Run, plan: ShadowPlan, missing: list[int], *, quick: bool) -> str:
    seconds = sum(stage.seconds for stage in run.record.stages if stage.is_of(*WRITTEN))
    wait = "" if quick else f", about {span(seconds * len(missing))} by what the run took"
    return (
        f"{plan.runs} reruns about {len(plan.persons)} persons, each left out of {plan.runs // 2}; "
        f"{len(missing)} are still to be made{wait}"
    )
