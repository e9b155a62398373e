"""The signed statements about a release, an approval or a refusal, in the format in-toto Statement v1.

A statement lists files (`subject`) and makes claims about them (`predicate`). Field names are camelCase in the file.
"""

import re
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from audits.attacks.accounting.mechanism_log import MOST_MECHANISMS, MechanismCost
from audits.core.errors import VerifyError
from audits.core.instants import Instant
from audits.core.strictjson import JsonError, parse_canonical
from audits.core.strictmodel import Closed, Finite, LedgerId, Sha256, problems
from audits.gate.disclosure import is_bucket
from audits.gate.evidence import MetricName
from audits.gate.outcome import Outcome
from audits.gate.policy import ApprovalRule, RoleName
from audits.gate.rule import Name, Sentence
from audits.verify import vocabulary

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_BASE = "https://synthgen.dev/attestation"
RELEASE_TYPE = f"{PREDICATE_BASE}/release/v1"
APPROVAL_TYPE = f"{PREDICATE_BASE}/approval/v4"
REFUSAL_TYPE = f"{PREDICATE_BASE}/refusal/v1"
MAX_SEEN = 100  # largest number of decisions (`ApprovalPredicate`) about one release
SCHEMA_VERSION = "5.8.0"

Text = Annotated[str, Field(max_length=2000)]
DecisionKind = Literal["APPROVE", "REJECT", "CLOSE"]  # the decision of one person about a release
ReleaseId = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{6}$")]
Count = Annotated[int, Field(ge=0)]
T = TypeVar("T", bound=BaseModel)
MAX_COMPOSITION = 64  # largest number of other runs that a statement lists
DatasetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Language = Annotated[str, Field(pattern=vocabulary.LANGUAGE)]


