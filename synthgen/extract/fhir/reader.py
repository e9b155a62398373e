"""Read the notes of a FHIR R4 bulk export: NDJSON files and bundles."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.extract.documents import from_base64
from synthgen.extract.fhir import values
from synthgen.extract.fhir.attachments import URL_ONLY, Attachments
from synthgen.extract.fhir.notes import DOCUMENTS, NoteMaker, Paths
from synthgen.extract.fhir.resources import files_below, is_export, resources_of
from synthgen.extract.fhir.values import Resource, names, objects, reference, text, without_title
from synthgen.extract.links import OUTSIDE, is_outside
from synthgen.extract.note import Dropped, Fields, Item, MergedPerson, Note, PersonNames, StaffNames

OTHER_FILE = "file is not NDJSON or JSON"
LINKS = {"replaced-by", "replaces"}  # types of `Patient.link` that merge two patients
MAX_BINARY_CHARACTERS = 1 << 30  # largest total length of all Binary resources, which are kept in memory
TOO_MANY_BINARIES = "the Binary resources of the export together contain more than 1 GiB of data"


def read_fhir(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:  # noqa: ARG001 - JSON is UTF-8
    """Yield the notes in a FHIR R4 or R4B export, and the names and merges of persons.

    `path` is a file or a folder with files `.ndjson`, `.ndjson.gz`, `.jsonl`, `.jsonl.gz` or `.json`. Notes are made
    from three types of resources:
    - DocumentReference: the text of all attachments
    - DiagnosticReport: the attachments in `presentedForm`, else the conclusion, else a narrative that a person wrote
    - Composition: the narratives of all sections

    An attachment is base64 data, a file in the folder, or a Binary resource of the export. A URL is never fetched. A
    document is used if the status is current, superseded, final, amended, corrected, appended, unknown or not stated.
    A document with the status entered-in-error or cancelled withdraws all earlier versions of the document.

    Defaults of the fields:
    - person: the id of the patient in `subject`, after merges by `Patient.link`
    - encounter: the id in `encounter` or `context.encounter`
    - date: the start of `context.period` or `effectivePeriod`, else `effectiveDateTime`, `date` or `issued`
    - label: the LOINC name of `type`, else any coding of `type`, else the text of `type`; without `type`, the
      label comes from `code` in the same way, and without `code` from `category`
    - author: the displayed name or reference in `author`, `performer` or `resultsInterpreter`

    Overrides in `fields` are paths such as `type.coding[system=urn:x].code`. A path that begins with `encounter.` or
    `patient.` is read in the encounter or patient of the document. The values at such paths are kept in memory.

    Raises:
        DataError: there is no file or no document; no document has a text, and one or more have only a URL; the
            Binary resources exceed 1 GiB; or a path in `fields` is malformed.

    Privacy: reads texts, names and identifiers of patients and staff.
    """
    paths = Paths.of(fields)
    files = files_below(path)
    outside = {file for file in files if is_outside(file, path)}
    exported = [file for file in files if is_export(file) and file not in outside]
    if not exported:
        hint = "Set source.path to the folder of the FHIR export."
        raise DataError(f"{path}: there is no NDJSON or JSON file", hint=hint)
    folder = path if path.is_dir() else path.parent
    shown = {file: file.relative_to(folder).as_posix() for file in files}
    for file in sorted({*files} - {*exported}):
        yield Dropped(OUTSIDE if file in outside else OTHER_FILE, shown[file])
    people, types = _People(paths), Counter[str]()
    yield from _persons({file: shown[file] for file in exported}, people, types)
    if people.subject_identifiers:
        yield from _merged_identifiers(exported, people)
    attachments = Attachments(folder if path.is_dir() else None, people.binary)
    maker = NoteMaker(paths, people.lookups, attachments)
    n_notes, reasons = 0, Counter[str]()
    for file in exported if any(types[kind] for kind in DOCUMENTS) else []:
        for entry in resources_of(file, shown[file]):
            if isinstance(entry, Dropped) or text(entry[0].get("resourceType")) not in DOCUMENTS:
                continue
            for item in maker.items(*entry):
                n_notes += isinstance(item, Note)
                reasons.update([item.reason] if isinstance(item, Dropped) else [])
                yield item
    _require_notes(path, n_notes, types, reasons)


def _persons(shown: Mapping[Path, str], people: "_People", types: Counter[str]) -> Iterator[Item]:
    # the first pass over the export: yields names and merges, and counts the resources by type in `types`
    for file, name in shown.items():
        for entry in resources_of(file, name):
            if isinstance(entry, Dropped):
                yield entry
                continue
            resource, _ = entry
            types[text(resource.get("resourceType"))] += 1
            yield from people.items(resource)


def _merged_identifiers(files: Sequence[Path], people: "_People") -> Iterator[Item]:
    # Some documents state an identifier of the patient in place of the id. The identifier and the id are merged into
    # one person. An identifier that several patients have is not merged, because it could be a placeholder.
    owners: dict[str, set[str]] = defaultdict(set)
    for file in files:
        for entry in resources_of(file, file.name):
            if isinstance(entry, Dropped) or text(entry[0].get("resourceType")) != "Patient":
                continue
            patient, _ = entry
            identifiers = map(values.identifier_key, objects(patient.get("identifier")))
            for key in people.subject_identifiers.intersection(identifiers):
                owners[key].add(text(patient.get("id")))
    for key, ids in sorted(owners.items()):
        if len(ids) == 1 and "" not in ids:  # patients without an id are different persons
            yield MergedPerson(people.id_of(key), people.id_of(*ids))


def _require_notes(path: Path, n_notes: int, types: Counter[str], reasons: Counter[str]) -> None:
    if n_notes:
        return
    if not any(types[kind] for kind in DOCUMENTS):
        shown = sorted(item for item in types.items() if item[0].isalpha() and len(item[0]) < 40)
        known = [f"the export has {n} resources of the type {kind}" for kind, n in shown]
        hint = f"Export the types {', '.join(DOCUMENTS)} as well."
        raise DataError(f"{path}: the export has no resource that can contain a note", problems=known[:30], hint=hint)
    if reasons[URL_ONLY]:
        raise DataError(
            f"{path}: no document contains its text, and {reasons[URL_ONLY]} documents contain only a URL",
            hint="Export the attachments too, as base64 data or as files in the folder of the export, "
            "then run the command again.",
        )


class _People:
    # Collects the values that documents refer to. The export is read for these values first, and then for documents.

    def __init__(self, paths: Paths) -> None:
        self.subject_identifiers: set[str] = set()  # identifiers of patients that documents state in place of ids
        self.id_of = paths.patient  # id of a patient, or identifier stated in its place -> person identifier
        self._paths = paths
        self.lookups: dict[str, dict[str, dict[str, str]]] = {"encounter": {}, "patient": {}}
        self._binaries: dict[str, tuple[str, str]] = {}  # id of a Binary resource -> (base64 data, content type)
        self._n_characters = 0  # total length of the data in `_binaries`

    def binary(self, identity: str) -> tuple[bytes, str] | None:
        """Return (data, content type) of a Binary resource, or None if the resource is missing or is not base64."""
        data, kind = self._binaries.get(identity, ("", ""))
        decoded = from_base64(data) if data else None
        return None if decoded is None else (decoded, kind)

    def items(self, resource: Resource) -> Iterator[Item]:
        """Yield the names and merges that a resource states, and keep the values that documents refer to."""
        kind, identity = text(resource.get("resourceType")), text(resource.get("id"))
        if kind == "Patient" and identity:
            yield from self._patient(resource, identity)
        elif kind == "RelatedPerson":
            person = reference(resource.get("patient"), "Patient")
            if person and (found := names(resource.get("name"))):
                yield PersonNames(self.id_of(person), tuple(found))
        elif kind == "Practitioner" and (found := names(resource.get("name"))):
            yield StaffNames(tuple(found))
        elif kind == "Encounter":
            yield from self._encounter(resource, identity)
        elif kind in DOCUMENTS and values.is_logical(resource.get("subject")):
            self.subject_identifiers.add(reference(resource.get("subject"), "Patient"))
        elif kind == "Binary" and isinstance(resource.get("data"), str):
            self._n_characters += len(resource["data"])
            if self._n_characters > MAX_BINARY_CHARACTERS:
                hint = "Export the data inside the attachments (Attachment.data), not as Binary resources."
                raise DataError(TOO_MANY_BINARIES, hint=hint)
            self._binaries[identity] = resource["data"], text(resource.get("contentType"))

    def _patient(self, resource: Resource, identity: str) -> Iterator[Item]:
        for link in objects(resource.get("link")):
            other, how = reference(link.get("other"), "Patient"), text(link.get("type"))
            if other and other != identity and how in LINKS:
                old, new = (identity, other) if how == "replaced-by" else (other, identity)
                yield MergedPerson(self.id_of(old), self.id_of(new))
        found = names(resource.get("name"))
        found += [name for contact in objects(resource.get("contact")) for name in names(contact.get("name"))]
        found += [
            text(one.get("valueString"))
            for one in objects(resource.get("extension"))
            if text(one.get("url")).endswith("/patient-mothersMaidenName")
        ]
        if found := [name for name in found if name]:
            yield PersonNames(self.id_of(identity), tuple(dict.fromkeys(found)))
        if configured := self._paths.values("patient", resource):
            self.lookups["patient"][identity] = configured

    def _encounter(self, resource: Resource, identity: str) -> Iterator[Item]:
        staff = [
            without_title(text(one.get("display")))
            for participant in objects(resource.get("participant"))
            for name in ("individual", "actor")
            for one in objects(participant.get(name))
        ]
        if staff := [name for name in staff if name]:
            yield StaffNames(tuple(dict.fromkeys(staff)))
        person = reference(resource.get("subject"), "Patient")
        displayed = [without_title(text(one.get("display"))) for one in objects(resource.get("subject"))]
        if person and any(displayed):
            yield PersonNames(self.id_of(person), tuple(filter(None, displayed)))
        if identity and (configured := self._paths.values("encounter", resource)):
            self.lookups["encounter"][identity] = configured
