"""Strict model of report.json, which contains the results of the run and of the audits.

This file is part of a bundle (the folder of a released dataset). Each field contains a rounded number, a word of a
fixed list, or content that the verifier compares with other files, such as a label. Thus the file cannot contain
private text. The verifier writes the file again from this model and compares the bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, model_validator

from audits.attacks.accounting.mechanism_log import MOST_MECHANISMS, READS, MechanismCost, PrivacyBudget, ReadKind
from audits.core.errors import VerifyError
from audits.core.strictmodel import Closed, Finite, keys_are, multiple_of, one_of
from audits.core.types import Direction, Status
from audits.gate import disclosure
from audits.gate.coarse import RATES
from audits.gate.evidence import AUDIT_NAMES, Evidence, Metric, MetricName, ShownVerdict
from audits.gate.policy import Policy
from audits.gate.shown_utility import MIN_SUBGROUP_PERSONS
from audits.verify.mechanism import CHECKED, NORMALISER, SAMPLING
from audits.verify.statement import Gate, ReleaseId, ReleasePredicate, Wire, no_repeats
from audits.verify.vocabulary import AGE_BANDS, CONTRADICTIONS, REASONS, SEXES, STAGES, STYLE_KINDS, WRITING

MAX_CLASSES, MAX_BINS = 1000, 120  # largest number of classes, and of bins of a histogram
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def _check_order(names: list[str], order: tuple[str, ...]) -> None:
    # an order that the releaser chooses could encode text
    if names != [name for name in order if name in names]:
        raise ValueError("not in the fixed order")


AuditName = Annotated[str, one_of(AUDIT_NAMES)]
StageName = Annotated[str, one_of(STAGES)]
Reason = Annotated[str, one_of(REASONS)]
CheckName = Annotated[str, one_of({*CHECKED, SAMPLING, NORMALISER})]
Reads = Annotated[tuple[ReadKind, ...], AfterValidator(no_repeats)]
Label = Annotated[str, Field(min_length=1)]  # compared with the labels of the data


Hundredth = Annotated[Finite, Field(ge=0, le=1), multiple_of(100)]
Edge = Annotated[Finite, Field(ge=0, le=MAX_BINS / 40), multiple_of(40)]  # an end of a bin, in steps of 1/40
StyleShares = Annotated[dict[str, Hundredth], keys_are(STYLE_KINDS)]
SyntheticShares = Annotated[dict[str, Hundredth], keys_are(CONTRADICTIONS)]
# one step of 1/20 is at least 10 records, because shares of fewer than 200 real records are not published
RealShares = Annotated[dict[str, Annotated[Finite, Field(ge=0, le=1), multiple_of(20)]], keys_are(CONTRADICTIONS)]
Threshold = Annotated[Finite, Field(ge=-disclosure.MAX_MEASURED, le=disclosure.MAX_MEASURED), multiple_of(1000)]


def _policy(info: ValidationInfo) -> Policy:
    policy: Policy = (info.context or {})["policy"]
    return policy


def _checked_count(value: int | str, info: ValidationInfo) -> int | str:
    if not disclosure.is_public_count(value, _policy(info)):
        raise ValueError("not the public form of a count under the policy")
    return value


def _checked_precision(value: Metric, info: ValidationInfo) -> Metric:
    policy = _policy(info)
    is_coarse = all(map(disclosure.cannot_hide_text, (value.value, value.low, value.high)))
    if (
        not (is_coarse or policy.disclosure.publish_exact_counts)
        or disclosure.public_metric(str(info.field_name), value, policy) != value
    ):
        raise ValueError("more precise than the policy publishes")
    return value


def _checked_score(value: "Score", info: ValidationInfo) -> "Score":
    _checked_precision(Metric(**value.model_dump(), confidence=1), info)
    return value


def _checked_share(value: "Score") -> "Score":
    if value.low < 0 or value.high > 1:
        raise ValueError("not between 0 and 1")
    return value


def _checked_persons(value: "Score") -> "Score":
    if value.n < MIN_SUBGROUP_PERSONS:
        raise ValueError("a subgroup of too few persons")
    return value


def _checked_measurement(value: T, info: ValidationInfo) -> T:
    if disclosure.verdicts_only(_policy(info)):
        raise ValueError("this policy publishes only verdicts, and no numbers, about private records")
    return value


Measured = AfterValidator(_checked_measurement)  # refuses a value if the policy publishes verdicts only
Small = Annotated[Finite, Field(ge=-disclosure.MAX_MEASURED, le=disclosure.MAX_MEASURED)]
Shown = Annotated[int | str, AfterValidator(_checked_count)]  # a count as `public_count` returns it


class Score(Closed):
    """A number measured on n records or persons, with its interval [low, high]."""

    value: Small
    low: Small
    high: Small
    n: Annotated[int, Field(ge=0, le=disclosure.MAX_COUNT)]


ShownScore = Annotated[Score, AfterValidator(_checked_score), Measured]
Share = Annotated[ShownScore, AfterValidator(_checked_share)]
Classifier = Literal["tfidf-linear", "encoder-logistic"]
TrainingTable = Literal["real", "synthetic", "real+synthetic"]
SubgroupScore = Annotated[Share, AfterValidator(_checked_persons)]
OfSubgroup = dict[Classifier, dict[Literal["real", "synthetic"], SubgroupScore]]  # by classifier and training table


class ShownBin(Closed):
    """A bin of distances [low, high), with the shares of synthetic records that have such a distance."""

    low: Edge
    high: Edge
    train: Hundredth  # distance to the nearest train record
    control: Hundredth  # distance to the nearest control record


class Histogram(Closed):
    """Bins of distances in increasing order."""

    bins: Annotated[tuple[ShownBin, ...], Field(max_length=MAX_BINS)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        edges = [edge for bin_ in self.bins for edge in (bin_.low, bin_.high)]
        shares = (sum(getattr(bin_, role) for bin_ in self.bins) for role in ("train", "control"))
        if edges != sorted(edges) or any(total > 1 + 0.005 * len(self.bins) for total in shares):
            raise ValueError("not a histogram of shares")
        return self


class Curve(Closed):
    """A ROC curve at fixed false positive rates; `low` and `high` are the interval ends of each `tpr`."""

    fpr: tuple[Finite, ...]
    tpr: tuple[Hundredth, ...]
    low: tuple[Hundredth, ...] | None = None
    high: tuple[Hundredth, ...] | None = None

    @model_validator(mode="after")
    def _check_rates(self) -> Self:
        others = [line for line in (self.tpr, self.low, self.high) if line is not None]
        if self.fpr != RATES or any(len(line) != len(RATES) or list(line) != sorted(line) for line in others):
            raise ValueError("the false positive rates are not the fixed ones, or the curve decreases")
        return self


class Details(Closed):
    """Numbers of the plots of an audit; for the audit `accounting`, the log of DP mechanisms and its checks.

    A field that the audit does not have, or the policy does not publish, is None.
    """

    histogram: Annotated[Histogram, Measured] | None = None
    roc: Annotated[Curve, Measured] | None = None
    claim: PrivacyBudget | None = None
    claim_scope: Literal["person", "record"] | None = None
    checks: dict[CheckName, Literal["holds", "broken", "missing"]] | None = None
    mechanisms: Annotated[tuple[MechanismCost, ...], Field(max_length=MOST_MECHANISMS)] | None = None
    accounted_reads: Annotated[tuple[PrivacyBudget, ...], Field(max_length=len(READS))] | None = None
    unaccounted_reads: Reads | None = None
    outside_reads: Reads | None = None


ACCOUNTED = {*Details.model_fields} - {"histogram", "roc", "claim_scope"}  # fields that only `accounting` has


class ShownResult(Closed):
    """The published part of the result of an audit; `metrics` repeats numbers of the file evidence/metrics.json."""

    name: AuditName
    verdict: ShownVerdict
    status: Status
    confidence: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    direction: Direction | None = None
    estimate: Metric | None = None
    control: Annotated[Metric, AfterValidator(_checked_precision), Measured] | None = None
    threshold: Threshold | tuple[Threshold, Threshold] | None = None
    metrics: dict[MetricName, Metric] = Field(default_factory=dict)
    details: Details = Details()

    @model_validator(mode="after")
    def _check_details(self) -> Self:
        parts = {"neighbours": {"histogram"}, "membership": {"roc"}, "accounting": ACCOUNTED}.get(self.name, set())
        given = {key for key, value in self.details if value is not None and key != "claim_scope"}
        if not given <= parts:
            raise ValueError("the details have fields that belong to another audit")
        return self

    @model_validator(mode="after")
    def _check_threshold(self, info: ValidationInfo) -> Self:
        # a threshold may have been measured on private records, unless it is the claimed epsilon of `accounting`
        claim = self.details.claim if self.name == "accounting" else None
        if self.threshold is not None and (claim is None or self.threshold != _rounded(claim.epsilon)):
            _checked_measurement(self.threshold, info)
        return self


class ShownAudit(Closed):
    """The published results of all audits."""

    schemaVersion: Literal[3] = 3  # noqa: N815 - the name in the file
    results: tuple[ShownResult, ...]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order([result.name for result in self.results], AUDIT_NAMES)
        return self


class BalanceRow(Closed):
    """The numbers of records of a class: in train (`real`), requested and released."""

    label: Label
    real: Annotated[Shown, Measured] | Literal["–"]
    requested: Annotated[int, Field(ge=0, le=10**9)]
    released: Annotated[int, Field(ge=0, le=10**9)]


class StageRow(Closed):
    """The numbers of input and output records of a stage."""

    name: StageName
    n_in: Shown | Literal["–"]  # "–" if the stage reads no records, such as interpolation under DP
    n_out: Shown

    @model_validator(mode="after")
    def _check_stage(self, info: ValidationInfo) -> Self:
        if self.name not in WRITING:
            _checked_measurement(self.name, info)
        return self


class ClassScore(Closed):
    """The score of one class."""

    f1: Share | None = None


class ShownScores(Closed):
    """The scores of a classifier after training on one table."""

    accuracy: Share | None = None
    macro_f1: Share | None = None
    weighted_f1: Share | None = None
    per_class: Annotated[dict[Label, ClassScore], Field(max_length=MAX_CLASSES)] = Field(default_factory=dict)


class Contradictory(Closed):
    """Shares of contradictory records by kind of contradiction; `real` is None if there are too few real records."""

    synthetic: Annotated[SyntheticShares, Measured] | None = None
    real: Annotated[RealShares, Measured] | None = None


class Subgroups(Closed):
    """Accuracy for subgroups of people, by sex or age band, then by classifier and training table."""

    sex: dict[Literal[SEXES], OfSubgroup] = Field(default_factory=dict)  # type: ignore[valid-type]
    age_band: dict[Literal[AGE_BANDS], OfSubgroup] = Field(default_factory=dict)  # type: ignore[valid-type]


class Utility(Closed):
    """Results of the stage `evaluate`: scores by classifier and training table, subgroups, style and coherence."""

    classifiers: dict[Classifier, dict[TrainingTable, ShownScores]] = Field(default_factory=dict)
    subgroups: Subgroups = Subgroups()
    style: dict[Literal["synthetic", "real"], Annotated[StyleShares, Measured]] = Field(default_factory=dict)
    style_gap: ShownScore | None = None
    coherence: Contradictory = Contradictory()


class Page(Closed):
    """The numbers of the report that the file evidence/metrics.json does not contain."""

    balance: Annotated[tuple[BalanceRow, ...], Field(max_length=MAX_CLASSES)] = ()
    filters: dict[Literal["candidates", "kept"] | Reason, Shown] = Field(default_factory=dict)
    stages: tuple[StageRow, ...] = ()
    utility: Utility = Utility()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order([row.name for row in self.stages], STAGES)
        return self


class ReportFile(Wire):
    """The content of report/report.json."""

    schema_version: Literal[2]
    release_id: ReleaseId
    verdict: Literal["RELEASED"]
    gates: tuple[Gate, ...]
    audit: ShownAudit
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleParts:
    """The parts of a bundle from which `audits.verify.derived` makes all other files."""

    predicate: ReleasePredicate
    policy: Policy
    evidence: Evidence
    report: ReportFile
    config: Mapping[str, Any]  # the published settings by section, as `public_config` returns them
    classes: Mapping[str, int]  # number of released records by label
    samples: tuple[tuple[str, str], ...]  # (label, text) of the released records with the smallest ids
    data: Mapping[str, str]  # sha256 of each data file by name


def read_published(kind: type[M], value: Mapping[str, Any], name: str, policy: Policy) -> M:
    """Return a parsed file as a model of the class `kind`.

    Raise VerifyError (E_GATE), with the top-level keys that have forbidden content, if the file is not valid.
    """
    try:
        return kind.model_validate(value, context={"policy": policy})
    except ValidationError as error:
        known = {field.alias or key for key, field in kind.model_fields.items()}
        places = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
        # unknown keys and values may be private
        shown = ", ".join(f"`{key}`" for key in sorted(places & known)) or "an unknown key"
        raise VerifyError("E_GATE", f"{name}: has content that a bundle may not contain, under {shown}") from None


def shown_results(audit: Mapping[str, Any], policy: Policy) -> list[dict[str, Any]]:
    """Return the published results of an `audit.json`, each with the fields of `ShownResult`."""
    shown = []
    for result in disclosure.public_report(audit, policy)["results"]:
        name, details = result["name"], result.get("details") or {}
        if name == "accounting":  # its details are not rounded: they come from the mechanism log
            details = next(other["details"] for other in audit["results"] if other["name"] == name)
        numbers = {k: v for k, v in details.items() if isinstance(v, Mapping) and set(v) == disclosure.FIELDS}
        metrics = {f"{name}.{k.removeprefix(f'{name}.')}": v for k, v in {**result["metrics"], **numbers}.items()}
        kept = {key: result[key] for key in ShownResult.model_fields if key in result}
        shown.append(
            {
                **kept,
                "threshold": _rounded(result.get("threshold")),
                "metrics": {key: value for key, value in metrics.items() if disclosure.is_published(key, policy)},
                "details": {key: details[key] for key in Details.model_fields if key in details},
            }
        )
    return shown


def _rounded(threshold: Any) -> Any:
    if isinstance(threshold, list | tuple):
        return tuple(_rounded(end) for end in threshold)
    return None if threshold is None else round(threshold * 1000) / 1000
