"""What verifying a bundle found, safe to print."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from audits.verify.statement import ReleaseStatement

_MAX_SHOWN = 400


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One step: its id, whether it held, and one line that is safe to print on a terminal."""

    id: str
    ok: bool
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", printable(self.detail))


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying one bundle.

    Args:
        ok: every check held; only then may the data be used.
        code: the exit code: 0, 10 to 15, or 20 for a partial check.
        verdict: in one word.
        checks: in order, up to and with the first that did not hold.
        statement: what the releaser signed; None unless every check held.
    """

    ok: bool
    code: int
    verdict: Literal["VERIFIED", "REFUSED", "PARTIAL"]
    checks: tuple[VerificationStep, ...]
    statement: ReleaseStatement | None

    @property
    def failure(self) -> str:
        """The line of the check that did not hold; it begins with its code. Empty where all held."""
        return "" if len(self.checks) == 0 or self.checks[-1].ok else self.checks[-1].detail

    def to_json(self) -> dict[str, Any]:
        """Return verdict, code and checks as plain data."""
        return {
            "verdict": self.verdict,
            "code": self.code,
            "checks": [{"id": check.id, "ok": check.ok, "detail": check.detail} for check in self.checks],
        }


def printable(text: str) -> str:
    """Return text on one line, without control, escape, zero-width or bidirectional characters, cut to length."""
    plain = "".join(
        char if unicodedata.category(char)[0] not in "CZ" or char == " " else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
    return plain if len(plain) <= _MAX_SHOWN else plain[: _MAX_SHOWN - 1] + "\N{HORIZONTAL ELLIPSIS}"
