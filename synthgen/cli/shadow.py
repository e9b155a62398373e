"""Implement `synthgen shadow`: repeat a run without some persons, and infer from the outputs who was missing.

The attacked persons are the train persons whose records are most similar to synthetic records, compared with their
similarity to reference records. Each attacked person is left out of half of the reruns.
"""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from audits.attacks.shadow.attack import PERMUTATIONS, REPORT, as_text, judge_shadow
from audits.attacks.shadow.plan import PLAN, ShadowPlan, find_table, plan_shadow, read_plan, write_plan
from audits.core.holdout import MIN_SYNTHETIC
from audits.core.report import AuditReport
from audits.core.streams import stream
from audits.core.types import AuditInputs
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import UsageError
from synthgen.core.files import write_by
from synthgen.core.progress import Progress, duration_text
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.core.types import Corpus, Float32
from synthgen.embed import with_ids
from synthgen.interpolate import counts_per_class
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import SYNTHETIC, as_table, synthetic_corpus
from synthgen.pipeline.prepare import embed_train, replaced_names
from synthgen.pipeline.rounds import Written, fitted_on
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.stage_order import write_records
from synthgen.pipeline.workspace import Workspace, finish
from synthgen.release.run import Run, load_run

# with --quick: numbers of reruns, of attacked persons, and of random permutations for the p-values
QUICK_RUNS, QUICK_PERSONS, QUICK_PERMUTATIONS = 8, 1, 9
# largest number of tokens of a text with --quick; with fewer tokens, texts often do not fit their class
QUICK_TOKENS = 48
RERUN_STAGES = ("interpolate", "decode", "re-embed", "filter")  # stages that determine how long a rerun takes


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRequest:
    """The options of a shadow audit."""

    runs: int  # number of reruns
    persons: int | None  # number of attacked persons; None means 1 % of the training persons
    quick: bool  # whether to make only few, small reruns to test the command; such an audit never passes


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The content and the path of shadow.json."""

    report: AuditReport
    path: Path

    @property
    def passed(self) -> bool:
        """Whether the verdict is pass: the attack could not infer from the outputs who was left out."""
        return self.report.overall == "pass"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-compatible data."""
        return self.report.to_dict()

    def to_text(self) -> str:
        """Return the report as text for a terminal."""
        return f"{as_text(self.report.results[0])}\nwritten: {self.path}"


def shadow(config: Config, request: ShadowRequest, progress: Progress, say: Callable[[str], None]) -> Shadowed:
    """Make the reruns that are not stored yet, audit all reruns, and write shadow.json into the workspace.

    The result informs the people who decide on a release; no gate of a policy reads it. `say` prints the estimated
    duration and the number of the current rerun. Raise UsageError under DP: each rerun would spend budget, and
    epsilon already limits the influence of a person on the run.
    """
    if config.interpolate.is_dp:
        raise UsageError(
            f"a run with `interpolate.method: {config.interpolate.method}` cannot be repeated, because each DP query "
            "spends privacy budget",
            hint="Epsilon limits the influence of each person on such a run; the audit `accounting` checks epsilon.",
        )
    run = load_run(config)
    clean = run.folder("deidentify")
    train, control = (read_corpus(clean / f"{name}.parquet", name) for name in ("train", "control"))
    synthetic = read_corpus(run.folder("audit") / SYNTHETIC, "synthetic")
    inputs = AuditInputs(synthetic=as_table(synthetic, {}), train=as_table(train, {}), control=as_table(control, {}))
    folder = _folder(run, request)
    job = Job(_quick(config, train) if request.quick else config, run.workspace, progress)
    seeds = job.seeds.child("shadow")
    plan = _plan(inputs, request, folder, seeds.child("plan").integer())
    vectors = np.load(run.folder("embed") / "train.npy", allow_pickle=False)
    missing = [number for number in range(plan.runs) if find_table(folder, number) is None]
    say(_estimate(run, plan, missing, quick=request.quick))
    for number in missing:
        say(f"rerun {number + 1} of {plan.runs}")
        rerun(job, train, vectors, plan.leave_out(number), number, folder, clean=clean)
    permutations = QUICK_PERMUTATIONS if request.quick else PERMUTATIONS
    with progress.stage("shadow", total=plan.runs + permutations, unit="steps") as advance:
        report = judge_shadow(
            folder,
            inputs,
            seed=seeds.child("judge").integer(),
            confidence=config.audit.confidence,
            permutations=permutations,
            progress=lambda _done, _total: advance(1),
        )
    return Shadowed(report, folder / REPORT)


def _folder(run: Run, request: ShadowRequest) -> Path:
    options = {"run": run.record.digest, "runs": request.runs, "persons": request.persons, "quick": request.quick}
    return run.workspace.root / "shadow" / sha256_json(options)[:16]


