"""Collect the training data of the built-in styles: openly licensed text, and text from the grammars in `invented`.

    python training/corpora.py --out FOLDER [--texts 1500]

The environment variable SYNTHGEN_DATA is the folder of public text. For each style, the script writes a folder with
one table per source and prints the command that trains the style. Datasets that the studies use as private records
are not read. However, the style clinical-note is trained on aci_bench, and examples/sectioned-notes.yaml uses
aci_bench as private records.
"""

import argparse
import base64
import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from invented import clinical, letters, questions

OURS = "Apache-2.0"
SEED = 20261122
STEPS = {"clinical-note": 600}  # number of training steps; all other styles use 100


@dataclass(frozen=True)
class Source:
    """One source of texts for a style."""

    name: str
    licence: str
    # returns the texts; its arguments are the folder of public text and n, the number of texts from each grammar
    texts: Callable[[Path, int], list[str]]


def table(path, *, but=None):
    """Return the function `texts` of a `Source`: it reads at most 4 n texts with a label other than `but`."""

    def read(data, n):
        rows = pq.read_table(data / path).to_pylist()
        return [row["text"] for row in rows if but is None or row["label"] != but][: 4 * n]

    return read


def synthea(data, n):
    """Return the first n / 25 notes of fictional patients from a FHIR export by Synthea."""

    def notes() -> Iterator[str]:
        for path in sorted((data / "hospital_formats" / "fhir_synthea").glob("DocumentReference*.ndjson")):
            for line in path.read_text(encoding="utf-8").splitlines():
                for content in json.loads(line).get("content", []):
                    yield base64.b64decode(content["attachment"].get("data", "")).decode("utf-8", "replace")

    texts = [text for text in dict.fromkeys(notes()) if text.strip()]
    return texts[: n // 25]  # few texts, because the notes follow one template


def ours(write):
    """Return the function `texts` of a `Source`: it calls `write`, which generates n texts by a grammar."""
    return lambda _, n: write(n, np.random.default_rng(SEED))


STYLES = {
    "clinical-note": (
        Source(
            "aci_bench",
            "CC BY 4.0",
            lambda data, n: [
                text
                for part in ("train", "valid", "test1", "test2", "test3")
                for text in table(f"aci_bench/{part}.parquet")(data, n)
            ],
        ),
        Source("synthea", "Apache-2.0", synthea),
        Source("invented_notes", OURS, ours(clinical.clinical_notes)),
        Source("invented_clinic_letters", OURS, ours(letters.clinic_letters)),
    ),
    "clinical-shorthand": (
        Source("primock57", "CC BY 4.0", table("primock57/notes.parquet")),
        Source("invented_shorthand", OURS, ours(clinical.clinical_shorthand)),
    ),
    "letter": (
        Source("invented_clinic_letters", OURS, ours(letters.clinic_letters)),
        Source("invented_letters", OURS, ours(letters.letters)),
    ),
    "question": (
        Source("banking77", "CC BY 4.0", table("banking77/train.parquet")),
        Source("clinc150", "CC BY 3.0", table("clinc150/train.parquet", but="oos")),
        Source("invented_questions", OURS, ours(questions.questions)),
    ),
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=1500, help="number of texts from each grammar")
    args = parser.parse_args(argv)
    data = Path(os.environ["SYNTHGEN_DATA"])
    for style, sources in STYLES.items():
        words = ["synthgen", "train-bridge", "--style", style]
        for source in sources:
            path = args.out / style / f"{source.name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"text": source.texts(data, args.texts)}), path)
            words += ["--corpus", str(path), "--licence", source.licence]
        words += ["--steps", str(STEPS.get(style, 100))]
        print(shlex.join([*words, "--out", f"synthgen/decode/styles/{style}"]))


if __name__ == "__main__":
    main()
