"""Implement `synthgen train-bridge`: train a bridge from an encoder to a decoder on a corpus."""

from pathlib import Path

from audits.text.name_lists import FIRST_NAMES, LAST_NAMES
from synthgen.core.digest import sha256_json
from synthgen.core.errors import UsageError
from synthgen.core.files import write_by
from synthgen.core.progress import Progress
from synthgen.core.types import Float32
from synthgen.decode.bridge import check_fit, load_bridge
from synthgen.decode.loading import load_model
from synthgen.decode.prompt_words import FILE as VOCABULARY
from synthgen.decode.prompt_words import load_words, make_reader, save_words
from synthgen.decode.train.config import TrainBridgeConfig, VocabularyPart
from synthgen.decode.train.corpus import prepare, read_passages, vectors_of, word_frequencies
from synthgen.decode.train.trainer import STATE, EmbeddedPassages, Trainer, run_training
from synthgen.embed import Encoder, build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder


def train(config: TrainBridgeConfig, *, resume: bool, progress: Progress) -> Path:
    """Train a bridge and return its folder. Without `resume`, an existing checkpoint is never overwritten."""
    out = config.resolve(config.out)
    if (out / STATE).exists() and not resume:
        raise UsageError(f"{out}: contains a checkpoint", hint="Pass --resume to continue, or choose another `out`.")
    corpus = config.corpus
    texts, sources = read_passages(
        config.resolve(corpus.path),
        exclude=corpus.exclude_sources,
        limit=corpus.passages + corpus.heldout,
        max_per_source=corpus.max_per_source,
        seed=corpus.seed,
    )
    loaded = load_model(model_folder(config.decoder), dtype=config.train.dtype, device=config.train.device)
    room = config.train.length - config.train.max_prompt_tokens - config.bridge.soft_tokens
    passages = prepare(texts, loaded.tokenizer, room, sources)
    encoder = build_encoder(EmbedConfig(model=config.encoder), model_folder)
    cache = out / f"vectors-{sha256_json([encoder.digest, *passages.texts])[:16]}.npy"
    with progress.stage("embed", total=len(set(passages.texts)), unit="passages") as advance:
        vectors = vectors_of(passages.texts, lambda part: encoder.encode(part, advance), cache)
    if config.vocabulary is not None and not (out / VOCABULARY).exists():
        _write_vocabulary(config, encoder, vectors.mean(axis=0), out / VOCABULARY, progress)
    reader = load_words(out / VOCABULARY) if config.train.words > 0 else None
    data = EmbeddedPassages(passages=passages, vectors=vectors, heldout=corpus.heldout, reader=reader)
    trainer = Trainer(config, loaded.model, loaded.tokenizer, data)
    if config.start is not None:
        bridge = load_bridge(config.start, config.resolve)
        width = loaded.model.get_input_embeddings().weight.shape[1]
        check_fit(bridge.info, encoder=config.encoder, dim=encoder.dim, decoder=config.decoder, width=width)
        trainer.start_from(bridge)
    with progress.stage("train-bridge", total=config.train.steps, unit="steps") as advance:
        return run_training(trainer, out, advance)


def _write_vocabulary(
    config: TrainBridgeConfig, encoder: Encoder, centre: Float32, path: Path, progress: Progress
) -> None:
    """Write the words of the corpus with their vectors, without names of persons, because words occur in prompts."""
    part = config.vocabulary or VocabularyPart()
    names = {name.lower() for name in FIRST_NAMES | LAST_NAMES}
    frequency = word_frequencies(
        config.resolve(config.corpus.path),
        exclude=config.corpus.exclude_sources,
        names=names,
        words=part.words,
        least=part.least,
        skip=part.skip,
    )
    with progress.stage("vocabulary", total=len(frequency), unit="words") as advance:
        vectors = encoder.encode(list(frequency), advance)
    write_by(path, lambda partial: save_words(make_reader(frequency, vectors, centre), partial))
