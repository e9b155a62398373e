"""Measure how well a bridge recovers held-out texts from their vectors, for the model card of the bridge.

    python benchmarks/bridge.py [--table $SYNTHGEN_DATA/ag_news/test.parquet] [--corpus $SYNTHGEN_DATA/bridge_corpus]
        [--n 1000] [--few 250] [--words K] [--pairs 64] [--variants [96]] [--figure docs/bridge]
        [--markdown FILE] [--json FILE] [--bridge FOLDER] [--quick]

A bridge turns the vector of a text into soft tokens (input embeddings) of a language model, which then writes a text.
Every vector is decoded once, and the first `--few` vectors four times; for these first vectors, the benchmark also
measures the likelihood of the source texts. `--variants` compares ways of decoding at equal cost (number of decoded
texts): words in the prompt, temperature, more candidates, and a correction step. The baselines are the decoded text
of another vector, a real text of the same class, and the nearest passage of the training corpus.
"""

import argparse
import json
import math
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).parent))  # needed if a test loads this file

from ways import RoundTrip, Sources, Way, best_of, correct_once, distinct_ngrams, first_of, judge, row_of

from studies.smotext.fidelity import mean_of, words_of
from studies.smotext.lambdas import Pairs, along, random_pairs, write_lambdas
from synthgen.core.digest import sha256_json
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.corpus import read_passages, vectors_of
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

MADE = Path(__file__).parents[1] / "docs" / "bridge" / "minilm-smollm2.yaml"  # configuration of the shipped bridge
MOST_WORDS = 90  # texts are cut to this number of words; vectors contain little about later words
MOST_TOKENS = 96  # largest number of tokens of a text that are scored or written
CANDIDATES = 4
WORDS_OF_DECODER = 10  # number of words in the prompt if the language model writes without the bridge
LAMBDAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def cut(text):
    return " ".join(text.split()[:MOST_WORDS])


def read(args, encoder, seeds):
    """Return the source texts, which are n random rows of the table, with their labels and vectors."""
    rows = pq.read_table(args.table, columns=["text", "label"]).to_pylist()
    order = seeds.child("texts").generator().permutation(len(rows))[: args.n]
    texts = tuple(cut(rows[i]["text"]) for i in order)
    with args.progress.stage("embed", total=len(set(texts)), unit="texts") as advance:
        vectors = encoder.encode(texts, advance)
    return Sources(texts=texts, labels=tuple(str(rows[i]["label"]) for i in order), vectors=vectors)


def passages(args, encoder):
    """Return the requested number of training passages and their vectors, which are cached on disk."""
    part = TrainBridgeConfig.load(MADE).corpus
    found, _ = read_passages(
        args.corpus,
        exclude=part.exclude_sources,
        limit=part.passages,
        max_per_source=part.max_per_source,
        seed=part.seed,
    )
    texts = tuple(cut(text) for text in found[: args.passages])
    cache = args.cache / f"passages-{sha256_json([encoder.digest, *texts])[:16]}.npy"
    with args.progress.stage("passages", total=len(set(texts)), unit="passages") as advance:
        return texts, vectors_of(texts, lambda them: encoder.encode(them, advance), cache)


def write_all(args, trip, sources, seeds):
    """Return the first decoded text per source, all texts of the first `few`, and whether each first text ended."""
    few = sources.first(args.few)
    rest = Sources(
        texts=sources.texts[args.few :], labels=sources.labels[args.few :], vectors=sources.vectors[args.few :]
    )
    total = args.few * args.candidates + len(rest)
    with args.progress.stage("write", total=total, unit="texts") as advance:
        trip = replace(trip, advance=advance)
        several = trip.write(few.vectors, few.labels, seeds, candidates=args.candidates)
        ended = several.ended[:, 0]
        first = first_of("one text", several)
        if len(rest):
            more = trip.write(rest.vectors, rest.labels, seeds.child("rest"), candidates=1)
            ended = np.concatenate([ended, more.ended[:, 0]])
            first = replace(
                first,
                texts=(*first.texts, *first_of("", more).texts),
                vectors=np.concatenate([first.vectors, more.vectors[:, 0]]),
            )
    return first, several, ended