def _plan(inputs: AuditInputs, request: ShadowRequest, folder: Path, seed: int) -> ShadowPlan:
    """Return the plan (attacked persons, and who is left out of which rerun); store it in the folder if missing."""
    if not (folder / PLAN).is_file():
        runs, persons = (QUICK_RUNS, QUICK_PERSONS) if request.quick else (request.runs, request.persons)
        rng = stream(seed, "shadow plan")
        write_plan(plan_shadow(inputs, runs=runs, n_persons=persons, rng=rng), folder)
    return read_plan(folder)


def _quick(config: Config, train: Corpus) -> Config:
    """Return the configuration of the small reruns with --quick: fewer synthetic records, with shorter texts."""
    interpolate, decode = config.interpolate, config.for_texts(train.texts).decode
    wanted = counts_per_class(train.labels, interpolate.balance, interpolate.total)
    # all labels together get about `MIN_SYNTHETIC` records, the smallest number that audits accept
    few = {label: min(n, math.ceil(MIN_SYNTHETIC / len(wanted))) for label, n in wanted.items()}
    fewer = interpolate.model_copy(update={"balance": few, "total": None})
    shorter = decode.model_copy(update={"max_new_tokens": min(decode.token_limit, QUICK_TOKENS)})
    return config.model_copy(update={"interpolate": fewer, "decode": shorter})


def _estimate(run: Run, plan: ShadowPlan, missing: list[int], *, quick: bool) -> str:
    seconds = sum(stage.seconds for stage in run.record.stages if stage.is_of(*RERUN_STAGES))
    reruns = f"{plan.runs} reruns; attacked persons: {len(plan.persons)}, each left out of {plan.runs // 2} reruns"
    duration = f" and take about {duration_text(seconds * len(missing))}, estimated from the duration of the run"
    return f"{reruns}; {len(missing)} reruns remain{'' if quick else duration}"


def _store(context: StageContext) -> Mapping[str, object]:
    records = context.input("records")
    write_corpus(context.folder / "train.parquet", records)
    return {"in": len(records), "out": len(records)}


# In a rerun, this stage replaces deidentify. It stores the de-identified records of the persons who are not left out.
STORE = Stage(name="deidentify", version=1, run=_store, inputs=("records",), libraries=("pyarrow",))


def rerun(  # noqa: PLR0913 - one parameter per input
    job: Job, train: Corpus, vectors: Float32, leave_out: frozenset[str], number: int, folder: Path, *, clean: Path
) -> None:
    """Generate synthetic records from train without some persons, and write them to `folder`/synthetic.

    The stages interpolate, decode, re-embed and filter run again, including everything that they fit on train. The
    de-identified records and vectors are those of the attacked run. So one influence of a left-out person is not
    tested: if the source declares names, this person's names remain replaced in the records of all other persons.
    Segmented records are embedded again, because the headings at which they are split depend on the train persons. An
    interrupted rerun continues from its last finished stage.

    `job`, `train` (n records) and `vectors` (n, d) belong to the attacked run, and `clean` is the result folder of
    its stage deidentify. `leave_out` has the ids of the persons to leave out, and `number` is the number of the
    rerun. The workspace of the rerun is created in `folder` and removed after the synthetic table is written.

    Privacy: reads train. The output is synthetic text that has not been audited.
    Randomness: the stream "shadow/<number>", a child of the run's root stream.
    """
    is_kept = np.array([r.group not in leave_out for r in train.records], dtype=np.bool_)
    kept = replace(train, records=tuple(r for r in train.records if r.group not in leave_out))
    root = folder / f"rerun-{number:03d}"
    own_job = Job(job.config, Workspace(root), job.progress, root=job.seeds.child("shadow", str(number)))
    written = _write_from(own_job, kept, vectors[is_kept], replaced_names(clean, kept))
    path = folder / "synthetic" / f"{number:03d}.parquet"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_by(path, lambda partial: write_corpus(partial, synthetic_corpus(own_job, written)))
    shutil.rmtree(root)


def _write_from(job: Job, records: Corpus, vectors: Float32, names: Sequence[str]) -> Written:
    """Run the stages from interpolate to filter on de-identified records, in which `names` were replaced."""
    with job.workspace.locked():
        stored = job.run(STORE, {"records": records})
        encoder = encoder_for(job, records)
        if job.config.segments is None:
            upstream, embedded = stored, with_ids(records, vectors, encoder)
        else:
            upstream, embedded = embed_train(job, stored, records, encoder)
        return finish(write_records(job, fitted_on(job, records, embedded, upstream.digest, names), encoder), [])
