"""Define the `run` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from synthgen.core.section import PATTERNS, Section

RAY = "ray"
ADDRESS = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[0-9]{1,5}$"
PATTERNS[ADDRESS] = "must be HOST:PORT, such as 10.0.0.5:6379"


class RunConfig(Section):
    """The machines that compute a run. They do not change any result."""

    on: Literal["local", "ray"] = Field(
        "local",
        description="`local` computes on this machine. `ray` distributes the slow stages among workers of a Ray "
        "cluster, and needs the extra `ray`; see `docs/how-to/cluster.md`.",
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=10_000)] = Field(
        "auto",
        description="Number of Ray workers, which share the processors equally. `auto` starts one for each machine "
        "or, if the cluster has GPUs, one for each GPU.",
    )
    address: Annotated[str, Field(pattern=ADDRESS)] | None = Field(
        None,
        description="Address `HOST:PORT` of a running Ray cluster. With null, the run uses the address in the "
        "environment variable `RAY_ADDRESS` or, if it is not set, starts a cluster on this machine.",
    )

    @model_validator(mode="after")
    def _needs_ray(self) -> Self:
        if self.on != RAY and (self.workers != "auto" or self.address is not None):
            raise ValueError("`workers` and `address` require `on: ray`; set `on: ray`, or remove these keys")
        return self
