"""The configuration: one schema for the YAML file, the command line and Python.

Unknown keys, duplicate keys, anchors and impossible combinations are errors, and every mistake of a file is
listed at once with its path, the value got and what is allowed. Each stage says its own part beside its code.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.section import MAX_NUMBER, Count, Section, parse_section
from synthgen.core.yaml_file import read_yaml
from synthgen.stages.decode.config import DecodeConfig
from synthgen.stages.deidentify.config import DeidentifyConfig
from synthgen.stages.embed.config import EmbedConfig
from synthgen.stages.filter.config import FilterConfig
from synthgen.stages.load.config import SourceConfig
from synthgen.stages.segment.config import SegmentsConfig
from synthgen.stages.split.config import SplitConfig

METHODS_HERE = ("smote", "borderline-smote", "adasyn", "random-oversample", "mixture", "slerp", "vae")
METHOD_KEYS = {  # the keys of `interpolate` that only some methods have
    "borderline-smote": {"m_neighbors", "kind"},
    "mixture": {"parents", "alpha", "noise", "max_exposure"},
    "slerp": {"lambda_beta", "max_exposure"},
    "vae": {"latent_dim", "beta", "free_bits", "conditional"},
}
# methods whose new vector is the weighted sum of its parents, so that each segment can be made like the whole
WEIGHTED = ("smote", "borderline-smote", "adasyn", "random-oversample", "mixture")
MIXTURE_PARENTS = 3  # unless given
BetaShape = Annotated[float, Field(gt=0, le=100)]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class InterpolateConfig(Section):
    """How new vectors are made; the keys after `total` belong to single methods, null takes the method's default."""

    method: Literal[
        "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp",
        "dp-gaussian", "dp-vae", "dp-vote",
    ] = "smote"  # fmt: skip
    k_neighbors: Count = 5
    balance: Literal["equal", "as-source"] | Annotated[dict[str, Count], Field(min_length=1)] = "equal"
    total: Count | None = Field(default=None, validate_default=True)
    m_neighbors: Annotated[int, Field(ge=3, le=1000)] | None = None  # of any class; they decide who is in danger
    kind: Literal[1, 2] | None = None  # 2 also interpolates towards neighbours of other classes
    parents: Annotated[int, Field(ge=2, le=50)] | None = Field(default=None, validate_default=True)
    alpha: Annotated[float, Field(gt=0, le=1000)] | None = None  # of the Dirichlet distribution of the weights
    noise: Annotated[float, Field(ge=0, le=1)] | None = None  # in units of the distance to the nearest neighbour
    lambda_beta: tuple[BetaShape, BetaShape] | None = None  # the shape of λ; null is uniform
    max_exposure: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = (
        None  # a person's summed weight, at most
    )
    latent_dim: Annotated[int, Field(ge=1, le=1024)] | None = None
    beta: Annotated[float, Field(gt=0, le=100)] | None = None  # weight of the Kullback-Leibler term
    free_bits: Annotated[float, Field(ge=0, le=10)] | None = None  # nats of each latent dimension that cost nothing
    conditional: bool | None = None  # one model for all classes instead of one for each

    @field_validator("method")
    @classmethod
    def _is_here(cls, method: str) -> str:
        if method not in METHODS_HERE:
            raise ValueError(f"is not in this version, which has {', '.join(METHODS_HERE)}")
        return method

    @field_validator("total")
    @classmethod
    def _fits_balance(cls, total: int | None, info: ValidationInfo) -> int | None:
        if "balance" not in info.data:  # wrong itself, and told so
            return total
        if isinstance(info.data["balance"], dict) and total is not None:
            raise ValueError("must be left out where balance gives a count per label")
        if not isinstance(info.data["balance"], dict) and total is None:
            raise ValueError("is needed unless balance gives a count per label")
        return total

    @field_validator(*sorted(set().union(*METHOD_KEYS.values())))
    @classmethod
    def _belongs(cls, value: object, info: ValidationInfo) -> object:
        method = info.data.get("method")  # absent where it is wrong itself
        if value is not None and method is not None and info.field_name not in METHOD_KEYS.get(method, ()):
            users = sorted(name for name, keys in METHOD_KEYS.items() if info.field_name in keys)
            raise ValueError(f"belongs to {' and '.join(users)}, not to {method}")
        return value

    @field_validator("parents")
    @classmethod
    def _has_neighbors(cls, parents: int | None, info: ValidationInfo) -> int | None:
        p = MIXTURE_PARENTS if parents is None else parents
        if info.data.get("method") == "mixture" and info.data.get("k_neighbors", p) < p - 1:
            raise ValueError(f"{p} parents need k_neighbors of at least {p - 1}, which is {info.data['k_neighbors']}")
        return parents

    @field_validator("max_exposure")
    @classmethod
    def _holds_one_record(cls, bound: float | None, info: ValidationInfo) -> float | None:
        method, parents = info.data.get("method"), info.data.get("parents", 0)  # absent where wrong themselves
        p = {"mixture": MIXTURE_PARENTS if parents is None else parents, "slerp": 2}.get(method or "", 0)
        if bound is not None and p > 0 and bound * p < 1:
            raise ValueError(f"must be at least 1/{p}, the least that the largest of {p} weights can be")
        return bound

    def options(self) -> dict[str, Any]:
        """Return the keys of single methods that are set."""
        return {key: getattr(self, key) for key in METHOD_KEYS.get(self.method, ()) if getattr(self, key) is not None}


