"""Prompts: where the label and the vector stand in what the language model reads."""

import re
from dataclasses import dataclass
from typing import Any

from synthgen.core.errors import ModelError

VECTOR = "{vector}"
PROMPT = "{prompt}"
_FIELD = re.compile(r"(\{prompt\}|\{vector\})")


@dataclass(frozen=True, slots=True)
class Template:
    r"""The frame a bridge was trained with: text that holds `{prompt}` once and `{vector}` once.

    Args:
        text: for example "<|im_start|>{prompt}\n{vector}\n".
        n_soft: how many soft tokens stand for the vector.
        placeholder_id: id that marks their positions; it is never looked up in the embedding table.
    """

    text: str
    n_soft: int
    placeholder_id: int

    def __post_init__(self) -> None:
        if self.text.count(VECTOR) != 1 or self.text.count(PROMPT) != 1:
            raise ModelError("a bridge's template must hold {prompt} once and {vector} once, the placeholder")

    def prompt_tokens(self, tokenizer: Any, prompt: str) -> int:
        """Return how many tokens a prompt takes of the frame."""
        return len(_encode(tokenizer, prompt))

    def tokens(self, tokenizer: Any, prompt: str, max_prompt_tokens: int | None = None) -> list[int]:
        """Return the token ids of the filled frame, the vector's positions marked by the placeholder id."""
        ids: list[int] = []
        for part in _FIELD.split(self.text):
            if part == VECTOR:
                ids += [self.placeholder_id] * self.n_soft
            elif part == PROMPT:
                ids += _encode(tokenizer, prompt)[:max_prompt_tokens]
            else:
                ids += _encode(tokenizer, part)
        return ids


def _encode(tokenizer: Any, text: str) -> list[int]:
    if not text:
        return []
    return list(tokenizer(text, add_special_tokens=False).input_ids)


def label_prompt(prompt: str, label: str) -> str:
    """Return the user's prompt with `{label}` filled in, written as words: dots, dashes and underscores as spaces."""
    words = label
    for mark in "._-/":
        words = words.replace(mark, " ")
    return prompt.replace("{label}", " ".join(words.split()))
