"""Planted persons at full size: can it be told from `dp.adapt` whose notes it was refined on, and what does it bring?

    python benchmarks/canaries.py [--persons 2500] [--canaries 200] [--epsilon 4] [--steps 30] [--batch 96]
    python benchmarks/canaries.py --persons 1000 --batch 16 --noise 0 0.12 0.2 0.34 0.58 1.04

Notes of the fictional clinic, and canaries as `audits canaries` makes them, each planted by a coin of its own. The
mechanism has the whole budget, where in a run it shares it. The adversary is nobody who will ever be: he knows the
notes and vectors of every canary, the styles and the model, and is shown the sum of all noised answers (`answers`:
along each canary's own gradient; `apart`: the canaries' gradients fitted to that sum together) and the refined shares
(`likelihood`: by how much likelier they make each canary), of which a release shows only texts. The bound on epsilon
is what his guesses of the coins prove (Steinke et al., arXiv 2305.08846). Beside it stands what the refining is for:
nats per token of notes of persons who were not asked, before and after.

The first row must be told: no noise, no clip, one step, everybody in it, nobody beside the canaries. The second is
the mechanism. Half an hour on two cores.

With `--noise` it says of each length of a step's noise, in clip norms, what the refining brings, and plants nobody:
the table from which `synthgen plan` reads what may be expected. Four minutes each with batches of 16; their own
scatter is more than that of larger ones.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audits.attacks.canaries.kinds import make_canaries
from audits.core.coin_guesses import guess_coins
from audits.core.stats import auc, auc_error
from audits.core.types import Table
from synthgen.config import DpAdaptConfig
from synthgen.core.progress import terminal_progress
from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import load_bridge
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.loading import load_model
from synthgen.decode.style_adapter import built_in_styles, in_blocks, load_style
from synthgen.decode.train.blocks import BlockGradients
from synthgen.dp.adapt import RATE, PersonTexts
from synthgen.dp.catalogue import ADAPT, CLIP, asked_of
from synthgen.dp.descent import descend
from synthgen.dp.noise import SecureNoise
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.noised_sums import PrivateAsk, Query
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "clinic"))
from fictional_clinic import generate

START = "clinical-note"
COLUMNS = (
    "mechanism",
    "answers, AUC",
    "apart, AUC",
    "likelihood, AUC",
    "epsilon proven",
    "could be proven",
    "epsilon claimed",
    "nats per token of unseen notes, before and after",
)
GAINS = ("noise of a step, in clip norms", "nats per token of unseen notes", "refined")
DELTA = 1e-5
Z = 1.959964
UNSEEN = 64  # notes whose likelihood says what was gained


class Overheard:
    """Asks, and adds up what is answered."""

    def __init__(self, ask):
        self.ask, self.batch, self.heard = ask, ask.batch, 0.0

    def __call__(self, people, query):
        """Return a noised answer."""
        answer = self.ask(people, query)
        self.heard = self.heard + answer
        return answer


@dataclass(frozen=True, kw_only=True, eq=False)
class Ward:
    """Everything but who is in: the model, its styles; notes of canaries, of persons, of persons never asked."""

    bridge: object
    styles: tuple
    load: object  # gives the language model anew, since reading changes it
    texts: tuple[str, ...]
    prompts: tuple[str, ...]
    vectors: np.ndarray
    canaries: range
    persons: range
    unseen: range
    start: np.ndarray

    def rows(self, rows):
        """Return texts, vectors and prompts of these rows."""
        return [self.texts[i] for i in rows], self.vectors[rows], [self.prompts[i] for i in rows]

    def refined(self, rows, query, seeds, advance):
        """Return the shares refined on these rows, each a person, and the sum of all answers."""
        texts, vectors, prompts = self.rows(rows)
        reader = BlockGradients(self.load(), self.bridge, self.styles, batch=1)
        persons = PersonTexts(
            reader=reader,
            rows=tuple((i,) for i in range(len(rows))),
            groups=tuple(map(str, rows)),
            texts=texts,
            prompts=prompts,
            vectors=vectors,
            seeds=seeds,
        )
        ask = Overheard(PrivateAsk(SecureNoise()))
        return descend(self.start, persons.gradients(advance), len(rows), query, ask, rate=RATE), ask.heard

    def scores(self, shares, heard, own, query):
        """Return what each attack thinks of each canary, higher for planted; own: their gradients at the start.

        What all canaries have in common says nothing of one, so it is taken out of gradients and answers.
        """
        common = own.mean(axis=0) / np.linalg.norm(own.mean(axis=0))
        apart, heard = own - np.outer(own @ common, common), heard - (heard @ common) * common
        noise = (query.noise_multiplier * query.clip) ** 2 / query.steps * (2 / query.sampling_rate) ** 2
        ridge = max(noise, 1e-3 * float((apart**2).sum(axis=1).mean()))  # coins scatter by a quarter
        return {
            "answers": apart @ heard,
            "apart": np.linalg.solve(apart @ apart.T + ridge * np.eye(len(apart)), apart @ heard),
            "likelihood": self.nats(self.start, self.canaries) - self.nats(shares, self.canaries),
        }

    def nats(self, shares, rows):
        """Return some rows' nats per token under these shares."""
        texts, vectors, prompts = self.rows(rows)
        told = in_blocks(self.bridge, self.styles, shares.reshape(len(self.styles), -1))
        read = Likelihood(self.load(), told)
        return read.nats(texts, most_tokens=self.bridge.info.max_text_tokens, vectors=vectors, prompts=prompts).each

    def gradients(self):
        """Return the canaries' gradients at the start, clipped."""
        texts, vectors, prompts = self.rows(self.canaries)
        reader = BlockGradients(self.load(), self.bridge, self.styles, batch=1)
        found = reader.gradients(self.start, texts, vectors, prompts)
        return found * np.minimum(1, CLIP / np.maximum(np.linalg.norm(found, axis=1), 1e-12))[:, None]


