"""What `decode` can say."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.core.section import Section

WORDS, FEW_WORDS = "words", 10  # the bridge's name of the decoder that takes no more than words, and how many
AUTO, PLAIN = "auto", "plain"  # the style that fits train best; the bridge as it is

_Name = Annotated[str, Field(min_length=1)]
OWN = "model"  # the bridge's name of the projector inside the decoder's own checkpoint


class DecodeConfig(Section):
    """How vectors become text."""

    model: str = "smollm2"
    bridge: str = "builtin"
    candidates: Annotated[int, Field(ge=1, le=64)] = 4
    max_new_tokens: Annotated[int, Field(ge=8, le=4096)] = 96  # of a record, or of a segment where there are any
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    top_k: Annotated[int, Field(ge=1, le=1000)] = 50
    prompt: str = "{label}"
    words: Annotated[int, Field(ge=0, le=16)] = 0  # of a public vocabulary, nearest to the vector, behind the prompt
    style: _Name | Annotated[tuple[_Name, ...], Field(min_length=1)] = PLAIN  # or auto, names of the shelf, folders
    batch: Annotated[int, Field(ge=1, le=4096)] = 128
    device: Literal["auto", "cpu", "cuda"] | None = None  # the processor; for `bridge: model` every GPU there is

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
