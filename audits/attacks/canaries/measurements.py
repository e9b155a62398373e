"""Measure for the canaries audit how much a generator reveals about canaries (invented persons).

The canary build is a second build of the same pipeline, which is never released. Some canaries are inserted into its
train data, and the others are omitted. Three measurements compare the canaries with the build's synthetic table:

- membership scores, by which attacks distinguish inserted from omitted canaries
- reproduced endings (the last 8 words of a text) and copied rows
- exposure: how many bits the table reveals about an ending

The reference is text of persons who are neither in train nor canaries.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.canaries.kinds import ENDING_TOKENS, MIN_SUFFIXES
from audits.attacks.membership.attack import STACKED, cross_fit
from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.attacks.membership.scores import further_scores, membership_scores
from audits.core.coin_guesses import guess_coins
from audits.core.errors import InputError
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables, arms, person_scores
from audits.core.inputs import take
from audits.core.stats import FAIL_LEVEL, auc, mid_ranks
from audits.core.types import AuditInputs, Bool, Canaries, Float, Int, Rng, Table, persons
from audits.embeddings.encoders import encode
from audits.text.ngrams import numbered_words, runs
from audits.text.normalise import normalise, tokens

Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCounts:
    """Numbers of canaries with a reproduced ending (`ending_reproduced`), and of rows in a wrong table."""

    in_canary_build: int  # inserted canaries whose ending is reproduced in the synthetic table of the canary build
    in_release: int  # inserted canaries whose ending is reproduced in the table to release
    reproduced: int  # inserted canaries whose ending is reproduced in at least one of these two tables
    left_out: int  # omitted canaries whose ending is reproduced in at least one of these two tables, by chance
    canary_build_rows: int  # rows of the table to release that equal a synthetic row of the canary build
    in_train: int  # rows of canaries that equal a row of the train data of the table to release


class Kinds(NamedTuple):
    """The kind of each of P canaries: the family and the number of rows."""

    family: Strings  # (P,)
    rows: Int  # (P,)


def score_canaries(canaries: Canaries, synthetic: Table, reference: Table, rng: Rng) -> tuple[dict[str, Float], Arms]:
    """Return the membership scores of the P canaries by name, each of shape (P,), and the canaries as `Arms`.

    A membership score says how strongly `synthetic` suggests that the canary was inserted. Inserted canaries come
    first (in the role of train), then omitted canaries (in the role of control). The score of a canary is the highest
    score of its rows. Encoders are fitted on the reference, which must not contain canaries or train rows.
    """
    inserted = canaries.inserted[persons(canaries.table.groups)[1]]
    holdout = HoldoutTables(
        # vectors that the caller passed are removed, because canaries have none
        synthetic=replace(synthetic, vectors={}),
        train=take(canaries.table, np.flatnonzero(inserted)),
        control=take(canaries.table, np.flatnonzero(~inserted)),
        reference=replace(reference, vectors={}),
        reference_is_control=False,
    )
    people = arms(holdout)
    encoded = encode(holdout, rng)
    row_scores = membership_scores(holdout, encoded) | further_scores(holdout, encoded)
    return {name: person_scores(score, people.row_person) for name, score in row_scores.items()}, people


def ending_reproduced(texts: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]) -> Bool:
    """Return for each text, bool (texts,), whether its ending is in a synthetic text and in no reference text.

    The result is False for texts of fewer than 8 words.
    """
    (words_of_texts, words_of_synthetic, words_of_reference), _ = numbered_words([texts, synthetic, reference])
    keys, rows = runs(words_of_texts, ENDING_TOKENS)
    # `runs` returns all runs of 8 words of each text in order; the last run of a text is its ending
    is_last = np.append(rows[1:] != rows[:-1], np.ones(min(1, len(rows)), dtype=np.bool_))
    keys, rows = keys[is_last], rows[is_last]
    reproduced = np.zeros(len(texts), dtype=np.bool_)
    in_synthetic, in_reference = (
        np.isin(keys, runs(words, ENDING_TOKENS)[0]) for words in (words_of_synthetic, words_of_reference)
    )
    reproduced[rows] = in_synthetic & ~in_reference
    return reproduced


def count_copies(canaries: Canaries, inputs: AuditInputs, reference: Table) -> CopyCounts:
    """Count the canaries with a reproduced ending, and the rows that are in a wrong table.

    Rows are equal if their normalised texts are equal. Texts that are also in control or the reference do not count.
    """
    table, canary_build, released = canaries.table, canaries.canary_build, inputs.synthetic
    person = persons(table.groups)[1]
    reproduced = [ending_reproduced(table.texts, t.texts, reference.texts) for t in (canary_build, released)]
    in_canary_build, in_release = (np.bincount(person, rows) > 0 for rows in reproduced)
    ambiguous = {normalise(text) for t in (inputs.control, reference) for text in t.texts}
    canary_build_texts = {normalise(text) for text in canary_build.texts} - ambiguous
    train_texts = {normalise(text) for text in inputs.train.texts} - ambiguous
    in_either = in_canary_build | in_release
    return CopyCounts(
        in_canary_build=int((in_canary_build & canaries.inserted).sum()),
        in_release=int((in_release & canaries.inserted).sum()),
        reproduced=int((in_either & canaries.inserted).sum()),
        left_out=int((in_either & ~canaries.inserted).sum()),
        canary_build_rows=sum(normalise(text) in canary_build_texts for text in released.texts),
        in_train=sum(normalise(text) in train_texts for text in table.texts),
    )


def canary_kinds(canaries: Canaries) -> Kinds:
    """Return the kind of each canary, in the order of `score_canaries`: inserted canaries first."""
    order = np.concatenate([np.flatnonzero(canaries.inserted), np.flatnonzero(~canaries.inserted)])
    n_rows = np.bincount(persons(canaries.table.groups)[1])
    return Kinds(family=np.array(canaries.family)[order], rows=n_rows[order])


def rank_within_kinds(scores: Mapping[str, Float], kinds: Kinds) -> dict[str, Float]:
    """Return for each score the ranks of the canaries among canaries of the same kind, (P,), scaled to (0, 1).

    Without this ranking, differences between kinds would hide differences between inserted and omitted canaries.
    """
    family = np.unique(kinds.family, return_inverse=True)[1]
    kind = np.unique(family * (int(kinds.rows.max()) + 1) + kinds.rows, return_inverse=True)[1]
    ranked = {}
    for name, score in scores.items():
        ranked[name] = np.empty(len(score))
        for k in np.unique(kind):
            ranked[name][kind == k] = mid_ranks(score[kind == k])
    return ranked


def scores_of(scores: Mapping[str, Float], selected: Bool) -> dict[str, Float]:
    """Return the scores of the selected canaries; `selected` is (P,)."""
    return {name: score[selected] for name, score in scores.items()}


def persons_of(people: Arms, selected: Bool) -> Arms:
    """Return the selected canaries as `Arms` with one row per canary."""
    rows, is_train = np.arange(int(selected.sum())), people.is_train[selected]
    return replace(people, row_person=rows, is_train=is_train, person_class=people.person_class[selected])


def auc_by_family(family: Strings, is_inserted: Bool, scores: Float) -> dict[str, dict[str, Any]]:
    """Return for each family the numbers of canaries and the AUC; the arguments have one entry per canary."""
    return {name: _counts_and_auc(scores, is_inserted, family == name) for name in sorted(set(family.tolist()))}


def auc_by_repeats(
    scores: Mapping[str, Float], people: Arms, rows: Int, train: Table, rng: Rng
) -> dict[str, dict[str, Any]]:
    """Return the results of the attacks on canaries of n rows, for each number n > 1; the key is n.

    There is no entry for n if fewer than 20 canaries of n rows were inserted, or fewer than 20 were omitted.

    - inserted, left_out: numbers of inserted and of omitted canaries of n rows.
    - auc: AUC of the stacked attack, which combines all scores.
    - as_in_train: whether a person of train has at least n rows.
    - auc_low, auc_high: of the AUC intervals of all attacks, the one with the highest lower end. The error
      probability .05 is divided equally among all n and attacks.
    - group_epsilon_lower_bound: lower bound on epsilon for all rows of a person together. The error probability .05
      is divided equally among all n.
    """
    max_train_rows = int(np.bincount(persons(train.groups)[1]).max())
    coins = {n: (rows == n, people.is_train[rows == n]) for n in np.unique(rows[rows > 1]).tolist()}
    large = {n: pair for n, pair in coins.items() if min(pair[1].sum(), (~pair[1]).sum()) >= MIN_PERSONS}
    results = {}
    for n, (selected, is_inserted) in large.items():
        level = FAIL_LEVEL / len(large)
        selected_scores = scores_of(scores, selected)
        attacks = cross_fit(selected_scores, persons_of(people, selected), rng)
        confidence = 1 - level / len(attacks.areas)
        area = max((a.estimate(confidence) for a in attacks.areas.values()), key=lambda e: e.low)
        everyone = np.ones(len(is_inserted), dtype=np.bool_)
        results[str(n)] = _counts_and_auc(attacks.scores[STACKED], is_inserted, everyone) | {
            "as_in_train": n <= max_train_rows,
            "auc_low": area.low,
            "auc_high": area.high,
            "group_epsilon_lower_bound": guess_coins(selected_scores, is_inserted, rng, alpha=level).epsilon,
        }
    return results


def _counts_and_auc(scores: Float, is_inserted: Bool, selected: Bool) -> dict[str, Any]:
    inserted, omitted = scores[selected & is_inserted], scores[selected & ~is_inserted]
    both = len(inserted) > 0 and len(omitted) > 0
    return {"inserted": len(inserted), "left_out": len(omitted), "auc": auc(inserted, omitted) if both else None}


def exposure_bits(
    endings: Sequence[str], suffixes: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]
) -> Float:
    """Return the exposure of each ending, float64 (endings,): how many bits the synthetic text reveals about it.

    Each ending is compared with n `suffixes`, random endings of no canary. The score of an ending or suffix is the
    mean of log P_S - log P_R over its words. P_S and P_R are the probabilities of a word after the preceding words,
    in n-gram models of the synthetic and of the reference text (`kneser_ney.log_likelihood`).

        exposure = log2(n + 1) - log2 rank,  rank = 1 + (suffixes with higher score) + (suffixes with equal score) / 2

    Without a leak, the mean exposure is log2 e = 1.44. The maximum is log2(n + 1).

    Raises:
        InputError: there are fewer than 10,000 suffixes.

    Reference: Carlini et al., "The Secret Sharer", USENIX Security 2019, where the attacked model gives the scores.
    """
    if len(suffixes) < MIN_SUFFIXES:
        raise InputError(
            f"the exposure requires {MIN_SUFFIXES} suffixes (random endings), but there are {len(suffixes)}"
        )
    tables, n_words = numbered_words([synthetic, (*suffixes, *endings), reference])
    synthetic_rows, members, reference_rows = (WordRows(table, None) for table in tables)
    scores = log_likelihood(synthetic_rows, members, n_words) - log_likelihood(reference_rows, members, n_words)
    suffix_scores, ending_scores = np.sort(scores[: len(suffixes)]), scores[len(suffixes) :]
    below, up_to = (np.searchsorted(suffix_scores, ending_scores, side=side) for side in ("left", "right"))
    rank = 1 + (len(suffixes) - up_to) + (up_to - below) / 2
    return np.asarray(np.log2(len(suffixes) + 1) - np.log2(rank), dtype=np.float64)


def canary_exposures(canaries: Canaries, reference: Table) -> tuple[Float, Float] | None:
    """Return the exposures, in bits, of inserted and of omitted canaries of the family `suffix`.

    The result is None if there are fewer than 10,000 suffixes, or if the family has no inserted or no omitted canary.
    """
    first = np.unique(persons(canaries.table.groups)[1], return_index=True)[1]
    is_suffix = np.array(canaries.family) == "suffix"
    is_inserted = canaries.inserted[is_suffix]
    if len(canaries.suffixes) < MIN_SUFFIXES or not is_inserted.any() or is_inserted.all():
        return None
    n_words = len(tokens(canaries.suffixes[0]))
    endings = [" ".join(tokens(canaries.table.texts[i])[-n_words:]) for i in first[is_suffix]]
    bits = exposure_bits(endings, canaries.suffixes, canaries.canary_build.texts, reference.texts)
    return bits[is_inserted], bits[~is_inserted]


def exposure_details(bits: tuple[Float, Float] | None, n_suffixes: int) -> dict[str, Any]:
    """Return the report entry on exposure: mean and maximum, in bits, for inserted and for omitted canaries."""
    if bits is None:
        return {"suffixes": n_suffixes, "inserted": None, "left_out": None}
    inserted, omitted = ({"mean": float(b.mean()), "max": float(b.max())} for b in bits)
    limits = {"most_possible": math.log2(n_suffixes + 1), "without_a_leak": math.log2(math.e)}
    return {"suffixes": n_suffixes, **limits, "inserted": inserted, "left_out": omitted}
