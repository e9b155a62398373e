"""Memorization audit (section A): verdict on verbatim and near copies of single persons' text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from audits.attacks.memorization import calibration
from audits.attacks.memorization.calibration import Caught, ChanceThresholds, Planted
from audits.attacks.memorization.locations import IN_PIECES, NEAR_COPY, SourceTexts, copied_rows, find_copied
from audits.attacks.memorization.near_copies import NEAR
from audits.attacks.memorization.search import FLOOR_TOKENS, Matches, Pool, pooled, search
from audits.core.rates import difference, exact, one_person, share, tau_metric, tier, too_few
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm, scan_test
from audits.core.types import AuditInputs, AuditResult, Estimate, Finding, Int, Verdict, persons
from audits.text.shared_runs import CAP_TOKENS

SUITE_TOKENS = (5, 6, 8, 10, 13, 16, 20, 30, 50)
MAX_COMMON = 0.9  # highest share of common text that leaves enough words to test
MAX_BLIND = 0.1  # highest share of train records at lengths where planted copies are not found


class Memorization:
    """Test whether the synthetic table contains verbatim or near copies of single persons' text.

    Attack: the attacker searches phrases of the release in text they already have, or on the web. A phrase that only
    one person wrote identifies that person. The audit therefore searches for text that belongs to exactly one person
    of train or control, and compares the two groups. The generator never saw control, so control persons match only
    by chance.

    Before the search, common text is removed from every text: every sequence of eight words that two persons share,
    or one person and the public reference (`audits.text.common_text`). The text before and after it is joined, so
    that the words a person wrote into the fields of a form make one run. Two ids count as one person if a record of
    one repeats at least half of the words outside boilerplate of a record of the other; the text that these ids share
    is not common text.

        hit(p) = longest run of own words of p in S that occurs in no other person's texts
        L*     = max(13, max over control persons of hit(p) + 8)
        whole(p) = longest run of words of p, common text included, in S that occurs in no other person's texts
        M*     = max(30, 2 max over control persons of whole(p)); not used above 64
        near(p) = highest share of a record of p in one row of S, by rare pairs of words (`near_copies`)
        C*     = max(.55, max over control persons of near(p) + .15)
        words(p) = the same by single words, in any order
        pieces(p) = the same by runs of 3, 5, 8 or 13 words, in all rows together (`in_pieces`)
        W*, P* = max(.6, max over control persons of words(p) or pieces(p) + .2)
        Delta  = |{p in T: hit(p) >= L}| / n_T - |{p in H: hit(p) >= L}| / n_H,  L = min(L*, 30)

    hit(p) does not depend on whether p is in train or control, so the groups may differ in size. L* to P* are maxima,
    which grow with the number of persons. They therefore use at most n_T control persons (drawn with `rng`), and no
    control person who shares a record with a train person. Each text is compared as written and with numbers masked;
    the longer run counts.

    The audit fails if one of these holds:

    - One synthetic row contains a run of L* own words, or of M* words with common text, of one train person.
    - One synthetic row contains the share C* of one of their records (words changed or inserted) or W* of its words
      (words reordered or left out).
    - The share P* of a record of one train person is spread over the table (record cut into pieces).
    - One row equals a whole record of at least 13 tokens of one train person, also with its sentences reordered,
      unless records of as many control persons match.
    - Delta, or the same difference for near(p) >= .5, is proven above tau.
    - The scan test finds train persons over- or under-represented among the longest hits.

    It passes if none of these holds, no row contains a run of L words of a train person or min(C*, .65) of their
    record, the upper end of Delta is at most tau, there are enough persons for tau, planted copies are found at
    record lengths that cover at least 90 % of the records, and at most 90 % of the words are common text. Otherwise
    the verdict is insufficient. If control persons share so much with the table that L* exceeds 30, people quote each
    other: a run of 30 to L* words of a train person may then be chance, so it neither fails nor passes.

    Privacy: reads all texts. The result holds counts, and findings (row, characters and person of each hit) that stay
        on the private side.
    Randomness: draws 8 planted rows of each length, and control persons if there are more of them than train persons.
    Cost: O(N log N) time; 30 bytes per token, 192 per record and 16 per sentence of memory beside the tables.
    Reference: k-eidetic memorization with k = 1 over persons, Carlini et al. 2021 (2012.07805); near-duplicates,
        Broder 1997. Calibration on control persons (instead of a fixed 50 tokens) and common text are ours.
    """

    name = "memorization"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the verdict, the excess rate of copied train persons and the number of hits."""
        pool = pooled(inputs)
        planted = calibration.plant(inputs.train.texts, rng)
        found = search(inputs.synthetic.texts, planted.texts, pool)
        return _judge(inputs, pool, found, _measured(pool, planted, found, rng, confidence))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """Measurements for the verdict; `hard` holds rows above a limit, `certain` counts rows beyond chance."""

    run: ChanceThresholds
    share: ChanceThresholds
    whole: ChanceThresholds
    words: ChanceThresholds
    pieces: ChanceThresholds
    in_pieces: Int
    hard: Int
    certain: int
    records_p: float
    n_non_members: int
    excess: Estimate
    near: Estimate
    proven: float
    scan_p: float
    tau: float | None
    needed: int
    planted: Caught


