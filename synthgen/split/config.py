"""Define the `split` section of the configuration."""

from typing import Self

from pydantic import Field, model_validator

from synthgen.core.section import Section, Share


class SplitConfig(Section):
    """Expected shares of the persons in train and in control; each person is assigned by an independent draw."""

    train: Share = Field(
        0.5,
        description="Probability (0 to 1) that a person is used for training. Raise the value if classes become too "
        "small.",
    )
    control: Share = Field(
        0.5,
        description="Probability (0 to 1) that a person is a control person: used for the audits, not for training. "
        "More control persons make the audits more precise.",
    )

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.train <= 0 or self.control <= 0:
            raise ValueError("`train` and `control` must both be above 0")
        if self.train + self.control > 1 + 1e-9:
            raise ValueError(f"`train` and `control` must sum to at most 1, but sum to {self.train + self.control:g}")
        return self