def fidelity(args, sources, first, several, looked_up, seeds):
    n = len(sources)
    names = np.array(sources.labels)
    draw = seeds.child("same-class").generator()
    if lone := sorted(name for name, count in Counter(sources.labels[:n]).items() if count == 1):
        raise SystemExit(f"only one text of class {', '.join(lone)} was drawn; increase --n, or use fewer classes")
    same = [int(draw.choice(np.flatnonzero((names == names[i]) & (np.arange(n) != i)))) for i in range(n)]
    passage_texts, passage_vectors = looked_up
    nearest = (sources.vectors @ passage_vectors.T).argmax(axis=1)
    ways = [
        first,
        best_of(f"best of {args.candidates}", several, sources.vectors[: args.few]),
        Way(
            name="another text's decode",
            decodes=1,
            texts=(first.texts[-1], *first.texts[:-1]),
            vectors=np.roll(first.vectors, 1, axis=0),
        ),
        Way(
            name="a real text of the same class",
            decodes=0,
            texts=tuple(sources.texts[i] for i in same),
            vectors=sources.vectors[same],
        ),
        Way(
            name=f"the nearest of {len(passage_texts):,} training passages",
            decodes=0,
            texts=tuple(passage_texts[i] for i in nearest),
            vectors=passage_vectors[nearest],
        ),
    ]
    return [row_of(judge(way, sources), seeds.child("bootstrap")) for way in ways]


def likelihood(args, bridge, sources, first, seeds):
    """Return rows with the nats per token of the source texts, one row per input, such as "its own vector".

    Also return the perplexities of the decoded texts and of the source texts under the model without the bridge.
    """
    few = sources.first(args.few)
    folder = model_folder(args.decoder)
    read_with = Likelihood.load(folder, bridge)
    given = {
        "its own vector": {"vectors": few.vectors},
        "another text's vector": {"vectors": np.roll(few.vectors, 1, axis=0)},
        "no vector": {},
    }
    if bridge.reader is not None:
        words = bridge.reader.read(few.vectors, 4)
        given["its own vector and four words"] = {"vectors": few.vectors, "prompts": [" ".join(w) for w in words]}
    with args.progress.stage("likelihood", total=len(given) + 2, unit="readings") as advance:
        nats = {}
        for name, options in given.items():
            nats[name] = read_with.nats(few.texts, max_tokens=MOST_TOKENS, **options)
            advance(1)
        plain = Likelihood.load(folder)
        nats["no bridge: the model as it is"] = plain.nats(few.texts, max_tokens=MOST_TOKENS)
        advance(1)
        written = [text for text in first.texts[: args.few] if text]
        perplexity = math.exp(plain.nats(written, max_tokens=MOST_TOKENS).per_token)
        advance(1)
    rows = []
    own = nats["its own vector"].each
    for name, of in nats.items():
        mean = mean_of(of.each, seeds.child("nats").generator())
        more = mean_of(of.each - own, seeds.child("nats").generator())
        rows.append(
            {
                "given": name,
                "texts": len(own),
                "nats": mean.value,
                "nats_low": mean.low,
                "nats_high": mean.high,
                "more": more.value,
                "more_low": more.low,
                "more_high": more.high,
            }
        )
    return rows, perplexity, math.exp(nats["no bridge: the model as it is"].per_token)


def quality(sources, first, ended, perplexities):
    """Return a row of quality measurements for decoded and for real texts; diversity uses equal numbers of words."""
    both = {"written": first.texts, "real": sources.texts}
    words = min(sum(len(words_of(text)) for text in texts) for texts in both.values())
    return [
        {
            "texts": name,
            "perplexity": perplexity,
            "distinct-1": distinct_ngrams(texts, 1, words),
            "distinct-2": distinct_ngrams(texts, 2, words),
            "words": float(np.mean([len(text.split()) for text in texts])),
            "ended": float(ended.mean()) if name == "written" else None,
        }
        for (name, texts), perplexity in zip(both.items(), perplexities, strict=True)
    ]


