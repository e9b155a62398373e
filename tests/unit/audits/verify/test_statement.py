import pytest
from pydantic import TypeAdapter, ValidationError

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical
from audits.verify.statement import (
    APPROVAL_TYPE,
    PAYLOAD_TYPE,
    REFUSAL_TYPE,
    Dataset,
    Privacy,
    RefusalStatement,
    ReleaseStatement,
    Text,
    read_statement,
    statement,
)
from audits.verify.vocabulary import LIMITATIONS, MAX_RECORDS


def test_subjects_are_sorted():
    made = statement({"b": "1" * 64, "a": "2" * 64}, APPROVAL_TYPE, {})
    assert [subject["name"] for subject in made["subject"]] == ["a", "b"]
    with pytest.raises(VerifyError, match="E_PREDICATE the signed payload is not a valid release statement"):
        read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(made))


def test_a_text_of_a_statement_is_short():
    text = TypeAdapter(Text)
    assert text.validate_python("x" * 2000)
    with pytest.raises(ValidationError, match="at most 2000 characters"):
        text.validate_python("x" * 2001)


@pytest.mark.parametrize(
    "change",
    [{"records": 0}, {"records": MAX_RECORDS + 1}, {"classes": 0}, {"classes": 1001}, {"language": []}],
    ids=str,
)
def test_numbers_and_languages_of_a_dataset_have_limits(copy, releases, change):
    stated = releases.statement(copy)["predicate"]["dataset"]
    parts = {**stated, "records": MAX_RECORDS, "classes": 1000}
    assert Dataset.model_validate_json(canonical(parts)).records == MAX_RECORDS
    with pytest.raises(ValidationError, match=next(iter(change))):
        Dataset.model_validate_json(canonical(parts | change))


MORE_THAN_NONE = ({"delta": 1e-6}, {"epsilon": 1.0}, {"noise_multiplier": 1.1}, {"steps": 0}, {"accountant": "PRV"})


@pytest.mark.parametrize(
    "fields",
    [
        *({"mechanism": "none+empirical"} | more for more in MORE_THAN_NONE),
        *({"mechanism": "dp-gaussian"} | part for part in ({}, {"epsilon": 1.0}, {"delta": 1e-6})),
        {"mechanism": "magic"},
        {"mechanism": "dp-gaussian", "unit": "patient", "epsilon": 1.0, "delta": 1e-6, "decision": "audited"},
    ],
)
def test_privacy_claim_must_be_complete_or_absent(fields):
    with pytest.raises(ValidationError):
        Privacy.model_validate({"unit": "group"} | fields)


def put(value, path, new):
    """Return JSON with one value replaced; the path consists of field names and list positions."""
    if path == "":
        return new
    head, _, rest = path.partition(".")
    if head.isdigit():
        return [put(item, rest, new) if i == int(head) else item for i, item in enumerate(value)]
    return {**value, head: put(value.get(head), rest, new)}


