"""What is learned of train under differential privacy: asked with noise, logged, booked in the ledger.

From here on nothing that writes sees train again: what stands in for it is drawn from the noised answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from audits.accounting.mechanism_log import READS, ReadKind, person_set_digest
from audits.accounting.sampling_tests import MIN_STEPS
from audits.core.files import sync
from audits.ledger.budgets import (
    Reservation,
    booked,
    note_draw,
    note_made,
    spent,
)
from synthgen.config import Config
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Embedded, Float32, Record
from synthgen.models.registry import MODELS
from synthgen.privacy.noise import Noise, SecureNoise, StreamNoise
from synthgen.privacy.sums import Ask, Float64, PrivateAsk, Query
from synthgen.privacy.twin import TwinRun
from synthgen.run.dp.adapt import ADAPT, open_texts, read_adapted, refine, refine_made_up, save_adapted
from synthgen.run.dp.adapt import FILE as ADAPTED
from synthgen.run.dp.draft import drafter
from synthgen.run.dp.questions import METHODS, mechanisms_of, queries_of
from synthgen.run.dp.vote import VOTE, VOTERS, count_votes, decide_manner, made_up_votes, read_votes
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.ledger import ledger_of
from synthgen.run.manner import Shares
from synthgen.run.rounds import Material, open_bridge
from synthgen.run.secret import PUBLIC
from synthgen.run.workspace import StageResult, write_json
from synthgen.stages.decode.bridge import Vocabulary
from synthgen.stages.decode.config import AUTO
from synthgen.stages.decode.config import WORDS as DECODED_BY_WORDS
from synthgen.stages.decode.manner import BlockShares, on_shelf
from synthgen.stages.interpolate.dp.basis import load_basis
from synthgen.stages.interpolate.dp.method import Learned, Setting
from synthgen.stages.interpolate.dp.people import made_up_people, people_of
from synthgen.stages.interpolate.dp.votes import VOTES
from synthgen.stages.interpolate.dp.words import FILE as WORDS_FILE
from synthgen.stages.interpolate.dp.words import (
    WORDS,
    PublicWords,
    Telling,
    ask_words,
    made_up_words,
    read_words,
    said_by,
)

LOG, VOTED = "mechanism.json", "manner.json"
TWIN_PERSONS, OTHER_PERSONS = 400, 500  # of the twin; the others where the run has about as many itself
LEAST_LOGGED = 200  # coordinates of noise, in all, that the audit asks for
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


def is_public(config: Config) -> bool:
    """Return whether nothing that a run computes with can have learnt from its records: all of it is shipped."""
    decode = config.decode
    return (
        {config.embed.model, decode.model} <= set(MODELS)
        and decode.bridge in {"builtin", DECODED_BY_WORDS}
        and {*decode.manners} <= {AUTO, *on_shelf()}
    )


def measure(
    job: Job, train: Corpus, embedded: Embedded, reservation: Reservation, upstream: str
) -> tuple[Measured, StageResult]:
    """Return what the persons' noised answers say, and the stage that asked.

    Raises:
        Overspent: the run drew its noise before, and what it drew is lost or was made by another version.
        ConfigError: nobody measured how public text is spread under the encoder.
        InputError: the ledger cannot be used, or does not book what lies in the workspace.

    Privacy: epsilon and delta of `dp`, for one person added or removed, over all queries together. Nothing else of
        train goes on from here.
    Random: the operating system's generator; of a public run seeds/noise, and then nothing is private.
    """
    config, queries = job.config, queries_of(job.config)
    setting, run = _setting(job), reservation.spending.run
    noise: Noise = StreamNoise(job.seeds.child("noise")) if config.secret == PUBLIC else SecureNoise()
    ask = PrivateAsk(noise)
    vocabulary = public_words(job) if WORDS in queries else None

    def make(folder: Path) -> Mapping[str, object]:
        counts = {"in": len(embedded.ids), "out": len(setting.labels)}
        answer = booked(*ledger_of(config), run)
        if answer is not None and answer == made_digest(folder):  # a stop came after it was booked
            return counts
        people = people_of(embedded, setting.labels, setting.basis)
        votes = read_votes(job, open_bridge(job), train, embedded) if VOTE in queries else None
        said = None if vocabulary is None else said_by(train, setting.labels, vocabulary)
        texts = open_texts(job, open_bridge(job, ()), train, embedded) if ADAPT in queries else None
        note_draw(*ledger_of(config), run)
        with job.progress.stage("measure", total=2, unit="populations") as advance:
            voted, adapted = None, None
            if votes is not None:
                voted = _voted(votes, setting, queries[VOTE], ask, folder)
            if texts is not None:
                adapted = refine(job, texts, voted, queries[ADAPT], ask)
                save_adapted(adapted, folder)
            asked = replace(setting, write=drafter(job, voted if adapted is None else adapted, setting.labels))
            METHODS[config.interpolate.method].learn(people, asked, queries, ask).save(folder)
            if said is not None and vocabulary is not None:
                ask_words(said, len(setting.labels), vocabulary, queries[WORDS], ask).save(folder)
            advance(1)
            twin = _twin(job, queries, vocabulary)
            advance(1)
        write_json(folder / LOG, _log(job, reservation, queries, twin, person_set_digest(embedded.groups)))
        for path in (*folder.iterdir(), folder):  # or a booked answer is lost with the power
            sync(path)
        note_made(*ledger_of(config), run, made_digest(folder))
        return counts

    inputs = {
        "version": STAGES_VERSION, "upstream": upstream, "run": run, "mechanisms": list(mechanisms_of(queries)),
        "basis": sha256_json([setting.basis.mean.tolist(), setting.basis.variances.tolist()]),
        "manners": list(on_shelf()), "method": config.interpolate.method, "secret": config.secret,
        "config": config.decode.model_dump(mode="json") if {VOTE, VOTES, ADAPT} & {*queries} else None,
    }  # fmt: skip
    result = job.workspace.stage("measure", inputs, make, keep_partial=True, is_paid=True)
    spent(*ledger_of(config), run, made_digest(result.folder))
    return _measured(job, result, setting), result


def _voted(votes: Float64, setting: Setting, query: Query, ask: Ask, folder: Path) -> Shares:
    """Return the manners that the persons' noised votes decide for, and write both into the folder."""
    counts = count_votes(votes, query, ask)
    shares = decide_manner(counts, min(VOTERS, setting.persons))
    write_json(folder / VOTED, {"shares": shares, "votes": dict(zip(on_shelf(), counts, strict=True))})
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


