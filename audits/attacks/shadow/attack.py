"""The shadow attack: infer from the tables of many reruns of the generator which reruns were trained on a person.

A rerun saw a person if it was trained on the person's records. The plan (`plan.py`) lists the attacked train persons
(targets) and their coins: one bit for each rerun, which says whether the rerun saw the person. The attack compares
each person with the table of each rerun, and trains a classifier that predicts the coins from the resulting scores.
Non-members are control persons, whom no rerun saw. The plan has coins for them as well, but no rerun uses these
coins. The AUC of the attack on non-members therefore shows the effect of chance. `audits explain shadow` lists the
verdicts.

Metrics. The AUC of a person is P[a rerun that saw the person gets a higher prediction than a rerun that did not].

- auc: mean AUC of the target persons.
- worst_person_auc: highest AUC of a target person.
- p: share of the permutations of the coins in which `auc` is at least the observed `auc`. The observed coins count
  as one permutation.
- worst_person_p: share of these permutations in which `worst_person_auc` is at least the observed value.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from audits.attacks.membership.scores import further_scores, membership_scores
from audits.attacks.shadow.plan import FOLDS, Coins, ShadowPlan, permute_coins, read_plan, read_tables
from audits.core.errors import InputError, NotMeasurable
from audits.core.files import write_whole
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, HoldoutTables, arms, person_scores
from audits.core.inputs import table_digest, take
from audits.core.rates import exact
from audits.core.report import AuditReport, tool_name
from audits.core.stats import FAIL_LEVEL, POWER, auc, holm, z_sum
from audits.core.streams import stream
from audits.core.two_sided import power
from audits.core.types import AuditInputs, AuditResult, Estimate, Float, Table, Verdict, without_number
from audits.embeddings.encoders import encode

REPORT = "shadow.json"
MIN_OUT = 16  # a pass requires that each target person was left out of at least this number of reruns
MARGIN = 0.05  # a pass requires that the interval of `auc` ends at most this far above one half
TREES = 60  # number of trees of a random forest
MIN_LEAF = 3  # smallest number of training examples in a leaf of a tree
PERMUTATIONS = 199  # number of random permutations of the coins, which give p-values and intervals


def judge_shadow(  # noqa: PLR0913 - one parameter for each option of the command line
    folder: Path,
    inputs: AuditInputs,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    permutations: int = PERMUTATIONS,
    text: str = "text",
    label: str = "label",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> AuditReport:
    """Attack the reruns of the plan in a folder, write shadow.json there, and return its content.

    `text` and `label` are the names of these columns in the reruns' tables. `progress` is called with the number of
    finished steps and the number of all steps. The remaining arguments are as in `attack_reruns`.

    Raises:
        InputError: the plan or a table is missing or not valid, the plan was made from another train or control
            table, there are fewer than 2 permutations, or the report cannot be written.
    """
    plan = read_plan(folder)
    tables = read_tables(folder, plan.runs, text=text, label=label)
    done, total = count(1), plan.runs + permutations
    try:
        result = attack_reruns(
            plan,
            tables,
            inputs,
            seed=seed,
            confidence=confidence,
            permutations=permutations,
            progress=lambda: progress(next(done), total),
        )
    except NotMeasurable as error:
        result = without_number("shadow", "not_measurable", error.message)
    reruns = {f"rerun {run}": table_digest(table) for run, table in enumerate(tables)}
    report = AuditReport(
        results=(result,), inputs={"train": plan.train, "control": plan.control, **reruns}, tool=tool_name()
    )
    write_whole(folder / REPORT, report.to_json())
    return report


def as_text(result: AuditResult) -> str:
    """Return the result of `attack_reruns` as text for a terminal."""
    lines = [f"shadow: {result.verdict}. {result.reason}"]
    for name, estimate in (("target persons", result.estimate), ("non-members", result.control)):
        if estimate is not None:
            lines.append(f"  AUC of {name}: {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")
    worst = result.metrics.get("shadow.worst_person_auc")
    if worst is not None:
        p, worst_p = (result.metrics[f"shadow.{name}"].value for name in ("p", "worst_person_p"))
        lines.append(
            f"  highest AUC of one person: {worst.value:.3f}; p = {p:.3f} for all persons together, "
            f"p = {worst_p:.3f} for this person"
        )
        leak = result.details["power"]["smallest_leak"]
        known = "the smallest AUC that the attack detects with a probability of 80 %"
        lines.append(f"  {known} {'is not known' if leak is None else f'is {leak:.3f}'}")
    return "\n".join(lines)


def attack_reruns(  # noqa: PLR0913 - the last four are settings with defaults
    plan: ShadowPlan,
    tables: Sequence[Table],
    inputs: AuditInputs,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    permutations: int = PERMUTATIONS,
    progress: Callable[[], None] = lambda: None,
) -> AuditResult:
    """Return how well a classifier infers from the reruns' tables which reruns saw a person.

    For each table, each person gets the scores of `audits/attacks/membership/scores.py`. For each quarter of the
    reruns, a random forest that is trained on the other quarters predicts which reruns saw each person. The attack is
    repeated with permuted coins, and the standard deviation of the permuted results gives the intervals. If all
    permuted results are equal, the forests detect nothing, and the interval is [0, 1]. The result's `control` is the
    mean AUC of the non-members, with forests trained on their coins.

    Args:
        plan: the plan of the reruns.
        tables: synthetic tables of the reruns, in order.
        inputs: the train and control tables that the plan was made from, and optionally a reference table of public
            text of the same kind (default: the control persons whom the plan does not list). The synthetic table is
            not used.
        seed: seed of the encoders and the permutations.
        confidence: one-sided confidence of each end of an interval.
        permutations: number of permutations, at least 2; the smallest possible p is 1 / (permutations + 1).
        progress: called after each table and after each permutation.

    Raises:
        InputError: the tables do not belong to the plan, or there are fewer than 2 permutations.
        NotMeasurable: a table of a rerun, or the reference on which the encoders are fitted, has fewer than 20
            records.

    Privacy: reads all texts of the target persons; returns aggregates over reruns, and no name.
    Randomness: the permutations and the encoders, from `seed`. The forests have fixed seeds.
    Cost: computing the scores of each table, and training `FOLDS` × (permutations + 2) forests.
    Reference: Ganev et al., "SMOTE and Mirrors" (2025), rerun a generator of numerical tables without a person, and
        classify the results with a random forest. The scores of text and the tests were designed for this project.
    """
    _check(plan, tables, inputs, permutations)
    scores = _scores_of_reruns(plan, tables, inputs, seed, progress)
    n = len(plan.persons)
    x = _standardised(np.stack([np.stack(list(of_rerun.values()), axis=1) for of_rerun in scores]), n)
    of_targets, inside = x[:, :n], plan.inside
    chance = np.empty((permutations, n))
    for i in range(permutations):
        permuted = permute_coins(inside, stream(seed, f"shadow dealing {i}"))
        chance[i] = person_aucs(predict_membership(of_targets, permuted), permuted)
        progress()
    return _judge(
        plan,
        person_aucs(predict_membership(of_targets, inside), inside),
        person_aucs(predict_membership(x[:, n:], plan.pretended), plan.pretended),
        chance,
        {name: float(person_aucs(of_targets[:, :, i], inside).mean()) for i, name in enumerate(scores[0])},
        confidence,
    )


def _scores_of_reruns(
    plan: ShadowPlan, tables: Sequence[Table], inputs: AuditInputs, seed: int, progress: Callable[[], None]
) -> list[Mapping[str, Float]]:
    control = inputs.control
    targets, non_members = _rows_of(inputs.train, plan.persons), _rows_of(control, plan.non_members)
    reference = inputs.reference
    if reference is None:
        reference = _rows_of(control, sorted(set(control.groups) - set(plan.non_members)))
    if len(reference) < MIN_PERSONS or min(map(len, tables)) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"the smallest table of a rerun has {min(map(len, tables))} records ({MIN_SYNTHETIC} are required), and "
            f"{len(reference)} records of persons who are not attacked are left to fit the encoders on "
            f"({MIN_PERSONS} are required); pass larger tables or a reference table"
        )
    scores = []
    for table in tables:
        scores.append(features(targets, non_members, reference, table, seed))
        progress()
    return scores


def features(
    targets: Table, non_members: Table, reference: Table, synthetic: Table, seed: int
) -> Mapping[str, Float]:
    """Return by name the scores of all targets, then of all non-members, on the table of one rerun (`synthetic`).

    The encoders are the same for every rerun, so that only the tables of the reruns cause differences.
    """
    holdout = HoldoutTables(
        synthetic=synthetic, train=targets, control=non_members, reference=reference, reference_is_control=False
    )
    row_person = arms(holdout).row_person
    encoded = encode(holdout, stream(seed, "shadow encoders"))
    scores = membership_scores(holdout, encoded) | further_scores(holdout, encoded)
    return {name: person_scores(scores[name], row_person) for name in sorted(scores)}


def predict_membership(x: Float, coins: Coins) -> Float:
    """Return the predicted probability that each rerun saw each person, as (runs, persons).

    The scores x have the shape (runs, persons, scores). Rerun r is in fold r mod FOLDS. For each fold, one forest
    predicts the coins of all persons. It is trained on the reruns of the other folds.
    """
    fold_of_run = np.arange(len(x)) % FOLDS
    predicted = np.empty(coins.shape)
    for fold in range(FOLDS):
        is_fitted, is_predicted = fold_of_run != fold, fold_of_run == fold
        forest = RandomForestClassifier(TREES, min_samples_leaf=MIN_LEAF, random_state=fold)
        forest.fit(x[is_fitted].reshape(-1, x.shape[2]), coins[is_fitted].ravel())
        probabilities = forest.predict_proba(x[is_predicted].reshape(-1, x.shape[2]))
        predicted[is_predicted] = probabilities[:, list(forest.classes_).index(True)].reshape(-1, coins.shape[1])
    return predicted


def person_aucs(predicted: Float, coins: Coins) -> Float:
    """Return the AUC of each person, float64 (persons,); a pair of equal predictions counts one half."""
    return np.array([auc(column[saw], column[~saw]) for column, saw in zip(predicted.T, coins.T, strict=True)])


def _standardised(x: Float, n_targets: int) -> Float:
    """Return the scores x, (runs, persons, scores), minus their mean over the runs, divided by the score's spread.

    The mean is computed for each person and score. The spread is the standard deviation of the score over the runs,
    averaged over the non-members, who follow the targets in x. The spread of a target's own scores is not used,
    because an effect of the target on the reruns would increase it.
    """
    spread = x[:, n_targets:].std(axis=0).mean(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1), dtype=np.float64)


def _estimate(value: float, error: float, runs: int, confidence: float) -> Estimate:
    """Return an AUC with its normal interval; with error 0, no effect is detectable, and the interval is [0, 1]."""
    half = float(stats.norm.ppf(confidence)) * error if error > 0 else 1.0
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=runs)


def _p(chance: Float, observed: float) -> float:
    """Return the share of AUCs in `chance` that are at least `observed`; `observed` itself counts as one of them."""
    return float((1 + (chance >= observed).sum()) / (1 + len(chance)))


def _judge(
    plan: ShadowPlan,
    of_targets: Float,
    of_non_members: Float,
    chance: Float,
    auc_of_score: Mapping[str, float],
    confidence: float,
) -> AuditResult:
    """Return the audit result.

    `of_targets` (targets,) and `of_non_members` (non-members,) are the AUCs with the coins of the plan, and `chance`
    (permutations, targets) has the AUCs of the targets with permuted coins. `auc_of_score` has, by name of a score,
    the mean AUC of the targets if this score alone is the prediction.
    """
    runs, mean, highest = plan.runs, float(of_targets.mean()), float(of_targets.max())
    error, error_of_one = float(chance.mean(axis=1).std(ddof=1)), float(chance.std(axis=0, ddof=1).mean())
    area = _estimate(mean, error, runs, confidence)
    p, worst_p = _p(chance.mean(axis=1), mean), _p(chance.max(axis=1), highest)
    n_without, power_entry = runs // 2, _power(runs, error, confidence)
    verdict: Verdict = "insufficient"
    if min(holm([p, worst_p])) <= FAIL_LEVEL:
        verdict, reason = "fail", "The generator's output reveals whether it was trained on a target person."
    elif n_without >= MIN_OUT and area.high <= 0.5 + MARGIN:
        verdict, reason = "pass", "The generator's output hardly reveals whether it was trained on a target person."
    else:
        reason = _why_insufficient(plan, n_without, power_entry)
    return AuditResult(
        name="shadow",
        verdict=verdict,
        status="measured",
        estimate=area,
        control=_estimate(float(of_non_members.mean()), error, runs, confidence),
        threshold=0.5 + MARGIN,
        direction="lower_is_safer",
        metrics={
            "shadow.auc": area,
            "shadow.worst_person_auc": _estimate(highest, error_of_one, runs, confidence),
            "shadow.p": exact(p, confidence=confidence, n=runs),
            "shadow.worst_person_p": exact(worst_p, confidence=confidence, n=runs),
        },
        details={
            "reruns": runs,
            "reruns_without_a_person": n_without,
            "persons": len(plan.persons),
            "auc_of_each_score_alone": dict(auc_of_score),
            "power": power_entry,
        },
        reason=reason,
    )


def _why_insufficient(plan: ShadowPlan, n_without: int, power_entry: Mapping[str, int | float | None]) -> str:
    """Return the reason of the verdict "insufficient"; `n_without` is the number of reruns without each target."""
    left_out = f"each of the {len(plan.persons)} persons is left out of {n_without} reruns"
    needed, too_few = power_entry["n_needed"], f"{plan.runs} reruns are too few ({left_out}): "
    if needed is None:
        return f"{too_few}all permutations have the same result, so the attack detects nothing. Make more reruns."
    if needed > plan.runs:
        qualifier = "at least" if power_entry["smallest_leak"] is None else "about"
        return f"{too_few}{qualifier} {needed} reruns are needed."
    return f"The AUC is too near to its limit for a verdict with {plan.runs} reruns ({left_out}). Make more reruns."


def _power(runs: int, error: float, confidence: float) -> Mapping[str, float | int | None]:
    """Return the report entry on power; `error` is the standard deviation of `auc` over the permutations."""
    # with too few reruns, the forests learn nothing; then no detectable effect is stated, because a small `error`
    # would wrongly suggest a high power
    detectable, can_learn = z_sum(confidence, POWER) * error, error > 0 and runs >= 2 * MIN_OUT
    needed = max(2 * MIN_OUT, math.ceil(runs * (detectable / MARGIN) ** 2)) if error > 0 else None
    return power(runs, needed, min(1.0, 0.5 + detectable) if can_learn else None)


def _check(plan: ShadowPlan, tables: Sequence[Table], inputs: AuditInputs, permutations: int) -> None:
    problems = [
        f"the {name} table is not the {name} table from which the plan was made"
        for name, table, planned in (("train", inputs.train, plan.train), ("control", inputs.control, plan.control))
        if table_digest(table) != planned
    ]
    if len(tables) != plan.runs:
        problems.append(f"the plan has {plan.runs} reruns, but {len(tables)} tables were given")
    if permutations < 2:
        problems.append(f"`permutations` must be at least 2, got {permutations}")
    if problems:
        raise InputError("the reruns cannot be audited", problems=problems)


def _rows_of(table: Table, names: Sequence[str]) -> Table:
    """Return the rows of the named persons, in the order of `names`."""
    place = {name: i for i, name in enumerate(names)}
    rows = sorted((place[group], i) for i, group in enumerate(table.groups) if group in place)
    return take(table, np.array([i for _, i in rows], dtype=np.int64))