def open_ward(persons, canaries, rng):
    """Return the ward, and which canaries are planted."""
    notes = generate(2 * persons, rng)
    first = {note["patient_id"]: note for note in notes}
    table = [
        Table(
            texts=tuple(n["note"] for n in half),
            labels=tuple(n["specialty"] for n in half),
            groups=tuple(n["patient_id"] for n in half),
            has_groups=True,
        )
        for half in (list(first.values())[:persons], list(first.values())[persons:])
    ]
    planted = make_canaries(*table, canaries, rng, repeats=(1,))
    texts = (*planted.table.texts, *table[0].texts, *table[1].texts[:UNSEEN])
    labels = (*planted.table.labels, *table[0].labels, *table[1].labels[:UNSEEN])
    names = tuple(name for name in built_in_styles() if name != "plain")
    styles = tuple(load_style(name, Path) for name in names)
    bridge = load_bridge("builtin")
    blocks = BlockGradients(load_model(model_folder("smollm2")), bridge, styles).blocks
    start = np.repeat(np.array([name == START for name in names], dtype=float), len(blocks))
    encoder = build_encoder(EmbedConfig(), model_folder, alone=True)
    ward = Ward(
        bridge=bridge,
        styles=styles,
        load=lambda: load_model(model_folder("smollm2"), dtype="float32"),
        texts=texts,
        prompts=labels,
        vectors=encoder.encode(texts),
        canaries=range(canaries),
        persons=range(canaries, canaries + persons),
        unseen=range(canaries + persons, len(texts)),
        start=start,
    )
    return ward, planted.inserted


def mechanism(epsilon, persons, steps, batch):
    """Return the query that has all of a budget."""
    (asked,) = asked_of(DpAdaptConfig(steps=steps, batch=batch)).values()
    noise = noise_multipliers(epsilon, DELTA, {ADAPT: asked.priced(1.0, persons)})
    return asked.query(ADAPT, noise[ADAPT], persons)


def under_noise(length, n_weights, persons, steps, batch):
    """Return the query whose steps have noise so long, in clip norms, of all weights together."""
    (asked,) = asked_of(DpAdaptConfig(steps=steps, batch=batch)).values()
    return asked.query(ADAPT, max(length, 1e-6) * batch / n_weights**0.5, persons)


def row(name, scores, inserted, told, rng):
    """Return a line of the table."""
    best = guess_coins(scores, inserted, rng, alpha=0.05, delta=DELTA)
    cells = []
    for score in scores.values():
        value, error = auc(score[inserted], score[~inserted]), auc_error(score[inserted], score[~inserted])
        cells.append(f"{value:.3f} [{max(0, value - Z * error):.3f}, {min(1, value + Z * error):.3f}]")
    return f"| {name} | {' | '.join(cells)} | {best.epsilon:.2f} | {best.ceiling:.2f} | {told} |"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=2500)
    parser.add_argument("--canaries", type=int, default=200)
    parser.add_argument("--epsilon", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--open-steps", type=int, default=1, help="of the mechanism that must be told")
    parser.add_argument("--noise", type=float, nargs="+", help="lengths in clip norms: what is gained, and no attack")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    seeds, progress = SeedTree(args.seed), terminal_progress(sys.stderr)
    ward, inserted = open_ward(args.persons, args.canaries, seeds.child("ward").generator())
    if args.noise:
        gains(ward, args, seeds, progress)
    else:
        attack(ward, inserted, args, seeds, progress)


def gains(ward, args, seeds, progress):
    """Print what notes of persons who were not asked gain under noise of each length."""
    before = ward.nats(ward.start, ward.unseen).mean()
    print(f"| {' | '.join(GAINS)} |\n{'|---' * len(GAINS)}|", flush=True)
    for length in args.noise:
        query = under_noise(length, ward.start.size, args.persons, args.steps, args.batch)
        with progress.stage("refine", total=query.steps, unit="steps") as advance:
            shares, _ = ward.refined([*ward.persons], query, seeds.child("records"), advance)
        print(f"| {length:g} | {before:.2f} | {ward.nats(shares, ward.unseen).mean():.2f} |", flush=True)


def attack(ward, inserted, args, seeds, progress):
    """Print what the adversary finds out of an open step, and of the mechanism."""
    own, before = ward.gradients(), ward.nats(ward.start, ward.unseen).mean()
    planted = [int(i) for i in np.flatnonzero(inserted)]
    query = mechanism(args.epsilon, args.persons + args.canaries // 2, args.steps, args.batch)
    leaky = Query(
        name=ADAPT,
        noise_multiplier=1e-6,
        clip=1e3,
        steps=args.open_steps,
        normaliser=float(len(planted)),
        kind="dp-sgd",
    )
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    for name, rows, one, claim in (
        ("none to speak of: no clip, no noise, canaries alone", planted, leaky, "none"),
        (
            f"dp.adapt, {args.persons:,} persons, {args.steps} steps of {args.batch}",
            [*planted, *ward.persons],
            query,
            f"{args.epsilon:g}",
        ),
    ):
        with progress.stage("refine", total=one.steps, unit="steps") as advance:
            shares, heard = ward.refined(rows, one, seeds.child("records"), advance)
        scores = ward.scores(shares, heard, own, one)
        gained = f"{before:.2f}, {ward.nats(shares, ward.unseen).mean():.2f}"
        print(row(name, scores, inserted, f"{claim} | {gained}", seeds.child("guesses").generator()), flush=True)


if __name__ == "__main__":
    main()
