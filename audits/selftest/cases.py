"""The calibration suite: releases with a known leak, and the verdict that each audit must give on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from audits.core.types import AuditInputs, AuditResult
from audits.selftest import evasions, recipes
from audits.selftest.clean_release import Population

Demand = Literal["must_fail", "must_not_pass", "must_pass", "seldom_fail", "blind"]
Recipe = Callable[[Population, np.random.Generator], AuditInputs]
Outcome = Literal["right", "wrong", "uncalibrated", "open"]

# The calibrated audits, in registry order. The other audits use inputs that cannot be built from a table (canaries,
# logs, previous releases) and have their own positive controls.
JUDGED = ("memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage")

# With `n_needed` persons an audit passes a clean release with probability 0.8. Nine audits together pass it with
# probability 0.8 if each does with 1 - 0.2/9; that takes ((1.645 + 2.010) / (1.645 + 0.842))^2 times as many persons.
SAMPLE_FACTOR = 2.16

SPLITS = 3
PERMUTATIONS = 20
# A correct audit raises a false alarm in 5 % of draws. If one alarm in twenty were allowed, a correct audit would be
# wrong in 26 % of self-tests. With four allowed, the error of all audits together is 6 P[Bin(20, 0.05) > 4] = 1.5 %,
# and an audit with 40 % false alarms is still detected with probability 0.95.
MAX_FALSE_ALARMS = 4

_MARKS: Mapping[str, Demand] = {
    "F": "must_fail",
    "N": "must_not_pass",
    "P": "must_pass",
    "S": "seldom_fail",
    ".": "blind",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One release of the calibration suite.

    Args:
        marks: the demand on each audit of `JUDGED`, one letter of `_MARKS` each.
        name: name in tables.
        make: the recipe of the release.
        description: what the release contains.
        why: why the audits with a demand must detect the leak, or must not raise a false alarm.
        blind: why the other audits need not detect it.
        repeats: number of releases, each from another split or draw.
        lean: run only the audits with a demand, and run the input checks as `audits run` does.
    """

    marks: str
    name: str
    make: Recipe
    description: str
    why: str
    blind: str = ""
    repeats: int = 1
    lean: bool = False

    def demand(self, audit: str) -> Demand:
        """Return the demand on an audit."""
        return _MARKS[self.marks[JUDGED.index(audit)]] if audit in JUDGED else "blind"


_OWN_WORDS = "thirty consecutive words of one person are a copy, and a record number identifies its owner"
_MAY_BE_LEFT_OUT = "the text is not mixed, and the linked values may be among the removed words"
_NEED_NOT_HOLD = "a copied text does not necessarily contain the linked values"
_FOUR = "clean rows, and a text and record number of each of four train persons"
_READ = "a reader sees the words and the number"
_NUMBERED = "including the record number"


def _disguised(name: str, disguise: Callable[[str], str], how: str) -> Case:
    make = partial(evasions.disguised, disguise=disguise)
    return Case("F.F...", name, make, f"{_FOUR}, {how}", _READ, lean=True)


_evasion = partial(Case, lean=True)


