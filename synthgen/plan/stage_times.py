"""Predict the time of each stage of a run from the stages of a pilot."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from synthgen.pipeline.workspace import StageResult

AUDIT_SECONDS = 0.015  # for evaluation and audits, per record of train, control and synthetic table, on 2 cores
PER_MINUTE = 60
PILOT = "-pilot"  # suffix of the names of stages that only the pilot runs
SHOWN_IN_SECONDS = 120  # times below this number of seconds are shown in seconds, others in minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """The time of a stage of a run."""

    name: str
    done: float  # seconds that were measured in the pilot; the run reuses the result
    rest: float  # further seconds that are predicted for the run

    def to_json(self) -> dict[str, Any]:
        """Return the time as JSON-compatible data."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the time as one line."""
        return f"{self.name:<24} {_time(self.done):>8} measured {_time(self.rest):>8} predicted"


def stage_times(
    reused: Iterable[StageResult], written: Iterable[StageResult], *, repeats: float, sizes: tuple[int, int, int]
) -> tuple[StageTime, ...]:
    """Return the time of each stage of a run, in the order of the stages; the last one is `audit`.

    The time of the stages that write and filter texts is proportional to the number of texts. The pilot embeds only
    train; the run also embeds control.

    Args:
        reused: stages whose results the run reuses.
        written: stages that wrote and filtered the texts of the pilot.
        repeats: number of texts of the run, divided by the number of texts of the pilot.
        sizes: numbers of records of train, of control and of the synthetic table.
    """
    n_train, n_control, _ = sizes
    shares = {"embed": n_control / n_train}
    first = (StageTime(name=s.name, done=s.seconds, rest=s.seconds * shares.get(s.name, 0.0)) for s in reused)
    later = (StageTime(name=s.name.removesuffix(PILOT), done=0.0, rest=s.seconds * repeats) for s in written)
    return (*first, *later, StageTime(name="audit", done=0.0, rest=AUDIT_SECONDS * sum(sizes)))


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < SHOWN_IN_SECONDS else f"{seconds / PER_MINUTE:.0f} min"
