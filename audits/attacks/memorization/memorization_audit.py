"""Memorization audit: decide whether the synthetic table contains verbatim or near copies of single persons' text.

`search` finds the copies, `measure` compares train with control, and this module gives the verdict and the findings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from audits.attacks.memorization import calibration, locations
from audits.attacks.memorization.measurements import Measurements, bags_at_limit, limits, measure
from audits.attacks.memorization.search import FLOOR_TOKENS, Matches, Pool, pooled, search
from audits.attacks.memorization.word_bags import LENGTHS
from audits.core.errors import counted
from audits.core.quarantine import most_quarantined, without_rows
from audits.core.rates import exact, one_person_power, share, tau_metric, too_few
from audits.core.stats import CHANCE_LEVEL
from audits.core.types import AuditInputs, AuditResult, Bool, Finding, Status, Verdict, persons
from audits.text.shared_runs import CAP_TOKENS

# in tokens: for each length, the details count the persons with a run (sequence of words) of at least this length
COUNTED_LENGTHS = 5, 6, 8, 10, 13, 16, 20, 30, 50
# for a pass, at most this share of the words of train, and of the synthetic table, may be common text
# (`Memorization` defines common text)
MAX_COMMON = 0.9
# For a pass, at most this share of the train records may be in length classes (`calibration.STRATA`) that the audit
# cannot test. The audit cannot test a class if it finds fewer than half of the planted copies of this class. Planted
# copies are train records that the audit examines as if they were synthetic.
MAX_UNTESTED = 0.1


class Memorization:
    """Test whether the synthetic table contains verbatim or near copies of single persons' text.

    Attack: the attacker searches known texts, or the web, for phrases of the synthetic table. A phrase that only one
    person wrote identifies that person. The generator never saw control, so control persons match only by chance. The
    audit therefore compares the matches of train persons with those of control persons.

    T are the train persons, H the control persons and S the synthetic rows. Common text has two parts: headings of
    forms (four words that more than ten persons and more than 1 % of the persons have), and sequences of eight words
    that at least three persons share or that one person shares with the public reference. The audit removes common
    text. It joins the remaining words (own words), so that one run (sequence of words) can cover several fields of a
    form. Two ids count as one person if the texts of one id repeat at least half of a record of the other id, not
    counting phrases of many persons or of public text. Text that only these two ids share is not common text.

    A person p has these values:

        hit(p)    = number of words of the longest run of own words of p in a row of S. A run that several
                    persons have counts only if it is long or has rare words (`runs_alone`)
        whole(p)  = as hit(p), but for runs of any words, common text included
        near(p)   = largest share of the rare word pairs of one record of p that occur in one row of S
                    (`near_copies`)
        words(p)  = as near(p), but for single rare words in any order
        pieces(p) = largest share of the rare runs of 3, 5, 8 or 13 words of one record of p that occur anywhere
                    in S (`in_pieces` chooses one of these lengths)
        short(p)  = number of words of the longest record of p that has fewer than 13 words and the same letters as a
                    row of S, or as one or more consecutive sentences of a row (`whole_records`)
        bag(p)    = largest share of words that one record of p with at least 8 words and one row of S have in common.
                    Rare words have a larger weight, and the share is relative to the record or the row, whichever has
                    more weight. Only rows with the words in changed order count (`word_bags`). Each length class of
                    records has its own value.

    Texts are split in three ways (readings), so that misspelled, glued, split and stretched words do not hide a copy:
    (1) words with masked numbers and corrected misspellings, (2) words as written, (3) consonants without spaces. hit
    and whole are the largest values over the three readings, and near over (1) and (3). words, pieces and bag use (1)
    only.

    The limits are calibrated on control persons: max hit(p), max whole(p) and so on are maxima over control persons.

        L* = max(13, max hit(p) + 8)       M* = max(30, 2 · max whole(p))    C* = max(.55, max near(p) + .15)
        W* = max(.6, max words(p) + .2)    P* = max(.6, max pieces(p) + .2)    R* = max(8, max short(p) + 4)
        B* = max(.65, max bag(p) + .2), or min(.97, max bag(p) + .15) if max bag(p) exceeds .6 (`bag_thresholds`)
        Delta = (share of T with hit(p) >= L) - (share of H with hit(p) >= L),   L = min(L*, 30)

    If a value of a train person reaches its limit, the audit does not pass. For this comparison, L* above 30 is
    replaced by 30, and C* above .65 by .65. The audit does not pass either if a row of S equals a record of at least
    13 words that only one train person has (`whole_records`).

    A limit is not used if the values of control persons are too high: M* if max whole(p) exceeds 32, W* if max
    words(p) exceeds .6, P* if max pieces(p) exceeds .6, R* if max short(p) exceeds 8, and B* if max bag(p) exceeds
    .92. If the audit passes, its reason names the unused limits among M*, W*, P* and R*.

    For a pass, the upper end of the interval of Delta must also be at most tau. tau is .001, .003 or .01, depending
    on the number of persons (`provable_limit`).

    Each maximum grows with the number of control persons, so the limits use at most n_T random control persons,
    where n_T is the number of train persons. Two things do not count for the limits: control persons who share at
    least half of a record with a train person, and runs that both a control person and a train person have.

    `audits explain memorization` describes the verdicts.

    Privacy: reads all texts. The result contains counts and findings. The findings (row, characters and person of
        each hit) must not be released.
    Randomness: draws n_T control persons if more are eligible, and up to 256 train records per length class. To test
        whether it finds copies, the audit searches the drawn records as if they were synthetic (planted copies). It
        searches up to 64 of them per length class a second time, with their words in random order.
    Cost: O(N log N) time for N tokens. Memory in addition to the tables: 30 bytes per token, 192 per record, 24 per
        sentence.
    Reference: k-eidetic memorization with k = 1 over persons, Carlini et al. 2021 (2012.07805); near-duplicates,
        Broder 1997. The calibration on control persons (instead of a fixed 50 tokens) and the removal of common text
        were designed for this project.
    """

    name = "memorization"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the verdict, with Delta (see the class) as the estimate, the metrics and the findings.

        If the verdict is "insufficient", rows that may quote a train person are quarantined: the result lists them
        for removal, and its verdict is on the remaining rows, with the limits of the whole table. If there are more
        such rows than `most_quarantined` allows, none is quarantined.
        """
        pool = pooled(inputs)
        planted = calibration.plant(inputs.train.texts, rng)
        found = search(inputs.synthetic.texts, planted.texts, pool)
        limits_of_table = limits(pool, found, rng)
        measurements = measure(pool, planted, found, limits_of_table, confidence)
        result = _judge(inputs, pool, found, measurements)
        rows = measurements.quotations
        if result.verdict != "insufficient" or not 0 < len(rows) <= most_quarantined(len(inputs.synthetic)):
            return result
        kept = np.setdiff1d(np.arange(len(inputs.synthetic)), rows)
        remaining = without_rows(inputs, rows)
        found = search(remaining.synthetic.texts, planted.texts, pool)
        judged = _judge(remaining, pool, found, measure(pool, planted, found, limits_of_table, confidence))
        renumbered = [replace(finding, row=int(kept[finding.row])) for finding in judged.findings]
        in_quarantine = [finding for finding in result.findings if finding.row in rows]
        return replace(
            judged,
            quarantined=tuple(rows.tolist()),
            findings=(*in_quarantine, *renumbered),
            reason=f"{judged.reason}; this verdict excludes {counted(len(rows), 'row')} that may quote a train "
            "person; remove every excluded row from the table before release",
        )


