"""Plan the DP queries of a run, check its budget, and list the privacy cost of every access to private text."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audits.attacks.accounting.mechanism_log import PERSONS_PER_DELTA, rounded_down
from audits.gate.policy import Policy
from audits.ledger.budgets import Cost
from synthgen.config import Config, most_delta
from synthgen.core.errors import ConfigError, InternalError
from synthgen.decode.config import AUTO
from synthgen.dp import gaussian
from synthgen.dp import word_queries as words
from synthgen.dp.method import VOTE_QUERIES, QuerySpec
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.noised_sums import Query
from synthgen.filter.attributes import check_labels
from synthgen.interpolate.base import counts_per_class
from synthgen.models.registry import MODELS
from synthgen.pipeline.secret import PUBLIC

FREE = (  # pairs: an access to private text that costs no budget, and the reason
    ("split, de-identification, vectors", "each person is processed separately"),
    ("which of the declared classes have records", "if a class has none, the run is refused and releases nothing"),
    ("sentences that a style was trained on", "if a record contains such a sentence, the run is refused"),
    (
        "unusable rows, the number of train persons, the number of audits of control",
        "these numbers can only cause a refusal",
    ),
    ("comparison of train with control before the reservation", "the comparison can only cause a refusal"),
    (
        "audits, utility, gates",
        "outside the guarantee; under an independent policy, the release does not depend on them",
    ),
)


def check_budget(config: Config, policy: Policy) -> None:
    """Refuse a configuration that lacks a required privacy budget, or would spend its budget without a release.

    Raises:
        ConfigError: one of these conditions holds:
            - the policy requires differential privacy, and the run has no budget;
            - the budget exceeds the limit of the policy;
            - `secret: public` is set, and the policy limits the budget or is for external use;
            - `secret: public` is not set, and a model, bridge, style or example is not shipped with the package;
            - `filter.attributes` has rules for a label that is not declared.
        DataError: `balance` names classes that are not declared, or `total` is too small for one record per class.
    """
    dp, limit = config.dp, policy_limit(policy)
    if dp.epsilon is None:
        if policy.dp is None:
            return
        raise ConfigError(
            f"dp: policy {policy.name!r} requires differential privacy, but interpolate.method is "
            f"{config.interpolate.method!r}, which does not provide differential privacy",
            hint=f"Set interpolate.method to {gaussian.NAME}, and set dp.epsilon, dp.delta and dp.persons.",
        )
    labels = sorted(config.source.labels or ())
    # called only for its DataError
    counts_per_class(labels, config.interpolate.balance, config.interpolate.total)
    if config.filter.attributes is not None:
        check_labels(config.filter.attributes, labels)
    if config.secret == PUBLIC and (limit is not None or policy.intended_use == "outside"):
        raise ConfigError(
            f"with `secret: public`, the noise is reproducible and gives no privacy; policy {policy.name!r} does "
            "not allow this setting",
            hint="Remove `secret`. For a study, use an internal policy without a budget.",
        )
    if config.secret != PUBLIC and not is_public(config):
        raise ConfigError(
            "dp: a model, bridge, style or example may depend on the source records, and the budget does not cover "
            "this dependence",
            problems=[f"{key}: is not shipped with SynthGen" for key in _keys_of_unknown_training(config)],
            hint="Use the models, bridges, styles and examples that SynthGen ships. A study with other models, "
            "bridges, styles or examples requires `secret: public`, and its texts cannot be released.",
        )
    if limit is None:
        return
    budget = budget_of(config)
    problems = [
        f"dp.{name}: {getattr(budget, name):g}, and the policy allows at most {allowed:g}"
        for name, allowed in (("epsilon", limit.epsilon), ("delta", limit.delta))
        if getattr(budget, name) > allowed
    ]
    if problems:
        raise ConfigError(
            f"dp: the budget exceeds policy {policy.name!r}", problems=problems, hint="Lower the values."
        )


def is_public(config: Config) -> bool:
    """Return whether a run uses only models, bridges, styles and examples that cannot depend on the run's records."""
    return not _keys_of_unknown_training(config)


def _keys_of_unknown_training(config: Config) -> list[str]:
    from synthgen.decode.prompting.examples import exemplars
    from synthgen.decode.style_adapter import built_in_styles

    decode = config.decode
    is_shipped = {
        "embed.model": config.embed.model in MODELS,
        "decode.model": decode.model in MODELS,
        "decode.bridge": decode.bridge == "builtin",
        "decode.endpoint": decode.endpoint is None,
        "decode.examples": decode.examples in {None, *exemplars()},
        "decode.style": {*decode.styles} <= {AUTO, *built_in_styles()},
    }
    return [key for key, shipped in is_shipped.items() if not shipped]