class DpConfig(Section):
    """The differential privacy budget; null epsilon means no DP claim."""

    epsilon: Annotated[float, Field(gt=0)] | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None

    @field_validator("epsilon", "delta")
    @classmethod
    def _not_promised(cls, budget: float | None) -> float | None:
        if budget is not None:
            raise ValueError("a DP budget needs a dp-* method; none is in this version, so none can be claimed")
        return budget


class AuditConfig(Section):
    """How sure the audits must be."""

    confidence: Annotated[float, Field(ge=0.8, lt=1)] = 0.95


class WaiverConfig(Section):
    """A named human who accepts that a gate could not be decided; it is recorded and opens nothing."""

    gate: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]  # its id, as the refusal names it
    by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=600)]


class ReleaseConfig(Section):
    """What is released, signed with which key, and where."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "synthetic"
    formats: Annotated[tuple[Literal["parquet", "jsonl"], ...], Field(min_length=1)] = ("parquet", "jsonl")
    key: str = "keys/releaser.pem"
    out: str = "out"
    license: str = "other"
    waivers: tuple[WaiverConfig, ...] = ()


class Config(Section):
    """The whole configuration; relative paths are taken from the file's folder.

    Example:
        >>> Config.parse({"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}}).seed
        0
    """

    version: Literal[1]
    workspace: str = "./ws"
    seed: Annotated[int, Field(ge=0, le=MAX_NUMBER)] = 0
    source: SourceConfig
    split: SplitConfig = SplitConfig()
    deidentify: DeidentifyConfig = DeidentifyConfig()
    embed: EmbedConfig = EmbedConfig()
    segments: SegmentsConfig | None = None
    interpolate: InterpolateConfig
    decode: DecodeConfig = DecodeConfig()
    filter: FilterConfig = FilterConfig()
    dp: DpConfig = DpConfig()
    audit: AuditConfig = AuditConfig()
    policy: str = "research"
    release: ReleaseConfig = ReleaseConfig()
    base: str = Field(default=".", exclude=True)  # the folder relative paths start from; set by `load`

    @field_validator("interpolate")
    @classmethod
    def _has_parents(cls, interpolate: InterpolateConfig, info: ValidationInfo) -> InterpolateConfig:
        noisy = interpolate.method == "mixture" and interpolate.noise not in (None, 0)
        if info.data.get("segments") is not None and (interpolate.method not in WEIGHTED or noisy):
            asked = "mixture with noise" if noisy else interpolate.method
            raise ValueError(
                f"segments need a method that makes weighted sums of parents: {', '.join(WEIGHTED[:-1])} or "
                f"{WEIGHTED[-1]} without noise, not {asked}; or leave segments out"
            )
        return interpolate

    @classmethod
    def parse(cls, value: dict[str, Any], base: str = ".") -> "Config":
        """Return the configuration a mapping holds.

        Raises:
            ConfigError: with every mistake listed.
        """
        unknown = ["base: unknown key"] if "base" in value else []
        return parse_section(cls, {**value, "base": base}, unknown)

    @classmethod
    def load(cls, path: str | Path) -> "Config":
        """Return the configuration of a YAML file.

        Raises:
            ConfigError: if the file cannot be read or holds mistakes; all are listed.
        """
        path = Path(path)
        return cls.parse(read_yaml(path), base=str(path.resolve().parent))

    def resolve(self, path: str) -> Path:
        """Return a path of the configuration as an absolute one; `${NAME}` stands for an environment variable.

        Raises:
            ConfigError: if a variable is not set.
        """
        names = dict.fromkeys(_VARIABLE.findall(path))
        missing = [f"{path}: the environment variable {name} is not set" for name in names if name not in os.environ]
        if missing:
            raise ConfigError(
                "a path of the configuration cannot be resolved", problems=missing, hint="Set it first."
            )
        expanded = _VARIABLE.sub(lambda match: os.environ[match[1]], path)
        return (Path(self.base) / Path(expanded).expanduser()).resolve()

    def digest(self) -> str:
        """Return the sha256 of the canonical configuration, defaults filled in."""
        return sha256_json(self.model_dump(mode="json"))
