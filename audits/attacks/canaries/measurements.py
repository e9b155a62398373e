"""Further measurements of canaries: reproduced endings, rows of the canary build, exposure, kinds and repeats."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.canaries.exposure_rank import MIN_SUFFIXES, ending_reproduced, exposure_bits
from audits.attacks.membership.attack import cross_fit, mid_ranks
from audits.core.coin_guesses import guess_coins
from audits.core.holdout import MIN_PERSONS, Arms
from audits.core.stats import FAIL_LEVEL, auc
from audits.core.types import AuditInputs, Canaries, Float, Table, persons
from audits.text.normalise import normalise, tokens

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCounts:
    """Hard evidence: counts that must be nought.

    Args:
        in_canary_build: inserted canaries whose ending stands in the canary build's synthetic table.
        in_release: inserted canaries whose ending stands in the table to be released.
        reproduced: inserted canaries whose ending stands in either.
        left_out: canaries that were left out and whose ending stands in either: what chance brings.
        canary_build_rows: rows of the table to be released that are rows of the canary build, and of nobody the
            canary build never saw.
        in_train: rows of canaries in the train data of the table to be released.
    """

    in_canary_build: int
    in_release: int
    reproduced: int
    left_out: int
    canary_build_rows: int
    in_train: int


class Kinds(NamedTuple):
    """Family and number of rows of each person, (P,) both."""

    family: Strings
    rows: Int


def count_copies(canaries: Canaries, inputs: AuditInputs, reference: Table) -> CopyCounts:
    """Return what came back word for word, and rows that stand where they must not.

    Privacy: compares normalised texts of all tables; returns counts.
    """
    table, canary_build, released = canaries.table, canaries.canary_build, inputs.synthetic
    person = persons(table.groups)[1]
    back = [ending_reproduced(table.texts, t.texts, reference.texts) for t in (canary_build, released)]
    in_canary_build, in_release = (np.bincount(person, b) > 0 for b in back)
    # a row that somebody wrote whom no generator saw says nothing about where it came from
    unseen = {normalise(text) for t in (inputs.control, reference) for text in t.texts}
    of_canary_build = {normalise(text) for text in canary_build.texts} - unseen
    of_train = {normalise(text) for text in inputs.train.texts} - unseen
    return CopyCounts(
        in_canary_build=int((in_canary_build & canaries.inserted).sum()),
        in_release=int((in_release & canaries.inserted).sum()),
        reproduced=int(((in_canary_build | in_release) & canaries.inserted).sum()),
        left_out=int(((in_canary_build | in_release) & ~canaries.inserted).sum()),
        canary_build_rows=sum(normalise(text) in of_canary_build for text in released.texts),
        in_train=sum(normalise(text) in of_train for text in table.texts),
    )


def canary_kinds(canaries: Canaries) -> Kinds:
    """Return the family and the number of rows of each person, inserted persons first, as the scores are ordered."""
    order = np.concatenate([np.flatnonzero(canaries.inserted), np.flatnonzero(~canaries.inserted)])
    n_rows = np.bincount(persons(canaries.table.groups)[1])
    return Kinds(family=np.array(canaries.family)[order], rows=n_rows[order])


def rank_within_kinds(scores: Mapping[str, Float], kinds: Kinds) -> dict[str, Float]:
    """Return each score as the rank among persons of the same family and number of rows, in (0, 1).

    Kinds differ in every score more than coins do: ranked together, the attack on a word-pair model of real posts had
    an AUC of .74 where it has .86 to 1 within each family. Coins do not go in, so the guesses stay guesses.
    """
    family = np.unique(kinds.family, return_inverse=True)[1]
    kind = np.unique(family * (int(kinds.rows.max()) + 1) + kinds.rows, return_inverse=True)[1]
    ranked = {}
    for name, score in scores.items():
        ranked[name] = np.empty(len(score))
        for k in np.unique(kind):
            ranked[name][kind == k] = mid_ranks(score[kind == k])
    return ranked


def scores_of(scores: Mapping[str, Float], some: Bool) -> dict[str, Float]:
    """Return the scores of some persons."""
    return {name: score[some] for name, score in scores.items()}


def persons_of(people: Arms, some: Bool) -> Arms:
    """Return some persons, each a row of its own."""
    return replace(
        people,
        row_person=np.arange(int(some.sum())),
        is_train=people.is_train[some],
        person_class=people.person_class[some],
    )


def auc_by_family(family: Strings, is_in: Bool, pooled: Float) -> dict[str, dict[str, Any]]:
    """Return counts and AUC of each family."""
    return {name: _arm_counts(pooled, is_in, family == name) for name in sorted(set(family.tolist()))}


def auc_by_repeats(
    scores: Mapping[str, Float], people: Arms, rows: Int, train: Table, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Return counts, AUC with its interval and the group's bound on epsilon of each number of rows above one.

    as_in_train: whether a person of train has as many rows. Numbers with fewer than 20 persons in an arm are left
    out. The interval is that of the attack that proves most, at .05 over the numbers left and the attacks.
    """
    most = int(np.bincount(persons(train.groups)[1]).max())
    arms = {r: (rows == r, people.is_train[rows == r]) for r in np.unique(rows[rows > 1]).tolist()}
    sized = {r: both for r, both in arms.items() if min(both[1].sum(), (~both[1]).sum()) >= MIN_PERSONS}
    found = {}
    for r, (some, is_in) in sized.items():
        level = FAIL_LEVEL / len(sized)
        attacks = cross_fit(scores_of(scores, some), persons_of(people, some), rng)
        pooled, each = attacks.pooled, 1 - level / len(attacks.areas)
        area = max((a.estimate(each) for a in attacks.areas.values()), key=lambda e: e.low)
        found[str(r)] = _arm_counts(pooled, is_in, np.ones(len(is_in), dtype=np.bool_)) | {
            "as_in_train": r <= most,
            "auc_low": area.low,
            "auc_high": area.high,
            "group_epsilon_lower_bound": guess_coins(scores_of(scores, some), is_in, rng, alpha=level).epsilon,
        }
    return found