EVASIONS = (
    _disguised("accented", evasions.accented, "with a combining accent in every word"),
    _disguised("invisible", evasions.invisible, "with an invisible tag character in every word"),
    _disguised("underscored", evasions.underscored, "with underscores instead of spaces"),
    _disguised("confusable", evasions.confusable, "in look-alike letters and digits of other scripts"),
    _evasion(
        "F.....",
        "near_copies",
        evasions.near_copies,
        f"{_FOUR}, with all digits and every tenth word replaced",
        "90 % of a record matches only its owner",
    ),
    _evasion(
        "F.....",
        "cut_up",
        evasions.cut_up,
        f"{_FOUR}, split into rows of twenty words",
        "a record that is split over rows can be reassembled",
    ),
    _evasion(
        "F.....",
        "in_turn",
        evasions.in_turn,
        f"{_FOUR}, with the words of two texts alternating in one row",
        "every second word is still a copy",
    ),
    _evasion(
        "N.....",
        "short_copies",
        evasions.short_copies,
        "clean rows, and eleven short train records",
        "a good search in long texts says nothing about short texts",
    ),
    _evasion(
        ".N.NNN",
        "rotated",
        evasions.rotated,
        "train, with every letter rotated by thirteen places",
        "encoded text resembles nobody, which does not show that it is safe",
    ),
    _evasion(
        ".N.N..",
        "one_class",
        evasions.one_class,
        "clean rows, but all rows of the largest class are train rows",
        "a class that leaks completely is not excused by the other classes",
    ),
    _evasion(
        "..F...",
        "shared_desk",
        evasions.shared_desk,
        "clean rows, the e-mail address of one train person, and an office address of many persons",
        "the office address identifies nobody, the personal address does",
    ),
    _evasion(
        "F.F...",
        "two_ids",
        evasions.two_ids,
        "clean rows, a record number of two train persons, and their common text",
        "an identifier or text of two persons still discloses them",
    ),
    _evasion(
        "..F...",
        "long_control_name",
        evasions.long_control_name,
        "clean rows, the recorded names of two train persons, and a very long name of a control person",
        "one rare name of a control person does not excuse names of train persons",
    ),
    _evasion(
        "F.....",
        "copied_reference",
        evasions.copied_reference,
        "clean rows, and eight train texts that the reference table also contains",
        "a text of train is private even if the reference table contains it",
    ),
    _evasion(
        "F.....",
        "repeating_control",
        evasions.repeating_control,
        "clean rows, and the train texts that one control row in nine repeats",
        "a control table that repeats train makes copying look like chance",
    ),
    Case(
        "P.....",
        "templated",
        partial(evasions.templated, pasted=False),
        "clean rows; 60 % of the words of every record belong to one template",
        "clinical records share much text, and shared text is not a leak",
        repeats=SPLITS,
        lean=True,
    ),
    Case(
        "F.....",
        "templated_copy",
        partial(evasions.templated, pasted=True),
        "the same, and the record of one train person pasted into one row",
        "the person's own words are between the sentences of the template",
        lean=True,
    ),
    Case(
        "P.....",
        "quoting",
        partial(evasions.quoting, copied=False),
        "clean rows, some of which quote text that pairs of control persons share",
        "quotations between control persons contain nothing of train",
        repeats=SPLITS,
        lean=True,
    ),
    Case(
        "F.....",
        "quoting_copies",
        partial(evasions.quoting, copied=True),
        "the same, and five whole records of train persons",
        "quotations between other persons do not hide a copy",
        lean=True,
    ),
)