def variants(args, trip, bridge, sources, seeds):
    """Decode the first vectors in several ways; return a row per way, compared with plain decoding at equal cost."""
    few = sources.first(args.variants)
    writes = {"best": 8, "words": 8, "temperature": 2, "correct": 6, "decoder": 4}
    with args.progress.stage("variants", total=args.variants * sum(writes.values()), unit="texts") as advance:
        trip = replace(trip, advance=advance)

        def tries(candidates, **changes):
            return trip.write(few.vectors, few.labels, seeds, candidates=candidates, **changes)

        many = tries(8)
        plain = {c: best_of(f"best of {c}", many, few.vectors, count=c) for c in (1, 2, 4, 8)}
        plain[1] = replace(plain[1], name="one text")
        ways = [(way, None if c == 1 else 1) for c, way in plain.items()]
        if bridge.reader is not None:
            for k in sorted({0, 4, 8} - {args.words}):
                written = tries(4, words=k)
                ways += [
                    (first_of(f"{k} words: one text", written), 1),
                    (best_of(f"{k} words: best of 4", written, few.vectors), 4),
                ]
        for t in (0.5, 1.0):
            ways.append((first_of(f"temperature {t}: one text", tries(1, temperature=t)), 1))
        for cost, guess in ((2, plain[1]), (4, plain[2])):
            for alpha in (0.5, 1.0):
                again = seeds.child("correct", str(alpha))
                ways.append((correct_once(trip, guess, few, alpha=alpha, tries=cost // 2, seeds=again), cost))
        if bridge.reader is not None:
            prompter = Prompter(reader=bridge.reader)
            other = PromptDecoder(model_folder(args.decoder), prompter, decoder=args.decoder)
            written = replace(trip, decoder=other).write(
                few.vectors, few.labels, seeds, candidates=4, words=WORDS_OF_DECODER
            )
            name = f"{WORDS_OF_DECODER} words, no bridge"
            ways.append((first_of(f"{name}: one text", written), 1))
            ways.append((best_of(f"{name}: best of 4", written, few.vectors), 4))
    plain_figures = {c: judge(way, sources) for c, way in plain.items()}
    return [
        row_of(judge(way, sources), seeds.child("bootstrap"), against=None if c is None else plain_figures[c])
        for way, c in ways
    ]


def pairs_of(args, sources, seeds):
    few = sources.first(args.few)
    rows = random_pairs(few.labels, args.pairs, seeds.child("pairs").generator())
    return Pairs(texts=few.texts, labels=few.labels, rows=rows)


def measure(args):
    started = time.monotonic()
    seeds = SeedTree(args.seed).child("bridge-bench")
    encoder = build_encoder(EmbedConfig(model=args.encoder), model_folder)
    sources = read(args, encoder, seeds)
    pairs = pairs_of(args, sources, seeds) if args.pairs else None
    bridge = load_bridge(args.bridge)
    decoder = XragDecoder(
        model_folder(args.decoder), bridge, decoder=args.decoder, encoder=args.encoder, dim=encoder.dim
    )
    settings = Settings(
        prompts=dict.fromkeys(sources.labels, ""),
        candidates=1,
        max_new_tokens=args.max_new_tokens,
        temperature=0.8,
        top_p=0.95,
        top_k=50,
        batch=args.batch,
        words=args.words,
    )
    trip = RoundTrip(encoder=encoder, decoder=decoder, settings=settings)
    first, several, ended = write_all(args, trip, sources, seeds.child("decode"))
    found = {"fidelity": fidelity(args, sources, first, several, passages(args, encoder), seeds)}
    found["likelihood"], *perplexities = likelihood(args, load_bridge(args.bridge), sources, first, seeds)
    found["quality"] = quality(sources, first, ended, perplexities)
    if pairs is not None:
        found["lambdas"] = along(encoder, decoder, settings, pairs, LAMBDAS, seeds.child("lambdas"))
    if args.variants:
        found["variants"] = variants(args, trip, bridge, sources, seeds.child("decode"))
    found["made"] = {
        "texts": len(sources),
        "few": args.few,
        "words in the prompt": args.words,
        "bridge": bridge.digest[:16],
        "bridge steps": bridge.info.steps,
        "seed": args.seed,
        "seconds": round(time.monotonic() - started),
    }
    return found


def number(row, key, *, sign=""):
    value = row.get(key)
    if value is None:
        return ""
    if isinstance(value, str | int):
        return str(value)
    shown = f"{value:{sign}.3f}"
    return (
        f"{shown} [{row[f'{key}_low']:{sign}.3f}, {row[f'{key}_high']:{sign}.3f}]" if f"{key}_low" in row else shown
    )


def table(rows, columns):
    lines = [[head for _, head in columns], ["---"] * len(columns)]
    lines += [[number(row, key, sign="+" if key.endswith("more") else "") for key, _ in columns] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


JUDGED = (
    ("way", "text"),
    ("decodes", "decodes"),
    ("texts", "n"),
    ("cosine", "cosine to target"),
    ("overlap", "TF-IDF overlap with the source"),
    ("first", "source ranked first"),
    ("median_rank", "median rank"),
    ("reciprocal_rank", "mean reciprocal rank"),
    ("class_kept", "class kept"),
)
MORE = (("against", "against"), ("cosine_more", "cosine more"), ("overlap_more", "overlap more"))
PARTS = (
    ("fidelity", "Fidelity", JUDGED),
    (
        "likelihood",
        "Likelihood of the source, nats per token",
        (("given", "given"), ("texts", "n"), ("nats", "nats per token"), ("more", "more than with its own vector")),
    ),
    (
        "quality",
        "The texts themselves",
        (
            ("texts", "texts"),
            ("perplexity", "perplexity under the untouched model"),
            ("distinct-1", "distinct-1"),
            ("distinct-2", "distinct-2"),
            ("words", "words per text"),
            ("ended", "ended by itself"),
        ),
    ),
    (
        "lambdas",
        "Between two texts of a class",
        (
            ("lambda", "λ"),
            ("target", "cosine to target"),
            ("first", "to the first parent"),
            ("second", "to the second"),
            ("others", "to another pair's"),
            ("class_kept", "class kept"),
            ("says_both", "mentions both"),
            ("says_both_others", "both of another pair"),
        ),
    ),
    ("variants", "Ways of writing", JUDGED + MORE),
)


def markdown(found):
    parts = [f"### {title}\n\n{table(found[key], columns)}" for key, title, columns in PARTS if key in found]
    return "\n\n".join([*parts, ", ".join(f"{k}: {v}" for k, v in found["made"].items())]) + "\n"


def options(argv):
    data = Path(os.environ.get("SYNTHGEN_DATA", "."))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=data / "ag_news" / "test.parquet")
    parser.add_argument("--corpus", type=Path, default=data / "bridge_corpus", help="training corpus of the bridge")
    parser.add_argument(
        "--n", type=int, default=1000, help="number of texts; each source is ranked among all of them"
    )
    parser.add_argument(
        "--few", type=int, default=250, help="number of texts with several candidates and likelihoods"
    )
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument(
        "--words", type=int, default=0, help="number of words of the bridge's vocabulary in the prompt"
    )
    parser.add_argument("--passages", type=int, default=2000, help="number of training passages for the baseline")
    parser.add_argument("--pairs", type=int, default=64, help="number of pairs to interpolate; 0 for none")
    parser.add_argument("--variants", type=int, nargs="?", const=96, default=0, help="texts for comparing variants")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-new-tokens", type=int, default=MOST_TOKENS)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--decoder", default="smollm2")
    parser.add_argument("--bridge", default="builtin")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("build/bench"))
    parser.add_argument("--figure", type=Path, help="folder for the figure over λ")
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="a dozen short texts, as a test")
    args = parser.parse_args(argv)
    if args.quick:
        args.n, args.few, args.candidates, args.passages, args.batch, args.max_new_tokens = 12, 6, 2, 16, 12, 24
        args.pairs, args.variants = min(args.pairs, 2), min(args.variants, 4)
    args.few = min(args.few, args.n)
    args.progress = terminal_progress(sys.stderr)
    return args


def main(argv=None):
    args = options(argv)
    found = measure(args)
    if args.figure and "lambdas" in found:
        write_lambdas(found["lambdas"], args.figure)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = markdown(found)
    if args.markdown:
        args.markdown.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
