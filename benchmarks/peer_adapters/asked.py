"""What every adapter shares: it reads the tables of one case and answers with one line of JSON.

An adapter runs in its peer's own environment, as `python ADAPTER FOLDER`. The folder holds synthetic.parquet,
train.parquet and control.parquet with the same columns, and about.json, which says what the columns are:

    text         the record
    categories   its class and what was extracted from it, as strings
    numbers      its place in a space of few dimensions, and `first` and `second` those of its two halves
    known, secret  which columns an attacker has and wants
    attacks      how many persons may be attacked in every table
    seed         of whatever can be seeded

It prints, last, {"verdict": ..., "says": ..., "numbers": {...}}. A part that breaks does not take the others with it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

CONFIDENCE = 0.95
SHOWN = 4  # parts that are named; the numbers show the others
FAULTS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError, SyntaxError, OSError)

Part = Callable[["Asked"], tuple[bool | None, dict[str, float]]]


@dataclass(frozen=True)
class Asked:
    """The tables of one case, and what their columns are."""

    synthetic: pd.DataFrame
    train: pd.DataFrame
    control: pd.DataFrame
    about: dict

    def columns(self, *kinds):
        """Return the names of the columns of these kinds, each once."""
        return list(dict.fromkeys(name for kind in kinds for name in self.about[kind]))


class NotApplicableError(Exception):
    """The tables do not have what this part asks for."""


def asked():
    """Return what the command line points at; whatever can be seeded is."""
    folder = Path(sys.argv[1])
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    np.random.seed(about["seed"])  # noqa: NPY002 -- the peers draw from the global stream
    frames = {role: pd.read_parquet(folder / f"{role}.parquet") for role in ("synthetic", "train", "control")}
    for frame in frames.values():
        for name in ("text", *about["categories"]):
            frame[name] = frame[name].astype(object)
    return Asked(**frames, about=about)


def more_than_half(share, n):
    """Return whether a share of n is above one half by more than chance, row by row, as peers count.

    No peer names a test. Rows have one train table in common, and often a person, so they are not independent: over
    splits of 20 Newsgroups the share of clean releases had a standard deviation of .029 where this allows for .017.
    """
    found = binomtest(round(share * n), n, alternative="greater")
    return bool(found.proportion_ci(CONFIDENCE).low > 0.5)


def answer(given, **parts: Part):
    """Run each part and print what the peer says: caught by any that catches, passed where at least one passes."""
    caught, passed, broken, lacking, numbers = [], [], [], [], {}
    for name, part in parts.items():
        try:
            verdict, found = part(given)
        except NotApplicableError:
            lacking.append(name)
        except FAULTS as error:
            broken.append(f"{name} broke ({type(error).__name__})")
            sys.excepthook(type(error), error, error.__traceback__)
        else:
            numbers |= {f"{name}.{key}": float(value) for key, value in found.items()}
            if verdict is not None:
                (caught if verdict else passed).append(name)
    verdict = "caught" if caught else "passed" if passed else "error" if broken else "not applicable"
    by = caught or (lacking if verdict == "not applicable" else [])
    more = [f"{len(by) - SHOWN} more"] if len(by) > SHOWN else []
    says = ", ".join([*by[:SHOWN], *more, *broken])
    print(json.dumps({"verdict": verdict, "says": says, "numbers": numbers}), flush=True)
