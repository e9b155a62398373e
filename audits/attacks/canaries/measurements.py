"""Measurements of canaries: membership scores, reproduced endings, copied rows, exposure, families and repeats."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.canaries.kinds import ENDING_TOKENS, MIN_SUFFIXES
from audits.attacks.membership.attack import cross_fit, mid_ranks
from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.attacks.membership.scores import further_scores, membership_scores
from audits.core.coin_guesses import guess_coins
from audits.core.errors import InputError
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables, arms, person_scores
from audits.core.inputs import take
from audits.core.stats import FAIL_LEVEL, auc
from audits.core.types import AuditInputs, Canaries, Float, Table, persons
from audits.embeddings.encoders import encode
from audits.text.ngrams import runs, words
from audits.text.normalise import normalise, tokens

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCounts:
    """Numbers of copies that must be zero."""

    in_canary_build: int  # inserted canaries whose ending occurs in the synthetic table of the canary build
    in_release: int  # inserted canaries whose ending occurs in the table to release
    reproduced: int  # inserted canaries whose ending occurs in either table
    left_out: int  # omitted canaries whose ending occurs in either table, which can only happen by chance
    canary_build_rows: int  # rows of the table to release from the canary build, but not from control or reference
    in_train: int  # rows of canaries in the train data of the table to release


class Kinds(NamedTuple):
    """Family and number of rows of each person, (P,) both."""

    family: Strings
    rows: Int


def score_canaries(
    canaries: Canaries, synthetic: Table, reference: Table, rng: np.random.Generator
) -> tuple[dict[str, Float], Arms]:
    """Return every membership score of every canary person, and the persons, inserted ones first.

    Inserted canaries take the place of train, the others that of control. The score of a person is the highest of its
    rows. Encoders and models are fitted on the reference, which must not contain canaries or train rows. The scores
    include some that the membership audit does not use.
    """
    inserted = canaries.inserted[persons(canaries.table.groups)[1]]
    holdout = HoldoutTables(
        # canaries have no vectors, so those of the tables are not used
        synthetic=replace(synthetic, vectors={}),
        train=take(canaries.table, np.flatnonzero(inserted)),
        control=take(canaries.table, np.flatnonzero(~inserted)),
        reference=replace(reference, vectors={}),
        reference_is_control=False,
    )
    people = arms(holdout)
    encoded = encode(holdout, rng)
    rows = membership_scores(holdout, encoded) | further_scores(holdout, encoded)
    return {name: person_scores(score, people.row_person) for name, score in rows.items()}, people


def ending_reproduced(texts: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each text whether its last 8 words occur, in order, in a synthetic text but in no reference text.

    The value of a shorter text is False. The time is O(W log W) and the memory O(W) for W words in total.
    """
    (mine, theirs, others), _ = words([texts, synthetic, reference])
    keys, rows = runs(mine, ENDING_TOKENS)
    is_last = np.append(rows[1:] != rows[:-1], np.ones(min(1, len(rows)), dtype=np.bool_))  # last run of each text
    keys, rows = keys[is_last], rows[is_last]
    reproduced = np.zeros(len(texts), dtype=np.bool_)
    reproduced[rows] = np.isin(keys, runs(theirs, ENDING_TOKENS)[0]) & ~np.isin(keys, runs(others, ENDING_TOKENS)[0])
    return reproduced


def count_copies(canaries: Canaries, inputs: AuditInputs, reference: Table) -> CopyCounts:
    """Return the numbers of reproduced endings and misplaced rows; compares normalised texts of all tables."""
    table, canary_build, released = canaries.table, canaries.canary_build, inputs.synthetic
    person = persons(table.groups)[1]
    found = [ending_reproduced(table.texts, t.texts, reference.texts) for t in (canary_build, released)]
    in_canary_build, in_release = (np.bincount(person, rows) > 0 for rows in found)
    # a row that is also in control or the reference does not show which generator produced it
    unseen = {normalise(text) for t in (inputs.control, reference) for text in t.texts}
    of_canary_build = {normalise(text) for text in canary_build.texts} - unseen
    of_train = {normalise(text) for text in inputs.train.texts} - unseen
    in_either = in_canary_build | in_release
    return CopyCounts(
        in_canary_build=int((in_canary_build & canaries.inserted).sum()),
        in_release=int((in_release & canaries.inserted).sum()),
        reproduced=int((in_either & canaries.inserted).sum()),
        left_out=int((in_either & ~canaries.inserted).sum()),
        canary_build_rows=sum(normalise(text) in of_canary_build for text in released.texts),
        in_train=sum(normalise(text) in of_train for text in table.texts),
    )


def canary_kinds(canaries: Canaries) -> Kinds:
    """Return the family and the number of rows of each person in the order of the scores: inserted persons first."""
    order = np.concatenate([np.flatnonzero(canaries.inserted), np.flatnonzero(~canaries.inserted)])
    n_rows = np.bincount(persons(canaries.table.groups)[1])
    return Kinds(family=np.array(canaries.family)[order], rows=n_rows[order])


