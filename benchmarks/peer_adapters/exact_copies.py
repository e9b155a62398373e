"""Check whether the release contains exact copies of train texts more often than of control texts.

This adapter needs no package. It is a baseline for the peers (the other libraries), and the tests use it.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq


def main():
    folder = Path(sys.argv[1])
    texts = {
        role: pq.read_table(folder / f"{role}.parquet", columns=["text"])["text"].to_pylist()
        for role in ("synthetic", "train", "control")
    }
    share = {
        role: sum(text in set_of for text in texts["synthetic"]) / len(texts["synthetic"])
        for role in ("train", "control")
        for set_of in [set(texts[role])]
    }
    verdict = "caught" if share["train"] > share["control"] else "passed"
    print(json.dumps({"verdict": verdict, "says": "", "numbers": share}))


if __name__ == "__main__":
    main()
