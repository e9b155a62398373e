"""Define, parse and check the configuration of a run, given as a YAML file or in Python.

Unknown keys, duplicate keys, anchors and invalid combinations are errors. One error lists all mistakes of a file.
Each stage defines its section of the configuration in its own package.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from audits.attacks.accounting.mechanism_log import FEWEST_PERSONS, PERSONS_PER_DELTA, rounded_down
from audits.core.files import read_regular
from audits.core.strictjson import with_tuples
from audits.core.strictyaml import read_yaml, where_to_correct
from audits.verify.vocabulary import LANGUAGE, LICENSES, MAX_LANGUAGES
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.run_config import RunConfig
from synthgen.core.section import MAX_NUMBER, PATTERNS, Section, invalid, mistakes, parse_section, resolve_path
from synthgen.decode.config import AUTO, VLLM, DecodeConfig
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.dp import gaussian
from synthgen.embed.config import EmbedConfig
from synthgen.filter.config import FilterConfig
from synthgen.interpolate.config import DP_METHOD, WEIGHTED, InterpolateConfig
from synthgen.load.config import SourceConfig
from synthgen.segment.config import SegmentsConfig
from synthgen.split.config import SplitConfig

# names of the DP queries; each query gets a share of the budget
QueryName = Literal["class-means", "spread", "words", "style"]

PATTERNS[LANGUAGE] = "must be a BCP 47 tag, such as en or de-CH"


def most_delta(persons: int) -> float:
    """Return the largest delta allowed for a number of persons.

    A mechanism that publishes the records of each person with probability δ satisfies (0, δ)-differential privacy.
    With the largest allowed delta, it publishes the records of 1 / `PERSONS_PER_DELTA` persons on average.
    """
    return 1 / (PERSONS_PER_DELTA * persons)


class DpConfig(Section):
    """Privacy budget of a run. It limits how much the records of one person can influence the released texts.

    If `epsilon` is not set, the run makes no claim of differential privacy.
    """

    epsilon: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None,
        description="Privacy budget ε of everything that a run learns from the training persons. A smaller value "
        "adds more noise; the shipped external policies allow at most 3.",
    )
    delta: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description=f"Privacy parameter δ of the budget. It must be at most 1 / ({PERSONS_PER_DELTA} × `persons`), "
        "and at most what the policy allows for all runs of the ledger together; required with `epsilon`.",
    )
    persons: Annotated[int, Field(ge=FEWEST_PERSONS, le=MAX_NUMBER)] | None = Field(
        None,
        description="Lower bound on the number of training persons, with at most two significant digits, such as "
        "1500. Take it from public knowledge, not from a count of the data; required with `epsilon`.",
    )
    shares: dict[QueryName, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict,
        description="Share of the budget per DP query, scaled to a sum of 1 over all queries of the run. A query "
        "without a given share gets its default: `class-means` 0.56, `spread` 0.14, `words` 0.3, `style` 0.05.",
    )

    @field_validator("persons")
    @classmethod
    def _is_round(cls, persons: int | None) -> int | None:
        if persons is not None and persons != (lower := rounded_down(persons)):
            raise ValueError(
                f"must be a lower bound with at most two significant digits, such as {lower}, because an exact "
                "number reveals something about the persons"
            )
        return persons

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        given = {"delta": self.delta, "persons": self.persons, "shares": self.shares or None}
        unused = [f"`{name}`" for name, value in given.items() if value is not None]
        if self.epsilon is None and unused:
            raise ValueError(f"`epsilon` is missing; set dp.epsilon, or remove {', '.join(unused)}")
        missing = [f"`{name}`" for name in ("delta", "persons") if given[name] is None]
        if self.epsilon is not None and missing:
            raise ValueError(f"`epsilon` requires {' and '.join(missing)}; set {' and '.join(missing)} too")
        if self.delta is not None and self.persons is not None and self.delta > (most := most_delta(self.persons)):
            raise ValueError(
                f"`delta` must be at most 1 / ({PERSONS_PER_DELTA} × `persons`) = {most:.3g}, but is {self.delta:.3g}"
            )
        return self


class AuditConfig(Section):
    """Statistical confidence of the audits."""

    confidence: Annotated[float, Field(ge=0.95, lt=1)] = Field(
        0.95,
        description="One-sided confidence of each end of an audit interval, at least 0.95. A higher value widens the "
        "intervals and needs more persons for a verdict.",
    )


def is_uri(key: str) -> bool:
    """Return whether `key` is a URI such as `hsm:2?label=releaser`, and not the path of a file."""
    return re.fullmatch(r"(file2|hsm|awskms|gcpkms|azurekms|hv):.+", key) is not None


class ReleaseConfig(Section):
    """Name, files, signing key and output folder of the release."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = Field(
        "synthetic", description="Name of the dataset, in lower case. Receivers see it."
    )
    formats: tuple[Literal["parquet", "jsonl"], ...] = Field(
        ("parquet", "jsonl"), min_length=1, description="File formats of the released records."
    )
    key: str = Field(
        "keys/releaser.pem",
        description="Private key of the releaser: a file, or a URI such as `hsm:2?label=releaser`. A URI needs the "
        "extra `kms` and `release.public`.",
    )
    public: str | None = Field(
        None,
        description="Public part, `NAME.pub.json`, of a key that is named by a URI. Omit it if the key is a file.",
    )
    out: str = Field("out", description="Folder to which release bundles are written.")
    license: Literal[LICENSES] = Field(  # type: ignore[valid-type]
        "other", description="License of the dataset as an SPDX identifier; `other` for a license that is not listed."
    )
    languages: tuple[Annotated[str, Field(pattern=LANGUAGE)], ...] = Field(
        ("und",),
        min_length=1,
        max_length=MAX_LANGUAGES,
        description="Languages of the records as BCP 47 tags, for example `en`. The tag `und` means undeclared.",
    )

    @model_validator(mode="after")
    def _has_public_key(self) -> Self:
        if is_uri(self.key) and self.public is None:
            raise ValueError(
                "`public` is required if `key` is a URI; set release.public to the file of the public key, "
                "NAME.pub.json. The folder of this file also stores the latest known state of the ledger"
            )
        return self

    @property
    def key_file(self) -> str:
        """The file of the private key or, if `key` is a URI, the file of its public part."""
        return self.public if self.public is not None and is_uri(self.key) else self.key


