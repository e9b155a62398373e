"""State the guarantee of differential privacy in words, for the report and the dataset card."""

import math
from dataclasses import dataclass

_PROTECTED = (
    "Each person whose records were used to make the texts, with all records of that person. Random noise was added "
    "to everything that the program learned from these records. Other persons of the source had no influence on the "
    "texts."
)
_INDEPENDENT = (
    "After the noise was added, no test on private records affected the decision on the release, and no result of "
    "such a test is published. The gates below read only the accounting, the ledger and the synthetic table."
)
_AUDITED = "Tests that compare the texts with private records decided on the release; the gates below show them."
_INDEPENDENT_BRIEF = "After the noise was added, no test on private records affected the decision on the release."
_AUDITED_BRIEF = "Tests on private records also decided on the release; ε does not cover that decision."
_SPENT_IN_VAIN = "The budget of this run counts as spent, although nothing was released."


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """The differential privacy of a release, and the privacy budget that all runs of the institution have spent."""

    epsilon: float
    delta: float
    outside: tuple[str, ...]  # sentences about what the guarantee does not cover
    policy: str  # name of the policy
    is_independent: bool  # whether the policy is independent; see `audits.gate.independent`
    withholds: bool  # whether the policy forbids the publication of numbers measured on private records
    # epsilon of all runs of the ledger together, and the delta at which it holds; None if the release was refused
    spent: tuple[float, float] | None = None
    limit: float | None = None  # largest epsilon that the policy allows for all runs together; None: no limit
    # largest epsilon that one more run may have, at the delta of `spent`; None if there is no limit
    further: float | None = None

    @property
    def brief(self) -> tuple[str, ...]:
        """The guarantee in three sentences."""
        odds = (
            f"With ε = {self.epsilon:g} and δ = {_decimal(self.delta)}, reading the texts changes the odds of any "
            f"conclusion about a person by a factor of at most {_number(math.exp(self.epsilon))}."
        )
        covers = "The guarantee covers each person whose records were used, against every attack, known or unknown."
        return (odds, covers, _INDEPENDENT_BRIEF if self.is_independent else _AUDITED_BRIEF)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The guarantee as pairs of a term and its explanation."""
        factor, high = _number(math.exp(self.epsilon)), 1 / (1 + math.exp(-self.epsilon))
        promise = (
            "Whoever reads the texts learns almost the same about a person as if the records of this person had not "
            "been used. The odds of any conclusion about the person change by a factor of at most "
            f"e^ε = {factor}, with ε = {self.epsilon:g}, whatever else the reader knows."
        )
        example = (
            "A reader thinks that a patient is as likely as not to be one of the protected persons: odds of 1 to 1, "
            f"a probability of 50%. After reading all texts, the odds are at most {factor} to 1 ({high:.1%}) and at "
            f"least 1 to {factor} ({1 - high:.1%})."
        )
        exception = (
            f"With a probability of at most δ = {_decimal(self.delta)}, which is 1 in {1 / self.delta:,.0f}, the "
            "factor can be larger."
        )
        lines = (("Protected", _PROTECTED), ("Promise", promise), ("Example", example), ("Exception", exception))
        return (*lines, ("Decision", _INDEPENDENT if self.is_independent else _AUDITED), *self._budget())

    def _budget(self) -> tuple[tuple[str, str], ...]:
        if self.spent is None:
            return (("Budget used", _SPENT_IN_VAIN),)
        epsilon, delta = self.spent
        used = (
            f"ε = {epsilon:.3g} at δ = {_decimal(delta)} in all. Each use of the records for a release adds to ε. "
            "This is the total of all uses in the ledger of the institution, including this release, which alone has "
            f"ε = {self.epsilon:g}. The ledger does not record whose records were used, so every use counts for "
            "every person: no person has a larger total."
        )
        return (("Budget used", used), ("Budget left", self._left()))

    def _left(self) -> str:
        if self.limit is None or self.further is None:
            return f"The policy {self.policy} sets no limit."
        allowed = f"The policy {self.policy} allows ε = {self.limit:g} for all runs together"
        rounded_down = math.floor(self.further * 100) / 100
        if rounded_down <= 0:
            return f"{allowed}, so no further run is possible."
        return (
            f"{allowed}. Several runs together usually cost less than the sum of their ε, so one more run of at most "
            f"ε = {rounded_down:g} is possible."
        )


def _decimal(number: float) -> str:
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
