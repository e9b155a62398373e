"""Define the `decode` section of the configuration."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.core.section import Section

WORDS, FEW_WORDS = "words", 10  # the bridge's name of the decoder that takes no more than words, and how many
AUTO, PLAIN = "auto", "plain"  # the style that fits train best; the bridge as it is

_Name = Annotated[str, Field(min_length=1)]
OWN = "model"  # the bridge's name of the projector inside the decoder's own checkpoint


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
    candidates: int = Field(
        4,
        ge=1,
        le=64,
        description="Number of texts written for each vector, of which at most one is kept. More candidates take "
        "proportionally longer, but fewer vectors remain without a text.",
    )
    max_new_tokens: int = Field(
        96,
        ge=8,
        le=4096,
        description="Largest number of tokens of a record, or of a segment with the section `segments`. Raise it if "
        "real records are longer.",
    )
    temperature: float = Field(
        0.8,
        gt=0,
        le=5,
        description="Sampling temperature of the language model. A higher value makes the texts more varied and less "
        "coherent.",
    )
    top_p: float = Field(
        0.95,
        gt=0,
        le=1,
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
    words: int = Field(
        0,
        ge=0,
        le=16,
        description=f"Number of public words nearest to the vector that follow the prompt; {FEW_WORDS} by default "
        "with `bridge: words`. More words bring the texts closer to the vectors and to the source records.",
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
    def _few_words(cls, given: Any) -> Any:
        if isinstance(given, dict) and "words" not in given and _by_words(given.get("bridge")):
            return {**given, "words": FEW_WORDS}
        return given

    @field_validator("prompt")
    @classmethod
    def _has_one_place(cls, prompt: str) -> str:
        if {"{", "}"} & {*prompt.replace("{label}", "")}:
            raise ValueError("only {label} may stand in braces")
        return prompt

    @field_validator("words")
    @classmethod
    def _has_words(cls, words: int, info: ValidationInfo) -> int:
        if words == 0 and _by_words(info.data.get("bridge")):
            raise ValueError("decode.bridge words writes from words alone, so it needs 1 to 16 of them")
        return words

    @field_validator("style")
    @classmethod
    def _has_a_bridge_to_stand_beside(
        cls, style: str | tuple[str, ...], info: ValidationInfo
    ) -> str | tuple[str, ...]:
        if isinstance(style, tuple) and ({AUTO, PLAIN} & {*style} or len({*style}) < len(style)):
            raise ValueError(f"a list mixes different styles in equal shares; {AUTO} and {PLAIN} stand alone")
        bridge = info.data.get("bridge")
        if style != PLAIN and (_by_words(bridge) or bridge == OWN):
            raise ValueError("a style stands beside a bridge of soft tokens; leave it out, or take such a bridge")
        return style

    @property
    def voting(self) -> dict[str, object]:
        """The settings that votes for a style depend on: all but the number of candidates."""
        return self.model_dump(mode="json", exclude={"candidates"})

    @property
    def placement(self) -> str:
        """Where the language model is placed; see `load_model`."""
        return self.device or ("auto" if self.bridge == OWN else "cpu")

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of what is written in, in equal shares: auto or plain alone, or one or more styles."""
        return (self.style,) if isinstance(self.style, str) else self.style

    @property
    def by_words(self) -> bool:
        """Whether texts are written from words of a public vocabulary alone, without a bridge."""
        return _by_words(self.bridge)


def _by_words(bridge: object) -> bool:
    return isinstance(bridge, str) and bridge.partition(":")[0] == WORDS
