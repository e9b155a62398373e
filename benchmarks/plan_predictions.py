"""Compare the predictions of `synthgen plan` with the results of the run, on public corpora.

    python benchmarks/plan_predictions.py [--sets sst2,trec,...] [--persons 1600] [--classes 4] [--total 200]

Each set is cut to its most frequent classes and to randomly drawn persons; if a set has no column `group`, each row
counts as a person. The configuration is the default one, except for one candidate per vector and the removal of
repeated records (`source.dedupe: all`). The plan is made first; its pilot writes a few texts to predict the results.
The run follows even if the plan announces a refusal. The output is a table with a line for each set. For each gate
(condition of the policy) that the run did not pass, the table has the limit, and the end of the interval that was
compared with the limit. The corpora are in the folder SYNTHGEN_DATA. A set takes two to ten minutes on two cores.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from synthgen import Config, Pipeline
from synthgen.core.errors import SynthGenError
from synthgen.core.progress import terminal_progress

SETS = {
    "ag_news": "train_subset",
    "sst2": "train",
    "tweet_emotion": "train",
    "trec": "train",
    "sms_spam": "all",
    "medical_abstracts": "test",
    "newsgroups20": "train",
    "yelp_augpe": "dev",
    "banking77": "train",
    "mts_dialog": "train",
}
HEADER = (
    "| set | persons, train and control | accepted: predicted | measured | texts: predicted | measured "
    "| minutes: predicted | measured | reasons against a release: predicted | measured |"
)


def rows_of(path, n_classes, n_persons, seed):
    """Return the rows of `n_persons` randomly drawn persons in the `n_classes` most frequent classes."""
    rows = [row for row in pq.read_table(path).to_pylist() if row["text"] and row["label"]]
    common = {label for label, _ in Counter(row["label"] for row in rows).most_common(n_classes)}
    of_person = {}
    for i, row in enumerate(rows):
        if row["label"] in common:
            person = str(row.get("group") or f"row {i}")
            of_person.setdefault(person, []).append({k: str(row[k]) for k in ("text", "label")} | {"person": person})
    drawn = np.random.default_rng(seed).permutation(sorted(of_person))[:n_persons]
    return [row for person in drawn for row in of_person[person]]


def predicted_and_measured(pipeline):
    plan = pipeline.plan()
    announced = [problem.partition(":")[0] for problem in plan.problems if not problem.startswith("release.")]
    pilot = plan.pilot
    announced += [] if pilot is None else [f"at risk: {risk.partition(':')[0]}" for risk in pilot.risks]
    cells = [f"{plan.persons['train']}, {plan.persons['control']}"]
    try:
        run = pipeline.run()
    except SynthGenError as error:
        return [*cells, *["–"] * 6, shown(announced), f"stopped: {error.message}"]
    written = run.record.stage("filter")
    n_kept, minutes = sum(written.kept.values()), sum(stage.seconds for stage in run.record.stages) / 60
    unmet = [of_gate(gate) for gate in run.decide().gates if gate.verdict != "PASS"]
    expected = ("–", "–") if pilot is None else (f"{pilot.run_share:.0%}", str(pilot.texts))
    cells += [expected[0], f"{n_kept / written.n_in:.0%}", expected[1], str(written.n_in)]
    return [*cells, f"{plan.minutes:.1f}", f"{minutes:.1f}", shown(announced), shown(unmet)]


def of_gate(gate):
    """Return the name of a gate, the number that was compared with its limit, and the limit, as one text."""
    number = "not measured" if gate.value is None else f"{gate.value:.3g}"
    return f"{gate.id} ({number}; {gate.op} {gate.limit:g})"


def shown(reasons):
    return ", ".join(reasons) or "none"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--persons", type=int, default=1600)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--total", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the workspaces; without it, they are deleted")
    given = parser.parse_args(argv)
    print(HEADER, "|" + "---|" * 10, sep="\n")
    for name in given.sets.split(","):
        path = Path(os.environ["SYNTHGEN_DATA"]) / name / f"{SETS[name]}.parquet"
        rows = rows_of(path, given.classes, given.persons, given.seed)
        with tempfile.TemporaryDirectory() as folder:
            fields = {"version": 1, "seed": given.seed, "workspace": "ws", "ledger": "ledger"}
            fields |= {
                "source": {"group": "person", "dedupe": "all"},
                "interpolate": {"total": given.total},
                "decode": {"candidates": 1},
            }
            base = folder if given.keep is None else str(given.keep / name)
            pipeline = Pipeline(Config.parse(fields, base=base), terminal_progress(sys.stderr), source=rows)
            print("|", " | ".join([name, *predicted_and_measured(pipeline)]), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
