"""Prompts of a bridge: where the label and the vector stand in the language model's input."""

import re
from dataclasses import dataclass
from typing import Any

from synthgen.core.errors import ModelError

VECTOR = "{vector}"
PROMPT = "{prompt}"
_FIELD = re.compile(r"(\{prompt\}|\{vector\})")


@dataclass(frozen=True, slots=True)
class Template:
    r"""The template of a bridge's training, for example "<|im_start|>{prompt}\n{vector}\n".

    It contains each of the two fields once. The filled template is called the frame; the generated text follows it.
    """

    text: str
    n_soft: int  # soft tokens per vector
    placeholder_id: int  # id of the token whose embeddings the soft tokens replace

    def __post_init__(self) -> None:
        if self.text.count(VECTOR) != 1 or self.text.count(PROMPT) != 1:
            raise ModelError("a bridge's template must contain {prompt} once and {vector} once")

    def prompt_tokens(self, tokenizer: Any, prompt: str) -> int:
        """Return the number of tokens of a prompt."""
        return len(token_ids(tokenizer, prompt))

    def tokens(self, tokenizer: Any, prompt: str, max_prompt_tokens: int | None = None) -> list[int]:
        """Return the token ids of the frame, with the placeholder id at the positions of the soft tokens.

        Only the first `max_prompt_tokens` tokens of the prompt are used.
        """
        ids: list[int] = []
        for part in _FIELD.split(self.text):
            if part == VECTOR:
                ids += [self.placeholder_id] * self.n_soft
            elif part == PROMPT:
                ids += token_ids(tokenizer, prompt)[:max_prompt_tokens]
            else:
                ids += token_ids(tokenizer, part)
        return ids


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of a text, without tokens for the beginning or end of text."""
    return list(tokenizer(text, add_special_tokens=False).input_ids) if text else []


def label_prompt(prompt: str, label: str) -> str:
    """Return the configured prompt with the label in place of `{label}`; in the label, . _ / and - become spaces."""
    return prompt.replace("{label}", " ".join(re.sub("[._/-]", " ", label).split()))
