"""The calibration ladder: releases whose leak is known, and what each audit must say about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from audits.core.types import AuditInputs, AuditResult
from audits.selftest import recipes
from audits.selftest.clean_release import Cast

Demand = Literal["must_fail", "must_not_pass", "must_pass", "seldom_fail", "blind"]
Outcome = Literal["right", "wrong", "uncalibrated", "open"]

# The audits that the ladder's releases say something about, in the order of the contract. The others judge inputs
# that no table can be made into (canaries, logs, earlier releases) and carry their own positive controls.
JUDGED = ("replay", "neighbours", "identifiers", "membership", "interpolation", "linkage")

# What an audit calls its need lets a clean release pass four times in five. Nine audits let it pass together four
# times in five if each does with 1 - .2/9, for which it takes ((1.645 + 2.010) / (1.645 + .842))^2 times as many.
SURELY = 2.16

SPLITS = 3
PERMUTATIONS = 20
# An audit may be wrong about chance in one of twenty. With one alarm allowed among twenty, a faultless audit would be
# called wrong in 26 % of self-tests; with four, all audits together in 6 P[Bin(20, .05) > 4] = 1.5 %. One that cries
# wolf four times in ten is still found out in 95 %.
MAX_FALSE_ALARMS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One release of the ladder.

    Args:
        name: as in tables.
        says: what is released, in a few words.
        make: the recipe.
        why: why the audits named in `demands` must see it (or must not cry wolf).
        blind: why the others need not.
        demands: what is asked of which audits; of the others nothing.
        repeats: how many such releases are judged; each from other people or another draw.
    """

    name: str
    says: str
    make: Callable[[Cast, np.random.Generator], AuditInputs]
    why: str
    blind: str = ""
    demands: Mapping[Demand, Sequence[str]] = field(default_factory=dict)
    repeats: int = 1

    def demand(self, audit: str) -> Demand:
        """Return what is asked of an audit on this rung."""
        return next((demand for demand, audits in self.demands.items() if audit in audits), "blind")


_TEXT_IS_THERE = ("replay", "neighbours", "membership")

