"""What a run under a budget asks the persons of train, and what every read of private text costs."""

import math
from collections.abc import Mapping
from typing import Any

from audits.gate.policy import Policy
from audits.ledger.budgets import Cost
from synthgen.config import Config, most_delta
from synthgen.core.errors import ConfigError, InternalError
from synthgen.decode.config import AUTO, WORDS
from synthgen.dp import gaussian
from synthgen.dp import word_queries as words
from synthgen.dp.catalogue import VOTES_ASKED
from synthgen.dp.method import Asked
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.noised_sums import Query
from synthgen.filter.attributes import check_labels
from synthgen.interpolate.base import wanted_counts
from synthgen.models.registry import MODELS
from synthgen.pipeline.secret import PUBLIC

FREE = (
    ("split, de-identification, vectors", "of each person by themselves"),
    ("which of the declared classes have records", "a run that lacks one is refused, and nothing leaves"),
    ("sentences that a style learnt from", "a run in which they stand is refused, and nothing leaves"),
    ("rows that cannot be used, how many persons came into train, how often control was asked", "likewise"),
    ("audits, utility, gates", "said to stand outside the guarantee; under a policy with dp only verdicts leave"),
)


def check_budget(config: Config, policy: Policy) -> None:
    """Refuse what would spend a budget and then not be made, or leave by no policy.

    Raises:
        ConfigError: the policy asks for differential privacy, and the configuration has less, or noise that anybody
            can draw again; a model, bridge or style is one's own, also after the draw; attributes are asked of a
            label that is not declared.
        DataError: `balance` names classes that are not declared, or `total` leaves one without a record.
    """
    dp, most = config.dp, most_of(policy)
    if dp.epsilon is not None:
        _check_learned(config)
    if dp.epsilon is not None and config.secret == PUBLIC and (most is not None or policy.intended_use == "outside"):
        raise ConfigError(
            f"secret: public: its noise can be drawn again, so under policy {policy.name!r} it would pay for nothing",
            problems=["secret"],
            hint="Leave secret out. For a study name a policy for inside without a budget.",
        )
    if dp.epsilon is not None and config.secret != PUBLIC and not is_public(config):
        raise ConfigError(
            "dp: models, bridge or styles are not shipped with the program, and no budget holds what they learnt",
            problems=["embed.model, decode.model, decode.bridge, decode.style or deidentify.engine"],
            hint="Name those that are shipped. A study may have its own under `secret: public`, and nothing leaves.",
        )
    if policy.dp is not None and dp.epsilon is None:
        raise ConfigError(
            f"dp: policy {policy.name!r} asks for differential privacy, and {config.interpolate.method!r} has none",
            problems=["interpolate.method", "dp"],
            hint=f"Set interpolate.method to {gaussian.NAME}, and dp: {{epsilon, delta, persons}}.",
        )
    if most is None or dp.epsilon is None or dp.delta is None:
        return
    problems = [
        f"dp.{name}: {given:g}, at most {bound:g}"
        for name, given, bound in (("epsilon", dp.epsilon, most.epsilon), ("delta", dp.delta, most.delta))
        if given > bound
    ]
    if problems:
        raise ConfigError(f"dp: policy {policy.name!r} allows less", problems=problems, hint="Ask for less.")


def is_public(config: Config) -> bool:
    """Return whether nothing that a run computes with can have learnt from its records: all of it is shipped."""
    from synthgen.decode.style_adapter import built_in_styles

    decode = config.decode
    return (
        config.deidentify.engine != "presidio"  # whose language model is whatever is installed under a name
        and {config.embed.model, decode.model} <= set(MODELS)
        and decode.bridge in {"builtin", WORDS}
        and {*decode.styles} <= {AUTO, *built_in_styles()}
    )


def _check_learned(config: Config) -> None:
    """Refuse what is asked of classes that are not declared: behind the draw it would be too late."""
    labels = sorted(config.source.labels or ())
    wanted_counts(labels, config.interpolate.balance, config.interpolate.total)
    if config.filter.attributes is not None:
        check_labels(config.filter.attributes, labels)


def most_of(policy: Policy) -> Cost | None:
    """Return what all runs of a ledger may spend together under a policy; None where it sets no bound."""
    bound = policy.dp or policy.dp_substitute
    return None if bound is None else Cost(epsilon=bound.max_epsilon, delta=bound.max_delta)


def most_for(config: Config, policy: Policy) -> Cost | None:
    """Return the same for the persons of a run, so few that no larger delta passes the accounting.

    None for a study, whose secret is public and which no accounting holds up.
    """
    most, persons = most_of(policy), config.dp.persons
    if persons is None or (most is None and config.secret == PUBLIC):
        return most
    if most is None:
        return Cost(epsilon=math.inf, delta=most_delta(persons))
    return Cost(epsilon=most.epsilon, delta=min(most.delta, most_delta(persons)))


def large_delta(config: Config, persons: int, before: Cost) -> str | None:
    """Return what is wrong where delta, of this run and of those before it, is too large for the persons of train.

    Nothing is of a study, whose secret is public.

    Args:
        config: of the run.
        persons: that came into train; of no more than were declared the ledger's bound says enough.
        before: spent of the ledger.
    """
    if config.secret == PUBLIC or config.dp.persons is None or persons <= config.dp.persons:
        return None
    delta, most = (config.dp.delta or 0.0) + before.delta, most_delta(persons)
    told = f"dp.delta: {delta:.3g} with what was spent, at most {most:.3g} for the persons that came into train"
    return told if delta > most else None


def asked_by(config: Config) -> dict[str, Asked]:
    """Return the questions of a run by name."""
    return {
        **gaussian.ASKED,
        **(words.ASKED if config.decode.words > 0 and not config.decode.by_words else {}),
        **(VOTES_ASKED if config.decode.style == AUTO else {}),
    }


def queries_of(config: Config) -> dict[str, Query]:
    """Return what a run asks, and with how much noise, before anything is read.

    Raises:
        InternalError: the configuration has no budget.
    """
    dp = config.dp
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without a budget asks nothing")
    asked, shares = asked_by(config), {str(name): share for name, share in dp.shares.items()}
    priced = {name: one.priced(shares.get(name, one.share)) for name, one in asked.items()}
    noise = noise_multipliers(dp.epsilon, dp.delta, priced)
    return {name: one.query(name, noise[name]) for name, one in asked.items()}


def priced_reads(config: Config) -> tuple[tuple[str, str], ...]:
    """Return everything that reads private text in a run under a budget, and what it costs; nothing without one."""
    if not config.interpolate.is_private:
        return ()
    queries = queries_of(config)
    asked = tuple(
        (name, f"Gaussian noise of {query.noise_multiplier:.3g} clip norms, {query.steps} times")
        for name, query in queries.items()
    )
    return (*asked, *((what, "nothing: " + why) for what, why in FREE))


def mechanisms_of(queries: Mapping[str, Query]) -> tuple[dict[str, Any], ...]:
    """Return the queries as costs, in the form of `audits.attacks.accounting.mechanism_log.MechanismCost`."""
    return tuple(
        {"kind": query.kind, "noise_multiplier": query.noise_multiplier, "sampling_rate": 1.0, "steps": query.steps}
        for query in queries.values()
    )
