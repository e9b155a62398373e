"""Models of files that others read: strict, frozen, closed; and what is wrong with a file that is not one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Closed(BaseModel):
    """Strict, frozen, no unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def problems(error: ValidationError) -> list[str]:
    """Return each mistake as `path: what is wrong`, without the value, which may be anything."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or '(top level)'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_input=False)
    ]
