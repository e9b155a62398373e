"""Make, write and read the plan of the shadow attack: reruns of the generator without some persons (targets).

The folder of a plan is private, because plan.json names persons. Rerun r uses the train table without the persons in
its list `leave_out`. The synthetic table of rerun r is saved in synthetic/ under the number r.
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
from audits.core.files import read_regular, write_whole
from audits.core.inputs import load_table, table_digest
from audits.core.strictjson import JsonError, canonical, parse
from audits.core.types import AuditInputs, Rng, Table, persons
from audits.embeddings.distances import crowding
from audits.embeddings.encoders import encode_tables

PLAN, TABLES = "plan.json", "synthetic"
SUFFIXES = (".parquet", ".jsonl", ".csv")
# key: field of a rerun that lists persons; value: field of the plan that lists all persons who can be in that list
NAME_LISTS = {"leave_out": "persons", "pretended_out": "non_members"}
FOLDS = 4  # folds of the cross-validation; rerun r belongs to fold r mod 4
TARGET_SHARE = 0.01  # share of train persons who are targets by default
SCHEMA_VERSION = 1
Coins = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPlan:
    """The target persons, and the reruns that see each of them.

    A rerun sees a person if the generator is trained on the person's records in this rerun. The coins of a person
    have one bit per rerun, which is true if the rerun sees the person. In each fold, half of the coins are true.
    """

    persons: tuple[str, ...] = field(repr=False)  # the target persons, from train
    inside: Coins = field(repr=False)  # (runs, persons), coins of the target persons
    non_members: tuple[str, ...] = field(repr=False)  # control persons, whom no rerun sees, to measure chance
    pretended: Coins = field(repr=False)  # (runs, non-members), coins of the non-members, which no rerun uses
    train: str  # digest of the train table from which the plan was made
    control: str  # digest of the control table from which the plan was made

    @property
    def runs(self) -> int:
        """Number of reruns."""
        return len(self.inside)

    def leave_out(self, run: int) -> frozenset[str]:
        """Return the persons that a rerun must not see."""
        return frozenset(_names(self.persons, ~self.inside[run]))


def plan_shadow(inputs: AuditInputs, *, runs: int, n_persons: int | None, rng: Rng) -> ShadowPlan:
    """Return a plan whose targets are the most over-represented train persons (`most_over_represented`).

    Each target is left out of exactly half of the reruns of each fold, drawn independently for each target. If only
    the total number were fixed, the three folds on which the attack trains a classifier would reveal how many reruns
    of the fourth fold saw the target. `runs` must be a multiple of 8. If `n_persons` is None, 1 % of the train
    persons (at least one) are targets.

    Raises:
        InputError: `runs` or `n_persons` is not allowed, or a table has fewer than 20 persons or synthetic records.

    Privacy: the plan names train persons and must stay with the private data.
    Reference: "SMOTE and Mirrors" (Ganev et al., 2025) for the choice of targets by nearest neighbours; Carlini et
        al., "Membership inference attacks from first principles", 2022, for leaving many persons out of one rerun.
    """
    n_train = len(set(inputs.train.groups))
    n_targets = max(1, math.ceil(TARGET_SHARE * n_train)) if n_persons is None else n_persons
    problems = []
    if not _can_be_halved(runs):
        problems.append(f"the number of reruns (--runs) must be a positive multiple of {2 * FOLDS}, got {runs}")
    if not 1 <= n_targets < n_train:
        rule = f"the number of target persons (--persons) must be from 1 to {n_train - 1}"
        problems.append(f"{rule}, because train has {n_train} persons; got {n_targets}")
    if problems:
        raise InputError("the shadow attack cannot be planned", problems=problems)
    try:
        targets, non_members = most_over_represented(inputs, n_targets, rng)
    except NotMeasurable as error:
        raise InputError(f"the shadow attack cannot be planned: {error.message}") from error
    # before they are permuted, the coins of every person alternate within each fold
    inside, pretended = (
        permute_coins(np.repeat((np.arange(runs) // FOLDS % 2 == 0)[:, None], len(names), axis=1), rng)
        for names in (targets, non_members)
    )
    return ShadowPlan(
        persons=targets,
        inside=inside,
        non_members=non_members,
        pretended=pretended,
        train=table_digest(inputs.train),
        control=table_digest(inputs.control),
    )


def most_over_represented(inputs: AuditInputs, n: int, rng: Rng) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the n most over-represented train persons, and at most n most over-represented control persons.

    Each encoder ranks the train and control persons together by `crowding`: how much more similar a person is to
    synthetic records than to reference records. A person's rank is the highest rank that any encoder gives.

    Raises:
        NotMeasurable: there are fewer than 20 train persons, control persons, synthetic records or reference records.
        InputError: the vectors passed by the caller do not fit the tables.
    """
    tables = encode_tables(inputs, rng)
    ranks = np.max([stats.rankdata(crowding(e, tables.people)["crowding"]) for e in tables.encoded], axis=0)
    train, control = persons(tables.holdout.train.groups)[0], persons(tables.holdout.control.groups)[0]
    of_train, of_control = (
        tuple(names[i] for i in np.argsort(-arm_ranks, kind="stable")[:n])
        for names, arm_ranks in ((train, ranks[: len(train)]), (control, ranks[len(train) :]))
    )
    return of_train, of_control