def rank_within_kinds(scores: Mapping[str, Float], kinds: Kinds) -> dict[str, Float]:
    """Return each score as the rank among persons of the same family and number of rows, in (0, 1).

    Scores differ more between kinds than between inserted and omitted canaries. Ranked together, the attack on a
    word-pair model of real posts had an AUC of .74; within each family it is .86 to 1. Ranks do not use the coins.
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
    """Return the scores of the selected persons."""
    return {name: score[some] for name, score in scores.items()}


def persons_of(people: Arms, some: Bool) -> Arms:
    """Return the selected persons with one row each."""
    rows, is_train = np.arange(int(some.sum())), people.is_train[some]
    return replace(people, row_person=rows, is_train=is_train, person_class=people.person_class[some])


def auc_by_family(family: Strings, is_in: Bool, pooled: Float) -> dict[str, dict[str, Any]]:
    """Return counts and AUC of each family."""
    return {name: _arm_counts(pooled, is_in, family == name) for name in sorted(set(family.tolist()))}


def auc_by_repeats(
    scores: Mapping[str, Float], people: Arms, rows: Int, train: Table, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Return counts, AUC with interval, and the group's bound on epsilon for each number of rows above one.

    as_in_train: whether a person of train has at least as many rows. Numbers with fewer than 20 persons in an arm are
    omitted. The interval is that of the attack with the highest lower end, at .05 over all numbers and attacks.
    """
    most = int(np.bincount(persons(train.groups)[1]).max())
    by_rows = {r: (rows == r, people.is_train[rows == r]) for r in np.unique(rows[rows > 1]).tolist()}
    sized = {r: arm for r, arm in by_rows.items() if min(arm[1].sum(), (~arm[1]).sum()) >= MIN_PERSONS}
    found = {}
    for r, (some, is_in) in sized.items():
        level = FAIL_LEVEL / len(sized)
        attacks = cross_fit(scores_of(scores, some), persons_of(people, some), rng)
        confidence = 1 - level / len(attacks.areas)
        area = max((a.estimate(confidence) for a in attacks.areas.values()), key=lambda e: e.low)
        found[str(r)] = _arm_counts(attacks.pooled, is_in, np.ones(len(is_in), dtype=np.bool_)) | {
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


def exposure_bits(
    endings: Sequence[str], suffixes: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]
) -> Float:
    """Return for each ending how many bits the synthetic text reveals about it.

        exposure = log2 |R| - log2 rank,  rank = 1 + #{r in R: score above} + #{equal} / 2

    R contains the suffixes and the ending. The score is the mean of log P_S - log P_R over the words of an ending,
    under n-gram models of the synthetic and the reference text (`kneser_ney.log_likelihood`); the reference below
    scores with the attacked model instead. Without a leak the rank is uniform and the mean exposure is 1.44 bits. An
    ending that occurs in the synthetic text has exposure log2 |R|.

    Raises:
        InputError: there are fewer than 10,000 suffixes.

    Reference: Carlini et al., "The Secret Sharer", USENIX Security 2019.
    """
    if len(suffixes) < MIN_SUFFIXES:
        raise InputError(f"exposure needs {MIN_SUFFIXES} suffixes, but there are {len(suffixes)}")
    (theirs, candidates, others), n_words = words([synthetic, (*suffixes, *endings), reference])
    synthetic_text, scored, domain = (WordRows(text, None) for text in (theirs, candidates, others))
    scores = log_likelihood(synthetic_text, scored, n_words) - log_likelihood(domain, scored, n_words)
    of_suffixes, of_endings = np.sort(scores[: len(suffixes)]), scores[len(suffixes) :]
    below, up_to = (np.searchsorted(of_suffixes, of_endings, side=side) for side in ("left", "right"))
    rank = 1 + (len(suffixes) - up_to) + (up_to - below) / 2
    return np.asarray(np.log2(len(suffixes) + 1) - np.log2(rank), dtype=np.float64)


def canary_exposures(canaries: Canaries, reference: Table) -> tuple[Float, Float] | None:
    """Return the exposures of the random endings of inserted and of omitted canaries; None without suffixes."""
    first = np.unique(persons(canaries.table.groups)[1], return_index=True)[1]
    is_suffix = np.array(canaries.family) == "suffix"
    is_in = canaries.inserted[is_suffix]
    if len(canaries.suffixes) < MIN_SUFFIXES or not is_in.any() or is_in.all():
        return None
    n_words = len(tokens(canaries.suffixes[0]))
    endings = [" ".join(tokens(canaries.table.texts[i])[-n_words:]) for i in first[is_suffix]]
    bits = exposure_bits(endings, canaries.suffixes, canaries.canary_build.texts, reference.texts)
    return bits[is_in], bits[~is_in]


def exposure_details(bits: tuple[Float, Float] | None, n_suffixes: int) -> dict[str, Any]:
    """Return mean and highest exposure of both arms, the highest possible one and that without a leak, in bits."""
    if bits is None:
        return {"suffixes": n_suffixes, "inserted": None, "left_out": None}
    return {
        "suffixes": n_suffixes,
        "most_possible": math.log2(n_suffixes + 1),
        "without_a_leak": math.log2(math.e),
        "inserted": {"mean": float(bits[0].mean()), "max": float(bits[0].max())},
        "left_out": {"mean": float(bits[1].mean()), "max": float(bits[1].max())},
    }
