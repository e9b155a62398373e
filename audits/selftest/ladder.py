"""The calibration ladder: releases whose leak is known, and what each audit must say about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from audits.core.types import AuditInputs, AuditResult
from audits.selftest import recipes
from audits.selftest.clean_release import Population

Demand = Literal["must_fail", "must_not_pass", "must_pass", "seldom_fail", "blind"]
Recipe = Callable[[Population, np.random.Generator], AuditInputs]
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


_MARKS: Mapping[str, Demand] = {
    "F": "must_fail", "N": "must_not_pass", "P": "must_pass", "S": "seldom_fail", ".": "blind",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rung:
    """One release of the ladder.

    Args:
        marks: what is asked of each audit of `JUDGED`, a letter of `_MARKS` each.
        name: as in tables.
        make: the recipe.
        says: what is released, in a few words.
        why: why the audits of which something is asked must see it (or must not cry wolf).
        blind: why the others need not.
        repeats: how many such releases are judged; each from other people or another draw.
    """

    marks: str
    name: str
    make: Recipe
    says: str
    why: str
    blind: str = ""
    repeats: int = 1

    def demand(self, audit: str) -> Demand:
        """Return what is asked of an audit on this rung."""
        return _MARKS[self.marks[JUDGED.index(audit)]] if audit in JUDGED else "blind"


_OWN_WORDS = "thirty words of one person in a row are a copy, and a record number finds its owner"
_MAY_BE_LEFT_OUT = "the text is not mixed, and what is linked may be among the words left out"
_NEED_NOT_HOLD = "a copied text need not hold what is linked"


# replay, neighbours, identifiers, membership, interpolation, linkage
RUNGS: tuple[Rung, ...] = (
    Rung("FFFFNF", "verbatim", recipes.verbatim, "train itself",
         "every person's words, identifiers and whole text are released"),
    Rung("F.F...", "verbatim_1_percent", recipes.verbatim_some,
         "fresh people, and all rows, record number included, of one train person in a hundred (eleven at least)",
         _OWN_WORDS, "an average over all rows or persons does not move by one in a hundred"),
    Rung("F.F...", "verbatim_one_person", recipes.verbatim_one,
         "fresh people, and one text, record number included, of one train person pasted into one row",
         f"{_OWN_WORDS}, however many rows are clean",
         "no ranking proves one person among hundreds; only a hard rule sees them"),
    Rung("FFNF..", "word_dropout_10", partial(recipes.word_dropout, rate=0.1), "train, one word in ten left out",
         "long runs and nearly all words of every person remain", _MAY_BE_LEFT_OUT),
    Rung("FFNF..", "word_dropout_30", partial(recipes.word_dropout, rate=0.3), "train, three words in ten left out",
         "most words of every person remain, and runs long enough to be told from chance", _MAY_BE_LEFT_OUT),
    Rung(".FNF..", "word_dropout_50", partial(recipes.word_dropout, rate=0.5), "train, every other word left out",
         "half of every person's words remain", "few runs of words survive, so nobody is repeated in a row"),
    Rung("FFNFF.", "smote_k1", partial(recipes.interpolated, k=1, largest=recipes.SMALL_LAMBDA),
         "real train texts nearest to points hardly off a train text (k = 1, weight up to .05)",
         "a point so close to one parent comes back as that parent's text", _NEED_NOT_HOLD),
    Rung("FFNFF.", "smote_k5", partial(recipes.interpolated, k=5, largest=1.0),
         "real train texts nearest to points between five neighbours (k = 5)",
         "however the points are mixed, what is released are train persons' texts", _NEED_NOT_HOLD),
    Rung("FFFFFN", "chunk_mix", recipes.chunk_mix, "every eight words from one of two train texts",
         "every word of the release stands in a train text, most in runs of eight"),
    Rung("...F..", "bigram_model", partial(recipes.ngram_model, n=2), "texts written by a two-word model of train",
         "the words and pairs of words of train persons come back, and a language model of the release shows it",
         "no person's text stands in any row"),
    Rung("...F..", "trigram_model", partial(recipes.ngram_model, n=3),
         "texts written by a three-word model of train",
         "the runs of words of train persons come back, and a language model of the release shows it",
         "no person's text need stand in any row"),
    Rung("..F...", "one_identifier", recipes.one_identifier,
         "fresh people, and the record number of one train person in one row, written in another way",
         "one record number is enough to find its owner", "eight digits are neither a text nor a ranking"),
    Rung("FFNF.F", "permuted_secret", recipes.permuted_secret,
         "train, the last quarter of every text exchanged for another person's",
         "three quarters of every person's text stand together, so part of it finds the rest",
         "nothing is asked about mixing"),
    Rung("PPPPPP", "fresh_people", recipes.clean_release,
         f"fresh people who repeat nobody; {SPLITS} splits, most of which must pass",
         "nobody of train is in it; an auditor who stops this proves nothing by stopping another", repeats=SPLITS),
    Rung(".N.N..", "fresh_filtered", recipes.filtered_release,
         "fresh people without the tenth most similar to train",
         "what resembles train persons is missing, and only they are missed",
         "nothing of anybody stands in the release; only who is not resembled tells"),
    Rung("SSSSSS", "permuted_roles", recipes.permuted_roles,
         f"fresh people, {PERMUTATIONS} times; train and control persons dealt anew each time",
         f"nothing tells the two apart: more than {MAX_FALSE_ALARMS} alarms are more than chance gives",
         repeats=PERMUTATIONS),
)  # fmt: skip


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
