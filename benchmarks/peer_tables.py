"""Write the tables that the libraries in `peers.py` read: the texts, and columns computed from each text.

The columns are the class, the number of words rounded down to a power of two, the clinical facts of
`audits/attacks/linkage/clinical_fields.py`, and coordinates of the text and of each of its halves. The coordinates
are those of the vectors of the audits' character encoder on their first principal axes. The axes are fitted on the
reference (the public text, or a fifth of the control persons, who are then not in control). If control has more rows
than train, a sample of the size of train is used, because two of the peers require equal sizes.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audits.attacks.linkage.clinical_fields import quasi_identifiers, sensitive_attributes
from audits.attacks.linkage.view_retrieval import split_halves
from audits.core.holdout import hold_out
from audits.core.streams import stream
from audits.embeddings.encoders import encode_characters

DIMENSIONS = 8  # number of principal axes
ATTACKS = 500  # largest number of persons to attack in each table
MIN_OTHERS = 0.05  # a field is a secret to infer only if at least this share of records lacks its most common value
FACTS = {  # the clinical facts that an attacker knows, and those that the attacker wants to infer
    "known": ("age", "sex", "month", "department", "complaint"),
    "secret": ("drug", "dose", "lab", "smoking", "alcohol", "infection", "mind", "family", "allergy"),
}


def write_tables(inputs, folder, name, seed):
    """Write the tables of a case for the peers; control has at most as many rows as train.

    The rows of the release are shuffled. If row i of the release were made from train row i, the random baseline of
    anonymeter would guess right, because it matches guesses and targets by row number.
    """
    rng = stream(seed, f"peers/{name}")
    columns, about = columns_of(hold_out(inputs, rng), rng)
    n_train, n_made = len(columns["train"]["text"]), len(columns["synthetic"]["text"])
    drawn = {
        "synthetic": rng.permutation(n_made),
        "control": rng.permutation(len(columns["control"]["text"]))[:n_train],
    }
    for role, rows in drawn.items():
        columns[role] = {key: [values[i] for i in rows.tolist()] for key, values in columns[role].items()}
    about["attacks"] = min(ATTACKS, *(len(found["text"]) for found in columns.values()))
    about["seed"] = int(rng.integers(2**31))
    for role, found in columns.items():
        pq.write_table(pa.table(found), folder / f"{role}.parquet")
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def columns_of(parts, rng):
    """Return the columns of the synthetic, train and control tables, and the content of about.json."""
    tables = {role: getattr(parts, role) for role in ("synthetic", "train", "control")}
    columns = {role: {"text": list(table.texts)} for role, table in tables.items()}
    about = {"class": ["class"] if parts.has_labels else [], "numbers": [], "first": [], "second": []}
    for kind, which in (("numbers", None), ("first", 0), ("second", 1)):
        viewed = parts if which is None else viewed_by(parts, which)
        axes = principal(encode_characters(viewed, rng), DIMENSIONS)
        about[kind] = [f"{kind}_{i}" for i in range(axes["train"].shape[1])]
        for role, found in columns.items():
            found |= dict(zip(about[kind], axes[role].T.astype(float).tolist(), strict=True))
    extracted = {role: fields(table) for role, table in tables.items()}
    present = sorted(set.intersection(*map(set, extracted.values())))
    values = {name: extracted["train"][name] + extracted["control"][name] for name in present}
    about["categories"] = [name for name in present if len(set(values[name])) > 1]
    for role, found in columns.items():
        found |= {name: extracted[role][name] for name in about["categories"]}
    guessed = [name for name in about["categories"] if name.startswith("secret_") and is_open(values[name])]
    about["secret"] = guessed or [name for name in about["class"] if name in about["categories"]]
    easy = [name for name in about["categories"] if not name.startswith("secret_") and name not in about["secret"]]
    about["known"] = [*easy, *about["first"]]
    return columns, about


def viewed_by(parts, which):
    halved = {}
    for role in ("synthetic", "train", "control", "reference"):
        table = getattr(parts, role)
        halved[role] = replace(table, texts=tuple(split_halves(text)[which] for text in table.texts))
    return replace(parts, **halved)


def fields(table):
    """Return the columns extracted from the texts; of several values of a fact, use the alphabetically first one."""
    found = {"length": [f"2^{int(math.log2(1 + len(text.split())))} words" for text in table.texts]}
    if table.labels is not None:
        found["class"] = list(table.labels)
    for prefix, facts_of in (("known", quasi_identifiers), ("secret", sensitive_attributes)):
        facts = [sorted(fact.partition(":")[::2] for fact in facts_of(text)) for text in table.texts]
        for name in FACTS[prefix]:
            found[f"{prefix}_{name}"] = [next((v for field, v in row if field == name), "none") for row in facts]
    return found


def is_open(values):
    return 1 - max(map(values.count, set(values))) / len(values) >= MIN_OTHERS


def principal(encoded, dimensions):
    """Return the coordinates of each table on the principal axes of the reference, float32 (n, <= dimensions)."""
    centre = encoded.reference.mean(axis=0)
    axes = np.linalg.svd(encoded.reference - centre, full_matrices=False)[2][:dimensions].T
    return {
        name: np.asarray((getattr(encoded, name) - centre) @ axes, dtype=np.float32)
        for name in ("synthetic", "train", "control", "reference")
    }
