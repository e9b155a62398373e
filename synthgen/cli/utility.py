"""Implement `synthgen evaluate`: train classifiers on synthetic and on real records, test them on real records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from audits.core.inputs import Role as AuditRole
from audits.core.inputs import load_table
from audits.gate.evidence import records_digest
from audits.gate.utility import SCHEMA
from synthgen.compare.study import LabelOnly, Study, compare
from synthgen.core.errors import DataError
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record, Role
from synthgen.decode.config import DecodeConfig
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.interpolate import counts_per_class
from synthgen.models.store import model_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Options of the measurement."""

    encoder: str  # encoder of the classifier that reads vectors; a second classifier reads words
    seed: int  # seed of the bootstrap
    # class sizes that the synthetic table should have: in proportion to train, or all equal
    balance: Literal["as-source", "equal"] = "as-source"
    confidence: float = 0.975  # one-sided confidence of each end of an interval; 0.975: two-sided 95 % intervals
    # whether to train classifiers also on augmented real records, and on texts written from class names only
    baselines: bool = False


def study(
    synthetic: Path,
    train: Path,
    test: Path,
    measure: Measure,
    *,
    stream: TextIO,
    columns: tuple[str, str, str] = ("text", "label", "group"),
) -> Study:
    """Train classifiers on the synthetic and on the train table, and return their results on the test table.

    `columns` are the names of the columns of text, class and person; the synthetic table needs no person column.
    `stream` receives the progress.

    Raises:
        InputError: a table cannot be read.
        DataError: a table has no label column, or the tables do not fit together.
    """
    progress = terminal_progress(stream)
    # name of a table -> its file, role of its records in `Corpus`, role for `load_table`, which selects the checks
    paths: dict[str, tuple[Path, Role, AuditRole]] = {
        "synthetic": (synthetic, "synthetic", "evaluated"),
        "train": (train, "train", "train"),
        "test": (test, "control", "control"),
    }
    corpora = {name: _corpus(path, role, audit_role, columns) for name, (path, role, audit_role) in paths.items()}
    config = DecodeConfig()
    label_only = LabelOnly(folder=model_folder(config.model), config=config) if measure.baselines else None
    found = compare(
        corpora,
        build_encoder(EmbedConfig(model=measure.encoder), model_folder),
        SeedTree(measure.seed).child("evaluate"),
        progress,
        requested=counts_per_class(corpora["train"].labels, measure.balance, len(corpora["synthetic"])),
        confidence=2 * measure.confidence - 1,  # two-sided confidence of the interval
        with_baselines=measure.baselines,
        label_only=label_only,
    )
    digests = {name: records_digest(corpus.texts, corpus.labels) for name, corpus in corpora.items()}
    return Study({"schema_name": SCHEMA, **digests, **found.results})


def _corpus(path: Path, role: Role, audit_role: AuditRole, columns: tuple[str, str, str]) -> Corpus:
    text, label, group = columns
    table = load_table(path, text=text, label=label, group=group, role=audit_role)
    if table.labels is None:
        hint = "Add the column, or name the column of the classes with --label."
        raise DataError(f"{path}: has no column {label!r}, which the classifiers need", hint=hint)
    rows = enumerate(zip(table.texts, table.labels, table.groups, strict=True))
    records = tuple(Record(id=f"{role}-{i:08d}", text=t, label=of, group=g) for i, (t, of, g) in rows)
    return Corpus(role=role, records=records, has_groups=table.has_groups)
