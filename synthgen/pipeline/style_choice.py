"""Choose the style adapters that determine how the texts of a run are written."""

from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path

from audits.gate.policy import Policy
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError
from synthgen.core.files import read_json, write_json
from synthgen.core.progress import Advance
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Bridge, Vocabulary
from synthgen.decode.config import AUTO, PLAIN
from synthgen.decode.learnt import MAX_SHARE, share_learnt
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompting.examples import check_examples, exemplars, load_examples
from synthgen.decode.stage import LIBRARIES
from synthgen.decode.style_adapter import StyleAdapter, built_in_styles, in_style, load_style
from synthgen.dp.method import CHOICE
from synthgen.embed import Encoder
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import parts_with_prompts, unsegmented
from synthgen.pipeline.workspace import StageResult

MAX_TEXTS = 64  # largest number of train texts that are scored
MIXED = 3  # number of the best single styles; `auto` also tries mixtures of these styles
# A mixture is chosen only if its negative log-likelihood, in nats per token, is lower by `GAIN` than that of every
# single style. Each style in a mixture has a reduced weight, and a reduced weight alone makes texts slightly
# likelier. `GAIN` compensates for this advantage of mixtures.
GAIN = 0.05
WARNING = (
    "`decode.style: auto` chooses the one to three built-in styles that fit the private train texts best, so the "
    "synthetic texts reveal which styles fit the train texts"
)

Shares = tuple[tuple[str, float], ...]  # (style, share) of each style of a run; the shares sum to 1


def check_style(config: Config, policy: Policy) -> None:
    """Raise ConfigError if the policy requires differential privacy, but `auto` would add no noise to its choice."""
    if config.decode.style == AUTO and policy.dp is not None and not config.interpolate.is_dp:
        raise ConfigError(
            f"decode.style: policy {policy.name!r} requires differential privacy, but without a privacy budget "
            "`auto` chooses a style without noise",
            hint=f"Set decode.style to a built-in style: {', '.join(built_in_styles())}.",
        )


def check_server(config: Config, policy: Policy) -> None:
    """Raise ConfigError if the policy does not accept the server of `decode.engine: endpoint`."""
    endpoint, problems = config.decode.endpoint, []
    if endpoint is None:
        return
    if "pinned-models" in policy.required_provenance:
        problems.append(
            "decode.engine: the policy requires the digest of every model, but a server states only a model's name"
        )
    if endpoint.allow_remote and policy.intended_use == "outside":
        problems.append("decode.endpoint.allow_remote: the policy does not allow a server outside your network")
    if problems:
        hint = "Use a model in a folder (decode.model) instead of a server, or use another policy."
        if "pinned-models" not in policy.required_provenance:
            hint = "Use a server in your own network, a model in a folder (decode.model), or an internal policy."
        raise ConfigError(f"policy {policy.name!r} does not accept this server", problems=problems, hint=hint)


def check_style_training(config: Config, *parts: Corpus) -> None:
    """Raise DataError if a style of the run was trained on the run's own records.

    `parts` are train and control before de-identification. A style that was trained on train and control would make
    the texts resemble both, so no audit could measure what the style reveals. The error is raised if more than 1 % of
    the records contain a sentence on which a style was trained. Sentences of fewer than ten words do not count. With
    `auto`, all built-in styles are checked.

    Privacy: the message of the error contains the share of records with such a sentence.
    """
    names = built_in_styles() if config.decode.style == AUTO else config.decode.styles
    texts = [text for part in parts for text in part.texts]
    learnt = {name: load_style(name, config.resolve).learnt for name in names if name != PLAIN}
    if share_learnt(texts, *learnt.values()) > MAX_SHARE:
        shares = {name: share_learnt(texts, digests) for name, digests in learnt.items()}
        found = {
            name: f"{n:.1%} of the records contain a sentence on which it was trained"
            for name, n in shares.items()
            if n
        }
        raise DataError(
            "decode.style: a style was trained on sentences of the records that must stay private",
            problems=[f"style {name}: {text}" for name, text in found.items()],
            hint="Set decode.style to `plain`, or to a style that was trained on text of other people.",
        )


def check_own_examples(config: Config, *parts: Corpus) -> None:
    """Raise DataError if the user's examples for prompts (`decode.examples`) repeat sentences of train or control."""
    if config.decode.examples not in {None, *exemplars()}:
        check_examples(load_examples(config.decode.examples, config.resolve), [t for p in parts for t in p.texts])


