"""The result of verifying a bundle, and how every command prints it."""

import json
import sys
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, Literal

from audits.verify.statement import ReleaseStatement

_MAX_SHOWN = 400


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One step: its name, whether it passed, and one line that is safe to print on a terminal."""

    id: str
    ok: bool
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", printable(self.detail))


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of verifying one bundle."""

    ok: bool  # whether every check passed; use the data only if true
    code: int  # the exit code: 0, 10 to 15 for a failed check, or 20 for a partial check
    verdict: Literal["VERIFIED", "REFUSED", "PARTIAL"]
    checks: tuple[VerificationStep, ...]  # in order, up to and including the first that failed
    statement: ReleaseStatement | None  # the signed release statement; None if a check failed

    @property
    def failure(self) -> str:
        """Line of the failed check, which begins with its error code; empty if every check passed."""
        return "" if not self.checks or self.checks[-1].ok else self.checks[-1].detail

    def to_json(self) -> dict[str, Any]:
        """Return ok, verdict, code and checks as plain data."""
        checks = [asdict(check) for check in self.checks]
        return {"ok": self.ok, "verdict": self.verdict, "code": self.code, "checks": checks}

    def to_text(self, bundle: str) -> str:
        """Return one line per check, and a last line with the verdict and the name of the bundle."""
        lines = [f"{'ok  ' if check.ok else 'FAIL'} {check.id}: {check.detail}" for check in self.checks]
        return "\n".join([*lines, f"{self.verdict}  {printable(bundle)}"])


def print_verification(found: Verification, bundle: str, *, as_json: bool) -> None:
    """Print a result: text on standard error, and with `as_json` also JSON on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    sys.stderr.write(found.to_text(bundle) + "\n")


def printable(text: str) -> str:
    """Return text on one line, without control, escape, zero-width or bidirectional characters, cut to length."""
    plain = "".join(
        char if unicodedata.category(char)[0] not in "CZ" or char == " " else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
    return plain if len(plain) <= _MAX_SHOWN else plain[: _MAX_SHOWN - 1] + "\N{HORIZONTAL ELLIPSIS}"
