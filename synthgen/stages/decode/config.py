"""What `decode` can say."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.core.section import Section

WORDS, FEW_WORDS = "words", 10  # the bridge's name of the decoder that takes no more than words, and how many
AUTO, PLAIN = "auto", "plain"  # the manner that fits train best; the bridge as it is
OWN = "model"  # the bridge's name of the projector inside the decoder's own checkpoint


class AdaptConfig(Section):
    """The bridge refined on the run's own train text before it decodes: closer texts, no bound on what they give."""

    steps: Annotated[int, Field(ge=1, le=100_000)] = 150
    batch: Annotated[int, Field(ge=1, le=1024)] = 16
    rate: Annotated[float, Field(gt=0, lt=1)] = 3e-4


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
    manner: Annotated[str, Field(min_length=1)] = PLAIN  # or auto, a name of the shelf, a folder
    batch: Annotated[int, Field(ge=1, le=4096)] = 128
    device: Literal["auto", "cpu", "cuda"] | None = None  # the processor; for `bridge: model` every GPU there is
    adapt: AdaptConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _few_words(cls, given: Any) -> Any:
        if isinstance(given, dict) and "words" not in given and _by_words(given.get("bridge")):
            return {**given, "words": FEW_WORDS}
        return given

    @field_validator("words")
    @classmethod
    def _has_words(cls, words: int, info: ValidationInfo) -> int:
        if words == 0 and _by_words(info.data.get("bridge")):
            raise ValueError("decode.bridge words writes from words alone, so it needs 1 to 16 of them")
        return words

    @field_validator("adapt")
    @classmethod
    def _has_a_bridge(cls, adapt: AdaptConfig | None, info: ValidationInfo) -> AdaptConfig | None:
        bridge = info.data.get("bridge")
        if adapt is not None and _by_words(bridge):
            raise ValueError("decode.bridge words has no bridge to refine; leave one of them out")
        if adapt is not None and bridge == OWN:
            raise ValueError("a projector inside the decoder's own checkpoint is not refined here; leave adapt out")
        return adapt

    @field_validator("manner")
    @classmethod
    def _has_a_bridge_to_stand_beside(cls, manner: str, info: ValidationInfo) -> str:
        bridge = info.data.get("bridge")
        if manner != PLAIN and (_by_words(bridge) or bridge == OWN):
            raise ValueError("a manner stands beside a bridge of soft tokens; leave it out, or take such a bridge")
        return manner

    @property
    def placement(self) -> str:
        """Where the language model is placed; see `load_model`."""
        return self.device or ("auto" if self.bridge == OWN else "cpu")

    @property
    def by_words(self) -> bool:
        """Whether texts are written from words of a public vocabulary alone, without a bridge."""
        return _by_words(self.bridge)


def _by_words(bridge: object) -> bool:
    return isinstance(bridge, str) and bridge.partition(":")[0] == WORDS
