"""Make each file of a bundle whose bytes follow from the statement, the policy, the results and the data.

A bundle is the folder of a released dataset. The releaser writes the files with this module. The verifier makes them
again and compares the bytes, so even a releaser with a valid key cannot add anything to them. If a change to this
module changes the bytes, raise `SCHEMA_VERSION` in `audits.verify.statement`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from audits.core.strictyaml import block_yaml
from audits.gate.policy import decide
from audits.report import ReportContent, SourceSize, gate_rows, render_report
from audits.report.numbers import least_of
from audits.verify import contents
from audits.verify.budget import NO_MECHANISM
from audits.verify.card import card, guarantee_of
from audits.verify.contents import JSONL, PARQUET
from audits.verify.published import BundleParts, Page, Utility
from audits.verify.statement import Producer, ReleasePredicate
from audits.verify.vocabulary import GUESSABLE, REASONS, WRITING

_FORMATS = {PARQUET: "application/x-parquet", JSONL: "application/jsonlines"}
_CROISSANT_TERMS = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
_CONTEXT = {
    **{name: f"cr:{name}" for name in _CROISSANT_TERMS.split()},
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}

_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A synthetic record",
    "type": "object",
    "properties": {
        "id": {
            "type": "string",
            "pattern": "^[0-9a-f]{16}$",
            "description": "first 16 hexadecimal digits of a SHA-256 digest of the label, the text and the "
            "number of equal records before this one",
        },
        "text": {"type": "string", "minLength": 1, "description": "synthetic text"},
        "label": {"type": "string", "minLength": 1, "description": "the class for which the text was made"},
    },
    "required": list(contents.COLUMNS),
    "additionalProperties": False,
}


def bundle_files(parts: BundleParts) -> dict[str, bytes]:
    """Return all files of a bundle by name, except `attestation/` and the data files.

    Raise VerifyError (E_UNSAFE) if the report would be larger than allowed.
    """
    stated, results = parts.predicate, parts.report.audit.results
    files = {
        contents.README: card(parts),
        contents.CROISSANT: _json(croissant(parts)),
        contents.LICENSE: f"The dataset {stated.dataset.name} is licensed under: {stated.dataset.license}\n".encode(),
        contents.CITATION: _citation(stated),
        contents.RECORD_SCHEMA: _json(_SCHEMA),
        contents.REPORT_HTML: render_report(page_of(parts)).encode(),
        contents.REPORT_JSON: _json(parts.report.model_dump(mode="json", by_alias=True)),
        contents.METRICS: parts.evidence.to_bytes(),
        contents.POLICY_JSON: parts.policy.to_bytes(),
        **source_files(parts.policy, parts.config),
        contents.RUN: _json(_written(parts.report.page)),
        contents.SBOM: _json(_sbom(stated.producer)),
        **{f"evidence/{result.name}.json": _json(result.model_dump(mode="json")) for result in results},
    }
    digests = {**{name: hashlib.sha256(data).hexdigest() for name, data in files.items()}, **parts.data}
    return {**files, contents.SUMS: "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()}


def release_id(created: str, evidence_digest: str, policy_digest: str, data: Mapping[str, str]) -> str:
    """Return the release id: the date, and six hex digits of a digest over evidence, policy and data."""
    digest = hashlib.sha256(evidence_digest.encode() + policy_digest.encode())
    for name in sorted(data):
        digest.update(bytes.fromhex(data[name]))
    return f"{created[:10]}-{digest.hexdigest()[:6]}"


def source_files(policy: Any, config: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the policy and the redacted configuration as YAML files, by file name."""
    return {contents.POLICY_YAML: block_yaml(policy.model_dump(mode="json")), contents.CONFIG: block_yaml(config)}


def page_of(parts: BundleParts) -> ReportContent:
    """Return the content of the public report."""
    stated, policy, page = parts.predicate, parts.policy, parts.report.page
    decision = decide(parts.evidence, policy)
    digests = {"policy": decision.policy_digest, "evidence": decision.evidence_digest}
    return ReportContent(
        title=stated.dataset.name,
        release_id=stated.release_id,
        created=stated.time_created,
        policy_name=policy.name,
        policy_statement=policy.statement,
        intended_use=policy.intended_use,
        verdict="released",
        gates=gate_rows(decision.gates, policy),
        without_gate=gate_rows(decision.without_gate, policy),
        **page_numbers(page),
        audits=tuple(result.model_dump(mode="json") for result in parts.report.audit.results),
        provenance={
            "tool": f"{stated.producer.tool} {stated.producer.version}",
            **digests,
            **{f"{model.role} {model.name}": model.digest.sha256 for model in stated.models},
        },
        limitations=stated.limitations,
        guarantee=guarantee_of(stated.privacy, policy),
        source=_source(parts),
        samples=parts.samples,
        approvals=tuple((rule.role, rule.threshold) for rule in policy.approvals),
        is_guessable=GUESSABLE in stated.limitations,
    )


