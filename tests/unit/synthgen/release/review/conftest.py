import numpy as np
import pytest
from sklearn.preprocessing import normalize

from audits.core.types import Finding
from synthgen.core.types import Corpus, Record
from synthgen.release.review.tables import ReviewTables


def corpus(role, rows):
    records = [Record(id=f"{role}-{i}", text=text, label="a", group=group) for i, (text, group) in enumerate(rows)]
    return Corpus(role=role, records=tuple(records), has_groups=True)


@pytest.fixture
def reviewed():
    """Return a maker of tables: four synthetic records, three train records of two persons, two control records."""

    def make(**changes):
        given = {
            "synthetic": corpus("synthetic", [(f"row {i} says nothing", f"latent-{i}") for i in range(4)]),
            "train": corpus("train", [("she keeps seven blue goats", "p"), ("other", "p"), ("third", "q")]),
            "control": corpus("control", [("control one", "r"), ("control two", "s")]),
            "original": {},
            "replaced": {"train": {}, "control": {}},
            "vectors": {
                "synthetic": normalize(np.array([[1, 0], [0, 1], [1, 1], [1, 3]], dtype=np.float32)),
                "train": normalize(np.array([[2, 0], [1, 1], [1, -1]], dtype=np.float32)),
                "control": normalize(np.array([[0, 1], [-1, 0]], dtype=np.float32)),
            },
            "parents": ((), (0, 1), (0, 2), (0, 1, 2)),
            "weights": ((), (0.5, 0.5), (0.4, 0.6), (0.3, 0.1, 0.6)),
            "results": ({"name": "memorization", "details": {"limit_tokens": 17}},),
            "findings": {},
            "candidates": (),
        }
        return ReviewTables(**given | changes)

    return make


@pytest.fixture
def finding():
    return lambda row, person, kind="run": Finding(row=row, start=0, end=5, kind=kind, person=person)
