"""Choose the writing style of the generated texts by a vote of sampled persons, under differential privacy.

A style is an adapter of the language model; the plain style is the language model without such an adapter. A person
votes for each style under which the person's text has a higher likelihood than under the plain style.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float64, Record
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.config import PLAIN
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompts import label_prompt
from synthgen.decode.style_adapter import built_in_styles, in_style
from synthgen.pipeline.job import Job
from synthgen.pipeline.style_choice import MIXED, Shares, named_styles

VOTERS = 128  # expected number of voters, if train has as many persons as the configuration declares
MIN_SHARE_OF_TOP = 0.5  # a further style is used if its votes are at least this share of the top style's votes
N_RESCORED = 3  # number of voters whose texts are scored twice; see `read_nats`
FULL_VOTE_GAIN = 0.1  # a vote has the norm 1 if the norm of g in `votes_of` is at least this many nats per token
MIN_SUPPORT = 0.25  # if the top style has fewer votes than this share of the expected voters, the plain style is used


@dataclass(frozen=True, slots=True, kw_only=True)
class VoterNats:
    """The negative log-likelihoods of the voters' records, in nats per token."""

    nats: Mapping[str, Float64]  # by record id: float64 (styles,), one value per built-in style
    is_separate: bool  # whether scoring some texts a second time gave bitwise the same values


def read_nats(job: Job, bridge: Bridge | Vocabulary, train: Corpus, embedded: Embedded, persons: int) -> VoterNats:
    """Return the negative log-likelihood (nats per token) of each voter's record under each built-in style.

    The texts are scored in batches of one text, so that the likelihood of a text depends on no other text. As a
    check, `N_RESCORED` texts, including the shortest and the longest, are scored again, each in its own call.
    `persons` is the declared number of persons.

    Privacy: the likelihoods are private; see `votes_of`.
    Cost: one pass of the language model over the voters' records for each built-in style.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("no styles are available for the vote; the configuration should have been refused")
    rows = sorted(voting_rows(train, persons, job.seeds.child("vote")).values())
    texts = [train.records[row].text for row in rows]
    prompts = [label_prompt(job.config.decode.prompt, train.records[row].label) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: len(texts[i]))
    again = sorted({order[i * (len(rows) - 1) // (N_RESCORED - 1)] for i in range(N_RESCORED)}) if rows else []
    folder, nats, repeated = job.folder(job.config.decode.model), [], []
    with job.progress.stage("vote", total=len(built_in_styles()), unit="styles") as advance:
        for name in built_in_styles():
            style = in_style(bridge, named_styles(job.config, ((name, 1.0),)))
            reader = Likelihood.load(folder, style, batch=1)

            def read(voters: Sequence[int], reader: Likelihood = reader) -> Float64:
                vectors, limit = embedded.vectors[[rows[i] for i in voters]], bridge.info.max_text_tokens
                voter_texts, voter_prompts = [texts[i] for i in voters], [prompts[i] for i in voters]
                return reader.nats(voter_texts, max_tokens=limit, vectors=vectors, prompts=voter_prompts).each

            nats.append(read(range(len(rows))))
            repeated.append([float(read([i])[0]) for i in again])
            advance(1)
    each = np.array(nats).T
    ids = [train.records[row].id for row in rows]
    return VoterNats(nats=dict(zip(ids, each, strict=True)), is_separate=np.array_equal(each[again].T, repeated))


def votes_of(train: Corpus, nats: Mapping[str, Float64], persons: int, seeds: SeedTree) -> Float64:
    """Return the vote of each person in train for each style, float64 (persons in train, styles).

        vote = g / max(‖g‖, `FULL_VOTE_GAIN`),   so ‖vote‖ <= 1
        g_m  = max(0, nats per token under the plain style - nats per token under style m)

    The row of a person who is not sampled is zero. `nats` is the field `nats` of the result of `read_nats`, and
    `persons` is the declared number of persons. Raise InternalError if a voter has no score.

    Privacy: the votes are private. Each row depends on one person only, and a DP query sums the rows.
    """
    number = {group: i for i, group in enumerate(sorted({record.group for record in train.records}))}
    ids = {group: train.records[row].id for group, row in voting_rows(train, persons, seeds).items()}
    if not set(ids.values()) <= set(nats):
        raise InternalError(
            "a person drawn for the style vote has no score; the draw must not depend on other persons"
        )
    votes = np.zeros((len(number), len(built_in_styles())))
    for group, name in ids.items():
        votes[number[group]] = preferences(nats[name][None])[0]
    return votes


def voting_rows(train: Corpus, persons: int, seeds: SeedTree) -> dict[str, int]:
    """Draw the persons who vote; return by voter the index in `train` of the record whose text decides the vote.

    Each person is drawn independently with probability `VOTERS` / `persons`, where `persons` is the declared number
    of persons. Of a person's records, the one with the smallest keyed hash of label and text is used.

    Randomness: the children "person" and "record" of `seeds`.
    """
    chance, rows = min(1.0, VOTERS / persons), dict[str, int]()
    for row in sorted(range(len(train)), key=lambda i: _random_key(seeds, train.records[i])):
        rows.setdefault(train.records[row].group, row)
    return {group: row for group, row in sorted(rows.items()) if _is_sampled(seeds.child("person", group), chance)}


def preferences(nats: Float64) -> Float64:
    """Return the votes of n records from their nats per token, both float64 (n, styles); see `votes_of`."""
    gains = np.maximum(0.0, nats[:, [built_in_styles().index(PLAIN)]] - nats)
    return np.asarray(gains / np.maximum(np.linalg.norm(gains, axis=1, keepdims=True), FULL_VOTE_GAIN))


def _random_key(seeds: SeedTree, record: Record) -> bytes:
    return seeds.child("record", record.group, sha256_texts([record.label, record.text])).key()


def _is_sampled(seeds: SeedTree, chance: float) -> bool:
    return int.from_bytes(seeds.key()[:8], "big") < chance * 2**64


def decide_style(counts: Float64, voters: float) -> Shares:
    """Return the chosen styles with equal shares.

    The top style is the style with the most votes, apart from the plain style. If it has fewer than `MIN_SUPPORT` ×
    `voters` votes, only the plain style is chosen. Otherwise, the top style and the styles with the next most votes
    are chosen, at most `MIXED` in all and never the plain style. Each chosen style has at least `MIN_SHARE_OF_TOP` ×
    the votes of the top style.

    `counts` are the noised votes for each style, float64 (styles,). `voters` is the expected number of voters.
    """
    pairs = sorted(zip(built_in_styles(), counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    order = [(name, count) for name, count in pairs if name != PLAIN]
    top = order[0][1]
    if top < MIN_SUPPORT * voters:
        return ((PLAIN, 1.0),)
    chosen = [name for name, count in order if count >= MIN_SHARE_OF_TOP * top][:MIXED]
    return tuple((name, 1 / len(chosen)) for name in chosen)