P = "predicate."
NOISE = {"kind": "gaussian", "noiseMultiplier": 5.0, "samplingRate": 1.0, "steps": 1}
RUN = {"epsilon": 1.0, "delta": 1e-6, "mechanisms": [NOISE]}
DP = {"mechanism": "dp-gaussian", "unit": "group", "epsilon": 1.0, "delta": 1e-6, "decision": "audited"}
DP |= {"accountant": "PLD", "sampling": "none"}
BUDGET = {"ledgerId": "1" * 32, "maxEpsilon": 3.0, "maxDelta": 1e-5, "delta": 1e-5}
BUDGET |= {"spentBefore": 0.0, "spentAfter": 1.0, "voided": 0}
MODEL = {"role": "style", "name": "builtin:letter", "format": "safetensors", "digest": {"sha256": "d" * 64}}
MODEL |= {"trainedOnPrivateData": False}
INPUT = {"role": "train", "countBucket": "200-500"}
INPUT |= {
    "commitment": {
        "scheme": "hmac-sha256-merkle/v1",
        "keyRef": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
        "root": "a" * 64,
    }
}
OUT_OF_BOUNDS = [
    *[(P + "models", [MODEL] * 13), (P + "inputs", [INPUT] * 3)],
    *[("subject", []), ("subject.0.name", ""), ("subject.0.digest.sha256", "A" * 64), ("_type", "x")],
    ("predicateType", "https://synthgen.dev/attestation/release/v2"),
    *[(P + "releaseId", "2026-11-20-12345"), (P + "dataset.name", "x" * 65)],
    *[(P + "dataset.records", 0), (P + "dataset.classes", 0)],
    *[(P + "producer.version", "1.2"), (P + "producer.madeBy", {"a-note": "1.0"})],
    *[
        (P + "producer.madeBy.numpy", wrong)
        for wrong in ("2.3 of John Doe", "12345678901234.1", "1.2.3.4.5", "e" * 64)
    ],
    *[(P + "producer.madeBy.source", "2.3.0"), (P + "producer.python", "e" * 64)],
    *[(P + "inputs.0.countBucket", wrong) for wrong in ("1-9", "1-437", "5-10", "200-501")],
    *[(P + "limitations.0", "John Doe has HIV."), (P + "limitations", [LIMITATIONS[0]] * 2)],
    *[(P + "privacy.nonPrivateSteps", [wrong]) for wrong in ("John Doe", LIMITATIONS[0])],
    *[
        (P + "dataset.language", wrong)
        for wrong in (["en", "en"], ["en-johnd-oehas"], ["en-John"], ["de-DE-hivpos"], ["en", "de", "fr", "it", "es"])
    ],
    *[(P + "dataset.license", "John Doe"), (P + "dataset.name", "John"), (P + "models.0.name", "john-doe")],
    *[(P + "models.0.revision", "a note"), (P + "inputs.0.countBucket", "1-500k"), (P + "models.0.format", "a note")],
    *[
        (P + "privacy.composition", wrong)
        for wrong in ([{"release": "a note"}], [RUN] * 65, [{**RUN, "mechanisms": [NOISE] * 65}])
    ],
    *[
        (P + "privacy", {**DP, "composition": [{**RUN, name: wrong}]})
        for name, wrong in (("epsilon", 0.0), ("delta", 0.0), ("delta", 1))
    ],
    (P + "privacy", {**DP, "composition": [{**RUN, "mechanisms": [NOISE] * 33}] * 2}),
    *[
        (P + "privacy", {**DP, "budget": {**BUDGET, name: wrong}})
        for name, wrong in (("delta", 0.0), ("delta", 1.0), ("spentBefore", -1.0), ("spentAfter", -1.0))
    ],
    *[(P + "privacy", {**DP, name: None}) for name in ("epsilon", "delta", "accountant", "sampling", "decision")],
    (P + "privacy", {**DP, "accountant": "RDP"}),
    *[(P + "privacy", {**DP, "sampleRate": wrong}) for wrong in ("John Doe", "1", "0.5 ", "1e-9")],
    *[(P + "producer.madeBy", wrong) for wrong in ({}, {"source": "e" * 64}, {"numpy": "2.3.0"})],
    *[(P + "policy.name", "No"), (P + "gates.0.metric", "memorization"), (P + "gates.0.id", "")],
    *[
        (P + "privacy", {**DP, name: wrong})
        for name, wrong in (("steps", -1), ("epsilon", 0.0), ("mechanism", "sgd"))
    ],
    *[(P + "privacy", {**DP, "delta": delta}) for delta in (0.0, 1.0)],
    *[(P + "inputs.0.commitment.keyRef", "x" * 36), (P + "inputs.0.commitment.root", "x" * 64)],
    *[(P + "inputs.0.countBucket", "11"), (P + "attempts.number", 0), (P + "attempts.number", 41)],
    (P + "attempts", {"number": 10**6 + 1, "ledger": {"id": "1" * 32, "entries": 10**9, "head": "f" * 64}}),
    *[
        (P + "attempts.ledger." + name, wrong)
        for name, wrong in (("entries", 0), ("entries", 10**9 + 1), ("id", "1" * 31), ("head", "f" * 63))
    ],
]


@pytest.mark.parametrize(("path", "wrong"), OUT_OF_BOUNDS, ids=[f"{p}-{i}" for i, (p, _) in enumerate(OUT_OF_BOUNDS)])
def test_fields_out_of_bounds_are_refused(clean, releases, path, wrong):
    value = releases.statement(clean)
    read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(value))
    with pytest.raises(VerifyError, match="E_PREDICATE"):
        read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(put(value, path, wrong)))


def test_fields_at_their_bounds_are_accepted(clean, releases):
    value = releases.statement(clean)
    for path, right in (
        (P + "privacy", {**DP, "steps": 0, "delta": 0.999, "budget": {**BUDGET, "delta": 0.999, "spentAfter": 0.0}}),
        (P + "privacy", {**DP, "composition": [{**RUN, "mechanisms": [NOISE]}] * 64}),
        (P + "privacy", {**DP, "composition": [{**RUN, "mechanisms": [NOISE] * 64}]}),
        *((P + name, 1) for name in ("dataset.records", "dataset.classes", "attempts.ledger.entries")),
        *((P + "models", [MODEL] * 12), (P + "inputs", [INPUT] * 2)),
        (P + "dataset.name", "x" * 64),
    ):
        read_statement(ReleaseStatement, PAYLOAD_TYPE, canonical(put(value, path, right)))


def test_refusal_has_its_own_type():
    policy = {"name": "p", "version": "1", "digest": {"sha256": "0" * 64}}
    predicate = {
        "schemaVersion": "5.8.0",
        "timeCreated": "2026-11-20T07:00:00Z",
        "verdict": "REFUSED",
        "policy": policy,
    }
    predicate |= {"gates": [], "reasons": [], "waivers": []}
    made = statement({"a": "1" * 64}, REFUSAL_TYPE, predicate)
    assert read_statement(RefusalStatement, PAYLOAD_TYPE, canonical(made)).predicate.verdict == "REFUSED"
    with pytest.raises(VerifyError, match="E_PREDICATE"):
        read_statement(RefusalStatement, PAYLOAD_TYPE, canonical({**made, "predicateType": APPROVAL_TYPE}))