def budget_of(config: Config) -> Cost:
    """Return the privacy budget of a run; a run without a budget has epsilon 0 and delta 0."""
    return Cost(epsilon=config.dp.epsilon or 0.0, delta=config.dp.delta or 0.0)


def policy_limit(policy: Policy) -> Cost | None:
    """Return a policy's budget limit for all runs in one ledger together; None if the policy sets no limit."""
    limit = policy.dp or policy.dp_substitute
    return None if limit is None else Cost(epsilon=limit.max_epsilon, delta=limit.max_delta)


def largest_delta(config: Config, policy: Policy) -> float:
    """Return the largest delta that the policy and `dp.persons` allow for all runs together; 1 without a limit."""
    limit, persons = policy_limit(policy), config.dp.persons
    return 1.0 if limit is None else min(limit.delta, 1.0 if persons is None else most_delta(persons))


def run_limit(config: Config, policy: Policy) -> Cost | None:
    """Return the budget limit for all runs in one ledger together, including a run of this configuration.

    The ledger is the institution's record of the privacy budgets of all runs. If `dp.delta` or `dp.persons` is not
    set, the result is the limit of the policy, or None if the policy has no limit. If both are set:

    - With a policy limit, the result is this limit, with delta at most `dp.delta` and `largest_delta`.
    - Without a policy limit, epsilon is infinite, and delta is `dp.delta` of the run.
    """
    limit, delta, persons = policy_limit(policy), config.dp.delta, config.dp.persons
    if delta is None or persons is None:
        return limit
    if limit is None:
        return Cost(epsilon=math.inf, delta=delta)
    return Cost(epsilon=limit.epsilon, delta=min(delta, largest_delta(config, policy)))


def delta_problem(config: Config, policy: Policy, persons: int) -> str | None:
    """Return an error message if `dp.delta` is too large for the number of persons, else None.

    `persons` is the number of persons in train. It is rounded down to two significant digits, as in the accounting
    audit, and the message does not state it. With `secret: public`, delta has no limit.
    """
    limit = run_limit(config, policy)
    if config.secret == PUBLIC or config.dp.delta is None or limit is None:
        return None
    if limit.delta <= most_delta(rounded_down(max(persons, 1))):
        return None
    largest = f"1 / ({PERSONS_PER_DELTA} n), where n is the number of persons in train"
    return f"dp.delta: {limit.delta:.3g} is above {largest}; lower dp.delta"


def configured_queries(config: Config) -> dict[str, QuerySpec]:
    """Return the DP queries of a run by name."""
    return {
        **gaussian.QUERIES,
        **(words.QUERIES if config.decode.words > 0 and not config.decode.is_prompted else {}),
        **(VOTE_QUERIES if config.decode.style == AUTO else {}),
    }


def queries_of(config: Config) -> dict[str, Query]:
    """Return the DP queries of a run with their noise multipliers, without access to data."""
    dp = config.dp
    if dp.epsilon is None or dp.delta is None:
        raise InternalError("a run without dp.epsilon and dp.delta has no DP queries")
    shares = {str(name): share for name, share in dp.shares.items()}
    specs = {
        name: replace(spec, share=shares.get(name, spec.share)) for name, spec in configured_queries(config).items()
    }
    noise = noise_multipliers(dp.epsilon, dp.delta, specs)
    return {name: spec.query(name, noise[name]) for name, spec in specs.items()}


def accesses_with_costs(config: Config) -> tuple[tuple[str, str], ...]:
    """Return each access to private text with its privacy cost, as pairs of texts; empty if the run has no budget."""
    if not config.interpolate.is_dp:
        return ()
    noise = "Gaussian noise with a standard deviation of {:.3g} clip norms; the query is run {}"
    costs = (
        (name, noise.format(query.noise_multiplier, "once" if query.steps == 1 else f"{query.steps} times"))
        for name, query in queries_of(config).items()
    )
    return (*costs, *((what, "nothing: " + why) for what, why in FREE))


def mechanisms_of(queries: Mapping[str, Query]) -> tuple[dict[str, Any], ...]:
    """Return the fields of `audits.attacks.accounting.mechanism_log.MechanismCost` for each query."""
    return tuple(
        {"kind": query.kind, "noise_multiplier": query.noise_multiplier, "sampling_rate": 1.0, "steps": query.steps}
        for query in queries.values()
    )
