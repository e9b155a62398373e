"""What is learned of train under differential privacy: asked with noise, logged, booked in the ledger.

From here on nothing that writes sees train again: what stands in for it is drawn from the noised answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audits.ledger.budgets import Reservation, note_draw, spent
from synthgen.core.digest import sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float32, Record
from synthgen.privacy.noise import SecureNoise, StreamNoise
from synthgen.privacy.sums import Ask, Float64, PrivateAsk, Query
from synthgen.run.dp.account import account_for
from synthgen.run.dp.adapt import ADAPT, open_texts, read_adapted, refine, save_adapted
from synthgen.run.dp.answer import LOG, MEASURE, book, is_kept, made_digest
from synthgen.run.dp.draft import drafter, rehearse
from synthgen.run.dp.hold import held
from synthgen.run.dp.questions import mechanisms_of, queries_of
from synthgen.run.dp.vote import VOTE, VOTERS, count_votes, decide_manner, read_votes
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.ledger import ledger_of
from synthgen.run.manner import CHOICE, Shares, read_choice
from synthgen.run.rounds import Draws, Material, open_bridge
from synthgen.run.secret import PUBLIC
from synthgen.run.workspace import StageResult, write_json
from synthgen.stages.decode.bridge import Vocabulary
from synthgen.stages.decode.manner import BlockShares, on_shelf
from synthgen.stages.interpolate.config import DP_METHODS
from synthgen.stages.interpolate.dp.basis import load_basis
from synthgen.stages.interpolate.dp.method import Setting
from synthgen.stages.interpolate.dp.people import people_of
from synthgen.stages.interpolate.dp.votes import VOTES, candidates_of
from synthgen.stages.interpolate.dp.words import (
    WORDS,
    PublicWords,
    Telling,
    ask_words,
    read_words,
    said_by,
)

STOOD_IN = 1_000  # points of each class that stand in for train records where filters learn; few blur the boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of asking.

    Args:
        material: what the writing starts from.
        shares: the manners that were voted for, or how much of each is in each block; None where one is named.
        log: for the `accounting` audit.
    """

    material: Material
    shares: Shares | BlockShares | None
    log: Mapping[str, Any]


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, upstream: str
) -> tuple[Measured, StageResult]:
    """Return what the persons' noised answers say, and the stage that asked.

    Raises:
        Overspent: the run drew its noise before, and what it drew is lost or was made by another version.
        ConfigError: nobody measured how public text is spread under the encoder, or no accounting would pass.
        StorageError: what was answered was changed.
        InputError: the ledger cannot be used, or does not book what lies in the workspace.

    Privacy: epsilon and delta of `dp`, for one person added or removed, in all. Nothing else of train goes on.
    Random: the operating system's generator; of a public run seeds/noise, and then nothing is private.
    """
    config, queries, ledger = job.config, queries_of(job.config), ledger_of(job.config)
    setting, run = _setting(job), reservation.spending.run
    ask = PrivateAsk(StreamNoise(job.seeds.child("noise")) if config.secret == PUBLIC else SecureNoise())
    vocabulary = public_words(job) if WORDS in queries else None

    def make(folder: Path) -> Mapping[str, object]:
        counts = {"in": len(embedded.ids), "out": len(setting.labels)}
        if is_kept(folder, ledger, run):  # a stop came after it was booked
            return counts
        with job.progress.stage("measure", total=2, unit="populations") as advance:
            log = account_for(job, setting, train, reservation, queries, vocabulary)
            advance(1)
            people = people_of(embedded, setting.labels, setting.basis)
            votes = read_votes(job, open_bridge(job), train, embedded) if VOTE in queries else None
            said = None if vocabulary is None else said_by(train, setting.labels, vocabulary)
            texts = open_texts(job, open_bridge(job, ()), train, embedded) if ADAPT in queries else None
            if VOTES in queries:
                rehearse(job, setting, candidates_of(queries[VOTES], setting.persons, len(setting.labels)))
            with held():
                key = note_draw(*ledger, run)
                voted, adapted = None, None
                if votes is not None:
                    voted = _voted(votes, setting, queries[VOTE], ask, folder)
                if texts is not None:
                    adapted = refine(job, texts, voted, queries[ADAPT], ask)
                    save_adapted(adapted, folder)
                asked = replace(setting, write=drafter(job, voted if adapted is None else adapted, setting.labels))
                DP_METHODS[config.interpolate.method].learn(people, asked, queries, ask).save(folder)
                if said is not None and vocabulary is not None:
                    ask_words(said, len(setting.labels), vocabulary, queries[WORDS], ask).save(folder)
                write_json(folder / LOG, log)
                book(folder, ledger, run, key)
            advance(1)
        return counts

    drafting = config.decode.model_dump(mode="json", exclude={"candidates"})  # a draft is one
    inputs = {
        "version": STAGES_VERSION, "upstream": upstream, "run": run, "mechanisms": list(mechanisms_of(queries)),
        "basis": sha256_json([setting.basis.mean.tolist(), setting.basis.variances.tolist()]),
        "manners": list(on_shelf()), "method": config.interpolate.method, "secret": config.secret,
        "persons": setting.persons, "config": drafting if {VOTE, VOTES, ADAPT} & {*queries} else None,
    }  # fmt: skip
    result = job.workspace.stage(MEASURE, inputs, make, keep_partial=True, is_paid=True)
    spent(*ledger, run, made_digest(result.folder))
    return _measured(job, result, setting, queries), result


