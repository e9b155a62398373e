"""`python -m studies feature-augmentation`: compare augmentation methods on text sets; write tables and figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studies.feature_augmentation.experiment import METHODS, Experiment, Protocol, balance, plan_experiment, rows_of
from studies.feature_augmentation.sets import first_of_classes, read_set
from studies.feature_augmentation.vectors import kept_vectors
from studies.feature_augmentation.workers import run_experiments
from synthgen.core.errors import ConfigError, StorageError
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float32
from synthgen.embed import Encoder, build_encoder, with_ids
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

# a small version, which takes much less time; the intervals of its results are wide
QUICK = Protocol(folds=3, repeats=1, smallest=16, largest=64, per_class=200)
SHOWN_N = 64  # the figures of the vectors use the n (see `shown_vectors`) that is nearest to this number


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """The options of the study; if `folds` or `repeats` is None, the number of the protocol is used."""

    datasets: tuple[str, ...]  # names or paths; see `studies.feature_augmentation.sets.read_set`
    data: Path | None  # folder of the named sets
    encoder: str  # name in the model store, or a folder
    out: Path  # folder of all output
    folds: int | None  # folds of the cross-validation
    repeats: int | None  # repeats of the cross-validation
    seed: int  # seed of every random choice
    quick: bool  # whether to use the small protocol

    def protocol(self) -> Protocol:
        """Return the protocol (the settings of the experiment), changed by the options that are given."""
        base = QUICK if self.quick else Protocol()
        given = {"folds": self.folds, "repeats": self.repeats}
        return replace(base, seed=self.seed, **{name: n for name, n in given.items() if n is not None})


def feature_augmentation(request: StudyRequest, progress: Progress) -> Path:
    """Run the folds that have no result yet, write the tables and figures, and return the path of the Markdown page.

    Vectors and finished folds stay in `request.out`, so an interrupted study continues where it stopped.

    Raises:
        DataError, ConfigError, DependencyError: if a set or an option is invalid; all sets are read first.
        ModelMissing: if the encoder is not in the model store.
        StorageError: if the folder cannot be written.
    """
    from studies.feature_augmentation.figures import write_learning_curves
    from studies.feature_augmentation.tables import write_tables

    protocol = request.protocol()
    corpora = _corpora(request, protocol)
    out = request.out
    try:
        for folder in (out / "vectors", out / "folds"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written ({error.strerror})", hint="Choose another --out.") from error
    encoder = build_encoder(EmbedConfig(model=request.encoder), model_folder)
    experiments = []
    for name, corpus in corpora.items():
        vectors = kept_vectors(name, corpus.texts, encoder, out / "vectors", progress)
        experiments.append(plan_experiment(name, with_ids(corpus, vectors, encoder), protocol))
    cells = run_experiments(experiments, out / "folds", progress)
    write_tables(cells, _meta(request, encoder, experiments), out)
    with progress.stage("figures", total=1 + len(experiments), unit="figures") as advance:
        write_learning_curves(cells, out)
        advance(1)
        for experiment in experiments:
            _projections(experiment, out)
            advance(1)
    return out / "results.md"


def _meta(request: StudyRequest, encoder: Encoder, experiments: Sequence[Experiment]) -> dict[str, Any]:
    protocol = request.protocol()
    return {
        "encoder": encoder.name,
        "encoder sha256": encoder.digest,
        "folds": protocol.folds,
        "repeats": protocol.repeats,
        "seed": protocol.seed,
        "quick": request.quick,
        "datasets": {
            e.dataset: {
                "records": len(e.x.ids),
                "classes": list(e.classes),
                "M (records of a majority class, and of each class after augmentation)": e.largest,
                "n (records of a minority class)": list(e.sizes),
            }
            for e in experiments
        },
    }


def _corpora(request: StudyRequest, protocol: Protocol) -> dict[str, Corpus]:
    corpora: dict[str, Corpus] = {}
    for dataset in request.datasets:
        name, corpus = read_set(dataset, request.data)
        if name in corpora:
            raise ConfigError(f"{dataset}: another set of this study has the name {name!r}", hint="Rename the file.")
        if protocol.per_class is not None:
            stream = SeedTree(protocol.seed).child("sample", name)
            corpus = first_of_classes(corpus, protocol.per_class, stream)
        corpora[name] = corpus
    return corpora


def _projections(experiment: Experiment, out: Path) -> None:
    """Draw the train vectors of fold 0 of repeat 0 with and without SMOTE."""
    from studies.feature_augmentation.projections import write_projections

    n, train, made = shown_vectors(experiment)
    title = f"{experiment.dataset}, smote, n = {n}"
    write_projections(train.vectors, train.labels, made[0], made[1], title, out, experiment.protocol.seed)


def shown_vectors(experiment: Experiment) -> tuple[int, Embedded, tuple[Float32, Sequence[str]]]:
    """Return n, the real train rows of fold 0 with this n, and the vectors and labels that SMOTE adds.

    n is the number of train records of each minority class. Of the numbers in the experiment, the one nearest to
    `SHOWN_N` is used.
    """
    n = min(experiment.sizes, key=lambda size: (abs(size - SHOWN_N), size))
    parts = experiment.folds(0)(0)
    train = rows_of(experiment.x, parts.train_rows(n, experiment.largest))
    missing = dict.fromkeys(parts.minority, experiment.largest - n)
    made = balance(train, missing, METHODS["smote"].interpolate or {}, experiment.seeds.child("shown"))
    return n, train, (made.vectors, made.labels)
