"""Define the `decode` section of the configuration."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.core.errors import InternalError
from synthgen.core.section import Section

WORDS, DEFAULT_WORDS = "words", 10  # value of `bridge` for prompt words only, and their default number
OWN = "model"  # value of `bridge` for the projector in the language model's own checkpoint
AUTO, PLAIN = "auto", "plain"  # values of `style`: choose the styles that fit train best; use no adapter
LEAST_TOKENS, MOST_TOKENS = 16, 96  # ends of the range of `max_new_tokens: auto`
LEAST_TOKENS_PER_WORD = 1.2  # lower than that of most texts, so that few texts are longer than the real ones
LONG = 0.95  # quantile of the numbers of words that counts as the length of a long real text
STEP = 8  # the number of tokens is a multiple of this, so that few texts do not change it
LONG_WORDS = 12  # mean number of characters between spaces above which a script has no spaces between words
_Name = Annotated[str, Field(min_length=1)]


class DecodeConfig(Section):
    """Language model and sampling that turn vectors into text."""

    model: str = Field(
        "smollm2",
        description="Language model that writes the texts: the name of a model in the store, or the path of a local "
        "model folder. The bridge must support this model.",
    )
    bridge: str = Field(
        "builtin",
        description="How the language model receives a vector: through the `builtin` bridge, the bridge in a folder, "
        "public words (`words` or `words:FOLDER`), or the projector of the `model` itself.",
    )
    candidates: Annotated[int, Field(ge=1, le=64)] = Field(
        4,
        description="Number of texts written for each vector, of which at most one is kept. More candidates take "
        "proportionally longer, but fewer vectors remain without a text.",
    )
    max_new_tokens: Annotated[int, Field(ge=8, le=4096)] | Literal["auto"] = Field(
        "auto",
        description="Largest number of tokens of a record, or of a segment with the section `segments`. `auto` is "
        f"{LEAST_TOKENS_PER_WORD} times the number of words of a long training text, from {LEAST_TOKENS} to "
        f"{MOST_TOKENS}; with `segments`, under differential privacy, and without spaces between words it is "
        f"{MOST_TOKENS}.",
    )
    temperature: Annotated[float, Field(gt=0, le=5)] = Field(
        0.8,
        description="Sampling temperature of the language model. A higher value makes the texts more varied and less "
        "coherent.",
    )
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95,
        description="Probability mass of the most likely tokens from which the next token is sampled (nucleus "
        "sampling).",
    )
    top_k: int = Field(
        50, ge=1, le=1000, description="Number of most likely tokens from which the next token is sampled."
    )
    prompt: str = Field(
        "{label}",
        description="Text that the language model reads before the vector; `{label}` stands for the class label. Add "
        "a public description of the text type if the labels alone say little.",
    )
    words: Annotated[int, Field(ge=0, le=16)] = Field(
        0,
        description=f"Number of public words nearest to the vector that follow the prompt; {DEFAULT_WORDS} by "
        "default with `bridge: words`. More words bring the texts closer to the vectors and to the source records.",
    )
    style: _Name | Annotated[tuple[_Name, ...], Field(min_length=1)] = Field(
        PLAIN,
        description="Style adapter: a built-in style, a folder, a list of these in equal shares, `plain` for no "
        "adapter, or `auto` for the styles that fit the training texts best.",
    )
    batch: int = Field(
        128, ge=1, le=4096, description="Number of texts written in parallel. Lower it if memory is short."
    )
    device: Literal["auto", "cpu", "cuda"] | None = Field(
        None,
        description="Device of the language model: `cpu`, `cuda`, or `auto` for a GPU if there is one. The value "
        "null means the CPU, and with `bridge: model` every GPU.",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_words(cls, given: Any) -> Any:
        if isinstance(given, dict) and "words" not in given and _by_words(given.get("bridge")):
            return {**given, "words": DEFAULT_WORDS}
        return given

    @field_validator("prompt")
    @classmethod
    def _has_no_other_field(cls, prompt: str) -> str:
        if {"{", "}"} & {*prompt.replace("{label}", "")}:
            raise ValueError("the only field allowed in braces is {label}")
        return prompt

    @field_validator("words")
    @classmethod
    def _has_words(cls, words: int, info: ValidationInfo) -> int:
        if words == 0 and _by_words(info.data.get("bridge")):
            raise ValueError("decode.bridge words writes from prompt words only, so decode.words must be 1 to 16")
        return words

    @field_validator("style")
    @classmethod
    def _has_soft_tokens(cls, style: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        if isinstance(style, tuple) and ({AUTO, PLAIN} & {*style} or len({*style}) < len(style)):
            raise ValueError(f"a list must contain different styles, without {AUTO} and {PLAIN}")
        bridge = info.data.get("bridge")
        if style != PLAIN and (_by_words(bridge) or bridge == OWN):
            raise ValueError("a style needs a bridge with soft tokens; omit the style, or set bridge: builtin")
        return style

    def for_texts(self, texts: Sequence[str]) -> "DecodeConfig":
        """Return the section with a number in place of `max_new_tokens: auto`; without texts, `MOST_TOKENS`.

        Privacy: reads the number of words of each text; the number is a quantile of theirs.
        """
        if self.max_new_tokens != AUTO:
            return self
        words = [len(text.split()) for text in texts]
        if sum(map(len, texts)) > LONG_WORDS * sum(words) or len(texts) == 0:
            return self.model_copy(update={"max_new_tokens": MOST_TOKENS})
        longest = np.quantile(words, LONG, method="higher")
        tokens = STEP * math.ceil(LEAST_TOKENS_PER_WORD * longest / STEP)
        return self.model_copy(update={"max_new_tokens": min(max(tokens, LEAST_TOKENS), MOST_TOKENS)})

    @property
    def token_limit(self) -> int:
        """The value of `max_new_tokens` as a number; raise InternalError for `auto`, which `for_texts` replaces."""
        if isinstance(self.max_new_tokens, str):
            raise InternalError("decode.max_new_tokens: auto was not replaced by a number")
        return self.max_new_tokens

    @property
    def voting(self) -> dict[str, object]:
        """All settings on which votes for a style depend: every setting of the section except `candidates`."""
        return self.model_dump(mode="json", exclude={"candidates"})

    @property
    def placement(self) -> str:
        """Device of the language model; see `load_model`."""
        return self.device or ("auto" if self.bridge == OWN else "cpu")

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles, which are used in equal shares; `auto` and `plain` only occur alone."""
        return (self.style,) if isinstance(self.style, str) else self.style

    @property
    def by_words(self) -> bool:
        """Whether texts are written from prompt words only, without a bridge."""
        return _by_words(self.bridge)


def _by_words(bridge: object) -> bool:
    return isinstance(bridge, str) and bridge.partition(":")[0] == WORDS
