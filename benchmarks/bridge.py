"""How much of a text comes back through its vector: the figures of the bridge's model card.

    python benchmarks/bridge.py --table $SYNTHGEN_DATA/ag_news/test.parquet [--n 256] [--candidates 4] [--words 4]
        [--bridge FOLDER] [--quick]

For texts the bridge never saw: cosine of a text's vector with that of what was decoded from it, the rank of the
source among all n by the decode's vector, and the share of decodes that keep the class of a nearest-centroid
classifier.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from synthgen.config import EmbedConfig
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build
from synthgen.models.store import model_folder
from synthgen.seeds import SeedTree
from synthgen.types import Latents


def read(table, n, seed):
    rows = pq.read_table(table, columns=["text", "label"]).to_pylist()
    order = SeedTree(seed).child("bridge-bench").generator().permutation(len(rows))[:n]
    return [" ".join(rows[i]["text"].split()[:90]) for i in order], [str(rows[i]["label"]) for i in order]


def latents_of(vectors, labels):
    n = len(vectors)
    return Latents(
        vectors=vectors, ids=tuple(f"x{i:05d}" for i in range(n)), labels=tuple(labels),
        parent_ids=((),) * n, weights=((),) * n, method="identity", seed_path="bench",
    )  # fmt: skip


def measure(table, *, n, candidates, words=0, bridge_name="builtin", seed=0):
    texts, labels = read(table, n, seed)
    encoder = build(EmbedConfig(), model_folder)
    bridge = load_bridge(bridge_name)
    vectors = encoder.encode(texts)
    decoder = XragDecoder(model_folder("smollm2"), bridge, decoder="smollm2", encoder="minilm", dim=encoder.dim)
    settings = Settings(
        prompts=dict.fromkeys(labels, ""), candidates=candidates, max_new_tokens=96, temperature=0.8,
        top_p=0.95, top_k=50, batch=64, words=words,
    )  # fmt: skip
    started = time.monotonic()
    found = decoder.decode(latents_of(vectors, labels), settings, SeedTree(seed).child("decode"), lambda _: None)
    seconds = time.monotonic() - started
    again = encoder.encode([c.text or "." for c in found]).reshape(len(texts), candidates, -1)
    cosine = np.einsum("nd,ncd->nc", vectors, again)
    first = again[:, 0]
    similarity = first @ vectors.T
    own = similarity.diagonal()
    rank = (similarity > own[:, None]).sum(axis=1) + 1
    names = np.array(labels)
    same = names[:, None] == names[None, :]
    np.fill_diagonal(same, val=False)
    between = vectors @ vectors.T
    centroids = np.stack([vectors[names == c].mean(axis=0) for c in sorted(set(labels))])
    kept = np.array(sorted(set(labels)))[(first @ centroids.T).argmax(axis=1)] == names
    written = [c.text.split() for c in found]
    source = [set(text.lower().split()) for text in texts for _ in range(candidates)]
    again_said = [len(s & set(c.text.lower().split())) / len(s) for s, c in zip(source, found, strict=True)]
    return {
        "texts": len(texts),
        "cosine to target": float(cosine[:, 0].mean()),
        f"cosine to target, best of {candidates}": float(cosine.max(axis=1).mean()),
        "baseline: decode of another text": float(np.roll(similarity, 1, axis=0).diagonal().mean()),
        "baseline: a real text of the same class": float(between[same].mean()),
        "source ranked first": float((rank == 1).mean()),
        "median rank of the source": float(np.median(rank)),
        "class kept (nearest centroid)": float(kept.mean()),
        "share of the source's words": float(np.mean(again_said)),
        "distinct words / words": len({w for ws in written for w in ws}) / sum(map(len, written)),
        "words per text": float(np.mean([len(w) for w in written])),
        "ended by itself": float(np.mean([c.finish == "stop" for c in found])),
        "texts per second": len(found) / seconds,
        "bridge steps": bridge.info.steps,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--words", type=int, default=0, help="of the bridge's vocabulary, in the prompt")
    parser.add_argument("--bridge", default="builtin")
    parser.add_argument("--quick", action="store_true", help="8 texts, 2 candidates")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    n, candidates = (8, 2) if args.quick else (args.n, args.candidates)
    found = measure(args.table, n=n, candidates=candidates, words=args.words, bridge_name=args.bridge)
    print(json.dumps(found, indent=1) if args.json else "\n".join(f"{k:<45} {v:.3f}" for k, v in found.items()))


if __name__ == "__main__":
    main()
