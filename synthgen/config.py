"""The configuration: one schema for the YAML file, the command line and Python.

Unknown keys, duplicate keys, anchors and impossible combinations are errors, and every mistake of a file is
listed at once with its path, the value got and what is allowed. Each stage says its own part beside its code.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from audits.attacks.accounting.mechanism_log import FEWEST_PERSONS, PERSONS_PER_DELTA
from audits.core.strictyaml import read_yaml
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.section import MAX_NUMBER, Section, parse_section, resolve_path
from synthgen.decode.config import AUTO, DecodeConfig
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.dp import gaussian
from synthgen.embed.config import EmbedConfig
from synthgen.filter.config import FilterConfig
from synthgen.interpolate.config import DP_METHOD, WEIGHTED, InterpolateConfig
from synthgen.load.config import SourceConfig
from synthgen.segment.config import SegmentsConfig
from synthgen.split.config import SplitConfig

# What a budget of differential privacy can be spent on.
QueryName = Literal["class-means", "spread", "boundary", "words", "style"]
# A language tag of BCP 47: language, script, region, variants. "und" says that nobody declared one.
LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?(-[a-z0-9]{5,8})*$"


def most_delta(persons: int) -> float:
    """Return the largest delta that is a promise to so many persons; a larger one lets whole records out."""
    return 1 / (PERSONS_PER_DELTA * persons)


class DpConfig(Section):
    """The budget of differential privacy, for one person added or removed; null epsilon means no DP claim.

    Attributes:
        epsilon: of everything that this run learns.
        delta: likewise; at most one tenth of one over the number of persons.
        persons: how many there are in train, about, as everybody may know: nothing is counted.
        shares: of the budget, by query; those that are left out have their defaults.
    """

    epsilon: Annotated[float, Field(gt=0, le=100)] | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None
    persons: Annotated[int, Field(ge=FEWEST_PERSONS, le=MAX_NUMBER)] | None = None
    shares: dict[QueryName, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = {"delta": self.delta, "persons": self.persons, "shares": self.shares or None}
        if self.epsilon is None and any(one is not None for one in given.values()):
            raise ValueError("delta, persons and shares belong to an epsilon; give it, or leave them out")
        lacking = [name for name in ("delta", "persons") if given[name] is None]
        if self.epsilon is not None and lacking:
            raise ValueError(f"an epsilon needs {' and '.join(lacking)} beside it")
        most = 1.0 if self.persons is None else most_delta(self.persons)
        if self.delta is not None and self.delta > most:
            raise ValueError(f"delta is at most 1 / ({PERSONS_PER_DELTA} persons), here {most:.3g}")
        return self


class AuditConfig(Section):
    """How sure the audits must be."""

    confidence: Annotated[float, Field(ge=0.95, lt=1)] = 0.95


class WaiverConfig(Section):
    """A named human who accepts that a gate could not be decided; it is recorded and opens nothing."""

    gate: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]  # its id, as the refusal names it
    by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=600)]


def is_uri(key: str) -> bool:
    """Return whether a key is named by a URI and not by its file."""
    return re.fullmatch(r"(file2|hsm|awskms|gcpkms|azurekms|hv):.+", key) is not None


class ReleaseConfig(Section):
    """What is released, signed with which key, and where."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "synthetic"
    formats: Annotated[tuple[Literal["parquet", "jsonl"], ...], Field(min_length=1)] = ("parquet", "jsonl")
    key: str = "keys/releaser.pem"
    public: str | None = None
    out: str = "out"
    license: str = "other"
    languages: Annotated[tuple[Annotated[str, Field(pattern=LANGUAGE)], ...], Field(min_length=1)] = ("und",)
    waivers: tuple[WaiverConfig, ...] = ()

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if is_uri(self.key) and self.public is None:
            raise ValueError("public is needed where key is a URI: the ledger is remembered beside it")
        return self

    @property
    def key_file(self) -> str:
        """The file that stands for the key: its own, or its public part where a URI names it."""
        return self.public if self.public is not None and is_uri(self.key) else self.key


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
    dp: Annotated[DpConfig, Field(validate_default=True)] = DpConfig()
    audit: AuditConfig = AuditConfig()
    policy: str = "research"
    release: ReleaseConfig = ReleaseConfig()
    base: str = Field(default=".", exclude=True)  # the folder relative paths start from; set by `load`
    file: str | None = Field(default=None, exclude=True)  # that it was read from; set by `load`

    @field_validator("interpolate")
    @classmethod
    def _has_parents(cls, interpolate: InterpolateConfig, info: ValidationInfo) -> InterpolateConfig:
        noisy = interpolate.method == "mixture" and interpolate.noise not in (None, 0)
        if (
            info.data.get("segments") is not None
            and not interpolate.is_private
            and (interpolate.method not in WEIGHTED or noisy)
        ):
            asked = "mixture with noise" if noisy else interpolate.method
            raise ValueError(
                f"segments need a method that makes weighted sums of parents: {', '.join(WEIGHTED[:-1])} or "
                f"{WEIGHTED[-1]} without noise, not {asked}; or leave segments out"
            )
        return interpolate

    @field_validator("dp")
    @classmethod
    def _keeps_the_promise(cls, dp: DpConfig, info: ValidationInfo) -> DpConfig:
        if "interpolate" not in info.data:  # wrong itself, and told so
            return dp
        is_private = info.data["interpolate"].is_private
        if is_private != (dp.epsilon is not None):
            raise ValueError(f"a budget and interpolate.method {DP_METHOD} go together: give both, or neither")
        decode = info.data.get("decode")
        asked_for = {
            "words": decode and decode.words > 0 and not decode.by_words,
            "style": decode and AUTO in decode.styles,
            **dict.fromkeys(gaussian.ASKED if is_private else (), True),
        }
        if idle := [name for name in dp.shares if not asked_for.get(name)]:
            raise ValueError(
                f"shares: this configuration does not query {' and '.join(idle)}; decode.words adds the query words, "
                "and decode.style auto adds the query style"
            )
        if is_private and (broken := unaccounted(info.data)):
            raise ValueError("these would read private text beside the budget: " + "; ".join(broken))
        return dp

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
        return cls.parse(
            read_yaml(path, error=ConfigError), base=str(path.resolve().parent), file=str(path.resolve())
        )

    def resolve(self, path: str) -> Path:
        """Return a path of the configuration as an absolute one; see `resolve_path`."""
        return resolve_path(path, self.base)

    def digest(self) -> str:
        """Return the sha256 of the canonical configuration, defaults filled in."""
        return sha256_json(self.model_dump(mode="json"))


def unaccounted(parts: Mapping[str, Any]) -> list[str]:
    """Return what of a configuration would read private text beside its budget, and what to set instead.

    Args:
        parts: of the configuration, those before `dp`; one that is wrong itself is left out.
    """
    source, interpolate, chosen = (parts.get(name) for name in ("source", "interpolate", "filter"))
    asked = (
        (source and source.labels is None, "the classes are read off the records: declare them, source.labels"),
        (source and source.group is None, "nobody knows whose a record is: name the column, source.group"),
        (
            source and source.id is not None,
            "source.id lets one person's ids turn away another's records: leave it out",
        ),
        (source and source.max_records is not None, "source.max_records draws persons by what the others are"),
        (parts.get("segments") is not None, "segments learns headings: leave it out"),
        (interpolate and interpolate.balance == "as-source", "interpolate.balance as-source counts: give numbers"),
        (chosen and chosen.length == "auto", "filter.length auto measures records: null, or [least, most] words"),
    )
    return [what for is_so, what in asked if is_so]
