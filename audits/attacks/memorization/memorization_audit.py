"""Memorization (section A): does the synthetic table repeat somebody's words?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.attacks.memorization.calibration import (
    Caught,
    ChanceBound,
    Planted,
    caught,
    loose_bound,
    near_bound,
    non_members,
    plant,
    run_bound,
    whole_bound,
)
from audits.attacks.memorization.locations import IN_PIECES, NEAR_COPY, SourceTexts, copied_rows, find_copied
from audits.attacks.memorization.near_copies import NEAR
from audits.attacks.memorization.search import FLOOR_TOKENS, Matches, Pool, pooled, search
from audits.core.rates import difference, exact, one_person, share, tau_metric, tier, too_few
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm, scan_test
from audits.core.types import AuditInputs, AuditResult, Estimate, Finding, Verdict, persons
from audits.text.shared_runs import CAP_TOKENS

SUITE_TOKENS = (5, 6, 8, 10, 13, 16, 20, 30, 50)
MAX_COMMON = 0.9  # share of a table's words beyond which too little is left to judge
MAX_BLIND = 0.1  # share of the train records of lengths at which planted copies are not found

Int = NDArray[np.int64]


class Memorization:
    """Verbatim and near-verbatim copies of single persons' text.

    The attacker searches every phrase of the release in what he already has, or on the web. A phrase that only one
    person ever wrote, and that stands in the release, names that person. So the audit takes the people of train and
    control together, asks for each whether words that are theirs alone stand in the synthetic table, and compares
    the two groups: control persons can only be hit by chance.

    Common text is taken out of every text first, phrase by phrase: whatever eight words in a row two persons or more
    have, or one person and the public. What stood before and behind it is joined, so what a person wrote into the
    fields of a form is one run of own words. Two ids of which one repeats most of a record of the other (half of its
    words outside boilerplate, which three persons of train and three of control share) are one person here, and what
    they share is no common text (`audits.text.common_text`).

        hit(p) = longest run of own words of p that stands in S, and in no other person's texts
        L*     = max over control persons of hit(p), plus 8; at least 13
        whole(p) = longest run of words of p, common text and all, that stands in S, and in no other person's texts
        M*     = twice the maximum over control persons of whole(p), at least 30, of use up to 64
        near(p) = highest share of a record of p in one row of S, by rare pairs of words (`near_copies`)
        C*     = max over control persons of near(p), plus .15; at least .55
        words(p) = the same by single words, in any order
        pieces(p) = the same by runs of 3, 5, 8 or 13 words, in all rows together (`in_pieces`)
        W*, P* = max over control persons of words(p), of pieces(p), plus .2; at least .6
        Delta  = |{p in T: hit(p) >= L}| / n_T - |{p in H: hit(p) >= L}| / n_H,  L = min(L*, 30)

    hit(p) is computed without looking at the role, so train and control may have different numbers of persons;
    only L* to P*, of maxima, are taken over as many control persons as there are train persons (drawn from
    `rng`) where there are more, and over none who shares a record with a train person. Text is read twice, with its
    numbers and with every number masked; the longer run counts.

    Fails on: one synthetic row with a run of own words of one train person of L* or more, or of all words of M* or
    more (a record of which every phrase is somebody's, and the whole nobody else's), or with C* of one of their
    records (a copy with words changed or put between), or W* of its words (a copy in another order, or with words
    left out); one train person of whose record P* stands in the table (cut up, a piece a row); one row equal (also
    with its sentences in another order) to a whole record of 13 tokens or more of one train person, unless as many
    control persons' records come back; Delta, or the same of near(p) >= .5, proven above tau; train persons crowding
    at, or missing from, the top of the hit lengths (scan test).
    Passes where none of this holds, no row has a run of a train person of L or min(C*, .65) of their record, the
    upper end of Delta is at most tau, the persons are enough for tau, copies planted for this run were caught in
    every length of record but for a tenth of the records, and no more than nine words in ten are common text.
    Insufficient otherwise. Where control persons share so much with the table that L* is above 30, non-members quote
    each other here; then a run of 30 to L* of a train person may be chance, and is neither proof nor pass.

    Privacy: reads all texts; the result holds counts only, beside the findings: row, characters and person of each
        hard hit, for the private side.
    Random: picks 8 planted rows of each length, and control persons where there are more of them.
    Cost: O(N log N) time; beside the tables 30 bytes for each of the N tokens, 192 for each record and 16 for each
        sentence; whatever else it takes, it takes for a part of the places or a block of the records.
    Source: k-eidetic memorisation, Carlini et al. 2021 (2012.07805), with k = 1 over persons; near-duplicates by
        Broder 1997. The calibration by control replaces their fixed length of 50 tokens; common text is ours.
    """

    name = "memorization"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the verdict, the excess of copied persons and the number of hard hits."""
        pool = pooled(inputs)
        planted = plant(inputs.train.texts, rng)
        found = search(inputs.synthetic.texts, planted.texts, pool)
        return _judge(inputs, pool, found, _measured(pool, planted, found, rng, confidence))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """The numbers that the verdict rests on; of rows and records those that are hit beyond chance, and at all."""

    run: ChanceBound
    share: ChanceBound
    whole: ChanceBound
    words: ChanceBound
    pieces: ChanceBound
    in_pieces: Int
    hard: Int
    certain: int
    records_p: float
    control_records: int
    n_non_members: int
    excess: Estimate
    near: Estimate
    proven: float
    scan_p: float
    tau: float | None
    needed: int
    planted: Caught
    common: float
    n_persons: int
    confidence: float


