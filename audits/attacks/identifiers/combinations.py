"""Find rows of the synthetic table S whose facts (such as age, sex, date and postal code) together fit one person.

The bits of a fact are -log2 of the fraction of train and control persons who have the fact (`FactOccurrences.bits`).
The generator read the records of train persons, and never those of control persons.

A combination consists of the facts that a row and a person have in common. It counts if its facts are of at least
three kinds and no second person has all of them (for words, see `_single_persons`). lambda is the number of pairs
(row, person) that are expected to have, by chance alone, a combination with this number of bits:

    lambda = (rows of S) × (persons) × 2^-(bits of the combination)

A combination can also contain the full name of the person: two or three words that stand together both in a text of
the person (`full_names`) and in the row. The name counts only in a combination with a date, because without a date it
may be the name of a place. The name adds two kinds of facts: "word" for its rarest word, and "name" for its other
words.

The bits of a combination are the sum of the bits of its facts, with four exceptions:
- If a row has n facts of one stratum (a group of similar facts, `Fact.stratum`), each of them has log2(n) fewer bits,
  because each could match by chance. For words, n is the number of different words in the row.
- If several facts of one kind are shared, only the fact with the most bits counts.
- Each word of a full name except the rarest has log2(4) = 2 fewer bits (`_NEIGHBOURS`), because it can stand in any
  of four places near the rarest word: the two places before it and the two places after it.
- In a combination with a date, the age adds no bits, because a date of birth determines the age.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.ownership import MIN_NAMES
from audits.attacks.identifiers.patterns import RowContent
from audits.attacks.identifiers.spelled_dates import BELOW_HUNDRED, any_of
from audits.attacks.identifiers.surprisal import DIGIT_BITS, QUASI_BITS
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary
from audits.text.normalise import tokens

MIN_KINDS = 3  # smallest number of kinds of facts in a combination
MAX_COINCIDENCES = 0.01  # a combination is rare if its lambda (see above) is at most this number
# if fewer control persons have rare combinations, each rare combination of a train person is a leak; otherwise, a
# significance test decides (`judge_combinations`)
MIN_CONTROL = MIN_NAMES
DAYS_OF_DECADE = 3653
# a row of S is compared with a person only if they share a fact that at most 50 persons have; sex and words do not
# count here
MAX_OWNERS = 50
# kind of fact: largest number of bits of such a fact; a fact of kind "number" has at most `DIGIT_BITS` per digit
MAX_BITS = {"date": QUASI_BITS["date"], "postal": QUASI_BITS["postal"], "age": 7.0, "sex": 1.0, "word": 20.0}
_AGE = re.compile(
    r"(?<![\w./-])(\d{1,2}|1[01]\d)[ -]?(?:years?|yrs?|y/?o|yo|y)(?:[ -]?(?:old|of age|o))?(?!\w)"
    r"|\bage[d:]? ?(\d{2,3})(?!\w)"
)
_AGES = {phrase: years for phrase, years in BELOW_HUNDRED.items() if years >= 20}
_AGE_WORDS = any_of(_AGES)
_SPELLED_AGE = re.compile(
    rf"(?<![\w-])({_AGE_WORDS})[ -]years?[ -](?:old|of age)(?!\w)|(?<![\w-])aged? ({_AGE_WORDS})(?![\w-])"
)
_SEX_AFTER_AGE = re.compile(r"(?<!\w)\d{2,3}[ -]?(?:years?[ -]old|years?|yrs?|y/?o|yo|y),?[ -]([mf])(?!\w)")
_SEX = {
    **dict.fromkeys(("man", "male", "gentleman", "boy", "mr", "he", "him", "his"), "m"),
    **dict.fromkeys(("woman", "female", "lady", "girl", "mrs", "ms", "she", "her"), "f"),
}
# a number of 4 to 7 digits that is not a year
_NUMBER = re.compile(r"(?<![\w.,/-])(?!(?:19|20)\d\d(?!\d))\d{4,7}(?![\w/-]|[.,]\d)")
MIN_NAME_WORDS = 2  # smallest number of words of a full name
_NEIGHBOURS = 4  # number of places near a word: the two before it and the two after it
_FULL_NAME = re.compile(r"(?<![\w'-])[A-Z][^\W\d_]+(?:,? (?:[A-Z]\.? )?[A-Z][^\W\d_]+){1,2}(?!\w)")
_PROPER = re.compile(r"(?<=[\w,;:] )[A-Z][^\W\d_]{2,}(?!\w)")  # a capitalised word that does not begin a sentence


class Fact(NamedTuple):
    """A fact in a text."""

    kind: str  # age, sex, date, postal, number or word
    value: str

    @property
    def stratum(self) -> str:
        """The name of the group of similar facts to which the fact belongs.

        A group consists of the dates of one decade, of the postal codes with letters and digits in the same places,
        or of all facts of one of the other kinds.
        """
        if self.kind == "date":  # the value begins with the last two digits of the year, such as 31 for 1931 and 2031
            return f"date {self.value[0]}"
        if self.kind == "postal":
            return "postal " + "".join("9" if c.isdecimal() else "A" for c in self.value)
        return self.kind


def facts_of(row: RowContent) -> set[Fact]:
    """Return the facts of all kinds except "word" in a text; a text with words for both sexes has no fact "sex"."""
    matches = [match for match in row.matches if match.entity.kind in {"date", "postal"}]
    found = {Fact(match.entity.kind, match.entity.key) for match in matches}
    found |= {Fact("age", match[1] or match[2]) for match in _AGE.finditer(row.normalised)}
    spelled = ((match[1] or match[2]).replace("-", " ") for match in _SPELLED_AGE.finditer(row.normalised))
    found |= {Fact("age", str(_AGES[age])) for age in spelled}
    numbers = [n for n in _NUMBER.finditer(row.normalised) if not any(m.start <= n.start() < m.end for m in matches)]
    found |= {Fact("number", number[0]) for number in numbers}
    sexes = {_SEX[word] for word in row.words if word in _SEX}
    sexes |= {match[1] for match in _SEX_AFTER_AGE.finditer(row.normalised)}
    if len(sexes) == 1:
        found.add(Fact("sex", sexes.pop()))
    return found


def word_facts(text: str) -> set[Fact]:
    """Return the capitalised words of a text that begin no sentence, such as parts of names and places, as facts."""
    return {Fact("word", match[0].casefold()) for match in _PROPER.finditer(text)}


def full_names(text: str) -> set[frozenset[str]]:
    """Return the words of each full name in a text: two or three capitalised words that stand together.

    Initials and ordinary words are left out; a name with fewer than two remaining words is omitted.
    """
    found = (
        frozenset(word for word in tokens(match[0]) if len(word) > 1 and not is_ordinary(word))
        for match in _FULL_NAME.finditer(text)
    )
    return {words for words in found if len(words) >= MIN_NAME_WORDS}


class FactOccurrences:
    """The facts in S, and for each fact the train and control persons who have it.

    Memory: some hundred bytes for each fact of a person that also occurs in S.
    """

    def __init__(self, people: People) -> None:
        self._n_persons = people.n_persons
        self._in_synthetic: set[Fact] = set()
        self._words: set[str] = set()
        self.rows: list[tuple[set[Fact], list[str]]] = []  # facts and words of each row of S
        # by person: for each full name (`full_names`), its words that occur in S, if at least two do
        self.names: dict[int, set[frozenset[str]]] = defaultdict(set)
        self.owners: dict[Fact, set[int]] = defaultdict(set)  # persons with each fact that occurs in S

    def read_synthetic(self, row: RowContent) -> None:
        """Add the facts of a row of S."""
        self.rows.append((facts_of(row), row.words))
        self._in_synthetic |= self.rows[-1][0]
        self._words.update(row.words)

    def read_other(self, row: RowContent, owner: int) -> None:
        """Add the facts of a row that is not in S and belongs to `owner`."""
        if owner < self._n_persons:
            for fact in facts_of(row) & self._in_synthetic:
                self.owners[fact].add(owner)
            in_synthetic = (words & self._words for words in full_names(row.text))
            names = {words for words in in_synthetic if len(words) >= MIN_NAME_WORDS}
            if names:
                self.names[owner] |= names
            for fact in word_facts(row.text) | {Fact("word", word) for words in names for word in words}:
                if fact.value in self._words:
                    self.owners[fact].add(owner)

    def bits(self) -> Mapping[Fact, float]:
        """Return the bits of each fact: -log2 of the share of persons who have it, at most `MAX_BITS`.

        If only one of the n persons has a fact, the share is estimated as 2 × n2 / (n1 × n). n1 is the number of
        facts in its stratum that exactly one person has, and n2 is the number that exactly two persons have.

        A date has at most log2(3653 / s) bits. 3653 is the number of days of a decade. s is the share of the decade
        of this date among the different dates that at least two persons have; if no such date is in the decade, this
        limit does not apply. Leaked dates usually belong to one person. If they were counted, their decade would look
        frequent and they would have fewer bits.

        Reference: Good, Biometrika 1953.
        """
        n_with: dict[tuple[str, int], int] = defaultdict(int)
        for fact, owners in self.owners.items():
            n_with[fact.stratum, len(owners)] += 1
        decades = Counter(f.stratum for f, owners in self.owners.items() if f.kind == "date" and len(owners) > 1)
        bits: dict[Fact, float] = {}
        for fact, owners in self.owners.items():
            n_owners: float = len(owners)
            if n_owners == 1:
                n_owners = 2 * n_with[fact.stratum, 2] / n_with[fact.stratum, 1]
            max_bits = DIGIT_BITS * len(fact.value) if fact.kind == "number" else MAX_BITS[fact.kind]
            if fact.stratum in decades:
                max_bits = min(max_bits, math.log2(DAYS_OF_DECADE * decades.total() / decades[fact.stratum]))
            bits[fact] = min(max_bits, -math.log2(max(n_owners / self._n_persons, 2.0**-max_bits)))
        return bits


class CombinationLeaks(NamedTuple):
    """The result of `judge_combinations`."""

    rows: Mapping[int, Sequence[int]]  # rows of S that are leaks: for each, the train persons whom the row identifies
    n_found_train: int  # number of train persons with a combination whose lambda is at most 1
    n_found_control: int  # number of control persons with a combination whose lambda is at most 1

    def persons(self) -> set[int]:
        """Return the numbers of the train persons that the leaks identify."""
        return {owner for owners in self.rows.values() for owner in owners}


def judge_combinations(occurrences: FactOccurrences, people: People) -> CombinationLeaks:
    """Return the rows of S with a combination of facts that identifies one train person.

    For combinations and lambda, see the top of this file. A row with a combination of a train person is a leak in
    two cases (`exceeds_control` makes the significance tests):

    - Lambda is at most 1, and significantly more train than control persons have combinations with such a lambda.
    - Lambda is at most .01. Fewer than two control persons have combinations with such a lambda, or significantly
      more train than control persons do.

    If a row has the person's full name, the combination is judged both without and with the name. Combinations with a
    name are counted and tested separately, because control persons have them by chance too: news texts name public
    figures beside dates. With a name, the second case compares train persons with a lambda of at most .01 with
    control persons with a lambda of at most 1.
    """
    bits, of_person = occurrences.bits(), defaultdict[int, set[Fact]](set)
    for fact, owners in occurrences.owners.items():
        for owner in owners:
            of_person[owner].add(fact)
    log2_pairs = math.log2(max(people.n_synthetic * people.n_persons, 1))
    # (row of S, person with a combination in this row, (bits without a full name, bits with the full name))
    found = [
        (row, owner, scores)
        for row, (facts, words) in enumerate(occurrences.rows)
        for owner, scores in _single_persons(facts, words, occurrences, of_person, bits).items()
    ]
    min_bits = log2_pairs - math.log2(MAX_COINCIDENCES), log2_pairs  # bits for lambda of at most .01 and at most 1
    # {person: rows}: `rare` with lambda of at most .01, `less_rare` with lambda of at most 1, which includes `rare`
    rare, less_rare = (_rows_of(found, n, with_name=False) for n in min_bits)
    rare_named, less_rare_named = (_rows_of(found, n, with_name=True) for n in min_bits)
    # For each rule: the mapping from which train persons are taken, the mapping in which control persons are counted,
    # and the smallest number of control persons for a significance test (with fewer, every train person counts).
    rules = (
        (rare, rare, MIN_CONTROL),
        (less_rare, less_rare, 0),
        (rare_named, less_rare_named, MIN_CONTROL),
        (less_rare_named, less_rare_named, 0),
    )
    leaks = defaultdict[int, list[int]](list)
    for rows, rows_by_chance, minimum in rules:
        train = [owner for owner in rows if owner < people.n_train]
        n_control = sum(owner >= people.n_train for owner in rows_by_chance)
        if exceeds_control(len(train), n_control, people.n_train / people.n_persons, minimum=minimum):
            for owner in train:
                for row in rows[owner]:
                    leaks[row] = sorted({*leaks[row], owner})
    persons = less_rare.keys() | less_rare_named.keys()
    n_found_train = sum(owner < people.n_train for owner in persons)
    return CombinationLeaks(leaks, n_found_train, len(persons) - n_found_train)


def _rows_of(
    found: Iterable[tuple[int, int, tuple[float, float]]], min_bits: float, *, with_name: bool
) -> Mapping[int, set[int]]:
    """Return {person: rows of S in which the person's combination has at least `min_bits` bits}.

    The combinations contain the full name if `with_name`, otherwise they contain no full name.
    """
    rows = defaultdict[int, set[int]](set)
    for row, owner, scores in found:
        if scores[with_name] >= min_bits:
            rows[owner].add(row)
    return rows


def _single_persons(
    facts: set[Fact],
    words: Sequence[str],
    occurrences: FactOccurrences,
    of_person: Mapping[int, set[Fact]],
    bits: Mapping[Fact, float],
) -> dict[int, tuple[float, float]]:
    """Return {person: (bits without the full name, bits with it)} for the persons with a combination in a row.

    `facts` and `words` are the content of the row. The shared facts are those that both the row and the person have.
    One combination consists of the shared facts, and the other of the shared facts and the person's full name. The
    second requires a shared date and the full name in the row. If a combination is missing or has fewer than three
    kinds of facts, its bits are minus infinity. The decisive facts are the shared facts that are not words, if those
    are of at least three kinds, and otherwise all shared facts. A person is returned if at least one of the two
    numbers is finite and no second person has all decisive facts.
    """
    n_in_stratum = Counter(fact.stratum for fact in facts)
    owner_sets = [occurrences.owners.get(fact, set()) for fact in facts if fact.kind != "sex"]
    shared: dict[int, set[Fact]] = {}
    in_row = set(words)
    for owner in {owner for group in owner_sets if len(group) <= MAX_OWNERS for owner in group}:
        shared[owner] = {f for f in of_person[owner] if f in facts or (f.kind == "word" and f.value in in_row)}
    found: dict[int, tuple[float, float]] = {}
    for owner, shared_facts in shared.items():
        best: dict[str, float] = {}
        for fact in shared_facts:
            n_facts = len(in_row) if fact.kind == "word" else n_in_stratum[fact.stratum]
            best[fact.kind] = max(best.get(fact.kind, 0.0), bits[fact] - math.log2(n_facts))
        if "date" in best and "age" in best:
            best["age"] = 0.0
        name = _full_name(occurrences.names.get(owner, ()), words, bits) if "date" in best else {}
        combined = (best, best | name if name else {})
        if all(len(kinds) < MIN_KINDS for kinds in combined):
            continue
        not_words = {fact for fact in shared_facts if fact.kind != "word"}
        decisive = not_words if len({fact.kind for fact in not_words}) >= MIN_KINDS else shared_facts
        if not any(decisive <= others_facts for other, others_facts in shared.items() if other != owner):
            bits_of = [sum(kinds.values()) if len(kinds) >= MIN_KINDS else -math.inf for kinds in combined]
            found[owner] = (bits_of[0], bits_of[1])
    return found


def _full_name(names: Iterable[frozenset[str]], words: Sequence[str], bits: Mapping[Fact, float]) -> dict[str, float]:
    """Return the bits of a person's full name in a row: "word" for its rarest word, "name" for its other words.

    `names` has the words of each full name of the person, and `words` are the words of the row. If the row contains
    several of the names, the name with the most bits counts. If it contains none of them, the result is empty.
    """
    found: list[tuple[float, float]] = []
    for name in names:
        if _stand_together(name, words):
            *others, rarest = sorted(bits[Fact("word", word)] for word in name)
            found.append((rarest - math.log2(len(set(words))), sum(n - math.log2(_NEIGHBOURS) for n in others)))
    return dict(zip(("word", "name"), max(found, key=sum), strict=True)) if found else {}


def _stand_together(name: frozenset[str], words: Sequence[str]) -> bool:
    """Return whether 2n - 1 consecutive words of a text contain all n words of a name."""
    places = [at for at, word in enumerate(words) if word in name]
    width = 2 * len(name) - 1
    return any(name.issubset(words[at : at + width]) for at in places)
