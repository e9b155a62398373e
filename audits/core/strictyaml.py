"""Strict YAML 1.2: no duplicate keys, anchors, aliases, tags or directives."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from audits.core.errors import PolicyError

MAX_YAML_BYTES = 1 << 16
MAX_DEPTH = 12  # the time of the parser is quadratic in the depth
_FORBIDDEN = frozenset({"AnchorToken", "AliasToken", "TagToken", "DirectiveToken"})


def parse_yaml(data: bytes, name: str) -> dict[str, Any]:
    """Return the mapping of one YAML document; lists become tuples.

    Args:
        data: the bytes of the file.
        name: name of the file in messages.

    Raises:
        PolicyError: it is too large, not UTF-8, not YAML, not a mapping, or uses a forbidden feature.
    """
    if len(data) > MAX_YAML_BYTES:
        raise PolicyError(f"{name}: larger than {MAX_YAML_BYTES} bytes")
    yaml = YAML(typ="safe", pure=True)
    try:
        text = data.decode("utf-8")
        _refuse_references(yaml, text, name)
        value = yaml.load(text)
    except PolicyError:
        raise
    except UnicodeDecodeError:
        raise PolicyError(f"{name}: not UTF-8 text") from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise PolicyError(f"{name}: line {line}: duplicate key") from None
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise PolicyError(f"{name}: {where}not valid YAML") from None
    if not isinstance(value, dict):
        raise PolicyError(f"{name}: must be a mapping of keys to values, such as 'version: 1'")
    return {str(key): _tuples(item) for key, item in value.items()}


def _refuse_references(yaml: YAML, text: str, name: str) -> None:
    depth = 0
    for token in yaml.scan(text):
        kind = type(token).__name__
        if kind in _FORBIDDEN:
            line = token.start_mark.line + 1
            raise PolicyError(f"{name}: line {line}: anchors, aliases, tags and directives are not allowed")
        depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        if depth > MAX_DEPTH + 1:  # the stream itself counts as one level
            raise PolicyError(f"{name}: nested too deeply")


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value
