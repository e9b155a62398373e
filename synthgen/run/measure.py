"""What is learned of train under differential privacy: reserved in the ledger, asked with noise, logged.

From here on nothing that writes sees train again: what stands in for it is drawn from the noised answers.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

from audits.accounting.mechanism_log import READS, person_set_digest
from audits.gate.policy import Policy
from audits.ledger.budgets import Cost, Reservation, Spending, note_draw, note_made, reserve, spent
from synthgen.config import Config
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ConfigError, InternalError
from synthgen.core.types import Corpus, Embedded, Record
from synthgen.models.registry import MODELS
from synthgen.privacy.budget import noise_multipliers
from synthgen.privacy.noise import Noise, SecureNoise, StreamNoise
from synthgen.privacy.sums import Float64, Query, private_sum
from synthgen.privacy.twin import TwinRun
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.ledger import ledger_of
from synthgen.run.manner import Shares
from synthgen.run.rounds import Material, open_bridge
from synthgen.run.secret import PUBLIC
from synthgen.run.vote import VOTE, VOTERS, count_votes, decide_manner, made_up_votes, read_votes
from synthgen.run.workspace import StageResult, write_json
from synthgen.stages.decode.bridge import Vocabulary
from synthgen.stages.decode.config import AUTO
from synthgen.stages.decode.config import WORDS as DECODED_BY_WORDS
from synthgen.stages.decode.manner import on_shelf
from synthgen.stages.interpolate.dp import gaussian
from synthgen.stages.interpolate.dp.basis import load_basis
from synthgen.stages.interpolate.dp.people import made_up_people, people_of
from synthgen.stages.interpolate.dp.words import FILE as WORDS_FILE
from synthgen.stages.interpolate.dp.words import (
    WORDS,
    PublicWords,
    ask_words,
    made_up_words,
    read_words,
    said_by,
)

RUN, LOG, VOTED = "run.json", "mechanism.json", "manner.json"
VOTE_SHARE, WORDS_SHARE = 0.05, 0.3  # of the budget, where these are asked
TWIN_PERSONS = 400
FREE = (
    ("split, de-identification, vectors", "of each person by themselves"),
    ("sentences that a manner learnt from", "a run in which they stand is refused, and nothing leaves"),
    ("audits, utility, gates", "their verdicts alone leave, and are said to stand outside the guarantee"),
)
LEAST_LOGGED = 200  # coordinates of noise, in all, that the audit asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of asking.

    Args:
        material: what the writing starts from.
        shares: the manners that were voted for; None where one is named.
        log: for the `accounting` audit.
    """

    material: Material
    shares: Shares | None
    log: Mapping[str, Any]


def check_budget(config: Config, policy: Policy) -> None:
    """Raise ConfigError where a policy asks for differential privacy, and a configuration has less."""
    dp = config.dp
    if policy.dp is None:
        return
    if dp.epsilon is None or dp.delta is None:
        raise ConfigError(
            f"dp: policy {policy.name!r} asks for differential privacy, and {config.interpolate.method!r} has none",
            problems=["interpolate.method", "dp"],
            hint=f"Set interpolate.method to {gaussian.NAME}, and dp: {{epsilon, delta, persons}}.",
        )
    problems = [
        f"dp.{name}: {given:g}, at most {most:g}"
        for name, given, most in (
            ("epsilon", dp.epsilon, policy.dp.max_epsilon),
            ("delta", dp.delta, policy.dp.max_delta),
        )
        if given > most
    ]
    if problems:
        raise ConfigError(f"dp: policy {policy.name!r} allows less", problems=problems)


def is_public(config: Config) -> bool:
    """Return whether nothing that a run computes with can have learnt from its records: all of it is shipped."""
    decode = config.decode
    return (
        {config.embed.model, decode.model} <= set(MODELS)
        and decode.bridge in {"builtin", DECODED_BY_WORDS}
        and {*decode.manners} <= {AUTO, *on_shelf()}
    )


def queries_of(config: Config) -> dict[str, Query]:
    """Return what a run asks, and with how much noise, before anything is read.

    Raises:
        InternalError: the configuration has no budget.
    """
    dp = config.dp
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget asks nothing")
    shares = {
        **gaussian.SHARES,
        **({WORDS: WORDS_SHARE} if config.decode.words > 0 and not config.decode.by_words else {}),
        **({VOTE: VOTE_SHARE} if config.decode.manner == AUTO else {}),
    }
    noise = noise_multipliers(
        dp.epsilon, dp.delta, {**shares, **{str(name): share for name, share in dp.shares.items()}}
    )
    return {
        name: Query(name=name, noise_multiplier=sigma * sqrt(_times(name)), clip=gaussian.CLIPS.get(name, 1.0))
        for name, sigma in noise.items()
    }


