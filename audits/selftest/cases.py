"""The calibration calibration suite: releases whose leak is known, and what each audit must say about them."""

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

# The audits that the calibration suite's releases say something about, in the order of the contract. The others judge inputs
# that no table can be made into (canaries, logs, earlier releases) and carry their own positive controls.
JUDGED = ("memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage")

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
        marks: what is asked of each audit of `JUDGED`, a letter of `_MARKS` each.
        name: as in tables.
        make: the recipe.
        says: what is released, in a few words.
        why: why the audits of which something is asked must see it (or must not cry wolf).
        blind: why the others need not.
        repeats: how many such releases are judged; each from other people or another draw.
        lean: whether only audits of which something is asked are run, behind the same checks of the tables as in
            `audits run`.
    """

    marks: str
    name: str
    make: Recipe
    says: str
    why: str
    blind: str = ""
    repeats: int = 1
    lean: bool = False

    def demand(self, audit: str) -> Demand:
        """Return what is asked of an audit on this case."""
        return _MARKS[self.marks[JUDGED.index(audit)]] if audit in JUDGED else "blind"


_OWN_WORDS = "thirty words of one person in a row are a copy, and a record number finds its owner"
_MAY_BE_LEFT_OUT = "the text is not mixed, and what is linked may be among the words left out"
_NEED_NOT_HOLD = "a copied text need not hold what is linked"


_evasion = partial(Case, lean=True)
_FOUR = "a text and record number of each of four train persons"
_READ = "a reader sees the words and the number, so the audits must"
EVASIONS = (
    _evasion(
        "F.F...",
        "accented",
        partial(evasions.disguised, disguise=evasions.accented),
        f"fresh people, and {_FOUR}, one combining accent in every word",
        _READ,
    ),
    _evasion(
        "F.F...",
        "invisible",
        partial(evasions.disguised, disguise=evasions.invisible),
        f"fresh people, and {_FOUR}, a tag character in every word",
        _READ,
    ),
    _evasion(
        "F.F...",
        "underscored",
        partial(evasions.disguised, disguise=evasions.underscored),
        f"fresh people, and {_FOUR}, underscores in the place of spaces",
        _READ,
    ),
    _evasion(
        "F.F...",
        "confusable",
        partial(evasions.disguised, disguise=evasions.confusable),
        f"fresh people, and {_FOUR}, in letters and digits of other scripts that look alike",
        _READ,
    ),
    _evasion(
        "F.....",
        "near_copies",
        evasions.near_copies,
        f"fresh people, and {_FOUR}, all digits exchanged and every tenth word another",
        "nine tenths of a record are found by nobody but its owner",
    ),
    _evasion(
        "F.....",
        "cut_up",
        evasions.cut_up,
        f"fresh people, and {_FOUR}, twenty words in each of many rows",
        "a record that is dealt out over rows is put together again by whoever has one of its words",
    ),
    _evasion(
        "F.....",
        "in_turn",
        evasions.in_turn,
        f"fresh people, and {_FOUR}, the words of two in turn",
        "every second word is a copy too",
    ),
    _evasion(
        "N.....",
        "short_copies",
        evasions.short_copies,
        "fresh people, and eleven short train records",
        "that long texts are searched well says nothing of short ones",
    ),
    _evasion(
        ".N.NNN",
        "rotated",
        evasions.rotated,
        "train, every letter thirteen places on",
        "what speaks another language is like nobody, and to be like nobody is no proof",
    ),
    _evasion(
        ".N.N..",
        "one_class",
        evasions.one_class,
        "fresh people, but the largest class is train's",
        "one class leaks whole, and the others do not excuse it",
    ),
    _evasion(
        "..F...",
        "shared_desk",
        evasions.shared_desk,
        "fresh people, one train person's e-mail address, and a desk's that many have",
        "the desk's address is nobody's, the other one's is",
    ),
    _evasion(
        "F.F...",
        "two_ids",
        evasions.two_ids,
        "fresh people, a record number that two train persons have, and the text that they share",
        "what two own is not nobody's",
    ),
    _evasion(
        "..F...",
        "long_control_name",
        evasions.long_control_name,
        "fresh people, two train persons' recorded names, and a control person's very long one",
        "one strange name among non-members excuses no other",
    ),
    _evasion(
        "F.....",
        "copied_reference",
        evasions.copied_reference,
        "fresh people, and eight train texts that the public table holds too",
        "what somebody calls public is not public where it is train's",
    ),
    _evasion(
        "F.....",
        "repeating_control",
        evasions.repeating_control,
        "fresh people, and the train texts that one control row in nine repeats",
        "a control that repeats train makes copying look like chance",
    ),
    _evasion(
        "P.....",
        "templated",
        partial(evasions.templated, pasted=False),
        "fresh people; six words in ten of every record are of one template",
        "hospitals are made of shared text, and sharing it is no leak",
        repeats=SPLITS,
    ),
    _evasion(
        "F.....",
        "templated_copy",
        partial(evasions.templated, pasted=True),
        "the same, and one train person's record pasted into one row",
        "between the template's sentences stand the person's own",
    ),
    _evasion(
        "P.....",
        "quoting",
        partial(evasions.quoting, copied=False),
        "fresh people, some of whom quote what pairs of control persons share",
        "non-members who quote one another have nothing of train",
        repeats=SPLITS,
    ),
    _evasion(
        "F.....",
        "quoting_copies",
        partial(evasions.quoting, copied=True),
        "the same, and five whole records of train persons",
        "others' quoting hides no copy",
    ),
)

# memorization, neighbours, identifiers, membership, parent_recovery, linkage
CASES: tuple[Case, ...] = (
    Case(
        "FFFFNF",
        "verbatim",
        recipes.verbatim,
        "train itself",
        "every person's words, identifiers and whole text are released",
    ),
    Case(
        "F.F...",
        "verbatim_1_percent",
        recipes.verbatim_some,
        "fresh people, and all rows, record number included, of one train person in a hundred (eleven at least)",
        _OWN_WORDS,
        "an average over all rows or persons does not move by one in a hundred",
    ),
    Case(
        "F.F...",
        "verbatim_one_person",
        recipes.verbatim_one,
        "fresh people, and one text, record number included, of one train person pasted into one row",
        f"{_OWN_WORDS}, however many rows are clean",
        "no ranking proves one person among hundreds; only a hard rule sees them",
    ),
    Case(
        "FFNF..",
        "word_dropout_10",
        partial(recipes.word_dropout, rate=0.1),
        "train, one word in ten left out",
        "long runs and nearly all words of every person remain",
        _MAY_BE_LEFT_OUT,
    ),
    Case(
        "FFNF..",
        "word_dropout_30",
        partial(recipes.word_dropout, rate=0.3),
        "train, three words in ten left out",
        "most words of every person remain, and runs long enough to be told from chance",
        _MAY_BE_LEFT_OUT,
    ),
    Case(
        ".FNF..",
        "word_dropout_50",
        partial(recipes.word_dropout, rate=0.5),
        "train, every other word left out",
        "half of every person's words remain",
        "few runs of words survive, so nobody is repeated in a row",
    ),
    Case(
        "FFNFF.",
        "smote_k1",
        partial(recipes.interpolated, k=1, largest=recipes.SMALL_LAMBDA),
        "real train texts nearest to points hardly off a train text (k = 1, weight up to .05)",
        "a point so close to one parent comes back as that parent's text",
        _NEED_NOT_HOLD,
    ),
    Case(
        "FFNFF.",
        "smote_k5",
        partial(recipes.interpolated, k=5, largest=1.0),
        "real train texts nearest to points between five neighbours (k = 5)",
        "however the points are mixed, what is released are train persons' texts",
        _NEED_NOT_HOLD,
    ),
    Case(
        "FFFFFN",
        "chunk_mix",
        recipes.chunk_mix,
        "every eight words from one of two train texts",
        "every word of the release stands in a train text, most in runs of eight",
    ),
    Case(
        "...F..",
        "bigram_model",
        partial(recipes.ngram_model, n=2),
        "texts written by a two-word model of train",
        "the words and pairs of words of train persons come back, and a language model of the release shows it",
        "no person's text stands in any row",
    ),
    Case(
        "...F..",
        "trigram_model",
        partial(recipes.ngram_model, n=3),
        "texts written by a three-word model of train",
        "the runs of words of train persons come back, and a language model of the release shows it",
        "no person's text need stand in any row",
    ),
    Case(
        "..F...",
        "one_identifier",
        recipes.one_identifier,
        "fresh people, and the record number of one train person in one row, written in another way",
        "one record number is enough to find its owner",
        "eight digits are neither a text nor a ranking",
    ),
    Case(
        "FFNF.F",
        "permuted_secret",
        recipes.permuted_secret,
        "train, the last quarter of every text exchanged for another person's",
        "three quarters of every person's text stand together, so part of it finds the rest",
        "nothing is asked about mixing",
    ),
    Case(
        "PPPPPP",
        "fresh_people",
        recipes.clean_release,
        f"fresh people who repeat nobody; {SPLITS} splits, most of which must pass",
        "nobody of train is in it; an auditor who stops this proves nothing by stopping another",
        repeats=SPLITS,
    ),
    Case(
        ".N.N..",
        "fresh_filtered",
        recipes.filtered_release,
        "fresh people without the tenth most similar to train",
        "what resembles train persons is missing, and only they are missed",
        "nothing of anybody stands in the release; only who is not resembled tells",
    ),
    Case(
        "SSSSSS",
        "permuted_roles",
        recipes.permuted_roles,
        f"fresh people, {PERMUTATIONS} times; train and control persons dealt anew each time",
        f"nothing tells the two apart: more than {MAX_FALSE_ALARMS} alarms are more than chance gives",
        repeats=PERMUTATIONS,
    ),
    *EVASIONS,
)


def judge(demand: Demand, results: Sequence[AuditResult]) -> Outcome:
    """Return whether what an audit said on a case is right.

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
