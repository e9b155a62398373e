"""Write the sections of a C-CDA document (XML of HL7) as plain text, with bullets in lists and bars in tables."""

import re
from collections.abc import Iterator

from synthgen.extract.ccda.header import plain_text
from synthgen.extract.documents.plain import tidy
from synthgen.extract.safe_xml import Element, local

# `_flow` marks breaks, indents and bullets by control characters, which XML cannot contain; `_shown` replaces them.
_LINE, _PARAGRAPH, _INDENT, _BULLET = "\x0c", "\x0b", "\x1f", "\x1e"
_BREAK = "\n"  # a line break of the author; two of them give a blank line, but several `_LINE` give one line end
# key: name of an element; value: mark that is written before and after the element
_MARKS = {
    "paragraph": _PARAGRAPH, "table": _PARAGRAPH, "list": _LINE, "item": _LINE, "caption": _LINE, "footnote": _LINE,
    "tr": _LINE,
}  # fmt: skip
# some systems write HTML elements in place of C-CDA elements
_MARKS |= {"p": _PARAGRAPH, "div": _PARAGRAPH, "pre": _PARAGRAPH, "ul": _LINE, "ol": _LINE, "li": _LINE}
_MARKS |= {f"h{level}": _PARAGRAPH for level in range(1, 7)}
_LISTS, _ITEMS = {"list", "ul", "ol"}, {"item", "li"}
_CELLS = {"td", "th"}
_NO_TEXT = {"renderMultiMedia", "footnoteRef"}  # elements without text
_HIDDEN = re.compile(r"x*hidden", re.IGNORECASE)  # style code of hidden text; `xhidden` is not a standard code
# a run of breaks and of marks for lines and paragraphs, with the spaces around them
_GAP = re.compile(rf" *[{_BREAK}{_LINE}{_PARAGRAPH}][ {_BREAK}{_LINE}{_PARAGRAPH}]*")
_SPACES = re.compile(r"\s+")
_LINE_END = re.compile(r"\r\n?")


def body_text(root: Element) -> str:
    """Return the titles and texts of all sections, in the order of the document.

    Paragraphs are separated by blank lines. Items of lists begin with a dash or a number. A row of a table becomes a
    line such as `"Aspirin | 75 mg"`. Hidden text, deleted text and sections without text are left out.
    """
    return "\n\n".join(text for section in _sections(root) if (text := _section_text(section)))


def _sections(element: Element) -> Iterator[Element]:
    for child in element:
        name = local(child)
        if name == "section":
            yield child
        elif name not in {"text", "entry"}:
            yield from _sections(child)


def _section_text(section: Element) -> str:
    marked = ("".join(_flow(child, 0)) for child in section if local(child) == "text")
    parts = [_shown(_LINE.join(marked)), *(_section_text(inner) for inner in _sections(section))]
    text = "\n\n".join(filter(None, parts))
    titles = [plain_text(child) for child in section if local(child) == "title"]
    return "\n".join([*filter(None, titles[:1]), text]) if text else ""


def _shown(marked: str) -> str:
    def gap(match: re.Match[str]) -> str:
        return "\n\n" if _PARAGRAPH in match[0] else "\n" * min(2, max(1, match[0].count(_BREAK)))

    text = _GAP.sub(gap, re.sub(" {2,}", " ", marked))
    return tidy(text.replace(_BULLET, "").replace(_INDENT, "  "))


def _flow(element: Element, depth: int, bullet: str = "") -> Iterator[str]:
    # `depth` is the number of lists that contain the element
    name = local(element)
    if name in _NO_TEXT or _is_hidden(element):
        return
    if name == "br":
        yield _BREAK
        return
    mark = _MARKS.get(name, "")
    if depth and mark == _PARAGRAPH:
        mark = _LINE  # a paragraph in a list is not separated by blank lines
    yield mark
    if name == "tr":
        yield _row(element)
    elif name in _ITEMS:
        has_table = next(element.iter("{*}table"), None) is not None  # a list of tables needs no bullets
        yield _item("".join(_content(element, depth)), depth, "" if has_table else bullet)
    else:
        yield from _content(element, depth + (name in _LISTS))
    yield mark


def _content(element: Element, depth: int) -> Iterator[str]:
    yield _inline(element.text, element)
    is_ordered, number = element.get("listType") == "ordered" or local(element) == "ol", 0
    for child in element:
        number += local(child) in _ITEMS
        yield from _flow(child, depth, f"{number}. " if is_ordered else "- ")
        yield _inline(child.tail, element)


def _is_hidden(element: Element) -> bool:
    return element.get("revised") == "delete" or any(map(_HIDDEN.fullmatch, element.get("styleCode", "").split()))


def _item(marked: str, depth: int, bullet: str) -> str:
    text = marked.strip(f" {_BREAK}{_LINE}{_PARAGRAPH}")
    # an item that contains only a list gets no bullet, because the inner list begins with a bullet
    return text if not text or text.startswith(_BULLET) else f"{_BULLET}{_INDENT * (depth - 1)}{bullet}{text}"


def _row(row: Element) -> str:
    visible = [cell for cell in row if local(cell) in _CELLS and not _is_hidden(cell)]
    if len(visible) == 1 and next(visible[0].iter("{*}table"), None) is None:
        # a row with one cell is used for layout, not for data, so the line breaks of its text are kept
        return "".join(_flow(visible[0], 0))
    cells = [_cell("".join(_flow(cell, 0))) for cell in visible]
    while cells and not cells[-1]:
        cells.pop()
    return " | ".join(cells)


def _cell(marked: str) -> str:
    text = ""  # the lines of the cell, joined by semicolons, or by spaces after the characters . : ; ,
    for line in filter(None, (line.strip().removeprefix("- ") for line in _shown(marked).split("\n"))):
        text += line if not text else f" {line}" if text[-1] in ".:;," else f"; {line}"
    return text


def _inline(text: str | None, element: Element) -> str:
    # white space becomes single spaces, but each line break of the author becomes `_BREAK`
    if not text:
        return ""
    # the parser returns a carriage return only for `&#13;`, which the author wrote as a line break
    if element.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve":
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    return _BREAK.join(_SPACES.sub(" ", line) for line in _LINE_END.split(text))
