"""The file `selftest.json`: the result of the self-test, with the digests of the tables on which it was run.

The self-test runs the audits on releases with and without known leaks. A policy can require this file as evidence
that the audits detect leaks in these tables. The self-test is bound to these tables: it is valid for no others.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.files import read_regular
from audits.core.rates import exact
from audits.core.strictjson import JsonError, parse_canonical
from audits.core.strictmodel import Canonical, Closed, Sha256
from audits.core.strictmodel import problems as model_problems
from audits.core.types import Estimate
from audits.selftest.cases import Demand, Outcome

_MAX_BYTES = 16 << 20  # largest size of the file


class BoundCell(Closed):
    """The result of one audit on one case.

    A case consists of releases of one kind, with or without a known leak. The demand says which verdicts the audit
    must reach, and the outcome says whether its verdicts meet the demand. `audits/selftest/cases.py` lists the
    possible demands and outcomes.
    """

    demand: Demand
    outcome: Outcome


class BoundSelfTest(Canonical):
    """The content of `selftest.json`; the file contains random bytes (`salt`), so its digest may be published."""

    schema_name: Literal["synthgen-selftest/v2"]
    tool: str  # name and version of the audit package
    train: Sha256  # sha256 of the train table
    control: Sha256  # sha256 of the control table
    # 32 random bytes as hex, so that the digest of the file does not confirm a guess of the tables
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    audits: dict[str, dict[str, BoundCell]]  # keys: name of the audit, name of the case

    def numbers(self) -> dict[str, Estimate]:
        """Return the metric `selftest.NAME_wrong` of each audit NAME: the number of cases whose demand is not met.

        The sample size n is the number of cases with a demand on the audit.
        """
        numbers = {}
        for name, cases in self.audits.items():
            is_right = [cell.outcome == "right" for cell in cases.values() if cell.demand != "blind"]
            numbers[f"selftest.{name}_wrong"] = exact(float(is_right.count(False)), confidence=1.0, n=len(is_right))
        return numbers


def bound_selftest(result: Mapping[str, Any], tables: Mapping[str, str], *, salt: str, tool: str) -> BoundSelfTest:
    """Return the content of `selftest.json`.

    `result` is the value of `SelfTest.to_json`. `tables` has the sha256 of each table by role ("train", "control").
    """
    keys, audits = ("demand", "outcome"), dict[str, dict[str, dict[str, str]]]()
    for audit in result["audits"]:
        # in some cases (`Case.only_demanded`), audits without a demand were not run and have no result
        cells = {case["case"]: case["audits"][audit] for case in result["cases"] if audit in case["audits"]}
        audits[audit] = {name: {key: cell[key] for key in keys} for name, cell in cells.items()}
    content = {"schema_name": "synthgen-selftest/v2", "tool": tool, "salt": salt, "audits": audits}
    return BoundSelfTest.model_validate(content | {role: tables[role] for role in ("train", "control")})


def read_selftest(path: Path) -> BoundSelfTest:
    """Return the self-test in a file; raise InputError if the file does not contain one."""
    try:
        return BoundSelfTest.model_validate(parse_canonical(read_regular(path, _MAX_BYTES)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{path}: {error.message}") from None
    except ValidationError as error:
        message = f"{path}: is not a file that `audits selftest --out` writes"
        raise InputError(message, problems=model_problems(error)[:5]) from None


def check_bound(test: BoundSelfTest, tables: Mapping[str, str], tool: str) -> None:
    """Raise InputError if the self-test was run on other tables (sha256 of train and control) or by another tool."""
    given = (("train", test.train), ("control", test.control))
    problems = [f"the self-test was run on another {role} table" for role, digest in given if digest != tables[role]]
    if test.tool != tool:
        problems.append(f"the self-test was run with {test.tool}, but these audits are of {tool}")
    if problems:
        hint = "Run `audits selftest --out FILE` on the current tables."
        raise InputError("the self-test does not match these tables or audits", problems=problems, hint=hint)
