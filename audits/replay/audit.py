"""Replay (section A): does the synthetic table repeat somebody's words?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.rates import difference, exact, one_person, share, tau_metric, tier, too_few
from audits.core.stats import FAIL_LEVEL, holm, scan_test
from audits.core.types import AuditInputs, AuditResult, Estimate, Finding, Verdict, persons
from audits.replay.locations import CopiedRuns, SourceTexts, copied_records, copied_runs, find_copied
from audits.replay.verbatim import keyed, owner_of, record_keys, sentence_keys, sole_owners
from audits.text.minhash import near_pairs, sketch
from audits.text.normalise import tokens, without_numbers
from audits.text.shared_runs import CAP_TOKENS, unique_runs

LADDER_TOKENS = (5, 6, 8, 10, 13, 16, 20, 30, 50)
MARGIN_TOKENS = 8  # chance runs thin out 1.5-2 times per token, so 8 more are .4-4 % likely by chance
FLOOR_TOKENS = 13
CEILING_TOKENS = 30  # a calibrated bound above this means that unrelated people share long text
NEAR = 0.5  # Jaccard or containment from which a record counts as a near-duplicate
N_PLANTED = 8

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Pool:
    """Train and control rows together; persons are numbered train first, the reference is one more owner."""

    texts: tuple[str, ...]
    owners: Int
    n_train: int
    n_control: int

    @property
    def n_persons(self) -> int:
        return self.n_train + self.n_control


@dataclass(frozen=True, slots=True)
class _Matches:
    """What was found, per person of the pool and per synthetic row."""

    best: Int  # longest run of each person's own words in the synthetic table, (n_persons,)
    near: Float  # highest Jaccard or containment with a synthetic row, (n_persons,)
    row_train: Int  # longest run each synthetic row shares with exactly one train person, (m,)
    planted: Int  # the same for the planted rows
    runs: list[CopiedRuns]  # of single train persons, long enough that they may count
    train_records: CopiedRuns  # synthetic rows equal to a whole record of one train person
    n_control_records: int
    n_sentences: tuple[int, int]  # whole sentences of one train (control) person found
    n_crowded: int


class Replay:
    """Verbatim and near-verbatim copies of single persons' text.

    The attacker searches every phrase of the release in what he already has, or on the web. A phrase that only one
    person ever wrote, and that stands in the release, names that person. So the audit takes the people of train and
    control together, asks for each whether words that are theirs alone stand in the synthetic table, and compares
    the two groups: control persons can only be hit by chance.

        hit(p) = longest run of tokens in S that stands in p's texts and in no other person's (nor in the reference)
        L*     = max over control persons of hit(p), plus 8; at least 13, at most 30
        Delta  = |{p in T: hit(p) >= L*}| / n_T - |{p in H: hit(p) >= L*}| / n_H

    hit(p) is computed without looking at the role, so train and control may have different numbers of persons;
    only L*, a maximum, is taken over as many control persons as there are train persons (drawn from `rng`) where
    there are more. Text is read twice, with its numbers and with every number masked; the longer run counts.

    Fails on: one synthetic row with a run of one train person of L* or more, or equal (also with its sentences in
    another order) to a whole record of 20 tokens or more of one train person; Delta or the share of near-duplicates
    proven above tau; train persons crowding at, or missing from, the top of the hit lengths (scan test).
    Passes where none of this holds, the upper end of Delta is at most tau, the persons are enough for tau, and copies
    planted for this run were caught. Insufficient otherwise; also where L* would exceed 30, because then unrelated
    people share long text (quotations, templates) and copying cannot be told from it.

    Privacy: reads all texts; the result holds counts only, beside the findings: row, characters and person of each
        hard hit, for the private side.
    Random: picks 8 planted rows, and control persons where there are more of them.
    Cost: O(N log N) time; beside the tables 4 bytes for each of the N tokens, 192 for each record and 16 for each
        sentence; whatever else it takes, it takes for a part of the places or a block of the records.
    Source: k-eidetic memorisation, Carlini et al. 2021 (2012.07805), with k = 1 over persons; near-duplicates by
        Broder 1997. The calibration by control replaces their fixed length of 50 tokens.
    """

    name = "replay"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the verdict, the excess of copied persons and the number of hard hits."""
        pool = _pooled(inputs)
        found = _search(inputs.synthetic.texts, pool, rng)
        return _judge(inputs, pool, found, rng, confidence)


def _pooled(inputs: AuditInputs) -> _Pool:
    train, train_owner = persons(inputs.train.groups)
    control, control_owner = persons(inputs.control.groups)
    n_train, n_control = len(train), len(control)
    texts = inputs.train.texts + inputs.control.texts
    owners = [train_owner, control_owner + n_train]
    for nobody in (inputs.reference, inputs.set_aside):
        if nobody is not None:
            texts += nobody.texts
            owners.append(np.full(len(nobody), n_train + n_control))
    return _Pool(texts, np.concatenate(owners), n_train, n_control)