def _arm_counts(pooled: Float, is_in: Bool, some: Bool) -> dict[str, Any]:
    inserted, left_out = pooled[some & is_in], pooled[some & ~is_in]
    both = len(inserted) > 0 and len(left_out) > 0
    return {"inserted": len(inserted), "left_out": len(left_out), "auc": auc(inserted, left_out) if both else None}


def canary_exposures(canaries: Canaries, reference: Table) -> tuple[Float, Float] | None:
    """Return the exposures of the random endings of inserted and of left out canaries; None without suffixes."""
    person = persons(canaries.table.groups)[1]
    first = np.unique(person, return_index=True)[1]
    n_words = len(tokens(canaries.suffixes[0])) if canaries.suffixes else 0
    chosen = [(i, bool(canaries.inserted[p])) for p, i in enumerate(first) if canaries.family[p] == "suffix"]
    is_in = np.array([inserted for _, inserted in chosen], dtype=np.bool_)
    if len(canaries.suffixes) < MIN_SUFFIXES or not is_in.any() or is_in.all():
        return None
    endings = [" ".join(tokens(canaries.table.texts[i])[-n_words:]) for i, _ in chosen]
    bits = exposure_bits(endings, canaries.suffixes, canaries.canary_build.texts, reference.texts)
    return bits[is_in], bits[~is_in]


def exposure_details(bits: tuple[Float, Float] | None, n_suffixes: int) -> dict[str, Any]:
    """Return mean and highest exposure of both arms beside the most possible and what chance gives, in bits."""
    if bits is None:
        return {"suffixes": n_suffixes, "inserted": None, "left_out": None}
    return {
        "suffixes": n_suffixes,
        "most_possible": math.log2(n_suffixes + 1),
        "without_a_leak": math.log2(math.e),
        "inserted": {"mean": float(bits[0].mean()), "max": float(bits[0].max())},
        "left_out": {"mean": float(bits[1].mean()), "max": float(bits[1].max())},
    }