def named_styles(config: Config, shares: Shares | None = None) -> list[tuple[StyleAdapter, float]]:
    """Return (style, share) for each style in `shares`; without `shares`, the configured styles in equal shares.

    The style `plain` is left out, because it has no adapter. Without `shares`, the result is empty for `auto`.
    """
    if shares is None:
        shares = () if config.decode.style == AUTO else _equal_shares(config.decode.styles)
    return [(load_style(name, config.resolve), share) for name, share in shares if name != PLAIN]


def n_tried(n: int) -> int:
    """Return the number of styles and mixtures that `auto` tries, for n built-in styles including `plain`."""
    mixed = min(MIXED, n - 1)
    return n + sum(comb(mixed, together) for together in range(2, mixed + 1))


def _equal_shares(names: tuple[str, ...]) -> Shares:
    return tuple((name, 1 / len(names)) for name in names)


def _scores(nats: Callable[[Shares], float], names: tuple[str, ...], advance: Advance) -> dict[Shares, float]:
    """Return the nats per token (lower: better fit) of each single style and of the mixtures of the best styles."""

    def score(mixed: tuple[str, ...]) -> float:
        value = nats(_equal_shares(mixed))
        advance(1)
        return value

    alone = {name: score((name,)) for name in names}
    likeliest = sorted(sorted(alone.keys() - {PLAIN}, key=lambda name: (alone[name], name))[:MIXED])
    mixtures = [mixed for n in range(2, len(likeliest) + 1) for mixed in combinations(likeliest, n)]
    singles = {_equal_shares((name,)): value for name, value in alone.items()}
    return singles | {_equal_shares(mixed): score(mixed) for mixed in mixtures}


def read_choice(folder: Path) -> Shares:
    """Return the chosen styles with their shares from the file `CHOICE` of a folder."""
    return tuple((str(name), float(share)) for name, share in read_json(folder / CHOICE)["shares"])


def choose_style(
    job: Job, bridge: Bridge | Vocabulary, train: Corpus, encoder: Encoder, upstream: str
) -> tuple[Bridge, StageResult]:
    """Choose the styles under which train is most likely; return the bridge with these styles, and the stage result.

        nats(M) = - sum over texts of log p(text | its label, its vector, styles M in equal shares) / tokens

    The sum covers at most `MAX_TEXTS` texts of train: records, or segments if records are divided. The tried M are
    each single style, each pair of the `MIXED` best styles, and all `MIXED` best styles together. The M with the
    lowest nats(M) is chosen, after `GAIN` is added for mixtures. Mixtures never contain `plain`, because `plain` in a
    mixture makes texts likelier even if the mixture is not closer to the records.

    `bridge` turns a vector into soft tokens of the language model. `upstream` is the digest of the stage that
    embedded `train`; it identifies train in the cache key.

    Privacy: reads train texts. The choice among the `n_tried` styles and mixtures affects every synthetic text.
    Randomness: the stream `manner` selects the texts. It keeps the former name of styles, because another name would
        change the results.
    Cost: loads the language model and scores the texts once for each style and mixture.

    Raises:
        InternalError: `bridge` is a `Vocabulary`, so the texts are written from prompts of words and have no style.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("`choose_style` was called, but texts that are written from prompts have no style")
    config = job.config
    styles = {name: named_styles(config, _equal_shares((name,))) for name in built_in_styles()}
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
    encoder, bridge, styles = context.model("embedder"), context.model("bridge"), context.model("styles").value
    records = parts_with_prompts(encoder, context.input("train"), context.config("decode.prompt"))
    parts = [part for record in records for part in record if part[0]]  # (text, prompt), without empty texts
    rows = context.stream("manner").generator().permutation(len(parts))[:MAX_TEXTS]
    texts, prompts = zip(*(parts[row] for row in rows), strict=True)
    vectors = unsegmented(encoder).encode(list(texts))

    def nats(shares: Shares) -> float:
        styled_bridge = in_style(bridge, [(style, share) for name, share in shares for style, _ in styles[name]])
        reader = Likelihood.load(context.model("language model").value, styled_bridge)
        limit = bridge.info.max_text_tokens
        return reader.nats(texts, max_tokens=limit, vectors=vectors, prompts=prompts).per_token

    with context.progress.stage("style", total=n_tried(len(styles)), unit="styles") as advance:
        found = _scores(nats, tuple(styles), advance)
    chosen = min(found, key=lambda shares: (found[shares] + (GAIN if len(shares) > 1 else 0), shares))
    choice = {"shares": chosen, "nats": [[shares, value] for shares, value in found.items()], "texts": len(texts)}
    write_json(context.folder / CHOICE, choice)
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
