"""Strict pydantic base model of file formats, and readable validation errors."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audits.core.strictjson import canonical

Finite = Annotated[float, Field(allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # also of HMAC-SHA256
LedgerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Closed(BaseModel):
    """A model that is strict and frozen and rejects unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Canonical(Closed):
    """A model of a file that is identified by its canonical bytes."""

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes, defaults filled in."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def problems(error: ValidationError) -> list[str]:
    """Return each violation as `path: message`, without the value, which may be private."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or '(top level)'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_input=False)
    ]
