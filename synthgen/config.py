"""The configuration: one schema for the YAML file, the command line and Python.

Unknown keys, duplicate keys, anchors and impossible combinations are errors, and every mistake of a file is
listed at once with its path, the value got and what is allowed.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from synthgen.digest import sha256_json
from synthgen.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20
METHODS_HERE = ("smote", "random-oversample")
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
T = TypeVar("T", bound=BaseModel)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Section(BaseModel):
    """A part of the configuration: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceConfig(Section):
    """Where the records are and which columns hold what."""

    path: str
    format: Literal["auto", "jsonl", "csv", "parquet", "dataset", "text"] = "auto"
    text: str = "text"
    label: str = "label"
    group: str | None = None
    id: str | None = None
    names: tuple[str, ...] = ()  # columns that hold names of persons, for deidentify
    labels: tuple[str, ...] | None = None  # keep these classes only
    max_records: Count | None = None  # a seeded sample of whole groups
    max_bad_rows: Share = 0.01


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


class DeidentifyConfig(Section):
    """What happens to identifiers before anything else sees the text."""

    engine: Literal["rules", "presidio", "off"] = "rules"
    on_hit: Literal["surrogate"] = "surrogate"


class EmbedConfig(Section):
    """The encoder, by its name in the model store or a local folder."""

    model: str = "minilm"


class InterpolateConfig(Section):
    """How new vectors are made."""

    method: Literal[
        "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp",
        "dp-gaussian", "dp-vae", "dp-vote",
    ] = "smote"  # fmt: skip
    k_neighbors: Count = 5
    balance: Literal["equal", "as-source"] | dict[str, Count] = "equal"
    total: Count | None = None

    @model_validator(mode="after")
    def _total_fits(self) -> Self:
        if isinstance(self.balance, dict) and self.total is not None:
            raise ValueError("total must be left out where balance gives a count per label")
        if not isinstance(self.balance, dict) and self.total is None:
            raise ValueError("total is needed unless balance gives a count per label")
        if self.method not in METHODS_HERE:
            raise ValueError(f"method {self.method!r} is not in this version; it has {', '.join(METHODS_HERE)}")
        return self


class DecodeConfig(Section):
    """How vectors become text."""

    model: str = "smollm2"
    bridge: str = "builtin"
    candidates: Annotated[int, Field(ge=1, le=64)] = 4
    max_new_tokens: Annotated[int, Field(ge=8, le=4096)] = 96
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    top_k: Annotated[int, Field(ge=1, le=1000)] = 50
    prompt: str = "{label}"
    batch: Annotated[int, Field(ge=1, le=4096)] = 64


class DistanceBounds(Section):
    """Two-sided cosine distance bounds; auto learns them on real text."""

    low: float | Literal["auto"] = "auto"
    high: float | Literal["auto"] = "auto"


class FilterConfig(Section):
    """What a candidate must be to be kept; null turns a filter off."""

    class_agreement: Share | None = 0.6
    embedding_distance: DistanceBounds | None = DistanceBounds()
    near_duplicate: Share | None = 0.95
    language: Literal["source"] | None = "source"
    length: Literal["auto"] | tuple[Count, Count] | None = "auto"
    repetition: Share | None = 0.35


class DpConfig(Section):
    """The differential privacy budget; null epsilon means no DP claim."""

    epsilon: Annotated[float, Field(gt=0)] | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None
    unit: Literal["group", "record"] = "group"
    max_records_per_group: Count = 1
    ledger: str = "./ledger"

    @model_validator(mode="after")
    def _not_promised(self) -> Self:
        if self.epsilon is not None or self.delta is not None:
            raise ValueError("a DP budget needs a dp-* method; none is in this version, so no epsilon can be claimed")
        return self


class AuditConfig(Section):
    """How sure the audits must be."""

    confidence: Annotated[float, Field(ge=0.8, lt=1)] = 0.95


class ReleaseConfig(Section):
    """What is released, signed with which key, and where."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "synthetic"
    formats: Annotated[tuple[Literal["parquet", "jsonl"], ...], Field(min_length=1)] = ("parquet", "jsonl")
    key: str = "keys/releaser.pem"
    out: str = "out"
    license: str = "other"


class Config(Section):
    """The whole configuration; relative paths are taken from the file's folder.

    Example:
        >>> Config.parse({"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}}).seed
        0
    """

    version: Literal[1]
    workspace: str = "./ws"
    seed: Annotated[int, Field(ge=0)] = 0
    source: SourceConfig
    split: SplitConfig = SplitConfig()
    deidentify: DeidentifyConfig = DeidentifyConfig()
    embed: EmbedConfig = EmbedConfig()
    interpolate: InterpolateConfig
    decode: DecodeConfig = DecodeConfig()
    filter: FilterConfig = FilterConfig()
    dp: DpConfig = DpConfig()
    audit: AuditConfig = AuditConfig()
    policy: str = "research"
    release: ReleaseConfig = ReleaseConfig()
    base: str = Field(default=".", exclude=True)  # the folder relative paths start from; set by `load`

    @classmethod
    def parse(cls, value: dict[str, Any], base: str = ".") -> "Config":
        """Return the configuration a mapping holds.

        Raises:
            ConfigError: with every mistake listed.
        """
        if "base" in value:
            raise ConfigError("the configuration has 1 mistake", problems=["base: unknown key"])
        return parse_section(cls, {**value, "base": base})

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


def parse_section(kind: type[T], value: dict[str, Any]) -> T:
    """Return `value` as a `kind`, or raise one ConfigError that lists every mistake."""
    try:
        # lists of YAML become tuples, everything else stays strict
        return kind.model_validate(_tuples(value))
    except ValidationError as error:
        problems = [_problem(e) for e in error.errors(include_url=False)]
        plural = "mistake" if len(problems) == 1 else "mistakes"
        raise ConfigError(f"the configuration has {len(problems)} {plural}", problems=problems) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping a YAML file holds; duplicate keys, anchors and tags are refused.

    Raises:
        ConfigError: if the file is missing, too large, not UTF-8, not YAML or not a mapping.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, so it is not a configuration")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    yaml = YAML(typ="safe", pure=True)
    try:
        for token in yaml.scan(text):
            if type(token).__name__ in {"AnchorToken", "AliasToken", "TagToken"}:
                line = token.start_mark.line + 1
                raise ConfigError(f"{path}: line {line}: anchors, aliases and tags are not allowed")
        value = yaml.load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(f"{path}: line {line}: the same key stands twice") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}not valid YAML") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold keys and values, like 'version: 1'")
    return value


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value


def _problem(error: Any) -> str:
    """Return one mistake as a line: path, what was got, what is allowed."""
    path = ".".join(str(part) for part in error["loc"]) or "(top level)"
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key"
    if error["type"] == "missing":
        return f"{path}: missing"
    message = error["msg"].removeprefix("Value error, ")
    got = error["input"]
    shown = "" if isinstance(got, dict | tuple | list) else f", got {got!r}"
    return f"{path}: {message}{shown}"
