"""Show the receiver of a bundle (a release folder) what the bundle states about itself; nothing is verified."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from audits.verify.contents import COLUMNS
from audits.verify.outcome import printable
from synthgen.receive.received import ReceivedBundle

UNVERIFIED = "Nothing was verified. Run `synthgen verify BUNDLE --trust TRUST.json` before you use the data."


@dataclass(frozen=True, slots=True)
class Overview:
    """The description of a bundle; nothing in it is verified."""

    fields: dict[str, Any]  # JSON data; the function `overview` sets the names

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON-compatible data."""
        return self.fields

    def to_text(self) -> str:
        """Return the description as lines; the first and the last line state that nothing was verified."""
        fields = self.fields
        lines = [
            UNVERIFIED,
            f"dataset: {fields['name']}, release {fields['releaseId']}",
            f"digest of the statement: {fields['digest']}",
            f"made: {fields['time']}, expires: {fields['expires'] or 'never'}",
            f"formats: {', '.join(f'{name} {version}' for name, version in fields['formats'].items())}",
            *_record_lines(fields["records"]),
            *_policy_lines(fields),
            *(f"limitation: {limit}" for limit in fields["limitations"]),
            *(f"model: {m['role']} {m['name']}, {m['format']}, sha256 {m['digest']}" for m in fields["models"]),
            *_signer_lines(fields),
            *(f"file: {file['name']}, {file['bytes']} bytes" for file in fields["files"]),
            UNVERIFIED,
        ]
        return "\n".join(map(printable, lines))  # replaces line breaks, which a label or a name may contain


def overview(bundle: ReceivedBundle) -> Overview:
    """Return the description of a bundle; the description contains no text of a record."""
    stated = bundle.statement.predicate
    predicate_json = stated.model_dump(mode="json", by_alias=True)
    decisions = [
        {"role": made.role, "decision": made.decision, "person": made.person, "time": made.time, "keyid": keyid}
        for keyid, made in bundle.decisions
    ]
    fields = {
        "verified": False,
        "name": stated.dataset.name,
        "releaseId": stated.release_id,
        "digest": bundle.digest,
        "time": stated.time_created,
        "expires": stated.expires,
        "formats": {"statement": stated.schema_version, "synthgen": stated.producer.version},
        "license": stated.dataset.license,
        "language": list(stated.dataset.language),
        "files": [{"name": name, "bytes": size} for name, size in bundle.sizes.items()],
        "records": _records(bundle),
        "models": [{**model, "digest": model["digest"]["sha256"]} for model in predicate_json["models"]],
        "policy": {**predicate_json["policy"], "digest": stated.policy.digest.sha256},
        "use": predicate_json["use"],
        "gates": predicate_json["gates"],
        "guarantee": predicate_json["privacy"],
        "limitations": predicate_json["limitations"],
        "signers": list(bundle.keyids),
        "approvals": {"required": predicate_json["approvalsRequired"], "decisions": decisions},
    }
    return Overview(fields)


def _records(bundle: ReceivedBundle) -> dict[str, Any]:
    texts = [text for _, text, _ in bundle.rows]
    return {
        "count": len(bundle.rows),
        "columns": list(COLUMNS),
        "classes": dict(sorted(Counter(label for _, _, label in bundle.rows).items())),
        "characters": _spread([len(text) for text in texts]),
        "words": _spread([len(text.split()) for text in texts]),
    }


def _spread(numbers: Sequence[int]) -> dict[str, float]:
    return {"least": min(numbers), "median": median(numbers), "most": max(numbers)}


def _record_lines(records: dict[str, Any]) -> list[str]:
    lengths = "lengths in {unit}: {least} to {most}, median {median}"
    return [
        f"records: {records['count']}, with the columns {', '.join(records['columns'])}",
        *(lengths.format(unit=unit, **records[unit]) for unit in ("characters", "words")),
        *(f"class: {label}, {count} records" for label, count in records["classes"].items()),
    ]


def _policy_lines(fields: dict[str, Any]) -> list[str]:
    policy, privacy = fields["policy"], fields["guarantee"]
    claim = "epsilon {epsilon}, delta {delta}" if privacy["epsilon"] is not None else "no epsilon claimed"
    gates = (
        f"{'gate' if gate['gating'] else 'verdict without effect on the release'}: {gate['id']} {gate['verdict']}, "
        f"{gate['metric']} {gate['value']} {gate['op']} {gate['threshold']}"
        for gate in fields["gates"]
    )
    return [
        f"policy: {policy['name']} version {policy['version']}, sha256 {policy['digest']}",
        f"intended use: {fields['use']['scope']} the institution. {fields['use']['statement']}",
        f"license: {fields['license']}",
        f"guarantee: {privacy['mechanism']} per {privacy['unit']}, {claim.format(**privacy)}",
        *gates,
    ]


def _signer_lines(fields: dict[str, Any]) -> list[str]:
    approvals = fields["approvals"]
    return [
        *(f"signed by key: {keyid}" for keyid in fields["signers"]),
        *(f"approval required: {rule['threshold']} {rule['role']}" for rule in approvals["required"]),
        *(f"decision: {d['decision']} by {d['person']} ({d['role']}), {d['time']}" for d in approvals["decisions"]),
    ]
