"""Replace identifiers in source texts by surrogates, invented values of the same kind: "Ann Lee" -> "Ida Hall".

An engine (engines.py) finds the spans of identifiers in a text. `Surrogates` draws a surrogate for each identifier,
from keyed hashes of the person and the identifier. An identifier gets the same surrogate in all records of a person.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from audits.text.name_lists import FEMALE_FIRST, FIRST_NAMES, MALE_FIRST, PARTICLES, PLAIN_LAST, split_list
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.deidentify.classifier import MODEL
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.dates import Order, date_order, shift_date
from synthgen.deidentify.engines import engine_of, finder
from synthgen.deidentify.known_names import KnownNames
from synthgen.deidentify.names import SUFFIXES, fold, name_parts
from synthgen.deidentify.places import ADDRESS_END, STREET_TYPE, TOWN_AFTER_STREET
from synthgen.deidentify.spans import Span, read
from synthgen.models.store import digest_of, model_folder

# smallest and largest number of days by which dates move; at least a month and less than a year, so that a date
# without a day or without a year always changes
MIN_SHIFT_DAYS, MAX_SHIFT_DAYS = 31, 330
_TOWNS = split_list(
    "Ashbury Brookvale Coldwater Elmstead Fernhollow Glenrock Millhaven Oakridge Westbrook"
)  # invented
_STREETS = split_list("Cobbler Drover Fennel Harvest Lantern Meadow Pinecone Saddler Thimble Windmill")
_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # a part of a name; a hyphen separates two parts
_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"


class Surrogates:
    """The surrogates of one person (`group`).

    An identifier always gets the same surrogate, except for letter case and for initials.

    - A first name becomes a different first name, of the same gender if the name lists contain the original.
    - A last name becomes a different last name.
    - An initial is replaced in the same way as the first replaced name with this initial: after "Ann" -> "Ida", "A."
      becomes "I.". Without such a name, the initial becomes a drawn letter.
    - All dates move by the same number of days, at least 31 and at most 330, forward or backward.
    - Ages become 90+; the engines find only ages over 89.
    - E-mail, web and IP addresses, streets and places become invented values of the same kind.
    - In identifiers of all remaining kinds, a drawn digit replaces each digit, and a drawn letter each letter.

    `declared_names` are the names of the person in the source. A surrogate of a name is never one of these names.
    `known` are the names of all persons and of the staff. If `known` is given, no two surrogates of names together
    form a name in `known`.
    """

    def __init__(
        self,
        seeds: SeedTree,
        group: str,
        declared_names: Iterable[str],
        order: Order = "month-first",
        known: KnownNames | None = None,
    ) -> None:
        self.order = order
        self._known_pairs = frozenset() if known is None else known.pairs
        self._seeds = seeds.child("person", group)
        self._names: dict[str, str] = {}  # folded part of a name (see `fold`) -> surrogate
        self._initials: dict[str, str] = {}  # first letter of a replaced name -> first letter of the name's surrogate
        declared_names = tuple(declared_names)
        # folded names that cannot be the next surrogate: declared names, replaced names, and their surrogates
        self._taken = set(name_parts(declared_names))
        shift = MIN_SHIFT_DAYS + self._drawn_integer("days") % (MAX_SHIFT_DAYS - MIN_SHIFT_DAYS + 1)
        self.shift_days = shift if self._drawn_integer("direction") % 2 == 0 else -shift
        for name in declared_names:
            last, comma, first = name.partition(",")
            self._name(f"{first} {last}" if comma else name)

    def replace(self, kind: str, value: str) -> str:
        """Return the surrogate of the identifier `value`.

        Particles and suffixes of names, such as "van" and "Jr", are kept, and also values with neither letters nor
        digits. Every other value differs from its surrogate. Only e-mail, web and IP addresses are not compared with
        their surrogates: each has more than 10^7 possible surrogates, so the probability of equality is below 10^-7.
        """
        make: Mapping[str, Callable[[str], str]] = {
            "name": self._name,
            "date": self._date,
            "age": lambda _: "90+",
            "email": self._email,
            "url": lambda v: f"https://www.example.org/{self._drawn_integer('url', v.casefold()) % 10**8:08d}",
            "ip": self._ip,
            "street": self._street,
            "place": self._place,
        }
        return make[kind](value) if kind in make else self._characters("number", value)

    def _drawn_integer(self, *names: str) -> int:
        # returns an integer of 256 bits, which depends only on the seeds, the person and `names`
        return int.from_bytes(self._seeds.child(*names).key(), "big")

    def _pick(self, options: Sequence[str], *names: str) -> str:
        return options[self._drawn_integer(*names) % len(options)]

    def _name(self, value: str) -> str:
        is_single_word = not any(c.isspace() for c in value)

        def surrogate(match: re.Match[str]) -> str:
            is_first = match[0].title() in FIRST_NAMES if is_single_word else " " in value[match.end() :]
            return self._name_token(match[0], is_first=is_first)

        return _PART.sub(surrogate, value)

    def _name_token(self, word: str, *, is_first: bool) -> str:
        stem = word.removesuffix("'s").removesuffix("’s")
        key = fold(stem)
        if key in SUFFIXES or key in PARTICLES:
            return word
        if len(stem) == 1:
            drawn = self._pick([letter for letter in _LETTERS if letter != key], "initial", key).upper()
            return self._initials.get(key, drawn) + word[len(stem) :]
        if key not in self._names:
            self._names[key] = self._draw_name(key, is_first=is_first)
            self._initials.setdefault(key[0], self._names[key][0])
        name = self._names[key]
        cased = name.upper() if stem.isupper() else name.lower() if stem.islower() else name
        return cased + word[len(stem) :]

    def _draw_name(self, key: str, *, is_first: bool) -> str:
        # Returns the first free name of a list, searched from a drawn position on, or an invented name if no listed
        # name is free. The first letter of the result differs from the first letter of `key`.
        pool = PLAIN_LAST
        if is_first:
            title = key.title()
            pool = next((names for names in (FEMALE_FIRST, MALE_FIRST) if title in names), FEMALE_FIRST + MALE_FIRST)
        self._taken.add(key)
        start = self._drawn_integer("name", key)
        listed = (pool[(start + i) % len(pool)] for i in range(len(pool)))
        invented = (self._characters("name", key.ljust(8 + i, "a")).capitalize() for i in count())
        name = next(n for n in chain(listed, invented) if fold(n)[0] != key[0] and self._is_free(fold(n)))
        self._taken.add(fold(name))
        return name

    def _is_free(self, name: str) -> bool:
        pairs = (frozenset({name, fold(surrogate)}) for surrogate in self._names.values())
        return name not in self._taken and self._known_pairs.isdisjoint(pairs)

    def _date(self, value: str) -> str:
        try:
            return shift_date(value, self.shift_days, self.order)
        except ValueError:  # the span was joined with a second span, and contains more than a date
            return "[date]"

    def _characters(self, kind: str, value: str) -> str:
        # returns `value` with a drawn digit in place of each digit and a drawn letter in place of each letter
        key = value.casefold()

        # Attempts are made until the new value differs from `value`. The draws for the first 40 characters come from
        # one integer of 256 bits, shifted by 6 bits for each character. Every later character has a separate integer.
        def replaced(attempt: str) -> str:
            bits = self._drawn_integer(kind, key, attempt)
            draws = (bits >> 6 * i if i < 40 else self._drawn_integer(kind, key, attempt, str(i)) for i in count())
            return "".join(map(_same_kind, value, draws))

        can_differ = any(c.isdigit() or c.isalpha() for c in value)
        return next(new for new in map(replaced, map(str, count())) if new.casefold() != key or not can_differ)

    def _email(self, value: str) -> str:
        key = value.casefold()
        first = self._pick(FEMALE_FIRST + MALE_FIRST, "email", "first", key)
        last = self._pick(PLAIN_LAST, "email", "last", key)
        digits = self._drawn_integer("email", "digits", key) % 90 + 10
        return f"{first}.{last}{digits}@example.org".lower().replace("'", "")

    def _ip(self, value: str) -> str:
        drawn = self._drawn_integer("ip", value.casefold())
        return f"10.{drawn & 255}.{drawn >> 8 & 255}.{drawn >> 16 & 255}"

    def _street(self, value: str) -> str:
        kind, house_number = STREET_TYPE.search(value), re.search(r"\d+", value)
        digits = self._characters("street", house_number[0] if house_number else "11")
        parts = [f"{digits} {self._pick_not_in(_STREETS, 'street', value)} {kind[0].title() if kind else 'Street'}"]
        towns = [self._pick_not_in(_TOWNS, "place", value)] if TOWN_AFTER_STREET.search(value) else []
        return self._with_ending(parts + towns, value)

    def _place(self, value: str) -> str:
        return self._with_ending([self._pick_not_in(_TOWNS, "place", value)], value)

    def _pick_not_in(self, pool: Sequence[str], kind: str, value: str) -> str:
        key = value.casefold()
        return self._pick([name for name in pool if name.casefold() not in key], kind, key)

    def _with_ending(self, parts: Sequence[str], value: str) -> str:
        # joins the parts of an address, and adds the state and a new postal code if `value` ends with them
        end = ADDRESS_END.search(value)
        region, code = end.group("region", "code") if end else (None, None)
        address = ", ".join([*parts, *([region.upper()] if region else [])])
        return f"{address} {self._characters('place', code)}" if code else address


def _same_kind(character: str, draw: int) -> str:
    # returns digit `draw` % 10 for a digit, letter `draw` % 26 for a letter, and any other character unchanged
    if character.isdigit():
        return _DIGITS[draw % 10]
    if character.isalpha():
        letter = _LETTERS[draw % 26]
        return letter.upper() if character.isupper() else letter
    return character


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """The corpus with surrogates, and the identifiers that were replaced.

    Privacy: `replaced` contains the real identifiers, which the audit `identifiers` needs. It stays in the workspace,
        the private folder of the run.
    """

    corpus: Corpus  # same ids, labels, groups and order as the original
    replaced: dict[str, tuple[tuple[str, str], ...]]  # record id -> (kind, original) of each identifier in text order
    date_orders: dict[str, int]  # order of day and month -> number of persons to whom it applies

    @property
    def counts(self) -> dict[str, int]:
        """The number of replaced identifiers of each kind, sorted by kind."""
        return dict(sorted(Counter(kind for pairs in self.replaced.values() for kind, _ in pairs).items()))

    def __repr__(self) -> str:
        return f"Deidentified({self.corpus!r}, {sum(self.counts.values())} identifiers)"


class Deidentifier:
    """Replace the identifiers in records by surrogates (see `Surrogates`); missed identifiers stay in the text.

    Args:
        config: the engine, which must not be `off`, and the order of day and month.
        names: record id -> declared names of the person; all records of the person are searched for these names.
        seeds: the seeds of the stage.
        shares_names: True to search every record for the names of all persons and of `staff`.
        staff: names of practitioners.

    Raises:
        DependencyError, ModelMissing, ModelError: the classifier cannot be loaded, see `Classifier`.

    Privacy: without `shares_names`, the new texts of a person depend only on that person's records and names.
    Randomness: keyed hashes of person, kind and value determine the surrogates.
    """

    def __init__(
        self,
        config: DeidentifyConfig,
        names: Mapping[str, Sequence[str]],
        seeds: SeedTree,
        *,
        shares_names: bool = False,
        staff: Sequence[str] = (),
    ) -> None:
        self._config, self._names, self._seeds = config, names, seeds
        all_names = {read(name).text for listed in (*names.values(), staff) for name in listed}
        self._known = KnownNames(all_names) if shares_names else None
        self._find = finder(config.engine, self._known)

    def deidentify(self, corpus: Corpus, advance: Advance = lambda _: None) -> Deidentified:
        """Return the corpus with surrogates; the corpus must contain either all or no records of each person.

        `advance` is called with 1 after each record.
        """
        declared: dict[str, dict[str, None]] = defaultdict(dict)
        for record in corpus.records:
            declared[record.group] |= dict.fromkeys(read(name).text for name in self._names.get(record.id, ()))
        texts: dict[str, list[str]] = defaultdict(list)
        for record in corpus.records:
            texts[record.group].append(read(record.text).text)
        order = self._config.date_order
        orders = {group: date_order(listed) if order == "auto" else order for group, listed in texts.items()}
        surrogates = {
            group: Surrogates(self._seeds, group, declared_names, orders[group], self._known)
            for group, declared_names in declared.items()
        }
        records = []
        replaced: dict[str, tuple[tuple[str, str], ...]] = {}
        for record in corpus.records:
            spans = self._find(record.text, tuple(declared[record.group]))
            text, replaced[record.id] = _replace(record.text, spans, surrogates[record.group])
            records.append(replace(record, text=text))
            advance(1)
        date_orders = dict(sorted(Counter[str](orders.values()).items()))
        new_corpus = replace(corpus, records=tuple(records))
        return Deidentified(corpus=new_corpus, replaced=replaced, date_orders=date_orders)


def deidentify(  # noqa: PLR0913 - one argument for each input of the stage
    corpus: Corpus,
    config: DeidentifyConfig,
    names: Mapping[str, Sequence[str]],
    seeds: SeedTree,
    *,
    shares_names: bool = False,
    staff: Sequence[str] = (),
    advance: Advance = lambda _: None,
) -> Deidentified:
    """Return the corpus with surrogates, or unchanged if the engine is `off`; see `Deidentifier`."""
    if config.engine == "off":
        return unchanged(corpus)
    return Deidentifier(config, names, seeds, shares_names=shares_names, staff=staff).deidentify(corpus, advance)


def unchanged(corpus: Corpus) -> Deidentified:
    """Return the result of the engine `off`, which replaces nothing."""
    return Deidentified(corpus=corpus, replaced={r.id: () for r in corpus.records}, date_orders={})


def engine_digest(config: DeidentifyConfig) -> str | None:
    """Return the digest of the engine's model, or None if the engine uses no model."""
    return digest_of(model_folder(MODEL)) if engine_of(config.engine) == "rules+ner" else None


def _replace(text: str, spans: Sequence[Span], surrogates: Surrogates) -> tuple[str, tuple[tuple[str, str], ...]]:
    # returns the text with surrogates, and (kind, original) of each identifier in text order
    parts: list[str] = []
    pairs: list[tuple[str, str]] = []
    end = 0
    for span in spans:
        original = text[span.start : span.end]
        parts += [text[end : span.start], surrogates.replace(span.kind, " ".join(read(original).text.split()))]
        pairs.append((span.kind, original))
        end = span.end
    return "".join(parts) + text[end:], tuple(pairs)
