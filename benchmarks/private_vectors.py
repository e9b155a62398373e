"""What a head learns of vectors that each differentially private method draws, beside one taught by real vectors.

    SYNTHGEN_DATA=FOLDER python benchmarks/private_vectors.py [--dataset medical_abstracts] [--persons 2000]
        [--epsilon 4] [--draws 3] [--quick]

Half of the persons are asked, and a logistic regression that was taught by vectors drawn from what they said is tried
on the records of the others. Nothing is written: what the decoder loses, and what votes on written texts bring, is
not in here. The noise is of a public stream.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from studies.dp.sets import KINDS, read_private_sets
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.models.store import model_folder
from synthgen.privacy.budget import noise_multipliers
from synthgen.privacy.noise import StreamNoise
from synthgen.privacy.sums import PrivateAsk
from synthgen.run.dp.questions import METHODS
from synthgen.stages.embed import build_encoder
from synthgen.stages.embed.config import EmbedConfig
from synthgen.stages.interpolate.dp.basis import load_basis
from synthgen.stages.interpolate.dp.method import Setting
from synthgen.stages.interpolate.dp.people import people_of

DELTA, EACH = 1e-5, 300  # of a class so many vectors are drawn


def drawn_by(method, x, names, persons, epsilon, seeds):
    """Return vectors, and their classes, of what one method learns of the persons."""
    basis = load_basis("minilm")
    setting = Setting(labels=names, basis=basis, persons=persons, write=lambda v, *_: v, seeds=seeds.child("setting"))
    noise = noise_multipliers(epsilon, DELTA, {k: one.priced(one.share, persons) for k, one in method.ASKED.items()})
    queries = {k: one.query(k, noise[k], persons) for k, one in method.ASKED.items()}
    ask = PrivateAsk(StreamNoise(seeds.child("noise")))
    learned = method.learn(people_of(x, names, basis), setting, queries, ask)
    drawn = learned.sample(dict.fromkeys(names, EACH), seeds.child("drawn"))
    return drawn.vectors, drawn.labels


def halves(corpus, persons, seeds):
    """Return the records of so many persons, and of as many others."""
    groups = sorted({record.group for record in corpus.records})
    order = [groups[i] for i in seeds.generator().permutation(len(groups))[: 2 * persons]]
    asked, others = set(order[: len(order) // 2]), set(order[len(order) // 2 :])
    return [r for r in corpus.records if r.group in asked], [r for r in corpus.records if r.group in others]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=tuple(KINDS), default="medical_abstracts")
    parser.add_argument("--data", type=Path, default=os.environ.get("SYNTHGEN_DATA"))
    parser.add_argument("--persons", type=int, default=2000)
    parser.add_argument("--epsilon", type=float, action="append")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="so few that figures mean nothing")
    args = parser.parse_args()
    persons, draws = (40, 1) if args.quick else (args.persons, args.draws)
    data = None if args.data is None else Path(args.data)
    (source,) = read_private_sets([args.dataset], data, 2 * persons)
    seeds = SeedTree(0).child("private-vectors", args.dataset)
    asked, others = halves(source.corpus, persons, seeds.child("halves"))
    encoder = build_encoder(EmbedConfig(), model_folder, alone=True)
    vectors, tried = (encoder.encode([r.text for r in part]) for part in (asked, others))
    x = Embedded(
        vectors=vectors, ids=tuple(r.id for r in asked), labels=tuple(r.label for r in asked),
        groups=tuple(r.group for r in asked), encoder=encoder.name, normalized=True,
    )  # fmt: skip
    names, truth = tuple(sorted(source.kind.labels)), np.array([r.label for r in others])

    def accuracy(rows, labels):
        head = LogisticRegression(C=10, max_iter=2000).fit(rows, np.array(labels))
        return float((head.predict(tried) == truth).mean())

    n, real = len(set(x.groups)), accuracy(vectors, x.labels)
    print(f"{args.dataset}: {n} persons asked, {len(truth)} records of others; real vectors {real:.3f}")
    for epsilon in args.epsilon or (1.0, 4.0):
        for name, method in METHODS.items():
            each = [accuracy(*drawn_by(method, x, names, n, epsilon, seeds.child(str(i)))) for i in range(draws)]
            print(
                f"epsilon {epsilon:g}, {name}: {np.mean(each):.3f} ({', '.join(f'{a:.3f}' for a in each)})",
                flush=True,
            )


if __name__ == "__main__":
    main()