def _judge(inputs: AuditInputs, pool: Pool, found: Matches, facts: Measurements) -> AuditResult:
    n_train, n_control, confidence = pool.n_train, pool.n_control, facts.excess.confidence
    findings, n_omitted = _findings(inputs, pool, found, facts)
    verdict, status, reason = _verdict(found, facts)
    return AuditResult(
        name="memorization",
        verdict=verdict,
        status=status,
        estimate=facts.excess,
        control=share(found.best[n_train:] >= facts.limits.run.limit, confidence=confidence),
        threshold=facts.tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(len(facts.rows_above_limit), confidence=confidence, n=len(inputs.synthetic)),
            "longest_run": exact(int(found.best[:n_train].max(initial=0)), confidence=confidence, n=n_train),
            "excess": facts.excess,
            "near_excess": facts.near,
            "copied_persons": facts.copied,
            "scan_p": exact(facts.scan_p, confidence=confidence, n=n_train + n_control),
            "common_share": exact(max(found.common), confidence=confidence, n=len(inputs.synthetic)),
            **tau_metric(facts.tau, confidence=confidence, n=facts.excess.n),
        },
        details={
            **_details(pool, found, facts),
            "findings_left_out": n_omitted,
            "power": one_person_power(n_train, n_control),
        },
        reason=reason,
        findings=findings,
    )


