"""Find contradictions between the published numbers of a bundle, so that the verifier can reject the bundle.

A bundle is the folder of a released dataset. The checks compare the report, the evidence (published metrics of the
audits), the settings and the signed statement. The numbers are rounded (`audits.gate.disclosure`), so a check allows
one step of rounding for every rounded number that it compares.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from audits.gate.disclosure import step_of, verdicts_only
from audits.gate.dp_substitute import METHOD
from audits.gate.evidence import Evidence, Metric
from audits.gate.policy import Policy
from audits.gate.rule import ATTEMPTS, SECRET
from audits.report.numbers import least_of
from audits.verify.budget import NO_MECHANISM
from audits.verify.contents import CONFIG
from audits.verify.mechanism import ROUNDING
from audits.verify.published import BundleParts, Curve, Score, ShownResult, ShownScores
from audits.verify.statement import SAFETENSORS
from audits.verify.vocabulary import HIDDEN, MODELS

# audit -> widest threshold that it may use: an upper limit, or (lower limit, upper limit); a test compares these
# numbers with the code of the audits
ONE_SIDED = {"memorization": 0.01, "identifiers": 0.01}
TWO_SIDED = {
    "neighbours": (0.4, 0.6),
    "membership": (0.45, 0.55),
    "parent_recovery": (0.4, 0.6),
    "linkage": (-0.1, 0.1),
    "canaries": (0.4, 0.6),
}
# metrics that must equal the metric `estimate` of their audit, if the evidence contains both
MAIN = (
    "memorization.excess", "neighbours.share", "identifiers.excess", "membership.auc", "canaries.auc",
    "accounting.epsilon_recomputed",
)  # fmt: skip
MAX_CASES = 1000  # largest number of cases (simulated releases) of a self-test
# audits with the field `claim_scope`; it must be "person" if the source has person ids (unit `group`), else "record"
SCOPED = ("neighbours", "membership", "parent_recovery", "linkage")
# the area under a published ROC curve may exceed the upper end of the interval of the AUC by at most this number
_CURVE_TOLERANCE = 0.05
_THRESHOLD_STEP = 0.001  # thresholds are published in multiples of this number


def audit_problems(parts: BundleParts) -> Iterator[str]:
    """Yield each contradiction between the verdict, the numbers, the curve and the claim scope of an audit."""
    unit = parts.predicate.privacy.unit
    for result in parts.report.audit.results:
        name = result.name
        if result.verdict == "pass" and (name == "accounting" or not verdicts_only(parts.policy)):
            yield from (f"{name}: {problem}" for problem in _pass_problems(result, parts.evidence))
        scope = result.details.claim_scope
        if name in SCOPED and scope is not None and (scope == "person") != (unit == "group"):
            yield f"{name}: `claim_scope` in the report contradicts the privacy unit in the statement"
        if result.details.roc is not None and not _fits_curve(result.details.roc, result.estimate):
            yield f"{name}: the area under the ROC curve in the report is above the AUC of this audit"
    yield from _main_problems(parts.evidence, parts.policy)


def _pass_problems(result: ShownResult, evidence: Evidence) -> Iterator[str]:
    """Yield each fact that contradicts the verdict `pass` of a result.

    The metric `hard_hits` counts the copies or identifiers that the audit found. The metric `tau` repeats the
    threshold of the audit.
    """
    hits, tau = (evidence.metrics.get(f"{result.name}.{key}") for key in ("hard_hits", "tau"))
    if hits is not None and hits.high > 0:
        yield "its verdict is pass, but it found copies or identifiers"
    threshold, estimate = result.threshold, result.estimate
    if estimate is None or threshold is None:
        if result.name not in {"accounting", "differencing"}:  # these two audits can pass without an estimate
            yield "its verdict is pass, but its estimate or its threshold is missing"
        return
    if not _has_valid_form(result):
        yield "its `threshold` or its `direction` does not have the form that this audit requires"
        return
    low, high = threshold if isinstance(threshold, tuple) else (-math.inf, threshold)
    widest = TWO_SIDED.get(result.name, (-math.inf, ONE_SIDED.get(result.name, math.inf)))
    if low < widest[0] - _THRESHOLD_STEP or high > widest[1] + _THRESHOLD_STEP:
        yield "its threshold is wider than this audit allows"
    if tau is not None and abs(tau.value - high) > step_of(tau.n) + _THRESHOLD_STEP:
        yield "its threshold differs from the metric `tau` of the audit in the evidence"
    if result.name == "parent_recovery":  # the audit has one threshold per encoder, but states only one
        low, high = widest
    if result.name == "accounting":
        high *= 1 + ROUNDING
    step = step_of(estimate.n) + _THRESHOLD_STEP
    if estimate.low < low - step or estimate.high > high + step:
        yield "its verdict is pass, but its estimate is outside its threshold"


def _has_valid_form(result: ShownResult) -> bool:
    # the audits of TWO_SIDED have two limits, `differencing` has one or two, and all other audits have one
    is_two_sided = isinstance(result.threshold, tuple)
    if result.direction != ("two_sided" if is_two_sided else "lower_is_safer"):
        return False
    return result.name == "differencing" or is_two_sided == (result.name in TWO_SIDED)


def _main_problems(evidence: Evidence, policy: Policy) -> Iterator[str]:
    # yields a problem for each metric of MAIN that differs from the estimate of its audit
    for name in MAIN:
        metric, estimate = (evidence.metrics.get(key) for key in (name, f"{name.split('.')[0]}.estimate"))
        if metric is None or estimate is None or (verdicts_only(policy) and not name.startswith("accounting.")):
            continue
        step = step_of(metric.n) + step_of(estimate.n)
        ends = ("value", "low", "high")
        if any(abs(getattr(metric, end) - getattr(estimate, end)) > step for end in ends):
            yield f"{name}: the number in the evidence differs from the estimate of the audit"


def _fits_curve(curve: Curve, auc: Metric | None) -> bool:
    intervals = zip(curve.tpr[:-1], curve.fpr[:-1], curve.fpr[1:], strict=True)
    # lower limit of the area: between two points, the curve is at least as high as at the left point; its height is
    # rounded, so 0.01 is subtracted
    smallest_area = sum((tpr - 0.01) * (after - before) for tpr, before, after in intervals)
    return auc is None or smallest_area <= auc.high + _CURVE_TOLERANCE


def count_problems(parts: BundleParts) -> Iterator[str]:
    """Yield a problem for each sample size, or sum of the class sizes, that exceeds the stated number of records.

    A sample size counts records or persons, and each person has at least one record. Nothing is compared if

    - differential privacy is claimed: the statement then gives a declared minimum number of persons, not of records;
    - records are cut into segments and the source has no person ids: sample sizes can then count segments; or
    - the statement does not list exactly two inputs, train and control.
    """
    predicate = parts.predicate
    # role of an input -> largest count in its bucket (range of counts), such as 1999 for `1k-2k`
    sizes = {side.role: least_of(side.count_bucket.split("-")[1]) - 1 for side in predicate.inputs}
    is_dp = predicate.privacy.mechanism != NO_MECHANISM
    is_cut = "segments" in parts.config and predicate.privacy.unit == "record"
    if is_dp or is_cut or sorted(sizes) != ["control", "train"]:
        return
    for name, metric in parts.evidence.metrics.items():
        limit = most_units(name, train=sizes["train"], control=sizes["control"], released=predicate.dataset.records)
        if limit is not None and metric.n > limit:
            yield f"{name}: its sample size is above the number of records in the statement"
    for sources in parts.report.page.utility.classifiers.values():
        for scores in sources.values():
            f1_scores = [one.f1 for one in scores.per_class.values()]
            published = [scores.accuracy, scores.macro_f1, scores.weighted_f1, *f1_scores]
            if any(score is not None and score.n > sizes["control"] for score in published):
                yield "utility: the sample size of a score is above the number of control records in the statement"
    real = [least_of(row.real) for row in parts.report.page.balance if row.real != "–"]
    # if records are cut into segments, the number of each class counts segments
    if "segments" not in parts.config and sum(real) > sizes["train"]:
        yield "balance: the classes together have more real records than the statement gives for train"


def sample_size_problems(parts: BundleParts) -> Iterator[str]:
    """Yield a problem for a count whose sample size n differs from the count, or a self-test with too many cases."""
    for name, metric in parts.evidence.metrics.items():
        if name in {ATTEMPTS, SECRET, METHOD, "records.synthetic"} and metric.n != metric.value:
            yield f"{name}: its sample size differs from its value"
        if name.startswith("selftest.") and metric.n > MAX_CASES:
            yield f"{name}: the self-test has more than {MAX_CASES} cases"


def most_units(name: str, *, train: int, control: int, released: int) -> int | None:
    """Return the largest possible sample size of a metric, or None if there is no limit.

    `train`, `control` and `released` are numbers of records.
    """
    audit, _, key = name.partition(".")
    if key in {"hard_hits", "common_share"}:
        return released
    if audit in {"memorization", "identifiers"} and key in {"estimate", "excess", "near_excess", "tau"}:
        return min(train, control)
    if name in {"membership.estimate", "membership.auc", "linkage.estimate"}:
        return min(train, control)
    if audit == "utility":
        return control
    if audit in {"memorization", "identifiers", "membership", "linkage", "style"}:
        return train + control
    return None  # for example, the effective sample size of `neighbours` can exceed the number of records


def model_problems(parts: BundleParts) -> Iterator[str]:
    """Yield each contradiction between the models in the statement and those in the settings.

    There are at most three style adapters, and at most one model of each other role. The setting `decode.model` names
    the decoder, the local model that writes the texts. If a server writes the texts, `decode.model` names the judge,
    a local model that scores them.
    """
    models, config = parts.predicate.models, parts.config
    if not models:
        return  # `check_models` refuses this if the policy requires the models
    names_by_role: dict[str, list[str]] = {}
    for model in models:
        names_by_role.setdefault(model.role, []).append(model.name)
    if len(names_by_role.get("style", [])) > 3:
        yield "models: the statement names more than three style adapters"
    if repeated := sorted(role for role, names in names_by_role.items() if role != "style" and len(names) > 1):
        yield f"models: the statement names more than one model of the role {repeated[0]}"
    local_role = "decoder" if config["decode"]["endpoint"] is None else "judge"
    for role, section in (("embedder", "embed"), (local_role, "decode")):
        if names_by_role.get(role) != [config[section]["model"]]:
            yield f"models: the {role} is not the model in the setting {section}.model"
    if local_role == "decoder" and "judge" in names_by_role:
        yield "models: a judge is stated, but no server wrote the texts"
    stored = [model for model in models if model.format == SAFETENSORS]
    if any(model.trained_on_private_data != is_not_shipped(model.name) for model in stored):
        yield (
            "models: a model that SynthGen does not ship must be marked as trained on private data, because it may "
            "have been, and a shipped model must not be marked so"
        )


def is_not_shipped(model: str) -> bool:
    """Return whether a model is not shipped with SynthGen; such a model may have been trained on private data."""
    return model.startswith("custom:") or HIDDEN in model


def dp_setting_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each published setting that lets a run learn from private records beyond its budget."""
    allowed = {  # by section and key: the allowed value, or a tuple of the allowed values
        ("source", "kind"): "table",
        ("source", "max_records"): None,
        ("interpolate", "balance"): ("equal", HIDDEN),  # `HIDDEN`: the releaser sets a number per class
        ("filter", "length"): (None, HIDDEN),
        ("embed", "model"): MODELS,
        ("decode", "model"): MODELS,
        ("decode", "bridge"): "builtin",
        ("decode", "endpoint"): None,
    }
    for (section, key), values in allowed.items():
        if config[section][key] not in (values if isinstance(values, tuple) else (values,)):
            yield _outside_budget(f"{section}.{key}")
    if config["decode"]["examples"] == HIDDEN:
        yield _outside_budget("decode.examples")
    if "segments" in config:
        yield _outside_budget("segments")


