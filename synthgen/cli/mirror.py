"""`synthgen mirror`: turn the generator of a run round on control, for the audits to hold its release against."""

import shutil
from pathlib import Path

from synthgen.cli.rerun import refuse_private, write_again
from synthgen.config import Config
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus, Float32
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import embed_control, synthetic_corpus
from synthgen.pipeline.mirror import MIRROR, MIRROR_STAGE, mirror_inputs
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.workspace import StageResult, Workspace
from synthgen.release.run import load_run


def mirror(config: Config, progress: Progress) -> Path:
    """Write the mirror of a run into its workspace and return its table; the run's next audit takes it in.

    Args:
        config: of a run that came as far as filter.
        progress: told of every stage.

    Raises:
        DataError: the run did not come so far, or control has too few persons of a class.
        Interrupted: another process holds the workspace.
    """
    refuse_private(config)
    run = load_run(config)
    clean = run.folder("deidentify")
    train, control = (read_corpus(clean / f"{name}.parquet", name) for name in ("train", "control"))
    with run.workspace.locked():
        job = Job(config, run.workspace, progress)
        return make_mirror(job, train, control, run.record.stage("filter").digest).folder / MIRROR


def make_mirror(job: Job, train: Corpus, control: Corpus, filtered: str) -> StageResult:
    """Return the stage that holds what the generator writes from control: its table and vectors.

    Args:
        job: the run, its workspace held.
        train: without identifiers; where records are cut, its headings are those that the encoder knows.
        control: likewise.
        filtered: digest of the run's last filter stage.

    Privacy: reads control, whose vectors go to the interpolation. What is written may never be released.
    Random: the streams of the run, below the child "mirror" of their root.
    """
    encoder = encoder_for(job, train)
    _, vectors = embed_control(job, control, encoder)

    def generate(records: Corpus, folder: Path, seeds: SeedTree) -> tuple[Corpus, Float32]:
        again = Job(job.config, Workspace(folder / "run"), job.progress, root=seeds)
        made = synthetic_corpus(again, write_again(again, records, vectors))
        with job.progress.stage("embed mirror", total=len(set(made.texts)), unit="texts") as advance:
            seen = encoder.encode(made.texts, advance)
        shutil.rmtree(folder / "run")
        return made, seen

    return job.run(MIRROR_STAGE, mirror_inputs(control, filtered, generate))