class Config(Section):
    """The whole configuration. Relative paths are relative to the folder of the configuration file.

    Example:
        >>> Config.parse({"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}}).seed
        0
    """

    version: Literal[1] = Field(description="Version of the configuration format; always 1.")
    workspace: str = Field(
        "./ws",
        description="Private folder (mode 0700) for intermediate results, which contain real text. Place it on an "
        "encrypted disk.",
    )
    secret: Literal["workspace", "public"] = Field(
        "workspace",
        description="Source of randomness in addition to the seed: `workspace` uses 32 random bytes in "
        "`WORKSPACE/secret.key`, `public` uses the seed alone. Use `public` only for demonstrations and studies, "
        "because anyone who guesses the seed can tell whose records were used for training.",
    )
    ledger: str | None = Field(
        None,
        description="Folder of the institution's ledger of audits and privacy budgets. Null selects the folder in "
        "the environment variable `SYNTHGEN_LEDGER` or, if that is not set, `ledger` in the user's data folder.",
    )
    seed: Annotated[int, Field(ge=0, le=MAX_NUMBER)] = Field(
        0,
        description="Number that, together with the secret, determines every random choice. Change it to get other "
        "records.",
    )
    source: SourceConfig = Field(
        description="Location, format and columns of the private source data.",
        examples=[{"path": "notes.jsonl", "text": "note", "label": "class", "group": "patient"}],
    )
    split: SplitConfig = Field(
        SplitConfig(), description="Shares of persons whose records are used for training and for the audits."
    )
    deidentify: DeidentifyConfig = Field(
        DeidentifyConfig(), description="Replacement of identifiers in the texts, before the texts are embedded."
    )
    embed: EmbedConfig = Field(EmbedConfig(), description="Encoder that turns each training text into a vector.")
    segments: SegmentsConfig | None = Field(
        None, description="Segmentation of long records. Without this section, a record is one segment."
    )
    interpolate: InterpolateConfig = Field(
        description="Method that makes new vectors, and the number of synthetic records. Each key after "
        "`total` can be set only with the methods that use this key. Null selects the default of the method.",
        examples=[{"total": 500}],
    )
    decode: DecodeConfig = Field(
        DecodeConfig(), description="Language model and sampling that turn vectors into text."
    )
    filter: FilterConfig = Field(
        FilterConfig(), description="Conditions on a synthetic text; null turns a filter off."
    )
    dp: DpConfig = Field(
        DpConfig(),
        validate_default=True,
        description="Privacy budget of `interpolate.method: dp-gaussian`. The method and the budget require each "
        "other.",
    )
    audit: AuditConfig = Field(AuditConfig(), description="Statistical confidence of the audits.")
    policy: str = Field(
        "research",
        description="Policy that decides about the release: `research`, `hospital-external`, `strict-dp`, or the "
        "path of a policy file.",
    )
    release: ReleaseConfig = Field(ReleaseConfig(), description="Name, files, signing key and folder of the release.")
    run: RunConfig = Field(
        RunConfig(),
        exclude=True,  # not part of the digest, because it changes no result
        description="Machines that compute the run; every choice gives the same results.",
    )
    base: str = Field(".", exclude=True, description="Folder that relative paths start from; set by `load`.")
    file: str | None = Field(None, exclude=True, description="File the configuration was read from; set by `load`.")

    def __init__(self, **sections: Any) -> None:
        """Check the sections; raise one ConfigError that lists every mistake."""
        given = with_tuples(sections)
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise invalid(mistakes(error.errors(include_url=False), given, type(self))) from None

    # With this flag, pydantic does not call this constructor to validate a mapping. Otherwise, pydantic would report
    # the ConfigError as a single mistake.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __repr_args__(self) -> list[tuple[str | None, Any]]:  # `repr` and `str` show no path, column or label
        return [(None, self.release.name), ("method", self.interpolate.method)]

    @field_validator("interpolate")
    @classmethod
    def _fits_segments(cls, interpolate: InterpolateConfig, info: ValidationInfo) -> InterpolateConfig:
        if info.data.get("segments") is not None and not (interpolate.is_dp or interpolate.fits_segments):
            given, remedy = f"`{interpolate.method}`", "change interpolate.method"
            if interpolate.method in WEIGHTED:
                given, remedy = "`mixture` with noise", "set interpolate.noise: 0"
            raise ValueError(
                "the section `segments` requires a method whose new vectors are weighted sums of vectors of train: "
                f"{', '.join(WEIGHTED[:-1])} or {WEIGHTED[-1]} without noise. The method is {given}; {remedy}, or "
                "remove the section `segments`"
            )
        return interpolate

    @field_validator("dp")
    @classmethod
    def _fits_the_method(cls, dp: DpConfig, info: ValidationInfo) -> DpConfig:
        if "interpolate" not in info.data:  # `interpolate` is invalid, which is reported already
            return dp
        is_dp = info.data["interpolate"].is_dp
        if is_dp != (dp.epsilon is not None):
            given, missing = f"interpolate.method: {DP_METHOD}", "dp.epsilon"
            if not is_dp:
                given, missing = missing, given
            raise ValueError(f"`{given}` requires `{missing}`; set both or neither")
        decode = info.data.get("decode")
        is_queried = {
            "words": decode and decode.words > 0 and not decode.is_prompted,
            "style": decode and AUTO in decode.styles,
            **dict.fromkeys(gaussian.QUERIES if is_dp else (), True),
        }
        if idle := [name for name in dp.shares if not is_queried.get(name)]:
            raise ValueError(
                "`dp.shares` contains queries that this configuration does not make. Remove these entries: "
                f"{', '.join(idle)}. The query `words` is made only if decode.words is above 0 and decode.writer is "
                "not `prompt`, and the query `style` only with decode.style: auto"
            )
        if is_dp and decode and decode.engine == VLLM and decode.words > 0 and not decode.is_prompted:
            raise ValueError(
                "decode.engine: vllm cannot raise the probability of the words that the DP query `words` finds; set "
                "decode.words: 0, or another engine"
            )
        if is_dp and (broken := unaccounted(info.data)):
            raise ValueError("these settings access private text without consuming budget: " + "; ".join(broken))
        return dp

    @classmethod
    def parse(cls, value: dict[str, Any], base: str = ".", file: str | None = None) -> "Config":
        """Return the configuration in a mapping; raise one ConfigError that lists every mistake.

        Relative paths start from the folder `base`. `file` is the file that contains the mapping, if any.
        """
        if not isinstance(value, dict):
            raise ConfigError(
                f"the configuration is a {type(value).__name__}, not a dictionary",
                hint="Pass a dictionary, or use Config.load(FILE).",
            )
        problems = [f"{key}: unknown key" for key in ("base", "file") if key in value]
        source = value.get("source")
        if file is not None and isinstance(source, dict) and "path" not in source:
            problems.append("source.path: missing")
        return parse_section(cls, {**value, "base": base, "file": file}, problems)

    @classmethod
    def load(cls, path: str | Path) -> "Config":
        """Return the configuration of a YAML file; raise ConfigError if it cannot be read or has mistakes."""
        if not isinstance(path, str | os.PathLike):
            raise ConfigError(
                f"the path of the configuration is a {type(path).__name__}, not a string or Path",
                hint="Pass the path of a YAML file, or use Config.parse(DICTIONARY).",
            )
        whole, value = Path(path).resolve(), read_yaml(Path(path), error=ConfigError)
        try:
            return cls.parse(value, base=str(whole.parent), file=str(whole))
        except ConfigError as error:
            hint = where_to_correct(error.problems, str(path), read_regular(whole))
            raise ConfigError(error.message, problems=error.problems, hint=f"{hint} {error.hint}".strip()) from None

    def resolve(self, path: str) -> Path:
        """Return a path of the configuration as an absolute path."""
        return resolve_path(path, self.base)

    @property
    def source_path(self) -> Path:
        """The absolute path of the source; raises ConfigError if `source.path` is missing."""
        if self.source.path is None:
            raise ConfigError(
                "source.path: missing", hint="Set source.path, or pass a table: Pipeline(config, source=table)."
            )
        return self.resolve(self.source.path)

    def for_texts(self, texts: Sequence[str]) -> "Config":
        """Return a copy with a number in place of `decode.max_new_tokens: auto`.

        The number is computed from `segments.words` or, without segments, from the train texts. Under DP, it is
        `MAX_TOKENS` of `decode.config`.
        """
        if self.segments is not None:
            decode = self.decode.for_segments(self.segments.words)
        else:
            decode = self.decode.for_texts(() if self.interpolate.is_dp else texts)
        return self.model_copy(update={"decode": decode})

    def digest(self) -> str:
        """Return the SHA-256 of the canonical configuration with all defaults."""
        return sha256_json(self.model_dump(mode="json"))


