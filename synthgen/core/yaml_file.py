"""Reading a YAML file that must say what it seems to say: no repeated keys, no anchors, no tags.

Mistakes of the YAML itself come first and alone: what the file says is not known before they are repaired.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from synthgen.core.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20
MAX_DEPTH = 12  # the parser takes quadratic time in the depth


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping a YAML file holds.

    Raises:
        ConfigError: if the file is missing, too large, not UTF-8, not YAML or not a mapping, or has keys that stand
            twice, anchors, aliases, tags, directives or merge keys; all of these are listed with their lines.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, so it is not a configuration")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    try:
        problems = list(_references(text)) or list(_repeated(YAML(typ="safe", pure=True).compose(text)))
        value = None if problems else YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:  # a date or number that is none is a ValueError
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}not valid YAML") from None
    if problems:
        raise ConfigError(f"{path}: holds what a configuration must not", problems=problems)
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold keys and values, like 'version: 1'")
    return value


def _references(text: str) -> Iterator[str]:
    """Yield each use of an anchor, alias, tag or directive in a YAML text; stop where it nests too deeply."""
    depth = 0
    for token in YAML(typ="safe", pure=True).scan(text):
        kind, line = type(token).__name__, token.start_mark.line + 1
        if kind in {"AnchorToken", "AliasToken", "TagToken", "DirectiveToken"}:
            yield f"line {line}: anchors, aliases, tags and directives are not allowed"
        depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        if depth > MAX_DEPTH + 1:  # the stream itself is one
            yield f"line {line}: nested too deeply"
            return


def _repeated(node: Any) -> Iterator[str]:
    """Yield each key that stands twice, each merge key and each half character below a node of plain YAML."""
    if isinstance(node, MappingNode):
        seen = set()
        for key, item in node.value:
            line = key.start_mark.line + 1
            if key.tag.endswith(":merge"):
                yield f"line {line}: merge keys are not allowed"
            if isinstance(key, ScalarNode) and key.value in seen:
                yield f"line {line}: the key {key.value!r} stands twice"
            seen.add(str(key.value))
            yield from _repeated(key)
            yield from _repeated(item)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    elif isinstance(node, ScalarNode) and any("\ud800" <= c <= "\udfff" for c in node.value):
        yield f"line {node.start_mark.line + 1}: half of a surrogate pair is not text"
