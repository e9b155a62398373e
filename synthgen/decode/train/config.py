"""Define the configuration of `synthgen train-bridge`.

A bridge turns a vector into soft tokens (input embeddings), from which a language model writes a text.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from audits.core.strictyaml import read_yaml
from synthgen.core.errors import ConfigError
from synthgen.core.section import Count, Section, parse_section, resolve_path

MIN_TEXT_TOKENS = 16  # smallest number of tokens for the text in a training input
AUTO: Final = "auto"  # stands for a value that families.py chooses for the language model
Rate = Annotated[float, Field(gt=0, lt=1)]


class CorpusPart(Section):
    """Public passages for the training."""

    path: str = Field(description="Folder of Parquet files with the columns `text` and `source`.")
    exclude_sources: tuple[str, ...] = Field((), description="Values of `source` whose passages are omitted.")
    max_per_source: Count = Field(6000, description="Largest number of passages from one source.")
    passages: Count = Field(26000, description="Largest number of passages to train on.")
    heldout: Count = Field(128, description="Number of additional passages on which the loss is measured.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed for the choice of passages.")


class BridgePart(Section):
    """Shape of the bridge."""

    soft_tokens: Annotated[int, Field(ge=1, le=64)] = Field(8, description="Number of soft tokens per vector.")
    hidden: Count = Field(1024, description="Width of the hidden layer of the projector.")
    adapter_rank: Annotated[int, Field(ge=0, le=256)] = Field(
        8, description="Rank of the adapters of the language model; with 0, only the projector is trained."
    )
    adapter_targets: tuple[str, ...] | Literal["auto"] = Field(
        AUTO,
        description="Names of linear layers that get an adapter; `auto`: all linear layers of the model's blocks.",
    )
    template: str = Field(
        AUTO,
        description="Text before a generated text; `{prompt}` and `{vector}` stand for the prompt and for the soft "
        "tokens. `auto` begins with the token that begins a turn or a text.",
    )
    placeholder_id: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        AUTO, description="Id of a token that stands for a soft token; `auto` means a token that is never written."
    )


class VocabularyPart(Section):
    """Public vocabulary of the bridge, from which prompt words (words that describe a vector) are chosen."""

    words: Annotated[int, Field(ge=16, le=50_000)] = Field(16_000, description="Number of words.")
    least: Count = Field(25, description="A word must occur in at least this number of passages of the corpus.")
    skip: Annotated[int, Field(ge=0)] = Field(100, description="Number of most frequent words to omit.")


class TrainPart(Section):
    """Training settings. The learning rate rises, stays constant, and falls to 0 over the last `decay` steps."""

    steps: Count = Field(description="Number of steps.")
    decay: Count = Field(description="Number of last steps, in which the learning rate falls to 0.")
    warmup: Count = Field(50, description="Number of first steps, in which the learning rate rises.")
    batch: Count = Field(16, description="Number of passages per step.")
    length: Annotated[int, Field(ge=32)] = Field(
        112, description="Largest number of tokens of an input and its text."
    )
    max_prompt_tokens: Count = Field(8, description="Largest number of tokens of a prompt.")
    words: Annotated[int, Field(ge=0, le=16)] = Field(
        0,
        description="Largest number of vocabulary words in a prompt: the words nearest to the vector. Requires the "
        "section `vocabulary`.",
    )
    rate: Rate = Field(1e-3, description="Largest learning rate.")
    noise: Annotated[float, Field(ge=0, le=2)] = Field(
        0.25,
        description="Approximate largest L2 norm of the Gaussian noise that is added to a vector. The norm is drawn "
        "uniformly for each vector, from 0 to about this number.",
    )
    mix: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Share of training vectors that lie between the vectors of two passages."
    )
    distil: Annotated[float, Field(ge=0, le=10)] = Field(
        0.0,
        description="Weight of the self-distillation loss. This loss measures how far the predictions of the model "
        "change if the model reads the vector of a passage instead of the text.",
    )
    gradient_checkpointing: bool = Field(
        False, description="Compute activations twice instead of storing them; a step takes about a third longer."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the training.")
    evaluate_every: Count = Field(100, description="Number of steps between two measurements of the held-out loss.")
    checkpoint_every: Count = Field(50, description="Number of steps between two checkpoints.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Device of the training.")
    dtype: Literal["auto", "bfloat16", "float32"] = Field(
        "auto",
        description="Number format of the language model; `auto` is the stored format, or float32 on a processor "
        "without bfloat16 instructions.",
    )


class TrainBridgeConfig(Section):
    """All settings of `train-bridge`; relative paths start at the folder of the configuration file."""

    version: Literal[1] = Field(description="Version of the format; always 1.")
    encoder: str = Field("minilm", description="Encoder: a name in the model store, or a local folder.")
    decoder: str = Field("smollm2", description="Language model: a name in the model store, or a local folder.")
    corpus: CorpusPart = Field(description="Public passages for the training.")
    bridge: BridgePart = Field(BridgePart(), description="Shape of the bridge.")
    train: TrainPart = Field(description="Training settings.")
    vocabulary: VocabularyPart | None = Field(None, description="Vocabulary; null for a bridge without prompt words.")
    start: str | None = Field(
        None, description="Bridge to train further: `builtin`, or a folder; null for a new one."
    )
    out: str = Field(description="Folder for the result.")
    base: str = Field(default=".", exclude=True)  # folder of the configuration file

    @model_validator(mode="after")
    def _has_room_and_vocabulary(self) -> Self:
        room = self.train.length - self.train.max_prompt_tokens - self.bridge.soft_tokens
        if room < MIN_TEXT_TOKENS:
            sizes = "train.length minus train.max_prompt_tokens and bridge.soft_tokens"
            raise ValueError(
                f"{sizes} leaves {room} tokens for the text, but at least {MIN_TEXT_TOKENS} are required"
            )
        if self.train.words > 0 and self.vocabulary is None:
            raise ValueError(
                "train.words requires a vocabulary; add the section `vocabulary`, or set train.words to 0"
            )
        return self

    @classmethod
    def load(cls, path: Path) -> "TrainBridgeConfig":
        """Return the configuration in a YAML file; a ConfigError lists every mistake."""
        return parse_section(cls, {**read_yaml(path, error=ConfigError), "base": str(path.resolve().parent)})

    def resolve(self, path: str) -> Path:
        """Return a configured path as an absolute path; see `resolve_path`."""
        return resolve_path(path, self.base)
