"""Long words of recorded names: "Mrs. Abernathy" tells of Marguerite Abernathy, if nobody else has the name."""

import math
from collections.abc import Mapping, Sequence

from audits.attacks.identifiers.known_numbers import MAX_COINCIDENCES
from audits.attacks.identifiers.ownership import Owners
from audits.attacks.identifiers.phantoms import FEW_NAMES, beyond_phantoms
from audits.attacks.identifiers.recorded import RecordedIdentifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import People
from audits.text.normalise import tokens

MOST_WORDS = 4  # of an identifier of letters alone, which is taken for a name
LETTERS = 7  # of a word of it that may tell a person by itself


def leaked_parts(
    texts: Sequence[str], recorded: RecordedIdentifiers, people: People, surprisal: Surprisal, found: set[int]
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return the words of recorded names that stand in S and give somebody of train away, with whom.

    As of whole names: nobody of control has the word in a name on record or in a text, at most ten persons have it,
    chance would put one so rare into S less than .01 times, and parts of control's names do not return as often.

    Args:
        texts: the synthetic table.
        recorded: what is on record.
        people: who they are.
        surprisal: how rare letters are.
        found: persons whose recorded identifiers were found already.
    """
    owners: dict[str, Owners] = {}
    for value, whose in zip(recorded.values, recorded.owners, strict=True):
        if 1 < len(value) <= MOST_WORDS and all(map(str.isalpha, value)):
            for word in value:
                if len(word) >= LETTERS:
                    owners[word] = Owners((*owners.get(word, ()), *whose))
    if not owners:
        return {}
    made = [tokens(text) for text in texts]
    n_places = sum(map(len, made)) * len(owners)
    standing = {
        word
        for word in owners.keys() & {word for words in made for word in words}
        if n_places * math.exp2(-surprisal.bits(word)) < MAX_COINCIDENCES
    }
    if standing:
        for text, owner in people.rows():
            for word in standing.intersection(tokens(text)):
                owners[word].add(owner)
    sides = {word: owners[word].sides(people.n_train, people.n_persons) for word in sorted(standing)}
    of_train: dict[tuple[str, ...], list[int]] = {
        (word,): train for word, (train, control) in sides.items() if train and not control
    }
    of_control = {person for train, control in sides.values() if not train for person in control}
    persons = {person for train in of_train.values() for person in train}
    if not beyond_phantoms(len(persons), len(of_control), people.n_train / people.n_persons, few=FEW_NAMES):
        return {}
    return {word: train for word, train in of_train.items() if not found.issuperset(train)}
