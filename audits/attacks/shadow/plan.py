"""Whom the shadow attack asks about, and which rerun of the generator leaves which of them out.

A plan is a private folder: plan.json names persons. Rerun r saw all of train but the persons in its `leave_out`, and
its synthetic table lies in synthetic/, under its number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.core.errors import InputError, NotMeasurable
from audits.core.files import write_whole
from audits.core.inputs import load_table, table_digest
from audits.core.strictjson import JsonError, canonical, parse
from audits.core.types import AuditInputs, Table, persons
from audits.embeddings.distances import crowding
from audits.embeddings.encoders import encode_tables

PLAN, TABLES = "plan.json", "synthetic"
SUFFIXES = (".parquet", ".jsonl", ".csv")
OUT_OF = {"leave_out": "persons", "pretended_out": "non_members"}  # of each run, names of the plan
FOLDS = 4  # rerun r is of fold r mod 4
FLAGGED = 0.01
SCHEMA_VERSION = 1

Coins = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPlan:
    """Who is asked about, and what each rerun saw.

    Args:
        persons: groups of train.
        inside: bool (runs, persons), whether the rerun saw the person; of each fold as many saw them as did not.
        non_members: groups of control, whom no rerun saw; the attack on them shows what chance gives.
        pretended: bool (runs, non-members), coins of the same kind that decided nothing.
        train: digest of the train table.
        control: of the control table.
    """

    persons: tuple[str, ...] = field(repr=False)
    inside: Coins = field(repr=False)
    non_members: tuple[str, ...] = field(repr=False)
    pretended: Coins = field(repr=False)
    train: str
    control: str

    @property
    def runs(self) -> int:
        """How many reruns there are."""
        return len(self.inside)

    def leave_out(self, run: int) -> frozenset[str]:
        """Return the persons that a rerun must not see."""
        return frozenset(name for name, is_in in zip(self.persons, self.inside[run], strict=True) if not is_in)


def plan_shadow(inputs: AuditInputs, *, runs: int, n_persons: int | None, rng: np.random.Generator) -> ShadowPlan:
    """Return a plan that asks about the persons a synthetic record crowds most.

    Each person is left out of half of the reruns, drawn for each alone, so that one set of reruns answers for all of
    them; the others who are left out of a rerun are noise to the question about one. Halves are halves of each fold
    of a later cross-validation: were they of all reruns alone, a fold that had more without a person would leave
    fewer to learn from, and what is learnt from the others would guess worse than a coin.

    Args:
        inputs: the release's tables.
        runs: reruns, a multiple of 8; half of them see a person.
        n_persons: how many are asked about; None takes one in a hundred of train, and at least one.
        rng: what is set aside for the encoders, and the coins.

    Raises:
        InputError: the numbers cannot be, or there are fewer than 20 persons or synthetic records.

    Privacy: names train persons; stays on the private side.
    Source: flagging by nearest neighbours and leaving out, "SMOTE & Mirrors"; many coins in one rerun, Carlini et
        al., "Membership inference attacks from first principles", 2022.
    """
    n_train = len(set(inputs.train.groups))
    n_asked = max(1, math.ceil(FLAGGED * n_train)) if n_persons is None else n_persons
    problems = [
        *([] if _is_balanced(runs) else [f"the number of reruns must be a multiple of {2 * FOLDS}, got {runs}"]),
        *([] if 1 <= n_asked < n_train else [f"from 1 to {n_train - 1} persons can be asked about, got {n_asked}"]),
    ]
    if problems:
        raise InputError("the shadow attack cannot be planned", problems=problems)
    try:
        flagged, non_members = most_over_represented(inputs, n_asked, rng)
    except NotMeasurable as error:
        raise InputError(f"the shadow attack cannot be planned: {error.message}") from error
    return ShadowPlan(
        persons=flagged,
        inside=permute_coins(_balanced_coins(runs, len(flagged)), rng),
        non_members=non_members,
        pretended=permute_coins(_balanced_coins(runs, len(non_members)), rng),
        train=table_digest(inputs.train),
        control=table_digest(inputs.control),
    )


def most_over_represented(
    inputs: AuditInputs, n: int, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the n train persons, and as many of control where there are, that a synthetic record crowds most.

    A person's place is the highest that any encoder gives them among all persons of both tables.
    """
    tables = encode_tables(inputs, rng)
    places = np.max([stats.rankdata(crowding(one, tables.people)["crowding"]) for one in tables.encoded], axis=0)
    train, control = persons(tables.holdout.train.groups)[0], persons(tables.holdout.control.groups)[0]
    of_train, of_control = places[: len(train)], places[len(train) :]
    return _highest(train, of_train, n), _highest(control, of_control, n)


