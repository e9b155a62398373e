"""Compare how often three kinds of text contradict themselves: real notes, mixed sentences and given records.

    python benchmarks/coherence.py [--records release/data/records.jsonl ...]

The real notes are in the folder SYNTHGEN_DATA: visit notes (aci_bench), sections of notes (mts_dialog) and shorthand
(primock57). A text of mixed sentences has as many sentences as a real note, each drawn from all notes of the set. In
the files of `--records`, each line is a JSON object with the key `text`. Texts of at most 20 words are left out.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from synthgen.coherence import RULES, coherence

SETS = {
    "aci_bench": ("train", "valid", "test1", "test2", "test3"),
    "mts_dialog": ("train", "validation", "test", "test2"),
    "primock57": ("notes",),
}
LEAST_WORDS = 21


def mixed(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return for each text one of equally many sentences, each drawn at random from the sentences of all texts."""
    parts = [re.split(r"(?<=[.!?])\s+", text) for text in texts]
    pool = [sentence for of_text in parts for sentence in of_text]
    return [" ".join(pool[i] for i in rng.integers(len(pool), size=len(of_text))) for of_text in parts]


def line(name: str, texts: Sequence[str]) -> str:
    found = coherence(texts)
    shares = (found.n_contradictory, *found.by_rule.values())
    return f"| {name} | {found.n} | " + " | ".join(f"{k / found.n:.1%}" for k in shares) + " |"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="JSON Lines files of records")
    given = parser.parse_args(argv)
    print("| texts | number |", " | ".join(("any", *RULES)), "|")
    print("|" + "---|" * (3 + len(RULES)))
    folder = Path(os.environ["SYNTHGEN_DATA"])
    for name, parts in SETS.items():
        read = [
            text for part in parts for text in pq.read_table(folder / name / f"{part}.parquet")["text"].to_pylist()
        ]
        texts = [text for text in read if len(text.split()) >= LEAST_WORDS]
        print(line(f"{name}, real", texts), flush=True)
        print(line(f"{name}, mixed sentences", mixed(texts, np.random.default_rng(0))), flush=True)
    for path in given.records:
        records = [json.loads(row)["text"] for row in path.read_text(encoding="utf-8").splitlines()]
        print(line(path.name, [text for text in records if len(text.split()) >= LEAST_WORDS]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
