"""Read the visible text of HTML and XHTML.

The cells of a table are written one after the other, because aligned columns would split sentences and names. The
length of the output is at most proportional to the size of the document.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from synthgen.extract.documents.plain import DocumentText, UnreadableDocument, decoded, normalised

NOT_WELL_FORMED = "the XHTML is not well-formed; it was read as HTML"
STYLE_SHEET = "a style sheet hides elements; style sheets are not evaluated"
MAX_TAGS = 2_000_000
_DECLARED = re.compile(rb"""<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_START_BYTES = 4096  # number of bytes at the start that are searched for a declared charset
_OPTIONS = {"encoding": "utf-8", "no_network": True, "remove_comments": True, "remove_pis": True, "huge_tree": True}
_ENTITY = re.compile("&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "apos;", "gt;", "lt;", "quot;"})
_SPACES = re.compile("[ \t\n\r\f]+")
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)  # comments in CSS
# elements that are not read, such as `del` (removed text) and `noscript` (shown only if scripts cannot run)
_NOT_TEXT = frozenset({
    "applet", "audio", "canvas", "datalist", "del", "embed", "head", "iframe", "math", "meta", "noembed",
    "noframes", "noscript", "object", "script", "style", "svg", "template", "title", "video",
})  # fmt: skip
# elements with a blank line before and after them
_PARAGRAPHS = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre", "table"})
# elements that begin on a new line, as does the text after them
_BLOCKS = _PARAGRAPHS | frozenset({
    "address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "dir", "div", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "legend", "li", "listing", "main", "menu",
    "nav", "ol", "optgroup", "option", "plaintext", "section", "summary", "tbody", "textarea", "tfoot", "thead",
    "tr", "ul", "xmp",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_PREFORMATTED = frozenset({"listing", "plaintext", "pre", "textarea", "xmp"})
# value of the CSS property `white-space` -> whether line breaks in the HTML are kept
_WHITE_SPACE = dict.fromkeys(("pre", "pre-wrap", "pre-line", "break-spaces"), True)
_WHITE_SPACE |= dict.fromkeys(("normal", "nowrap"), False)
_BLOCK_DISPLAYS = frozenset({"block", "flex", "grid", "list-item", "table", "table-row"})


def html_text(data: bytes, charset: str, *, is_xml: bool) -> DocumentText:
    """Return the visible text of an HTML or XHTML document or fragment.

    The charset is taken from the byte-order mark, else from `charset`, else from the document's declaration. Cells of
    a row are separated by tabs, or by a line break after a cell with several lines. The text does not include the
    head, scripts, comments, templates, unselected options, deleted text, or elements hidden by the attribute
    `hidden` or `style`. Nothing outside the document is read.

    Args:
        data: the document.
        charset: the charset that the content type states, or "".
        is_xml: whether the document is declared as XHTML.

    Raises:
        UnreadableDocument: the document is undecodable, too large or nested too deeply, or declares entities.
    """
    found = None if charset else _DECLARED.search(data[:_START_BYTES])
    declared = found[1].decode("ascii") if found else ""
    if declared.lower().startswith(("utf-16", "utf-32", "ucs-")):  # wrong, because the declaration is in ASCII
        declared = ""
    text, remarks = decoded(data, charset or declared)
    text = text.removeprefix("\ufeff").strip()
    if text.count("<") > MAX_TAGS:
        raise UnreadableDocument("the HTML has too many tags")
    if not text:
        return DocumentText("", remarks)
    root = None
    if is_xml or text.startswith("<?xml"):
        root = _xml_root(text)
        remarks += () if root is not None else (NOT_WELL_FORMED,)
    if root is None:
        root = _html_root(text)
    layout = _Layout()
    if root is not None:
        layout.read(root)
    remarks += (STYLE_SHEET,) if layout.has_hiding_sheet else ()
    return normalised(layout.text(), remarks)


def _xml_root(text: str) -> "etree._Element | None":
    if "<!ENTITY" in text:
        raise UnreadableDocument("the XHTML declares entities, which are not allowed")
    root = _parsed(_ENTITY.sub(_entity, text), etree.XMLParser(**_OPTIONS, resolve_entities=False))
    for element in () if root is None else root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    return root


def _html_root(text: str) -> "etree._Element | None":
    parser = etree.HTMLParser(**_OPTIONS)
    root = _parsed(text, parser)
    if len(parser.error_log.filter_from_fatals()):  # the parser returns only the part before a fatal error
        raise UnreadableDocument("the HTML is nested too deeply, or the parser refuses it")
    return root


def _entity(match: re.Match[str]) -> str:
    # XML defines only `_XML_ENTITIES`; other entities of HTML become the characters that they stand for
    return match[0] if match[1] in _XML_ENTITIES else html.unescape(match[0])


def _parsed(text: str, parser: "etree.XMLParser | etree.HTMLParser") -> "etree._Element | None":
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.LxmlError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _OpenElement:
    is_preformatted: bool = False  # line breaks and spaces in the HTML are kept
    is_block: bool = False  # the element begins on a new line
    is_hidden: bool = False  # the element is not read


@dataclass(slots=True)
class _Row:
    n_ended_lines: int  # number of output lines that had ended when the row's latest cell began
    n_pieces: int  # number of pieces of text in the output when the row began
    has_cell: bool = False


class _Layout:
    # Breaks, tabs, bullets and spaces are written only with the next text, so none follows the last text.

    def __init__(self) -> None:
        self.has_hiding_sheet = False
        self._pieces: list[str] = []
        self._breaks = 0  # number of line feeds to write before the next text
        self._lead = ""  # tabs between cells, or bullet of a list item, to write before the next text
        self._space = False  # True if a space must be written before the next text
        self._is_fresh = False  # True if the open cell or list item has no text so far
        self._n_ended_lines = 0  # number of output lines that have ended
        self._open = [_OpenElement()]
        self._lists: list[int | None] = []  # for each open list: number of the last item, None for bullets
        self._rows: list[_Row] = []

    def text(self) -> str:
        lines = "".join(self._pieces).replace("\xa0", " ").split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def read(self, root: "etree._Element") -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag.lower() if isinstance(element.tag, str) else ""
            if event == "start":
                if _is_hidden(tag, element.attrib):
                    self._open.append(_OpenElement(is_hidden=True))
                    walk.skip_subtree()
                    sheets = element.iter("style") if tag in {"head", "style"} else ()
                    self.has_hiding_sheet |= any(_HIDING.search(sheet.text or "") for sheet in sheets)
                    continue
                self._start(tag, element.attrib)
                self._write(element.text or "")
            else:
                opened = self._open.pop()
                if not opened.is_hidden:
                    self._end(tag, is_block=opened.is_block)
                if element is not root:
                    self._write(element.tail or "")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        style = _style(attributes)
        inherited = self._open[-1].is_preformatted or tag in _PREFORMATTED
        is_block = tag in _BLOCKS or style.get("display", "") in _BLOCK_DISPLAYS
        self._open.append(_OpenElement(_WHITE_SPACE.get(style.get("white-space", ""), inherited), is_block))
        if tag == "br":
            self._breaks, self._space = min(self._breaks + 1, 2), False
        elif tag in _CELLS:
            self._start_cell()
        elif is_block:
            self._block(tag)
        if tag == "tr":
            self._rows.append(_Row(self._n_ended_lines, len(self._pieces)))
        elif tag in {"ol", "ul"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._start_item()

    def _end(self, tag: str, *, is_block: bool) -> None:
        if tag in _CELLS or tag == "li":
            self._breaks, self._is_fresh = min(self._breaks, 1), False
        if is_block and tag not in _CELLS:
            self._block(tag)
        if tag == "tr" and self._rows:
            self._rows.pop()
            self._lead = ""
        elif tag in {"ol", "ul"} and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._lead = ""

    def _block(self, tag: str) -> None:
        # requires line feeds before the next text, except at the start of a cell or list item
        if not self._is_fresh:
            self._breaks, self._space = max(self._breaks, 2 if tag in _PARAGRAPHS else 1), False

    def _start_cell(self) -> None:
        self._is_fresh, self._space = True, False
        if not self._rows:
            return
        row = self._rows[-1]
        # a cell begins on a new line if the text of the previous cell has several lines, otherwise after a tab
        if row.has_cell:
            row_has_text = len(self._pieces) > row.n_pieces
            previous_has_lines = row_has_text and self._n_ended_lines > row.n_ended_lines
            self._breaks = previous_has_lines if row_has_text else self._breaks
            self._lead += "" if previous_has_lines else "\t"
        row.has_cell = True
        row.n_ended_lines = self._n_ended_lines + (self._breaks > 0)

    def _start_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._lead = "- "
        else:
            self._lists[-1] = number + 1
            self._lead = f"{number + 1}. "
        self._is_fresh = True

    def _write(self, text: str) -> None:
        # writes a text of the open element, in which white space is collapsed unless the element is preformatted
        if self._open[-1].is_preformatted:
            self._put(text)
            return
        collapsed = _SPACES.sub(" ", text)
        self._space |= collapsed.startswith(" ")
        self._put(collapsed.strip(" "))
        self._space = collapsed.endswith(" ") if collapsed.strip(" ") else self._space

    def _put(self, text: str) -> None:
        # writes a text unchanged, after the breaks, tabs, bullets and spaces that are due before it
        if not text:
            return
        if self._breaks and self._pieces:
            self._pieces.append("\n" * self._breaks)
            self._n_ended_lines += 1
        elif self._space and not self._lead and self._pieces:
            self._pieces.append(" ")
        self._pieces += [self._lead, text] if self._lead else [text]
        self._n_ended_lines += "\n" in text
        self._breaks, self._lead, self._space, self._is_fresh = 0, "", False, False


def _is_hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    if tag in _NOT_TEXT or "hidden" in attributes or (tag == "option" and "selected" not in attributes):
        return True
    style = _style(attributes)
    return style.get("display") == "none" or style.get("visibility") in {"hidden", "collapse"}


def _style(attributes: Mapping[str, str]) -> dict[str, str]:  # CSS property -> value
    if "style" not in attributes:
        return {}
    parts = (part.partition(":") for part in _COMMENTS.sub("", attributes["style"]).lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in parts}