def _outside_budget(setting: str) -> str:
    return f"{CONFIG}: with this value of {setting}, the claimed epsilon does not cover all uses of private records"


def written_problems(parts: BundleParts) -> Iterator[str]:
    """Yield a problem if all rounds together wrote or kept fewer records than were released.

    A round is one repetition of the stages that write texts: `interpolate`, `decode` and `filter`.
    """
    page, released = parts.report.page, parts.predicate.dataset.records
    for stage, action in (("filter", "kept"), ("decode", "written")):
        rounds = re.compile(rf"{stage}(?:-\d+)?")  # excludes `decode-reconstruction`, which is not part of a round
        counts = [_largest_in(row.n_out) for row in page.stages if rounds.fullmatch(row.name)]
        if counts and sum(counts) < released:
            yield f"stages: fewer records were {action} than released"


def _largest_in(count: int | str) -> int:
    # returns the largest count in a bucket (range of counts), or a count unchanged
    if isinstance(count, int):
        return count
    low, high = count.split("-")  # `1-9` contains its upper end, a bucket such as `10-20` does not
    return least_of(high) if low == "1" else least_of(high) - 1


def score_problems(parts: BundleParts) -> Iterator[str]:
    """Yield each contradiction between the scores of the report, or between the scores and the evidence."""
    classifiers = parts.report.page.utility.classifiers
    tables = [scores for sources in classifiers.values() for scores in sources.values()]
    if len({frozenset(scores.per_class) for scores in tables}) > 1:
        yield "utility: the classes with scores differ between classifiers or training tables"
    if any(one.f1 is None for scores in tables for one in scores.per_class.values()):
        yield "utility: the F1 of a class is missing"
        return
    rows, interpolate = parts.report.page.balance, parts.config["interpolate"]
    # whether the report shows every requested class; the report omits a class without a released record
    is_complete = interpolate["balance"] == "equal" and interpolate["total"] == sum(row.requested for row in rows)
    for sources in classifiers.values():
        for table, scores in sources.items():
            yield from _table_problems(scores, is_synthetic=table == "synthetic", is_complete=is_complete)
    control = [least_of(side.count_bucket.split("-")[1]) for side in parts.predicate.inputs if side.role == "control"]
    n_control = float(control[0]) if control else float("inf")
    caps = {
        name: _largest_ratio(sources.get("synthetic"), sources.get("real"), n_control)
        for name, sources in classifiers.items()
    }
    for name, ratio in parts.evidence.metrics.items():
        source, _, key = name.rpartition(".")
        if not source.startswith("utility") or key != "worst_class_ratio":
            continue
        limits = [cap for kind, cap in caps.items() if source in {"utility", f"utility.{kind.replace('-', '_')}"}]
        if limits and ratio.value - step_of(ratio.n) > max(limits):
            yield f"{name}: the number is larger than the F1 scores of the classes allow"


