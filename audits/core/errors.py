"""The errors of the audits with their exit codes, and a function that makes text from files safe to display."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import ClassVar

# Unicode categories: control, format (such as direction marks), surrogate, private use, line and paragraph separators
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""Return `text` with U+FFFD in place of each invisible character, such as a control or direction character.

    An invisible character in a label or path could hide a line, or make a path look like another path.

    Example:
        >>> printable("a\x1b[2Jb")
        'a�[2Jb'
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _INVISIBLE else c for c in text)


class AuditError(Exception):
    """Base class of the audits' errors. The message, the list of problems and the hint never quote a record."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        # a problem may quote a key of a file, and this key may contain a line break
        problems = (f"  - {printable(problem)}" for problem in self.problems)
        return "\n".join([self.message, *problems, *filter(None, [self.hint])])


class InputError(AuditError, ValueError):
    """An input of the audits cannot be used."""

    exit_code = 3


class PolicyError(AuditError, ValueError):
    """A policy is malformed; `problems` lists all violations."""

    exit_code = 3


def counted(n: int, noun: str) -> str:
    """Return a number with its noun for a message, such as "1 person" or "2 persons"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


class UnmetPolicyError(AuditError):
    """The given inputs cannot meet a policy; `problems` lists the gates (rules of the policy) that cannot be met."""

    exit_code = 4


class NotMeasurable(AuditError):  # noqa: N818 - a state of an audit, not an error of the user
    """The tables are too small or unsuitable for this audit; the runner reports the status "not_measurable"."""


class VerifyError(AuditError):
    """A bundle, a signed envelope or a trust root is not valid. The meaning of an error code never changes.

    A bundle is the folder of a released dataset. A trust root is a file of accepted keys and policies.
    """

    EXIT_CODES: ClassVar[Mapping[str, int]] = {  # error code -> exit code of the command
        **dict.fromkeys(("E_DIGEST", "E_DATA", "E_MANIFEST", "E_EXTRA", "E_MISSING", "E_SUBJECT"), 10),
        **dict.fromkeys(("E_SIG", "E_ENVELOPE", "E_JSON", "E_PREDICATE", "E_TRUST"), 11),
        **dict.fromkeys(("E_POLICY", "E_GATE"), 12),
        "E_APPROVAL": 13,
        **dict.fromkeys(("E_KEY_EXPIRED", "E_REVOKED", "E_TIME", "E_TSA"), 14),
        "E_UNSAFE": 15,
    }

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.exit_code = self.EXIT_CODES[code]  # type: ignore[misc]
        super().__init__(f"{code} {message}")