def unaccounted(parts: Mapping[str, Any]) -> list[str]:
    """Return a line for each setting with which a DP run would access private text outside its budget.

    Each line also states the remedy. `parts` has the parsed sections by name, without sections that have a mistake.
    """
    sections = ("source", "deidentify", "interpolate", "decode", "filter")
    source, deidentify, interpolate, decode, filters = map(parts.get, sections)
    lacks_labels, lacks_group = source and source.labels is None, source and source.group is None
    is_extracted = source is not None and source.kind != "table"
    has_ids, is_limited = source and source.id is not None, source and source.max_records is not None
    compares_persons = source and source.dedupe == "all"
    counts_persons = source and source.min_class is not None
    has_sample = deidentify and deidentify.sample is not None
    counts_records = interpolate and interpolate.balance == "as-source"
    measures_length = filters and filters.length == "auto"
    checks = {
        "source.labels is missing and the classes are read from the records (list the classes)": lacks_labels,
        "source.group is missing, and a budget protects the persons that this column names (name the column; if each "
        "record belongs to a different person, add a column with the name of the table and the number of the row, "
        "such as visits-17)": lacks_group and not is_extracted,
        "source.kind is not table, and a run with a budget reads only a table (run `synthgen plan` without a budget, "
        "which extracts the notes; then set source.kind: table and source.path to its notes.parquet)": is_extracted,
        "source.id rejects a record if another person's record has the same id (remove source.id)": has_ids,
        "with source.dedupe: all, the records of other persons decide whether a record is kept (set within-person or "
        "off)": compares_persons,
        "source.min_class counts the persons of each class (remove this key)": counts_persons,
        "deidentify.sample is private text in which the run counts identifiers (remove this key)": has_sample,
        "source.max_records keeps or drops a person depending on the number of records of other persons (remove "
        "this key)": is_limited,
        "segments learns headings from the records (remove this section)": parts.get("segments") is not None,
        "interpolate.balance as-source counts records (set equal, or a number for each label)": counts_records,
        "decode.class_words counts words of the records (remove this key)": decode and decode.class_words,
        "filter.length auto measures records (set null, or the smallest and largest word count)": measures_length,
    }
    return [problem for problem, applies in checks.items() if applies]