def write_plan(plan: ShadowPlan, folder: Path) -> None:
    """Write plan.json into a folder that is made, for the owner alone.

    Raises:
        InputError: a plan is there already, because reruns may have been made by it; or it cannot be written.
    """
    path = folder / PLAN
    if path.exists():
        raise InputError(f"the folder {folder} holds a plan already", hint="Go on with it, or give another folder.")
    value = {
        "schemaVersion": SCHEMA_VERSION,
        "train": plan.train,
        "control": plan.control,
        "persons": list(plan.persons),
        "non_members": list(plan.non_members),
        "runs": [
            {
                "synthetic": table_name(run),
                "leave_out": sorted(plan.leave_out(run)),
                "pretended_out": sorted(_names(plan.non_members, ~plan.pretended[run])),
            }
            for run in range(plan.runs)
        ],
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made ({error.strerror})") from error
    write_whole(path, canonical(value))


def read_plan(folder: Path) -> ShadowPlan:
    """Return the plan of a folder.

    Raises:
        InputError: there is none, or it does not hold what a plan holds.
    """
    path = folder / PLAN
    try:
        value = parse(path.read_bytes())
    except OSError as error:
        hint = "Make one with `audits shadow-plan`."
        raise InputError(f"{path} cannot be read ({error.strerror})", hint=hint) from error
    except JsonError as error:
        raise InputError(f"{path} is no plan: {error}") from error
    problems = _problems(value)
    if problems:
        raise InputError(f"{path} is no plan of schema version {SCHEMA_VERSION}", problems=problems)
    names = {key: tuple(value[key]) for key in ("persons", "non_members")}
    return ShadowPlan(
        **names,
        inside=_coins(value["runs"], "leave_out", names["persons"]),
        pretended=_coins(value["runs"], "pretended_out", names["non_members"]),
        train=value["train"],
        control=value["control"],
    )


def table_name(run: int) -> str:
    """Return where the table of a rerun lies, without its ending."""
    return f"{TABLES}/{run:03d}"


def find_table(folder: Path, run: int) -> Path | None:
    """Return the table of a rerun, in any format that is read; None where there is none yet."""
    places = (folder / f"{table_name(run)}{suffix}" for suffix in SUFFIXES)
    return next((path for path in places if path.is_file()), None)


def read_tables(folder: Path, runs: int, *, text: str, label: str) -> tuple[Table, ...]:
    """Return the synthetic table of every rerun.

    Raises:
        InputError: some are missing, all of which are named; or one cannot be used.
    """
    found = [find_table(folder, run) for run in range(runs)]
    missing = [table_name(run) for run, path in enumerate(found) if path is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {runs} reruns have no table in {folder}",
            problems=missing,
            hint=f"Run the generator without the persons that {PLAN} names for each, and put what it wrote there.",
        )
    return tuple(load_table(path, text=text, label=label, role="rerun") for path in found if path is not None)


def permute_coins(coins: Coins, rng: np.random.Generator) -> Coins:
    """Return the coins of each column dealt anew among the reruns of each fold."""
    permuted = coins.copy()
    for f in range(FOLDS):
        permuted[f::FOLDS] = rng.permuted(coins[f::FOLDS], axis=0)
    return permuted


def _balanced_coins(runs: int, n: int) -> Coins:
    """Return bool (runs, n) with half of each fold of each column true."""
    return np.repeat((np.arange(runs) // FOLDS % 2 == 0)[:, None], n, axis=1)


def _is_balanced(runs: int) -> bool:
    return runs > 0 and runs % (2 * FOLDS) == 0


def _highest(names: Sequence[str], places: NDArray[np.float64], n: int) -> tuple[str, ...]:
    return tuple(names[i] for i in np.argsort(-places, kind="stable")[:n])


def _names(names: Sequence[str], chosen: Coins) -> list[str]:
    return [name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]


def _coins(runs: Sequence[Any], key: str, names: Sequence[str]) -> Coins:
    return np.array([[name not in run[key] for name in names] for run in runs], dtype=np.bool_)


def _problems(value: Any) -> list[str]:
    """Return what is wrong with a plan, without any of the names in it."""
    if not isinstance(value, dict):
        return ["it must be an object"]
    problems = [] if value.get("schemaVersion") == SCHEMA_VERSION else [f"schemaVersion must be {SCHEMA_VERSION}"]
    problems += [f"{key} must be a digest" for key in ("train", "control") if not isinstance(value.get(key), str)]
    problems += [
        f"{key} must be a list of different names, and not empty"
        for key in OUT_OF.values()
        if not _is_names(value.get(key))
    ]
    runs: Any = value.get("runs")
    if not isinstance(runs, tuple) or not all(isinstance(run, dict) for run in runs):
        problems.append("runs must be a list of objects")
    return problems or [fault for key, of in OUT_OF.items() for fault in _problems_of_runs(runs, key, value[of])]


def _problems_of_runs(runs: Sequence[Any], key: str, names: Sequence[str]) -> list[str]:
    wrong = sum(not (_are_strings(run.get(key)) and set(run[key]) <= set(names)) for run in runs)
    if wrong:
        return [f"{wrong} runs have a {key} that is no list of the plan's names"]
    if not _is_balanced(len(runs)):
        return [f"the number of runs must be a multiple of {2 * FOLDS}, it is {len(runs)}"]
    coins = _coins(runs, key, names)
    uneven = {i for f in range(FOLDS) for i in np.flatnonzero(2 * coins[f::FOLDS].sum(axis=0) * FOLDS != len(runs))}
    return [f"{len(uneven)} persons are not in {key} of exactly half of each fold of runs"] if uneven else []


def _is_names(value: Any) -> bool:
    return _are_strings(value) and len(value) == len(set(value)) > 0


def _are_strings(value: Any) -> bool:
    """Return whether it is a list of strings: other elements may have no hash."""
    return isinstance(value, tuple) and all(isinstance(v, str) for v in value)