def _search(synthetic: Sequence[str], pool: _Pool, rng: np.random.Generator) -> _Matches:
    m = len(synthetic)
    planted = _plant([pool.texts[i] for i in np.flatnonzero(pool.owners < pool.n_train)], rng)
    best = np.zeros(pool.n_persons + 1, dtype=np.int64)
    row_train = np.zeros(m + len(planted), dtype=np.int64)
    long = []
    for read in (tokens, _masked):
        runs = unique_runs(map(read, chain(synthetic, planted)), map(read, pool.texts), pool.owners)
        real = runs.row < m
        np.maximum.at(best, runs.owner[real], runs.length[real])
        of_train = runs.owner < pool.n_train
        np.maximum.at(row_train, runs.row[of_train], runs.length[of_train])
        long.append(copied_runs(runs, real & of_train & (runs.length >= FLOOR_TOKENS), masked=read is _masked))
    near = np.zeros(pool.n_persons + 1)
    pairs = near_pairs(sketch(synthetic), sketch(pool.texts))
    np.maximum.at(near, pool.owners[pairs.right], np.maximum(pairs.jaccard, pairs.containment))
    train_records, n_control_records = _record_copies(synthetic, pool)
    return _Matches(
        best[:-1],
        near[:-1],
        row_train[:m],
        row_train[m:],
        long,
        train_records,
        n_control_records,
        _copied_sentences(synthetic, pool),
        pairs.n_crowded,
    )


def _masked(text: str) -> list[str]:
    return without_numbers(tokens(text))