def _measured(pool: Pool, planted: Planted, found: Matches, rng: np.random.Generator, confidence: float) -> _Measured:
    """Return the numbers that the verdict rests on."""
    n_t, n_h, m = pool.n_train, pool.n_control, len(found.row_run) - len(planted.texts)
    calibrating = n_t + non_members(pool, found, rng)
    run = run_bound(int(found.best[calibrating].max(initial=0)))
    share_of_record = near_bound(float(found.near[calibrating].max(initial=0)))
    pieces, persons_in_pieces, rows_in_pieces = _in_pieces(pool, found, calibrating, run, m)
    is_hard = (found.row_run >= run.limit) | (found.row_near >= share_of_record.limit) | found.row_record
    whole = whole_bound(int(found.whole[calibrating].max(initial=0)))
    words = loose_bound(float(found.words.best[calibrating].max(initial=0)))
    is_hard |= (found.row_whole >= whole.limit) | (found.row_words >= words.limit)
    is_hard[rows_in_pieces] = True
    certain = (found.row_run[:m] >= run.certain) | (found.row_near[:m] >= share_of_record.certain)
    certain |= (found.row_whole[:m] >= whole.certain) | (found.row_words[:m] >= words.certain)
    certain[rows_in_pieces] = True
    train, control = found.best[:n_t] >= run.limit, found.best[n_t:] >= run.limit
    near, near_control = found.near[:n_t] >= NEAR, found.near[n_t:] >= NEAR
    scans = (
        scan_test(found.best[:n_t].astype(np.float64), found.best[n_t:].astype(np.float64)).p,
        scan_test(found.near[:n_t], found.near[n_t:]).p,
    )
    tau, needed = tier(min(n_t, n_h))
    arms = ((train, control), (near, near_control))
    proven = max(difference(*arm, confidence=1 - FAIL_LEVEL).low for arm in arms)
    return _Measured(
        run=run,
        share=share_of_record,
        whole=whole,
        words=words,
        pieces=pieces,
        in_pieces=persons_in_pieces,
        hard=np.flatnonzero(is_hard[:m]),
        certain=int(certain.sum()),
        records_p=float(stats.hypergeom.sf(found.n_records[0] - 1, n_t + n_h, sum(found.n_records), n_t)),
        n_non_members=len(calibrating),
        control_records=found.n_records[1],
        excess=difference(train, control, confidence=confidence),
        near=difference(near, near_control, confidence=confidence),
        proven=proven - (0.0 if tau is None else tau),
        scan_p=min(holm(scans)),
        tau=tau,
        needed=needed,
        planted=caught(planted, is_hard[m:]),
        common=max(found.common),
        n_persons=min(n_t, n_h),
        confidence=confidence,
    )


