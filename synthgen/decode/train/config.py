"""The configuration of `train-bridge`."""

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
CHECKPOINT_EVERY = 25  # steps of a training that goes on from a bridge
Rate = Annotated[float, Field(gt=0, lt=1)]


class CorpusPart(Section):
    """The public passages a bridge is trained on."""

    path: str
    exclude_sources: tuple[str, ...] = ()
    max_per_source: Count = 6000
    passages: Count = 26000
    heldout: Count = 128
    seed: Annotated[int, Field(ge=0)] = 0  # of which passages are taken


class BridgePart(Section):
    """The shape of the bridge."""

    soft_tokens: Annotated[int, Field(ge=1, le=64)] = 8
    hidden: Count = 1024
    adapter_rank: Annotated[int, Field(ge=0, le=256)] = 8
    adapter_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    template: str = "<|im_start|>{prompt}\n{vector}\n"
    placeholder_id: Annotated[int, Field(ge=0)] = 6


class VocabularyPart(Section):
    """The public vocabulary that goes with the bridge: the words a vector lies nearest to can go into its prompt."""

    words: Annotated[int, Field(ge=16, le=50_000)] = 16_000
    least: Count = 25  # passages of the whole corpus that hold a word
    skip: Annotated[int, Field(ge=0)] = 100  # of the commonest words


class TrainPart(Section):
    """How it is trained: warm up, hold, then fall to zero over the last `decay` steps."""

    steps: Count
    decay: Count
    warmup: Count = 50
    batch: Count = 16
    length: Annotated[int, Field(ge=32)] = 112
    max_prompt_tokens: Count = 8
    words: Annotated[int, Field(ge=0, le=16)] = 0  # most words read from the vector that stand in a prompt
    rate: Rate = 1e-3
    noise: Annotated[float, Field(ge=0, le=2)] = 0.25
    mix: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of vectors between two passages, the nearest to be written
    distil: Annotated[float, Field(ge=0, le=10)] = (
        0.0  # weight of the divergence from the model given the text itself
    )
    seed: Annotated[int, Field(ge=0)] = 0
    evaluate_every: Count = 100
    checkpoint_every: Count = 50
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Dtype = "auto"  # of the language model; see `load_model`


class TrainBridgeConfig(Section):
    """Everything `train-bridge` needs; relative paths are taken from the file's folder."""

    version: Literal[1]
    encoder: str = "minilm"
    decoder: str = "smollm2"
    corpus: CorpusPart
    bridge: BridgePart = BridgePart()
    train: TrainPart
    vocabulary: VocabularyPart | None = None
    start: str | None = None  # a trained bridge to go on from, "builtin" or its folder
    out: str
    base: str = Field(default=".", exclude=True)

    @model_validator(mode="after")
    def _text_fits(self) -> Self:
        room = self.train.length - self.train.max_prompt_tokens - self.bridge.soft_tokens
        if room < MIN_TEXT_TOKENS:
            raise ValueError(f"train.length leaves {room} tokens for the text, at least {MIN_TEXT_TOKENS} are needed")
        if self.train.words > 0 and self.vocabulary is None:
            raise ValueError("train.words needs a vocabulary to read them in: add the part `vocabulary`")
        return self

    @classmethod
    def load(cls, path: Path) -> "TrainBridgeConfig":
        """Return the configuration of a YAML file; a ConfigError lists every mistake."""
        return parse_section(cls, {**read_yaml(path, error=ConfigError), "base": str(path.resolve().parent)})

    def resolve(self, path: str) -> Path:
        """Return a path of the configuration as an absolute one; see `resolve_path`."""
        return resolve_path(path, self.base)


def refining(info: BridgeInfo, out: str, prompt_tokens: int, train: Mapping[str, float]) -> TrainBridgeConfig:
    """Return the configuration that trains a bridge on from where it stands, in the shape it has.

    Args:
        info: of the bridge.
        out: as in `TrainBridgeConfig`.
        prompt_tokens: of a prompt, at most.
        train: of `TrainPart` the steps, of which a quarter fall to zero and at most 30 warm up, batch and rate, and
            words and seed where they are not 0.
    """
    steps = int(train["steps"])
    return TrainBridgeConfig.model_validate(
        {
            "version": 1,
            "encoder": info.encoder,
            "decoder": info.decoder,
            "corpus": {"path": "given"},
            "bridge": {
                "soft_tokens": info.n_soft,
                "hidden": info.hidden,
                "adapter_rank": info.adapter_rank,
                "adapter_targets": info.adapter_targets,
                "template": info.template,
                "placeholder_id": info.placeholder_id,
            },
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
