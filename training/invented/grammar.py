"""Generate texts by a grammar, in which each rule is a list of alternatives or a function."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.core.errors import InternalError

Rng = np.random.Generator
Value = Callable[[Rng], str]

_FIELD = re.compile(r"\{(\w+)\}")
_OPTION = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 40  # largest depth of nested rules; a greater depth means that rules refer to each other without end


@dataclass(frozen=True, slots=True)
class Grammar:
    """Rules that replace names in braces by texts.

        "history": ("c/o {symptom} for {span}[, {worse}]", "{span} hx of {symptom}")
        "span": lambda rng: f"{rng.integers(2, 14)}/7"

    A rule is a list of alternatives or a function. A name in braces is replaced by one of the alternatives of its
    rule, all equally likely, or by the result of the function. A part in square brackets is omitted with probability
    one half.
    """

    rules: Mapping[str, Sequence[str] | Value]  # for each name its alternatives, or a function of a random generator

    def __post_init__(self) -> None:
        alternatives = [text for rule in self.rules.values() if not callable(rule) for text in rule]
        used = {name for text in alternatives for name in _FIELD.findall(text)}
        if missing := sorted(used - set(self.rules)):
            raise InternalError(f"a grammar has no rule for {', '.join(missing)}")

    def write(self, name: str, rng: Rng) -> str:
        """Return one text of the rule `name`; blanks before punctuation and repeated empty lines are removed.

        Raises:
            InternalError: if the rules refer to each other without end.
        """
        text = self._write(name, rng, 0)
        lines = (re.sub(r" +([,.;:?!])", r"\1", " ".join(line.split())) for line in text.split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def _write(self, name: str, rng: Rng, depth: int) -> str:
        if depth > _DEEPEST:
            raise InternalError(f"the rule {name!r} refers to itself without end")
        rule = self.rules[name]
        if callable(rule):
            return rule(rng)
        text = rule[int(rng.integers(len(rule)))]
        while _OPTION.search(text):
            text = _OPTION.sub(lambda option: option[1] if rng.random() < 0.5 else "", text)
        return _FIELD.sub(lambda field: self._write(field[1], rng, depth + 1), text)


def whole(low: int, high: int) -> Value:
    """Return a rule that draws a whole number from low to high, both included."""
    return lambda rng: str(int(rng.integers(low, high + 1)))