def _findings(
    inputs: AuditInputs, pool: Pool, found: Matches, facts: Measurements
) -> tuple[tuple[Finding, ...], int]:
    """Return the findings (copies of train persons' text in synthetic rows), and the number of omitted findings."""
    n_train_rows, n_synthetic = len(inputs.train), len(inputs.synthetic)
    owners = found.merged[pool.owner[:n_train_rows]]
    texts = locations.SourceTexts(inputs.synthetic.texts, inputs.train.texts, owners, persons(inputs.train.groups)[0])
    copies = list(found.runs)
    short_limit = 1 if facts.short_p <= CHANCE_LEVEL else facts.limits.short.limit
    # copies that are reported as whole rows: (copies, which of them reach the limit, kind of the finding)
    as_whole_rows: list[tuple[Any, Bool, int]] = [
        (found.records, found.records.size > 0, locations.WHOLE_RECORD),
        (found.short_records, found.short_records.size >= short_limit, locations.WHOLE_RECORD),
        (found.copies, found.copies.share >= facts.limits.share.limit, locations.NEAR_COPY),
        (found.words, found.words.share >= facts.limits.words.limit, locations.NEAR_COPY),
        (found.bags, bags_at_limit(facts, found.bags), locations.NEAR_COPY),
        *((runs, runs.length >= facts.limits.run.limit, locations.NEAR_COPY) for runs in found.hidden),
        *((runs, runs.length >= facts.limits.whole.limit, locations.NEAR_COPY) for runs in found.wholes),
    ]
    for copied, is_above, kind in as_whole_rows:
        is_listed = is_above & (copied.row < n_synthetic) & (copied.owner < pool.n_train)
        copies.append(locations.copied_rows(copied.row[is_listed], copied.owner[is_listed], kind))
    if found.pieces is not None:
        is_above = np.isin(found.pieces.owner, facts.persons_in_pieces)
        copies.append(
            locations.copied_rows(found.pieces.row[is_above], found.pieces.owner[is_above], locations.IN_PIECES)
        )
    findings, n_omitted = locations.find_copied(texts, copies, int(facts.limits.run.limit))
    return tuple(findings), n_omitted