def _in_pieces(
    pool: Pool, found: Matches, non_members: Int, run: ChanceBound, m: int
) -> tuple[ChanceBound, Int, Int]:
    """Return the bound on records in pieces, the train persons above it, and the rows where their pieces stand."""
    nothing = np.zeros(0, dtype=np.int64)
    if found.pieces is None:
        return loose_bound(1.0), nothing, nothing
    best = found.pieces.best
    bound = loose_bound(float(best[non_members].max(initial=0)))
    # who stands there as one is not in pieces, though other rows hold some too
    in_one_row = [found.records.owner, *(near.owner[near.row < m] for near in (found.copies, found.words))]
    is_whole = np.isin(np.arange(pool.n_train), np.concatenate(in_one_row)) | (
        found.best[: pool.n_train] >= run.limit
    )
    above = np.flatnonzero((best[: pool.n_train] >= bound.limit) & ~is_whole)
    return bound, above, np.unique(found.pieces.row[np.isin(found.pieces.owner, above)])


def _judge(inputs: AuditInputs, pool: Pool, found: Matches, f: _Measured) -> AuditResult:
    n_t, n_h = pool.n_train, pool.n_control
    findings, n_left = _findings(inputs, pool, found, f)
    verdict, reason = _verdict(found, f)
    return AuditResult(
        name="memorization",
        verdict=verdict,
        status="measured",
        estimate=f.excess,
        control=share(found.best[n_t:] >= f.run.limit, confidence=f.confidence),
        threshold=f.tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(len(f.hard), confidence=f.confidence, n=len(inputs.synthetic)),
            "longest_run": exact(int(found.best[:n_t].max(initial=0)), confidence=f.confidence, n=n_t),
            "excess": f.excess,
            "near_excess": f.near,
            "scan_p": exact(f.scan_p, confidence=f.confidence, n=n_t + n_h),
            "common_share": exact(f.common, confidence=f.confidence, n=len(inputs.synthetic)),
            **tau_metric(f.tau, confidence=f.confidence, n=f.n_persons),
        },
        details={**_details(pool, found, f), "findings_left_out": n_left, "power": one_person(n_t, n_h)},
        reason=reason,
        findings=findings,
    )


def _findings(inputs: AuditInputs, pool: Pool, found: Matches, f: _Measured) -> tuple[tuple[Finding, ...], int]:
    """Return whose words stand where in the rows that are hard hits, and how many places are left out."""
    n_rows, m = len(inputs.train), len(inputs.synthetic)
    owners = found.merged[pool.owner[:n_rows]]
    texts = SourceTexts(inputs.synthetic.texts, inputs.train.texts, owners, persons(inputs.train.groups)[0])
    copies = [*found.runs, found.records]
    for near, bound in ((found.copies, f.share), (found.words, f.words)):
        many = (near.row < m) & (near.owner < pool.n_train) & (near.share >= bound.limit)
        copies.append(copied_rows(near.row[many], near.owner[many], NEAR_COPY))
    for runs in found.wholes:
        many = runs.length >= f.whole.limit
        copies.append(copied_rows(runs.row[many], runs.owner[many], NEAR_COPY))
    if found.pieces is not None:
        theirs = np.isin(found.pieces.owner, f.in_pieces)
        copies.append(copied_rows(found.pieces.row[theirs], found.pieces.owner[theirs], IN_PIECES))
    findings, n_left = find_copied(texts, copies, int(f.run.limit))
    return tuple(findings), n_left


def _verdict(found: Matches, f: _Measured) -> tuple[Verdict, str]:
    leak = _leak(found, f)
    if leak is not None:
        return "fail", leak
    lack = next(_lacks(f), None)
    if lack is not None:
        return "insufficient", lack
    blind = f.planted.blind_lengths
    beside = (
        "" if not blind else f"; nothing is shown of the {f.planted.blind_share:.1%} of records as short as {blind}"
    )
    return "pass", f"no more train than control persons are repeated, shown to a rate of {f.tau:g} of persons{beside}"