def _source(parts: BundleParts) -> SourceSize:
    stated = parts.predicate
    bucket = next((source.count_bucket for source in stated.inputs if source.role == "train"), None)
    has_persons = stated.privacy.unit == "group"
    if stated.privacy.mechanism != NO_MECHANISM:  # under DP, `bucket` contains the declared `dp.persons`
        return SourceSize(persons=None if bucket is None else least_of(bucket), is_least=True, is_declared=True)
    audits = [result.model_dump(mode="json") for result in parts.report.audit.results]
    persons = people(audits) if has_persons else None
    return SourceSize(records=bucket, persons=persons, is_least=True, has_persons=has_persons)


def people(results: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the sample size of the memorization audit, a lower bound on the number of people in train.

    Train has the source records from which the dataset was made. The result is None if the audit has no estimate.
    """
    found = [result["estimate"] for result in results if result["name"] == "memorization"]
    return None if not found or found[0] is None else int(found[0]["n"])


def page_numbers(page: Page) -> dict[str, Any]:
    """Return the numbers of a `Page` as arguments of `ReportContent`; the duration of each stage is None."""
    return {
        "balance": tuple((row.label, row.real, row.requested, row.released) for row in page.balance),
        "filters": page.filters,
        "stages": tuple((row.name, row.n_in, row.n_out, None) for row in page.stages),
        "utility": {} if page.utility == Utility() else page.utility.model_dump(mode="json", exclude_none=True),
    }


def _written(page: Page) -> dict[str, Any]:
    """Return the content of `contents.RUN`: the number of texts per writing stage and per reason for rejection."""
    return {
        "schemaVersion": 4,
        "written": {row.name: row.n_out for row in page.stages if row.name in WRITING},
        "rejected": {reason: n for reason, n in page.filters.items() if reason in REASONS},
    }


def _citation(stated: ReleasePredicate) -> bytes:
    name = stated.dataset.name
    return (
        f"cff-version: 1.2.0\nmessage: Cite the release you used.\ntype: dataset\ntitle: {json.dumps(name)}\n"
        f"version: {json.dumps(stated.release_id)}\ndate-released: {stated.time_created[:10]}\n"
        f"authors:\n  - name: {json.dumps('SynthGen release of ' + name)}\n"
    ).encode()


def _sbom(producer: Producer) -> dict[str, Any]:
    # software bill of materials (CycloneDX 1.6); without time and serial number, its bytes depend only on versions
    libraries = {k: v for k, v in producer.made_by.items() if k not in {"source", "audits"} and v != "absent"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": producer.tool, "version": producer.version},
            "properties": [{"name": "python", "value": producer.python}],
        },
        "components": [
            {"type": "library", "name": name, "version": version}
            | dict.fromkeys(("purl", "bom-ref"), f"pkg:pypi/{name}@{version}")
            for name, version in sorted(libraries.items())
        ],
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False).encode() + b"\n"


def croissant(parts: BundleParts) -> dict[str, Any]:
    """Return croissant.json, which describes the dataset in the format Croissant 1.1 with its extension RAI 1.0."""
    dataset, release_id, policy = parts.predicate.dataset, parts.predicate.release_id, parts.policy
    main = PARQUET if PARQUET in parts.data else JSONL
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": dataset.name,
        "description": f"{policy.statement} Synthetic labelled text released under the policy {policy.name}.",
        "version": f"1.0.0+{release_id}",
        "datePublished": parts.predicate.time_created[:10],
        "license": dataset.license,
        "inLanguage": list(dataset.language),
        "citeAs": f"{dataset.name}, synthetic dataset, release {release_id}",
        "url": f"urn:synthgen:{dataset.name}:{release_id}",
        "usageInfo": policy.statement,
        "rai:personalSensitiveInformation": "Every record is synthetic; report/report.html lists the tests.",
        "rai:dataCollectionType": "Synthetic",
        "rai:dataLimitations": list(parts.predicate.limitations),
        "rai:dataUseCases": "Training of text classifiers.",
        "rai:dataManipulationProtocol": "Embeddings drawn within a class, decoded by a language model.",
        "prov:wasGeneratedBy": {"@type": "prov:Activity", "name": "synthgen release", "identifier": release_id},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "encodingFormat": _FORMATS[name],
                "sha256": parts.data[name],
            }
            for name in sorted(parts.data)
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "records",
                "name": "records",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"records/{column}",
                        "name": column,
                        "dataType": "sc:Text",
                        "source": {"fileObject": {"@id": main}, "extract": {"column": column}},
                    }
                    for column in contents.COLUMNS
                ],
            }
        ],
    }
