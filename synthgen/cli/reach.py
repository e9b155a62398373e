"""Before any work: are the people at hand enough for each audit of a policy, and how small a leak does it see?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.attacks.linkage.attacks import MARGINS as LINKAGE_MARGINS
from audits.attacks.linkage.excess_risk import detectable_excess
from audits.attacks.membership.membership_audit import guessed_roles, needed_persons
from audits.core.coin_guesses import provable
from audits.core.holdout import REFERENCE_SHARE
from audits.core.stats import FAIL_LEVEL, detectable_auc, detectable_share, needed_for_share, needed_for_zero_events
from audits.gate.policy import Policy
from audits.gate.spending import confidence_of
from audits.runner.registry import NEEDS

USUAL_RATE = 0.2  # how often the linkage attacks are right about non-members, as AUDITS' sample sizes assume
ASKED_FOR = {
    "canaries": "needs a second build with canaries in it: `audits canaries`, then `audits run --canaries`",
    "accounting": "needs the log of a differentially private mechanism: `audits run --mechanism`",
    "differencing": "needs the release before this one: `audits run --previous`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What an audit can show with the people at hand.

    Args:
        n: how many of its units there are; at most, because units that hang together count for fewer.
        unit: what they are.
        n_needed: the fewest that carry a pass.
        leak: the smallest leak that is seen with power .8, in words.
        smallest_leak: the same as a number, in the audit's own measure.
        epsilon_ceiling: the largest epsilon that it could prove; None where it proves none.
    """

    n: int
    unit: str
    n_needed: int
    leak: str
    smallest_leak: float
    epsilon_ceiling: float | None = None

    def to_text(self) -> str:
        """Return it for people."""
        enough = "enough for a verdict" if self.n >= self.n_needed else "TOO FEW for a pass"
        proves = "" if self.epsilon_ceiling is None else f"; proves an epsilon of at most {self.epsilon_ceiling:.1f}"
        return f"{self.n} {self.unit}, {self.n_needed} needed: {enough}; smallest leak seen: {self.leak}{proves}"

    def to_json(self) -> dict[str, Any]:
        """Return it as the audits' own results write it."""
        return {
            "n": self.n,
            "n_needed": self.n_needed,
            "smallest_leak": self.smallest_leak,
            "epsilon_ceiling": self.epsilon_ceiling,
        }


def reach_of(
    policy: Policy, n_train: int, n_control: int, n_synthetic: int, confidence: float
) -> Mapping[str, Reach | str]:
    """Return, for each audit of the policy, what it can show; in words alone for one that needs more than tables.

    Args:
        policy: names the audits.
        n_train: train persons.
        n_control: control persons; of some audits a fifth is set aside to teach the attacks.
        n_synthetic: records to be written.
        confidence: of the run's audits; the first attempt on a control group is a little surer
            (`audits.gate.spending`).
    """
    both, attacked = min(n_train, n_control), min(n_train, int((1 - REFERENCE_SHARE) * n_control))
    sure = confidence_of(1, confidence)
    events = needed_for_zero_events(0.01, confidence=sure)
    each = "persons on each side"
    some = f"{each}, a fifth of control set aside"
    area, share = (
        detectable_auc(max(1, attacked), confidence=sure),
        detectable_share(max(1, n_synthetic), confidence=sure),
    )
    learnt = detectable_excess(max(1, attacked), USUAL_RATE, confidence=sure) / (1 - USUAL_RATE)
    of_rows = "synthetic records, if they are independent"
    person = Reach(n=both, unit=each, n_needed=events, leak="one person copied", smallest_leak=1 / max(1, n_train))
    known: dict[str, Reach] = {
        "memorization": person,
        "identifiers": person,
        "neighbours": Reach(
            n=n_synthetic,
            unit=of_rows,
            n_needed=needed_for_share(0.10),
            leak=f"a share of {0.5 + share:.3f} where .5 is none",
            smallest_leak=share,
        ),
        "membership": Reach(
            n=attacked,
            unit=some,
            n_needed=needed_persons(),
            leak=f"an AUC of {0.5 + area:.3f}",
            smallest_leak=area,
            epsilon_ceiling=provable(guessed_roles(attacked), alpha=FAIL_LEVEL) / 2,
        ),
        "parent_recovery": Reach(
            n=n_synthetic,
            unit=of_rows,
            n_needed=needed_for_share(0.10),
            leak=f"a share of {0.5 + share:.3f} where .5 is none",
            smallest_leak=share,
        ),
        "linkage": Reach(
            n=attacked,
            unit=some,
            n_needed=LINKAGE_MARGINS["relative"][-1][0],
            leak=f"{learnt:.1%} of what is not known anyway",
            smallest_leak=learnt,
        ),
    }
    asked = (*policy.required, *policy.measured)
    return {name: ASKED_FOR[name] if name in NEEDS else known[name] for name in asked}
