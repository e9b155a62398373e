"""The format of the log of a differentially private (DP) release, which the accounting audit reads.

The log has the claim (the epsilon and delta that the release states), the DP mechanisms, and the reads (uses of the
persons' records, see `ReadKind`). In each step, a mechanism clips one vector per person (the contribution) to a
largest norm, the clip norm, and adds noise to the sum of the contributions. The log is a JSON object with the fields
of `MechanismLog` and no further fields:

    {"schema_version": 2, "release": "2026-11", "n_persons": 5000, "person_set": "<sha256>",
     "claim": {"epsilon": 2.0, "delta": 1e-6}, "spent": null, "releases": [],
     "replay": {"sums": "holds", "results": "holds"},
     "mechanisms": [{"kind": "dp-sgd", "unit": "group", "clip_norm": 1.0, "noise_multiplier": 1.1,
                     "sampling": "poisson", "sampling_rate": 0.01, "steps": 1500,
                     "normaliser": {"value": 50.0, "source": "constant"}, "seed_digest": null, "dry_run": {...}}],
     "reads": [{"kind": "vocabulary", "status": "none"}, ...]}

Epsilon and delta compare data with and without all records of one person. `n_persons` and sampling rates must come
from the configuration, not from the data. A normaliser (the divisor of a noisy sum) must come from the configuration
or from noisy answers to queries.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import InputError
from audits.core.files import read_regular
from audits.core.strictjson import JsonError, canonical, parse
from audits.core.strictmodel import Closed, Finite, Sha256, in_words

MAX_LOG_BYTES = 1 << 28  # largest size of a log file, in bytes (256 MiB)
PERSONS_PER_DELTA = 10  # the delta of a claim about n persons must be at most 1 / (10·n)
FEWEST_PERSONS = 10  # smallest number of persons that a configuration may declare
# smallest sampling rate, most steps of a mechanism, and most mechanisms in a log; within these limits, epsilon is
# computed quickly
LEAST_RATE, MAX_STEPS, MOST_MECHANISMS = 1e-9, 10**7, 64

# kinds of read; a log must state the status of each kind (`RecordRead`)
ReadKind = Literal[
    "label-counts",  # number of records of each class, or the list of classes
    "vocabulary",  # words, tokens or n-grams that are kept because the records contain them
    "scaling",  # means, standard deviations, principal axes, quantiles for clipping
    "model-training",  # a model other than the generator, such as an encoder, trained on the records
    "prompt-examples",  # records shown to a language model
    "hyper-parameters",  # a setting was chosen by its result on the records
    "filter-against-train",  # a synthetic record was rejected because of a train record
    "retries",  # the run was repeated until a gate (a condition of the policy) passed
    "input-checks",  # checks of the records can stop the run before any query
    "release-gate",  # gates that read the records decide on the release
    "audit-numbers",  # results of the audits are published, not only whether the audits passed
    "other",
]
READS: tuple[ReadKind, ...] = get_args(ReadKind)
# reads of these kinds only select or describe a run; the claim may omit them if the release lists them
DECLARABLE: tuple[ReadKind, ...] = ("hyper-parameters", "retries", "input-checks", "release-gate", "audit-numbers")

Positive = Annotated[Finite, Field(gt=0)]
Probability = Annotated[Finite, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Index = Annotated[int, Field(ge=0)]
MAX_LEADING = 1 << 17  # largest number of coordinates in `DryRunLog.leading` for one step
Leading = Annotated[tuple[Finite, ...], Field(min_length=1, max_length=MAX_LEADING)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class PrivacyBudget(Closed):
    """An epsilon and a delta, for one person added or removed."""

    epsilon: Positive
    delta: Probability


class MechanismCost(Closed):
    """The parameters that determine the privacy cost of a mechanism.

    Kinds `dp-sgd`, `gaussian` and `vote` add Gaussian noise to a sum of one L2-clipped vector per person: a gradient,
    a statistic or the votes of a person. Kind `laplace` adds Laplace noise to a sum of L1-clipped vectors.
    """

    kind: Literal["dp-sgd", "gaussian", "vote", "laplace"]
    # standard deviation of the noise (for Laplace noise, its scale) divided by the clip norm
    noise_multiplier: Annotated[Finite, Field(ge=1e-3, le=1e6)]
    # probability that a person is in a step; 1 if every person is in every step
    sampling_rate: Annotated[Finite, Field(ge=LEAST_RATE, le=1)]
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]

    @model_validator(mode="after")
    def _laplace_is_unsampled(self) -> Self:
        if self.kind == "laplace" and self.sampling_rate != 1:
            raise ValueError(
                "`sampling_rate` must be 1 if `kind` is `laplace`: this cost is computed only without sampling"
            )
        return self


class Normaliser(Closed):
    """The number by which the noisy sum is divided.

    - `constant`: the number is `value`, from the configuration.
    - `answers`: the number is computed from noisy answers to queries. If the sum is not divided, `normaliser` may
      have this source or be null.
    - `data`: the number is counted from the data without noise.
    """

    value: Positive | None = None
    source: Literal["constant", "answers", "data"]

    @model_validator(mode="after")
    def _constant_has_a_value(self) -> Self:
        if self.source == "constant" and self.value is None:
            raise ValueError("if `source` is `constant`, `value` must be a number, not null")
        return self


class DryRunLog(Closed):
    """The log of a dry run: a run of the same code on fictional persons, with new seeds, which is never released.

    The dry run may have fewer steps than the real run. Its number of persons must differ from that of the real run by
    at least a tenth; otherwise, a normaliser counted from the data looks like a constant. At least one contribution
    must be larger than the clip norm before clipping, so that clipping can be tested.

    The noise of each step is z = (noisy sum - sum without noise) / (noise multiplier · clip norm), even if the step
    has no persons. The size of the noise is the sum of the squared coordinates of z for Gaussian noise, and twice the
    sum of their absolute values for Laplace noise.
    """

    n_persons: Count  # number of fictional persons
    batches: tuple[tuple[Index, ...], ...] | None = None  # for each step, the numbers (from 0) of its persons
    noise: tuple[Annotated[Finite, Field(ge=0)], ...] = ()  # size of the noise of each step, with full precision
    dimension: Count | None = None  # number of coordinates of z that count in `noise`; the same in every step
    leading: tuple[Leading, ...] = ()  # the first coordinates of z in each step: at least eight, preferably all
    max_norm: Annotated[Finite, Field(ge=0)] | None = None  # largest norm of a person's contribution after clipping
    largest_row: Annotated[Finite, Field(ge=0)] | None = None  # largest norm of a contribution before clipping
    normalisers: tuple[Positive, ...] = ()  # divisor of the noisy sum in each step; empty if no sum is divided

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.batches is not None and any(i >= self.n_persons for batch in self.batches for i in batch):
            raise ValueError(
                "`batches` has a number that is not from 0 to `n_persons` - 1; persons are numbered from 0"
            )
        if len(self.noise) > 0 and self.dimension is None:
            raise ValueError(
                "`noise` is not empty, so `dimension` (the number of coordinates in each step) is required"
            )
        return self


class Mechanism(MechanismCost):
    """The configuration of one mechanism of the release, and the log of its dry run."""

    unit: Literal["group", "record"]  # what is clipped: the sum over a person's records, or each record
    clip_norm: Positive  # largest norm of a contribution after clipping
    sampling: Literal["poisson", "all", "shuffled", "fixed-size"]  # `all` if and only if the sampling rate is 1
    normaliser: Normaliser | None  # None if the noisy sum is not divided
    seed_digest: Sha256 | None  # sha256 of the seed of the noise; None if the operating system generates the noise
    dry_run: DryRunLog | None

    @model_validator(mode="after")
    def _sampling_agrees(self) -> Self:
        if self.sampling == "all" and self.sampling_rate != 1:
            raise ValueError("`sampling` is `all`, so `sampling_rate` must be 1")
        if self.sampling != "all" and self.sampling_rate == 1:
            raise ValueError("`sampling_rate` is 1, so `sampling` must be `all`")
        return self


class ReplayLog(Closed):
    """The outcome of a replay: runs on train without noise, in which every query returns a fixed answer.

    A run with all persons is compared with runs without one person. A field has the value `holds` if:

    - `sums`: removing a person changes each sum only by the contribution of this person, whose norm is at most the
      clip norm.
    - `results`: removing a person does not change any bit of what is computed from the fixed answers.
    - `scores`: if a model scores texts for a query, the score of a text does not depend on the other scored texts.
    """

    sums: Literal["holds", "broken"]
    results: Literal["holds", "broken"]
    scores: Literal["holds", "broken"] | None = None  # None if no query scores texts


class RecordRead(Closed):
    """The status and cost of a read.

    - `none`: there was no read of this kind; a use of only public data is not a read.
    - `accounted`: the claim includes the read. `cost` is the epsilon and delta of the read, or `mechanism` if the
      cost of a mechanism in this log includes the read.
    - `unaccounted`: the claim does not include the read, and the release does not list it.
    - `outside` (only for the kinds in `DECLARABLE`): the claim does not include the read, but the release lists it.
    """

    kind: ReadKind
    status: Literal["none", "accounted", "unaccounted", "outside"]
    cost: PrivacyBudget | Literal["mechanism"] | None = None

    @model_validator(mode="after")
    def _cost_agrees(self) -> Self:
        if self.status == "accounted" and self.cost is None:
            raise ValueError("`status` is `accounted`, so `cost` (epsilon and delta, or `mechanism`) is required")
        if self.status != "accounted" and self.cost is not None:
            raise ValueError("only a read with the status `accounted` may have a `cost`")
        if self.status == "outside" and self.kind not in DECLARABLE:
            listed = f"only reads of the kinds {', '.join(DECLARABLE)} may have the status `outside`"
            raise ValueError(f"{listed}, because reads of the other kinds change the synthetic table")
        return self


class EarlierRelease(Closed):
    """An earlier release from the same source."""

    release: Identifier
    person_set: Sha256  # digest of the earlier release's persons, see `person_set_digest`
    persons: Literal["same", "overlapping", "disjoint"]  # relation to the persons of the release that has this log
    cost: PrivacyBudget  # total epsilon and delta of the earlier release
    mechanisms: tuple[MechanismCost, ...] = ()  # if given, the audit computes epsilon from them and ignores `cost`


class MechanismLog(Closed):
    """All accesses of a release to the persons' records (mechanisms and reads), and the claim."""

    schema_version: Literal[2]
    release: Identifier  # id of this release
    n_persons: Count  # lower bound on the number of persons, declared in the configuration
    person_set: Sha256  # digest of the persons of this release, see `person_set_digest`
    claim: PrivacyBudget  # epsilon and delta claimed for this release alone
    # joint claim for this release and all earlier releases that share persons with it; None if there are none
    spent: PrivacyBudget | None
    mechanisms: Annotated[tuple[Mechanism, ...], Field(min_length=1, max_length=MOST_MECHANISMS)]
    replay: ReplayLog | None = None
    reads: tuple[RecordRead, ...]  # a kind of read that is missing counts as unaccounted
    releases: tuple[EarlierRelease, ...]  # all earlier releases from the same source, even on disjoint persons

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> Self:
        names = [self.release, *(earlier.release for earlier in self.releases)]
        if len(set(names)) != len(names):
            raise ValueError(
                "`releases`: two releases have the same id; this release and all earlier ones need different ids"
            )
        kinds = [read.kind for read in self.reads if read.kind != "other"]
        if len(set(kinds)) != len(kinds):
            raise ValueError(
                "`reads`: a kind of read is listed twice; only the kind `other` may be listed more than once"
            )
        return self


