"""What every step of a run needs."""

import os
from dataclasses import dataclass
from pathlib import Path

from synthgen.config import Config
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.made_by import libraries, sources
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.embed import Encoder, build_encoder
from synthgen.models.store import model_folder
from synthgen.pipeline.secret import run_secret
from synthgen.pipeline.workspace import Workspace

ROOMS = ("config.py", "core", "attributes", "models", "pipeline.py", "privacy", "stages", "run")
# In the digest of every stage: whatever may change a stage's result for the same inputs.
STAGES_VERSION = {"source": sources("synthgen", *ROOMS), **libraries()}
AUDITS_VERSION = {**STAGES_VERSION, "audits": sources("audits")}  # of what asks the audits


@dataclass(frozen=True, slots=True)
class Job:
    """One run in progress.

    Args:
        config: what to run.
        workspace: where results are kept.
        progress: who is told how far it is.
        root: of the random streams where they are not those of the workspace: of a rerun, which has dice of its own.
    """

    config: Config
    workspace: Workspace
    progress: Progress
    root: SeedTree | None = None

    @property
    def seeds(self) -> SeedTree:
        """The root of the run's random streams: the workspace's secret and the seed."""
        if self.root is not None:
            return self.root
        return SeedTree(self.config.seed, secret=run_secret(self.config, self.workspace))

    def folder(self, name: str) -> Path:
        """Return the folder of a model: a name, or a path taken from the configuration's folder."""
        local = self.config.resolve(name)
        return model_folder(str(local) if os.sep in name and local.is_dir() else name)

    def encoder(self) -> Encoder:
        """Return the configured encoder.

        Under a budget it reads each text by itself: where a vector hung on its company by its last bits, one person
        more or less would move those of others, and a vote for the nearest text can turn on a bit.
        """
        return build_encoder(self.config.embed, self.folder, one_by_one=self.config.interpolate.is_private)


def source_digest(path: Path) -> str:
    """Return the sha256 of a file, or over a folder's names and files; "absent" where there is nothing."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return sha256_json({p.relative_to(path).as_posix(): sha256_file(p) for p in files})
    return sha256_file(path) if path.is_file() else "absent"
