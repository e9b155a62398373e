"""Run one configuration in several styles, and measure the utility and the style gap of the texts.

    python benchmarks/styles.py CONFIG [--styles plain,clinical-note] [--beside TABLE] [--samples 10]

A style adapter of the language model determines how texts are written. For each style, the run of CONFIG goes up to
the stage `evaluate` in its workspace; all styles share the results of the stages before decoding. Each style counts
as an attempt in the ledger. `a+b` means that each of the styles a and b writes half of the texts. For each style, the
output has:

- the accuracy of each classifier (encoder head and TF-IDF) trained on the synthetic records alone,
- the accuracy of the encoder head trained on the vectors from which the kept texts were decoded; the difference from
  the accuracy of the encoder head above is the cost of decoding,
- the style gap `style.gap`, which measures how much the style differs from that of real texts, in nats per token,
- the share of texts that each filter rejected, and some texts drawn at random.

The last rows have the results of real records, and the style gap of the texts in the table --beside (a parquet file
with the column `text`).
"""

import argparse
import json
import sys
from dataclasses import asdict

import numpy as np
import pyarrow.parquet as pq

from synthgen.config import Config
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_candidates, read_corpus, read_latents
from synthgen.evaluate.classifiers import LabelledTexts, encoder_logistic
from synthgen.evaluate.stage import UTILITY
from synthgen.evaluate.style_gap import style_gap
from synthgen.pipeline.pipeline import Pipeline


def parted(style):
    return tuple(style.split("+")) if "+" in style else style


def undecoded(run, control):
    """Return the accuracy of the encoder head trained on the vectors from which the kept texts were decoded."""
    latents = read_latents(run.folder("interpolate"))
    kept = {candidate.latent_id for candidate in read_candidates(run.folder("filter") / "kept.parquet")}
    rows = [i for i, name in enumerate(latents.ids) if name in kept]
    labels = np.array([latents.labels[i] for i in rows])
    taught = LabelledTexts(texts=("",) * len(rows), labels=labels, vectors=latents.vectors[rows])
    vectors = np.load(run.folder("embed-control") / "control.npy", allow_pickle=False)
    tested = LabelledTexts(texts=tuple(control.texts), labels=np.array(control.labels), vectors=vectors)
    return f"{(encoder_logistic(taught, tested, 0) == tested.labels).mean():.3f}"


def finished(config, style):
    changed = config.model_copy(update={"decode": config.decode.model_copy(update={"style": parted(style)})})
    return Pipeline(changed, progress=terminal_progress(sys.stderr)).run(until="evaluate")


def interval(estimate):
    return "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate) if estimate else "not measured"


def gap(texts, control):
    """Return the style gap between the texts and the control records, measured as in the stage `evaluate`."""
    found = style_gap(texts, control.texts, [r.group for r in control.records], SeedTree(0).child("manner"))
    return found and asdict(found)


def row(name, table, arm, vectors, gap, rejected):
    scores = [interval(table["classifiers"][classifier][arm]["accuracy"]) for classifier in table["classifiers"]]
    return "| " + " | ".join([name, *scores, vectors, gap, rejected]) + " |"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--styles", default="plain,auto")
    parser.add_argument("--beside", help="a parquet file of texts of another kind")
    parser.add_argument("--samples", type=int, default=10)
    args = parser.parse_args(argv)
    config = Config.load(args.config)
    lines, samples, table, real = [], {}, {}, {}
    for style in args.styles.split(","):
        run = finished(config, style)
        table = json.loads((run.folder("evaluate") / UTILITY).read_text())
        filtered = run.record.stage("filter")
        rejected = ", ".join(f"{name} {n / filtered.n_in:.2f}" for name, n in filtered.rejected.items() if n > 0)
        real = {
            role: read_corpus(run.folder("deidentify") / f"{role}.parquet", role) for role in ("train", "control")
        }
        far = interval(table["metrics"].get("style.gap"))
        lines.append(row(style, table, "synthetic", undecoded(run, real["control"]), far, rejected or "none"))
        kept = read_candidates(run.folder("filter") / "kept.parquet")
        drawn = SeedTree(0).child("samples").generator().permutation(len(kept))[: args.samples]
        samples[style] = [kept[i].text for i in drawn]
    classifiers = list(table["classifiers"])
    print("| " + " | ".join(["style", *classifiers, "head on the vectors", "style.gap", "rejected"]) + " |")
    print("|" + "---|" * (len(classifiers) + 4))
    lines.append(row("real records", table, "real", "", interval(gap(real["train"].texts, real["control"])), ""))
    if args.beside:
        texts = pq.read_table(args.beside)["text"].to_pylist()
        texts = [texts[i] for i in SeedTree(0).child("beside").generator().permutation(len(texts))]
        lines.append(
            f"| {args.beside} |" + " |" * (len(classifiers) + 1) + f" {interval(gap(texts, real['control']))} | |"
        )
    print("\n".join(lines))
    for style, texts in samples.items():
        print(f"\n## {style}")
        for text in texts:
            print("\n> " + text.replace("\n", "\n> "))


if __name__ == "__main__":
    main()
