"""The style of a run under differential privacy: some persons vote for those they are likelier in than in none."""

from collections.abc import Iterator

import numpy as np

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Record
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.config import PLAIN
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompts import label_prompt
from synthgen.decode.style_adapter import built_in_styles, in_style
from synthgen.dp.noised_sums import Ask, Float64, Query
from synthgen.pipeline.job import Job
from synthgen.pipeline.style_choice import MIXED, Shares, named_styles

VOTERS = 128  # about, of the declared number of persons
NEAR = 0.5  # of the most votes that a style needs to be mixed in
CLEAR = 0.1  # nats per token that a style must gain to get a whole vote
ENOUGH = 0.25  # of the expected voters that a style needs, or the plain one is taken


def read_votes(job: Job, bridge: Bridge | Vocabulary, train: Corpus, embedded: Embedded) -> Float64:
    """Return the votes, float64 (persons, styles), of norm 1 at most.

        vote = g / max(|g|, `CLEAR`),   g_m = max(0, nats without a style - nats in m) of a person's record

    Each person is asked with chance `VOTERS` / the declared number of persons, by a coin of their own, about one
    record, drawn by a hash of its text; whoever is not asked has zeros. Each text is read by itself, so a vote hangs
    on one person alone: in company, padded in bfloat16, one person less moved the others' votes by .06 in all.

    Privacy: the votes are private; see `decide_style`.
    Random: seeds/vote/person and seeds/vote/record.
    Cost: one pass of the language model over the records for each style of the shelf.
    """
    if isinstance(bridge, Vocabulary) or job.config.dp.persons is None:
        raise InternalError("there is no style to vote for, and the configuration lets none be asked for")
    chance, seeds = min(1.0, VOTERS / job.config.dp.persons), job.seeds.child("vote")
    first: dict[str, int] = {}
    for row in sorted(range(len(train)), key=lambda i: _lot(seeds, train.records[i])):
        first.setdefault(train.records[row].group, row)
    asked = [row for group, row in sorted(first.items()) if _is_asked(seeds.child("person", group), chance)]
    names = built_in_styles()
    votes = np.zeros((len(first), len(names)))
    texts = [train.records[row].text for row in asked]
    prompts = [label_prompt(job.config.decode.prompt, train.records[row].label) for row in asked]
    folder, nats = job.folder(job.config.decode.model), []
    with job.progress.stage("vote", total=len(names), unit="styles") as advance:
        for name in names:
            style = in_style(bridge, named_styles(job.config, ((name, 1.0),)))
            reader = Likelihood.load(folder, style, batch=1)
            most = bridge.info.max_text_tokens
            nats.append(reader.nats(texts, most_tokens=most, vectors=embedded.vectors[asked], prompts=prompts).each)
            advance(1)
    number = {group: i for i, group in enumerate(sorted(first))}
    rows = [number[train.records[row].group] for row in asked]
    votes[rows] = preferences(np.array(nats).T)
    return votes


def preferences(nats: Float64) -> Float64:
    """Return the vote of each record by its nats per token in each style of the shelf, float64 (n, styles)."""
    gains = np.maximum(0.0, nats[:, [built_in_styles().index(PLAIN)]] - nats)
    return np.asarray(gains / np.maximum(np.linalg.norm(gains, axis=1, keepdims=True), CLEAR))


def _lot(seeds: SeedTree, record: Record) -> bytes:
    return seeds.child("record", record.group, sha256_texts([record.label, record.text])).key()


def _is_asked(seeds: SeedTree, chance: float) -> bool:
    return int.from_bytes(seeds.key()[:8], "big") < chance * 2**64


def made_up_votes(n: int, rng: np.random.Generator) -> Float64:
    """Return the votes of n persons who do not exist; one in ten would stuff the box, if the clip let it."""
    votes = np.eye(len(built_in_styles()))[rng.integers(0, len(built_in_styles()), n)]
    votes[::10] *= 7
    return np.asarray(votes)


def count_votes(votes: Float64, query: Query, ask: Ask) -> Float64:
    """Return the noised number of votes of each style, float64 (styles,)."""

    def blocks() -> Iterator[Float64]:
        yield votes

    return ask(blocks(), query)


def decide_style(counts: Float64, voters: float) -> Shares:
    """Return the styles to write in: that of the most votes, and others that have `NEAR` as many, at most three.

    The plain one where none has `ENOUGH` of the expected voters.

    Privacy: of noised counts, so it costs nothing more.
    """
    pairs = sorted(zip(built_in_styles(), counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    order = [(name, count) for name, count in pairs if name != PLAIN]
    most = order[0][1]
    near = [name for name, count in order if count >= NEAR * most][:MIXED] if most >= ENOUGH * voters else [PLAIN]
    return tuple((name, 1 / len(near)) for name in near)
