"""Run the missing folds of experiments in parallel processes, and keep the result of each fold in a file."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.files import write_whole
from studies.feature_augmentation.experiment import CELL, Experiment, run_fold
from studies.processes import in_processes
from synthgen.core.errors import StorageError
from synthgen.core.progress import Advance, Progress

Job = tuple[str, int, int]  # dataset, repeat, fold
_experiments: dict[str, Experiment] = {}  # set once when a worker process starts


def run_experiments(experiments: Sequence[Experiment], out: Path, progress: Progress) -> pa.Table:
    """Run the folds that have no result file; return the cells (results) of all folds of all experiments in order.

    Each fold is one file under `out/<dataset>-<key>/`. The key is a digest of the settings, the vectors and
    `FOLDS_VERSION`, so results of other settings, vectors or versions of the code are never mixed.

    Raises:
        Interrupted: if a worker process was killed; run the same command again to continue.
        StorageError: if a finished fold cannot be read.

    Cost: one single-threaded process per core.
    """
    paths: dict[Job, Path] = {}
    for experiment in experiments:
        folder = out / f"{experiment.dataset}-{experiment.key()[:16]}"
        folder.mkdir(exist_ok=True)
        for repeat in range(experiment.protocol.repeats):
            for fold in range(experiment.protocol.folds):
                job = (experiment.dataset, repeat, fold)
                paths[job] = folder / f"repeat-{repeat}-fold-{fold:02d}.parquet"
    missing = {job: path for job, path in paths.items() if not path.is_file()}
    with progress.stage("folds", total=len(paths), unit="folds", done=len(paths) - len(missing)) as advance:
        if missing:
            _make({e.dataset: e for e in experiments}, missing, advance)
    return pa.concat_tables(_read(path) for path in paths.values())


def _make(experiments: Mapping[str, Experiment], missing: Mapping[Job, Path], advance: Advance) -> None:
    def finished(job: Job, table: pa.Table) -> None:
        write_whole(missing[job], _to_bytes(table))
        advance(1)

    # the datasets alternate, so that the estimate of the remaining time is good from the start
    order = sorted(missing, key=lambda job: job[1:])
    in_processes(order, _run, finished, start=_start, given=(experiments,))


def _start(experiments: Mapping[str, Experiment]) -> None:
    _experiments.update(experiments)


def _run(job: Job) -> pa.Table:
    dataset, repeat, fold = job
    return run_fold(_experiments[dataset], repeat, fold)


def _to_bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise StorageError(
            f"{path}: a finished fold cannot be read", hint="Delete the file; the fold runs again."
        ) from error
    if table.schema != CELL:
        raise StorageError(f"{path}: not the cells of a fold", hint="Delete the file; the fold runs again.")
    return table
