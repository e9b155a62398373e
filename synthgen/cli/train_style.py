"""Implement `synthgen train-bridge --style NAME --corpus PATH`: train a style adapter on a few hundred texts.

A style adapter is a small adapter of the language model that determines how texts are written. It extends a bridge,
which lets the language model write a text from a vector.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.core.errors import DataError, UsageError
from synthgen.core.files import check_writable, write_by
from synthgen.core.progress import Advance, Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.decode.base import Settings
from synthgen.decode.bridge import BridgeInfo, load_bridge
from synthgen.decode.config import PLAIN
from synthgen.decode.learnt import write_learnt
from synthgen.decode.loading import load_model
from synthgen.decode.style_adapter import CARD, NAME, StyleCard, StyleSource, in_style, load_style
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.pieces import StylePieces, pieces_of
from synthgen.decode.train.trainer import CURVE, STATE, EmbeddedPassages, Trainer, run_training
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.load.config import SourceConfig
from synthgen.load.formats import read_source
from synthgen.models.store import model_folder

MIN_TEXTS = 20  # smallest number of distinct texts of a corpus
SAMPLES = 10  # number of example texts in the card, the description of the style adapter
PROMPT_TOKENS = 24  # largest number of tokens of a prompt
CHECKPOINT_EVERY = 25  # number of steps between two checkpoints
WORDS = 8  # largest number of prompt words; the built-in bridge was trained with at most this number


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleTask:
    """The training options of a style adapter."""

    name: str  # lower-case letters, digits and dashes
    corpora: tuple[tuple[Path, str], ...]  # pairs (table or folder of text files, licence of the texts)
    out: Path  # output folder; during training, the checkpoint is also in this folder
    text: str = "text"  # name of the text column in a table
    bridge: str = "builtin"  # bridge that the style adapter extends: "builtin" or a folder
    steps: int = 110  # number of training steps
    batch: int = 16  # number of pieces of text per training step
    rate: float = 2e-3  # learning rate
    rank: int = 4  # rank of the low-rank adapters


def train_style(task: StyleTask, *, resume: bool, progress: Progress) -> Path:
    """Train a style adapter and return its folder; with `resume`, continue from the last checkpoint.

    Without `resume`, raise UsageError if the folder has a checkpoint or a style adapter.

    Privacy: the weights depend on the texts and can reveal them. Train only on text that may be published.
    """
    if task.name == PLAIN:
        raise UsageError(f"--style: the name {PLAIN!r} is reserved", hint="Choose another name.")
    if re.fullmatch(NAME, task.name) is None:
        rule = "may have at most 40 characters, only a-z, 0-9 and -, and must begin with a letter"
        raise UsageError(f"--style: the name {rule}")
    check_writable(task.out, "--out")
    if not resume and any((task.out / name).exists() for name in (STATE, CARD)):
        message = f"{task.out}: contains a style adapter or a checkpoint of its training"
        raise UsageError(message, hint="Pass --resume to continue the training, or choose another --out.")
    texts = {path.name: _texts(path, task.text) for path, _ in task.corpora}
    if len(texts) < len(task.corpora):
        message = "--corpus: two files or folders have the same name, but each corpus is identified by its name"
        raise UsageError(message, hint="Rename one of the files or folders.")
    bridge = load_bridge(task.bridge)
    config = _training(task, bridge.info, words=0 if bridge.reader is None else WORDS)
    folder = model_folder(bridge.info.decoder)
    loaded = load_model(folder)
    text_tokens = config.train.length - config.train.max_prompt_tokens - bridge.info.n_soft
    # the last argument limits the pieces per corpus, so that there are at most about steps · batch pieces in total
    pieces = pieces_of(texts, loaded.tokenizer, text_tokens, -(-task.steps * task.batch // len(texts)))
    encoder = build_encoder(EmbedConfig(model=bridge.info.encoder), model_folder)
    with progress.stage("embed", total=len(set(pieces.passages.texts)), unit="pieces") as advance:
        vectors = encoder.encode(list(pieces.passages.texts), advance)
    data = EmbeddedPassages(passages=pieces.passages, vectors=vectors, heldout=pieces.heldout, reader=bridge.reader)
    trainer = Trainer(config, loaded.model, loaded.tokenizer, data, style_of=(bridge, task.rank))
    # "own" is the loss on held-out pieces, each decoded from its own vector. Untrained adapters have no effect, so
    # `before` is the loss of the bridge without the style.
    before = trainer.evaluate()["own"]
    with progress.stage("train-bridge", total=task.steps, unit="steps") as advance:
        run_training(trainer, task.out, advance)
    curve = [json.loads(line) for line in (task.out / CURVE).read_text(encoding="utf-8").splitlines()]
    licences, pieces_by_source = {path.name: licence for path, licence in task.corpora}, pieces.passages.sources
    card = StyleCard(
        name=task.name,
        bridge=bridge.digest,
        rank=task.rank,
        steps=trainer.step,
        sources=tuple(
            StyleSource(name=name, licence=licences[name], passages=n) for name, n in pieces_by_source.items()
        ),
        heldout_before=round(before, 4),
        heldout_after=float(curve[-1]["own"]),
    )
    _write_card(card, task.out)  # `load_style` needs the card; the samples are added below
    write_learnt((text for corpus in texts.values() for text in corpus), task.out)
    styled, info = in_style(bridge, [(load_style(str(task.out), Path), 1.0)]), bridge.info
    decoder = XragDecoder(folder, styled, decoder=info.decoder, encoder=info.encoder, dim=info.dim)
    with progress.stage("samples", total=SAMPLES, unit="texts") as advance:
        samples = _samples(decoder, pieces, vectors, advance)
    _write_card(card.model_copy(update={"samples": samples}), task.out)
    (task.out / STATE).unlink()  # the optimizer state is not needed after training
    return task.out


def _training(task: StyleTask, info: BridgeInfo, *, words: int) -> TrainBridgeConfig:
    """Return the training configuration with the dimensions of the bridge; `words` is the number of prompt words."""
    shape = ("hidden", "adapter_rank", "adapter_targets", "template", "placeholder_id")
    return TrainBridgeConfig.model_validate(
        {
            "version": 1,
            "encoder": info.encoder,
            "decoder": info.decoder,
            "corpus": {"path": "given"},  # required, but not used, because the trainer gets the pieces
            "bridge": {"soft_tokens": info.n_soft, **{name: getattr(info, name) for name in shape}},
            "train": {
                "steps": task.steps,
                "batch": task.batch,
                "rate": task.rate,
                "words": words,
                "decay": max(1, task.steps // 4),  # number of last steps over which the learning rate falls
                "warmup": max(1, min(30, task.steps // 4)),  # number of first steps over which the rate rises
                "max_prompt_tokens": PROMPT_TOKENS,
                "length": info.max_text_tokens + PROMPT_TOKENS + info.n_soft,
                "evaluate_every": 50,
                "checkpoint_every": CHECKPOINT_EVERY,
            },
            "vocabulary": {} if words else None,
            "out": str(task.out),
        }
    )


def _texts(path: Path, column: str) -> list[str]:
    rows = read_source(SourceConfig(path=str(path), text=column), path).rows
    texts = [str(row.values[column]) for row in rows if str(row.values.get(column) or "").strip()]
    if (n := len(set(texts))) < MIN_TEXTS:
        hint = "Pass a folder of .txt files or a table, and name the text column with --text."
        needed = f"a style adapter needs at least {MIN_TEXTS}, preferably several hundred"
        raise DataError(f"{path}: has {n} distinct texts in the column {column!r}; {needed}", hint=hint)
    return texts


def _samples(decoder: XragDecoder, pieces: StylePieces, vectors: Float32, advance: Advance) -> tuple[str, ...]:
    """Return texts that are written in the style from the vectors of held-out pieces."""
    n, heldout = len(vectors), pieces.heldout
    # held-out pieces are the last rows; the prompt of a sample is the most characteristic word of its piece
    rows = np.linspace(n - heldout, n - 1, num=min(SAMPLES, heldout)).astype(int)
    labels, empty = tuple(" ".join(pieces.passages.hints[row][:1]) for row in rows), ((),) * len(rows)
    latents = Latents(
        vectors=vectors[rows].copy(),
        ids=tuple(f"sample-{i}" for i in range(len(rows))),
        labels=labels,
        parent_ids=empty,
        weights=empty,
        method="none",
        seed_path="samples",
    )
    prompts, limit = {label: label for label in labels}, decoder.info.max_text_tokens
    settings = Settings(
        prompts=prompts, candidates=1, max_new_tokens=limit, batch=16, temperature=0.8, top_p=0.95, top_k=50
    )
    return tuple(c.text for c in decoder.decode(latents, settings, SeedTree(0).child("samples"), advance))


def _write_card(card: StyleCard, folder: Path) -> None:
    text = card.model_dump_json(indent=2) + "\n"
    write_by(folder / CARD, lambda path: path.write_text(text, encoding="utf-8"))


def with_licences(corpora: Sequence[Path], licences: Sequence[str]) -> tuple[tuple[Path, str], ...]:
    """Return every corpus with its licence; if only one licence is given, it applies to all corpora."""
    if not corpora or len(licences) not in {1, len(corpora)}:
        hint = "Pass --corpus PATH at least once, and --licence once for all corpora or once for each."
        given = f"--corpus is given {len(corpora)} times, and --licence {len(licences)} times"
        raise UsageError(given, hint=hint)
    each = licences if len(licences) > 1 else list(licences) * len(corpora)
    return tuple(zip(corpora, each, strict=True))
