"""Make the baselines: training sets, made by standard methods, with which synthetic records are compared."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from synthgen.core.errors import DataError
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.config import DecodeConfig
from synthgen.decode.prompting.opening import open_prompted
from synthgen.decode.prompting.prompter import Prompter
from synthgen.decode.prompts import label_prompt
from synthgen.decode.shards import DecodeTask, divide_rows, read_shards, workers_for, write_shards
from synthgen.evaluate.classifiers import LabelledTexts, TrainingSet
from synthgen.evaluate.evaluation import Tables
from synthgen.interpolate import Smote

Encode = Callable[[list[str]], Float32]
MAX_NEIGHBORS = 5  # number of neighbors for SMOTE; fewer if a class has at most five persons
ALPHA = 0.1  # swaps per word, or probability that a word is deleted, in `eda`; the default of the EDA paper's code


def baselines(
    tables: Tables, encode: Encode, seeds: SeedTree, label_only: list[str] | None = None
) -> dict[str, TrainingSet]:
    """Return the baselines by name; each is a set of records on which classifiers are trained.

        class weights        real records, weighted by the inverse of the size of their class
        random oversampling  real records, repeated until each class is as large as the largest class
        real + EDA           real records, and altered copies of real records; see `eda`
        real + SMOTE         vectors of real records, and vectors interpolated between them
        label-only           the texts `label_only`, which a language model wrote from the class names

    EDA and SMOTE make as many records of each class as the synthetic table has. "real + SMOTE" is omitted if a
    class has only one person. "label-only" is omitted if `label_only` is None.

    Raises:
        DataError: the synthetic table has a class that train lacks, or a train text has no words.

    Privacy: the results contain real text, so they must not be released.
    Randomness: the streams seeds/eda, seeds/oversampling and seeds/smote.
    """
    train, vectors = tables.train, tables.vectors["train"]
    real = LabelledTexts.of(train.texts, train.labels, vectors)
    counts = tables.synthetic.counts()
    if unknown := sorted(set(counts) - set(train.labels)):
        verb = "has" if len(unknown) == 1 else "have"
        classes = f"{len(unknown)} of the {len(counts)} classes of the synthetic table {verb} no train records"
        hint = "Check that both tables have the same label column and the same spelling of the classes."
        raise DataError(f"the baselines cannot be made, because {classes}", hint=hint)
    labels = list(Counter(counts).elements())
    altered = _altered(train, counts, seeds.child("eda"))
    made = {
        "class weights": TrainingSet(real, weights="balanced"),
        "random oversampling": TrainingSet(real.at(_oversampled(train.labels, seeds.child("oversampling")))),
        "real + EDA": TrainingSet(real.plus(LabelledTexts.of(altered, labels, encode(altered)))),
    }
    if (latents := _smote(tables, counts, seeds.child("smote"))) is not None:
        new_rows = LabelledTexts.of([""] * len(latents.labels), latents.labels, latents.vectors)
        made["real + SMOTE"] = TrainingSet(real.plus(new_rows), has_texts=False)
    if label_only is not None:
        made["label-only"] = TrainingSet(LabelledTexts.of(label_only, labels, encode(label_only)))
    return made


def write_label_only(
    folder: Path, counts: Mapping[str, int], config: DecodeConfig, seeds: SeedTree, progress: Progress
) -> list[str]:
    """Return `counts[label]` texts of each label, which the language model in `folder` writes from the label alone.

    The prompt shows one example on an unrelated subject and requests a short paragraph on the label. `config`
    determines the sampling. The texts are ordered by label. No private text is read.

    Raises:
        ModelError: the model, or the server of `config`, cannot be used; see `open_prompted`.
    """
    labelled_ids = [(label, f"{label}-{i}") for label, n in sorted(counts.items()) for i in range(n)]
    latents = Latents(
        vectors=np.zeros((len(labelled_ids), 1), dtype=np.float32),  # the prompt does not depend on the vectors
        ids=tuple(latent_id for _, latent_id in labelled_ids),
        labels=tuple(label for label, _ in labelled_ids),
        parent_ids=((),) * len(labelled_ids),
        weights=((),) * len(labelled_ids),
        method="label-only",
        seed_path="label-only",
    )
    settings = Settings(
        prompts={label: label_prompt("{label}", label) for label in counts},
        candidates=1,
        max_new_tokens=config.token_limit,
        **{name: getattr(config, name) for name in ("temperature", "top_p", "top_k", "batch")},
    )
    task = DecodeTask(open_decoder=lambda: open_prompted(config, folder, Prompter()), settings=settings, seeds=seeds)
    n_workers = workers_for(len(labelled_ids), settings, folder, config.placement, is_local=config.runs_here)
    with (
        TemporaryDirectory() as place,
        progress.stage("label-only", total=len(labelled_ids), unit="texts") as advance,
    ):
        shards = divide_rows(len(labelled_ids), settings)
        write_shards(task, latents, shards, Path(place), advance, n_workers=n_workers)
        return [candidate.text for candidate in read_shards(Path(place))]


def eda(text: str, rng: np.random.Generator) -> str:
    """Return a changed copy of a text: with probability 1/2, some words change places; otherwise, some are deleted.

        swap:     two random words change places, max(1, ⌊α·l⌋) times
        deletion: each word is deleted with probability α; at least one word remains

    Here l is the number of words of the text, and α is `ALPHA`. In the copy, single spaces separate the words. The
    other two operations of the EDA paper, synonym replacement and insertion, are omitted.

    Raises:
        DataError: the text has no words.

    Reference: Wei & Zou, EDA: Easy Data Augmentation Techniques, EMNLP 2019, section 2.
    """
    words = text.split()
    if not words:
        message = "a train text has no words, so the baseline real + EDA cannot be made"
        raise DataError(message, hint="Remove train records whose text has no words.")
    if rng.random() < 0.5:
        for _ in range(max(1, int(ALPHA * len(words)))):
            i, j = rng.integers(len(words), size=2)
            words[i], words[j] = words[j], words[i]
        return " ".join(words)
    kept = [word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= ALPHA]
    return " ".join(kept or [words[int(rng.integers(len(words)))]])


def _oversampled(labels: list[str], seeds: SeedTree) -> list[int]:
    """Return all row numbers, then numbers of random rows of each class, until all classes are equally large."""
    counts = Counter(labels)
    rows = list(range(len(labels)))
    for label, n in sorted(counts.items()):
        of_label = [i for i, other in enumerate(labels) if other == label]
        drawn = seeds.child(label).generator().integers(n, size=max(counts.values()) - n)
        rows += [of_label[i] for i in drawn]
    return rows


def _altered(train: Corpus, counts: Mapping[str, int], seeds: SeedTree) -> list[str]:
    """Return `counts[label]` train texts of each label, altered by `eda`, in the order of `counts`."""
    altered = []
    for label, m in counts.items():
        rng = seeds.child(label).generator()
        texts = [text for text, other in zip(train.texts, train.labels, strict=True) if other == label]
        order = rng.permutation(len(texts))
        altered += [eda(texts[order[i % len(texts)]], rng) for i in range(m)]
    return altered


def _smote(tables: Tables, counts: Mapping[str, int], seeds: SeedTree) -> Latents | None:
    """Return `counts[label]` vectors of each label, interpolated by SMOTE; None if a class has only one person."""
    train = tables.train
    persons = {label: len({r.group for r in train.records if r.label == label}) for label in counts}
    if (k := min(MAX_NEIGHBORS, min(persons.values()) - 1)) < 1:
        return None
    embedded = Embedded(
        vectors=tables.vectors["train"].copy(),
        ids=tuple(r.id for r in train.records),
        labels=tuple(train.labels),
        groups=tuple(r.group for r in train.records),
        encoder="",
        normalized=False,
    )
    return Smote(k_neighbors=k).fit(embedded).sample(dict(counts), seeds)