def priced_reads(config: Config) -> tuple[tuple[str, str], ...]:
    """Return everything that reads private text in a run under a budget, and what it costs; nothing without one."""
    if not config.interpolate.is_private:
        return ()
    queries = queries_of(config)
    asked = tuple(
        (name, f"Gaussian noise of {query.noise_multiplier:.3g} clip norms, {_times(name)} times")
        for name, query in queries.items()
    )
    return (*asked, *((what, "nothing: " + why) for what, why in FREE))


def mechanisms_of(queries: Mapping[str, Query]) -> tuple[dict[str, Any], ...]:
    """Return the queries as costs, in the form of `audits.accounting.mechanism_log.MechanismCost`."""
    return tuple(
        {
            "kind": "vote" if name == VOTE else "gaussian", "noise_multiplier": query.noise_multiplier,
            "sampling_rate": 1.0, "steps": _times(name),
        }
        for name, query in queries.items()
    )  # fmt: skip


def reserve_budget(job: Job, parts: StageResult, policy: Policy) -> tuple[Reservation, StageResult]:
    """Return the reservation of a run, recorded before anything is learned.

    Raises:
        Overspent: the budget does not hold it.
        InputError: the ledger cannot be used.
    """
    dp, queries = job.config.dp, queries_of(job.config)
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget reserves nothing")
    cost = Cost(epsilon=dp.epsilon, delta=dp.delta)
    most = None if policy.dp is None else Cost(epsilon=policy.dp.max_epsilon, delta=policy.dp.max_delta)

    def reserved(folder: Path) -> Reservation:
        run = str(json.loads((folder / RUN).read_bytes())["run"])
        spending = Spending(run=run, cost=cost, mechanisms=mechanisms_of(queries))
        return reserve(*ledger_of(job.config), spending, most=most)

    def make(folder: Path) -> Mapping[str, object]:
        if not (folder / RUN).exists():  # or a stop came after it was reserved, and it is reserved still
            write_json(folder / RUN, {"run": secrets.token_hex(16)})
        reserved(folder)
        return {"in": 0, "out": 0, "epsilon": dp.epsilon, "delta": dp.delta}

    inputs = {
        "version": STAGES_VERSION, "split": parts.digest, "cost": [cost.epsilon, cost.delta],
        "mechanisms": list(mechanisms_of(queries)),
    }  # fmt: skip
    result = job.workspace.stage("reserve", inputs, make, keep_partial=True)
    return reserved(result.folder), result


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, upstream: str
) -> tuple[Measured, StageResult]:
    """Return what the persons' noised answers say, and the stage that asked.

    Raises:
        Overspent: the run drew its noise before, and what it drew is lost.
        InputError: what lies there is not what the ledger books.
        ConfigError: nobody measured how public text is spread under the encoder.
        InputError: the ledger cannot be used.

    Privacy: epsilon and delta of `dp`, for one person added or removed, over all queries together. Nothing else of
        train goes on from here.
    Random: the operating system's generator; of a public run seeds/noise, and then nothing is private.
    """
    config, queries = job.config, queries_of(job.config)
    labels = tuple(sorted(config.source.labels or ()))
    basis, run = load_basis(config.embed.model), reservation.spending.run
    noise: Noise = StreamNoise(job.seeds.child("noise")) if config.secret == PUBLIC else SecureNoise()
    sigmas = {name: query.noise_multiplier for name, query in queries.items()}

    vocabulary = public_words(job) if WORDS in queries else None

    def ask(rows: Iterable[Float64], query: Query) -> Float64:
        return private_sum(rows, query, noise)

    def make(folder: Path) -> Mapping[str, object]:
        people = people_of(embedded, labels, basis)
        votes = read_votes(job, open_bridge(job), train, embedded) if VOTE in queries else None
        said = None if vocabulary is None else said_by(train, labels, vocabulary)
        note_draw(*ledger_of(config), run)
        with job.progress.stage("measure", total=2, unit="populations") as advance:
            found = gaussian.learn_classes(people, labels, basis, config.embed.model, sigmas, ask)
            found.save(folder)
            if said is not None and vocabulary is not None:
                ask_words(said, len(labels), vocabulary, queries[WORDS], ask).save(folder)
            if votes is not None:
                counts = count_votes(votes, queries[VOTE], ask)
                chosen = {
                    "shares": decide_manner(counts, min(VOTERS, config.dp.persons or 0)),
                    "votes": dict(zip(on_shelf(), counts, strict=True)),
                }
                write_json(folder / VOTED, chosen)
            advance(1)
            twin = _twin(job, queries, len(labels), vocabulary)
            advance(1)
        write_json(folder / LOG, _log(job, reservation, queries, twin, person_set_digest(embedded.groups)))
        note_made(*ledger_of(config), run, made_digest(folder))
        return {"in": len(embedded.ids), "out": len(labels)}

    inputs = {
        "version": STAGES_VERSION, "upstream": upstream, "run": run, "mechanisms": list(mechanisms_of(queries)),
        "basis": sha256_json([basis.mean.tolist(), basis.variances.tolist()]), "manners": list(on_shelf()),
        "config": config.decode.prompt if VOTE in queries else None, "secret": config.secret,
    }  # fmt: skip
    result = job.workspace.stage("measure", inputs, make)
    spent(*ledger_of(config), run, made_digest(result.folder))
    return _measured(job, result, labels), result