RUNGS: tuple[Rung, ...] = (
    Rung(
        name="verbatim",
        says="train itself",
        make=recipes.verbatim,
        why="every person's words, identifiers and whole text are released",
        demands={
            "must_fail": (*_TEXT_IS_THERE, "identifiers", "linkage"),
            "must_not_pass": ("interpolation",),
        },
    ),
    Rung(
        name="verbatim_1_percent",
        says="fresh people, and all rows, record number included, of one train person in a hundred (eleven at least)",
        make=recipes.verbatim_some,
        why="thirty words of one person in a row are a copy, and a record number finds its owner",
        blind="an average over all rows or persons does not move by one in a hundred",
        demands={"must_fail": ("replay", "identifiers")},
    ),
    Rung(
        name="verbatim_one_person",
        says="fresh people, and one text, record number included, of one train person pasted into one row",
        make=recipes.verbatim_one,
        why="thirty words of one person in a row are a copy, and a record number finds its owner, however many rows "
        "are clean",
        blind="no ranking proves one person among hundreds; only a hard rule sees them",
        demands={"must_fail": ("replay", "identifiers")},
    ),
    Rung(
        name="word_dropout_10",
        says="train, one word in ten left out",
        make=partial(recipes.word_dropout, rate=0.1),
        why="long runs and nearly all words of every person remain",
        blind="the text is not mixed, and what is linked may be among the words left out",
        demands={"must_fail": _TEXT_IS_THERE, "must_not_pass": ("identifiers",)},
    ),
    Rung(
        name="word_dropout_30",
        says="train, three words in ten left out",
        make=partial(recipes.word_dropout, rate=0.3),
        why="most words of every person remain, and runs long enough to be told from chance",
        blind="the text is not mixed, and what is linked may be among the words left out",
        demands={"must_fail": _TEXT_IS_THERE, "must_not_pass": ("identifiers",)},
    ),
    Rung(
        name="word_dropout_50",
        says="train, every other word left out",
        make=partial(recipes.word_dropout, rate=0.5),
        why="half of every person's words remain",
        blind="few runs of words survive, so nobody is repeated in a row",
        demands={"must_fail": ("neighbours", "membership"), "must_not_pass": ("identifiers",)},
    ),
    Rung(
        name="smote_k1",
        says="real train texts nearest to points hardly off a train text (k = 1, weight up to .05)",
        make=partial(recipes.interpolated, k=1, largest=recipes.SMALL_LAMBDA),
        why="a point so close to one parent comes back as that parent's text",
        blind="a copied text need not hold what is linked",
        demands={
            "must_fail": (*_TEXT_IS_THERE, "interpolation"),
            "must_not_pass": ("identifiers",),
        },
    ),
    Rung(
        name="smote_k5",
        says="real train texts nearest to points between five neighbours (k = 5)",
        make=partial(recipes.interpolated, k=5, largest=1.0),
        why="however the points are mixed, what is released are train persons' texts",
        blind="a copied text need not hold what is linked",
        demands={
            "must_fail": (*_TEXT_IS_THERE, "interpolation"),
            "must_not_pass": ("identifiers",),
        },
    ),
    Rung(
        name="chunk_mix",
        says="every eight words from one of two train texts",
        make=recipes.chunk_mix,
        why="every word of the release stands in a train text, most in runs of eight",
        demands={
            "must_fail": (*_TEXT_IS_THERE, "identifiers", "interpolation"),
            "must_not_pass": ("linkage",),
        },
    ),
    Rung(
        name="bigram_model",
        says="texts written by a two-word model of train",
        make=partial(recipes.ngram_model, n=2),
        why="the words and pairs of words of train persons come back, and a language model of the release shows it",
        blind="no person's text stands in any row",
        demands={"must_fail": ("membership",)},
    ),
    Rung(
        name="trigram_model",
        says="texts written by a three-word model of train",
        make=partial(recipes.ngram_model, n=3),
        why="the runs of words of train persons come back, and a language model of the release shows it",
        blind="no person's text need stand in any row",
        demands={"must_fail": ("membership",)},
    ),
    Rung(
        name="one_identifier",
        says="fresh people, and the record number of one train person in one row, written in another way",
        make=recipes.one_identifier,
        why="one record number is enough to find its owner",
        blind="eight digits are neither a text nor a ranking",
        demands={"must_fail": ("identifiers",)},
    ),
    Rung(
        name="permuted_secret",
        says="train, the last quarter of every text exchanged for another person's",
        make=recipes.permuted_secret,
        why="three quarters of every person's text stand together, so part of it finds the rest",
        blind="nothing is asked about mixing",
        demands={"must_fail": (*_TEXT_IS_THERE, "linkage"), "must_not_pass": ("identifiers",)},
    ),
    Rung(
        name="fresh_people",
        says=f"fresh people who repeat nobody; {SPLITS} splits, most of which must pass",
        make=recipes.fresh,
        why="nobody of train is in it; an auditor who stops this proves nothing by stopping another",
        demands={"must_pass": JUDGED},
        repeats=SPLITS,
    ),
    Rung(
        name="fresh_filtered",
        says="fresh people without the tenth most similar to train",
        make=recipes.fresh_filtered,
        why="what resembles train persons is missing, and only they are missed",
        blind="nothing of anybody stands in the release; only who is not resembled tells",
        demands={"must_not_pass": ("neighbours", "membership")},
    ),
    Rung(
        name="permuted_roles",
        says=f"fresh people, {PERMUTATIONS} times; train and control persons dealt anew each time",
        make=recipes.permuted_roles,
        why=f"nothing tells the two apart: more than {MAX_FALSE_ALARMS} alarms are more than chance gives",
        demands={"seldom_fail": JUDGED},
        repeats=PERMUTATIONS,
    ),
)


def judge(demand: Demand, results: Sequence[AuditResult]) -> Outcome:
    """Return whether what an audit said on a rung is right.

    right: as demanded. wrong: an audit broke, passed a leak, or stopped what is clean though it had persons enough.
    uncalibrated: it could not say, because persons are too few or the tables do not carry it. open: nothing asked.
    """
    if any(result.status == "failed" for result in results):
        return "wrong"
    if demand == "blind":
        return "open"
    verdicts = [result.verdict for result in results]
    n, fails, passes = len(verdicts), verdicts.count("fail"), verdicts.count("pass")
    right = {
        "must_fail": fails == n,
        "must_not_pass": passes == 0,
        "must_pass": 2 * passes > n,
        "seldom_fail": fails <= MAX_FALSE_ALARMS,
    }
    if right[demand]:
        return "right"
    only_unsure = {"must_fail": passes == 0, "must_pass": 3 * fails <= n}.get(demand, False)
    excused = all(lacks_persons(result) for result in results if result.verdict == "insufficient")
    return "uncalibrated" if only_unsure and excused else "wrong"


def lacks_persons(result: AuditResult) -> bool:
    """Return whether an audit that could not say had fewer persons than a clean release needs to pass surely."""
    if result.status == "not_measurable":
        return True
    power: Mapping[str, Any] | None = result.details.get("power")
    return power is not None and power["n"] < SURELY * power["n_needed"]
