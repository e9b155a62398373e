"""The configuration: one schema for the YAML file, the command line and Python.

Unknown keys, duplicate keys, anchors and impossible combinations are errors, and every mistake of a file is
listed at once with its path, the value got and what is allowed. Each stage says its own part beside its code.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from synthgen.core.digest import sha256_json
from synthgen.core.section import MAX_NUMBER, Section, parse_section, resolve_path
from synthgen.core.yaml_file import read_yaml
from synthgen.stages.decode.config import DecodeConfig
from synthgen.stages.deidentify.config import DeidentifyConfig
from synthgen.stages.embed.config import EmbedConfig
from synthgen.stages.filter.config import FilterConfig
from synthgen.stages.interpolate.config import WEIGHTED, InterpolateConfig
from synthgen.stages.load.config import SourceConfig
from synthgen.stages.segment.config import SegmentsConfig
from synthgen.stages.split.config import SplitConfig

# A language tag of BCP 47: language, script, region, variants. "und" says that nobody declared one.
LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?(-[a-z0-9]{5,8})*$"


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
    languages: Annotated[tuple[Annotated[str, Field(pattern=LANGUAGE)], ...], Field(min_length=1)] = ("und",)
    waivers: tuple[WaiverConfig, ...] = ()


class Config(Section):
    """The whole configuration; relative paths are taken from the file's folder.

    Example:
        >>> Config.parse({"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}}).seed
        0
    """

    version: Literal[1]
    workspace: str = "./ws"
    secret: Literal["workspace", "public"] = "workspace"  # noqa: S105 - where it is, not what it is
    ledger: str | None = None
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
    file: str | None = Field(default=None, exclude=True)  # that it was read from; set by `load`

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
    def parse(cls, value: dict[str, Any], base: str = ".", file: str | None = None) -> "Config":
        """Return the configuration a mapping holds.

        Raises:
            ConfigError: with every mistake listed.
        """
        unknown = [f"{key}: unknown key" for key in ("base", "file") if key in value]
        return parse_section(cls, {**value, "base": base, "file": file}, unknown)

    @classmethod
    def load(cls, path: str | Path) -> "Config":
        """Return the configuration of a YAML file.

        Raises:
            ConfigError: if the file cannot be read or holds mistakes; all are listed.
        """
        path = Path(path)
        return cls.parse(read_yaml(path), base=str(path.resolve().parent), file=str(path.resolve()))

    def resolve(self, path: str) -> Path:
        """Return a path of the configuration as an absolute one; see `resolve_path`."""
        return resolve_path(path, self.base)

    def digest(self) -> str:
        """Return the sha256 of the canonical configuration, defaults filled in."""
        return sha256_json(self.model_dump(mode="json"))
