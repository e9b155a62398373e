"""Check that the scores of the report agree: macro F1, accuracy and the ratio of the worst class with F1 by class.

Every score is at most one step of rounding from its exact value (`step_of`). The checks report only what no table of
predictions can give.
"""

from collections.abc import Iterator

from audits.gate.disclosure import step_of
from audits.gate.evidence import Metric
from audits.report.numbers import least_of
from audits.verify.published import BundleParts, Score, ShownScores


def score_problems(parts: BundleParts) -> Iterator[str]:
    """Yield each contradiction between the scores of the report, and between them and the evidence."""
    classifiers = parts.report.page.utility.classifiers
    arms = [arm for sources in classifiers.values() for arm in sources.values()]
    if len({frozenset(arm.per_class) for arm in arms}) > 1:
        yield "utility: the classes with scores differ between classifiers or training tables"
    if any(one.f1 is None for arm in arms for one in arm.per_class.values()):
        yield "utility: the F1 of a class is missing"
        return
    has_all = _has_all_classes(parts)
    for sources in classifiers.values():
        for table, arm in sources.items():
            yield from _arm_problems(arm, is_synthetic=table == "synthetic", has_all=has_all)
    control = [least_of(side.count_bucket.split("-")[1]) for side in parts.predicate.inputs if side.role == "control"]
    n = float(control[0]) if control else float("inf")
    worst = {
        name: _most_worst(sources.get("synthetic"), sources.get("real"), n) for name, sources in classifiers.items()
    }
    for name, ratio in parts.evidence.metrics.items():
        source, _, key = name.rpartition(".")
        if not source.startswith("utility") or key != "worst_class_ratio":
            continue
        of = [most for head, most in worst.items() if source in {"utility", f"utility.{head.replace('-', '_')}"}]
        if of and ratio.value - step_of(ratio.n) > max(of):
            yield f"{name}: larger than the F1 scores of the classes allow"


def _has_all_classes(parts: BundleParts) -> bool:
    """Return whether every requested class is in the report; a class without a released record is not named."""
    rows, interpolate = parts.report.page.balance, parts.config["interpolate"]
    return bool(interpolate["balance"] == "equal" and interpolate["total"] == sum(row.requested for row in rows))


def _arm_problems(arm: ShownScores, *, is_synthetic: bool, has_all: bool) -> Iterator[str]:
    """Yield each contradiction between the scores after training on one table.

        macro F1 = mean of F1_c,   min F1_c / 2 <= accuracy <= max F1_c

    The limits of the accuracy follow from 2 · hits_c = F1_c · (support_c + predicted_c), summed over the classes. A
    class that is not shown has F1 = 0 after training on synthetic records, because the table has no record of it.
    """
    f1 = [(one.f1.value, step_of(one.f1.n)) for one in arm.per_class.values() if one.f1 is not None]
    if not f1 or not (has_all or is_synthetic):
        return
    mean, slack = (sum(column) / len(f1) for column in zip(*f1, strict=True))
    low, high = min(value - step for value, step in f1) / 2, max(value + step for value, step in f1)
    for name, score, least, most in (
        ("macro F1", arm.macro_f1, mean - slack, mean + slack),
        ("accuracy", arm.accuracy, low, high),
    ):
        if score is None:
            continue
        step = step_of(score.n)
        if score.value > most + step or (has_all and score.value < least - step):
            yield f"utility: the {name} does not follow from the F1 scores of the classes"


def _most_worst(synthetic: ShownScores | None, real: ShownScores | None, n_records: float) -> float:
    """Return the largest possible ratio of recalls of the worst class, synthetic to real, given F1 by class.

        F1 / (2 - F1) <= recall <= min(1, F1 · (1 + wrong / support) / (2 - F1))

    `wrong` is at most (1 - accuracy) · `n_records`, and the support of a class is at least its number of persons.
    """
    if synthetic is None or real is None:
        return float("inf")
    wrong = (1.0 if synthetic.accuracy is None else 1 - max(0.0, _low(synthetic.accuracy))) * n_records
    ratios = []
    for label, one in synthetic.per_class.items():
        other = real.per_class[label].f1 if label in real.per_class else None
        if one.f1 is None or other is None or _low(other) <= 0:
            continue
        most = min(1.0, one.f1.value + step_of(one.f1.n))
        recall = min(1.0, most * (1 + wrong / max(1, one.f1.n)) / (2 - most))
        ratios.append(recall * (2 - _low(other)) / _low(other))
    return min(ratios, default=float("inf"))


def _low(score: Score | Metric) -> float:
    """Return the smallest exact value of a rounded score."""
    return score.value - step_of(score.n)
