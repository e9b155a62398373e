"""Utility: classifiers trained on synthetic records, on real ones and on both, tested on real people."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from audits.core.types import Estimate, persons
from synthgen.core.errors import DataError, InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32, Record
from synthgen.evaluate.heads import HEADS, LabelledTexts, Labels
from synthgen.evaluate.metrics import Float64, Index, Scores, estimate, person_weights, scores
from synthgen.evaluate.style_gap import style_gap, style_profile

DRAWS = 1000  # and five times as many where the ends lie further out
ARMS = ("real", "synthetic", "real+synthetic")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """What is compared, with the encoder's vectors of each.

    Args:
        synthetic: what is to be released.
        train: the real records it was made from.
        test: real records of persons that neither the generator nor train has seen: control, or another table.
        vectors: float32 (n, d) by "synthetic", "train" and "test", row i of record i.
    """

    synthetic: Corpus
    train: Corpus
    test: Corpus
    vectors: Mapping[str, Float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found.

    Args:
        table: plain values for JSON: by classifier, arm and metric, each with its interval.
        metrics: what a policy may name.
        reasons: for each metric that could not be measured, why.
    """

    table: Mapping[str, Any]
    metrics: Mapping[str, Estimate]
    reasons: Mapping[str, str]


def evaluate(
    tables: Tables, seeds: SeedTree, *, requested: Mapping[str, int] | None = None, confidence: float = 0.95
) -> Evaluation:
    """Return how well classifiers do on real people when trained on real, on synthetic, and on both.

    Answers whether a stranger who has only the release could have trained on it instead of on the real records.

        utility.tstr_over_trtr    = macro F1 trained on synthetic / macro F1 trained on real
        utility.worst_class_ratio = min over classes of recall trained on synthetic / recall trained on real
        style.gap                = see `style_gap`
        balance.tv_distance       = ½ Σ_c |share of c in synthetic − share requested|, see `tv_distance`

    The first two are taken for each classifier, as `utility.CLASSIFIER.tstr_over_trtr` and so on; the one with the
    lower pessimistic end is also the metric without a name. Ratios are of the same draws of the same test
    persons, so what makes a test person hard for both cancels. A class whose real recall is 0 sets no standard and is
    left out of the minimum.

    Args:
        tables: the records and their vectors.
        seeds: the stage's stream.
        requested: records wanted of each class; without it there is no balance metric.
        confidence: two-sided, of every interval.

    Raises:
        DataError: if a table is empty, test persons stand in train, or test has a class that train lacks.

    Privacy: reads train and test texts; what comes out is aggregates by class.

    Random: `seeds.child("bootstrap")`, one exponential per person and draw; `seeds.child(classifier)` for solvers.

    Cost: six fits, and 3·B·n·C multiplications for each, B = 1000.
    Source: "train on synthetic, test on real" is Esteban, Hyland & Rätsch (arXiv 1706.02633), section 4.1.
    """
    _check(tables)
    test = _test_set(tables)
    n_draws = DRAWS if confidence <= 0.95 else 5 * DRAWS
    weights = person_weights(test.n_persons, n_draws, seeds.child("bootstrap").generator())
    real, synthetic = _rows(tables, "train"), _rows(tables, "synthetic")
    arms = dict(zip(ARMS, (real, synthetic, real.plus(synthetic)), strict=True))
    found: dict[str, dict[str, Scores]] = {}
    for head, fit_and_predict in HEADS.items():
        seed = int.from_bytes(seeds.child(head).key()[:4], "big") >> 1
        found[head] = {arm: test.score(fit_and_predict(rows, test.rows, seed), weights) for arm, rows in arms.items()}
    metrics, by_head, reasons = _ratios(found, test, confidence, set(tables.train.labels))
    if requested is not None:
        metrics["balance.tv_distance"] = tv_distance(tables.synthetic.labels, requested, confidence)
    _add_style(metrics, reasons, tables, seeds.child("manner"), confidence)
    table = {
        "confidence": confidence,
        "records": {arm: len(rows.texts) for arm, rows in arms.items()} | {"test": len(test.rows.texts)},
        "test_persons": test.n_persons,
        "classifiers": _plain(found, test, confidence),
        "ratios": by_head,
        "style": {"synthetic": style_profile(tables.synthetic.texts), "real": style_profile(tables.test.texts)},
        "metrics": {name: asdict(value) for name, value in sorted(metrics.items())},
        "not_measured": reasons,
    }
    return Evaluation(table=table, metrics=metrics, reasons=reasons)


def _add_style(
    metrics: dict[str, Estimate], reasons: dict[str, str], tables: Tables, seeds: SeedTree, confidence: float
) -> None:
    written, real = _by_id(tables.synthetic), _by_id(tables.test)
    gap = style_gap([r.text for r in written], [r.text for r in real], [r.group for r in real], seeds, confidence)
    if gap is None:
        reasons["style.gap"] = "the texts of a side are too few to have a style"
    else:
        metrics["style.gap"] = gap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TestSet:
    """The real records that classifiers are tested on.

    Args:
        rows: n records by id.
        names: the C classes, sorted.
        truth: (n), the place of each record's class among them.
        person: (n), the person of each record as a number.
        n_persons: how many there are.
        per_class: (C), the persons with records of each class.
    """

    rows: LabelledTexts
    names: tuple[str, ...]
    truth: Index
    person: Index
    n_persons: int
    per_class: tuple[int, ...]

    def score(self, predicted: Labels, weights: Float64) -> Scores:
        """Return the metrics of predicted classes; a class the test records do not have is never right."""
        number = {name: i for i, name in enumerate(self.names)}
        numbers = np.array([number.get(str(label), -1) for label in predicted], dtype=np.int64)
        return scores(self.truth, numbers, self.person, weights, len(self.names))


