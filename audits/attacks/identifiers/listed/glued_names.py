"""Find names whose given name and surname the synthetic table S joins or splits: "#JaneAbernathy".

Further words of the recorded name may be missing: "#JaneAbernathy" is found for Marguerite Jane Abernathy. The module
`disguised` finds names that S contains with all their words.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import ahocorasick  # type: ignore[import-not-found] # ships no types

from audits.attacks.identifiers.disguised import (
    MIN_NAME_LETTERS,
    NameOccurrence,
    has_only_common_words,
    rare_hits,
    users_of,
)
from audits.attacks.identifiers.listed.other_forms import OtherForm, OtherFormLeaks, judge_other_forms
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.person_names import PersonName
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.text.normalise import tokens

Pair = tuple[str, str]  # a given name and a surname, each as one word


class NamePairs:
    """The pairs of a given name and the surname in recorded names.

    Marguerite Jane Abernathy has the pairs (marguerite, abernathy), (jane, abernathy) and
    (marguerite, janeabernathy). The last one is a pair because the surname may have two words.

    Each item of `names` consists of the readings of a recorded name and the persons who have the name. A reading is
    one way to divide the name into given names and a surname.
    """

    def __init__(self, names: Iterable[tuple[Sequence[PersonName], Iterable[int]]]) -> None:
        self.owners: dict[Pair, Owners] = {}  # persons for whom a name with the pair is recorded
        self._words: dict[Pair, set[str]] = defaultdict(set)  # by pair: words and initials of the names with the pair
        # by pair: its words, also with the initial of a later given name in between: (marguerite, j, abernathy)
        self._spellings: dict[Pair, set[tuple[str, ...]]] = defaultdict(set)
        for readings, owners in names:
            all_given = {word for reading in readings for word in reading.given}
            for reading in readings:
                self._add(reading, all_given, list(owners))

    def _add(self, name: PersonName, all_given: set[str], owners: Sequence[int]) -> None:
        for surname in {"".join(words) for words in name.surnames} - all_given:
            for i, given in enumerate(name.given):
                if len(given) == 1 or len(given) + len(surname) < MIN_NAME_LETTERS:
                    continue
                pair = given, surname
                self.owners[pair] = Owners((*self.owners.get(pair, ()), *owners))
                parts = {part for words in name.surnames for part in words}
                self._words[pair] |= {*name.given, *(word[0] for word in name.given), *parts, surname}
                self._spellings[pair] |= {pair, *((given, other[0], surname) for other in name.given[i + 1 :])}

    def hits(self, texts: Sequence[str], surprisal: Surprisal) -> list[tuple[Pair, NameOccurrence]]:
        """Return the rare occurrences (`rare_hits`) of pairs that are not written as in the recorded name."""
        pairs = list(self._spellings)
        spellings = {i: [*self._spellings[pair]] for i, pair in enumerate(pairs)}
        found = ((pairs[hit.name_index], hit) for hit in rare_hits(spellings, texts, surprisal))
        return [(pair, hit) for pair, hit in found if _is_disguised(pair, hit.words, self._words[pair])]


def _is_disguised(pair: Pair, written: Sequence[str], words_of_name: set[str]) -> bool:
    """Return whether a text writes a pair differently from the recorded name, such as joined or split.

    `written` has the words of the text that the pair overlaps. At least one of them must not be in `words_of_name`.
    """
    others = [word for word in written if word not in words_of_name]
    if len(written) > 1 and len(others) == 1 and others[0].isalpha():
        # "Jane Rodgers" contains the letters of Jane Rod, but is another name
        return not any(others[0].startswith(part) or others[0].endswith(part) for part in pair)
    return len(others) > 0


def judge_glued_names(texts: Sequence[str], pairs: NamePairs, people: People, surprisal: Surprisal) -> OtherFormLeaks:
    """Return the leaks among the pairs of given name and surname whose letters S contains.

    The two words of a pair may be joined, split or in reverse order, and their letters may be backwards. Pairs that
    are written as two separate words are judged by `judge_names`. A pair in S counts only if
    - fewer than .01 such occurrences are expected by chance;
    - at least one word of S that the pair overlaps is not common (`has_only_common_words`). A common word is in the
      texts of at least three persons who have the pair neither in a recorded name nor in their texts.

    If S contains pairs of fewer than two control persons (whom the generator never saw), all pairs of train persons
    in S are leaks. Otherwise, they are leaks if S contains pairs of significantly more train than control persons
    (`judge_other_forms`). If no names of control are recorded, the control persons are replaced by the train persons
    whose pairs occur in control texts, because such occurrences are due to chance.
    """
    hits = pairs.hits(texts, surprisal)
    if not hits:
        return OtherFormLeaks({}, set())
    users = users_of({word for _, hit in hits for word in hit.words}, people)
    writers = _writers(hits, people)
    owners_of = {pair: Owners((*pairs.owners[pair], *writers.get(pair, ()))) for pair, _ in hits}
    found = [
        OtherForm(owners_of[pair], hit.row, [(hit.start, hit.end)])
        for pair, hit in hits
        if not has_only_common_words(hit, pair, set(owners_of[pair]), users)
    ]
    by_chance = set[int]()
    if people.are_of_train(pairs.owners.values()):
        in_control = pairs.hits(people.tables[1][0], surprisal)
        by_chance = {owner for pair, _ in in_control for owner in pairs.owners[pair]}
    return judge_other_forms(found, by_chance, people, "known name, disguised")


def _writers(hits: Sequence[tuple[Pair, NameOccurrence]], people: People) -> Mapping[Pair, Owners]:
    """Return, for each pair found in S, the persons whose texts have its words joined or adjacent, in any order."""
    automaton = ahocorasick.Automaton()
    for pair in {pair for pair, _ in hits}:
        for spelling in {"".join(pair), "".join(reversed(pair))}:
            automaton.add_word(spelling, (*automaton.get(spelling, ()), pair))
    automaton.make_automaton()
    writers: dict[Pair, Owners] = {}
    for text, owner in people.rows():
        for _, pairs in automaton.iter("".join(tokens(text))):
            for pair in pairs:
                writers.setdefault(pair, Owners()).add(owner)
    return writers