def write_plan(plan: ShadowPlan, folder: Path) -> None:
    """Write plan.json into a folder; raise InputError if the folder already contains a plan.

    A folder that does not exist is created, and only its owner can access it. The permissions of an existing folder
    do not change.
    """
    path = folder / PLAN
    if path.exists():
        raise InputError(
            f"the folder {folder} already contains a plan",
            hint="Reruns may depend on this plan. Continue with the plan, or choose another folder.",
        )
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
        raise InputError(f"the folder {folder} cannot be created ({error.strerror})") from error
    write_whole(path, canonical(value))


def read_plan(folder: Path) -> ShadowPlan:
    """Return the plan in a folder; raise InputError if there is none or it is not valid."""
    path = folder / PLAN
    try:
        value = parse(read_regular(path))
    except OSError as error:
        hint = "Create a plan with `audits shadow-plan`."
        raise InputError(f"{path} cannot be read ({error.strerror})", hint=hint) from error
    except JsonError as error:
        raise InputError(f"{path} is not a plan of `audits shadow-plan`: {error.message}") from error
    problems = _problems(value)
    if problems:
        hint = "Use the unchanged file that `audits shadow-plan` wrote."
        raise InputError(f"{path} is not a plan of schema version {SCHEMA_VERSION}", problems=problems, hint=hint)
    names = {key: tuple(value[key]) for key in NAME_LISTS.values()}
    inside, pretended = (_coins(value["runs"], key, names[of]) for key, of in NAME_LISTS.items())
    return ShadowPlan(**names, inside=inside, pretended=pretended, train=value["train"], control=value["control"])


def table_name(run: int) -> str:
    """Return the path of a rerun's table relative to the folder of the plan, without its suffix."""
    return f"{TABLES}/{run:03d}"


def find_table(folder: Path, run: int) -> Path | None:
    """Return the path of a rerun's table in any supported format; None if it is missing."""
    paths = (folder / f"{table_name(run)}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def read_tables(folder: Path, runs: int, *, text: str, label: str) -> tuple[Table, ...]:
    """Return the synthetic table of every rerun; raise InputError if a table is missing or not valid."""
    found = [find_table(folder, run) for run in range(runs)]
    missing = [table_name(run) for run, path in enumerate(found) if path is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {runs} reruns have no table in {folder}",
            problems=missing,
            hint=f"For each rerun, run the generator without the persons that {PLAN} lists in `leave_out`, and save "
            f"its table under the listed name with one of the suffixes {', '.join(SUFFIXES)}.",
        )
    return tuple(load_table(path, text=text, label=label, role="rerun") for path in found if path is not None)


def permute_coins(coins: Coins, rng: Rng) -> Coins:
    """Return a copy of the coins in which the coins of each person are permuted within each fold."""
    permuted = coins.copy()
    for fold in range(FOLDS):
        permuted[fold::FOLDS] = rng.permuted(coins[fold::FOLDS], axis=0)
    return permuted


def _can_be_halved(runs: int) -> bool:
    return runs > 0 and runs % (2 * FOLDS) == 0


def _names(names: Sequence[str], chosen: Coins) -> list[str]:
    return [name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]


def _coins(runs: Sequence[Any], key: str, names: Sequence[str]) -> Coins:
    """Return the coins, bool (runs, names): true if the field `key` of the run does not list the name."""
    return np.array([[name not in run[key] for name in names] for run in runs], dtype=np.bool_)


def _problems(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["the file must contain a JSON object"]
    problems = [] if value.get("schemaVersion") == SCHEMA_VERSION else [f"`schemaVersion` must be {SCHEMA_VERSION}"]
    problems += [f"`{key}` must be a digest" for key in ("train", "control") if not isinstance(value.get(key), str)]
    problems += [
        f"`{key}` must be a list of at least one name, and must not list a name twice"
        for key in NAME_LISTS.values()
        if not (_are_strings(value.get(key)) and len(value[key]) == len(set(value[key])) > 0)
    ]
    runs: Any = value.get("runs")
    if not isinstance(runs, tuple) or not all(isinstance(run, dict) for run in runs):
        problems.append("`runs` must be a list of JSON objects")
    return problems or [fault for key, of in NAME_LISTS.items() for fault in _problems_of_runs(runs, key, value[of])]


def _problems_of_runs(runs: Sequence[Any], key: str, names: Sequence[str]) -> list[str]:
    wrong = sum(not (_are_strings(run.get(key)) and set(run[key]) <= set(names)) for run in runs)
    if wrong:
        return [f"in {wrong} entries of `runs`, `{key}` is not a list of names from `{NAME_LISTS[key]}`"]
    if not _can_be_halved(len(runs)):
        return [f"`runs` must have a positive multiple of {2 * FOLDS} entries, but has {len(runs)}"]
    coins = _coins(runs, key, names)
    uneven = {
        i for fold in range(FOLDS) for i in np.flatnonzero(2 * coins[fold::FOLDS].sum(axis=0) * FOLDS != len(runs))
    }
    rule = f"`{key}` must list each person in half of the runs of each fold (run r belongs to fold r mod {FOLDS})"
    return [f"{rule}; the plan lists {len(uneven)} persons in more or fewer runs"] if uneven else []


def _are_strings(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(v, str) for v in value)