def made_digest(folder: Path) -> str:
    """Return the digest of the answers in a folder of `measure`, as the ledger books them."""
    names = sorted({path.name for path in folder.glob("*.safetensors")} | {VOTED, LOG})
    return sha256_json({name: sha256_file(folder / name) for name in names if (folder / name).exists()})


def _measured(job: Job, result: StageResult, setting: Setting) -> Measured:
    config, voted = job.config, result.folder / VOTED
    learned = METHODS[config.interpolate.method].read(result.folder, setting)
    if (result.folder / WORDS_FILE).exists():
        words = read_words(result.folder, public_words(job))
        learned = Telling(learned=learned, words=words, labels=setting.labels, told=config.decode.words)
    embedded = stand_ins(learned, setting.labels, config.embed.model, job.seeds.child("stand-ins"))
    named = zip(embedded.ids, embedded.labels, strict=True)
    empty = (Record(id=name, text="", label=label, group=name) for name, label in named)
    material = Material(
        train=Corpus(role="train", records=tuple(empty), has_groups=True), embedded=embedded, draws=learned,
        upstream=sha256_json([result.digest, made_digest(result.folder)]),
    )  # fmt: skip
    shares: Shares | BlockShares | None = None
    if (result.folder / ADAPTED).exists():
        shares = read_adapted(result.folder, config)
    elif voted.exists():
        shares = tuple((str(n), float(s)) for n, s in json.loads(voted.read_bytes())["shares"])
    return Measured(material=material, shares=shares, log=json.loads((result.folder / LOG).read_bytes()))


def stand_ins(learned: Learned, labels: Sequence[str], encoder: str, rng: SeedTree) -> Embedded:
    """Return points that stand in for train records wherever something is fitted after this, each a person."""
    drawn = learned.sample(dict.fromkeys(labels, STOOD_IN), rng)
    return Embedded(
        vectors=drawn.vectors, ids=drawn.ids, labels=drawn.labels, groups=drawn.ids, encoder=encoder, normalized=True
    )


