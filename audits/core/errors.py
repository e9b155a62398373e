"""Errors of the audits with their exit codes; independent of the generator package."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class AuditError(Exception):
    """Base class: what went wrong, all problems found, and the remedy; never the text of a record."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {problem}" for problem in self.problems), *filter(None, [self.hint])])


class InputError(AuditError, ValueError):
    """An input of the audits cannot be used."""

    exit_code = 3


class PolicyError(AuditError, ValueError):
    """A policy is malformed; all violations are listed."""

    exit_code = 3


class NotMeasurable(AuditError):  # noqa: N818 - a state of an audit, not an error of the user
    """The tables are too small or unsuitable for this audit; the runner reports the status "not_measurable"."""


class VerifyError(AuditError):
    """A bundle, envelope or trust root did not verify; scripts can rely on the code, such as `E_DIGEST`."""

    EXIT_CODES: ClassVar[Mapping[str, int]] = {
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
