"""Identifiers audit: judge whether numbers, names or rare words of single persons are in the synthetic table S.

First, all rows of S are read, and then all rows of the other tables. Each search then decides which identifiers in S
are leaks. Finally, train persons are compared with control persons, whom the generator never saw (`Identifiers`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from audits.attacks.identifiers import recorded, tables
from audits.attacks.identifiers.combinations import FactOccurrences, judge_combinations
from audits.attacks.identifiers.disguised import judge_disguised, leaked_parts
from audits.attacks.identifiers.judged_codes import CodeOccurrences, judge_codes
from audits.attacks.identifiers.judged_names import NameOccurrences, judge_names
from audits.attacks.identifiers.listed.addresses import AddressOccurrences, judge_addresses
from audits.attacks.identifiers.listed.glued_names import NamePairs, judge_glued_names
from audits.attacks.identifiers.listed.names_apart import NamesApart, judge_names_apart
from audits.attacks.identifiers.locations import SearchTerms, locate_identifiers
from audits.attacks.identifiers.ownership import MAX_OWNERS
from audits.attacks.identifiers.person_names import names_in
from audits.attacks.identifiers.recorded import RecordedHits, SyntheticCounts, judge_recorded
from audits.attacks.identifiers.surprisal import QUASI_BITS, Surprisal
from audits.attacks.identifiers.tables import PatternedHits, People, PoolContent, SyntheticKeys
from audits.core.errors import counted
from audits.core.rates import (
    ProvableLimit,
    difference,
    exact,
    one_person_power,
    provable_limit,
    share,
    tau_metric,
    too_few,
)
from audits.core.stats import CHANCE_LEVEL, scan_test
from audits.core.types import AuditInputs, AuditResult, Estimate, Finding, Float, Verdict
from audits.text.normalise import normalise, tokens

NO_CONTROL_LIST = (
    "no list of identifiers of control was passed (`--control-identifiers FILE`), so the number of recorded names "
    "that occur by chance was estimated only from the control texts. If names were removed from the control texts, "
    "coincidences may be reported as leaks"
)
NO_LIST = (
    "no list of identifiers was passed (`--identifiers FILE`), so a given name or surname that stands alone is "
    "found only as a rare word"
)


class Identifiers:
    """Test whether numbers, addresses, names or rare words of single persons occur in the synthetic table S.

    Attack: the attacker searches S for an identifier of a person, such as a record number, an e-mail address or a
    misspelt name. One match is enough. The audit searches S for the identifiers of train and control persons in any
    notation. S contains identifiers of control persons only by chance.

    Kinds of identifiers (a person has an identifier if it is in the person's texts, or recorded for the person):
    - direct identifier: record number, national id, IBAN, card, NHS number;
    - contact: e-mail address, phone number, URL;
    - quasi-identifier: date, postal code, age over 89;
    - recorded identifier: a name, number or other identifier that deidentification replaced in the real rows. The
      caller passes these in the lists `identifiers` and `control_identifiers`. The report calls them "known". The
      audit also finds changed forms: the digits alone, a date in a different format, a misspelling, a disguise (such
      as reversed letters), and one long word of a name;
    - rare word: any word of at least four characters that only one person uses.

    Hit: a person has a hit if a direct identifier or contact of the person occurs in S, and
    - chance does not explain this match (see lambda below),
    - no public text contains the identifier,
    - at most ten persons have it, either all in train or all in control.

    For an identifier v, lambda is the number of matches with S that are expected by chance. `Surprisal` estimates how
    unlikely v is, in bits. A place is an identifier or number in S that could equal v. Each place is assumed to equal
    each identifier of the kind of v with probability 2^-(bits of v):

        lambda = (places in S) × (identifiers of the kind of v) × 2^-(bits of v)

    The second factor counts identifiers of train if a train person has v, otherwise those of control. For example, if
    each of 10,000 persons and each of 10,000 rows of S has one number of 8 digits, lambda is 1, so one match proves
    nothing. For contacts, chance explains a match if lambda is at least .05. For direct identifiers,
    `judge_patterned` judges all matches of equal kind and notation together, by lambda and by the matches of control.

    Leak: an identifier in S leaks if at most ten persons have it, at least one of them is in train, and chance does
    not explain why it is in S. All kinds except rare words are judged: identifiers that patterns find
    (`judge_patterned`), recorded identifiers (`judge_recorded`, `judge_disguised`, `leaked_parts`, `_Searches`), and
    names, codes and combinations of facts in the train texts (`_Searches`). Some leaks are not hits: dates are never
    hits, and neither are record numbers of both train and control persons. Control persons have hits, but no leaks.

    Verdict: fail in each of three cases:
    - There is a leak.
    - `excess` is significantly above its limit (`provable_limit`), or above 0 if there are too few persons for a
      limit. `excess` is the share of train persons with a hit minus the share of control persons with a hit.
    - Among the persons whose rare words and quasi-identifiers occur in S most often, there are significantly more, or
      significantly fewer, train persons than chance explains (`_rare_scores`, `scan_test`).
    Otherwise, the verdict is pass if the upper confidence limit of `excess` is at most its limit. In all other cases,
    it is insufficient. `audits explain identifiers` describes each of these judgements.

    Privacy: reads all texts. The result contains counts by kind and never a value. The findings (row, characters and
        person of each leak) must not be released.
    Randomness: none.
    Cost: O(N) for N characters; texts are read one by one. Memory: 12 bytes for each different word, date or contact
        in real texts, 8 bytes for each in synthetic texts, and some hundred bytes for each recorded identifier.
    Reference: the expected number of chance matches follows the exposure metric (Carlini et al. 2019).
    """

    name = "identifiers"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:  # noqa: ARG002
        """Return the verdict, the excess and the number of leaks."""
        people, texts = tables.read_people(inputs), inputs.synthetic.texts
        lists = (*(inputs.identifiers or ()), *(inputs.control_identifiers or ()))
        occurrences = recorded.Occurrences(recorded.index_identifiers(lists, (owner for _, owner in people.rows())))
        searches = _Searches(inputs, people, lists)
        collectors = (occurrences, *searches.collectors())
        synthetic = tables.read_synthetic(texts, collectors)
        pool = tables.read_pool(people, synthetic, collectors)
        background = [inputs.control] if inputs.reference is None else [inputs.control, inputs.reference]
        surprisal = Surprisal(normalise(text) for table in background for text in table.texts)
        patterned = tables.judge_patterned(people, synthetic, pool, surprisal)
        counts = SyntheticCounts(
            n_tokens=synthetic.n_tokens,
            n_numbers=len(synthetic.numbers),
            n_dates=len(synthetic.by_kind["date"]),
            n_control_tokens=searches.n_control_tokens(),
        )
        recorded_hits = judge_recorded(occurrences, counts, surprisal, people.n_train, people.n_persons)
        # The later searches need the earlier leaks. `judge_altered` does not count persons who have an earlier leak.
        # `leaked_parts` and `judge_others` ignore a recorded name if all persons whom it identifies have one.
        entities = {**recorded_hits.terms.entities, **patterned.terms.entities}
        plain_digits = {entity.key for entity in entities if entity.key.isdecimal()}
        n_disguised, places, digits = judge_disguised(texts, occurrences, pool, people, surprisal, plain_digits)
        leaks = SearchTerms(entities, recorded_hits.terms.phrases, places)
        n_altered, leaks = searches.judge_altered(texts, leaks, surprisal)
        parts = leaked_parts(texts, occurrences.recorded, people, surprisal, leaks.persons())
        part_terms = {words: ("part of a known name", owners) for words, owners in parts.items()}
        leaks = leaks._replace(phrases={**leaks.phrases, **part_terms})
        n_others, leaks, by_search = searches.judge_others(leaks, surprisal, digits)
        located = locate_identifiers(texts, leaks, people.names)
        scores = _rare_scores(people, synthetic, pool, surprisal)
        searched = _SearchResults(n_disguised, n_altered + len(parts) + n_others, by_search, scores)
        result = _judge(people, patterned, recorded_hits, searched, located, confidence)
        if inputs.identifiers is None:
            return replace(result, reason=f"{result.reason}; {NO_LIST}")
        if inputs.control_identifiers is None:
            return replace(result, reason=f"{result.reason}; {NO_CONTROL_LIST}")
        return result


class _SearchResults(NamedTuple):
    n_disguised: int  # number of leaks that `judge_disguised` returns
    # number of leaks of the later searches: persons (`judge_altered`), words (`leaked_parts`), and names, codes and
    # persons (`judge_others`)
    n_others: int
    by_search: Mapping[str, list[int]]  # numbers of persons found by each search (`_Searches.judge_others`)
    scores: Float  # result of `_rare_scores`


class _Searches:
    """Searches for altered recorded names and addresses, and for names, codes and combinations of facts in texts."""

    def __init__(self, inputs: AuditInputs, people: People, lists: Sequence[Sequence[str]]) -> None:
        self._people = people
        words = {word for text in inputs.synthetic.texts for word in tokens(text)}
        in_texts = ((list(names_in(text, words)), owner) for text, owner in people.rows() if owner < people.n_persons)
        listed = list(zip(lists, (owner for _, owner in people.rows()), strict=False))
        self._recorded_names = NameOccurrences(listed, people, are_recorded=True)
        names = list(zip(self._recorded_names.names, self._recorded_names.owners, strict=True))
        self._pairs, self._apart = NamePairs(names), NamesApart(names, people)
        self._addresses = AddressOccurrences(listed, people)
        self._text_names, self._codes = NameOccurrences(in_texts, people, are_recorded=False), CodeOccurrences(people)
        self._facts = FactOccurrences(people)

    def collectors(self) -> tuple[tables.Collector, ...]:
        """Return the objects that must read all rows before `judge_altered` or `judge_others` is called."""
        return self._recorded_names, self._text_names, self._codes, self._facts, self._apart, self._addresses

    def n_control_tokens(self) -> int:
        """Return the number of tokens of the control texts."""
        return self._recorded_names.n_tokens[1]

    def judge_altered(
        self, texts: Sequence[str], leaks: SearchTerms, surprisal: Surprisal
    ) -> tuple[int, SearchTerms]:
        """Judge recorded names whose words S joins or separates, and recorded addresses in other forms.

        Return the number of train persons who have such a leak and none of the earlier `leaks`, and the earlier and
        new leaks together.
        """
        results = (
            judge_glued_names(texts, self._pairs, self._people, surprisal),
            judge_names_apart(self._apart, self._people, surprisal),
            judge_addresses(self._addresses, self._people, surprisal),
        )
        persons = set[int]().union(*(new.persons for new in results)) - leaks.persons()
        rows = {row for new in results for row in new.places} | leaks.places.keys()
        places = {
            row: [*leaks.places.get(row, ()), *(place for new in results for place in new.places.get(row, ()))]
            for row in rows
        }
        return len(persons), leaks._replace(places=places)

    def judge_others(
        self, leaks: SearchTerms, surprisal: Surprisal, disguised_digits: set[str]
    ) -> tuple[int, SearchTerms, Mapping[str, list[int]]]:
        """Judge recorded names in another order or with initials, and names, codes and combined facts from texts.

        Return the number of new leaks, all leaks including the earlier `leaks`, and for each search [number of train
        persons found, number of persons who match by chance]. The persons who match by chance are the control persons
        found and, for recorded names, the train persons with a form of their name in control texts but not in S. The
        new leaks are
        - names: names with the same owners count once, and recorded names count only if an owner has no earlier leak;
        - codes: a code does not count if it contains, or is part of, an identifier in `leaks.entities` or a number in
          `disguised_digits`, or if it is part of a longer code (`CodeLeaks.without`);
        - train persons whom combinations of facts identify.
        """
        recorded_names = judge_names(self._recorded_names, surprisal, self._people)
        text_names = judge_names(self._text_names, surprisal, self._people)
        earlier_keys = {entity.key for entity in leaks.entities} | disguised_digits
        codes = judge_codes(self._codes, self._people, surprisal).without(earlier_keys)
        combined = judge_combinations(self._facts, self._people)
        phrases = {**text_names.phrases, **recorded_names.without(leaks.persons())}
        n_leaks = len({tuple(owners) for _, owners in phrases.values()}) + len(codes.owners) + len(combined.persons())
        leaks = leaks._replace(phrases={**phrases, **leaks.phrases}, codes=codes.owners, rows=combined.rows)
        by_search = {
            "known_names_in_other_forms": [recorded_names.found, recorded_names.by_chance],
            "names_in_texts": [text_names.found, text_names.by_chance],
            "codes": [codes.n_train, codes.n_control],
            "combinations": [combined.n_found_train, combined.n_found_control],
        }
        return n_leaks, leaks, by_search


def _rare_scores(people: People, synthetic: SyntheticKeys, pool: PoolContent, surprisal: Surprisal) -> Float:
    """Return a score z for each person. It is high if S contains many rare words and quasi-identifiers of the person.

        z(p) = (matched(p) - r × total(p)) / sqrt(total(p) + 1)
        r = (sum of matched over all persons) / (sum of total over all persons)

    total(p) is the sum of the bits of the rare words of person p and of the quasi-identifiers that only p has.
    matched(p) is the same sum over only the words and quasi-identifiers that occur in S.
    """
    n = people.n_persons
    matched, total = np.zeros(n), np.zeros(n)
    for kind, owned in pool.quasi.items():
        is_single = (owned.owner >= 0) & (owned.owner < n)
        total += QUASI_BITS[kind] * np.bincount(owned.owner[is_single], minlength=n)
        is_single &= owned.occur_in(synthetic.by_kind[kind])
        matched += QUASI_BITS[kind] * np.bincount(owned.owner[is_single], minlength=n)
    occurs = pool.words.occur_in(synthetic.words)
    # for each word: whether it is skipped, because it has several owners, is in public text or in a row set aside, or
    # was counted before
    is_skipped = (pool.words.owner < 0) | (pool.words.owner >= n)
    for text, owner in people.rows():
        words = sorted(tables.long_words(tokens(text)))
        place = pool.words.positions(words)
        for i in np.flatnonzero(~is_skipped[place]).tolist():
            bits = surprisal.bits(words[i])
            total[owner] += bits
            matched[owner] += bits * occurs[place[i]]
        is_skipped[place] = True
    rate = float(matched.sum() / max(total.sum(), 1.0))
    return np.asarray((matched - rate * total) / np.sqrt(total + 1.0), dtype=np.float64)


def _judge(
    people: People,
    patterned: PatternedHits,
    recorded_hits: RecordedHits,
    searched: _SearchResults,
    located: tuple[list[Finding], int],
    confidence: float,
) -> AuditResult:
    (findings, n_omitted), scores = located, searched.scores
    n_t, n_h = people.n_train, people.n_control
    excess = difference(patterned.hit[:n_t], patterned.hit[n_t:], confidence=confidence)
    scan = scan_test(scores[:n_t], scores[n_t:])
    n_leaks = patterned.n_leaks + recorded_hits.n_leaks + searched.n_disguised + searched.n_others
    n_persons = min(n_t, n_h)
    limit = provable_limit(n_persons)
    tau = limit.tau
    verdict, reason = _verdict(n_leaks, excess, scan.p, limit)
    return AuditResult(
        name="identifiers",
        verdict=verdict,
        status="measured",
        estimate=excess,
        control=share(patterned.hit[n_t:], confidence=confidence),
        threshold=tau,
        direction="lower_is_safer",
        metrics={
            "hard_hits": exact(n_leaks, confidence=confidence, n=people.n_synthetic),
            "excess": excess,
            "scan_p": exact(scan.p, confidence=confidence, n=n_t + n_h),
            **tau_metric(tau, confidence=confidence, n=n_persons),
        },
        details={  # "known" in a key means recorded
            "n_train_persons": n_t,
            "n_control_persons": n_h,
            "tau": tau,
            "found_by_kind_train_control": dict(patterned.by_kind),
            "contacts_that_pass_between_people": dict(patterned.shared_contacts),
            "known_identifiers_tested": recorded_hits.tested,
            "known_identifiers_found": recorded_hits.found,
            "identifiers_in_disguise": searched.n_disguised,
            "known_identifiers_of_control_found": recorded_hits.of_control,
            "found_in_other_ways_train_control": searched.by_search,
            "scan_cut": [scan.cut, scan.n_train_in_cut],
            "findings_left_out": n_omitted,
            "power": one_person_power(n_t, n_h),
        },
        reason=reason,
        findings=tuple(findings),
    )


def _verdict(n_leaks: int, excess: Estimate, scan_p: float, limit: ProvableLimit) -> tuple[Verdict, str]:
    tau = limit.tau
    if n_leaks > 0:
        return "fail", (
            f"the synthetic table contains {counted(n_leaks, 'identifier')} of train persons; each identifier "
            f"belongs to at most {MAX_OWNERS} persons"
        )
    if excess.low > (0.0 if tau is None else tau):
        more_in_train = (
            "the synthetic table contains identifiers of significantly more train persons than control persons"
        )
        return "fail", more_in_train
    if scan_p <= CHANCE_LEVEL:
        return "fail", (
            "rare words of train persons are over- or under-represented in the synthetic table: among the persons "
            "whose rare words occur in it, there are significantly more, or fewer, train persons than chance "
            f"explains (scan test, level {CHANCE_LEVEL:g}). No single word proves a leak, but all words together "
            "show who was in train. If there are too many train persons, remove rare names and words from train, or "
            "train the generator for fewer steps; if there are too few, do not filter the rows by their similarity "
            "to train"
        )
    if tau is None:
        return "insufficient", too_few(excess.n)
    if excess.high > tau:
        return "insufficient", (
            "the share of train persons with an identifier in the synthetic table may exceed that of control persons "
            f"by {excess.high:.4f}, above the limit {tau:g}; provide {max(limit.n_for_stricter, 2 * excess.n)} "
            "persons in each of train and control, or a reference table of public text that contains the contacts "
            "which many persons share, such as the telephone number of a reception"
        )
    return "pass", (
        "the share of train persons with an identifier in the synthetic table exceeds that of control persons by at "
        f"most {tau:g}"
    )
