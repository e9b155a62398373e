"""Measure utility: train classifiers on real records, synthetic records or both, and test them on real records."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from audits.core.errors import counted
from audits.core.stats import clopper_pearson
from audits.core.types import Estimate, persons
from audits.gate.utility import distance_of_shares
from synthgen.coherence import coherence
from synthgen.core.errors import DataError, InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32, Float64, Record
from synthgen.evaluate.classifiers import CLASSIFIERS, ON_WORDS, LabelledTexts, Labels, TrainingSet
from synthgen.evaluate.metrics import Index, Scores, estimate, person_weights, scores
from synthgen.evaluate.style_gap import style_gap, style_profile
from synthgen.evaluate.subgroups import ATTRIBUTES, Rows, subgroups

DRAWS = 1000  # number of bootstrap draws; for a confidence above 95 %, five times as many are drawn
_ONE_CLASS = "all test records have the same class; utility is measured only for two or more classes"
_TOO_SHORT = "synthetic or test records have too few tokens to compare styles"
TRAINING_SETS = ("real", "synthetic", "real+synthetic")  # the sets of records that classifiers are trained on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The real and synthetic records that classifiers are trained and tested on, with the vectors of the records."""

    synthetic: Corpus
    train: Corpus  # the real records from which the synthetic records were made
    test: Corpus  # real records of persons who are not in train
    vectors: Mapping[str, Float32]  # key: "synthetic", "train" or "test"; value: (n, d), row i belongs to record i


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Results of the evaluation."""

    results: Mapping[str, Any]  # all results as JSON-compatible values, written to evaluation.json
    metrics: Mapping[str, Estimate]  # key: metric; value: its result, to which the rules of a policy can refer
    reasons: Mapping[str, str]  # key: metric that could not be measured; value: the reason


def evaluate(
    tables: Tables,
    seeds: SeedTree,
    *,
    requested: Mapping[str, int] | None = None,
    confidence: float = 0.95,
    baselines: Mapping[str, TrainingSet] | None = None,
) -> Evaluation:
    """Return how well classifiers predict real test records if trained on real records, synthetic records, or both.

        utility.tstr_over_trtr    = macro F1 trained on synthetic / macro F1 trained on real
        utility.worst_class_ratio = min over classes of recall trained on synthetic / recall trained on real
        style.gap                 = difference between models of synthetic and of real texts, see `style_gap`
        balance.tv_distance       = distance of the class shares of the synthetic records from the requested shares,
                                    see `tv_distance`

    The utility metrics are measured for each classifier, for example `utility.tfidf_linear.tstr_over_trtr`. A metric
    without the name of a classifier is the result of the classifier whose interval has the smallest lower end. The
    minimum over classes omits classes whose recall after training on real records is 0.

    `requested` is the requested number of synthetic records by class; without it, balance is not measured. The
    intervals have the two-sided `confidence`. Only `Evaluation.results` has the scores of the sets `baselines`.

    Raises:
        DataError: a table or `requested` is empty; the persons in train and test are known, and one is in both; a
            test class is not in train; or no text of a training set contains a word.

    Privacy: reads train and test texts and returns aggregates by class.
    Randomness: `seeds`. The random stream of the style gap is called "manner"; another name would change the results.
    Reference: "train on synthetic, test on real" is from Esteban, Hyland & Rätsch (arXiv 1706.02633), section 4.1.
    """
    _check(tables)
    test, real, synthetic = _test_set(tables), _rows(tables, "train"), _rows(tables, "synthetic")
    rows_of_sets = (real, synthetic, real.plus(synthetic))
    training_sets = dict(zip(TRAINING_SETS, map(TrainingSet, rows_of_sets), strict=True)) | dict(baselines or {})
    all_scores = _scored(training_sets, test, DRAWS if confidence <= 0.95 else 5 * DRAWS, seeds)
    metrics, ratios, reasons = _ratios(all_scores, test, confidence, set(tables.train.labels))
    if requested is not None:
        metrics["balance.tv_distance"] = tv_distance(tables.synthetic.labels, requested, confidence)
    texts, real_test = [record.text for record in _by_id(tables.synthetic)], _by_id(tables.test)
    persons_of, real_texts = [r.group for r in real_test], [r.text for r in real_test]
    if (gap := style_gap(texts, real_texts, persons_of, seeds.child("manner"), confidence)) is None:
        reasons["style.gap"] = _TOO_SHORT
    else:
        metrics["style.gap"] = gap
    results = {
        "confidence": confidence,
        "records": {name: len(chosen.rows.texts) for name, chosen in training_sets.items()}
        | {"test": len(test.rows.texts)},
        "test_persons": test.n_persons,
        "classifiers": _classifier_scores(all_scores, test, confidence),
        "subgroups": _by_subgroup(all_scores, test, confidence),
        "ratios": ratios,
        "style": {"synthetic": style_profile(tables.synthetic.texts), "real": style_profile(tables.test.texts)},
        "coherence": _contradiction_shares({"synthetic": tables.synthetic, "real": tables.test}, confidence),
        "metrics": {name: asdict(value) for name, value in sorted(metrics.items())},
        "not_measured": reasons,
    }
    return Evaluation(results=results, metrics=metrics, reasons=reasons)


def _scored(
    training_sets: Mapping[str, TrainingSet], test: "_TestSet", n_draws: int, seeds: SeedTree
) -> dict[str, dict[str, Scores]]:
    # returns name of a classifier -> name of a training set -> scores on the test records
    all_scores, weights = {}, person_weights(test.n_persons, n_draws, seeds.child("bootstrap").generator())
    for classifier, fit_and_predict in CLASSIFIERS.items():
        seed = int.from_bytes(seeds.child(classifier).key()[:4], "big") >> 1  # from 0 to 2^31 − 1
        all_scores[classifier] = {
            name: test.score(fit_and_predict(chosen.rows, test.rows, seed, chosen.weights), weights)
            for name, chosen in training_sets.items()
            if chosen.has_texts or classifier != ON_WORDS
        }
    return all_scores


@dataclass(frozen=True, slots=True, eq=False)
class _TestSet:
    rows: LabelledTexts  # n records of C classes, sorted by record id
    names: tuple[str, ...]  # the classes, sorted
    truth: Index  # (n,), index of each record's class
    person: Index  # (n,), index of each record's person
    n_persons: int
    per_class: tuple[int, ...]  # for each class, the number of persons with records of the class
    subgroups: Mapping[tuple[str, str], Rows]  # by attribute and value: whether each record is in the subgroup

    def score(self, predicted: Labels, weights: Float64) -> Scores:
        # predicted classes without test records get the number -1, so they count as wrong
        number = {name: i for i, name in enumerate(self.names)}
        numbers = np.array([number.get(str(label), -1) for label in predicted], dtype=np.int64)
        return scores(self.truth, numbers, self.person, weights, len(self.names), self.subgroups)


def _test_set(tables: Tables) -> _TestSet:
    rows, names = _rows(tables, "test"), tuple(sorted(set(tables.test.labels)))
    records = _by_id(tables.test)
    unique, person = persons([r.group for r in records])
    truth = np.searchsorted(names, rows.labels)
    per_class = tuple(len(set(person[truth == c].tolist())) for c in range(len(names)))
    return _TestSet(rows, names, truth, person, len(unique), per_class, subgroups(records))


def tv_distance(labels: list[str], requested: Mapping[str, int], confidence: float) -> Estimate:
    """Return the total variation distance between the class shares of `labels` and the requested class shares.

    If there are fewer records than requested, the missing records count as a further class. The distance is 1 if a
    requested class has no record; see `distance_of_shares`. The value is exact, so the interval has no width.

    The result states the one-sided confidence, which is (1 + `confidence`) / 2. Raise DataError if `labels` or
    `requested` is empty.
    """
    if not labels or sum(requested.values()) <= 0:
        raise DataError(
            "the metric `balance.tv_distance` needs at least one synthetic record and one requested record"
        )
    value = distance_of_shares(Counter(labels), requested)
    return Estimate(value=value, low=value, high=value, confidence=(1 + confidence) / 2, n=len(labels))


def _contradiction_shares(corpora: Mapping[str, Corpus], confidence: float) -> dict[str, Any]:
    of_corpora = {}
    for role, corpus in corpora.items():
        found, shares = coherence(corpus.texts), {}
        for name, k in {"any": found.n_contradictory, **found.by_rule}.items():
            # `clopper_pearson` needs the one-sided confidence of each end
            low, high = clopper_pearson(k, found.n, confidence=(1 + confidence) / 2)
            shares[name] = {"value": k / found.n, "low": low, "high": high}
        of_corpora[role] = {"n": found.n, "shares": shares}
    return of_corpora


def _check(tables: Tables) -> None:
    problems = []
    for name in ("synthetic", "train", "test"):
        corpus: Corpus = getattr(tables, name)
        if len(corpus) == 0:
            problems.append(f"the {name} table has no records")
        if len(tables.vectors[name]) != len(corpus):
            raise InternalError(f"the {name} table has {len(corpus)} records but {len(tables.vectors[name])} vectors")
    if unknown := len(set(tables.test.labels) - set(tables.train.labels)):
        problems.append(f"the test table has {unknown} classes that the train table does not have")
    shared = {r.group for r in tables.train.records} & {r.group for r in tables.test.records}
    if shared and tables.train.has_groups and tables.test.has_groups:
        problems.append(f"the test and train tables have {counted(len(shared), 'person')} in common")
    if problems:
        raise DataError(
            "utility cannot be measured with the given synthetic, train and test tables",
            problems=problems,
            hint="Each table needs at least one record. The test table may contain only persons who are not in the "
            "train table, and only classes of the train table.",
        )


def _by_id(corpus: Corpus) -> list[Record]:
    return sorted(corpus.records, key=lambda record: record.id)


def _rows(tables: Tables, name: Literal["synthetic", "train", "test"]) -> LabelledTexts:
    # sorted by record id
    corpus: Corpus = getattr(tables, name)
    records = _by_id(corpus)
    row = {record.id: i for i, record in enumerate(corpus.records)}
    vectors = tables.vectors[name][[row[r.id] for r in records]]
    return LabelledTexts.of([r.text for r in records], [r.label for r in records], vectors)


def _ratios(
    all_scores: Mapping[str, Mapping[str, Scores]], test: _TestSet, confidence: float, classes: set[str]
) -> tuple[dict[str, Estimate], dict[str, Any], dict[str, str]]:
    # returns (metric -> estimate, metric -> classifier -> estimate as JSON, unmeasured metric -> reason)
    metrics, ratios, reasons = dict[str, Estimate](), dict[str, Any](), dict[str, str]()
    if len(test.names) == 1:
        return {}, {}, dict.fromkeys(("utility.tstr_over_trtr", "utility.worst_class_ratio"), _ONE_CLASS)
    overall, worst = dict[str, tuple[Float64, int]](), dict[str, tuple[Float64, int]]()
    for classifier, scores_of in all_scores.items():
        real, synthetic = scores_of["real"], scores_of["synthetic"]
        # for each class: whether the classifier trained on real records predicts any test record of the class
        # correctly; row 0 of `recall` has the result without bootstrap weights
        learned = real.recall[0] > 0
        if learned.any():
            ratio = synthetic.recall[:, learned] / real.recall[:, learned]
            worst[classifier] = (
                ratio.min(axis=1),
                min(n for n, is_learned in zip(test.per_class, learned, strict=True) if is_learned),
            )
            overall[classifier] = synthetic.macro_f1 / real.macro_f1, test.n_persons
    for name, values in (("tstr_over_trtr", overall), ("worst_class_ratio", worst)):
        if len(values) < len(all_scores):
            reasons[f"utility.{name}"] = "a classifier trained on real records predicts no class correctly"
            continue
        by_classifier = {classifier: estimate(draws, n, confidence) for classifier, (draws, n) in values.items()}
        ratios[name] = {classifier: asdict(e) for classifier, e in by_classifier.items()}
        metrics[f"utility.{name}"] = min(by_classifier.values(), key=lambda e: e.low)
        metrics |= {f"utility.{classifier.replace('-', '_')}.{name}": e for classifier, e in by_classifier.items()}
    if lacking := len(classes - set(test.names)):
        metrics = {name: e for name, e in metrics.items() if not name.endswith("worst_class_ratio")}
        reasons["utility.worst_class_ratio"] = f"{lacking} classes of train have no test record"
    return metrics, ratios, reasons


def _classifier_scores(
    all_scores: Mapping[str, Mapping[str, Scores]], test: _TestSet, confidence: float
) -> dict[str, Any]:
    def share(draws: Float64, n: int) -> dict[str, Any]:
        return asdict(estimate(draws, n, confidence, largest=1))

    def metrics_of(measured: Scores) -> dict[str, Any]:
        overall = {
            name: share(getattr(measured, name), test.n_persons) for name in ("accuracy", "macro_f1", "weighted_f1")
        }
        per_class = {
            name: {"recall": share(measured.recall[:, c], n), "f1": share(measured.f1[:, c], n)}
            for c, (name, n) in enumerate(zip(test.names, test.per_class, strict=True))
        }
        return overall | {"per_class": per_class}

    return {
        classifier: {name: metrics_of(measured) for name, measured in by_set.items()}
        for classifier, by_set in all_scores.items()
    }


def _by_subgroup(all_scores: Mapping[str, Mapping[str, Scores]], test: _TestSet, confidence: float) -> dict[str, Any]:
    shares: dict[str, Any] = {attribute: {} for attribute in ATTRIBUTES}
    for (attribute, value), rows in test.subgroups.items():
        n = len(set(test.person[rows].tolist()))
        shares[attribute][value] = {
            classifier: {
                name: asdict(estimate(measured.of_subgroups[attribute, value], n, confidence, largest=1))
                for name, measured in by_set.items()
            }
            for classifier, by_set in all_scores.items()
        }
    return shares