def _measured(pool: Pool, planted: Planted, found: Matches, rng: np.random.Generator, confidence: float) -> _Measured:
    """Return the measurements for the verdict."""
    n_t, n_h, m = pool.n_train, pool.n_control, len(found.row_run) - len(planted.texts)
    calibrating = n_t + calibration.non_members(pool, found, rng)
    run = calibration.run_thresholds(int(found.best[calibrating].max(initial=0)))
    share_of_record = calibration.near_thresholds(float(found.near[calibrating].max(initial=0)))
    whole = calibration.whole_thresholds(int(found.whole[calibrating].max(initial=0)))
    words = calibration.loose_thresholds(float(found.words.best[calibrating].max(initial=0)))
    pieces, persons_in_pieces, rows_in_pieces = _in_pieces(pool, found, calibrating, run, m)
    is_hard, certain = found.row_record.copy(), np.zeros(m, dtype=np.bool_)
    for of_row, thresholds in (
        (found.row_run, run),
        (found.row_near, share_of_record),
        (found.row_whole, whole),
        (found.row_words, words),
    ):
        is_hard |= of_row >= thresholds.limit
        certain |= of_row[:m] >= thresholds.certain
    is_hard[rows_in_pieces] = certain[rows_in_pieces] = True
    train, control = found.best[:n_t] >= run.limit, found.best[n_t:] >= run.limit
    near, near_control = found.near[:n_t] >= NEAR, found.near[n_t:] >= NEAR
    scans = [scan_test(of[:n_t], of[n_t:]).p for of in (found.best.astype(np.float64), found.near)]
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
        excess=difference(train, control, confidence=confidence),
        near=difference(near, near_control, confidence=confidence),
        proven=proven - (0.0 if tau is None else tau),
        scan_p=min(holm(scans)),
        tau=tau,
        needed=needed,
        planted=calibration.caught(planted, is_hard[m:]),
    )


def _in_pieces(
    pool: Pool, found: Matches, calibrating: Int, run: ChanceThresholds, m: int
) -> tuple[ChanceThresholds, Int, Int]:
    """Return the thresholds for records in pieces, the train persons above them, and the rows of their pieces."""
    none = np.zeros(0, dtype=np.int64)
    if found.pieces is None:
        return calibration.loose_thresholds(1.0), none, none
    best = found.pieces.best
    thresholds = calibration.loose_thresholds(float(best[calibrating].max(initial=0)))
    # persons with a copy in a single row are reported there, not as a record in pieces
    in_one_row = [found.records.owner, *(near.owner[near.row < m] for near in (found.copies, found.words))]
    is_whole = np.isin(np.arange(pool.n_train), np.concatenate(in_one_row))
    is_whole |= found.best[: pool.n_train] >= run.limit
    above = np.flatnonzero((best[: pool.n_train] >= thresholds.limit) & ~is_whole)
    return thresholds, above, np.unique(found.pieces.row[np.isin(found.pieces.owner, above)])


def _judge(inputs: AuditInputs, pool: Pool, found: Matches, f: _Measured) -> AuditResult:
    n_t, n_h, confidence = pool.n_train, pool.n_control, f.excess.confidence
    findings, n_left = _findings(inputs, pool, found, f)
    verdict, reason = _verdict(found, f)
    return AuditResult(
        name="memorization",
        verdict=verdict,
        status="measured",
        estimate=f.excess,
        control=share(found.best[n_t:] >= f.run.limit, confidence=confidence),
        threshold=f.tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(len(f.hard), confidence=confidence, n=len(inputs.synthetic)),
            "longest_run": exact(int(found.best[:n_t].max(initial=0)), confidence=confidence, n=n_t),
            "excess": f.excess,
            "near_excess": f.near,
            "scan_p": exact(f.scan_p, confidence=confidence, n=n_t + n_h),
            "common_share": exact(max(found.common), confidence=confidence, n=len(inputs.synthetic)),
            **tau_metric(f.tau, confidence=confidence, n=f.excess.n),
        },
        details={**_details(pool, found, f), "findings_left_out": n_left, "power": one_person(n_t, n_h)},
        reason=reason,
        findings=findings,
    )


