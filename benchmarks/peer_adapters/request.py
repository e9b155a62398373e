"""Shared code of the adapters: read the tables of one case, and print the result as one line of JSON.

An adapter runs one of the peers, which are other libraries that evaluate synthetic data (see `benchmarks/peers.py`).
It runs in the environment of its peer, as `python ADAPTER FOLDER`. The folder contains synthetic.parquet,
train.parquet and control.parquet, which have the same columns: `text`, and the columns that about.json lists. The
keys of about.json are:

    class        the column of the class of the record, if there is one
    categories   columns of strings: the class, and the attributes extracted from the text
    numbers      columns of the vector of the text, which has few dimensions
    first, second  columns of the vectors of the two halves of the text
    known, secret  the columns that an attacker knows, and those that the attacker wants to infer
    attacks      the number of persons to attack in every table
    seed         the seed of all randomness that can be seeded

The last line printed is {"verdict": ..., "says": ..., "numbers": {...}}. If one part (metric or attack) of the peer
fails, the other parts still run.
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
SHOWN = 4  # largest number of parts that `says` names; `numbers` has the results of all parts
FAULTS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError, SyntaxError, OSError)

Part = Callable[["Request"], tuple[bool | None, dict[str, float]]]


@dataclass(frozen=True)
class Request:
    """The tables of one case and the description of their columns."""

    synthetic: pd.DataFrame
    train: pd.DataFrame
    control: pd.DataFrame
    about: dict

    def columns(self, *kinds):
        """Return the names of the columns of these kinds, each once."""
        return list(dict.fromkeys(name for kind in kinds for name in self.about[kind]))


class NotApplicableError(Exception):
    """The tables do not have the columns or rows that a part of the peer needs."""


def read_request():
    """Return the tables in the folder given on the command line, and seed numpy's global generator."""
    folder = Path(sys.argv[1])
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    np.random.seed(about["seed"])  # noqa: NPY002 -- the peers draw from the global stream
    frames = {role: pd.read_parquet(folder / f"{role}.parquet") for role in ("synthetic", "train", "control")}
    for frame in frames.values():
        for name in ("text", *about["categories"]):
            frame[name] = frame[name].astype(object)
    return Request(**frames, about=about)


def more_than_half(share, n):
    """Return whether a share of n rows is above one half by more than chance (binomial test, confidence 95 %).

    No peer documents a test, so this function treats rows as independent. In fact, rows are dependent, because they
    share one train table and often a person. The test therefore finds too many leaks: on clean releases of
    20 Newsgroups, the share had a standard deviation of .029, while the test assumes .017.
    """
    found = binomtest(round(share * n), n, alternative="greater")
    return bool(found.proportion_ci(CONFIDENCE).low > 0.5)


def answer(given, **parts: Part):
    """Run each part and print the result of the peer as one line of JSON.

    The verdict is `caught` if a part detects a leak, otherwise `passed` if a part finds none. If no part has a
    verdict, it is `error` if a part failed, and `not applicable` if none failed.
    """
    caught, passed, broken, lacking, numbers = [], [], [], [], {}
    for name, part in parts.items():
        try:
            verdict, found = part(given)
        except NotApplicableError:
            lacking.append(name)
        except FAULTS as error:
            broken.append(f"{name} failed ({type(error).__name__})")
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
