"""Find the known words that were misspelled ("pateint" -> "patient"), so that misspelled copies are found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from audits.text.letters import LEET, consonants

MIN_LETTERS = 3  # shorter words are not corrected, because a single edit turns them into many known words
MAX_LETTERS = 40  # longer tokens are not corrected, because they are not single words


def corrections(words: Iterable[str], known: Mapping[str, int]) -> dict[str, str]:
    """Return the correction of each unknown word of 3 to 40 characters that is a misspelling of a known word.

    `known` has the frequency of each known word. An unknown word is a misspelling if it is the known word
    1. with digits instead of letters that look alike (`p4tient`),
    2. with its inner letters in another order, or
    3. with one letter inserted, left out or replaced, or two adjacent letters exchanged (Damerau distance 1).
    The first case that applies decides. If several known words fit, the most frequent is chosen, and among equally
    frequent words the alphabetically first. In case 3, known words with the consonants of the unknown word come
    first.

    Reference: deletion neighbourhoods, Mor and Fraenkel, CACM 1982.
    """
    unknown = {w for w in words if w not in known and MIN_LETTERS <= len(w) <= MAX_LETTERS and not w.isdigit()}
    plain = {w: w.translate(LEET) for w in unknown}
    without_digits = {w: word for w, word in plain.items() if word in known}
    usable = (w for w in known if MIN_LETTERS <= len(w) <= MAX_LETTERS and w.isalpha())
    ordered = sorted(usable, key=lambda w: (-known[w], w))
    return _respelled({w for w in unknown if w.isalpha()}, ordered) | without_digits


def _respelled(unknown: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Return the corrections by cases 2 and 3 of `corrections`; the first fitting word of `known` is chosen."""
    by_letters, by_deletion = defaultdict(list), defaultdict(list)
    for word in unknown:
        by_letters[_anagram_key(word)].append(word)
        for part in {word, *deletions(word)}:
            by_deletion[part].append(word)
    anagrams: dict[str, str] = {}
    edits: dict[str, str] = {}
    same_consonants: dict[str, str] = {}
    for correct in known:
        for word in by_letters.get(_anagram_key(correct), ()):
            anagrams.setdefault(word, correct)
        near = {word for part in (correct, *deletions(correct)) for word in by_deletion.get(part, ())}
        for word in near - same_consonants.keys():
            if is_one_edit(word, correct):
                edits.setdefault(word, correct)
                if consonants(word) == consonants(correct):
                    same_consonants[word] = correct
    return edits | same_consonants | anagrams


def _anagram_key(word: str) -> tuple[str, str, str]:
    """Return the same key for all words that differ only in the order of their inner letters."""
    return word[0], word[-1], "".join(sorted(word))


def deletions(word: str) -> list[str]:
    """Return all words that result from leaving out one letter: "abc" -> ["bc", "ac", "ab"]."""
    return [word[:i] + word[i + 1 :] for i in range(len(word))]


def is_one_edit(a: str, b: str) -> bool:
    """Return whether one edit turns a into b: a letter inserted, removed or replaced, or two neighbours exchanged."""
    if a == b:
        return False
    first = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) != len(b):
        return len(a) - len(b) in {1, -1} and (a[first + 1 :] == b[first:] or a[first:] == b[first + 1 :])
    is_swapped = a[first : first + 2] == b[first : first + 2][::-1] and a[first + 2 :] == b[first + 2 :]
    return is_swapped or a[first + 1 :] == b[first + 1 :]
