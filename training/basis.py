"""Compute the principal axes of vectors of public text (`bridge_corpus`), which the method `dp-gaussian` uses.

    python training/basis.py --corpus $SYNTHGEN_DATA/bridge_corpus

The sources in `UNSEEN` are not used, because they are private data in a study or example, or because their licence
forbids redistribution.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.dp.basis import FOLDER, fit_basis
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

UNSEEN = ("newsgroups20_train", "ag_news_train_subset", "aci_bench_train")
PASSAGES = 20_000  # number of passages from which the axes are computed, drawn at random


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--out", type=Path, default=FOLDER)
    given = parser.parse_args()
    table = pa.concat_tables(pq.read_table(path) for path in sorted(given.corpus.glob("*.parquet")))
    texts = [row["text"] for row in table.to_pylist() if row["source"] not in UNSEEN]
    chosen = SeedTree(0).child("basis").generator().permutation(len(texts))[: given.passages]
    encoder = build_encoder(EmbedConfig(model=given.encoder), model_folder)
    with terminal_progress(sys.stderr).stage("embed", total=len(chosen), unit="passages") as advance:
        basis = fit_basis(encoder.encode([texts[i] for i in chosen], advance))
    given.out.mkdir(parents=True, exist_ok=True)
    held = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in held.items()}, given.out / f"{given.encoder}.safetensors")


if __name__ == "__main__":
    main()
