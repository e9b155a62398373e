"""Define the `decode` section of the configuration."""

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.core.errors import InternalError
from synthgen.core.section import Section

BRIDGE, PROMPT, XRAG = "bridge", "prompt", "xrag"  # values of `writer`
BUILTIN, VLLM, ENDPOINT = "builtin", "vllm", "endpoint"  # values of `engine`
DEFAULT_WORDS = 10  # default of `words` with `writer: prompt`
AUTO, PLAIN = "auto", "plain"  # values of `style`; "auto" is also a value of `max_new_tokens`
MIN_TOKENS, MAX_TOKENS = 16, 96  # limits of the number that replaces `max_new_tokens: auto`, without segments
# like `MAX_TOKENS`, but for `writer: prompt`; for a bridge, the limit is lower, because the soft tokens of a bridge
# carry few details of long texts
MAX_TOKENS_PROMPTED = 768
# assumed tokens per word in `auto`; real texts have more, so synthetic texts are rarely longer than real texts
MIN_TOKENS_PER_WORD = 1.2
TOKENS_PER_WORD = 1.4  # mean of English clinical text with the tokenizer of the default language model
LONG_QUANTILE = 0.95  # `auto` is computed from this quantile of the training texts' numbers of words
STEP = 8  # `auto` is rounded up to a multiple of this number, so a few changed texts rarely change the limit
MAX_WORD_CHARACTERS = 12  # if words are longer on average, the script is assumed to have no spaces between words
_Name = Annotated[str, Field(min_length=1)]


class EndpointConfig(Section):
    """A server that offers a language model through the OpenAI API, such as vLLM, llama.cpp, Ollama or TGI."""

    url: str = Field(description="Address of the interface, for example `http://127.0.0.1:8000/v1`.")
    model: _Name = Field(description="Name of the model on the server.")
    key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="Environment variable that holds the API key; null if the server needs no key."
    )
    allow_remote: bool = Field(
        False, description="Accept a public internet address; every policy for external release rejects this setting."
    )
    parallel: int = Field(8, ge=1, le=256, description="Number of requests that are sent at the same time.")
    timeout: float = Field(300, gt=0, le=3600, description="Seconds without an answer until a request is repeated.")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            is_port = parts.port != 0
        except ValueError:
            is_port = False
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
        if not (is_port and is_http) or parts.query or parts.fragment:
            raise ValueError("must be an http or https address without `?` and `#`, such as http://127.0.0.1:8000/v1")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "must not contain a user name or key; set `key_env` to the environment variable with the API key"
            )
        return url.rstrip("/")