def _verdict(found: Matches, facts: Measurements) -> tuple[Verdict, Status, str]:
    """Return the verdict, the status and the reason; "fail" has priority over "insufficient"."""
    leak = _leak_reason(facts)
    if leak is not None:
        return "fail", "measured", leak
    invalid, few = list(_invalid_reasons(found, facts)), list(_too_few_reasons(facts))
    if invalid or few:
        return "insufficient", "inconclusive" if invalid else "measured", [*invalid, *few][0]
    untested = ""
    if lengths := facts.planted.untested_lengths:
        untested = (
            f"; the audit could not test the records of {lengths} ({facts.planted.untested_share:.1%} of the train "
            "records): as a check, it searched train records of these lengths as if they were synthetic, and found "
            "fewer than half of them"
        )
    if lengths := facts.reordered.untested_lengths:
        untested += (
            f"; the audit did not test whether records of {lengths} ({facts.reordered.untested_share:.1%} of the "
            "train records) were copied in another word order: as a check, it searched train records of these "
            "lengths with their words reordered, and found fewer than half of them"
        )
    limits_of = {
        "words of a record in any order": facts.limits.words,
        "runs that include common text": facts.limits.whole,
        "whole records of fewer than 13 words": facts.limits.short,
        **({} if found.pieces is None else {"records in pieces": facts.pieces}),
    }
    if unused := [name for name, thresholds in limits_of.items() if not np.isfinite(thresholds.limit)]:
        untested += (
            f"; the audit did not test for copies of these kinds: {', '.join(unused)}, because the table contains "
            "such matches of control persons by chance"
        )
    passed = "the share of train persons with copied text exceeds that of control persons by at most"
    return "pass", "measured", f"{passed} {facts.tau:g}{untested}"


def _leak_reason(facts: Measurements) -> str | None:
    """Return why the verdict is "fail"; None if no leak is proven."""
    n_train_persons, n_control_persons = facts.n_records
    records_leak = n_train_persons > 0 and (n_control_persons == 0 or facts.records_p <= CHANCE_LEVEL)
    if facts.n_certain_rows > 0 or records_leak:
        n_pieces = len(facts.persons_in_pieces)
        pieces = (
            f"; for {counted(n_pieces, 'person')}, several rows together contain most of a record"
            if n_pieces > 0
            else ""
        )
        # rows that equal a record of at least 13 tokens are counted only if these records prove a leak
        n_rows = len(facts.rows_above_limit) - len(facts.quotations) if records_leak else facts.n_certain_rows
        return (
            f"text of a train person is copied in {counted(n_rows, 'synthetic row')}: at least "
            f"{facts.limits.run.limit} consecutive words that only this person or very few other persons wrote, "
            f"a whole record, or most of a record with words changed, inserted or reordered{pieces}"
        )
    if facts.proven_above_tau > 0 or facts.train_excess_p <= CHANCE_LEVEL:
        return "the table copies or nearly copies the text of significantly more train persons than control persons"
    if facts.scan_p <= CHANCE_LEVEL:
        return (
            "train persons are over- or under-represented among the longest copies: among the persons whose text the "
            "table repeats most, there are significantly more, or fewer, train persons than chance explains (scan "
            f"test, level {CHANCE_LEVEL:g}). No single copy proves a leak, but together they show who was in train. "
            "If train persons are too many, train the generator for fewer steps; if they are too few, do not filter "
            "the rows by their similarity to train"
        )
    return None


def _too_few_reasons(facts: Measurements) -> Iterator[str]:
    """Yield the reason if there are too few persons to prove that Delta is at most tau."""
    if facts.tau is None:
        yield too_few(facts.excess.n)
    elif facts.excess.high > facts.tau:
        yield (
            "the share of train persons with copied text may exceed that of control persons by "
            f"{facts.excess.high:.4f}, above the limit {facts.tau}; with at least "
            f"{max(facts.n_for_stricter, 2 * facts.excess.n)} persons in each of train and control, the audit can "
            "reach a verdict"
        )