def _voted(votes: Float64, setting: Setting, query: Query, ask: Ask, folder: Path) -> Shares:
    """Return the manners that the persons' noised votes decide for, and write both into the folder."""
    counts = count_votes(votes, query, ask)
    shares = decide_manner(counts, min(VOTERS, setting.persons))
    write_json(folder / CHOICE, {"shares": shares, "votes": dict(zip(on_shelf(), counts, strict=True))})
    return shares


def _setting(job: Job) -> Setting:
    """Return what everybody may know, with a writer that gives vectors back as they are."""
    config = job.config
    if config.dp.persons is None:
        raise InternalError("a run without a budget has no setting")
    return Setting(
        labels=tuple(sorted(config.source.labels or ())), basis=load_basis(config.embed.model),
        persons=config.dp.persons, write=_unwritten, seeds=job.seeds.child("measure"),
    )  # fmt: skip


def _unwritten(vectors: Float32, _labels: Sequence[str], _seeds: SeedTree) -> Float32:
    return vectors


def public_words(job: Job) -> PublicWords:
    """Return the vocabulary of the run's bridge.

    Raises:
        ModelMissing, ModelError: see `open_bridge`.
    """
    bridge = open_bridge(job)
    if isinstance(bridge, Vocabulary) or bridge.words is None:
        raise InternalError("words are asked for and there is no vocabulary, which the configuration does not let be")
    return bridge.words


def _measured(job: Job, result: StageResult, setting: Setting, queries: Mapping[str, Query]) -> Measured:
    """Return what was asked for, and no more: whatever else lies in the folder is nothing that was answered."""
    config = job.config
    learned = DP_METHODS[config.interpolate.method].read(result.folder, setting)
    draws: Draws = learned
    if WORDS in queries:
        words = read_words(result.folder, public_words(job))
        draws = Telling(learned=learned, words=words, labels=setting.labels, told=config.decode.words)
    embedded = stand_ins(draws, setting.labels, config.embed.model, job.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    material = Material(
        train=Corpus(role="train", records=tuple(empty), has_groups=True), embedded=embedded, draws=draws,
        upstream=sha256_json([result.digest, made_digest(result.folder), config.decode.words]),
    )  # fmt: skip
    shares: Shares | BlockShares | None = None
    if ADAPT in queries:
        shares = read_adapted(result.folder, config)
    elif VOTE in queries:
        shares = read_choice(result.folder)
    return Measured(material=material, shares=shares, log=json.loads((result.folder / LOG).read_bytes()))


def stand_ins(draws: Draws, labels: Sequence[str], encoder: str, rng: SeedTree) -> Embedded:
    """Return points that stand in for train records wherever something is fitted after this, each a person."""
    drawn = draws.sample(dict.fromkeys(labels, STOOD_IN), rng)
    return Embedded(
        vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=encoder, normalized=True
    )