def _leak(found: Matches, f: _Measured) -> str | None:
    """Return what was proven, or None."""
    of_train, of_control = found.n_records
    is_record = of_train > 0 and (of_control == 0 or f.records_p <= CHANCE_LEVEL)
    if f.certain > 0 or is_record:
        pieces = (
            f"; most of a record of {len(f.in_pieces)} of them stands there in pieces" if len(f.in_pieces) else ""
        )
        return (
            f"{len(f.hard)} synthetic rows repeat {f.run.limit} own words or more in a row, a whole record, or most "
            f"of one with words changed, put between or in another order, of one person{pieces}"
        )
    if f.proven > 0:
        return "more train persons than control persons are repeated or nearly repeated than chance allows"
    if f.scan_p <= CHANCE_LEVEL:
        return "train persons crowd at, or are missing from, the top of what is repeated (scan test)"
    return None


def _lacks(f: _Measured) -> Iterator[str]:
    """Yield what is missing for a pass, each with what would be enough."""
    if len(f.hard) > 0:
        yield (
            f"{len(f.hard)} synthetic rows repeat a train person for {f.run.limit} words or most of a record, but "
            f"control persons are repeated for up to {f.run.by_chance}, so people here quote each other and copying "
            "cannot be told from that; leave these rows out and ask again, or give the quoted text as the reference"
        )
    if f.control_records > 0:
        yield (
            f"whole records of {f.control_records} control persons stand in the table, so the generator may have seen"
            " control; draw control from persons of a later date, or leave out the records that people share"
        )
    if f.tau is None:
        yield too_few(f.n_persons)
    if f.common > MAX_COMMON:
        yield (
            f"{f.common:.0%} of the words are common text (at most {MAX_COMMON:.0%}), so hardly anything is left that"
            " could be told to be somebody's"
        )
    if f.n_non_members < f.n_persons / 2:
        yield (
            f"only {f.n_non_members} control persons share no record with train, so persons are wrongly declared: give "
            "one id to all records of a person"
        )
    if f.planted.blind_share > MAX_BLIND:
        yield (
            f"fewer than half of the planted copies were caught in records of {f.planted.blind_lengths}, which are "
            f"{f.planted.blind_share:.0%} of train (at most {MAX_BLIND:.0%} may be so); longer texts would be needed"
        )
    if f.tau is not None and f.excess.high > f.tau:
        yield (
            f"the excess of repeated train persons may be as large as {f.excess.high:.4f}, above {f.tau}; "
            f"{max(f.needed, 2 * f.n_persons)} persons in each of train and control would tell"
        )


def _details(pool: Pool, found: Matches, f: _Measured) -> Mapping[str, Any]:
    n_t = pool.n_train
    train, control = found.best[:n_t], found.best[n_t:]
    row_run = found.row_run[: len(found.row_run) - int(f.planted.planted.sum())]
    review = (row_run >= FLOOR_TOKENS) & (row_run < f.run.limit)
    return {
        "n_train_persons": n_t,
        "n_control_persons": pool.n_control,
        "tau": f.tau,
        "bound_tokens": f.run.limit,
        "certain_tokens": f.run.certain,
        "control_longest_run_tokens": f.run.by_chance,
        "bound_tokens_with_common_text": f.whole.limit if np.isfinite(f.whole.limit) else None,
        "bound_share_of_record": f.share.limit,
        "control_highest_share_of_record": f.share.by_chance,
        "bound_words_of_record": f.words.limit if np.isfinite(f.words.limit) else None,
        "tokens_of_a_piece": found.pieces.tokens if found.pieces is not None else None,
        "bound_pieces_of_record": f.pieces.limit if np.isfinite(f.pieces.limit) else None,
        "persons_in_pieces": len(f.in_pieces),
        "runs_counted_up_to_tokens": CAP_TOKENS,
        "persons_hit_by_length": {str(k): [int((train >= k).sum()), int((control >= k).sum())] for k in SUITE_TOKENS},
        "whole_records": list(found.n_records),
        "whole_sentences": list(found.n_sentences),
        "rows_to_review": int(review.sum()),
        "common_share": {"synthetic": found.common[0], "train": found.common[1]},
        "persons_with_two_ids": int((np.bincount(found.merged[: pool.n_persons]) > 1).sum()),
        "planted_caught_by_tokens": f.planted.by_length(),
    }
