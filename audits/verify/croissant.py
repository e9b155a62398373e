"""Describe a release in the machine-readable format Croissant 1.1, with the terms of its extension RAI 1.0."""

from typing import Any

from audits.verify.contents import COLUMNS, JSONL, PARQUET
from audits.verify.published import BundleParts

_FORMATS = {PARQUET: "application/x-parquet", JSONL: "application/jsonlines"}
_NAMES = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
_CONTEXT = {
    **{name: f"cr:{name}" for name in _NAMES.split()},
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


def croissant(parts: BundleParts) -> dict[str, Any]:
    """Return the content of croissant.json."""
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
                    for column in COLUMNS
                ],
            }
        ],
    }