def public_words(job: Job) -> PublicWords:
    """Return the vocabulary of the run's bridge.

    Raises:
        ModelError: it has none; see `open_bridge`.
    """
    bridge = open_bridge(job)
    if isinstance(bridge, Vocabulary) or bridge.words is None:
        raise InternalError("words are asked for and there is no vocabulary, which the configuration does not let be")
    reader = bridge.words
    return PublicWords(words=reader.words, frequency=reader.frequency, table=reader.table, centre=reader.centre)


def made_digest(folder: Path) -> str:
    """Return the digest of the answers in a folder of `measure`, as the ledger books them."""
    names = (gaussian.FILE, WORDS_FILE, VOTED, LOG)
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def _measured(job: Job, result: StageResult, labels: tuple[str, ...]) -> Measured:
    encoder, voted = job.config.embed.model, result.folder / VOTED
    classes = gaussian.read_classes(result.folder, labels, load_basis(encoder), encoder)
    if (result.folder / WORDS_FILE).exists():
        classes = replace(classes, words=read_words(result.folder, public_words(job)), told=job.config.decode.words)
    embedded = classes.stand_ins(job.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    material = Material(
        train=Corpus(role="train", records=tuple(empty), has_groups=True), embedded=embedded, draws=classes,
        upstream=sha256_json([result.digest, made_digest(result.folder)]),
    )  # fmt: skip
    shares = None
    if voted.exists():
        shares = tuple((str(n), float(s)) for n, s in json.loads(voted.read_bytes())["shares"])
    return Measured(material=material, shares=shares, log=json.loads((result.folder / LOG).read_bytes()))


def _times(name: str) -> int:
    return gaussian.TIMES.get(name, 1)


def _twin(job: Job, queries: Mapping[str, Query], n_classes: int, vocabulary: PublicWords | None) -> TwinRun:
    """Run the same code on people who do not exist, with other noise of the same kind."""
    public = job.config.secret == PUBLIC
    seeds = job.seeds.child("twin")
    twin = TwinRun(n_persons=TWIN_PERSONS, noise=StreamNoise(seeds.child("noise")) if public else SecureNoise())
    rng = seeds.child("people").generator()
    basis = load_basis(job.config.embed.model)
    names = tuple(f"class-{i}" for i in range(n_classes))
    people = made_up_people(TWIN_PERSONS, n_classes, basis, rng)
    sigmas = {name: query.noise_multiplier for name, query in queries.items()}
    for _ in range(-(-LEAST_LOGGED // (n_classes * (1 + len(basis.mean))))):
        gaussian.learn_classes(people, names, basis, job.config.embed.model, sigmas, twin)
    if vocabulary is not None:
        said = made_up_words(TWIN_PERSONS, n_classes, len(vocabulary.words), rng)
        ask_words(said, n_classes, vocabulary, queries[WORDS], twin)
    if VOTE in queries:
        votes = made_up_votes(TWIN_PERSONS, rng)
        for _ in range(-(-LEAST_LOGGED // votes.shape[1])):
            count_votes(votes, queries[VOTE], twin)
    return twin


def _log(
    job: Job, reservation: Reservation, queries: Mapping[str, Query], twin: TwinRun, person_set: str
) -> dict[str, Any]:
    """Return the log of the run's mechanisms, as `audits.accounting.mechanism_log` documents it."""
    spending = reservation.spending
    public = job.config.secret == PUBLIC
    seed = job.seeds.child("noise").key().hex() if public else None
    mechanisms = [
        {
            **cost, "unit": "group", "clip_norm": query.clip, "sampling": "all", "normaliser": None,
            "seed_digest": None if seed is None else sha256_json([seed, query.name]), "twin": twin.log(query.name),
        }
        for cost, query in zip(mechanisms_of(queries), queries.values(), strict=True)
    ]  # fmt: skip
    whole = None
    if reservation.before:
        before = reservation.spent_before
        whole = {"epsilon": before.epsilon + spending.cost.epsilon, "delta": before.delta + spending.cost.delta}
    return {
        "schema_version": 1, "release": spending.run, "n_persons": job.config.dp.persons,
        "person_set": person_set,
        "claim": {"epsilon": spending.cost.epsilon, "delta": spending.cost.delta}, "spent": whole,
        "mechanisms": mechanisms,
        "reads": [
            {
                "kind": kind, "cost": None,
                "status": "unaccounted" if kind == "model-training" and not is_public(job.config) else "none",
            }
            for kind in READS
        ],
        "releases": [
            {
                "release": one.run, "person_set": sha256_json([one.run]), "persons": "overlapping",
                "cost": {"epsilon": one.cost.epsilon, "delta": one.cost.delta}, "mechanisms": [],
            }
            for one in reservation.before
        ],
    }  # fmt: skip
