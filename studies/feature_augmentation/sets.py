"""Read the labelled texts of the study: public datasets by name, or any other table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.load import load
from synthgen.load.config import SourceConfig
from synthgen.load.formats import read_source

# the files of each named set; the cross-validation makes its own test parts from all of them
NAMED: Mapping[str, tuple[str, ...]] = {
    "sst2": ("sst2/train.parquet", "sst2/dev.parquet", "sst2/test.parquet"),
    "ag_news": ("ag_news/train_subset.parquet", "ag_news/test.parquet"),
    "imdb": ("aclImdb",),
}
PARTS = ("train", "test")  # the folders of IMDB as published


def read_set(dataset: str, data: Path | None) -> tuple[str, Corpus]:
    """Return the name of a dataset and its records without exact repeats of a text.

    Args:
        dataset: a name of `NAMED`, or the path of a table that `synthgen.load` reads (with columns text, label and
            perhaps group), or the path of a folder with the files train/CLASS/*.txt and test/CLASS/*.txt.
        data: the folder of the named datasets; can be None for a path.

    Returns:
        The name (for a path, its last part without the suffix) and the pooled records, whose ids start with the name
        of the file. Of rows with the same text, the first is kept.

    Raises:
        DataError: if the dataset is not found, or its files cannot be used.
    """
    if dataset in NAMED:
        paths = _named(dataset, data)
        return dataset, pooled([read_records(path) for path in paths])
    path = Path(dataset).expanduser()
    if not path.exists():
        raise DataError(
            f"{dataset}: neither a named set ({', '.join(NAMED)}) nor a file or folder", hint="Check --dataset."
        )
    return path.resolve().stem, pooled([read_records(path)])


def first_of_classes(corpus: Corpus, per_class: int, seeds: SeedTree) -> Corpus:
    """Return at most `per_class` records of each label, drawn without replacement, in the order of the corpus.

    Randomness: one permutation of `seeds.child(label)` for each label.
    """
    kept: set[int] = set()
    for label in corpus.counts():
        rows = [i for i, r in enumerate(corpus.records) if r.label == label]
        order = seeds.child(label).generator().permutation(len(rows))[:per_class]
        kept.update(rows[i] for i in order)
    return replace(corpus, records=tuple(corpus.records[i] for i in sorted(kept)))


def _named(dataset: str, data: Path | None) -> list[Path]:
    if data is None:
        raise DataError(f"{dataset}: no folder of data is given", hint="Give --data, or set SYNTHGEN_DATA.")
    paths = [data / name for name in NAMED[dataset]]
    missing = [f"{path}: does not exist" for path in paths if not path.exists()]
    if missing:
        raise DataError(
            f"{dataset}: not found", problems=missing, hint="Check --data, or give the path of a table as --dataset."
        )
    return paths


def read_records(path: Path) -> Corpus:
    """Return the records of a table or a folder of classes; ids start with the name of the table or folder.

    Raises:
        DataError: if the table or folder cannot be used.
    """
    if all((path / part).is_dir() for part in PARTS):
        return _class_folders(path)
    source = SourceConfig(path=str(path))
    has_groups = "group" in read_source(source, path).columns
    if has_groups:
        source = source.model_copy(update={"group": "group"})
    corpus = load(source, path, SeedTree(0)).corpus  # the stream is not used, because no sample is drawn
    named = (
        Record(
            id=f"{path.stem}/{r.id}",
            text=r.text,
            label=r.label,
            # Without a column group, each row is a person. Keep the prefix `record-` in the name of this person,
            # because the random choices of the archived trials depend on it.
            group=r.group if has_groups else f"{path.stem}/{r.id.replace('row-', 'record-', 1)}",
        )
        for r in corpus.records
    )
    return replace(corpus, records=tuple(named))


def _class_folders(path: Path) -> Corpus:
    """Return the texts of the classes in both train and test, which excludes IMDB's unlabelled texts in train."""
    labels = sorted(set.intersection(*({p.name for p in (path / part).iterdir() if p.is_dir()} for part in PARTS)))
    files = [f for part in PARTS for label in labels for f in sorted((path / part / label).glob("*.txt"))]
    records, undecodable = [], 0
    for file in files:
        name = file.relative_to(path).as_posix()
        try:
            text = file.read_text(encoding="utf-8-sig").strip()
        except UnicodeDecodeError:
            undecodable += 1
            continue
        if text:
            records.append(Record(id=name, text=text, label=file.parent.name, group=name))
    if undecodable:
        raise DataError(f"{path}: {undecodable} of {len(files)} files are not UTF-8", hint="Save them as UTF-8.")
    if not records:
        raise DataError(f"{path}: has no texts in train/CLASS/*.txt and test/CLASS/*.txt")
    return Corpus(role="source", records=tuple(records), has_groups=False)


def pooled(parts: Sequence[Corpus]) -> Corpus:
    """Return the records of all parts; of records with the same text, only the first is kept."""
    first: dict[str, Record] = {}
    for part in parts:
        for record in part.records:
            first.setdefault(record.text, record)
    return Corpus(role="source", records=tuple(first.values()), has_groups=parts[0].has_groups)
