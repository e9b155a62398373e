"""Read the datasets of the SMOTExT study: a pool of real records, separate test records, and labels in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studies.feature_augmentation.sets import pooled, read_records
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of a dataset and its settings."""

    train: tuple[str, ...]  # paths of the files under the folder of data
    test: tuple[str, ...]  # paths of the files of the official test split
    words: Mapping[str, str]  # the words that stand for each label in a prompt, the same for every variant
    label_prompt: str  # the prompt of the variant label-only, with the field `{label}`
    max_new_tokens: int  # largest length of a decoded text in tokens, chosen for the texts of the dataset
    # largest number of synthetic records of a variant: 2,600, as in the paper, for the dataset of the paper, and half
    # of this number for the other datasets
    synthetic: int = 1300
    least: int = 1  # smallest number of train records of a class
    # style adapter for texts of this kind, which was not trained on records of the dataset; None if there is none
    style: str | None = None
    style_seeds: int = 2  # number of draws in which the variant with the style adapter, the slowest one, is measured


SOURCES: Mapping[str, Source] = {
    "newsgroups20": Source(
        train=("newsgroups20/train.parquet",),
        test=("newsgroups20/test.parquet",),
        words={
            "comp.graphics": "computer graphics",
            "rec.autos": "cars",
            "rec.sport.hockey": "ice hockey",
            "sci.space": "space flight",
            "soc.religion.christian": "Christianity",
        },
        label_prompt="Write a short post to a discussion group about {label}. Write the post only.",
        max_new_tokens=96,
        synthetic=2600,
    ),
    "ag_news": Source(
        train=("ag_news/train_subset.parquet",),
        test=("ag_news/test.parquet",),
        words={
            "Business": "business",
            "Sci/Tech": "science and technology",
            "Sports": "sports",
            "World": "world politics",
        },
        label_prompt="Write the first two sentences of a news item about {label}. Write the sentences only.",
        max_new_tokens=64,
    ),
    "sst2": Source(
        train=("sst2/train.parquet",),
        test=("sst2/test.parquet",),
        words={"negative": "a negative film review", "positive": "a positive film review"},
        label_prompt="Write one sentence of {label}. Write the sentence only.",
        max_new_tokens=40,
    ),
    "mts_dialog": Source(
        train=("mts_dialog/train.parquet",),
        test=("mts_dialog/test.parquet", "mts_dialog/test2.parquet"),
        words={
            "ALLERGY": "allergies",
            "CC": "chief complaint",
            "FAM/SOCHX": "family and social history",
            "GENHX": "history of present illness",
            "MEDICATIONS": "medications",
            "PASTMEDICALHX": "past medical history",
            "PASTSURGICAL": "past surgical history",
            "ROS": "review of systems",
        },
        label_prompt="Write the section of a clinical note about {label}. Write the section only.",
        max_new_tokens=80,
        least=50,
        style="clinical-note",
        style_seeds=5,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSet:
    """The records of a dataset, divided into pool and test, with its settings."""

    name: str
    pool: Corpus  # distinct real records to draw from; none has the text (ignoring case) or person of a test record
    test: Corpus  # distinct records of the official test split, of the classes in `source.words`
    source: Source  # files and settings of the dataset

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(self.pool.counts())


def read_text_sets(
    names: Sequence[str], data: Path | None, n_pool: int | None, n_test: int, seeds: SeedTree
) -> list[TextSet]:
    """Return the datasets with these names in `SOURCES`, read from the folder `data`.

    At most `n_pool` records of the pool (None: all) and `n_test` test records are drawn, once for the whole study.

    Raises:
        DataError: if datasets are unknown or files are missing (all are listed), or if a file cannot be used.

    Randomness: one permutation of the pool by `seeds.child("pool", name)`, and one of the test records by
        `seeds.child("test", name)`.
    """
    if unknown := [f"{name}: not one of {', '.join(SOURCES)}" for name in names if name not in SOURCES]:
        raise DataError("unknown sets", problems=unknown, hint="Check --dataset.")
    if data is None:
        raise DataError("no folder of data is given", hint="Give --data, or set SYNTHGEN_DATA.")
    files = {data / file: name for name in names for file in (*SOURCES[name].train, *SOURCES[name].test)}
    if missing := [f"{name}: {path} does not exist" for path, name in files.items() if not path.is_file()]:
        raise DataError("sets of the study are missing", problems=missing, hint="Check --data, or name other sets.")
    sets = [_read_set(name, data) for name in names]
    return [
        replace(
            s,
            pool=_drawn(s.pool, n_pool, seeds.child("pool", s.name)),
            test=_drawn(s.test, n_test, seeds.child("test", s.name)),
        )
        for s in sets
    ]


def _read_set(name: str, data: Path) -> TextSet:
    source = SOURCES[name]
    train, test = ([read_records(data / file) for file in files] for files in (source.train, source.test))
    counts = Counter(record.label for part in train for record in part.records)
    pool, tested = pooled(train), pooled(test)
    known = {text.casefold() for text in pool.texts}
    tested = _only(tested, [r.label in source.words and r.text.casefold() not in known for r in tested.records])
    persons = {record.group for record in tested.records}
    pool = _only(
        pool, [r.label in source.words and not (pool.has_groups and r.group in persons) for r in pool.records]
    )
    in_both = set(pool.labels) & set(tested.labels)
    if lacking := [label for label in source.words if counts[label] < source.least or label not in in_both]:
        raise DataError(
            f"{name}: classes have too few records",
            problems=[f"{c!r}: {counts[c]} train records, needs {source.least} and one test record" for c in lacking],
            hint="Check that the files belong to this set.",
        )
    return TextSet(name=name, pool=pool, test=tested, source=source)


def _drawn(corpus: Corpus, n: int | None, seeds: SeedTree) -> Corpus:
    kept = set(seeds.generator().permutation(len(corpus))[:n].tolist())
    return _only(corpus, [i in kept for i in range(len(corpus))])


def _only(corpus: Corpus, keep: Sequence[bool]) -> Corpus:
    return replace(corpus, records=tuple(r for r, k in zip(corpus.records, keep, strict=True) if k))
