"""Write the clinic as C-CDA documents, one file per note."""

import base64
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from fictional_clinic.exports.plan import Document, rtf

ROOT = "2.16.840.1.113883.19.5.99999"  # object identifier that is reserved for examples
# kinds of documents that C-CDA cannot express: it has no second resource for a report, and it requires a patient
_LEFT_OUT = {"twice", "no-person"}


def write_ccda(folder: Path, planned: Sequence[Document]) -> list[Document]:
    """Write the documents that C-CDA can express to `folder`, and return these documents."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [d for d in planned if d.kind not in _LEFT_OUT]
    encodings = ("utf-8", "iso-8859-1", "utf-16")
    for document in written:
        encoding = encodings[document.number % len(encodings)]
        text = f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n{_document(document)}\n'
        (folder / f"{document.id}-v{document.version}.xml").write_bytes(text.encode(encoding))
    return written


def _id(extension: str, name: str = "id") -> str:
    return f'<{name} root="{ROOT}" extension={quoteattr(extension)}/>'


def _name(first: str, last: str) -> str:
    return f"<name><given>{escape(first)}</given><family>{escape(last)}</family></name>"


def _document(document: Document) -> str:
    patient, day = document.patient, document.day.strftime("%Y%m%d")
    first, _, last = document.writer.name.partition(" ")
    status = {"withdrawn": "nullified", "preliminary": "active"}.get(document.kind, "completed")
    parent = f"<parentDocument>{_id(f'{document.replaces}-v1')}</parentDocument>"
    related = f'<relatedDocument typeCode="RPLC">{parent}</relatedDocument>'
    return f"""<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
{_id(f"{document.id}-v{document.version}")}
<code code="34117-2" codeSystem="2.16.840.1.113883.6.1" displayName="History and physical note"/>
<title>Outpatient note</title>
<sdtc:statusCode code="{status}"/>
<effectiveTime value="{day}"/>
{_id(document.id, "setId")}
<versionNumber value="{document.version}"/>
<recordTarget><patientRole>{_id(patient.id)}<patient>{_name(patient.first, patient.last)}
<administrativeGenderCode code="{"F" if patient.woman else "M"}"/><birthTime value="{patient.born:%Y%m%d}"/>
</patient></patientRole></recordTarget>
<author><time value="{day}"/><assignedAuthor>{_id("c1")}<assignedPerson>{_name(first, last)}</assignedPerson>
</assignedAuthor></author>
{related if document.replaces else ""}
<componentOf><encompassingEncounter>{_id(f"e-{document.id}")}<effectiveTime><low value="{day}"/></effectiveTime>
<location><healthCareFacility><code displayName={quoteattr(document.specialty)}/></healthCareFacility></location>
</encompassingEncounter></componentOf>
<component>{_body(document)}</component>
</ClinicalDocument>"""


def _body(document: Document) -> str:
    if document.kind == "url":
        return '<nonXMLBody><text mediaType="text/plain"><reference value="https://ehr.example.org/1"/></text></nonXMLBody>'
    if document.kind == "image":
        return '<nonXMLBody><text mediaType="image/png" representation="B64">iVBORw0KGgo=</text></nonXMLBody>'
    if document.number % 4 == 3:
        data = base64.b64encode(rtf(document.text)).decode()
        return f'<nonXMLBody><text mediaType="text/rtf" representation="B64">{data}</text></nonXMLBody>'
    return f"""<structuredBody><component><section>
<code code="34109-9" codeSystem="2.16.840.1.113883.6.1" displayName="Note"/>
<text><paragraph>{escape(document.text)}</paragraph></text>
<entry><observation classCode="OBS" moodCode="EVN"><value>coded content is not text</value></observation></entry>
</section></component></structuredBody>"""
