"""What `split` can say."""

from typing import Self

from pydantic import model_validator

from synthgen.core.section import Section, Share


class SplitConfig(Section):
    """The shares of persons; each person's own coin decides."""

    train: Share = 0.5
    control: Share = 0.5

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.train <= 0 or self.control <= 0:
            raise ValueError("train and control must both be above 0")
        if self.train + self.control > 1 + 1e-9:
            raise ValueError(f"train + control must be at most 1, got {self.train + self.control:g}")
        return self