def no_repeats(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the items; raise ValueError if one is repeated."""
    if len(set(items)) < len(items):
        raise ValueError("an item is repeated")
    return items


def _checked_bucket(text: str) -> str:
    if not is_bucket(text):
        raise ValueError("not one of the ranges in which counts may be published")
    return text


class Wire(Closed):
    """Base class of the parts of a statement; the field names are camelCase in the file."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=to_camel)


class Digest(Wire):
    """The sha256 of a file; no other algorithm is accepted."""

    sha256: Sha256


class Subject(Wire):
    """A file that the statement covers."""

    name: Annotated[str, Field(min_length=1)]
    digest: Digest


class Dataset(Wire):
    """The released dataset."""

    name: DatasetName
    records: Annotated[int, Field(ge=1, le=vocabulary.MAX_RECORDS)]
    classes: Annotated[int, Field(ge=1, le=1000)]
    language: Annotated[
        tuple[Language, ...], Field(min_length=1, max_length=vocabulary.MAX_LANGUAGES), AfterValidator(no_repeats)
    ]
    intended_use: tuple[Literal["train-on-synthetic"]]
    license: Literal[vocabulary.LICENSES]  # type: ignore[valid-type]


class Use(Wire):
    """The permitted use, in the wording of the policy."""

    scope: Literal["inside", "outside"]
    statement: Sentence  # compared with the policy


class Producer(Wire):
    """The program that made the dataset."""

    tool: Literal["synthgen"]
    version: Annotated[str, Field(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$")]
    python: vocabulary.Version
    # sha256 of the source code of synthgen ("source") and of the audits ("audits"), and the version of each library
    made_by: dict[Literal["source", "audits", *vocabulary.LIBRARIES], str]  # type: ignore[valid-type]

    @field_validator("made_by")
    @classmethod
    def _digests_and_versions(cls, made_by: dict[str, str]) -> dict[str, str]:
        for name, text in made_by.items():
            is_digest = name in {"source", "audits"}
            if not (re.fullmatch("[0-9a-f]{64}", text) if is_digest else vocabulary.public_version(text) == text):
                form = "a sha256 of 64 hex digits" if is_digest else "a version, such as 2.1.0"
                raise ValueError(f"the value of `{name}` must be {form}")
        if "source" not in made_by:
            raise ValueError("the sha256 `source` is missing")
        if not made_by.keys() - {"source", "audits"}:
            raise ValueError("the versions of the libraries are missing")
        return made_by


class ConfigRef(Wire):
    """The path of the redacted configuration, and its digest."""

    digest: Digest
    redacted: Literal["provenance/config.redacted.yaml"]


# formats of a model: files; a server at a local or private address; a server at any address
SAFETENSORS, SERVER, REMOTE_SERVER = "safetensors", "server", "remote server"


class Model(Wire):
    """A model that was used; its digest covers the sorted (path, sha256) pairs of its files."""

    role: Literal["embedder", "projector", "style", "vocabulary", "decoder", "judge"]
    name: vocabulary.ModelName
    format: Literal["safetensors", "server", "remote server"]
    digest: Digest  # for a model on a server, the digest of its name
    trained_on_private_data: bool


class PolicyRef(Wire):
    """The applied policy and the digest of its canonical form."""

    name: Name
    version: Text
    digest: Digest


class Gate(Wire):
    """The outcome of a gate: a rule of the policy, or the requirement that an audit passes.

    If `gating` is false, the outcome does not affect the decision. The verifier recomputes each outcome from the
    file evidence/metrics.json.
    """

    id: Name
    metric: MetricName
    op: Literal["<=", ">="]
    threshold: Finite
    value: Finite | None  # None if evidence/metrics.json has no value, or the policy withholds it
    verdict: Outcome
    gating: bool


class StatedMechanism(MechanismCost, Wire):
    """A DP mechanism of another run, described by the parameters that determine its privacy cost."""


class Composition(Wire):
    """The privacy budget of another run that is recorded in the same ledger.

    The verifier computes the joint privacy cost of all runs (composition). The other run may have begun before or
    after this run, and may use records of different persons.
    """

    epsilon: Annotated[Finite, Field(gt=0)]  # ε and δ are the claim of the other run alone
    delta: Annotated[Finite, Field(gt=0, lt=1)]
    mechanisms: Annotated[tuple[StatedMechanism, ...], Field(min_length=1, max_length=MOST_MECHANISMS)]


class Budget(Wire):
    """The privacy budget of all runs in the ledger, at the time of the release.

    `spent_before` is the joint ε of all other runs. `spent_after` is the joint ε of all runs, including this run.
    """

    ledger_id: LedgerId
    max_epsilon: Finite
    max_delta: Finite
    delta: Annotated[Finite, Field(gt=0, lt=1)]  # δ at which the joint ε is computed
    spent_before: Annotated[Finite, Field(ge=0)]
    spent_after: Annotated[Finite, Field(ge=0)]
    voided: Count  # number of reservations that do not count, because they were voided before any noise was drawn


class Privacy(Wire):
    """The privacy claim. The mechanism `none+empirical` claims no differential privacy."""

    mechanism: Literal["none+empirical", "dp-gaussian"]
    unit: Literal["group", "record"]  # whether the claim is about all records of a person, or about single records
    neighbouring: Literal["add-remove", "replace-one"] | None = None
    epsilon: Annotated[Finite, Field(gt=0)] | None = None
    delta: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    accountant: Literal["PLD"] | None = None
    sampling: Literal["poisson", "none"] | None = None
    # each of the next three fields is None if its value differs between the mechanisms of the run; `sample_rate` and
    # `steps` are also None if no mechanism samples persons
    noise_multiplier: Finite | None = None
    sample_rate: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{1,18}$|^[0-9](\.[0-9]{1,17})?e-[0-9]{2}$")] | None = (
        None
    )
    steps: Count | None = None
    composition: Annotated[tuple[Composition, ...], Field(max_length=MAX_COMPOSITION)] = ()
    budget: Budget | None = None
    # audited: gates on private records affected the decision to release; independent: no measurement on private
    # records affected it after the noise was drawn
    decision: Literal["audited", "independent"] | None = None
    non_private_steps: Annotated[tuple[vocabulary.NonPrivateStep, ...], AfterValidator(no_repeats)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        is_complete = None not in {self.epsilon, self.delta, self.decision, self.accountant, self.sampling}
        properties = self.model_dump(exclude={"mechanism", "unit", "composition", "budget", "non_private_steps"})
        if self.mechanism == "none+empirical" and any(value is not None for value in properties.values()):
            raise ValueError("the mechanism `none+empirical` must not state epsilon, delta or another property of DP")
        if self.mechanism != "none+empirical" and not is_complete:
            raise ValueError("a DP mechanism must state `epsilon`, `delta`, `accountant`, `sampling` and `decision`")
        if sum(len(run.mechanisms) for run in self.composition) > MOST_MECHANISMS:
            raise ValueError(f"the other runs (`composition`) list more than {MOST_MECHANISMS} mechanisms together")
        return self


class Commitment(Wire):
    """A keyed digest of private records, see `synthgen.release.commitment`.

    With the key, one can prove later which records were read. Without the key, the digest reveals no record.
    """

    scheme: Literal["hmac-sha256-merkle/v1"]
    key_ref: Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
    root: Sha256


class Input(Wire):
    """A commitment to the private records that were read; their exact number is not stated."""

    role: Literal["train", "control"]
    commitment: Commitment
    count_bucket: Annotated[str, AfterValidator(_checked_bucket)]


class LedgerHead(Wire):
    """The state of the institution's ledger: the number of its entries, and the MAC of the last entry (`head`).

    If a later release states fewer entries of the same ledger, the ledger was rolled back.
    """

    id: LedgerId
    entries: Annotated[int, Field(ge=1, le=10**9)]
    head: Sha256


class Attempts(Wire):
    """The number of audits of the same control persons, including the audit of this release.

    Control persons are persons of the source whose records the generator does not read. Under an independent policy
    (see `Privacy.decision`), the number is null.
    """

    number: Annotated[int, Field(ge=1, le=10**6)] | None
    ledger: LedgerHead

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.number is not None and self.number > self.ledger.entries:
            raise ValueError("`number` is larger than the number of entries of the ledger")
        return self


class ReleasePredicate(Wire):
    """The content of a release statement: the claims about the files of the bundle."""

    schema_version: Literal["5.8.0"]
    release_id: ReleaseId
    time_created: Instant
    expires: Instant | None
    verdict: Literal["RELEASED"]
    dataset: Dataset
    use: Use
    producer: Producer
    config: ConfigRef
    models: Annotated[tuple[Model, ...], Field(max_length=12)]
    policy: PolicyRef
    gates: tuple[Gate, ...]
    privacy: Privacy
    inputs: Annotated[tuple[Input, ...], Field(max_length=2)]
    attempts: Attempts
    evidence: tuple[Subject, ...]
    approvals_required: tuple[ApprovalRule, ...]
    limitations: Annotated[tuple[vocabulary.Limitation, ...], AfterValidator(no_repeats)]


class ApprovalPredicate(Wire):
    """One person's decision about a release: an approval, a rejection or a closing.

    A closing is made by a releaser. It states that `seen` lists all other decisions. A decision contains no comment,
    because the bundle is public and no audit reads a comment.
    """

    role: RoleName
    decision: DecisionKind
    # sorted sha256 of the decision files that were in the bundle when the person signed
    seen: Annotated[tuple[Sha256, ...], Field(max_length=MAX_SEEN - 1)]
    person: Text
    time: Instant
    report_digest: Digest
    # digest of the private review page that the person read; always None under an independent policy. The page
    # contains a secret value, so the digest does not confirm a guess of the content
    review: Digest | None = None
    conflict_of_interest: Literal[False]


class Waiver(Wire):
    """A person's acceptance of the result of a gate, with the reason; the verdict of the gate stays unchanged."""

    gate: Text
    verdict: Literal["PASS", "FAIL", "INSUFFICIENT"]
    by: Text
    reason: Text


class RefusalPredicate(Wire):
    """The reasons why a dataset was not released."""

    schema_version: Literal["5.8.0"]
    time_created: Instant
    verdict: Literal["REFUSED"]
    policy: PolicyRef
    gates: tuple[Gate, ...]
    reasons: tuple[Text, ...]
    waivers: tuple[Waiver, ...] = ()


class _Statement(Closed):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]


class ReleaseStatement(_Statement):
    """The statement of `attestation/release.dsse.json`."""

    predicateType: Literal["https://synthgen.dev/attestation/release/v1"]  # noqa: N815 - the name in the file
    predicate: ReleasePredicate


class ApprovalStatement(_Statement):
    """The statement of one decision; its only subject is the signed statement of the release."""

    predicateType: Literal["https://synthgen.dev/attestation/approval/v4"]  # noqa: N815 - the name in the file
    predicate: ApprovalPredicate


class RefusalStatement(_Statement):
    """The statement of a refusal report."""

    predicateType: Literal["https://synthgen.dev/attestation/refusal/v1"]  # noqa: N815 - the name in the file
    predicate: RefusalPredicate


def statement(subjects: dict[str, str], predicate_type: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """Return a statement about files; `subjects` maps file names to sha256 digests."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def read_statement(kind: type[T], payload_type: str, payload: bytes) -> T:
    """Return the statement in a signed payload, as a model of the class `kind`.

    Raises:
        VerifyError: E_JSON if the payload is not canonical JSON, E_PREDICATE if it is not of the expected type.
    """
    if payload_type != PAYLOAD_TYPE:
        raise VerifyError(
            "E_PREDICATE", f"the payload type of the signed file is {payload_type!r}, expected {PAYLOAD_TYPE}"
        )
    try:
        return kind.model_validate(parse_canonical(payload))
    except JsonError as error:
        raise VerifyError("E_JSON", f"the signed payload cannot be read: {error.message}") from None
    except ValidationError as error:
        first = "; ".join(problems(error)[:3])
        expected = f"{kind.__name__.removesuffix('Statement').lower()} statement"
        raise VerifyError("E_PREDICATE", f"the signed payload is not a valid {expected}: {first}") from None
