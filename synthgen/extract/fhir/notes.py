"""Make notes from FHIR resources that are documents: DocumentReference, DiagnosticReport and Composition."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from synthgen.core.errors import DataError
from synthgen.extract.fhir import values
from synthgen.extract.fhir.attachments import PARTLY_READ, Attachments, Texts, add_narrative, add_sections
from synthgen.extract.fhir.values import Resource, at_path, first, names, objects, reference, text, without_title
from synthgen.extract.note import Dropped, Fields, Item, MergedPerson, Note, PersonNames, Remark, StaffNames

DOCUMENTS = ("DocumentReference", "DiagnosticReport", "Composition")
LOINC = "http://loinc.org"
# a missing status counts as final
_FINAL = {"", "current", "final", "amended", "corrected", "appended", "unknown", "superseded"}
_WITHDRAWN = {"entered-in-error", "cancelled"}  # statuses that withdraw a document
_NOT_FINAL = {"preliminary", "registered", "partial", "modified", "deprecated"}
UNKNOWN_STATUS, NO_PATIENT = "status is not a valid status of FHIR", "subject is not a patient"
INVALID_DATE = "date is not valid"
_DATE = re.compile(r"\d{4}(-\d{2}){0,2}(?!\d)")  # start of a valid date


# resource type ("encounter" or "patient") -> id of a resource -> field -> value at the configured path of this field
Lookups = Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Paths:
    """The configured paths in `source.fields`, which override the default places of fields."""

    # field -> (resource in which the path is read: "encounter", "patient", or "" for the document; path)
    by_field: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, fields: Fields) -> "Paths":
        """Return the configured paths; raise DataError if a path is malformed."""
        found: dict[str, tuple[str, str]] = {}
        problems = []
        overrides = {name: path for name, path in asdict(fields).items() if path is not None}
        for name, path in overrides.items():
            resource = next((kind for kind in ("encounter", "patient") if path.startswith(f"{kind}.")), "")
            found[name] = resource, path.removeprefix(f"{resource}.") if resource else path
            if not values.is_path(found[name][1]):
                problems.append(f"source.fields.{name}: {path!r} is not a path of FHIR elements")
        if problems:
            hint = "Use names joined by dots with optional filters, for example `type.coding[system=urn:x].code`."
            raise DataError("source.fields cannot be used", problems=problems, hint=hint)
        return cls(found)

    def patient(self, identity: str) -> str:
        """Return the person identifier for `identity`, the id of a patient.

        If `source.fields.person` is set, person identifiers are not ids of patients. In this case, the result has a
        prefix, because the id could equal the person identifier of a different patient.
        """
        return f"Patient/{identity}" if "person" in self.by_field else identity

    def values(self, kind: str, resource: Resource) -> dict[str, str]:
        """Return field -> value in `resource`, for the fields whose configured path is read in the type `kind`."""
        paths = {name: path for name, (owner, path) in self.by_field.items() if owner == kind}
        return {name: next(at_path(resource, path), "") for name, path in paths.items()}


class NoteMaker:
    """Make items from FHIR documents, such as notes and names of persons."""

    def __init__(self, paths: Paths, lookups: Lookups, attachments: Attachments) -> None:
        self._paths, self._lookups, self._attachments = paths, lookups, attachments

    def items(self, resource: Resource, place: str) -> Iterator[Item]:
        """Yield the note of a document, or a `Dropped`; also yield names, merges of persons, and remarks."""
        reason, is_withdrawn = _status(resource)
        if reason and not is_withdrawn:
            yield Dropped(reason, place)
            return
        if values.refers_elsewhere(resource.get("subject"), "Patient"):
            yield Dropped(NO_PATIENT, place)
            return
        subject = reference(resource.get("subject"), "Patient")
        person = self._field("person", resource, subject)
        if person and subject and (stated := self._paths.patient(subject)) != person:
            yield MergedPerson(stated, person)  # `_People` yields names of the patient under `stated`
        private, staff = _names(resource)
        if staff:
            yield StaffNames(tuple(staff))
        if person and private:
            yield PersonNames(person, tuple(private))
        texts = Texts() if is_withdrawn else self._texts(resource)
        yield from (Remark(remark, place) for remark in dict.fromkeys(texts.remarks))
        joined = texts.joined()
        if not joined and not is_withdrawn:
            yield Dropped(texts.reason(), place)
            return
        yield from (Remark(PARTLY_READ.format(reason=why), place) for why in dict.fromkeys(texts.reasons))
        note = self._note(resource, place, person, joined, reason)  # `reason` is "" unless the document is withdrawn
        if note.date and not _DATE.match(note.date):
            yield Remark(INVALID_DATE, place)
            note = replace(note, date="")
        yield note

    def _note(self, resource: Resource, place: str, person: str, joined: str, withdrawn: str) -> Note:
        aliases = values.keys(resource)
        return Note(
            place=place,
            # the last alias is `TYPE/ID` if the resource has an id
            document=aliases[-1] if text(resource.get("id")) else place,
            text=joined,
            person=person,
            label=self._field("label", resource, _type(resource)),
            encounter=self._field("encounter", resource, encounter_of(resource)),
            date=self._field("date", resource, _date(resource)),
            author=self._field("author", resource, _author(resource)),
            version=values.version(resource),
            aliases=tuple(aliases),
            replaces=tuple(_replaced(resource)),
            is_superseded=text(resource.get("status")) == "superseded",
            withdrawn=withdrawn,
        )

    def _field(self, name: str, resource: Resource, default: str) -> str:
        # returns the value at the configured path of a field, or `default` if no path is configured
        owner, path = self._paths.by_field.get(name, ("", ""))
        if not path:
            return default
        if not owner:
            return next(at_path(resource, path), "")
        is_encounter = owner == "encounter"
        identity = encounter_of(resource) if is_encounter else reference(resource.get("subject"), "Patient")
        return self._lookups[owner].get(identity, {}).get(name, "")

    def _texts(self, resource: Resource) -> Texts:
        texts, kind = Texts(), text(resource.get("resourceType"))
        if kind == "DocumentReference":
            contents = objects(resource.get("content"))
            self._attachments.read([a for content in contents for a in objects(content.get("attachment"))], texts)
        elif kind == "DiagnosticReport":
            self._attachments.read(objects(resource.get("presentedForm")), texts)
            if not texts.found and (conclusion := text(resource.get("conclusion"))):
                texts.found.append(conclusion)
            if not texts.found:
                add_narrative(resource.get("text"), texts)
        else:
            add_sections(resource.get("section"), texts)
        return texts


def _status(resource: Resource) -> tuple[str, bool]:
    # returns (reason why the document is not used or "" if it is used, True if the document is withdrawn)
    for status in (text(resource.get("status")), text(resource.get("docStatus"))):
        if status in _WITHDRAWN:
            return f"status {status}", True
        if status in _NOT_FINAL:
            return f"status {status}", False
        if status not in _FINAL:
            return UNKNOWN_STATUS, False
    return "", False


def encounter_of(resource: Resource) -> str:
    """Return the id of the encounter of a document, or "" if the document names no encounter."""
    contexts = [resource.get("encounter"), *(c.get("encounter") for c in objects(resource.get("context")))]
    return first(*(reference(one, "Encounter") for value in contexts for one in values.items(value)))


def _type(resource: Resource) -> str:
    for name in ("type", "code", "category"):
        concepts = objects(resource.get(name))
        codings = [coding for concept in concepts for coding in objects(concept.get("coding"))]
        ordered = [c for c in codings if text(c.get("system")) == LOINC] + codings
        found = first(*(first(c.get("display"), c.get("code")) for c in ordered), *(c.get("text") for c in concepts))
        if found:
            return found
    return ""


def _date(resource: Resource) -> str:
    periods = [p.get("start") for c in objects(resource.get("context")) for p in objects(c.get("period"))]
    effective = [p.get("start") for p in objects(resource.get("effectivePeriod"))]
    others = (resource.get(name) for name in ("effectiveDateTime", "date", "issued"))
    return first(*periods, *effective, *others)


def _references(resource: Resource, *fields: str) -> list[Resource]:
    return [one for name in fields for one in objects(resource.get(name))]


def _author(resource: Resource) -> str:
    authors = _references(resource, "author", "performer", "resultsInterpreter")
    return first(*(first(without_title(text(one.get("display"))), one.get("reference")) for one in authors))


def _replaced(resource: Resource) -> Iterator[str]:
    for related in objects(resource.get("relatesTo")):
        code = related.get("code")  # a word in R4, a coded concept in R5
        words = {text(code), *at_path(code, "coding.code")}
        if "replaces" in words:
            for name in ("target", "targetReference", "targetIdentifier"):
                value = related.get(name)
                yield from values.target_keys({"identifier": value} if name == "targetIdentifier" else value)


def _names(resource: Resource) -> tuple[list[str], list[str]]:
    # returns (names of the patient and contacts, names of staff)
    private = [without_title(text(one.get("display"))) for one in objects(resource.get("subject"))]
    staff = [
        without_title(text(one.get("display")))
        for one in _references(resource, "author", "performer", "resultsInterpreter", "authenticator")
        if "Organization" not in f"{text(one.get('type'))} {text(one.get('reference'))}"
    ]
    for contained in objects(resource.get("contained")):
        kind = text(contained.get("resourceType"))
        private += names(contained.get("name")) if kind in {"Patient", "RelatedPerson"} else []
        staff += names(contained.get("name")) if kind == "Practitioner" else []
    return [name for name in dict.fromkeys(private) if name], [name for name in dict.fromkeys(staff) if name]
