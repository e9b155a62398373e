"""The sets of records from which the studies of differential privacy draw persons."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studies.feature_augmentation.sets import pooled, read_records
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The files of a set, and the decoder settings for it."""

    files: tuple[str, ...]  # paths under the folder of data; none for the fictional clinic, which is generated
    labels: tuple[str, ...]  # the classes that are kept
    style: str  # built-in style, chosen before the first measurement
    max_new_tokens: int  # largest length of a synthetic text in tokens
    # public description of the texts; needed if the names of the classes do not describe the texts
    prompt: str = "{label}"


KINDS: Mapping[str, Kind] = {
    "ag_news": Kind(
        files=("ag_news/train_subset.parquet", "ag_news/test.parquet"),
        labels=("Business", "Sci/Tech", "Sports", "World"),
        style="plain",
        max_new_tokens=64,
    ),
    "medical_abstracts": Kind(
        files=("medical_abstracts/test.parquet",),
        labels=(
            "cardiovascular diseases",
            "digestive system diseases",
            "general pathological conditions",
            "neoplasms",
            "nervous system diseases",
        ),
        style="plain",
        max_new_tokens=96,
    ),
    "newsgroups20": Kind(
        files=("newsgroups20/train.parquet", "newsgroups20/test.parquet"),
        labels=("comp.graphics", "rec.autos", "rec.sport.hockey", "sci.space", "soc.religion.christian"),
        style="plain",
        max_new_tokens=96,
    ),
    "sst2": Kind(
        files=("sst2/train.parquet", "sst2/test.parquet"),
        labels=("negative", "positive"),
        style="plain",
        max_new_tokens=40,
        prompt="a sentence of a {label} film review",
    ),
    "yelp_augpe": Kind(
        files=("yelp_augpe/dev.parquet", "yelp_augpe/test.parquet"),
        labels=("Bars", "Beauty & Spas", "Event Planning & Services", "Hotels & Travel", "Restaurants", "Shopping"),
        style="review",
        max_new_tokens=96,
        prompt="a customer's review; category: {label}",
    ),
    "mts_dialog": Kind(
        files=tuple(f"mts_dialog/{part}.parquet" for part in ("train", "validation", "test", "test2")),
        labels=("CC", "FAM/SOCHX", "GENHX", "PASTMEDICALHX", "ROS"),
        style="clinical-note",
        max_new_tokens=64,
    ),
    "clinic": Kind(
        files=(),
        labels=("cardiology", "endocrinology", "gastroenterology", "neurology", "orthopedics", "pulmonology"),
        style="clinical-note",
        max_new_tokens=96,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateSet:
    """A set whose records are loaded."""

    name: str
    corpus: Corpus  # records of the kept classes; a record without a person counts as one person
    kind: Kind  # files and decoder settings

    def drawn(self, persons: int, seed: int) -> set[str]:
        """Return the ids of `persons` persons drawn with the seed; if the set has fewer persons, the ids of all."""
        groups = sorted({record.group for record in self.corpus.records})
        order = SeedTree(seed).child("persons", self.name).generator().permutation(len(groups))
        return {groups[i] for i in order[:persons]}

    def part(self, persons: int, seed: int = 0) -> "PrivateSet":
        """Return the set with only the records of the persons that `drawn` returns."""
        kept = self.drawn(persons, seed)
        records = tuple(record for record in self.corpus.records if record.group in kept)
        return replace(self, corpus=replace(self.corpus, records=records))

    def write(self, path: Path, persons: int, seed: int) -> None:
        """Write the records of the persons that `drawn` returns to `path`, as JSON Lines."""
        rows = (
            {"id": r.id, "text": r.text, "label": r.label, "group": r.group}
            for r in self.part(persons, seed).corpus.records
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_private_sets(names: Sequence[str], data: Path | None, most_persons: int) -> list[PrivateSet]:
    """Read the sets with these names in `KINDS` from the folder `data`, and return them.

    The clinic is generated with `most_persons` patients, and does not need `data`. All other sets are returned
    completely.

    Raises:
        DataError: if sets are unknown or files are missing; the error lists all of them.
    """
    if unknown := [f"{name}: not one of {', '.join(KINDS)}" for name in names if name not in KINDS]:
        raise DataError("unknown sets", problems=unknown, hint="Check --dataset.")
    needed = [(name, file) for name in names for file in KINDS[name].files]
    if needed and data is None:
        raise DataError("no folder of data is given", hint="Give --data, or set SYNTHGEN_DATA.")
    if missing := [f"{name}: {file} does not exist" for name, file in needed if data and not (data / file).is_file()]:
        raise DataError("sets of the study are missing", problems=missing, hint="Check --data, or name other sets.")
    return [PrivateSet(name=name, corpus=_read(name, data, most_persons), kind=KINDS[name]) for name in names]


def _read(name: str, data: Path | None, most_persons: int) -> Corpus:
    kind = KINDS[name]
    if data is None or not kind.files:
        corpus = _clinic(most_persons)
    else:
        corpus = pooled([read_records(data / file) for file in kind.files])
    records = tuple(record for record in corpus.records if record.label in kind.labels)
    if lacking := sorted(set(kind.labels) - {record.label for record in records}):
        raise DataError(
            f"{name}: classes have no records", problems=lacking, hint="Check that the files belong to this set."
        )
    return replace(corpus, records=records)


def _clinic(patients: int) -> Corpus:
    examples = Path(__file__).parents[2] / "examples" / "clinic"
    sys.path.insert(0, str(examples))
    from fictional_clinic import generate

    rows = generate(patients, SeedTree(20261120).child("clinic").generator())
    records = (
        Record(id=row["note_id"], text=row["note"], label=row["specialty"], group=row["patient_id"]) for row in rows
    )
    return Corpus(role="source", records=tuple(records), has_groups=True)
