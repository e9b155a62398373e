"""The log of a differentially private mechanism, in the form that the accounting audit reads.

The log says what was done and what is claimed for it; what it costs is computed elsewhere
(`audits/attacks/accounting/accountants.py`).
It is a JSON object of the fields of `MechanismLog`; nothing else may stand in it.

    {"schema_version": 1, "release": "2026-11", "n_persons": 5000, "person_set": "<sha256>",
     "claim": {"epsilon": 2.0, "delta": 1e-6}, "spent": null, "releases": [],
     "mechanisms": [{"kind": "dp-sgd", "unit": "group", "clip_norm": 1.0, "noise_multiplier": 1.1,
                     "sampling": "poisson", "sampling_rate": 0.01, "steps": 1500,
                     "normaliser": {"value": 50.0, "source": "constant"}, "seed_digest": null, "dry run": {...}}],
     "reads": [{"kind": "vocabulary", "status": "none"}, ...]}

Neighbouring data sets differ by one person added or removed, with all the records of that person. Every number that
enters a mechanism beside the persons' own contributions (n_persons, sampling rates, normalisers) is a constant of the
configuration, never counted from the data.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import InputError
from audits.core.strictjson import JsonError, canonical, parse
from audits.core.strictmodel import Closed, Finite

MAX_LOG_BYTES = 1 << 28
PERSONS_PER_DELTA = 10  # of n persons delta is at most 1 / (10 n)
FEWEST_PERSONS = 10  # of a claim: the lowest bucket that is told says of fewer no number
LEAST_RATE, MOST_STEPS, MOST_MECHANISMS = 1e-9, 10**7, 64  # beyond them accountants take hours, or memory

# What else may have read the persons' records. A log answers for each of them.
ReadKind = Literal[
    "label-counts",  # how many records of each class, or which classes there are
    "vocabulary",  # words, tokens or n-grams kept because they occur
    "scaling",  # means, deviations, principal axes, clipping quantiles
    "model-training",  # a projector, a bridge or an encoder trained on the records
    "prompt-examples",  # records shown to a language model
    "hyper-parameters",  # a choice by how well something did on the records
    "filter-against-train",  # a synthetic record dropped because of what stands in train
    "retries",  # everything made again until a gate passed
    "audit-numbers",  # numbers of the audits given out, beyond pass or not
    "other",
]
READS: tuple[ReadKind, ...] = get_args(ReadKind)

Positive = Annotated[Finite, Field(gt=0)]
Probability = Annotated[Finite, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Index = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class PrivacyBudget(Closed):
    """A pair of epsilon and delta for one person added or removed."""

    epsilon: Positive
    delta: Probability


class MechanismCost(Closed):
    """What decides the privacy of a mechanism, and nothing else.

    Args:
        kind: `dp-sgd`, `gaussian` and `vote` add Gaussian noise to a sum of one L2-clipped vector per person (a
            gradient, a statistic, the votes of a person); `laplace` adds Laplace noise to a sum of L1-clipped ones.
        noise_multiplier: standard deviation (Laplace: scale) of the noise over the clip norm.
        sampling_rate: chance with which each person takes part in a step; 1 for everyone.
        steps: how often the mechanism ran.
    """

    kind: Literal["dp-sgd", "gaussian", "vote", "laplace"]
    noise_multiplier: Annotated[Finite, Field(ge=1e-3, le=1e6)]
    sampling_rate: Annotated[Finite, Field(ge=LEAST_RATE, le=1)]
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]

    @model_validator(mode="after")
    def _laplace_is_unsampled(self) -> Self:
        if self.kind == "laplace" and self.sampling_rate != 1:
            raise ValueError("laplace is accounted for without sampling only: sampling_rate must be 1")
        return self


class Normaliser(Closed):
    """What the noised sum is divided by, and where that number comes from."""

    value: Positive
    source: Literal["constant", "data"]


class DryRunLog(Closed):
    """What was logged in a second run on made-up persons, with the same code and other seeds; it is never released.

    The steps are those of the dry run; there may be fewer than in the run itself.

    Args:
        n_persons: how many persons the dry run had; a tenth more or fewer than in the run itself, or a normaliser
            counted from the data cannot be told from a constant.
        batches: for each step the persons that took part, numbered from 0, each once.
        noise: for each step |z|² (Laplace: 2|z|₁), z = (noised sum - clean sum) / (noise multiplier · clip norm),
            with all its digits. Empty batches have noise as well.
        dimension: how many coordinates of z went into it; a fixed part of them is enough.
        max_norm: the largest norm of any person's contribution after clipping.
        normalisers: for each step what the sum was divided by; empty where nothing was.
    """

    n_persons: Count
    batches: tuple[tuple[Index, ...], ...] | None = None
    noise: tuple[Annotated[Finite, Field(ge=0)], ...] = ()
    dimension: Count | None = None
    max_norm: Annotated[Finite, Field(ge=0)] | None = None
    normalisers: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.batches is not None and any(i >= self.n_persons for batch in self.batches for i in batch):
            raise ValueError("batches: persons are numbered from 0 to n_persons - 1")
        if len(self.noise) > 0 and self.dimension is None:
            raise ValueError("noise needs its dimension")
        return self


class Mechanism(MechanismCost):
    """One mechanism of the release, as it was configured, and what the dry run logged of it.

    Args:
        unit: whose contribution is clipped: the sum over all records of a person (`group`), or each record.
        clip_norm: the largest norm a contribution may have.
        sampling: how the persons of a step are drawn; `all` if and only if the sampling rate is 1.
        normaliser: None where the sum is not divided.
        seed_digest: sha256 of the seed of the noise, or None where it comes from the operating system.
        dry_run: None where none was run.
    """

    unit: Literal["group", "record"]
    clip_norm: Positive
    sampling: Literal["poisson", "all", "shuffled", "fixed-size"]
    normaliser: Normaliser | None
    seed_digest: Sha256 | None
    dry_run: DryRunLog | None

    @model_validator(mode="after")
    def _sampling_agrees(self) -> Self:
        if (self.sampling == "all") != (self.sampling_rate == 1):
            raise ValueError("sampling is `all` if and only if sampling_rate is 1")
        return self


class RecordRead(Closed):
    """Whether something else read the persons' records, and at what cost.

    Args:
        kind: one of `READS`.
        status: `none` where nothing of this kind was done, or public data were read; `accounted` where the claim
            counts it; `unaccounted` where private records were read and nobody counted; `outside`, of
            `audit-numbers` alone, where the claim is for the records that were made, and not for what is told of
            them: that is for a release's policy to say.
        cost: epsilon and delta of an accounted read; one that is a mechanism of this log has none of its own.
    """

    kind: ReadKind
    status: Literal["none", "accounted", "unaccounted", "outside"]
    cost: PrivacyBudget | Literal["mechanism"] | None = None

    @model_validator(mode="after")
    def _cost_agrees(self) -> Self:
        if (self.status == "accounted") != (self.cost is not None):
            raise ValueError("an accounted read, and only that, has a cost: epsilon and delta, or `mechanism`")
        if self.status == "outside" and self.kind != "audit-numbers":
            raise ValueError("only audit-numbers may stand outside the claim: all else shapes the records")
        return self


class EarlierRelease(Closed):
    """A release made before from the same source.

    Args:
        release: its id.
        person_set: digest of its persons, by `person_set_digest`.
        persons: whether they are those of this release, some of them, or none.
        cost: what it spent.
        mechanisms: its mechanisms, where they are to be composed step by step instead of adding up the budgets.
    """

    release: Identifier
    person_set: Sha256
    persons: Literal["same", "overlapping", "disjoint"]
    cost: PrivacyBudget
    mechanisms: tuple[MechanismCost, ...] = ()


class MechanismLog(Closed):
    """What was done with the persons' records under differential privacy, and what is claimed for it.

    Args:
        release: the id of this release.
        n_persons: how many persons there are, as the configuration declares it.
        person_set: digest of the persons, by `person_set_digest`.
        claim: what this release is said to cost.
        spent: what it and all releases before it on any of the same persons are said to cost together; None where it
            is the first.
        mechanisms: everything noised that the release depends on.
        reads: everything else; a kind that is not answered for counts as unaccounted.
        releases: every release made before from the same source, of other persons too.
    """

    schema_version: Literal[1]
    release: Identifier
    n_persons: Count
    person_set: Sha256
    claim: PrivacyBudget
    spent: PrivacyBudget | None
    mechanisms: Annotated[tuple[Mechanism, ...], Field(min_length=1, max_length=MOST_MECHANISMS)]
    reads: tuple[RecordRead, ...]
    releases: tuple[EarlierRelease, ...]

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> Self:
        names = [self.release, *(earlier.release for earlier in self.releases)]
        if len(set(names)) != len(names):
            raise ValueError("releases: an id stands twice, or is the id of this release")
        kinds = [read.kind for read in self.reads if read.kind != "other"]
        if len(set(kinds)) != len(kinds):
            raise ValueError("reads: a kind stands twice")
        return self


def person_set_digest(groups: Iterable[str]) -> str:
    """Return the sha256 over the distinct persons in the order of their bytes, each prefixed by its length.

    Privacy: whoever knows all persons but one can find that one by trying; keep it inside.
    """
    digest = hashlib.sha256(b"audits/persons/v1\0")
    for name in sorted(group.encode("utf-8", "surrogatepass") for group in set(groups)):
        digest.update(len(name).to_bytes(8, "big") + name)
    return digest.hexdigest()


def read_log(value: Mapping[str, Any]) -> MechanismLog:
    """Return the log of JSON values.

    Raises:
        InputError: it is not of this form; every mistake is listed by its place, without what stood there.
    """
    try:
        return MechanismLog.model_validate(parse(canonical(value)))
    except JsonError as error:
        raise InputError(f"the mechanism's log is not JSON: {error.message}") from None
    except ValidationError as error:
        found = _mistakes(error)
        raise InputError(
            f"the mechanism's log has {len(found)} mistake{'s' * (len(found) > 1)}",
            problems=found,
            hint="the form is documented in audits/attacks/accounting/mechanism_log.py",
        ) from None


def read_mechanism(path: str | Path) -> Mapping[str, Any]:
    """Return the JSON values of a log file, of the right form: what `AuditInputs.mechanism` takes.

    Raises:
        InputError: it cannot be read, is too large, is not strict JSON, or is not of this form.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_LOG_BYTES:
            raise InputError(f"the mechanism's log is larger than {MAX_LOG_BYTES} bytes: {path}")
        value = parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"the mechanism's log cannot be read: {path} ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"the mechanism's log is {error.message}: {path}") from None
    if not isinstance(value, dict):
        raise InputError(f"the mechanism's log must be a JSON object: {path}")
    read_log(value)
    return value


def _mistakes(error: ValidationError) -> list[str]:
    """Return each mistake as `path: what is wrong`; the name of an unknown field may be anything and is left out."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        unknown = item["type"] == "extra_forbidden"
        where = ".".join(str(part) for part in item["loc"][: -1 if unknown else None])
        what = "a field that is not in the form" if unknown else item["msg"].removeprefix("Value error, ")
        found.append(f"{where or '(top level)'}: {what}")
    return found
