"""Train small bridges, and measure how each option of a bridge or of its training changes the quality.

    python benchmarks/ablation.py [--corpus $SYNTHGEN_DATA/bridge_corpus] [--steps 60] [--only NAME ...]
        [--out build/ablation] [--markdown FILE] [--json FILE] [--quick]

A bridge is an adapter that turns the vector of a text into soft tokens (input embeddings) of a language model. Each
variant differs from the variant `plain` only in the option that its name states; passages, seed, order, learning rate
and number of steps are the same. The table shows three measurements on held-out passages: the nats per token of a
passage given its own vector, the nats per token given the vector of another passage, and the cosine between the
vector of the decoded text and the given vector. If --out already contains the result of a variant, the variant is not
trained again. An interrupted variant continues from its last checkpoint.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

sys.path.append(str(Path(__file__).parent))  # needed if a test loads this file

from ways import RoundTrip, first_of

from studies.smotext.fidelity import mean_of
from synthgen.core.digest import sha256_json
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.loading import load_model
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.corpus import prepare, read_passages, vectors_of
from synthgen.decode.train.trainer import EmbeddedPassages, Trainer, run_training
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

MADE = Path(__file__).parents[1] / "docs" / "bridge" / "minilm-smollm2.yaml"  # configuration of the shipped bridge
PLAIN = {"soft_tokens": 8, "adapter_rank": 8}
PROMPT_TOKENS = 8
WORDS_TOKENS = 24  # number of tokens added to the prompt for words that describe the vector
VARIANTS = {  # for each variant, its changes to the shape of the bridge and to the training settings
    "plain": ({}, {}),
    "1 soft token": ({"soft_tokens": 1}, {}),
    "4 soft tokens": ({"soft_tokens": 4}, {}),
    "16 soft tokens": ({"soft_tokens": 16}, {}),
    "no adapters": ({"adapter_rank": 0}, {}),
    "no noise": ({}, {"noise": 0.0}),
    "noise 0.5": ({}, {"noise": 0.5}),
    "8 words in the prompt": ({}, {"words": 8, "max_prompt_tokens": PROMPT_TOKENS + WORDS_TOKENS}),
    "a third between passages": ({}, {"mix": 1 / 3}),
    "self-distillation": ({}, {"distil": 1.0}),
}


def configuration(args, name):
    """Return the training configuration of a variant; in every variant, a text has at most `text_tokens` tokens."""
    shape, changes = VARIANTS[name]
    bridge = {**PLAIN, **shape}
    prompt = changes.get("max_prompt_tokens", PROMPT_TOKENS)
    made = TrainBridgeConfig.load(MADE)
    train = {
        "steps": args.steps,
        "decay": max(1, args.steps // 3),
        "warmup": max(1, args.steps // 6),
        "batch": args.batch,
        "max_prompt_tokens": prompt,
        "length": args.text_tokens + prompt + bridge["soft_tokens"],
        "evaluate_every": args.steps,
        "checkpoint_every": max(1, args.steps // 3),
        "seed": args.seed,
        **changes,
    }
    corpus = {
        **made.corpus.model_dump(),
        "path": str(args.corpus),
        "heldout": args.heldout,
        "passages": args.steps * args.batch,
    }
    template = {key: value for key in ("template", "placeholder_id") if (value := getattr(args, key)) is not None}
    return TrainBridgeConfig(
        version=1,
        encoder=args.encoder,
        decoder=args.decoder,
        corpus=corpus,
        bridge={**bridge, **template},
        train=train,
        vocabulary={},
        out=str(args.out / name.replace(" ", "-")),
    )


def data_of(args, encoder, config):
    """Return the passages that all variants share, with their vectors, which are cached on disk."""
    part = config.corpus
    texts, sources = read_passages(
        args.corpus,
        exclude=part.exclude_sources,
        limit=part.passages + part.heldout,
        max_per_source=part.max_per_source,
        seed=part.seed,
    )
    passages = prepare(texts, AutoTokenizer.from_pretrained(model_folder(args.decoder)), args.text_tokens, sources)
    cache = args.out / f"vectors-{sha256_json([encoder.digest, *passages.texts])[:16]}.npy"
    with args.progress.stage("embed", total=len(set(passages.texts)), unit="passages") as advance:
        vectors = vectors_of(passages.texts, lambda them: encoder.encode(them, advance), cache)
    reader = load_bridge(args.vocabulary).reader
    return EmbeddedPassages(passages=passages, vectors=vectors, heldout=part.heldout, reader=reader)


def trained(args, encoder, config, data):
    started = time.process_time()
    loaded = load_model(model_folder(args.decoder), dtype=config.train.dtype)
    trainer = Trainer(config, loaded.model, loaded.tokenizer, data)
    with args.progress.stage("train", total=config.train.steps, unit="steps") as advance:
        folder = run_training(trainer, Path(config.out), advance)
    losses = trainer.evaluate()
    seconds = time.process_time() - started
    del trainer, loaded
    held = slice(len(data.vectors) - data.heldout, None)
    vectors = data.vectors[held][: args.decoded]
    decoder = XragDecoder(
        model_folder(args.decoder),
        load_bridge(str(folder.resolve())),
        decoder=args.decoder,
        encoder=args.encoder,
        dim=encoder.dim,
    )
    settings = Settings(
        prompts={"": ""},
        candidates=1,
        max_new_tokens=args.text_tokens,
        temperature=0.8,
        top_p=0.95,
        top_k=50,
        batch=min(64, args.decoded),
    )
    seeds = SeedTree(args.seed).child("ablation")
    trip = RoundTrip(encoder=encoder, decoder=decoder, settings=settings)
    way = first_of("", trip.write(vectors, [""] * len(vectors), seeds.child("decode")))
    cosine = mean_of(np.einsum("md,md->m", way.vectors, vectors), seeds.child("bootstrap").generator())
    return {
        "own": losses["own"],
        "other": losses["other"],
        "gain": losses["other"] - losses["own"],
        "cosine": cosine.value,
        "cosine_low": cosine.low,
        "cosine_high": cosine.high,
        "steps": config.train.steps,
        "cpu_seconds": round(seconds),
    }


def result(args, encoder, config, data):
    """Return the measurements of a variant; use the stored result if it has this configuration and these passages."""
    path = Path(config.out) / "result.json"
    key = sha256_json([config.model_dump(mode="json"), args.decoded, encoder.digest, *data.passages.texts])
    if path.is_file() and (found := json.loads(path.read_text()))["key"] == key:
        return found["figures"]
    half = Path(config.out) / "key"
    if half.is_file() and half.read_text() != key:
        sys.exit(f"{config.out}: contains a training with other settings; choose another --out")
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_text(key)
    figures = trained(args, encoder, config, data)
    path.write_text(json.dumps({"key": key, "figures": figures}, indent=1))
    return figures


def markdown(rows):
    lines = [
        "| variant | held out, own vector | another's vector | difference | cosine to target | CPU seconds |",
        "|" + " --- |" * 6,
    ]
    for name, row in rows.items():
        cosine = f"{row['cosine']:.3f} [{row['cosine_low']:.3f}, {row['cosine_high']:.3f}]"
        nats = " | ".join(f"{row[key]:.3f}" for key in ("own", "other", "gain"))
        lines.append(f"| {name} | {nats} | {cosine} | {row['cpu_seconds']} |")
    return "\n".join(lines) + "\n"


def options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("SYNTHGEN_DATA", "."))
    parser.add_argument("--corpus", type=Path, default=data / "bridge_corpus")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--text-tokens", type=int, default=96, help="largest number of tokens of a passage")
    parser.add_argument("--heldout", type=int, default=128)
    parser.add_argument("--decoded", type=int, default=64, help="number of held-out passages to decode")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--decoder", default="smollm2")
    parser.add_argument("--vocabulary", default="builtin", help="bridge whose vocabulary contains the words")
    parser.add_argument("--template", help="template of the prompt, for another decoder")
    parser.add_argument("--placeholder-id", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/ablation"))
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="two steps with batches of four, as a test")
    args = parser.parse_args(argv)
    if args.quick:
        args.steps, args.batch, args.text_tokens, args.heldout, args.decoded = 2, 4, 32, 6, 4
    args.progress = terminal_progress(sys.stderr)
    return args


def main(argv=None):
    args = options(argv)
    encoder = build_encoder(EmbedConfig(model=args.encoder), model_folder)
    data = data_of(args, encoder, configuration(args, "plain"))
    rows = {}
    for name in args.only:
        print(name, file=sys.stderr)
        rows[name] = result(args, encoder, configuration(args, name), data)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    page = markdown(rows)
    if args.markdown:
        args.markdown.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
