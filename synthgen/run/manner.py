"""The manner of a run: named, or the one in which its own train records are likeliest."""

import json
from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path

from audits.gate.policy import Policy
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError
from synthgen.core.types import Corpus
from synthgen.run.adapt import written_parts
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.workspace import StageResult
from synthgen.stages.decode.bridge import Bridge, Vocabulary
from synthgen.stages.decode.config import AUTO, PLAIN
from synthgen.stages.decode.learnt import MOST_SHARE, share_learnt
from synthgen.stages.decode.likelihood import Likelihood
from synthgen.stages.decode.manner import Manner, in_manner, load_manner, on_shelf
from synthgen.stages.embed import Encoder

CHOICE = "manner.json"
MOST_TEXTS = 64  # of train that are read
MIXED = 3  # the likeliest manners that are tried together as well, in pairs and all of them
GAIN = 0.05  # nats per token that these must win: any manner written weakly is a little likelier than in full
WARNING = (
    "decode.manner auto: which of the shelf's manners are taken, one to three, is read off the private train text; no"
    " more of it than that one choice gets into the texts by this way"
)

Shares = tuple[tuple[str, float], ...]


def check_manner(config: Config, policy: Policy) -> None:
    """Raise ConfigError where a policy asks for differential privacy and the manner is read off train without it."""
    if config.decode.manner == AUTO and policy.dp is not None and not config.interpolate.is_private:
        raise ConfigError(
            f"decode.manner: policy {policy.name!r} asks for differential privacy, and this choice has none",
            problems=["decode.manner"],
            hint=f"Name a manner: {', '.join(on_shelf())}.",
        )


def refuse_learnt(config: Config, *parts: Corpus) -> None:
    """Raise DataError where the manners of the run learnt from text that stands in its own records.

    More than one record in a hundred with a sentence of ten words that a manner was trained on is no chance. Manners
    are asked together, or notes dealt out to many would pass each; of `auto` and `dp.adapt` those of the whole shelf.

    Args:
        config: the run's.
        parts: train and control as they were read; a manner that has seen both gives away what no audit can tell.

    Privacy: a share of records comes out, and only where the run is refused.
    """
    whole = config.decode.manner == AUTO or config.dp.adapt is not None
    asked = refinable(config) if whole else config.decode.manners
    texts = [text for part in parts for text in part.texts]
    learnt = {name: load_manner(name, config.resolve).learnt for name in asked if name != PLAIN}
    if share_learnt(texts, *learnt.values()) > MOST_SHARE:
        shares = {name: share_learnt(texts, digests) for name, digests in learnt.items()}
        raise DataError(
            "decode.manner: a manner learnt from sentences of the very records that are to be kept private",
            problems=[f"{name}: of {share:.1%} of the records" for name, share in shares.items() if share > 0],
            hint="Name a manner that was trained on other people's text, or plain.",
        )


def named_shares(config: Config) -> Shares:
    """Return the manners that a configuration names, in equal shares; none of `auto`."""
    return () if config.decode.manner == AUTO else _equally(config.decode.manners)


def refinable(config: Config) -> tuple[str, ...]:
    """Return the manners whose shares `dp.adapt` refines: the shelf's, and those that the configuration names."""
    return tuple(sorted({*on_shelf(), *config.decode.manners} - {AUTO, PLAIN}))


def named_manners(config: Config, shares: Shares | None = None) -> list[tuple[Manner, float]]:
    """Return the manners a run writes in with their shares: the configured ones, or those that were chosen.

    Raises:
        ModelMissing, ModelError: see `load_manner`.
    """
    given = named_shares(config) if shares is None else shares
    return [(load_manner(name, config.resolve), share) for name, share in given if name != PLAIN]


def ways(n: int) -> int:
    """Return how many ways of writing `auto` reads train under, of a shelf of n manners, the plain one among them."""
    mixed = min(MIXED, n - 1)
    return n + sum(comb(mixed, together) for together in range(2, mixed + 1))


