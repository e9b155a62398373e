"""Implement `synthgen evaluate`: train on synthetic records and test on real ones, for any three tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from audits.core.inputs import load_table
from synthgen.core.errors import DataError
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record, Role
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.evaluate import Tables, evaluate
from synthgen.models.store import model_folder

METRICS = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Study:
    """Hold the content of evaluation.json."""

    table: Mapping[str, Any]

    def to_json(self) -> Mapping[str, Any]:
        """Return the study as JSON-compatible data."""
        return self.table

    def to_text(self) -> str:
        """Return text for a terminal: a line for each classifier and each set of records that it is trained on."""
        level = round(100 * self.table["confidence"])
        n = self.table["records"]["test"]
        lines = [f"tested on {n} real records; {level} % intervals, resampled over persons"]
        lines.append(f"{'classifier':<18} {'trained on':<15} " + " ".join(f"{m:<22}" for m in METRICS))
        for head, arms in self.table["classifiers"].items():
            for arm, found in arms.items():
                cells = [f"{m['value']:.3f} [{m['low']:.3f}, {m['high']:.3f}]" for m in (found[k] for k in METRICS)]
                lines.append(f"{head:<18} {arm:<15} " + " ".join(f"{cell:<22}" for cell in cells))
        return "\n".join(lines)


def study(synthetic: Path, train: Path, test: Path, *, encoder: str, seed: int, stream: TextIO) -> Study:
    """Read and embed three tables, and return the study."""
    progress = terminal_progress(stream)
    roles: dict[str, Role] = {"synthetic": "synthetic", "train": "train", "test": "control"}
    paths = (synthetic, train, test)
    corpora = {name: _corpus(path, role) for (name, role), path in zip(roles.items(), paths, strict=True)}
    made = build_encoder(EmbedConfig(model=encoder), model_folder)
    vectors = {}
    for name, corpus in corpora.items():
        with progress.stage(f"embed {name}", total=len(set(corpus.texts)), unit="texts") as advance:
            vectors[name] = made.encode(corpus.texts, advance)
    found = evaluate(Tables(**corpora, vectors=vectors), SeedTree(seed).child("evaluate"))
    return Study(found.table)


def _corpus(path: Path, role: Role) -> Corpus:
    table = load_table(path, role=role)  # type: ignore[arg-type]
    if table.labels is None:
        raise DataError(f"{path}: has no column 'label', which the classifiers need", hint="Add the column.")
    rows = enumerate(zip(table.texts, table.labels, table.groups, strict=True))
    records = tuple(Record(id=f"{role}-{i:08d}", text=t, label=label, group=g) for i, (t, label, g) in rows)
    return Corpus(role=role, records=records, has_groups=table.has_groups)
