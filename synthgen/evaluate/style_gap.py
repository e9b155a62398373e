"""Measure how much the style of synthetic texts differs from the style of real texts, without regard to content.

Texts are converted to style tokens: "The Patient has 120/80." -> the, Aa2, has, 000/00, ".".
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np

from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.core.types import Estimate, persons
from audits.text.ngrams import Sequences
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float64
from synthgen.evaluate.metrics import Index, person_weights

HALVINGS = 5  # number of times that the control persons are divided into random halves
MIN_TOKENS = 2_000  # smallest number of tokens that a model is trained on
DRAWS = 1000  # number of bootstrap draws

_TOKEN = re.compile(r"\n+|\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:[.'’-][^\W\d_]+)*\.?(?=\W|$)|[^\W\d_]+|[^\w\s]")
_LINE = "\n"
# words that carry style and no topic
FUNCTION_WORDS = frozenset(
    """
    a about above after again against all also although always am an and another any are aren't around as at away back
    be because been before being below best better between both but by can can't cannot come could couldn't did didn't
    do does doesn't doing don't down during each either else ever every few first for from further get go got had
    hadn't has hasn't have haven't having he he's her here hers herself him himself his how however i i'd i'll i'm
    i've if in into is isn't it it's its itself just last least less let let's like little made make many may me might
    mine more most much must my myself never next no nobody none nor not nothing now of off on once one only or other
    others our ours out over own per perhaps please quite rather really said same say see shall she she's should
    shouldn't since so some something soon still such than thank thanks that that's the their them themselves then
    there there's these they they're this those though through thus to today together too toward two under until up
    upon us very was wasn't we we're we've well were weren't what what's when where whether which while who whom whose
    why will with within without won't would wouldn't yes yet you you'd you'll you're you've your yours yourself
    """.split()  # noqa: SIM905 - a list of strings would need one line per word
)


def style_tokens(text: str) -> list[str]:
    r"""Return the style tokens of a text.

    For example, "X-ray of Anna's leg.\n\n12.5 mg" has the style tokens "Aa-1", "of", "Aa'2", "aa1.", "\n", "00.0" and
    "aa1".

    A function word such as "of" is kept in lower case. The token of any other word consists of its case ("aa", "Aa"
    or "AA"), its first two punctuation characters, and a length class: 0 for 1 letter, 1 for 2 to 4 letters, 2 for 5
    to 7, 3 for 8 to 10, and 4 for more. A full stop directly after a word is appended to the word's token. In a
    number, consecutive digits become one to three zeros. Every other punctuation character (except "_") is a token.
    Consecutive line ends become one token.
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
    """Return how much worse a model of synthetic texts predicts real style than a model of real texts does.

        gap = 1/N · Σ_t [ log P_real(t | 4 tokens before t) − log P_synthetic(t | 4 tokens before t) ]

    The gap is in nats per token. The sum is over the N `style_tokens` t of the control texts. P_real and P_synthetic
    are Kneser-Ney models of order five. The control persons are divided into two random halves, `HALVINGS` times.
    P_real is trained on the half that does not contain t, and P_synthetic on equally many synthetic tokens. If the
    synthetic texts were real texts of persons drawn like the control persons, the expected gap would be 0.

    `groups` are the persons of the control texts. The interval comes from a Bayesian bootstrap over these persons and
    has the two-sided `confidence`. The result is None if a model would be trained on fewer than `MIN_TOKENS` tokens,
    or if there is only one control person.

    Privacy: reads control and returns an average over all tokens of control.
    Randomness: the children "halving" and "bootstrap" of `seeds`.
    Cost: 4 · `HALVINGS` models, each trained on at most the tokens of half of the control persons.
    Reference: perplexity of real text under a model of the synthetic text, as in Shen et al., "Style transfer from
        non-parallel text", 2017; the style tokens and P_real are additions of this package.
    """
    number_of: dict[str, int] = {}  # style token -> number
    real, made = (
        [
            np.array([number_of.setdefault(t, len(number_of)) for t in style_tokens(text)], dtype=np.int64)
            for text in texts
        ]
        for texts in (control, synthetic)
    )
    names, owner = persons(groups)
    # for each control person, the sum of the gaps of the person's tokens, and the number of these tokens
    nats, tokens = np.zeros(len(names)), np.zeros(len(names))
    for halving in range(HALVINGS):
        rng = seeds.child("halving", str(halving)).generator()
        is_first = np.isin(owner, rng.permutation(len(names))[: len(names) // 2])
        for is_tested in (is_first, ~is_first):
            tested = [real[i] for i in np.flatnonzero(is_tested)]
            untested = [real[i] for i in np.flatnonzero(~is_tested)]
            shuffled = [made[i] for i in rng.permutation(len(made))]
            n_tokens = min(sum(map(len, untested)), sum(map(len, shuffled)))
            if n_tokens < MIN_TOKENS or not tested:
                return None
            # training texts of P_real, then of P_synthetic
            fitted_to = (_first_tokens(texts, n_tokens) for texts in (untested, shuffled))
            rows = WordRows(_sequences(tested), None)
            likelihoods = (
                log_likelihood(WordRows(_sequences(texts), None), rows, len(number_of)) for texts in fitted_to
            )
            gaps = np.subtract(*likelihoods)  # for each tested text, the mean gap of its tokens
            lengths = np.array([len(text) for text in tested])
            np.add.at(nats, owner[is_tested], gaps * lengths)
            np.add.at(tokens, owner[is_tested], lengths)
    weights = person_weights(len(names), DRAWS, seeds.child("bootstrap").generator())
    draws: Float64 = (weights @ nats) / (weights @ tokens)
    alpha = (1 - confidence) / 2
    # all weights of the first draw are 1
    value, (low, high) = float(draws[0]), np.quantile(draws[1:], [alpha, 1 - alpha]).tolist()
    return Estimate(value=value, low=min(value, low), high=max(value, high), confidence=1 - alpha, n=len(names))


_KINDS: Mapping[str, Callable[[str], bool]] = {  # key: kind of style token; value: whether a token is of this kind
    "line_ends": lambda t: t == _LINE,
    "numbers": lambda t: t[0] == "0",
    "marks": lambda t: not t[0].isalnum() and t != _LINE,
    "capitals": lambda t: t.startswith("AA"),
    "function_words": lambda t: t.removesuffix(".") in FUNCTION_WORDS,
    "first_person": lambda t: t.removesuffix(".") in {"i", "me", "my", "mine", "we", "us", "our"},
}


def style_profile(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of each kind, such as numbers and capitals, among all style tokens of the texts."""
    counts = Counter(token for text in texts for token in style_tokens(text))
    total = max(1, counts.total())
    return {
        f"{name}_share": sum(n for t, n in counts.items() if is_kind(t)) / total for name, is_kind in _KINDS.items()
    }


def _first_tokens(texts: list[Index], n_tokens: int) -> list[Index]:
    # returns the texts up to a total of `n_tokens` tokens; the last returned text can be cut
    starts = accumulate(map(len, texts), initial=0)
    return [text[: n_tokens - start] for text, start in zip(texts, starts, strict=False) if start < n_tokens]


def _sequences(texts: list[Index]) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    return Sequences(symbols=np.concatenate(texts), starts=starts)
