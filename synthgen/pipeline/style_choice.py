"""The style of a run: configured, or the one in which its train records are likeliest."""

import json
from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path

from audits.gate.policy import Policy
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.config import AUTO, PLAIN
from synthgen.decode.learnt import MOST_SHARE, share_learnt
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.stage import LIBRARIES
from synthgen.decode.style_adapter import StyleAdapter, built_in_styles, in_style, load_style
from synthgen.dp.method import CHOICE
from synthgen.embed import Encoder
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import unsegmented, written_parts
from synthgen.pipeline.workspace import StageResult

MOST_TEXTS = 64  # train texts that are scored
MIXED = 3  # the likeliest styles that are tried together as well, in pairs and all of them
GAIN = 0.05  # nats per token by which a mixture must win: a style at partial weight is slightly likelier than in full
WARNING = (
    "decode.style auto: the private train text determines which one to three built-in styles are used; this"
    " choice passes nothing else of it into the texts"
)

Shares = tuple[tuple[str, float], ...]


def check_style(config: Config, policy: Policy) -> None:
    """Raise ConfigError if the policy requires differential privacy and train chooses the style without it."""
    if config.decode.style == AUTO and policy.dp is not None and not config.interpolate.is_private:
        raise ConfigError(
            f"decode.style: policy {policy.name!r} requires differential privacy, and this choice has none",
            problems=["decode.style"],
            hint=f"Name a style: {', '.join(built_in_styles())}.",
        )


def refuse_learnt(config: Config, *parts: Corpus) -> None:
    """Raise DataError if the styles of the run were trained on text of its own records.

    The limit is one record in a hundred with a sentence of ten words that a style was trained on; more is no chance.
    All styles are checked together, because records spread over many styles would pass each check alone. With `auto`
    all built-in styles are checked.

    Args:
        config: the run's.
        parts: train and control as they were read; a style trained on both reveals text that no audit can measure.

    Privacy: the message holds a share of records, and only if the run is refused.
    """
    names = built_in_styles() if config.decode.style == AUTO else config.decode.styles
    texts = [text for part in parts for text in part.texts]
    learnt = {name: load_style(name, config.resolve).learnt for name in names if name != PLAIN}
    if share_learnt(texts, *learnt.values()) > MOST_SHARE:
        shares = {name: share_learnt(texts, digests) for name, digests in learnt.items()}
        raise DataError(
            "decode.style: a style was trained on sentences of the very records that must stay private",
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
    """Return how many ways of writing `auto` reads train under, for n built-in styles, the plain one among them."""
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
    and each pair and all of the `MIXED` likeliest ones together. The plain style is excluded from mixtures: half of a
    style mixed with the plain style is likelier than the full style, but not closer to the records. The styles with
    the fewest nats are chosen; a mixture must win by `GAIN`.

    Raises:
        ModelMissing, ModelError: as the models say.

    Privacy: reads train texts. The choice, one of fifteen with four built-in styles, affects every text.
    Randomness: stream `manner`: which texts are used.
    Cost: one pass of the language model over the texts for each style and four more; loading it as often.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("texts written from words alone have no style, and the configuration does not allow one")
    config = job.config
    styles = {name: named_styles(config, _equally((name,))) for name in built_in_styles()}
    digests = {name: [style.digest for style, _ in shares] for name, shares in styles.items()}
    models: dict[str, HasDigest] = {
        "embedder": encoder,
        "bridge": bridge,
        "language model": job.language_model(),
        "styles": StageInput(styles, plain_value(digests).digest),
    }
    result = job.run(STYLE, {"train": StageInput(train, upstream)}, models)
    return in_style(bridge, named_styles(config, read_choice(result.folder))), result


def _choose(context: StageContext) -> Mapping[str, object]:
    """Write the styles under which a sample of train is likeliest, and what was measured."""
    encoder, bridge, styles = context.model("embedder"), context.model("bridge"), context.model("styles").value
    whole = written_parts(encoder, context.input("train"), context.config("decode.prompt"))
    parts = [part for record in whole for part in record if part[0]]
    rows = context.stream("manner").generator().permutation(len(parts))[:MOST_TEXTS]
    texts, prompts = zip(*(parts[row] for row in rows), strict=True)
    vectors = unsegmented(encoder).encode(list(texts))

    def nats(shares: Shares) -> float:
        written = in_style(bridge, [(style, share) for name, share in shares for style, _ in styles[name]])
        reader = Likelihood.load(context.model("language model").value, written)
        most = bridge.info.max_text_tokens
        return reader.nats(texts, most_tokens=most, vectors=vectors, prompts=prompts).per_token

    with context.progress.stage("style", total=ways(len(styles)), unit="styles") as advance:
        found = _read(nats, tuple(styles), advance)
    chosen = min(found, key=lambda shares: (found[shares] + (GAIN if len(shares) > 1 else 0), shares))
    choice = {"shares": chosen, "nats": [[shares, value] for shares, value in found.items()], "texts": len(texts)}
    (context.folder / CHOICE).write_text(json.dumps(choice), encoding="utf-8")
    return {"in": len(texts), "out": len(chosen)}


STYLE = Stage(
    name="style",
    version=1,
    run=_choose,
    config=("decode.prompt",),
    inputs=("train",),
    models=("embedder", "bridge", "language model", "styles"),
    streams=("manner",),
    libraries=LIBRARIES,
)