# marks: memorization, neighbours, identifiers, membership, parent_recovery, linkage
CASES: tuple[Case, ...] = (
    Case("FFFFNF", "verbatim", recipes.verbatim, "train itself", "all texts and identifiers are released"),
    Case(
        "F.F...",
        "verbatim_1_percent",
        recipes.verbatim_some,
        f"clean rows, and all rows, {_NUMBERED}, of 1 % of the train persons (at least eleven)",
        _OWN_WORDS,
        "1 % of the persons does not change an average over all rows or persons",
    ),
    Case(
        "F.F...",
        "verbatim_one_person",
        recipes.verbatim_one,
        f"clean rows, and one text, {_NUMBERED}, of one train person pasted into one row",
        f"{_OWN_WORDS}, however many rows are clean",
        "no ranking detects one person among hundreds; only a hard rule does",
    ),
    Case(
        "FFNF..",
        "word_dropout_10",
        partial(recipes.word_dropout, rate=0.1),
        "train, with 10 % of the words removed",
        "long runs and nearly all words of every person remain",
        _MAY_BE_LEFT_OUT,
    ),
    Case(
        "FFNF..",
        "word_dropout_30",
        partial(recipes.word_dropout, rate=0.3),
        "train, with 30 % of the words removed",
        "most words of every person remain, in runs that are too long for chance",
        _MAY_BE_LEFT_OUT,
    ),
    Case(
        ".FNF..",
        "word_dropout_50",
        partial(recipes.word_dropout, rate=0.5),
        "train, with 50 % of the words removed",
        "half of the words of every person remain",
        "few runs of words remain, so there is no verbatim copy",
    ),
    Case(
        "FFNFF.",
        "smote_k1",
        partial(recipes.interpolated, k=1, largest=recipes.SMALL_LAMBDA),
        "real train texts nearest to points very close to a train text (k = 1, weight at most 0.05)",
        "a point this close to one parent is decoded to the text of that parent",
        _NEED_NOT_HOLD,
    ),
    Case(
        "FFNFF.",
        "smote_k5",
        partial(recipes.interpolated, k=5, largest=1.0),
        "real train texts nearest to points between five neighbours (k = 5)",
        "every released text is the text of a train person",
        _NEED_NOT_HOLD,
    ),
    Case(
        "FFFFFN",
        "chunk_mix",
        recipes.chunk_mix,
        "chunks of eight words, each from one of two train texts",
        "every word of the release is from a train text, mostly in runs of eight",
    ),
    Case(
        "...F..",
        "bigram_model",
        partial(recipes.ngram_model, n=2),
        "texts generated by a bigram model of train",
        "the release reproduces words and word pairs of train persons, and a language model of it shows this",
        "no row contains the text of a person",
    ),
    Case(
        "...F..",
        "trigram_model",
        partial(recipes.ngram_model, n=3),
        "texts generated by a trigram model of train",
        "the release reproduces word sequences of train persons, and a language model of it shows this",
        "no row necessarily contains the text of a person",
    ),
    Case(
        "..F...",
        "one_identifier",
        recipes.one_identifier,
        "clean rows, and the record number of one train person in another format in one row",
        "one record number identifies its owner",
        "eight digits change neither a text search nor a ranking",
    ),
    Case(
        "FFNF.F",
        "permuted_secret",
        recipes.permuted_secret,
        "train, with the last quarter of every text exchanged between persons",
        "three quarters of the text of every person stay together, so one part finds the rest",
        "the texts are not mixed",
    ),
    Case(
        "PPPPPP",
        "fresh_people",
        recipes.clean_release,
        f"clean rows that repeat nobody; {SPLITS} splits, most of which must pass",
        "the release contains nothing of train; an audit that stops it would stop any release",
        repeats=SPLITS,
    ),
    Case(
        ".N.N..",
        "fresh_filtered",
        recipes.filtered_release,
        "clean rows without the 10 % most similar to train",
        "rows similar to train persons are missing, which reveals who is in train",
        "the release contains no text of a train person; only the absence is informative",
    ),
    Case(
        "SSSSSS",
        "permuted_roles",
        recipes.permuted_roles,
        f"clean rows, {PERMUTATIONS} times, each with a random reassignment of persons to train and control",
        f"train and control are exchangeable; more than {MAX_FALSE_ALARMS} alarms exceed chance",
        repeats=PERMUTATIONS,
    ),
    *EVASIONS,
)


def judge(demand: Demand, results: Sequence[AuditResult]) -> Outcome:
    """Return whether the verdicts of an audit on a case are right.

    - right: the demand is met.
    - wrong: the audit raised an error, passed a leak, or stopped a clean release although it had enough persons.
    - uncalibrated: the verdict is insufficient because there are too few persons or the tables are unsuitable.
    - open: there is no demand.
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
    only_insufficient = {"must_fail": passes == 0, "must_pass": 3 * fails <= n}.get(demand, False)
    excused = all(lacks_persons(result) for result in results if result.verdict == "insufficient")
    return "uncalibrated" if only_insufficient and excused else "wrong"


def lacks_persons(result: AuditResult) -> bool:
    """Return whether an insufficient verdict is explained by too few persons to pass a clean release reliably."""
    if result.status == "not_measurable":
        return True
    power: Mapping[str, Any] | None = result.details.get("power")
    return power is not None and power["n"] < SAMPLE_FACTOR * power["n_needed"]
