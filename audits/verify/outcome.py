"""The result of verifying a bundle (the folder of a released dataset), and its printed form."""

import json
import sys
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, Literal

from audits.verify.statement import ReleaseStatement

FAILED, DO_NOT_USE = "VERIFICATION FAILED", ": do not use this bundle"
_MAX_SHOWN = 400  # largest number of characters of a printed line


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One check: its name, whether it passed, and one line that is safe to print on a terminal."""

    id: str
    ok: bool
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", printable(self.detail))


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of verifying one bundle. PARTIAL: no check failed, but some checks were not requested."""

    ok: bool  # whether the bundle is VERIFIED; use the data only if true
    code: int  # the exit code: 0 for VERIFIED, 10 to 15 for a failed check, 20 for PARTIAL
    verdict: Literal["VERIFIED", "REFUSED", "PARTIAL"]
    checks: tuple[VerificationStep, ...]  # in order, up to and including the first that failed
    statement: ReleaseStatement | None  # the signed release statement; None if a check failed

    def __repr__(self) -> str:
        return f"Verification({self.verdict}, code {self.code}, checks: {len(self.checks)})"

    @property
    def words(self) -> str:
        """The printed verdict: `FAILED` in place of "REFUSED", which would suggest a refusal by the policy."""
        return FAILED if self.verdict == "REFUSED" else self.verdict

    @property
    def failure(self) -> str:
        """The line of the failed check, which begins with an error code; empty if every check passed."""
        return "" if not self.checks or self.checks[-1].ok else self.checks[-1].detail

    @property
    def release(self) -> dict[str, Any] | None:
        """Id, policy and permitted use of the release, from the signed statement; None unless `ok` is true."""
        if not self.ok or self.statement is None:
            return None
        fields = self.statement.predicate.model_dump(mode="json", by_alias=True)
        return {name: fields[name] for name in ("releaseId", "policy", "use")}

    def to_json(self) -> dict[str, Any]:
        """Return ok, verdict, code, checks and release as plain data."""
        fields = {"ok": self.ok, "verdict": self.verdict, "code": self.code}
        return {**fields, "checks": [asdict(check) for check in self.checks], "release": self.release}

    def to_text(self) -> str:
        """Return one line per check, then policy, use and id of a verified release, and the verdict."""
        lines = [f"{'ok  ' if check.ok else 'FAIL'} {check.id}: {check.detail}" for check in self.checks]
        if (release := self.release) is None:
            return "\n".join([*lines, self.words + (DO_NOT_USE if self.verdict == "REFUSED" else "")])
        policy, use = release["policy"], release["use"]
        lines.append(printable(f"policy: {policy['name']} version {policy['version']}"))
        lines.append(printable(f"intended use: {use['scope']} the institution. {use['statement']}"))
        return "\n".join([*lines, f"{self.verdict}  release {release['releaseId']}"])


def print_verification(found: Verification, *, as_json: bool) -> None:
    """Print a result as text on stdout; with `as_json`, print JSON on stdout and the text on stderr."""
    if as_json:
        sys.stdout.write(json.dumps(found.to_json(), indent=2) + "\n")
        sys.stdout.flush()
    (sys.stderr if as_json else sys.stdout).write(found.to_text() + "\n")


def printable(text: str) -> str:
    """Return text on one line of at most 400 characters, with U+FFFD for control and invisible characters."""
    plain = "".join(
        char if unicodedata.category(char)[0] not in "CZ" or char == " " else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
    return plain if len(plain) <= _MAX_SHOWN else plain[: _MAX_SHOWN - 1] + "\N{HORIZONTAL ELLIPSIS}"
