"""The configuration of `synthgen train-bridge`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from audits.core.strictyaml import read_yaml
from synthgen.core.errors import ConfigError
from synthgen.core.section import Count, Section, parse_section, resolve_path
from synthgen.decode.bridge import BridgeInfo
from synthgen.decode.loading import Dtype

MIN_TEXT_TOKENS = 16
CHECKPOINT_EVERY = 25  # number of steps between two checkpoints when the training of a bridge is continued
Rate = Annotated[float, Field(gt=0, lt=1)]


class CorpusPart(Section):
    """Public passages for the training."""

    path: str
    exclude_sources: tuple[str, ...] = ()
    max_per_source: Count = 6000
    passages: Count = 26000
    heldout: Count = 128
    seed: Annotated[int, Field(ge=0)] = 0  # of the choice of passages


class BridgePart(Section):
    """Shape of the bridge."""

    soft_tokens: Annotated[int, Field(ge=1, le=64)] = 8
    hidden: Count = 1024
    adapter_rank: Annotated[int, Field(ge=0, le=256)] = 8
    adapter_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    template: str = "<|im_start|>{prompt}\n{vector}\n"
    placeholder_id: Annotated[int, Field(ge=0)] = 6


class VocabularyPart(Section):
    """Public vocabulary of the bridge, for words in the prompt."""

    words: Annotated[int, Field(ge=16, le=50_000)] = 16_000
    least: Count = 25  # smallest number of passages of the corpus in which a word of the vocabulary occurs
    skip: Annotated[int, Field(ge=0)] = 100  # number of the most frequent words to omit


class TrainPart(Section):
    """Training settings. The learning rate warms up, stays constant, and falls to 0 over the last `decay` steps."""

    steps: Count
    decay: Count
    warmup: Count = 50
    batch: Count = 16
    length: Annotated[int, Field(ge=32)] = 112
    max_prompt_tokens: Count = 8
    words: Annotated[int, Field(ge=0, le=16)] = 0  # largest number of the vector's words in a prompt
    rate: Rate = 1e-3
    noise: Annotated[float, Field(ge=0, le=2)] = 0.25
    mix: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of vectors that lie between those of two passages
    distil: Annotated[float, Field(ge=0, le=10)] = 0.0  # weight of the divergence from the model that reads the text
    seed: Annotated[int, Field(ge=0)] = 0
    evaluate_every: Count = 100
    checkpoint_every: Count = 50
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Dtype = "auto"  # of the language model; see `load_model`


class TrainBridgeConfig(Section):
    """All settings of `train-bridge`; relative paths start at the folder of the file."""

    version: Literal[1]
    encoder: str = "minilm"
    decoder: str = "smollm2"
    corpus: CorpusPart
    bridge: BridgePart = BridgePart()
    train: TrainPart
    vocabulary: VocabularyPart | None = None
    start: str | None = None  # trained bridge to continue, "builtin" or its folder
    out: str
    base: str = Field(default=".", exclude=True)

    @model_validator(mode="after")
    def _has_room_and_vocabulary(self) -> Self:
        room = self.train.length - self.train.max_prompt_tokens - self.bridge.soft_tokens
        if room < MIN_TEXT_TOKENS:
            raise ValueError(f"train.length leaves {room} tokens for the text, but {MIN_TEXT_TOKENS} are required")
        if self.train.words > 0 and self.vocabulary is None:
            raise ValueError("train.words needs a vocabulary: add the section `vocabulary`")
        return self

    @classmethod
    def load(cls, path: Path) -> "TrainBridgeConfig":
        """Return the configuration in a YAML file; a ConfigError lists every mistake."""
        return parse_section(cls, {**read_yaml(path, error=ConfigError), "base": str(path.resolve().parent)})

    def resolve(self, path: str) -> Path:
        """Return a configured path as an absolute one; see `resolve_path`."""
        return resolve_path(path, self.base)


def refining(info: BridgeInfo, out: str, prompt_tokens: int, train: Mapping[str, float]) -> TrainBridgeConfig:
    """Return the configuration that continues the training of a bridge.

    `prompt_tokens` is the largest number of tokens of a prompt. `train` sets `TrainPart`'s steps, batch, rate and, if
    not 0, words and seed; the decay takes a quarter of the steps, the warm-up a quarter, but at most 30.
    """
    steps = int(train["steps"])
    shape = ("hidden", "adapter_rank", "adapter_targets", "template", "placeholder_id")
    return TrainBridgeConfig.model_validate(
        {
            "version": 1,
            "encoder": info.encoder,
            "decoder": info.decoder,
            "corpus": {"path": "given"},
            "bridge": {"soft_tokens": info.n_soft, **{name: getattr(info, name) for name in shape}},
            "train": {
                "decay": max(1, steps // 4),
                "warmup": max(1, min(30, steps // 4)),
                "max_prompt_tokens": prompt_tokens,
                "length": info.max_text_tokens + prompt_tokens + info.n_soft,
                "evaluate_every": 50,
                "checkpoint_every": CHECKPOINT_EVERY,
                **train,
            },
            "vocabulary": {} if train.get("words", 0) > 0 else None,
            "out": out,
        }
    )
