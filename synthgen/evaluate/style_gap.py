"""How something is written, whatever it says: the words that carry content become their shapes, and marks stay."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.core.types import Estimate, persons
from audits.text.ngrams import Sequences
from synthgen.core.seeds import SeedTree
from synthgen.evaluate.metrics import Float64, Index, person_weights

HALVINGS = 5  # of control; each half is written of by the other once
MIN_TOKENS = 2_000  # of a half of control, for a model of runs to be one
DRAWS = 1000

_TOKEN = re.compile(r"\n+|\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:[.'’-][^\W\d_]+)*\.?(?=\W|$)|[^\W\d_]+|[^\w\s]")
_LINE = "\n"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# words that say nothing of a topic and much of a style
FUNCTION_WORDS = _words(
    "a about above after again against all also although always am an and another any are aren't around as at "
    "away back be because been before being below best better between both but by can can't cannot come could "
    "couldn't did didn't do does doesn't doing don't down during each either else ever every few first for from "
    "further get go got had hadn't has hasn't have haven't having he he's her here hers herself him himself his "
    "how however i i'd i'll i'm i've if in into is isn't it it's its itself just last least less let let's like "
    "little made make many may me might mine more most much must my myself never next no nobody none nor not "
    "nothing now of off on once one only or other others our ours out over own per perhaps please quite rather "
    "really said same say see shall she she's should shouldn't since so some something soon still such than thank "
    "thanks that that's the their them themselves then there there's these they they're this those though through "
    "thus to today together too toward two under until up upon us very was wasn't we we're we've well were "
    "weren't what what's when where whether which while who whom whose why will with within without won't would "
    "wouldn't yes yet you you'd you'll you're you've your yours yourself"
)


def style_tokens(text: str) -> list[str]:
    """Return a text as the tokens of its style.

    A function word stays, in lower case; any other word becomes its shape ("aa", "Aa", "AA", the marks in it) and how
    long it is; a number becomes zeros with the marks in it; a mark stays, and so does the end of a line.
    """
    return [_shape(token) for token in _TOKEN.findall(text)]


def _shape(token: str) -> str:
    if token[0] == "\n":
        return _LINE
    if token[0].isdigit():
        return re.sub(r"\d+", lambda run: "0" * min(3, len(run[0])), token)
    if not token[0].isalpha():
        return token
    word, stop = (token[:-1], ".") if token.endswith(".") and "." not in token[:-1] else (token, "")
    if word.lower() in FUNCTION_WORDS:
        return word.lower() + stop
    inner = "".join(c for c in word if not c.isalpha())[:2]
    letters = "".join(c for c in word if c.isalpha())
    case = "AA" if letters.isupper() and len(letters) > 1 else "Aa" if letters[0].isupper() else "aa"
    return f"{case}{inner}{min(4, (len(letters) + 1) // 3)}{stop}"


def style_gap(
    synthetic: Sequence[str], control: Sequence[str], groups: Sequence[str], seeds: SeedTree, confidence: float = 0.95
) -> Estimate | None:
    """Return how much worse the synthetic texts foretell the style of real ones than other real ones do.

        gap = 1/N sum over tokens of control of log P_other(token | 4 before) - log P_synthetic(token | 4 before)

    in nats per token of `style_tokens`, P_other and P_synthetic Kneser-Ney models of five tokens of texts that come
    to equally many tokens: the other half of control, and as much of the synthetic texts. 0 is another half of the
    same people; what is far in topic alone stays near 0, what reads differently does not. Train is not looked at, so
    no copy is rewarded. None where a side has fewer than 2,000 tokens.

    Args:
        synthetic: texts.
        control: real texts of persons that the generator did not see.
        groups: the person of each of them.
        seeds: the measure's stream.
        confidence: two-sided, of the interval: a Bayesian bootstrap over the persons of control.

    Privacy: reads control; an average over all its tokens comes out.
    Random: seeds/halving: which persons are in which half, which synthetic texts are read; seeds/bootstrap.
    Cost: ten models of at most half of control.
    Source: perplexity of real text under a model of the synthetic as in Shen et al., "Style transfer from
        non-parallel text", 2017, on shapes and against a real model as the floor, ours.
    """
    number: dict[str, int] = {}
    real, made = (
        [np.array([number.setdefault(t, len(number)) for t in style_tokens(text)], dtype=np.int64) for text in texts]
        for texts in (control, synthetic)
    )
    names, owner = persons(groups)
    nats, tokens = np.zeros(len(names)), np.zeros(len(names))
    for halving in range(HALVINGS):
        rng = seeds.child("halving", str(halving)).generator()
        is_first = np.isin(owner, rng.permutation(len(names))[: len(names) // 2])
        for asked in (is_first, ~is_first):
            other = [text for text, mine in zip(real, asked, strict=True) if not mine]
            read = [text for text, mine in zip(real, asked, strict=True) if mine]
            order = rng.permutation(len(made))
            models = _equal(other, [made[i] for i in order])
            if models is None:
                return None
            gained = np.subtract(*(_log_likelihood(model, read, len(number)) for model in models))
            lengths = np.array([len(text) for text in read])
            np.add.at(nats, owner[asked], gained * lengths)
            np.add.at(tokens, owner[asked], lengths)
    weights = person_weights(len(names), DRAWS, seeds.child("bootstrap").generator())
    draws: Float64 = (weights @ nats) / (weights @ tokens)
    alpha = (1 - confidence) / 2
    low, high = np.quantile(draws[1:], [alpha, 1 - alpha])
    value = float(draws[0])
    return Estimate(
        value=value, low=min(value, float(low)), high=max(value, float(high)), confidence=1 - alpha, n=len(names)
    )


_KINDS: Mapping[str, Callable[[str], bool]] = {
    "line_ends": lambda t: t == _LINE,
    "numbers": lambda t: t[0] == "0",
    "marks": lambda t: not t[0].isalnum() and t != _LINE,
    "capitals": lambda t: t.startswith("AA"),
    "function_words": lambda t: t.removesuffix(".") in FUNCTION_WORDS,
    "first_person": lambda t: t.removesuffix(".") in {"i", "me", "my", "mine", "we", "us", "our"},
}


def style_profile(texts: Sequence[str]) -> dict[str, float]:
    """Return the shares of tokens of some kinds, those that a reader sees at once.

    Privacy: aggregates over all texts.
    """
    counts = Counter(token for text in texts for token in style_tokens(text))
    total = max(1, counts.total())
    return {f"{name}_share": sum(n for t, n in counts.items() if of(t)) / total for name, of in _KINDS.items()}


def _equal(one: list[Index], other: list[Index]) -> tuple[list[Index], list[Index]] | None:
    """Return the first texts of both, as many as come to equally many tokens; None where these are too few."""
    room = min(sum(map(len, one)), sum(map(len, other)))
    if room < MIN_TOKENS:
        return None
    return _first(one, room), _first(other, room)


def _first(texts: list[Index], room: int) -> list[Index]:
    kept: list[Index] = []
    for text in texts:
        if room <= 0:
            break
        kept.append(text[:room])
        room -= len(text)
    return kept


def _log_likelihood(model: list[Index], read: list[Index], n_tokens: int) -> Float64:
    return log_likelihood(WordRows(_sequences(model), None), WordRows(_sequences(read), None), n_tokens)


def _sequences(texts: list[Index]) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    return Sequences(symbols=np.concatenate(texts), starts=starts)