def _table_problems(scores: ShownScores, *, is_synthetic: bool, is_complete: bool) -> Iterator[str]:
    """Yield a problem for each score of a classifier that contradicts its F1 scores by class (F1_c for class c).

        macro F1 = mean F1_c,    min F1_c / 2 <= accuracy <= max F1_c

    The report omits classes without a synthetic record. `is_complete` is true if no class is omitted. If a class is
    omitted, only the upper limits hold, and only after training on the synthetic table (`is_synthetic`): the omitted
    classes then have F1 = 0.
    """
    f1 = [(one.f1.value, step_of(one.f1.n)) for one in scores.per_class.values() if one.f1 is not None]
    if not f1 or not (is_complete or is_synthetic):
        return
    mean, mean_step = (sum(column) / len(f1) for column in zip(*f1, strict=True))
    low, high = min(value - step for value, step in f1) / 2, max(value + step for value, step in f1)
    for name, score, least, most in (
        ("macro F1", scores.macro_f1, mean - mean_step, mean + mean_step),
        ("accuracy", scores.accuracy, low, high),
    ):
        if score is None:
            continue
        step = step_of(score.n)
        if score.value > most + step or (is_complete and score.value < least - step):
            yield f"utility: the {name} does not follow from the F1 scores of the classes"


def _largest_ratio(synthetic: ShownScores | None, real: ShownScores | None, n_records: float) -> float:
    """Return the largest `worst_class_ratio` that the F1 scores of the classes allow; infinity if they set no limit.

    A class has the ratio (recall after training on synthetic records) / (recall after training on real records).
    `worst_class_ratio` is the smallest of these ratios. The F1 score of a class limits its recall:

        F1 / (2 - F1) <= recall <= min(1, F1 · (1 + wrong / support) / (2 - F1))

    `wrong` is the number of wrongly classified control records of all classes, at most (1 - accuracy) · `n_records`.
    `support` is the number of control records of the class, at least the sample size of its F1.
    """
    if synthetic is None or real is None:
        return float("inf")
    n_wrong = (1.0 if synthetic.accuracy is None else 1 - max(0.0, _low(synthetic.accuracy))) * n_records
    ratios = []
    for label, one in synthetic.per_class.items():
        real_f1 = real.per_class[label].f1 if label in real.per_class else None
        if one.f1 is None or real_f1 is None or _low(real_f1) <= 0:
            continue
        highest_f1 = min(1.0, one.f1.value + step_of(one.f1.n))
        recall = min(1.0, highest_f1 * (1 + n_wrong / max(1, one.f1.n)) / (2 - highest_f1))
        ratios.append(recall * (2 - _low(real_f1)) / _low(real_f1))
    return min(ratios, default=float("inf"))


def _low(score: Score | Metric) -> float:
    return score.value - step_of(score.n)  # the smallest value that can have been rounded to this score
