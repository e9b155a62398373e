"""Describe a release in machine-readable form: Croissant 1.1 with the terms of RAI 1.0."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audits.core.instants import stamp
from audits.verify.contents import COLUMNS, JSONL, PARQUET
from synthgen.release.content import BundleContent

_FORMATS = {PARQUET: "application/vnd.apache.parquet", JSONL: "application/jsonlines"}
_CONTEXT = {
    **{
        name: f"cr:{name}"
        for name in (
            *("citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes"),
            *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
            *("repeated", "replace", "separator", "source", "subField", "transform"),
        )
    },
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


def croissant(content: BundleContent, digests: Mapping[str, str], release_id: str, now: datetime) -> dict[str, Any]:
    """Return the content of croissant.json; `digests` maps the name of each data file to its sha256."""
    main, key, value = (PARQUET, "column", "{}") if PARQUET in digests else (JSONL, "jsonPath", "$.{}")
    policy = content.policy
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": content.name,
        "description": f"{policy.statement} Synthetic labelled text released under the policy {policy.name}.",
        "version": f"1.0.0+{release_id}",
        "datePublished": stamp(now)[:10],
        "license": content.license,
        "inLanguage": list(content.languages),
        "citeAs": f"{content.name}, synthetic dataset, release {release_id}",
        "url": f"urn:synthgen:{content.name}:{release_id}",
        "usageInfo": policy.statement,
        "rai:personalSensitiveInformation": "Every record is synthetic; report/report.html lists the tests.",
        "rai:dataCollectionType": "Synthetic",
        "rai:dataLimitations": list(content.limitations),
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
                "sha256": digests[name],
            }
            for name in sorted(digests)
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
                        "source": {"fileObject": {"@id": main}, "extract": {key: value.format(column)}},
                    }
                    for column in COLUMNS
                ],
            }
        ],
    }
