"""Define the template of a language model's input, which has a field for a prompt and a field for a vector.

A bridge turns the vector into soft tokens (input embeddings), which take the place of the field `{vector}`.
"""

import re
from dataclasses import dataclass
from typing import Any

from synthgen.core.errors import ModelError

VECTOR = "{vector}"
PROMPT = "{prompt}"
_FIELD = re.compile(r"(\{prompt\}|\{vector\})")


@dataclass(frozen=True, slots=True)
class Template:
    r"""The input after which the model writes a text, such as "<|im_start|>{prompt}\n{vector}\n".

    The bridge must be used with the template with which it was trained.

    Raises:
        ModelError: the template does not contain `{prompt}` once and `{vector}` once.
    """

    text: str
    n_soft: int  # number of soft tokens per vector
    placeholder_id: int  # id of the token whose embeddings the soft tokens replace

    def __post_init__(self) -> None:
        if self.text.count(VECTOR) != 1 or self.text.count(PROMPT) != 1:
            raise ModelError("the template of a bridge must contain {prompt} exactly once and {vector} exactly once")

    def tokens(self, tokenizer: Any, prompt: str, max_prompt_tokens: int | None = None) -> list[int]:
        """Return the token ids of the filled template, with the placeholder for each soft token.

        The prompt is cut to its first `max_prompt_tokens` tokens.
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
    """Return a prompt with the label filled in: ("About {label}:", "sci.space_news") -> "About sci space news:"."""
    return prompt.replace("{label}", " ".join(re.sub("[._/-]", " ", label).split()))
