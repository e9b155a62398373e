"""The feature-augmentation experiment: train and test each method on a fold, at each number of minority records."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from studies.feature_augmentation.classifiers import Index, Labelled, logistic, mlp
from studies.feature_augmentation.folds import Fold, assign_folds, cut_fold, largest_class_size
from synthgen.core.digest import sha256_array, sha256_json, sha256_texts
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Latents
from synthgen.evaluate.metrics import scores
from synthgen.interpolate import InterpolateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One compared method: how the classes are balanced, and how the classifier is trained."""

    # configuration (`InterpolateConfig`) of the method that balances the classes; None leaves them unbalanced
    interpolate: Mapping[str, Any] | None = None
    head: Literal["mlp", "logistic"] = "mlp"
    weighted: bool = False  # whether all classes have the same weight in the classifier's loss


METHODS: Mapping[str, Recipe] = {
    "none": Recipe(),
    "random-oversample": Recipe(interpolate={"method": "random-oversample"}),
    "smote": Recipe(interpolate={"method": "smote"}),
    "borderline-smote": Recipe(interpolate={"method": "borderline-smote", "kind": 1}),
    "borderline-smote-2": Recipe(interpolate={"method": "borderline-smote", "kind": 2}),
    "adasyn": Recipe(interpolate={"method": "adasyn"}),
    "vae": Recipe(interpolate={"method": "vae"}),
    "mixture": Recipe(interpolate={"method": "mixture"}),
    "slerp": Recipe(interpolate={"method": "slerp"}),
    "class-weighted": Recipe(weighted=True),
    "logistic": Recipe(head="logistic"),
    "logistic-weighted": Recipe(head="logistic", weighted=True),
}
# Increase this number if a change of the code changes the results of a fold. Then the study does not use the files
# with results of the old code. A test fails if the number was not increased.
FOLDS_VERSION = 1
# A cell is the result of one method on one fold, with n train records of each minority class.
CELL = pa.schema(
    [
        ("dataset", pa.string()),
        ("repeat", pa.int64()),
        ("fold", pa.int64()),
        ("n", pa.int64()),
        ("method", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("accuracy", pa.float64()),
        ("macro_f1", pa.float64()),
        ("minority_recall", pa.float64()),
        ("n_test", pa.int64()),
        ("n_train", pa.int64()),
        ("seconds", pa.float64()),
        ("fit_seconds", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The settings of the experiment."""

    folds: int = 10  # folds of the cross-validation, at least 3 (test, validation, train)
    repeats: int = 3  # repeats of the cross-validation, each with other random folds
    seed: int = 0  # seed of every random choice
    smallest: int = 8  # smallest number of train records of a minority class, a power of two
    largest: int = 2048  # largest number of train records of any class, a power of two; see `largest_class_size`
    per_class: int | None = None  # number of records of each class to sample before the folds are made; None: all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """One dataset's vectors, with the settings of the experiment on them."""

    dataset: str
    x: Embedded
    protocol: Protocol
    largest: int  # M, the number of records of a majority class, and of each class after balancing

    @property
    def seeds(self) -> SeedTree:
        """The random streams of this dataset."""
        return SeedTree(self.protocol.seed).child("feature-augmentation", self.dataset)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted(set(self.x.labels)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The values of n, the train records of each minority class: powers of two from `smallest` to M/2."""
        first, last = self.protocol.smallest.bit_length() - 1, self.largest.bit_length() - 1
        return tuple(1 << k for k in range(first, last))

    def folds(self, repeat: int) -> Callable[[int], Fold]:
        """Return a function that returns the rows of a fold of this repeat, which do not depend on method and n."""
        stream = self.seeds.child("repeat", str(repeat))
        of = assign_folds(self.x.labels, self.x.groups, self.protocol.folds, stream.child("folds").generator())
        return lambda fold: cut_fold(self.x.labels, of, fold, repeat + fold, stream.child("fold", str(fold)))

    def key(self) -> str:
        """Return the SHA-256 of all inputs of a fold; `FOLDS_VERSION` stands for the code and the methods."""
        protocol = self.protocol
        return sha256_json(
            {
                "version": FOLDS_VERSION,
                "dataset": self.dataset,
                "folds": protocol.folds,
                "seed": protocol.seed,
                "sizes": list(self.sizes),
                "largest": self.largest,
                "vectors": sha256_array(self.x.vectors),
                "records": sha256_texts([*self.x.ids, *self.x.labels, *self.x.groups]),
            }
        )


def plan_experiment(dataset: str, x: Embedded, protocol: Protocol) -> Experiment:
    """Return the experiment on a dataset, with its `largest` as large as the folds and the protocol allow.

    Raises:
        DataError: if a class has too few records for the protocol.
    """
    draft = Experiment(dataset=dataset, x=x, protocol=protocol, largest=protocol.largest)
    repeats = [draft.folds(repeat) for repeat in range(protocol.repeats)]
    folds = [cut(fold) for cut in repeats for fold in range(protocol.folds)]
    return replace(draft, largest=largest_class_size(folds, protocol.largest, protocol.smallest, dataset))


def run_fold(experiment: Experiment, repeat: int, fold: int) -> pa.Table:
    """Return the results (cells) of one fold, ordered by n (records of each minority class) and then by method.

    At the same n, all methods have the same real train rows, validation rows, test rows and initial weights. Methods
    whose train tables have the same number of rows also have the same order of batches. If a method refuses the rows,
    its cell has the reason.

    Returns:
        A table of schema `CELL`. `seconds` (to make the new vectors) and `fit_seconds` (to train and predict) are
        processor time.

    Randomness: the children "augment" and "mlp" of `seeds.child("repeat", repeat, "fold", fold, n)`.

    Reference: Choudhary, Thiels & Salehinejad, "Synthetic Feature Augmentation Improves Generalization Performance of
        Language Models" (2025), sections on data and training. This study adds further methods and baselines, early
        stopping on the validation part, and the same test size for each class.
    """
    parts = experiment.folds(repeat)(fold)
    rows = []
    for n in experiment.sizes:
        stream = experiment.seeds.child("repeat", str(repeat), "fold", str(fold), str(n))
        trial = _Trial.of(experiment, parts, n)
        for method, recipe in METHODS.items():
            place = {"dataset": experiment.dataset, "repeat": repeat, "fold": fold, "n": n, "method": method}
            rows.append({**place, **trial.cell(recipe, stream)})
    return pa.Table.from_pylist(rows, schema=CELL)


def balance(train: Embedded, minority: Mapping[str, int], keys: Mapping[str, Any], rng: SeedTree) -> Latents:
    """Return new vectors of the minority classes, made by one method from the train rows alone.

    `minority` has the number of new vectors by label, and `keys` has the configuration (`InterpolateConfig`) of the
    method.

    Raises:
        DataError: if the method refuses a class.
    """
    config = InterpolateConfig(**keys, total=sum(minority.values()))
    return config.build().fit(train).sample(minority, rng)


def rows_of(x: Embedded, rows: Index) -> Embedded:
    """Return the rows of `x` with the given numbers."""
    return Embedded(
        vectors=x.vectors[rows],
        ids=tuple(x.ids[i] for i in rows),
        labels=tuple(x.labels[i] for i in rows),
        groups=tuple(x.groups[i] for i in rows),
        encoder=x.encoder,
        normalized=x.normalized,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """The records of one fold at one n; `missing` has the number of vectors to add to each minority class."""

    train: Embedded
    validation: Embedded
    test: Embedded
    missing: Mapping[str, int]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, experiment: Experiment, parts: Fold, n: int) -> "_Trial":
        x = experiment.x
        return cls(
            train=rows_of(x, parts.train_rows(n, experiment.largest)),
            validation=rows_of(x, parts.validation),
            test=rows_of(x, parts.test),
            missing=dict.fromkeys(parts.minority, experiment.largest - n),
            classes=experiment.classes,
        )

    def cell(self, recipe: Recipe, stream: SeedTree) -> dict[str, Any]:
        """Return the results of one method, or the reason why it refuses the rows."""
        sizes = {"n_test": len(self.test.ids), "n_train": len(self.train.ids)}
        vectors, labels = self.train.vectors, self.train.labels
        started = time.process_time()
        if recipe.interpolate is not None:
            try:
                made = balance(self.train, self.missing, recipe.interpolate, stream.child("augment"))
            except DataError as refusal:
                none = dict.fromkeys(("accuracy", "macro_f1", "minority_recall"), float("nan"))
                seconds = {"seconds": time.process_time() - started, "fit_seconds": 0.0}
                reason = f"{refusal.message}: {'; '.join(refusal.problems)}"
                return {"status": "refused", "reason": reason, **none, **sizes, **seconds}
            vectors, labels = np.concatenate([vectors, made.vectors]), labels + made.labels
        augmented = time.process_time()
        predicted = self._predict(recipe, vectors, labels, stream.child("mlp"))
        seconds = {"seconds": augmented - started, "fit_seconds": time.process_time() - augmented}
        return {"status": "ok", "reason": "", **self._measures(predicted), **sizes, **seconds}

    def _predict(self, recipe: Recipe, vectors: Float32, labels: tuple[str, ...], stream: SeedTree) -> Index:
        """Return the predicted class of each test row, int64.

        All vectors are divided by the root mean square length of the train vectors.
        """
        lengths = np.linalg.norm(self.train.vectors, axis=1)
        size = float(np.sqrt(np.mean(np.square(lengths))))  # 1 for unit vectors
        if recipe.head == "mlp":
            size /= np.sqrt(vectors.shape[1])  # the scaled entries are about 1, as `mlp` needs
        train = Labelled(x=_scaled(vectors, size), y=self._codes(labels))
        validation = Labelled(x=_scaled(self.validation.vectors, size), y=self._codes(self.validation.labels))
        test = _scaled(self.test.vectors, size)
        if recipe.head == "logistic":
            return logistic(train, validation, test, weighted=recipe.weighted)
        return mlp(train, validation, test, len(self.classes), stream, weighted=recipe.weighted)

    def _codes(self, labels: tuple[str, ...]) -> Index:
        code = {label: i for i, label in enumerate(self.classes)}
        return np.array([code[label] for label in labels], dtype=np.int64)

    def _measures(self, predicted: Index) -> dict[str, float]:
        truth = self._codes(self.test.labels)
        each = np.arange(len(truth))
        found = scores(truth, predicted, each, np.ones((1, len(truth))), len(self.classes))
        minority = [self.classes.index(label) for label in self.missing]
        return {
            "accuracy": float(found.accuracy[0]),
            "macro_f1": float(found.macro_f1[0]),
            "minority_recall": float(found.recall[0, minority].mean()),
        }


def _scaled(vectors: Float32, size: float) -> Float32:
    scaled: Float32 = (vectors / size).astype(np.float32)
    return scaled