def _findings(inputs: AuditInputs, pool: Pool, found: Matches, f: _Measured) -> tuple[tuple[Finding, ...], int]:
    """Return the copied passages in the hit rows, and how many are left out of the list."""
    n_rows, m = len(inputs.train), len(inputs.synthetic)
    owners = found.merged[pool.owner[:n_rows]]
    texts = SourceTexts(inputs.synthetic.texts, inputs.train.texts, owners, persons(inputs.train.groups)[0])
    copies = [*found.runs, found.records]
    for near, thresholds in ((found.copies, f.share), (found.words, f.words)):
        many = (near.row < m) & (near.owner < pool.n_train) & (near.share >= thresholds.limit)
        copies.append(copied_rows(near.row[many], near.owner[many], NEAR_COPY))
    for runs in found.wholes:
        many = runs.length >= f.whole.limit
        copies.append(copied_rows(runs.row[many], runs.owner[many], NEAR_COPY))
    if found.pieces is not None:
        hit = np.isin(found.pieces.owner, f.in_pieces)
        copies.append(copied_rows(found.pieces.row[hit], found.pieces.owner[hit], IN_PIECES))
    findings, n_left = find_copied(texts, copies, int(f.run.limit))
    return tuple(findings), n_left


def _verdict(found: Matches, f: _Measured) -> tuple[Verdict, str]:
    leak = _leak(found, f)
    if leak is not None:
        return "fail", leak
    shortfall = next(_shortfalls(found, f), None)
    if shortfall is not None:
        return "insufficient", shortfall
    untested = ""
    if blind := f.planted.blind_lengths:
        untested = f"; the {f.planted.blind_share:.1%} of records with {blind} are too short to be tested"
    return "pass", (
        f"train persons' text is not copied more often than control persons', to within a rate of {f.tau:g} of "
        f"persons{untested}"
    )


def _leak(found: Matches, f: _Measured) -> str | None:
    """Return the reason for a failure, or None."""
    of_train, of_control = found.n_records
    is_record = of_train > 0 and (of_control == 0 or f.records_p <= CHANCE_LEVEL)
    if f.certain > 0 or is_record:
        n_pieces = len(f.in_pieces)
        pieces = f"; most of a record of {n_pieces} persons is spread over several rows" if n_pieces > 0 else ""
        return (
            f"{len(f.hard)} synthetic rows copy text of one train person: at least {f.run.limit} own words in a row,"
            f" a whole record, or most of one with words changed, inserted or reordered{pieces}"
        )
    if f.proven > 0:
        return "significantly more train persons than control persons have text copied or nearly copied"
    if f.scan_p <= CHANCE_LEVEL:
        return "train persons are over- or under-represented among the longest copies (scan test)"
    return None


def _shortfalls(found: Matches, f: _Measured) -> Iterator[str]:
    """Yield each reason why the audit cannot pass, with the remedy."""
    common, (_, control_records) = max(found.common), found.n_records
    if len(f.hard) > 0:
        yield (
            f"{len(f.hard)} synthetic rows repeat {f.run.limit} words or most of a record of a train person, but "
            f"control persons are repeated for up to {f.run.by_chance} words, so copies cannot be distinguished from "
            "quotations; remove these rows and audit again, or pass the quoted text as the reference"
        )
    if control_records > 0:
        yield (
            f"the table contains whole records of {control_records} control persons, so the generator may have seen "
            "control; draw control from a later period, or remove records that several persons share"
        )
    if f.tau is None:
        yield too_few(f.excess.n)
    if common > MAX_COMMON:
        yield (
            f"{common:.0%} of the words are common text (at most {MAX_COMMON:.0%} is allowed), so too few words "
            "belong to single persons"
        )
    if f.n_non_members < f.excess.n / 2:
        yield (
            f"only {f.n_non_members} control persons share no record with train, so person ids are probably wrong: "
            "give all records of a person the same id"
        )
    if f.planted.blind_share > MAX_BLIND:
        yield (
            f"fewer than half of the planted copies were found in records of {f.planted.blind_lengths}, which are "
            f"{f.planted.blind_share:.0%} of train (at most {MAX_BLIND:.0%} is allowed); longer texts are needed"
        )
    if f.tau is not None and f.excess.high > f.tau:
        yield (
            f"the excess rate of copied train persons may be as large as {f.excess.high:.4f}, above {f.tau}; "
            f"{max(f.needed, 2 * f.excess.n)} persons in each of train and control would decide"
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
        "limit_tokens": f.run.limit,
        "certain_tokens": f.run.certain,
        "control_longest_run_tokens": f.run.by_chance,
        "limit_tokens_with_common_text": f.whole.limit if np.isfinite(f.whole.limit) else None,
        "limit_share_of_record": f.share.limit,
        "control_highest_share_of_record": f.share.by_chance,
        "limit_words_of_record": f.words.limit if np.isfinite(f.words.limit) else None,
        "tokens_of_a_piece": found.pieces.tokens if found.pieces is not None else None,
        "limit_pieces_of_record": f.pieces.limit if np.isfinite(f.pieces.limit) else None,
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