def _equally(names: tuple[str, ...]) -> Shares:
    return tuple((name, 1 / len(names)) for name in names)


def _read(
    nats: Callable[[Shares], float], names: tuple[str, ...], advance: Callable[[int], None]
) -> dict[Shares, float]:
    """Return the nats of each manner by itself, then of the likeliest together."""
    found: dict[Shares, float] = {}

    def read(mixed: tuple[str, ...]) -> float:
        found[_equally(mixed)] = nats(_equally(mixed))
        advance(1)
        return found[_equally(mixed)]

    alone = {name: read((name,)) for name in names}
    near = sorted(sorted(alone.keys() - {PLAIN}, key=lambda name: (alone[name], name))[:MIXED])
    for n in range(2, len(near) + 1):
        for mixed in combinations(near, n):
            read(mixed)
    return found


def read_choice(folder: Path) -> Shares:
    """Return the manners that were chosen, with their shares."""
    return tuple((str(name), float(share)) for name, share in json.loads((folder / CHOICE).read_bytes())["shares"])


def choose_manner(
    job: Job, bridge: Bridge | Vocabulary, train: Corpus, encoder: Encoder, upstream: str
) -> tuple[Bridge, StageResult]:
    """Return the bridge in the manners under which train is likeliest, and the stage that found it.

        nats(M) = - sum over texts of log p(text | its label, its vector, manners M in equal shares) / tokens

    Of at most 64 texts of train, a record each or, where records are cut, a part of one. M is each manner by itself,
    and each two and all of the `MIXED` that are likeliest by themselves, the plain one not among these: half of a
    manner with half of nothing is that manner written weakly, likelier than the whole and no more like the records.
    The least nats win, several together where they win by `GAIN`.

    Raises:
        ModelMissing, ModelError: as the models say.

    Privacy: reads train texts. The choice, one of some ninety, shows in every text that is written.
    Random: seeds/manner; which texts are read.
    Cost: one pass of the language model over the texts for each manner and four more; loading it as often.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("words alone have no manner, and the configuration lets none be asked for")
    seeds, config = job.seeds.child("manner"), job.config
    manners = {name: named_manners(config, _equally((name,))) for name in on_shelf()}
    folder = job.folder(config.decode.model)

    def make(out: Path) -> Mapping[str, object]:
        parts = [part for record in written_parts(encoder, train, config.decode.prompt) for part in record if part[0]]
        rows = seeds.generator().permutation(len(parts))[:MOST_TEXTS]
        texts, prompts = zip(*(parts[row] for row in rows), strict=True)
        vectors = job.encoder().encode(list(texts))

        def nats(shares: Shares) -> float:
            told = in_manner(bridge, [(m, share) for name, share in shares for m, _ in manners[name]])
            reader = Likelihood.load(folder, told)
            most = bridge.info.max_text_tokens
            return reader.nats(texts, most_tokens=most, vectors=vectors, prompts=prompts).per_token

        with job.progress.stage("manner", total=ways(len(manners)), unit="manners") as advance:
            found = _read(nats, tuple(manners), advance)
        chosen = min(found, key=lambda shares: (found[shares] + (GAIN if len(shares) > 1 else 0), shares))
        said = {"shares": chosen, "nats": [[shares, value] for shares, value in found.items()], "texts": len(texts)}
        (out / CHOICE).write_text(json.dumps(said), encoding="utf-8")
        return {"in": len(texts), "out": len(chosen)}

    inputs = {
        "version": STAGES_VERSION, "upstream": upstream, "encoder": encoder.digest, "bridge": bridge.digest,
        "manners": {name: [m.digest for m, _ in shares] for name, shares in manners.items()},
        "prompt": config.decode.prompt, "seed": seeds.key().hex(),
    }  # fmt: skip
    result = job.workspace.stage("manner", inputs, make)
    return in_manner(bridge, named_manners(config, read_choice(result.folder))), result
