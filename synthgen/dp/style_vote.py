"""Choose the style under differential privacy: a sample of persons votes for styles that make their text likelier."""

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
from synthgen.dp.noised_sums import Float64
from synthgen.pipeline.job import Job
from synthgen.pipeline.style_choice import MIXED, Shares, named_styles

VOTERS = 128  # expected number of voters
NEAR = 0.5  # another style is mixed in if it has at least this share of the top style's votes
CLEAR = 0.1  # a person's vote reaches norm 1 if the gains, in nats per token, have at least this norm
ENOUGH = 0.25  # the plain style is used unless the top style has votes of at least this share of the expected voters


def read_votes(job: Job, bridge: Bridge | Vocabulary, train: Corpus, embedded: Embedded) -> Float64:
    """Return the votes, float64 (persons, styles); each row has a norm of at most 1.

        vote = g / max(‖g‖, `CLEAR`),   g_m = max(0, nats per token in the plain style - nats per token in style m)

    Each person is sampled independently with probability `VOTERS` / the declared number of persons, and votes with
    one record, chosen by a keyed hash of its label and text. The row of a person who is not sampled is zero. Each
    text is scored separately, so that a vote depends on one person only. With padded bfloat16 batches, removing one
    person changed the votes of the others by 0.06 in total.

    Privacy: the votes are private; see `decide_style`.
    Randomness: seeds/vote/person and seeds/vote/record.
    Cost: one pass of the language model over the records for each built-in style.
    """
    if isinstance(bridge, Vocabulary) or job.config.dp.persons is None:
        raise InternalError("no styles are available for the vote; the configuration should not allow this")
    chance, seeds = min(1.0, VOTERS / job.config.dp.persons), job.seeds.child("vote")
    first: dict[str, int] = {}
    for row in sorted(range(len(train)), key=lambda i: _random_key(seeds, train.records[i])):
        first.setdefault(train.records[row].group, row)
    voting = [row for group, row in sorted(first.items()) if _is_sampled(seeds.child("person", group), chance)]
    names = built_in_styles()
    votes = np.zeros((len(first), len(names)))
    texts = [train.records[row].text for row in voting]
    prompts = [label_prompt(job.config.decode.prompt, train.records[row].label) for row in voting]
    folder, nats = job.folder(job.config.decode.model), []
    with job.progress.stage("vote", total=len(names), unit="styles") as advance:
        for name in names:
            style = in_style(bridge, named_styles(job.config, ((name, 1.0),)))
            reader = Likelihood.load(folder, style, batch=1)
            most = bridge.info.max_text_tokens
            nats.append(reader.nats(texts, most_tokens=most, vectors=embedded.vectors[voting], prompts=prompts).each)
            advance(1)
    number = {group: i for i, group in enumerate(sorted(first))}
    rows = [number[train.records[row].group] for row in voting]
    votes[rows] = preferences(np.array(nats).T)
    return votes


def preferences(nats: Float64) -> Float64:
    """Return the vote of each record from its nats per token in each built-in style, float64 (n, styles)."""
    gains = np.maximum(0.0, nats[:, [built_in_styles().index(PLAIN)]] - nats)
    return np.asarray(gains / np.maximum(np.linalg.norm(gains, axis=1, keepdims=True), CLEAR))


def _random_key(seeds: SeedTree, record: Record) -> bytes:
    return seeds.child("record", record.group, sha256_texts([record.label, record.text])).key()


def _is_sampled(seeds: SeedTree, chance: float) -> bool:
    return int.from_bytes(seeds.key()[:8], "big") < chance * 2**64


def made_up_votes(n: int, rng: np.random.Generator) -> Float64:
    """Return the votes of n made-up persons; one in ten exceeds the clip norm, to test the clipping."""
    votes = np.eye(len(built_in_styles()))[rng.integers(0, len(built_in_styles()), n)]
    votes[::10] *= 7
    return np.asarray(votes)


def decide_style(counts: Float64, voters: float) -> Shares:
    """Return the chosen styles: the top style, and styles with at least `NEAR` × its votes, at most `MIXED` in all.

    If the top style has fewer votes than `ENOUGH` × `voters`, return the plain style.

    Args:
        counts: noised number of votes of each style, float64 (styles,).
        voters: expected number of voters.

    Privacy: computed from noised counts, so it consumes no additional budget.
    """
    pairs = sorted(zip(built_in_styles(), counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    order = [(name, count) for name, count in pairs if name != PLAIN]
    most = order[0][1]
    near = [name for name, count in order if count >= NEAR * most][:MIXED] if most >= ENOUGH * voters else [PLAIN]
    return tuple((name, 1 / len(near)) for name in near)
