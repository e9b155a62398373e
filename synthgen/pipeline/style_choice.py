"""The style of a run: named, or the one in which its own train records are likeliest."""

import json
from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path

from audits.gate.policy import Policy
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.config import AUTO, PLAIN
from synthgen.decode.learnt import MOST_SHARE, share_learnt
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.style_adapter import StyleAdapter, built_in_styles, in_style, load_style
from synthgen.dp.catalogue import CHOICE
from synthgen.embed import Encoder
from synthgen.pipeline.job import STAGES_VERSION, Job
from synthgen.pipeline.segments import written_parts
from synthgen.pipeline.workspace import StageResult

MOST_TEXTS = 64  # of train that are read
MIXED = 3  # the likeliest styles that are tried together as well, in pairs and all of them
GAIN = 0.05  # nats per token that these must win: any style written weakly is a little likelier than in full
WARNING = (
    "decode.style auto: which of the shelf's styles are taken, one to three, is read off the private train text; no"
    " more of it than that one choice gets into the texts by this way"
)

Shares = tuple[tuple[str, float], ...]


def check_style(config: Config, policy: Policy) -> None:
    """Raise ConfigError where a policy asks for differential privacy and the style is read off train without it."""
    if config.decode.style == AUTO and policy.dp is not None and not config.interpolate.is_private:
        raise ConfigError(
            f"decode.style: policy {policy.name!r} asks for differential privacy, and this choice has none",
            problems=["decode.style"],
            hint=f"Name a style: {', '.join(built_in_styles())}.",
        )


def refuse_learnt(config: Config, *parts: Corpus) -> None:
    """Raise DataError where the styles of the run learnt from text that stands in its own records.

    More than one record in a hundred with a sentence of ten words that a style was trained on is no chance. Styles
    are asked together, or notes dealt out to many would pass each; of `auto` those of the whole shelf.

    Args:
        config: the run's.
        parts: train and control as they were read; a style that has seen both gives away what no audit can tell.

    Privacy: a share of records comes out, and only where the run is refused.
    """
    asked = built_in_styles() if config.decode.style == AUTO else config.decode.styles
    texts = [text for part in parts for text in part.texts]
    learnt = {name: load_style(name, config.resolve).learnt for name in asked if name != PLAIN}
    if share_learnt(texts, *learnt.values()) > MOST_SHARE:
        shares = {name: share_learnt(texts, digests) for name, digests in learnt.items()}
        raise DataError(
            "decode.style: a style learnt from sentences of the very records that are to be kept private",
            problems=[f"{name}: of {share:.1%} of the records" for name, share in shares.items() if share > 0],
            hint="Name a style that was trained on other people's text, or plain.",
        )


def named_shares(config: Config) -> Shares:
    """Return the styles that a configuration names, in equal shares; none of `auto`."""
    return () if config.decode.style == AUTO else _equally(config.decode.styles)


def named_styles(config: Config, shares: Shares | None = None) -> list[tuple[StyleAdapter, float]]:
    """Return the styles a run writes in with their shares: the configured ones, or those that were chosen.

    Raises:
        ModelMissing, ModelError: see `load_style`.
    """
    given = named_shares(config) if shares is None else shares
    return [(load_style(name, config.resolve), share) for name, share in given if name != PLAIN]


def ways(n: int) -> int:
    """Return how many ways of writing `auto` reads train under, of a shelf of n styles, the plain one among them."""
    mixed = min(MIXED, n - 1)
    return n + sum(comb(mixed, together) for together in range(2, mixed + 1))


def _equally(names: tuple[str, ...]) -> Shares:
    return tuple((name, 1 / len(names)) for name in names)


def _read(
    nats: Callable[[Shares], float], names: tuple[str, ...], advance: Callable[[int], None]
) -> dict[Shares, float]:
    """Return the nats of each style by itself, then of the likeliest together."""
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
    """Return the styles that were chosen, with their shares."""
    return tuple((str(name), float(share)) for name, share in json.loads((folder / CHOICE).read_bytes())["shares"])


def choose_style(
    job: Job, bridge: Bridge | Vocabulary, train: Corpus, encoder: Encoder, upstream: str
) -> tuple[Bridge, StageResult]:
    """Return the bridge in the styles under which train is likeliest, and the stage that found it.

        nats(M) = - sum over texts of log p(text | its label, its vector, styles M in equal shares) / tokens

    Of at most 64 texts of train, a record each or, where records are cut, a part of one. M is each style by itself,
    and each two and all of the `MIXED` that are likeliest by themselves, the plain one not among these: half of a
    style with half of nothing is that style written weakly, likelier than the whole and no more like the records.
    The least nats win, several together where they win by `GAIN`.

    Raises:
        ModelMissing, ModelError: as the models say.

    Privacy: reads train texts. The choice is one of fifteen with the four built-in
    styles; it shows in every text that is written.
    Random: seeds/style; which texts are read.
    Cost: one pass of the language model over the texts for each style and four more; loading it as often.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("words alone have no style, and the configuration lets none be asked for")
    seeds, config = job.seeds.child("manner"), job.config
    styles = {name: named_styles(config, _equally((name,))) for name in built_in_styles()}
    folder = job.folder(config.decode.model)

    def make(out: Path) -> Mapping[str, object]:
        parts = [part for record in written_parts(encoder, train, config.decode.prompt) for part in record if part[0]]
        rows = seeds.generator().permutation(len(parts))[:MOST_TEXTS]
        texts, prompts = zip(*(parts[row] for row in rows), strict=True)
        vectors = job.encoder().encode(list(texts))

        def nats(shares: Shares) -> float:
            told = in_style(bridge, [(m, share) for name, share in shares for m, _ in styles[name]])
            reader = Likelihood.load(folder, told)
            most = bridge.info.max_text_tokens
            return reader.nats(texts, most_tokens=most, vectors=vectors, prompts=prompts).per_token

        with job.progress.stage("style", total=ways(len(styles)), unit="styles") as advance:
            found = _read(nats, tuple(styles), advance)
        chosen = min(found, key=lambda shares: (found[shares] + (GAIN if len(shares) > 1 else 0), shares))
        said = {"shares": chosen, "nats": [[shares, value] for shares, value in found.items()], "texts": len(texts)}
        (out / CHOICE).write_text(json.dumps(said), encoding="utf-8")
        return {"in": len(texts), "out": len(chosen)}

    inputs = {
        "version": STAGES_VERSION,
        "upstream": upstream,
        "encoder": encoder.digest,
        "bridge": bridge.digest,
        "styles": {name: [m.digest for m, _ in shares] for name, shares in styles.items()},
        "prompt": config.decode.prompt,
        "seed": seeds.key().hex(),
    }
    result = job.workspace.stage("style", inputs, make)
    return in_style(bridge, named_styles(config, read_choice(result.folder))), result
