"""Predict the share of new records that are made mostly from the record of one person.

A new record is made from the vectors of train records, its parents, with weights w. It has 1 / Σw² effective parents.
With fewer than `MIN_EFFECTIVE_PARENTS`, it is made mostly from one person. A single such record makes the audit
`parent_recovery` fail.
"""

import numpy as np

from audits.attacks.parent_recovery.parent_recovery_audit import MIN_EFFECTIVE_PARENTS
from audits.gate.policy import Policy
from synthgen.interpolate import Mixture, Slerp
from synthgen.interpolate.base import Interpolator
from synthgen.interpolate.linear import draw_lambdas, pair_weights

DRAWS = 20_000  # number of simulated new records; the standard error of the share is at most 0.0036
ALMOST_CERTAIN = 0.999  # a failure of the audit is predicted only if its probability is above this number


def one_person_share(method: Interpolator) -> float:
    """Return the expected share of new records with fewer than `MIN_EFFECTIVE_PARENTS` effective parents, 0 to 1.

    The weights of the parents are simulated without the records. With `max_exposure`, the weights depend on the
    records, so the function returns 0. It also returns 0 for a method without parents.
    """
    if method.max_parents == 0 or getattr(method, "max_exposure", None) is not None:
        return 0.0
    if method.max_parents == 1:
        return 1.0
    generator = np.random.default_rng(0)
    if isinstance(method, Mixture):
        weights = generator.dirichlet(np.full(method.parents, method.alpha), size=DRAWS)
    else:
        beta = method.lambda_beta if isinstance(method, Slerp) else None
        weights = pair_weights(draw_lambdas(generator, DRAWS, beta))
    return float((1 / (weights**2).sum(axis=1) < MIN_EFFECTIVE_PARENTS).mean())


def certain_recovery(method: Interpolator, policy: Policy, n_records: int) -> str | None:
    """Return why the audit `parent_recovery` will almost certainly fail and what to do; None if it may pass."""
    share = one_person_share(method)
    if 1 - (1 - share) ** n_records <= ALMOST_CERTAIN:
        return None
    substitute = policy.dp_substitute
    accepted = ""
    if substitute is not None:
        accepted = f" of at most {substitute.max_epsilon:g}; a release then does not require this audit to pass"
    return (
        f"audit parent_recovery: {method.name} makes about {share:.0%} of the records mostly from one person (fewer "
        f"than {MIN_EFFECTIVE_PARENTS} effective parents, so this person has at least 79 % of the weight), and the "
        "audit fails if there is one such record; for external release, "
        f"set interpolate.method: dp-gaussian and dp.epsilon{accepted}"
    )
