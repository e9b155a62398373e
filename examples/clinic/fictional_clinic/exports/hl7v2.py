"""Write the clinic as HL7 v2 messages: MDM with the notes, and ADT^A40 for merged patients."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from fictional_clinic.exports.plan import Document, former, rtf

_EVENT = {"withdrawn": "T11", "url": "T01"}
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_CHARSETS = (("UNICODE UTF-8", "utf-8"), ("8859/1", "latin-1"), ("", "utf-8"))
_PER_FILE = 200


def write_hl7v2(folder: Path, planned: Sequence[Document]) -> list[Document]:
    """Write the messages to files in `folder`, and return the documents in the messages.

    The files use four kinds of framing in turn (see `_framed`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [d for d in planned if d.kind != "twice"]
    messages = [_merge(old, new) for old, new in former(planned).items()]
    for document in written:
        if document.kind == "withdrawn":  # first the document, then its cancellation
            messages.append(_message(document, "T02"))
        messages.append(_message(document, _EVENT.get(document.kind, "T10" if document.replaces else "T02")))
    for start in range(0, len(messages), _PER_FILE):
        number = start // _PER_FILE
        data = _framed(messages[start : start + _PER_FILE], number % 4)
        (folder / f"messages-{number:03d}.hl7").write_bytes(data)
    return written


def _framed(messages: Sequence[list[bytes]], kind: int) -> bytes:
    """Return the content of a file with the messages; `kind` selects the framing.

    The segments of a message end with line feeds (kind 0) or carriage returns (kind 1). Kind 2 puts each message into
    an MLLP frame. Kind 3 is a batch that starts with a byte order mark.
    """
    if kind == 0:
        return b"".join(b"\n".join(segments) + b"\n" for segments in messages)
    if kind == 1:
        return b"".join(b"\r".join(segments) + b"\r" for segments in messages)
    if kind == 2:
        return b"".join(b"\x0b" + b"\r".join(segments) + b"\r\x1c\r" for segments in messages)
    body = b"".join(b"\r\n".join(segments) + b"\r\n" for segments in messages)
    return b"\xef\xbb\xbfFHS|^~\\&|CLINIC\r\nBHS|^~\\&|CLINIC\r\n" + body + b"BTS|1\r\nFTS|1\r\n"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _header(kind: str, identity: str, time: str, charset: str) -> str:
    fields = ["MSH", "^~\\&", "CLINIC", "SITE", "ARCHIVE", "SITE", time, "", kind, identity, "P", "2.5.1"]
    return "|".join([*fields, *[""] * 5, charset])


def _segment(name: str, fields: Mapping[int, str]) -> str:
    return "|".join([name, *(fields.get(place, "") for place in range(1, max(fields) + 1))])


def _merge(old: str, new: str) -> list[bytes]:
    segments = [
        _header("ADT^A40^ADT_A39", f"merge-{old}", "20250101000000", "UNICODE UTF-8"),
        f"PID|1||{new}^^^CLINIC^MR",
        f"MRG|{old}^^^CLINIC^MR",
    ]
    return [segment.encode() for segment in segments]


def _message(document: Document, event: str) -> list[bytes]:
    charset, encoding = _CHARSETS[document.number % len(_CHARSETS)]
    patient, day = document.patient, document.day.strftime("%Y%m%d")
    first, _, last = document.writer.name.partition(" ")
    who = f"{_escaped(last)}^{_escaped(first)}"
    number = "" if document.kind == "no-person" else f"{document.filed_under}^^^CLINIC^MR"
    time = f"{day}120{document.version}00"
    sex = "F" if patient.woman else "M"
    patient_name = f"{_escaped(patient.last)}^{_escaped(patient.first)}"
    completion = "IP" if document.kind == "preliminary" else "LA"
    activity = {
        1: "1",
        2: "OP^Outpatient note",
        3: "TX",
        4: day,
        9: f"c1^{who}",
        12: document.id,
        13: document.replaces,
    }
    segments = [
        _header(f"MDM^{event}^MDM_T02", f"{document.id}-{document.version}-{event}", time, charset),
        f"EVN|{event}|{time}",
        f"PID|1||{number}||{patient_name}||{patient.born:%Y%m%d}|{sex}",
        _segment("PV1", {1: "1", 2: "O", 10: _escaped(document.specialty), 19: f"e-{document.id}"}),
        _segment("TXA", activity | {17: completion}),
        *([] if event in {"T01", "T11"} else [_content(document)]),
    ]
    return [segment.encode(encoding) for segment in segments]


def _content(document: Document) -> str:
    if document.kind == "image":
        return "OBX|1|ED|note^Note||CLINIC^image^png^Base64^iVBORw0KGgo=||||||F"
    if document.number % 4 == 3:
        data = base64.b64encode(rtf(document.text)).decode()
        return f"OBX|1|ED|note^Note||CLINIC^text^rtf^Base64^{data}||||||F"
    return f"OBX|1|FT|note^Note||{_escaped(document.text)}||||||F"
