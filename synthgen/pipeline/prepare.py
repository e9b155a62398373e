"""The first stages: load, split, deidentify, embed. Stages that write texts read neither source nor identifiers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audits.text.clinical_terms import is_ordinary
from synthgen.core.errors import DataError
from synthgen.core.files import read_json
from synthgen.core.stage import StageInput, plain_value
from synthgen.core.tables import read_corpus, read_segments
from synthgen.core.types import Corpus, Embedded
from synthgen.decode.config import DecodeConfig
from synthgen.deidentify import engine_digest
from synthgen.deidentify.stage import DEIDENTIFY
from synthgen.embed import Encoder, embed
from synthgen.embed.stage import EMBED, TRAIN_VECTORS
from synthgen.load.stage import LOAD
from synthgen.models.registry import MODELS
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.workspace import StageResult
from synthgen.split.stage import SPLIT

# Smallest share of English words in texts that count as English. The share is at least 0.69 in the 21 English
# corpora of the tests, and at most 0.27 in sentences of six other European languages.
LEAST_ENGLISH = 0.45
Identifiers = tuple[tuple[str, ...], ...] | None  # replaced strings, row by row; None if no engine replaces any


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The de-identified train and control, and the identifiers that were replaced in each."""

    train: Corpus
    control: Corpus
    near_duplicate_rate: float  # share of control records that split removed as near copies of train records
    identifiers: Identifiers
    control_identifiers: Identifiers


def load_source(job: Job) -> StageResult:
    """Read the source into the workspace."""
    path = job.config.source_path
    return job.run(LOAD, {"file": StageInput(path, source_digest(path))})


def split_source(job: Job, loaded: StageResult) -> StageResult:
    """Split the persons into train and control."""
    return job.run(SPLIT, {"load": loaded})


def check_train_classes(train: Corpus, control: Corpus) -> None:
    """Raise DataError if a class has records in control but none in train, before any budget is spent.

    The run would write no record of such a class, and no classifier could be tested on it.
    """
    if missing := sorted(set(control.labels) - set(train.labels)):
        raise DataError(
            "the split left some classes without a record in train",
            problems=[f"{label!r}: only control has records of it" for label in missing],
            hint="Add persons of each of these classes, or remove the class from source.labels.",
        )


def check_language(config: DecodeConfig, texts: Sequence[str]) -> None:
    """Raise DataError if the texts are not English and the model is one of `MODELS`, which write English only.

    The first 400 texts are read. The language of a model from a folder or on a server is not known, so it is not
    checked.
    """
    if config.model not in MODELS or config.endpoint is not None:
        return
    words = [word for text in texts[:400] for word in re.findall(r"[^\W\d_]+", text)]
    share = sum(map(is_ordinary, words)) / max(len(words), 1)
    if share < LEAST_ENGLISH:
        raise DataError(
            f"the texts are not English ({share:.0%} of their words are), and {config.model} writes English only",
            hint="Set decode.model and decode.bridge to a model of their language.",
        )


def replace_identifiers(job: Job, loaded: StageResult, parts: StageResult) -> StageResult:
    """Replace identifiers in train and control by surrogates, and store the replaced strings."""
    engine_model = plain_value(engine_digest(job.config.deidentify))
    # under differential privacy, the text of a person must not depend on the names of other persons
    shares_names = plain_value(not job.config.interpolate.is_private)
    settings = {"engine_model": engine_model, "shares_names": shares_names}
    return job.run(DEIDENTIFY, {"load": loaded, "split": parts, **settings})


def read_prepared(job: Job, parts: StageResult, clean: StageResult) -> Prepared:
    """Read the results of split and deidentify."""
    train, control = (read_corpus(clean.folder / f"{name}.parquet", name) for name in ("train", "control"))
    is_off = job.config.deidentify.engine == "off"
    return Prepared(
        train=train,
        control=control,
        near_duplicate_rate=float(parts.counts["near_duplicate_rate"] or 0.0),
        identifiers=None if is_off else _replaced(clean.folder / "replaced-train.json", train),
        control_identifiers=None if is_off else _replaced(clean.folder / "replaced-control.json", control),
    )


def replaced_names(clean: Path, train: Corpus) -> tuple[str, ...]:
    """Return the names of persons and places that were replaced in these train records and in control.

    `clean` is the folder of the stage deidentify. Names of control are included for two reasons. Without them, a name
    in a released text would prove that no person in train has this name. And the audits compare how often names of
    train and names of control occur in the synthetic texts.

    Privacy: a name that stays in a released text shows that no person of the source has it as a recorded name.
    """
    replaced, of_control = (read_json(clean / f"replaced-{role}.json") for role in ("train", "control"))
    pairs = [*(replaced.get(record.id, ()) for record in train.records), *of_control.values()]
    return tuple(text for found in pairs for kind, text in found if kind in {"name", "place"})


def _replaced(path: Path, corpus: Corpus) -> Identifiers:
    replaced = read_json(path)
    return tuple(tuple(text for _, text in replaced.get(r.id, ())) for r in corpus.records)


def embed_train(job: Job, clean: StageResult, train: Corpus, encoder: Encoder) -> tuple[StageResult, Embedded]:
    """Return the stage that embeds train, and its vectors. Control is embedded after the records are written."""
    result = job.run(EMBED, {"deidentify": clean}, {"embedder": encoder})
    embedded = embed(train, np.load(result.folder / TRAIN_VECTORS, allow_pickle=False), encoder)
    is_cut = job.config.segments is not None
    return result, replace(embedded, parts=read_segments(result.folder)) if is_cut else embedded
