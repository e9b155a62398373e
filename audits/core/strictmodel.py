"""Strict pydantic base model of file formats, and readable validation errors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Closed(BaseModel):
    """A model that is strict and frozen and rejects unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def problems(error: ValidationError) -> list[str]:
    """Return each violation as `path: message`, without the value, which may be private."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or '(top level)'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_input=False)
    ]
