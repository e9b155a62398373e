"""The configuration: one schema for the YAML file, the command line and Python.

Unknown keys, duplicate keys, anchors and impossible combinations are errors, and every mistake of a file is
listed at once with its path, the value got and what is allowed.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from synthgen.attributes.rule import AttributeRule, contradictions
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.section import Section, parse_section
from synthgen.core.yaml_file import read_yaml

MAX_NUMBER = (1 << 53) - 1  # the largest whole number canonical JSON can hold, RFC 8785
METHODS_HERE = ("smote", "borderline-smote", "adasyn", "random-oversample", "mixture", "slerp", "vae")
METHOD_KEYS = {  # the keys of `interpolate` that only some methods have
    "borderline-smote": {"m_neighbors", "kind"},
    "mixture": {"parents", "alpha", "noise", "max_exposure"},
    "slerp": {"lambda_beta", "max_exposure"},
    "vae": {"latent_dim", "beta", "free_bits", "conditional"},
}
# methods whose new vector is the weighted sum of its parents, so that each segment can be made like the whole
WEIGHTED = ("smote", "borderline-smote", "adasyn", "random-oversample", "mixture")
WORDS, FEW_WORDS = "words", 10  # decode.bridge's name of the decoder that takes no more than words, and how many
OWN = "model"  # decode.bridge's name of the projector inside the decoder's own checkpoint
MIXTURE_PARENTS = 3  # unless given
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
BetaShape = Annotated[float, Field(gt=0, le=100)]
Distance = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]  # of cosine
AttributeRules = Annotated[dict[str, Annotated[tuple[AttributeRule, ...], Field(min_length=1)]], Field(min_length=1)]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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


class AdaptConfig(Section):
    """The bridge refined on the run's own train text before it decodes: closer texts, no bound on what they give."""

    steps: Annotated[int, Field(ge=1, le=100_000)] = 150
    batch: Annotated[int, Field(ge=1, le=1024)] = 16
    rate: Annotated[float, Field(gt=0, lt=1)] = 3e-4


class SegmentsConfig(Section):
    """How long records are cut; without this section a record is one segment."""

    by: Literal["headings", "sentences", "auto"] = "auto"  # auto: by the shared headings, if there are any
    words: Annotated[int, Field(ge=10, le=1000)] = 90  # of a segment, about; what a vector has room for
    least_persons: Annotated[int, Field(ge=2, le=MAX_NUMBER)] = 5  # must share a heading, or it is private text
    context_tokens: Annotated[int, Field(ge=1, le=4096)] = 192  # of the text so far, read before the next segment


class DecodeConfig(Section):
    """How vectors become text."""

    model: str = "smollm2"
    bridge: str = "builtin"
    candidates: Annotated[int, Field(ge=1, le=64)] = 4
    max_new_tokens: Annotated[int, Field(ge=8, le=4096)] = 96  # of a record, or of a segment where there are any
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    top_k: Annotated[int, Field(ge=1, le=1000)] = 50
    prompt: str = "{label}"
    words: Annotated[int, Field(ge=0, le=16)] = 0  # of a public vocabulary, nearest to the vector, behind the prompt
    batch: Annotated[int, Field(ge=1, le=4096)] = 128
    device: Literal["auto", "cpu", "cuda"] | None = None  # the processor; for `bridge: model` every GPU there is
    adapt: AdaptConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _few_words(cls, given: Any) -> Any:
        if isinstance(given, dict) and "words" not in given and _by_words(given.get("bridge")):
            return {**given, "words": FEW_WORDS}
        return given

    @field_validator("words")
    @classmethod
    def _has_words(cls, words: int, info: ValidationInfo) -> int:
        if words == 0 and _by_words(info.data.get("bridge")):
            raise ValueError("decode.bridge words writes from words alone, so it needs 1 to 16 of them")
        return words

    @field_validator("adapt")
    @classmethod
    def _has_a_bridge(cls, adapt: AdaptConfig | None, info: ValidationInfo) -> AdaptConfig | None:
        bridge = info.data.get("bridge")
        if adapt is not None and _by_words(bridge):
            raise ValueError("decode.bridge words has no bridge to refine; leave one of them out")
        if adapt is not None and bridge == OWN:
            raise ValueError("a projector inside the decoder's own checkpoint is not refined here; leave adapt out")
        return adapt

    @property
    def placement(self) -> str:
        """Where the language model is placed; see `load_model`."""
        return self.device or ("auto" if self.bridge == OWN else "cpu")

    @property
    def by_words(self) -> bool:
        """Whether texts are written from words of a public vocabulary alone, without a bridge."""
        return _by_words(self.bridge)


def _by_words(bridge: object) -> bool:
    return isinstance(bridge, str) and bridge.partition(":")[0] == WORDS


class DistanceBounds(Section):
    """Two-sided cosine distance bounds; auto learns them on real records sent through the decoder."""

    low: Distance | Literal["auto"] = "auto"
    high: Distance | Literal["auto"] = "auto"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low != "auto" and self.high != "auto" and self.low > self.high:
            raise ValueError(f"low must not be above high, got {self.low:g} and {self.high:g}")
        return self


class FilterConfig(Section):
    """What a candidate must be to be kept; null turns a filter off."""

    class_agreement: Share | None = 0.6
    embedding_distance: DistanceBounds | None = DistanceBounds()
    near_duplicate: Share | None = 0.95
    language: Literal["source"] | None = "source"
    length: Literal["auto"] | tuple[Count, Count] | None = "auto"
    repetition: Share | None = 0.35
    consistent: Literal["prefer", "require"] | None = None  # paragraphs that tell one age and one sex
    attributes: AttributeRules | None = None  # what texts of a label, or of any ("*"), must say of their person

    @field_validator("attributes")
    @classmethod
    def _can_be(cls, rules: AttributeRules | None) -> AttributeRules | None:
        if rules is not None and (found := contradictions(rules)):
            raise ValueError("no text can be so: " + "; ".join(found))
        return rules

    @field_validator("length")
    @classmethod
    def _in_order(cls, length: object) -> object:
        if isinstance(length, tuple) and length[0] > length[1]:
            raise ValueError(f"the shortest must not be above the longest, got {length[0]} and {length[1]}")
        return length


class DpConfig(Section):
    """The differential privacy budget; null epsilon means no DP claim."""

    epsilon: Annotated[float, Field(gt=0)] | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None
    unit: Literal["group", "record"] = "group"
    max_records_per_group: Count = 1
    ledger: str = "./ledger"

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