def rounded_down(n: int) -> int:
    """Return n (at least 0) rounded down to two significant digits, so that a log does not reveal further digits."""
    unit: int = 10 ** max(0, len(str(n)) - 2)
    return n // unit * unit


def person_set_digest(groups: Iterable[str]) -> str:
    """Return the sha256 of the distinct person ids, sorted by their bytes, each prefixed by its length in bytes.

    Privacy: keep the digest private. Someone who knows the ids of all persons but one can test guesses of that id.
    """
    digest = hashlib.sha256(b"audits/persons/v1\0")
    for person_id in sorted(group.encode("utf-8", "surrogatepass") for group in set(groups)):
        digest.update(len(person_id).to_bytes(8, "big") + person_id)
    return digest.hexdigest()


def read_log(value: Mapping[str, Any]) -> MechanismLog:
    """Check the JSON values of a log, and return the log.

    Raises:
        InputError: the values are not JSON or do not follow the format. The error states the place of each mistake,
            but no value.
    """
    try:
        return MechanismLog.model_validate(parse(canonical(value)))
    except JsonError as error:
        raise InputError(f"the mechanism log cannot be used: {error.message}") from None
    except ValidationError as error:
        mistakes = _mistakes(error)
        raise InputError(
            f"the mechanism log has {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}",
            problems=mistakes,
            hint="The Python module `audits.attacks.accounting.mechanism_log` of this package documents the format.",
        ) from None


def read_mechanism(path: str | Path) -> Mapping[str, Any]:
    """Return the JSON values of a log file; raise InputError if the file cannot be read or `read_log` refuses it."""
    path = Path(path)
    try:
        value = parse(read_regular(path, MAX_LOG_BYTES))
    except OSError as error:
        raise InputError(f"the mechanism log cannot be read: {path} ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"the mechanism log cannot be read: {path} ({error.message})") from None
    if not isinstance(value, dict):
        raise InputError(f"the mechanism log must be a JSON object: {path}")
    read_log(value)
    return value


def _mistakes(error: ValidationError) -> list[str]:
    """Return each mistake as `path: message`. The path omits the name of an unknown field, which may be private."""
    mistakes = []
    for item in error.errors(include_url=False, include_input=False):
        unknown = item["type"] == "extra_forbidden"
        where = ".".join(str(part) for part in item["loc"][: -1 if unknown else None])
        what = "contains a field that is not in the format" if unknown else in_words(item["type"], item["msg"])
        mistakes.append(f"{where or '(top level)'}: {what}")
    return mistakes