def _test_set(tables: Tables) -> _TestSet:
    rows, names = _rows(tables, "test"), tuple(sorted(set(tables.test.labels)))
    unique, person = persons([r.group for r in _by_id(tables.test)])
    truth = np.searchsorted(names, rows.labels)
    per_class = tuple(len(set(person[truth == c].tolist())) for c in range(len(names)))
    return _TestSet(rows=rows, names=names, truth=truth, person=person, n_persons=len(unique), per_class=per_class)


def tv_distance(labels: list[str], requested: Mapping[str, int], confidence: float) -> Estimate:
    """Return the total variation distance between the labels' shares and the requested ones; exact, so no width.

    With N = max(made, requested), shares of what was made are n_c / N and what is missing is a share of its own, so
    that a table which is short everywhere is not balanced. A class that was asked for and has no record at all is as
    far as can be, 1: whatever else is judged of each class, of that one there is nothing to judge.
    """
    counts, total = Counter(labels), sum(requested.values())
    if not labels or total <= 0:
        raise DataError("balance needs synthetic records and a request of at least one")
    classes = sorted(set(counts) | set(requested))
    n = max(len(labels), total)
    short = sum(abs(counts[c] / n - requested.get(c, 0) / total) for c in classes) + (n - len(labels)) / n
    value = 1.0 if any(m > 0 and counts[c] == 0 for c, m in requested.items()) else short / 2
    return Estimate(value=value, low=value, high=value, confidence=(1 + confidence) / 2, n=len(labels))


def _check(tables: Tables) -> None:
    problems = []
    for name in ("synthetic", "train", "test"):
        corpus: Corpus = getattr(tables, name)
        if len(corpus) == 0:
            problems.append(f"{name}: no records")
        if len(tables.vectors[name]) != len(corpus):
            raise InternalError(f"{name}: vectors do not match records")
    unknown = len(set(tables.test.labels) - set(tables.train.labels))
    if unknown:
        problems.append(f"test: {unknown} classes that train lacks")
    if tables.train.has_groups and tables.test.has_groups:
        both = {r.group for r in tables.train.records} & {r.group for r in tables.test.records}
        if both:
            problems.append(f"test: {len(both)} persons who also stand in train")
    if problems:
        raise DataError(
            "utility cannot be measured on these tables",
            problems=problems,
            hint="Test records must be of other persons than train, and of train's classes.",
        )


def _by_id(corpus: Corpus) -> list[Record]:
    return sorted(corpus.records, key=lambda record: record.id)


def _rows(tables: Tables, name: Literal["synthetic", "train", "test"]) -> LabelledTexts:
    """Return a table's rows by id, so that their order in the table changes nothing."""
    corpus: Corpus = getattr(tables, name)
    records = _by_id(corpus)
    row = {record.id: i for i, record in enumerate(corpus.records)}
    return LabelledTexts(
        texts=tuple(r.text for r in records),
        labels=np.array([r.label for r in records], dtype=np.str_),
        vectors=tables.vectors[name][[row[r.id] for r in records]],
    )


def _ratios(
    found: Mapping[str, Mapping[str, Scores]], test: _TestSet, confidence: float, classes: set[str]
) -> tuple[dict[str, Estimate], dict[str, Any], dict[str, str]]:
    """Return the two utility metrics, what each classifier said of them, and why one is missing."""
    metrics: dict[str, Estimate] = {}
    by_head: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    overall: dict[str, tuple[Float64, int]] = {}
    worst: dict[str, tuple[Float64, int]] = {}
    for head, arms in found.items():
        real, synthetic = arms["real"], arms["synthetic"]
        learned = real.recall[0] > 0
        if learned.any():
            ratio = synthetic.recall[:, learned] / real.recall[:, learned]
            worst[head] = ratio.min(axis=1), min(n for n, is_in in zip(test.per_class, learned, strict=True) if is_in)
            overall[head] = synthetic.macro_f1 / real.macro_f1, test.n_persons
    for name, values in (("tstr_over_trtr", overall), ("worst_class_ratio", worst)):
        if len(values) < len(found):
            reasons[f"utility.{name}"] = "a classifier trained on real records gets nothing right"
            continue
        of = {head: estimate(draws, n, confidence) for head, (draws, n) in values.items()}
        by_head[name] = {head: asdict(e) for head, e in of.items()}
        metrics[f"utility.{name}"] = min(of.values(), key=lambda e: e.low)
        metrics |= {f"utility.{head.replace('-', '_')}.{name}": e for head, e in of.items()}
    if lacking := len(classes - set(test.names)):
        metrics = {name: e for name, e in metrics.items() if not name.endswith("worst_class_ratio")}
        reasons["utility.worst_class_ratio"] = f"{lacking} classes of train have no test record"
    return metrics, by_head, reasons


def _plain(found: Mapping[str, Mapping[str, Scores]], test: _TestSet, confidence: float) -> dict[str, Any]:
    """Return every metric of every classifier and arm with its interval, as plain values."""

    def share(draws: Float64, n: int) -> dict[str, Any]:
        return asdict(estimate(draws, n, confidence, largest=1))

    def of_arm(of: Scores) -> dict[str, Any]:
        overall = {"accuracy": of.accuracy, "macro_f1": of.macro_f1, "weighted_f1": of.weighted_f1}
        return {name: share(draws, test.n_persons) for name, draws in overall.items()} | {
            "per_class": {
                name: {"recall": share(of.recall[:, c], n), "f1": share(of.f1[:, c], n)}
                for c, (name, n) in enumerate(zip(test.names, test.per_class, strict=True))
            }
        }

    return {head: {arm: of_arm(of) for arm, of in arms.items()} for head, arms in found.items()}
