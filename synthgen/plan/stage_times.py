"""Predict the time and the disk space of each stage of a run from a pilot, which writes a few texts."""

import resource
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthgen.pipeline.workspace import StageResult

AUDIT_SECONDS = 0.015  # seconds for evaluation and audits on 2 cores, per record of train, control or synthetic table
PER_MINUTE = 60  # seconds per minute
PILOT = "-pilot"  # suffix of the names of stages that only the pilot runs
SHOWN_IN_SECONDS = 120  # times below this number of seconds are shown in seconds, longer times in minutes
# Stages whose time is divided by the number of processes. Audits and the filter stage are not listed, because more
# machines speed them up less than these stages: each audit runs in one process, and only a part of the filter stage
# can be divided.
DISTRIBUTED = ("deidentify", "embed", "embed-control", "decode", "re-embed")
WHOLE = ("extract", "load", "split")  # the pilot always runs these stages on the whole source
PER_RECORD = ("deidentify", "embed")  # the time of these stages is proportional to the number of records
WORKERS = (1, 8, 64)  # numbers of processes, each on its own machine, for which the duration is predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """The time of a stage of a run."""

    name: str
    done: float  # seconds that the pilot measured if the run reuses the result, else 0
    rest: float  # further seconds that are predicted for the run
    is_distributed: bool = False  # whether the stage is in `DISTRIBUTED`
    disk: int = 0  # predicted size of the result in bytes

    def to_text(self) -> str:
        """Return the time as one line."""
        return f"{self.name:<24} {_time(self.done):>8} measured {_time(self.rest):>8} predicted"


def minutes_with(stages: Iterable[StageTime], workers: int) -> float:
    """Return the minutes of a whole run; `workers` is the number of processes that share the distributed stages."""
    return sum((s.done + s.rest) / (workers if s.is_distributed else 1) for s in stages) / PER_MINUTE


def resources_text(stages: Sequence[StageTime]) -> list[str]:
    """Return lines with the duration by number of machines, the disk space, and the memory of this process."""
    each = ", ".join(f"{n}: {minutes_with(stages, n):.0f}" for n in WORKERS)
    disk, memory = sum(s.disk for s in stages) / 1e9, memory_peak() / 1e9
    return [
        f"minutes of a whole run, for each number of machines like this one (machines: minutes): {each}",
        f"disk: {disk:.2f} GB in the workspace; memory: {memory:.1f} GB per process (peak of this one)",
    ]


def memory_peak() -> int:
    """Return the largest memory use of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def stage_times(
    reused: Iterable[StageResult],
    written: Iterable[StageResult],
    *,
    repeats: float,
    sizes: tuple[int, int, int],
    n_source: int,
) -> tuple[StageTime, ...]:
    """Return the time of each stage of a run, in the order of the run.

    The pilot embeds only train, so the time to embed control is added to the time of the stage `embed`.

    Args:
        reused: stages before any text is written. After a pilot on the whole source, the run reuses all their
            results; after a pilot on a sample, only those of the stages in `WHOLE`.
        written: stages that wrote and filtered the texts of the pilot.
        repeats: number of texts of the run, divided by the number of texts of the pilot.
        sizes: three numbers of records: train records and control records that the pilot read, and synthetic records
            that the run is expected to write.
        n_source: number of records of train and control in the whole source. If the pilot read fewer, the times of
            the stages in `PER_RECORD` are scaled to this number.
    """
    n_train, n_control, n_synthetic = sizes
    scale = n_source / (n_train + n_control)
    first = list[StageTime]()
    for stage in reused:
        is_reused = scale == 1 or stage.name in WHOLE
        factor = scale if stage.name in PER_RECORD else 1.0
        added = factor * (not is_reused) + (factor * n_control / n_train if stage.name == "embed" else 0.0)
        first.append(_stage_time(stage, stage.name, added, is_reused=is_reused))
    later = (_stage_time(s, s.name.removesuffix(PILOT), repeats, is_reused=False) for s in written)
    return (*first, *later, StageTime(name="audit", done=0.0, rest=AUDIT_SECONDS * (n_source + n_synthetic)))


def _stage_time(stage: StageResult, name: str, added: float, *, is_reused: bool) -> StageTime:
    """Return the time of a stage; `added` is the work that the run adds, as a multiple of the pilot's work."""
    size = sum(file.stat().st_size for file in stage.folder.rglob("*") if file.is_file())
    done, rest, disk = stage.seconds * is_reused, stage.seconds * added, round(size * (is_reused + added))
    return StageTime(name=name, done=done, rest=rest, is_distributed=name in DISTRIBUTED, disk=disk)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < SHOWN_IN_SECONDS else f"{seconds / PER_MINUTE:.0f} min"