def _twin(job: Job, queries: Mapping[str, Query], vocabulary: PublicWords | None) -> TwinRun:
    """Run the same code on people who do not exist, with other noise of the same kind."""
    setting, seeds = _setting(job), job.seeds.child("twin")
    n = TWIN_PERSONS if abs(TWIN_PERSONS - setting.persons) >= setting.persons / 9 else OTHER_PERSONS
    noise: Noise = StreamNoise(seeds.child("noise")) if job.config.secret == PUBLIC else SecureNoise()
    twin, rng, n_classes = TwinRun(n_persons=n, noise=noise), seeds.child("people").generator(), len(setting.labels)
    people = made_up_people(n, n_classes, setting.basis, rng)
    said = None if vocabulary is None else made_up_words(n, n_classes, len(vocabulary.words), rng)
    votes = made_up_votes(n, rng) if VOTE in queries else None
    while lacking := {name for name, query in queries.items() if not _is_enough(twin, query)}:
        if lacking - {WORDS, VOTE, ADAPT}:
            METHODS[job.config.interpolate.method].learn(people, setting, queries, twin)
        if WORDS in lacking and vocabulary is not None and said is not None:
            ask_words(said, n_classes, vocabulary, queries[WORDS], twin)
        if VOTE in lacking and votes is not None:
            count_votes(votes, queries[VOTE], twin)
        if ADAPT in lacking:
            refine_made_up(job.config, n, queries[ADAPT], twin, rng)
    return twin


def _is_enough(twin: TwinRun, query: Query) -> bool:
    """Return whether the audit can tell by what was logged of a query."""
    log = twin.found.get(query.name)
    if log is None:
        return False
    steps = len(log["noise"])
    return steps * log["dimension"] >= LEAST_LOGGED and (query.sampling_rate == 1 or steps >= MIN_STEPS)


def _log(
    job: Job, reservation: Reservation, queries: Mapping[str, Query], twin: TwinRun, person_set: str
) -> dict[str, Any]:
    """Return the log of the run's mechanisms, as `audits.accounting.mechanism_log` documents it.

    It adds up what the ledger holds when the noise is drawn, and is never changed afterwards: the ledger books its
    digest. What others reserve later stands in the statement, which is added up anew when a release leaves.
    """
    spending = reservation.spending
    public = job.config.secret == PUBLIC
    seed = job.seeds.child("noise").key().hex() if public else None
    mechanisms = [
        {
            **cost, "unit": "group", "clip_norm": query.clip,
            "sampling": "all" if query.sampling_rate == 1 else "poisson",
            "normaliser": None if query.normaliser is None else {"value": query.normaliser, "source": "constant"},
            "seed_digest": None if seed is None else sha256_json([seed, query.name]), "twin": twin.log(query.name),
        }
        for cost, query in zip(mechanisms_of(queries), queries.values(), strict=True)
    ]  # fmt: skip
    whole = asdict(reservation.spent_in_all) if reservation.others else None
    return {
        "schema_version": 1, "release": spending.run, "n_persons": job.config.dp.persons,
        "person_set": person_set,
        "claim": {"epsilon": spending.cost.epsilon, "delta": spending.cost.delta}, "spent": whole,
        "mechanisms": mechanisms,
        "reads": [
            {
                "kind": kind, "cost": None,
                "status": _answer(job.config, kind),
            }
            for kind in READS
        ],
        "releases": [
            {
                "release": one.run, "person_set": sha256_json([one.run]), "persons": "overlapping",
                "cost": {"epsilon": one.cost.epsilon, "delta": one.cost.delta}, "mechanisms": [],
            }
            for one in reservation.others
        ],
    }  # fmt: skip


def _answer(config: Config, kind: ReadKind) -> str:
    """Return whether something else read the persons' records.

    What is told of the audits is for the policy to say, and one draw may leave under any: the claim never covers it.
    """
    if kind == "audit-numbers":
        return "outside"
    return "unaccounted" if kind == "model-training" and not is_public(config) else "none"