def _plant(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return train records to be searched for like synthetic rows: the attack must catch them, or it is broken."""
    sizes = np.array([len(tokens(text)) for text in texts])
    long = np.flatnonzero(sizes >= CEILING_TOKENS)
    if len(long) == 0:
        return [texts[i] for i in np.argsort(sizes, kind="stable")[-N_PLANTED:]]
    return [texts[long[i]] for i in rng.choice(len(long), size=min(N_PLANTED, len(long)), replace=False)]


def _record_copies(synthetic: Sequence[str], pool: _Pool) -> tuple[CopiedRuns, int]:
    """Return the rows equal to a long record of one train person with that person, and how many equal a control's."""
    sole = sole_owners(keyed(map(record_keys, pool.texts)), pool.owners)
    key, row = keyed(map(record_keys, synthetic))
    owner = owner_of(sole, key)
    of_train, of_control = (owner >= 0) & (owner < pool.n_train), (owner >= pool.n_train) & (owner < pool.n_persons)
    pairs = np.unique(np.stack([row[of_train], owner[of_train]], axis=1), axis=0)
    return copied_records(pairs[:, 0].tolist(), pairs[:, 1].tolist()), len(np.unique(row[of_control]))


def _copied_sentences(synthetic: Sequence[str], pool: _Pool) -> tuple[int, int]:
    """Return how many sentences of 6 tokens or more of one train (control) person stand in the synthetic table."""
    sole = sole_owners(keyed(map(sentence_keys, pool.texts)), pool.owners)
    owner = owner_of(sole, np.unique(keyed(map(sentence_keys, synthetic)).key))
    return (
        int(((owner >= 0) & (owner < pool.n_train)).sum()),
        int(((owner >= pool.n_train) & (owner < pool.n_persons)).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """The numbers that the verdict rests on; `n_hard` counts against it only where the bound could be calibrated."""

    n_hard: int
    excess: Estimate
    near: Estimate
    near_proven: float  # its lower end at the fixed level of a finding
    scan_p: float
    tau: float | None
    needed: int
    bound: int
    control_run: int
    calibrated: bool
    caught: int
    n_planted: int
    n_persons: int


def _judge(
    inputs: AuditInputs, pool: _Pool, found: _Matches, rng: np.random.Generator, confidence: float
) -> AuditResult:
    n_t, n_h = pool.n_train, pool.n_control
    train, control = found.best[:n_t], found.best[n_t:]
    measured = _measured(pool, found, rng, confidence)
    findings, n_left = _findings(inputs, pool, found, measured.bound)
    verdict, reason = _verdict(measured)
    return AuditResult(
        name="replay",
        verdict=verdict,
        status="measured",
        estimate=measured.excess,
        control=share(control >= measured.bound, confidence=confidence),
        threshold=measured.tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(measured.n_hard, confidence=confidence, n=len(found.row_train)),
            "longest_run": exact(int(train.max(initial=0)), confidence=confidence, n=n_t),
            "excess": measured.excess,
            "near_excess": measured.near,
            "scan_p": exact(measured.scan_p, confidence=confidence, n=n_t + n_h),
            **tau_metric(measured.tau, confidence=confidence, n=min(n_t, n_h)),
        },
        details={
            **_details(pool, found, measured),
            "findings_left_out": n_left,
            "power": one_person(n_t, n_h),
        },
        reason=reason,
        findings=findings,
    )


def _measured(pool: _Pool, found: _Matches, rng: np.random.Generator, confidence: float) -> _Measured:
    """Return the numbers that the verdict rests on."""
    n_t, n_h = pool.n_train, pool.n_control
    train, control = found.best[:n_t], found.best[n_t:]
    calibrating = control if n_h <= n_t else control[rng.choice(n_h, size=n_t, replace=False)]
    control_run = int(calibrating.max(initial=0))
    calibrated_bound = max(FLOOR_TOKENS, control_run + MARGIN_TOKENS)
    bound = min(calibrated_bound, CEILING_TOKENS)
    scans = (
        scan_test(train.astype(np.float64), control.astype(np.float64)).p,
        scan_test(found.near[:n_t], found.near[n_t:]).p,
    )
    tau, needed = tier(min(n_t, n_h))
    return _Measured(
        n_hard=len(np.union1d(np.flatnonzero(found.row_train >= bound), found.train_records.row)),
        excess=difference(train >= bound, control >= bound, confidence=confidence),
        near=difference(found.near[:n_t] >= NEAR, found.near[n_t:] >= NEAR, confidence=confidence),
        near_proven=difference(found.near[:n_t] >= NEAR, found.near[n_t:] >= NEAR, confidence=1 - FAIL_LEVEL).low,
        scan_p=min(holm(scans)),
        tau=tau,
        needed=needed,
        bound=bound,
        control_run=control_run,
        calibrated=calibrated_bound <= CEILING_TOKENS,
        caught=int((found.planted >= bound).sum()),
        n_planted=len(found.planted),
        n_persons=min(n_t, n_h),
    )


def _findings(inputs: AuditInputs, pool: _Pool, found: _Matches, bound: int) -> tuple[tuple[Finding, ...], int]:
    """Return whose words stand where in the rows that are hard hits, and how many places are left out."""
    n_rows = len(inputs.train)
    texts = SourceTexts(
        inputs.synthetic.texts, inputs.train.texts, pool.owners[:n_rows], persons(inputs.train.groups)[0]
    )
    findings, n_left = find_copied(texts, [*found.runs, found.train_records], bound)
    return tuple(findings), n_left


def _verdict(f: _Measured) -> tuple[Verdict, str]:
    leak = _leak(f)
    if leak is not None:
        return "fail", leak
    lack = _lack(f)
    if lack is not None:
        return "insufficient", lack
    return "pass", f"no more train than control persons are repeated, shown to a rate of {f.tau:g} of persons"


def _leak(f: _Measured) -> str | None:
    """Return what was proven, or None."""
    floor = 0.0 if f.tau is None else f.tau
    if f.calibrated and f.n_hard > 0:
        return f"{f.n_hard} synthetic rows repeat {f.bound} words or more in a row, or a whole record, of one person"
    if f.excess.low > floor or f.near_proven > floor:
        return "more train persons than control persons are repeated or nearly repeated than chance allows"
    if f.scan_p <= FAIL_LEVEL:
        return "train persons crowd at, or are missing from, the top of what is repeated (scan test)"
    return None


def _lack(f: _Measured) -> str | None:
    """Return what is missing for a pass, with the number that would be enough, or None."""
    if not f.calibrated:
        return (
            f"control persons share runs of more than {CEILING_TOKENS - MARGIN_TOKENS} words with the synthetic "
            "table, so people here quote each other or fill in a template, and copying cannot be told from that; "
            "give the common text as the reference table, or put people who quote each other on one side of the split"
        )
    if f.tau is None:
        return too_few(f.n_persons)
    if 2 * f.caught < f.n_planted:
        return (
            f"only {f.caught} of {f.n_planted} planted copies were caught: most texts are shorter than {f.bound} "
            "words or shared between persons; longer texts would be needed"
        )
    if f.excess.high > f.tau:
        return (
            f"the excess of repeated train persons may be as large as {f.excess.high:.4f}, above {f.tau}; "
            f"{max(f.needed, 2 * f.n_persons)} persons in each of train and control would tell"
        )
    return None


def _details(pool: _Pool, found: _Matches, measured: _Measured) -> Mapping[str, Any]:
    n_t = pool.n_train
    train, control = found.best[:n_t], found.best[n_t:]
    review = (found.row_train >= FLOOR_TOKENS) & (found.row_train < measured.bound)
    return {
        "n_train_persons": n_t,
        "n_control_persons": pool.n_control,
        "tau": measured.tau,
        "bound_tokens": measured.bound,
        "control_longest_run_tokens": measured.control_run,
        "runs_counted_up_to_tokens": CAP_TOKENS,
        "persons_hit_by_length": {
            str(k): [int((train >= k).sum()), int((control >= k).sum())] for k in LADDER_TOKENS
        },
        "whole_records": [len(np.unique(found.train_records.row)), found.n_control_records],
        "whole_sentences": list(found.n_sentences),
        "rows_to_review": int(review.sum()),
        "template_buckets_left_out": found.n_crowded,
        "planted_caught": [measured.caught, measured.n_planted],
    }