class DecodeConfig(Section):
    """The language model that turns vectors into texts, and its sampling parameters."""

    writer: Literal["bridge", "prompt", "xrag"] = Field(
        "bridge",
        description="How the language model receives a vector: `bridge` as soft tokens of a trained bridge, `prompt` "
        "as words of a public vocabulary in a prompt, `xrag` through the projector of the `model` itself.",
    )
    engine: Literal["builtin", "transformers", "vllm", "endpoint"] = Field(
        "builtin",
        description="Program that runs the language model: `builtin`, `transformers` or `vllm` (on a GPU) for a "
        "model folder, `endpoint` for your own server.",
    )
    endpoint: EndpointConfig | None = Field(None, validate_default=True, description="Server of `engine: endpoint`.")
    model: str = Field(
        "smollm2",
        description="Language model that writes the texts: a name in the model store, or a local model folder. With "
        "`engine: endpoint`, the server writes the texts, and this model only measures their fluency.",
    )
    bridge: str = Field(
        "builtin",
        description="The `builtin` bridge, or the folder of a bridge that was trained for the model. With "
        "`writer: prompt`, only the vocabulary of the bridge is used.",
    )
    candidates: Annotated[int, Field(ge=1, le=64)] = Field(
        4,
        description="Number of texts written for each vector; the filters keep at most one. More candidates take "
        "proportionally longer, but fewer vectors remain without a text.",
    )
    max_new_tokens: Annotated[int, Field(ge=8, le=4096)] | Literal["auto"] = Field(
        "auto",
        description="Largest number of tokens of a record; with the section `segments`, of a segment. `auto` is "
        f"{MIN_TOKENS_PER_WORD} times the 95 % quantile of the words per training text, but at least {MIN_TOKENS} "
        f"and at most {MAX_TOKENS} ({MAX_TOKENS_PROMPTED} with `writer: prompt`); with `segments`, it is "
        f"{TOKENS_PER_WORD} times `segments.words`; under DP, {MAX_TOKENS}.",
    )
    temperature: Annotated[float, Field(gt=0, le=5)] = Field(
        0.8, description="Sampling temperature. A higher value makes the texts more varied and less coherent."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="Sample from the most likely tokens with this total probability (nucleus sampling)."
    )
    top_k: int = Field(50, ge=1, le=1000, description="Sample from this number of most likely tokens.")
    prompt: str = Field(
        "{label}",
        description="Text that the language model reads before the vector; `{label}` stands for the class label. Add "
        "a public description of the text type if the labels alone say little.",
    )
    words: Annotated[int, Field(ge=0, le=16)] = Field(
        0,
        description="Number of words of a public vocabulary that describe the vector in the prompt. More words bring "
        f"texts closer to vectors and source records; the default is {DEFAULT_WORDS} with `writer: prompt`.",
    )
    class_words: bool | None = Field(
        None,
        validate_default=True,
        description="Make the words that distinguish a class in the training records more likely in the synthetic "
        "texts of this class. Null means true with `engine: builtin` or `transformers`, but false under DP and with "
        "other engines.",
    )
    template: str = Field(
        "builtin",
        description="Prompt of `writer: prompt`: `builtin`, or a text file; see `docs/how-to/own-model.md`.",
    )
    examples: str | None = Field(
        None,
        description="Public texts that `writer: prompt` shows as examples: the name of a built-in set such as "
        "`clinical-note`, or a JSON Lines file with `text` and optionally `label`. Never use texts of the source.",
    )
    descriptions: dict[str, _Name] = Field(
        default_factory=dict, description="Meaning of each label, for `writer: prompt`."
    )
    style: _Name | Annotated[tuple[_Name, ...], Field(min_length=1)] = Field(
        PLAIN,
        description="Style adapter: a built-in style, the folder of a style, a list of styles for equal shares of "
        "the texts, `plain` for no adapter, or `auto` for the styles that fit the training texts best.",
    )
    batch: int = Field(128, ge=1, le=4096, description="Number of texts written at once; lower it to save memory.")
    device: Literal["auto", "cpu", "cuda"] | None = Field(
        None,
        description="Device of the language model: `cpu`, `cuda`, or `auto` (all GPUs; the CPU if there is none). "
        "Null means `auto` with `writer: xrag`, and `cpu` otherwise.",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_words(cls, given: Any) -> Any:
        if isinstance(given, dict) and "words" not in given and given.get("writer") == PROMPT:
            return {**given, "words": DEFAULT_WORDS}
        return given

    @field_validator("prompt")
    @classmethod
    def _has_no_other_field(cls, prompt: str) -> str:
        if {"{", "}"} & {*prompt.replace("{label}", "")}:
            raise ValueError("the only field allowed in braces is {label}")
        return prompt

    @field_validator("endpoint")
    @classmethod
    def _has_a_server(cls, endpoint: EndpointConfig | None, info: ValidationInfo) -> EndpointConfig | None:
        engine, writer = info.data.get("engine"), info.data.get("writer")
        if engine == ENDPOINT and endpoint is None:
            raise ValueError("`engine: endpoint` requires this section; set `url` and `model` in this section")
        if engine != ENDPOINT and endpoint is not None:
            raise ValueError("this section requires `engine: endpoint`; set this engine, or remove the section")
        if endpoint is not None and writer not in {None, PROMPT}:
            raise ValueError(
                f"a server receives only prompts, no vectors; set `writer: prompt` instead of `writer: {writer}`"
            )
        return endpoint

    @field_validator("bridge")
    @classmethod
    def _names_a_bridge(cls, bridge: str, info: ValidationInfo) -> str:
        if info.data.get("writer") == XRAG and bridge != "builtin":
            raise ValueError("with `writer: xrag`, the projector of `model` replaces the bridge; omit this key")
        if re.match(r"(words|model)(:|$)", bridge):
            raise ValueError(
                "must be `builtin` or a folder; set `writer: prompt` instead of `bridge: words`, and `writer: xrag` "
                "instead of `bridge: model`"
            )
        return bridge

    @field_validator("words")
    @classmethod
    def _has_words(cls, words: int, info: ValidationInfo) -> int:
        if words == 0 and info.data.get("writer") == PROMPT:
            raise ValueError(
                "must be from 1 to 16 with `writer: prompt`: the model does not receive the vector, only words that "
                "describe it"
            )
        return words

    @field_validator("template", "examples", "descriptions")
    @classmethod
    def _is_for_prompts(cls, value: object, info: ValidationInfo) -> object:
        default = cls.model_fields[info.field_name or ""].get_default(call_default_factory=True)
        if value != default and info.data.get("writer") not in {None, PROMPT}:
            raise ValueError("only `writer: prompt` uses this key; set `writer: prompt`, or omit the key")
        return value

    @field_validator("top_k")
    @classmethod
    def _reaches_the_model(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("engine") == ENDPOINT and value != cls.model_fields[info.field_name or ""].default:
            raise ValueError("with `engine: endpoint`, the server does not receive this setting; omit the key")
        return value

    @field_validator("class_words")
    @classmethod
    def _has_logits(cls, value: object, info: ValidationInfo) -> object:
        if value and (engine := info.data.get("engine")) in {VLLM, ENDPOINT}:
            raise ValueError(f"`engine: {engine}` does not support class words; omit the key, or set another engine")
        return value

    @field_validator("style")
    @classmethod
    def _has_soft_tokens(cls, style: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        if isinstance(style, tuple) and {AUTO, PLAIN} & {*style}:
            raise ValueError(f"a list of styles must not contain `{AUTO}` or `{PLAIN}`")
        if isinstance(style, tuple) and len({*style}) < len(style):
            raise ValueError("a list of styles must not contain a style twice")
        if style != PLAIN and info.data.get("writer") not in {None, BRIDGE}:
            raise ValueError("only `writer: bridge` supports styles; omit this key, or set `writer: bridge`")
        return style

    def for_texts(self, texts: Sequence[str]) -> "DecodeConfig":
        """Return this configuration with a number in place of `max_new_tokens: auto`, computed from training texts.

        The number is `MAX_TOKENS` if there are no texts, or if their script has no spaces between words.

        Privacy: the result depends on the texts' mean word length, and on a quantile of their numbers of words.
        """
        if self.max_new_tokens != AUTO:
            return self
        upper_limit = MAX_TOKENS_PROMPTED if self.is_prompted else MAX_TOKENS
        n_words = [len(text.split()) for text in texts]
        if not texts or sum(map(len, texts)) > MAX_WORD_CHARACTERS * sum(n_words):
            return self.model_copy(update={"max_new_tokens": MAX_TOKENS})
        n_words_of_long_text = np.quantile(n_words, LONG_QUANTILE, method="higher")
        tokens = STEP * math.ceil(MIN_TOKENS_PER_WORD * n_words_of_long_text / STEP)
        return self.model_copy(update={"max_new_tokens": min(max(tokens, MIN_TOKENS), upper_limit)})

    def for_segments(self, words: int) -> "DecodeConfig":
        """Return a copy with a number in place of `max_new_tokens: auto`, for segments of about `words` words."""
        if self.max_new_tokens != AUTO:
            return self
        tokens = STEP * math.ceil(TOKENS_PER_WORD * words / STEP)
        return self.model_copy(update={"max_new_tokens": max(tokens, MIN_TOKENS)})

    @property
    def token_limit(self) -> int:
        """The value of `max_new_tokens`; raises InternalError if `for_texts` has not replaced `auto` by a number."""
        if isinstance(self.max_new_tokens, str):
            raise InternalError("decode.max_new_tokens: auto was not replaced by a number")
        return self.max_new_tokens

    @property
    def written(self) -> "DecodeConfig":
        """A copy for cache keys; in `endpoint`, it keeps only `model`, because the other keys do not change texts."""
        if self.endpoint is None:
            return self
        server = EndpointConfig(url="http://server/v1", model=self.endpoint.model)
        return self.model_copy(update={"endpoint": server})

    @property
    def voting(self) -> dict[str, object]:
        """The settings that affect the automatic choice of a style."""
        for_writing = {"candidates", "class_words", "writer", "engine", "endpoint", "template", "examples"}
        return self.model_dump(mode="json", exclude=for_writing | {"descriptions"})

    @property
    def placement(self) -> str:
        """Device of the language model, with the default in place of null."""
        return self.device or ("auto" if self.writer == XRAG else "cpu")

    @property
    def styles(self) -> tuple[str, ...]:
        """The value of `style` as a tuple."""
        return (self.style,) if isinstance(self.style, str) else self.style

    @property
    def runs_here(self) -> bool:
        """Whether the language model runs in this process instead of on a server or in vLLM."""
        return self.engine not in {ENDPOINT, VLLM}

    @property
    def uses_class_words(self) -> bool:
        """The value of `class_words`, with the default in place of null."""
        return self.runs_here if self.class_words is None else self.class_words

    @property
    def is_prompted(self) -> bool:
        """Whether the vectors reach the language model only as words in a prompt."""
        return self.writer == PROMPT
