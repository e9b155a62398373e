"""The file `selftest.json`: a self-test bound to the tables on which it was run, as evidence for the gate."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.rates import exact
from audits.core.report import Digest
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed
from audits.core.strictmodel import problems as model_problems
from audits.core.types import Estimate
from audits.selftest.cases import Demand, Outcome

_MAX_BYTES = 16 << 20


class BoundCell(Closed):
    """The demand and the outcome of one audit on one case."""

    demand: Demand
    outcome: Outcome


class BoundSelfTest(Closed):
    """The content of `selftest.json`."""

    schema_name: Literal["synthgen-selftest/v2"]
    tool: str  # name and version of the audit package
    train: Digest
    control: Digest
    # 32 random bytes as hex, so that the digest of the file does not confirm a guess of the tables
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    audits: dict[str, dict[str, BoundCell]]  # the cases of each calibrated audit

    def to_bytes(self) -> bytes:
        """Return the canonical bytes."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical bytes; because of the salt it may be published."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def numbers(self) -> dict[str, Estimate]:
        """Return for each audit, as `selftest.NAME_wrong`, the number of cases with a demand that are not right.

        An uncalibrated case counts as not right. n is the number of cases with a demand.
        """
        found = {}
        for name, cases in self.audits.items():
            is_right = [cell.outcome == "right" for cell in cases.values() if cell.demand != "blind"]
            found[f"selftest.{name}_wrong"] = exact(float(is_right.count(False)), confidence=1.0, n=len(is_right))
        return found


def bound_selftest(result: Mapping[str, Any], tables: Mapping[str, str], *, salt: str, tool: str) -> BoundSelfTest:
    """Return a self-test (`SelfTest.to_json`) bound to the sha256 of its train and control tables."""
    keys = ("demand", "outcome")
    audits = {
        audit: {case["case"]: {key: case["audits"][audit][key] for key in keys} for case in result["cases"]}
        for audit in result["audits"]
    }
    content = {"schema_name": "synthgen-selftest/v2", "tool": tool, "salt": salt, "audits": audits}
    return BoundSelfTest.model_validate(content | {role: tables[role] for role in ("train", "control")})


def read_selftest(path: Path) -> BoundSelfTest:
    """Return the self-test in a file; raise InputError if it cannot be read or is not a self-test."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
        return BoundSelfTest.model_validate(parse_canonical(data))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{path}: {error.message}") from None
    except ValidationError as error:
        raise InputError(f"{path}: not a self-test", problems=model_problems(error)[:5]) from None


def check_bound(test: BoundSelfTest, tables: Mapping[str, str], tool: str) -> None:
    """Raise InputError unless the self-test covers these tables (sha256 of train and control) and this tool."""
    tables_of_test = {"train": test.train, "control": test.control}
    problems = [f"{role}: not the table of the self-test" for role, d in tables_of_test.items() if d != tables[role]]
    if test.tool != tool:
        problems.append(f"made by {test.tool}, but this is {tool}")
    if problems:
        hint = "Run `audits selftest --out` on the current tables."
        raise InputError("the self-test does not match these tables or audits", problems=problems, hint=hint)
