"""Sources as other programs write them, and a project whose commands read them."""

import json
import re
from collections import Counter
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from typer.testing import CliRunner

from synthgen.cli.main import app

N = 40
WORDS = ["".join(parts) for parts in product(("ba", "ko", "mi", "te"), ("ra", "lo", "ni"), "mst")]
ALL = {"cardio": N // 2, "neuro": N // 2}
COLUMNS = {"text": "note", "label": "label", "group": "pid", "id": None, "names": [], "labels": None}
FOLDER = {"text": "text", "label": "label", "group": None, "rows_are_persons": True}


def rows(**columns):
    """Return N rows of N persons; each argument is a column, given as a function of the row number."""
    rng = np.random.default_rng(3)
    notes = [f"The patient {' '.join(rng.choice(WORDS, 30))} came with a cough." for _ in range(N)]
    given = {"pid": lambda i: f"p{i}", "note": notes.__getitem__, "label": lambda i: ("cardio", "neuro")[i % 2]}
    return [{name: of(i) for name, of in {**given, **columns}.items()} for i in range(N)]


class Sources:
    """A project whose commands read another source."""

    def __init__(self, project):
        self.project, self.folder = project, project.folder

    def write(self, name, table):
        path = self.folder / name
        if isinstance(table, bytes):
            path.write_bytes(table)
        elif path.suffix == ".parquet":
            pq.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pylist(table), path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
        return path

    def call(self, command, name, *options, **source):
        config = self.project.write_config(source=COLUMNS | {"path": name} | source)
        return CliRunner().invoke(app, [command, str(config), *options])

    def plan(self, name, **source):
        """Run `plan` on a source, check that it exits with 0, and return the plan."""
        found = self.call("plan", name, "--no-pilot", "--json", **source)
        assert found.exit_code == 0, (found.output, found.exception)
        return json.loads(found.stdout)

    def refused(self, name, *words, **source):
        """Check that `plan` exits with 3 and that its output matches all patterns `words`; return the output."""
        found = self.call("plan", name, "--no-pilot", **source)
        said = f"{found.exception} {found.output}"
        assert getattr(found.exception, "exit_code", found.exit_code) == 3, said
        assert [word for word in words if not re.search(word, said)] == [], said
        return said


def is_whole(plan, classes=ALL, persons=N):
    """Check that every row is used, with its person and its class."""
    assert (plan["rows"], plan["bad_rows"]) == (sum(classes.values()), {})
    assert Counter(plan["train"]) + Counter(plan["control"]) == Counter(classes)
    assert sum(plan["persons"].values()) == persons


def csv_of(delimiter=",", header_end="", row_end="", first=""):
    lines = [delimiter.join((r["pid"], f"caf\u00e9 {r['note']}", r["label"])) + row_end for r in rows()]
    return first + "\n".join([delimiter.join(("pid", "note", "label")) + header_end, *lines]) + "\n"
