"""A self-test as a file, and what of it a gate reads: only for the persons it was made on."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.report import Digest
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed, problems
from audits.core.types import Estimate
from audits.selftest.cases import Demand, Outcome

_MAX_BYTES = 16 << 20


class BoundCell(Closed):
    """What one audit said on one case."""

    demand: Demand
    outcome: Outcome


class BoundSelfTest(Closed):
    """The content of `selftest.json`.

    Args:
        schema_name: of the file.
        tool: name and version of what measured.
        train: digest of the train table it was made on.
        control: of the control table.
        salt: 32 random bytes as hex, so that the digest of the file confirms no guess at the tables.
        audits: each that was calibrated, with its cases.
    """

    schema_name: Literal["synthgen-selftest/v2"]
    tool: str
    train: Digest
    control: Digest
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    audits: dict[str, dict[str, BoundCell]]

    def to_bytes(self) -> bytes:
        """Return the canonical bytes."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical bytes; it may be public, because of the salt."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def numbers(self) -> dict[str, Estimate]:
        """Return of each audit, as `selftest.NAME_wrong`, how many cases that ask something of it are not right.

        A case that is uncalibrated, for want of persons, counts as not right: nothing was shown there. n is the
        number of cases that ask something.
        """
        found = {}
        for name, cases in self.audits.items():
            asked = [cell for cell in cases.values() if cell.demand != "blind"]
            wrong = float(sum(cell.outcome != "right" for cell in asked))
            found[f"selftest.{name}_wrong"] = Estimate(
                value=wrong, low=wrong, high=wrong, confidence=1.0, n=len(asked)
            )
        return found


def bound_selftest(result: Mapping[str, Any], tables: Mapping[str, str], *, salt: str, tool: str) -> BoundSelfTest:
    """Return a self-test bound to the tables it was made on.

    Args:
        result: of `SelfTest.to_json`.
        tables: digests of `train` and `control`, as the audits' report gives them.
        salt: 64 hex digits that nobody can guess.
        tool: as in the audits' report.
    """
    return BoundSelfTest(
        schema_name="synthgen-selftest/v2",
        tool=tool,
        train=tables["train"],
        control=tables["control"],
        salt=salt,
        audits={
            audit: {
                case["case"]: BoundCell(**{key: case["audits"][audit][key] for key in ("demand", "outcome")})
                for case in result["cases"]
            }
            for audit in result["audits"]
        },
    )


def read_selftest(path: Path) -> BoundSelfTest:
    """Return the self-test of a file.

    Raises:
        InputError: it cannot be read or is no self-test.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
        return BoundSelfTest.model_validate(parse_canonical(data))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{path}: is {error.message}") from None
    except ValidationError as error:
        raise InputError(f"{path}: is no self-test", problems=problems(error)[:5]) from None


def check_bound(test: BoundSelfTest, tables: Mapping[str, str], tool: str) -> None:
    """Refuse a self-test of other persons, or of another version of the audits.

    Args:
        test: the self-test.
        tables: digests of the tables that a release is judged with.
        tool: what judges.

    Raises:
        InputError: all differences are listed.
    """
    differ = [
        f"{role}: not the table that the self-test was made on"
        for role in ("train", "control")
        if getattr(test, role) != tables[role]
    ]
    if test.tool != tool:
        differ.append(f"made by {test.tool}, judged by {tool}")
    if differ:
        raise InputError(
            "the self-test is of other persons or audits",
            problems=differ,
            hint="Run `audits selftest --out` on these.",
        )