def _invalid_reasons(found: Matches, facts: Measurements) -> Iterator[str]:
    """Yield each reason why the tables do not permit a pass, whatever the number of persons is."""
    table_limits = facts.limits
    common, (_, n_with_record) = max(found.common), facts.n_records
    if len(facts.rows_above_limit) > 0:
        sharing = (
            f": {facts.n_sharing} control persons, whose texts the generator never saw, share passages with train "
            f"persons or with the table (up to {table_limits.run.by_chance} consecutive words, "
            f"{table_limits.share.by_chance:.0%} of a record)"
        )
        yield (
            f"{counted(len(facts.rows_above_limit), 'synthetic row')} may quote a train person: at least "
            f"{table_limits.run.limit} consecutive words, most of a record, or one whole short record"
            f"{sharing if facts.n_sharing > 0 else ''}. Remove these rows and audit again. If they quote public "
            "text, pass that text with `--reference FILE`"
        )
    if n_with_record > 0:
        yield (
            f"the table contains whole records of {counted(n_with_record, 'control person')}, so the generator may "
            "have seen control; draw control from a later period, or remove records that several persons share"
        )
    if common > MAX_COMMON:
        yield (
            f"{common:.0%} of the words of train or of the synthetic table are common text (at most {MAX_COMMON:.0%} "
            "is allowed), so too few words belong to single persons; records with more free text are needed"
        )
    if facts.n_non_members < facts.excess.n / 2:
        yield (
            f"only {facts.n_non_members} control persons do not share at least half of a record with a train person, "
            "so the person ids are probably wrong; give all records of a person the same id"
        )
    if facts.planted.untested_share > MAX_UNTESTED:
        yield (
            f"as a check, the audit searched train records of {facts.planted.untested_lengths} as if they were "
            "synthetic (planted copies), and found fewer than half of them; "
            f"{facts.planted.untested_share:.0%} of the train records have these lengths (at most "
            f"{MAX_UNTESTED:.0%} is allowed); longer texts are needed"
        )


def _finite(limit: float) -> float | None:
    return limit if np.isfinite(limit) else None


def _details(pool: Pool, found: Matches, facts: Measurements) -> Mapping[str, Any]:
    n_train, table_limits = pool.n_train, facts.limits
    train, control = found.best[:n_train], found.best[n_train:]
    # number of words of the longest run of own words in each synthetic row; the planted rows at the end are cut off
    row_run = found.row_run[: len(found.row_run) - int(facts.planted.planted.sum() + facts.reordered.planted.sum())]
    review = (row_run >= FLOOR_TOKENS) & (row_run < table_limits.run.limit)
    bags = dict(zip(map(str, LENGTHS), table_limits.bags, strict=True))
    return {
        "n_train_persons": n_train,
        "n_control_persons": pool.n_control,
        "tau": facts.tau,
        "limit_tokens": table_limits.run.limit,
        "certain_tokens": table_limits.run.certain,
        "control_longest_run_tokens": table_limits.run.by_chance,
        "limit_tokens_with_common_text": _finite(table_limits.whole.limit),
        "limit_share_of_record": table_limits.share.limit,
        "control_highest_share_of_record": table_limits.share.by_chance,
        "limit_words_of_record": _finite(table_limits.words.limit),
        "limit_bag_of_words": {shortest: _finite(thresholds.limit) for shortest, thresholds in bags.items()},
        "control_highest_bag_of_words": {shortest: thresholds.by_chance for shortest, thresholds in bags.items()},
        "tokens_of_a_piece": found.pieces.tokens if found.pieces is not None else None,
        "limit_pieces_of_record": _finite(facts.pieces.limit),
        "control_persons_who_share_passages": facts.n_sharing,
        "persons_in_pieces": len(facts.persons_in_pieces),
        "runs_counted_up_to_tokens": CAP_TOKENS,
        "persons_hit_by_length": {
            str(k): [int((train >= k).sum()), int((control >= k).sum())] for k in COUNTED_LENGTHS
        },
        "whole_records": list(facts.n_records),
        "short_records": [int((found.short[:n_train] > 0).sum()), int((found.short[n_train:] > 0).sum())],
        "limit_tokens_of_short_record": _finite(table_limits.short.limit),
        "whole_sentences": list(found.n_sentences),
        "rows_to_review": int(review.sum()),
        "common_share": {"synthetic": found.common[0], "train": found.common[1]},
        "persons_with_two_ids": int((np.bincount(found.merged[: pool.n_persons]) > 1).sum()),
        "planted_caught_by_tokens": facts.planted.by_length(),
        "planted_reordered_caught_by_tokens": facts.reordered.by_length(),
    }
