"""Draw facts for a prompt with their frequencies in train: a person's sex and age, and a number of words to write."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthgen.attributes.extract import extract
from synthgen.attributes.person import years_of
from synthgen.core.digest import sha256_json
from synthgen.core.types import Corpus, Record

# A pair of sex and age decade is stored only if at least this number of persons of the class share it. Text lengths
# are stored only for a class with at least this number of persons.
MIN_PERSONS = 5
N_LENGTHS = 9  # number of text lengths stored per class: the nine deciles
STEP = 10  # lengths are rounded to multiples of this number of words
OLDEST = 8  # decade that stands for all ages from 80 years on
ADULT = 18  # age in years from which a person is called a man or woman instead of a boy or girl
_NOUNS = {"male": ("a man", "a boy"), "female": ("a woman", "a girl"), "": ("an adult", "a child")}
SexAndDecade = tuple[str, int | None]  # sex and decade of the age (6 for 60 to 69 years); "" and None if unknown


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """Facts of each class: the number of records for each pair of sex and age decade, and text lengths in words.

    Privacy: computed from train without noise. At least `MIN_PERSONS` persons of the class share each stored pair;
        rarer pairs are counted as the unknown pair ("", None). Lengths are deciles, rounded to `STEP` words, and
        stored only for classes with at least `MIN_PERSONS` persons.
    """

    # by class: each pair of sex and age decade, with its number of records
    sex_and_age: Mapping[str, tuple[tuple[SexAndDecade, int], ...]] = field(default_factory=dict)
    lengths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # by class: the deciles, in words

    @property
    def digest(self) -> str:
        """SHA-256 of `sex_and_age` and `lengths`."""
        return sha256_json({"persons": dict(self.sex_and_age), "lengths": dict(self.lengths)})

    def longest(self) -> tuple[str, str]:
        """Return a description and a length that are at least as long in a prompt as any result of `draw`."""
        has_person = any(n for pairs in self.sex_and_age.values() for (s, d), n in pairs if s or d is not None)
        length = max((n for lengths in self.lengths.values() for n in lengths), default="")
        return "an adult of 100" if has_person else "", str(length)

    def draw(self, label: str, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a description of a person and a length in words; "" stands for a missing fact."""
        persons, lengths = self.sex_and_age.get(label, ()), self.lengths.get(label, ())
        person, length = "", ""
        if persons:
            sums = np.cumsum([n for _, n in persons])
            person = described(persons[int(np.searchsorted(sums, rng.random() * sums[-1], "right"))][0], rng)
        if lengths:
            length = str(lengths[int(rng.integers(len(lengths)))])
        return person, length


def facts_of(train: Corpus, split: Callable[[str], Sequence[str]] = lambda text: (text,)) -> RecordFacts:
    """Return the facts of train; none under differential privacy, because the texts are then empty.

    `split` divides a text into the parts that are written one after another; the lengths are those of the parts.
    """
    of_class: defaultdict[str, list[Record]] = defaultdict(list)
    for record in train.records:
        if record.text.split():
            of_class[record.label].append(record)
    persons, lengths = {}, {}
    for label, records in sorted(of_class.items()):
        persons[label] = _pair_counts([(person_of(record.text), record.group) for record in records])
        if len({record.group for record in records}) >= MIN_PERSONS:
            lengths[label] = _deciles([len(part.split()) for record in records for part in split(record.text)])
    return RecordFacts(sex_and_age=persons, lengths=lengths)


def person_of(text: str) -> SexAndDecade:
    """Return the sex and age decade that a text states; decades above `OLDEST` become `OLDEST`."""
    findings = extract(text)
    sex = next((f.value for f in findings if f.attribute == "sex" and f.value in _NOUNS), "")
    age = next((f.value for f in findings if f.attribute == "age" and not f.negated), None)
    return sex, None if age is None else min(years_of(age)[0] // 10, OLDEST)


def described(pair: SexAndDecade, rng: np.random.Generator) -> str:
    """Return a phrase with a random age in the decade: ("female", 6) -> "a woman of 64"."""
    sex, decade = pair
    if decade is None:
        return _NOUNS[sex][0] if sex else ""
    age = 10 * decade + int(rng.integers(10))
    return f"{_NOUNS[sex][0 if age >= ADULT else 1]} of {age}"


def _pair_counts(pairs: list[tuple[SexAndDecade, str]]) -> tuple[tuple[SexAndDecade, int], ...]:
    owners: defaultdict[SexAndDecade, set[str]] = defaultdict(set)
    for pair, person in pairs:
        owners[pair].add(person)
    # a pair that fewer than `MIN_PERSONS` persons have is counted as unknown
    counts = Counter(pair if len(owners[pair]) >= MIN_PERSONS else ("", None) for pair, _ in pairs)
    return tuple(sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] is None, item[0][1] or 0)))


def _deciles(lengths: list[int]) -> tuple[int, ...]:
    shares = np.arange(1, N_LENGTHS + 1) / (N_LENGTHS + 1)
    return tuple(max(STEP, round(float(n) / STEP) * STEP) for n in np.quantile(lengths, shares))
