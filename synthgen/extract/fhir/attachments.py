"""Read the text of FHIR documents: attached files, narratives (text in XHTML), and sections of Compositions."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from audits.core.files import read_regular
from synthgen.extract.documents import UnreadableDocument, from_base64, text_of
from synthgen.extract.fhir.resources import is_export
from synthgen.extract.fhir.values import Resource, objects, text

URL_ONLY = "attachment is only a URL; download attachments with the export tool first"
NOT_BASE64, NO_CONTENT = "attachment is not base64", "document has no text"
PARTLY_READ = "a part of the document is left out: {reason}"
MISSING_FILE = "attachment file is missing, or cannot be read"
MAX_ATTACHMENT_BYTES = 256 << 20
MAX_COMPARED_TEXTS = 50  # a document with more texts keeps all texts, without a comparison
# a text is left out if a longer text of a different content type has at least this fraction of its words
SAME_WORDS = 0.9

# id of a Binary resource -> (data, content type), or None if the resource is missing or unreadable
Binaries = Callable[[str], tuple[bytes, str] | None]


@dataclass(slots=True)
class Texts:
    """The texts of a document, and the problems found in reading the texts."""

    found: list[str] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)  # text -> content type
    reasons: list[str] = field(default_factory=list)  # for each part without text: why it has none
    remarks: list[str] = field(default_factory=list)  # problems of parts that were read, such as a wrong charset

    def add(self, data: bytes, content_type: str) -> None:
        """Add the text of the file `data`, or the reason why the file has no text."""
        try:
            document = text_of(data, content_type)
        except UnreadableDocument as unreadable:
            self.reasons.append(unreadable.reason)
            return
        self.remarks += document.remarks
        if document.text:
            self.found.append(document.text)
            self.formats[document.text] = content_type.partition(";")[0].strip().lower()

    def joined(self) -> str:
        """Return the texts joined by blank lines, without the texts that are part of a longer text.

        Many systems export each document in several formats. Therefore, if texts of different content types share
        nearly all words (`SAME_WORDS`), only the longest of these texts is returned.
        """
        texts = list(dict.fromkeys(self.found))
        if len(texts) > MAX_COMPARED_TEXTS:
            return "\n\n".join(texts)
        words = [re.findall(r"\w+", content.casefold()) for content in texts]
        joined = [f" {' '.join(sequence)} " for sequence in words]
        counts = list(map(Counter, words))

        def is_in(i: int, j: int) -> bool:
            # text j contains text i, or is of a different type and has nearly all words of text i
            n_common = (counts[i] & counts[j]).total()
            differ_in_type = self.formats.get(texts[i]) != self.formats.get(texts[j])
            return joined[i] in joined[j] or (differ_in_type and n_common >= SAME_WORDS * len(words[i]))

        order = sorted(range(len(texts)), key=lambda i: (-len(words[i]), i))
        kept: list[int] = []
        for i in order:
            kept += [] if any(is_in(i, j) for j in kept) else [i]
        return "\n\n".join(texts[i] for i in sorted(kept))

    def reason(self) -> str:
        """Return why the document has no text: `URL_ONLY` if `reasons` contains it, else the first reason."""
        return next((reason for reason in (URL_ONLY, *self.reasons) if reason in self.reasons), NO_CONTENT)


class Attachments:
    """Read attachments of an export without using a network.

    Files are read only below `folder`. If the export is a single file, `folder` is None and no attached file is read.
    """

    def __init__(self, folder: Path | None, binaries: Binaries) -> None:
        self._folder, self._binaries = folder, binaries

    def read(self, attachments: list[Resource], texts: Texts) -> None:
        """Add the text of each attachment, from its data, or else from the file or Binary resource at its URL."""
        for one in attachments:
            kind, data, url = text(one.get("contentType")), one.get("data"), text(one.get("url"))
            if isinstance(data, str) and data.strip():
                if (decoded := from_base64(data)) is None:
                    texts.reasons.append(NOT_BASE64)
                else:
                    texts.add(decoded, kind or "text/plain")
            elif url:
                self._follow(url, kind, texts)
            else:
                texts.reasons.append(NO_CONTENT)

    def _follow(self, url: str, kind: str, texts: Texts) -> None:
        # adds the text of the Binary resource or local file at a URL; `kind` is the stated content type or ""
        parts = url.partition("/_history/")[0].rstrip("/").split("/")
        is_binary = url.startswith("urn:uuid:") or parts[-2:-1] == ["Binary"]
        if is_binary and (found := self._binaries(parts[-1].removeprefix("urn:uuid:"))) is not None:
            texts.add(found[0], kind or found[1])
            return
        if "://" in url and not url.startswith("file://"):
            texts.reasons.append(URL_ONLY)
            return
        data = self._file(unquote(url.removeprefix("file://").removeprefix("./")))
        if data is None:
            texts.reasons.append(URL_ONLY if "Binary" in parts else MISSING_FILE)
        else:
            texts.add(data, kind or "text/plain")

    def _file(self, local: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            path = (self._folder / local).resolve()
            # a JSON or NDJSON file contains resources of the export (`is_export`), so it is not an attachment
            if not path.is_relative_to(self._folder.resolve()) or is_export(path) or not path.is_file():
                return None
            return read_regular(path, MAX_ATTACHMENT_BYTES)
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, or a circle of links
            return None


def add_narrative(value: object, texts: Texts, skipped: Collection[str] = ("generated", "empty")) -> None:
    """Add the text of a narrative, unless its status is in `skipped`."""
    for one in objects(value):
        if text(one.get("status")) not in skipped and (div := text(one.get("div"))):
            texts.add(div.encode(errors="replace"), "application/xhtml+xml; charset=utf-8")


def add_sections(sections: object, texts: Texts) -> None:
    """Add all sections of a Composition as a single text, in which a title precedes each section."""
    blocks = list(_sections(sections, texts, 0))
    if blocks:
        texts.found.append("\n\n".join(blocks))


def _sections(sections: object, texts: Texts, depth: int) -> Iterator[str]:
    # yields title and text of each section, and adds reasons and remarks to `texts`
    for section in objects(sections) if depth < 20 else []:  # sections at a depth of 20 or more are ignored
        part = Texts()
        add_narrative(section.get("text"), part, skipped=())
        texts.reasons += part.reasons
        texts.remarks += part.remarks
        if body := part.joined():
            yield "\n".join(filter(None, [text(section.get("title")), body]))
        yield from _sections(section.get("section"), texts, depth + 1)
