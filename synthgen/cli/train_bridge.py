"""Implement `synthgen train-bridge CONFIG`: train a bridge, or estimate the duration of the training.

A bridge is an adapter that turns a vector of the encoder into an input of the language model. The vocabulary of a
bridge is a list of words with vectors, from which prompt words are chosen. It is not the vocabulary of the tokenizer.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from audits.text.name_lists import FIRST_NAMES, LAST_NAMES
from synthgen.core.digest import sha256_json
from synthgen.core.errors import UsageError
from synthgen.core.files import check_writable, write_by
from synthgen.core.progress import Progress, duration_text
from synthgen.core.types import Float32
from synthgen.decode.bridge import check_fit, load_bridge
from synthgen.decode.loading import load_model
from synthgen.decode.prompt_words import FILE as VOCABULARY
from synthgen.decode.prompt_words import load_words, make_reader, save_words
from synthgen.decode.train.config import TrainBridgeConfig, VocabularyPart
from synthgen.decode.train.corpus import prepare, read_passages, vectors_of, word_frequencies
from synthgen.decode.train.processes import Processes
from synthgen.decode.train.trainer import ALONE, STATE, EmbeddedPassages, Trainer, run_training
from synthgen.embed import Encoder, build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder
from synthgen.plan.stage_times import memory_peak

MEASURED_STEPS = 3  # number of timed training steps; a slower step runs before them and is not timed
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainEstimate:
    """The expected cost of a training run on this machine, estimated from a few measured steps."""

    passages: int  # number of passages (pieces of text of the corpus) to embed
    steps: int  # number of training steps
    parameters: int  # number of parameters of the language model
    trained_parameters: int  # number of parameters that training changes
    embed_seconds: float  # time to embed all passages
    step_seconds: float  # time of a training step
    peak_memory: int  # largest memory use in bytes: of the GPU or, without a GPU, of this process

    @property
    def seconds(self) -> float:
        """Expected duration of embedding and training."""
        return self.embed_seconds + self.steps * self.step_seconds

    def to_json(self) -> dict[str, object]:
        """Return the estimate as JSON-compatible data."""
        return {**asdict(self), "seconds": self.seconds}

    def to_text(self) -> str:
        """Return the estimate as lines for a terminal."""
        training = duration_text(self.steps * self.step_seconds)
        lines = (
            f"language model: {self.parameters:,} parameters; trained: {self.trained_parameters:,} parameters",
            f"embedding of {self.passages:,} passages: {duration_text(self.embed_seconds)}",
            f"{self.steps:,} steps of {self.step_seconds:.2f} seconds: {training}",
            f"memory: {self.peak_memory / GIB:.1f} GiB",
            "The vocabulary, checkpoints and measurements of the held-out loss take additional time.",
        )
        return "\n".join(lines)


def train(config: TrainBridgeConfig, *, resume: bool, progress: Progress, processes: Processes = ALONE) -> Path:
    """Train a bridge and return its folder; raise UsageError if there is a checkpoint and `resume` is False.

    If several `processes` share the work, each process calls this function.
    """
    out = config.resolve(config.out)
    check_writable(out, "out")
    if (out / STATE).exists() and not resume:
        raise UsageError(f"{out}: contains a checkpoint", hint="Pass --resume to continue, or choose another `out`.")
    with processes.main_first():
        trainer, _ = _trainer(config, out, progress, processes)
    if config.start is not None:
        bridge = load_bridge(config.start, config.resolve)
        width, dim = trainer.model.get_input_embeddings().weight.shape[1], trainer.data.vectors.shape[1]  # type: ignore[operator]
        check_fit(bridge.info, encoder=config.encoder, dim=dim, decoder=config.decoder, width=width)
        trainer.start_from(bridge)
    with progress.stage("train-bridge", total=config.train.steps, unit="steps") as advance:
        return run_training(trainer, out, advance)


def estimate(config: TrainBridgeConfig, progress: Progress) -> TrainEstimate:
    """Train a few steps on few passages, delete the result, and return the expected cost of the whole training."""
    corpus, n_few = config.corpus, config.train.batch * (MEASURED_STEPS + 1)
    n = len(_passages(config)[0])
    small = {
        "corpus": corpus.model_copy(update={"passages": n_few, "heldout": 1}),
        "train": config.train.model_copy(update={"words": 0}),
        "vocabulary": None,  # with a vocabulary, thousands of words would be embedded first
    }
    with TemporaryDirectory(prefix="synthgen-estimate-") as folder:
        trainer, embed_seconds = _trainer(config.model_copy(update=small), Path(folder), progress, ALONE)
        trainer.train_step()
        started = time.monotonic()
        for _ in range(MEASURED_STEPS):
            trainer.train_step()
        step_seconds = (time.monotonic() - started) / MEASURED_STEPS
    trained = sum(tensor.numel() for tensor in trainer.tensors.values())
    adapters = sum(tensor.numel() for name, tensor in trainer.tensors.items() if name.startswith("adapter."))
    device = trainer.device
    peak_memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory_peak()
    return TrainEstimate(
        passages=n,
        steps=config.train.steps,
        parameters=sum(p.numel() for p in trainer.model.parameters()) - adapters,
        trained_parameters=trained,
        embed_seconds=embed_seconds * n / len(trainer.data.vectors),
        step_seconds=step_seconds,
        peak_memory=peak_memory,
    )


def _passages(config: TrainBridgeConfig) -> tuple[list[str], dict[str, int]]:
    """Return the training and held-out passages of the corpus, and the number of passages by source."""
    corpus = config.corpus
    return read_passages(
        config.resolve(corpus.path),
        exclude=corpus.exclude_sources,
        limit=corpus.passages + corpus.heldout,
        max_per_source=corpus.max_per_source,
        seed=corpus.seed,
    )


def _trainer(config: TrainBridgeConfig, out: Path, progress: Progress, processes: Processes) -> tuple[Trainer, float]:
    """Return the trainer and the duration of embedding in seconds; write vectors and vocabulary to `out`."""
    texts, sources = _passages(config)
    device = processes.device(config.train.device)
    loaded = load_model(model_folder(config.decoder), dtype=config.train.dtype, device=str(device))
    text_tokens = config.train.length - config.train.max_prompt_tokens - config.bridge.soft_tokens
    passages = prepare(texts, loaded.tokenizer, text_tokens, sources)
    encoder = build_encoder(EmbedConfig(model=config.encoder), model_folder)
    cache = out / f"vectors-{sha256_json([encoder.digest, *passages.texts])[:16]}.npy"
    started = time.monotonic()
    with progress.stage("embed", total=len(set(passages.texts)), unit="passages") as advance:
        vectors = vectors_of(passages.texts, lambda part: encoder.encode(part, advance), cache)
    seconds = time.monotonic() - started
    if config.vocabulary is not None and not (out / VOCABULARY).exists():
        _write_vocabulary(config, encoder, vectors.mean(axis=0), out / VOCABULARY, progress)
    reader = load_words(out / VOCABULARY) if config.train.words > 0 else None
    data = EmbeddedPassages(passages=passages, vectors=vectors, heldout=config.corpus.heldout, reader=reader)
    return Trainer(config, loaded.model, loaded.tokenizer, data, processes=processes), seconds


def _write_vocabulary(
    config: TrainBridgeConfig, encoder: Encoder, centre: Float32, path: Path, progress: Progress
) -> None:
    part = config.vocabulary or VocabularyPart()
    frequency = word_frequencies(
        config.resolve(config.corpus.path),
        exclude=config.corpus.exclude_sources,
        names={name.lower() for name in FIRST_NAMES | LAST_NAMES},  # names are left out of the vocabulary
        words=part.words,
        least=part.least,
        skip=part.skip,
    )
    with progress.stage("vocabulary", total=len(frequency), unit="words") as advance:
        vectors = encoder.encode(list(frequency), advance)
    write_by(path, lambda partial: save_words(make_reader(frequency, vectors, centre), partial))
