"""The shadow attack: does rerunning the generator without a person show in what it writes?

The strongest attack on a release asks the generator itself: made again and again, with a flagged person and without,
do its tables differ in a way that can be learnt? `audits/attacks/shadow/plan.py` says who is asked about.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from audits.attacks.membership.scores import further_scores, membership_scores
from audits.attacks.shadow.plan import FOLDS, Coins, ShadowPlan, permute_coins
from audits.core.errors import InputError, NotMeasurable
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, HoldoutTables, arms, person_scores
from audits.core.inputs import table_digest, take
from audits.core.rates import exact
from audits.core.stats import FAIL_LEVEL, POWER, auc, holm, z_sum
from audits.core.streams import stream
from audits.core.two_sided import power
from audits.core.types import AuditResult, Estimate, Table, Verdict
from audits.embeddings.encoders import encode

Float = NDArray[np.float64]

LEAST_OUT = 16  # reruns without a person, for a verdict of pass
MARGIN = 0.05
TREES = 60
LEAST_LEAF = 3
PERMUTATIONS = 199


def attack_reruns(  # noqa: PLR0913 - each is a setting of its own
    plan: ShadowPlan,
    tables: Sequence[Table],
    train: Table,
    control: Table,
    reference: Table | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    permutations: int = PERMUTATIONS,
    progress: Callable[[], None] = lambda: None,
) -> AuditResult:
    """Return how well it is told from the reruns' tables which of them saw a person.

    Every table is turned into the scores of `audits/attacks/membership/scores.py` of each person against it; a random
    forest, fitted on three quarters of the reruns, says of the others which of them saw the person.

    auc: P[a rerun that saw the person looks more like it than one that did not], the mean over the persons.
    worst_person_auc: of the person found best.
    p, worst_person_p: by dealing each person's coins anew and fitting every forest again, in how many dealings the
        mean, and the highest of all persons, comes out as high. The spread over the dealings makes the intervals;
        drawing reruns again with the forests as they are would make them too narrow.

    It fails when a p, corrected for being two, is at most .05. It passes when the interval's upper end is
    at most .55, with 16 reruns without each person. Where all dealings come out the same, the forests could tell
    nothing whatever was there: the interval is then everything, and no leak is small enough to be named. The
    control is the same attack on persons of control, whom no rerun saw, by coins that decided nothing.

    Args:
        plan: who was left out of which rerun.
        tables: what each rerun wrote, in order.
        train: as the plan was made from.
        control: as the plan was made from.
        reference: public text of the same kind; without it, control persons who are not asked about.
        seed: of the encoders and the dealings.
        confidence: one-sided, of every end.
        permutations: how many dealings; no p can be below 1 / (permutations + 1).
        progress: called after each table and after each dealing.

    Raises:
        InputError: the tables are not those of the plan, or there are fewer than 2 dealings.
        NotMeasurable: a table has fewer than 20 records, or too few people are left to fit the encoders on.

    Privacy: reads all texts of the persons asked about; returns aggregates over reruns, and no name.
    Cost: the scores of each table, and 4 · (permutations + 2) forests.
    Source: reruns without a person, features of what they wrote and a random forest: "SMOTE & Mirrors", for tables of
        numbers; scores of text, coins for many persons at once and the tests are ours.
    """
    _check(plan, tables, train, control, permutations)
    scores = _scores_of_reruns(plan, tables, train, control, reference, seed, progress)
    x = _prepared(np.stack([np.stack(list(found.values()), axis=1) for found in scores]), len(plan.persons))
    asked, unseen = x[:, : len(plan.persons)], x[:, len(plan.persons) :]
    found = person_aucs(predict_membership(asked, plan.inside), plan.inside)
    of_non_members = person_aucs(predict_membership(unseen, plan.pretended), plan.pretended)
    chance = _chance_aucs(asked, plan.inside, permutations, seed, progress)
    alone = {name: float(person_aucs(asked[:, :, i], plan.inside).mean()) for i, name in enumerate(scores[0])}
    return _judge(plan, found, of_non_members, chance, alone, confidence)


def _scores_of_reruns(  # noqa: PLR0913, PLR0917 - what `attack_reruns` was given
    plan: ShadowPlan,
    tables: Sequence[Table],
    train: Table,
    control: Table,
    reference: Table | None,
    seed: int,
    progress: Callable[[], None],
) -> list[Mapping[str, Float]]:
    """Return for each rerun the scores of the persons asked about, and then of the non-members."""
    asked, non_members = _rows_of(train, plan.persons), _rows_of(control, plan.non_members)
    others = (
        _rows_of(control, sorted(set(control.groups) - set(plan.non_members))) if reference is None else reference
    )
    if len(others) < MIN_PERSONS or min(map(len, tables)) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"every rerun's table needs {MIN_SYNTHETIC} records, and the encoders {MIN_PERSONS} records of other "
            "people to be fitted on"
        )
    scores = []
    for table in tables:
        scores.append(features(asked, non_members, others, table, seed))
        progress()
    return scores


def features(
    asked: Table, non_members: Table, reference: Table, synthetic: Table, seed: int
) -> Mapping[str, NDArray[np.float64]]:
    """Return the scores of each person asked about, and then of each stranger, against one rerun's table.

    The encoders are fitted on the reference with the same stream each time, so that tables are all that differs.
    """
    holdout = HoldoutTables(
        synthetic=synthetic, train=asked, control=non_members, reference=reference, reference_is_control=False
    )
    rows = arms(holdout).row_person
    encoded = encode(holdout, stream(seed, "shadow encoders"))
    scores = membership_scores(holdout, encoded) | further_scores(holdout, encoded)
    return {name: person_scores(scores[name], rows) for name in sorted(scores)}


def predict_membership(x: Float, coins: Coins) -> Float:
    """Return for each rerun and person how likely the rerun saw the person, by forests that were fitted on others.

    One forest serves all persons of a fold.

    Args:
        x: scores; (runs, persons, scores).
        coins: bool (runs, persons).

    Returns:
        (runs, persons), from 0 to 1.
    """
    fold = np.arange(len(x)) % FOLDS
    predicted = np.empty(coins.shape)
    for f in range(FOLDS):
        others, mine = fold != f, fold == f
        forest = RandomForestClassifier(TREES, min_samples_leaf=LEAST_LEAF, random_state=f)
        forest.fit(x[others].reshape(-1, x.shape[2]), coins[others].ravel())
        likely = forest.predict_proba(x[mine].reshape(-1, x.shape[2]))
        predicted[mine] = likely[:, list(forest.classes_).index(True)].reshape(-1, coins.shape[1])
    return predicted


def person_aucs(predicted: Float, coins: Coins) -> Float:
    """Return for each person P[a rerun that saw them is told above one that did not]; (persons,)."""
    return np.array([auc(t[c], t[~c]) for t, c in zip(predicted.T, coins.T, strict=True)])


def _chance_aucs(asked: Float, inside: Coins, permutations: int, seed: int, progress: Callable[[], None]) -> Float:
    """Return the AUC of each person for coins that are dealt anew; (permutations, persons)."""
    chance = np.empty((permutations, inside.shape[1]))
    for i in range(permutations):
        dealt = permute_coins(inside, stream(seed, f"shadow dealing {i}"))
        chance[i] = person_aucs(predict_membership(asked, dealt), dealt)
        progress()
    return chance


def _prepared(x: Float, n: int) -> Float:
    """Return scores centred per person over the reruns, in units of the spread of non-members' scores.

    No coin is looked at. Non-members, from person n on, show how much a score moves from rerun to rerun by itself; a
    unit of each person's own would make a person who is always told no clearer than one who never is.
    """
    unit = x[:, n:].std(axis=0).mean(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(unit > 0, unit, 1), dtype=np.float64)


def _estimate(value: float, error: float, runs: int, confidence: float) -> Estimate:
    half = float(stats.norm.ppf(confidence)) * error if error > 0 else 1.0  # no spread: nothing was measured
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=runs)


def _p(chance: Float, observed: float) -> float:
    return float((1 + (chance >= observed).sum()) / (1 + len(chance)))


def _judge(
    plan: ShadowPlan,
    found: Float,
    of_non_members: Float,
    chance: Float,
    alone: Mapping[str, float],
    confidence: float,
) -> AuditResult:
    error, error_of_one = float(chance.mean(axis=1).std(ddof=1)), float(chance.std(axis=0, ddof=1).mean())
    area = _estimate(float(found.mean()), error, plan.runs, confidence)
    metrics = {
        "auc": area,
        "worst_person_auc": _estimate(float(found.max()), error_of_one, plan.runs, confidence),
        "p": exact(_p(chance.mean(axis=1), float(found.mean())), confidence=confidence, n=plan.runs),
        "worst_person_p": exact(_p(chance.max(axis=1), float(found.max())), confidence=confidence, n=plan.runs),
    }
    out, able = plan.runs // 2, _power(plan, error, confidence)
    is_told = min(holm([metrics["p"].value, metrics["worst_person_p"].value])) <= FAIL_LEVEL
    if is_told:
        verdict: Verdict = "fail"
        reason = "What the generator writes tells whether it saw a flagged person."
    elif out >= LEAST_OUT and area.high <= 0.5 + MARGIN:
        verdict, reason = "pass", "What the generator writes does not tell whether it saw a flagged person."
    else:
        verdict, reason = "insufficient", _undecided(plan, able)
    return AuditResult(
        name="shadow",
        verdict=verdict,
        status="measured",
        estimate=area,
        control=_estimate(float(of_non_members.mean()), error, plan.runs, confidence),
        threshold=0.5 + MARGIN,
        direction="lower_is_safer",
        metrics={f"shadow.{name}": estimate for name, estimate in metrics.items()},
        details={
            "reruns": plan.runs,
            "reruns_without_a_person": out,
            "persons": len(plan.persons),
            "auc_of_each_score_alone": dict(alone),
            "power": able,
        },
        reason=reason,
    )


def _power(plan: ShadowPlan, error: float, confidence: float) -> Mapping[str, float | int | None]:
    """Return what so many reruns could tell, by how far the mean came out apart where the coins decided nothing.

    Forests of too few reruns do not learn, so a small spread of theirs promises nothing.
    """
    reach, learn = z_sum(confidence, POWER) * error, error > 0 and plan.runs >= 2 * LEAST_OUT
    needed = max(2 * LEAST_OUT, math.ceil(plan.runs * (reach / MARGIN) ** 2)) if error > 0 else None
    return power(plan.runs, needed, min(1.0, 0.5 + reach) if learn else None)


def _undecided(plan: ShadowPlan, able: Mapping[str, float | int | None]) -> str:
    """Return why the reruns do not decide."""
    done = f"{plan.runs} reruns, {plan.runs // 2} without each of {len(plan.persons)} persons, do not decide"
    if able["n_needed"] is None:
        return f"{done}: whatever the coins, the same is told, so nothing could be seen. More reruns are needed."
    least = ", at the least" if able["smallest_leak"] is None else ""
    return f"{done}; about {able['n_needed']} reruns would{least}."


def _check(plan: ShadowPlan, tables: Sequence[Table], train: Table, control: Table, permutations: int) -> None:
    problems = [
        f"the {name} table is not the one the plan was made from"
        for name, table, wanted in (("train", train, plan.train), ("control", control, plan.control))
        if table_digest(table) != wanted
    ]
    if len(tables) != plan.runs:
        problems.append(f"the plan has {plan.runs} reruns, {len(tables)} tables are given")
    if permutations < 2:
        problems.append(f"the coins must be dealt anew twice at least, got {permutations}")
    if problems:
        raise InputError("the reruns cannot be judged", problems=problems)


def _rows_of(table: Table, names: Sequence[str]) -> Table:
    """Return the rows of these persons, in the order of the persons."""
    place = {name: i for i, name in enumerate(names)}
    rows = sorted((place[group], i) for i, group in enumerate(table.groups) if group in place)
    return take(table, np.array([i for _, i in rows], dtype=np.int64))
