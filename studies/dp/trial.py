"""Run one trial of the study `dp`: the pipeline with one privacy budget, including evaluation and audits."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audits.attacks.accounting.mechanism_log import rounded_down
from studies.dp.sets import PrivateSet
from synthgen.config import Config
from synthgen.core.progress import Progress
from synthgen.core.tables import read_corpus
from synthgen.evaluate.stage import UTILITY
from synthgen.pipeline.judge import AUDIT
from synthgen.pipeline.pipeline import Pipeline

LABELS, SMOTE = "labels alone", "smote"  # the lower baseline, and the mechanism without a budget
# for each mechanism: method of interpolation, and number of prompt words
MECHANISMS: Mapping[str, tuple[str, int]] = {
    LABELS: ("dp-gaussian", 4),
    "classes": ("dp-gaussian", 0),
    "classes + words": ("dp-gaussian", 4),
    SMOTE: (SMOTE, 4),
}
NOISELESS, LABELS_ALONE = 50.0, 0.01  # epsilon with almost no noise, and epsilon with almost only noise
DELTA = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class DpTrial:
    """The settings of one trial."""

    data: str
    persons: int  # approximate number of train persons; `dp.persons` is this number rounded down
    mechanism: str  # a name in `MECHANISMS`
    epsilon: float  # privacy budget; 0 if the mechanism has no budget
    records: int  # number of synthetic records
    seed: int  # seed of the run

    @property
    def name(self) -> str:
        """The name of the file with the trial's results, without suffix."""
        mechanism = self.mechanism.replace(" + ", "-").replace(" ", "-")
        return f"{self.data}-{self.persons}-{mechanism}-{self.epsilon:g}-{self.records}-{self.seed}"

    def config(self, source: PrivateSet, folder: Path) -> Config:
        """Return the configuration of the run, which reads records.jsonl in `folder`."""
        method, words = MECHANISMS[self.mechanism]
        is_dp = method != SMOTE
        given: dict[str, Any] = {
            "version": 1,
            "seed": self.seed,
            "secret": "public",
            "ledger": "ledger",
            "workspace": "ws",
            "source": {"path": "records.jsonl", "group": "group", "labels": list(source.kind.labels)},
            "deidentify": {"engine": "off"},
            "interpolate": {"method": method, "total": self.records},
            "decode": {
                "style": source.kind.style,
                "words": words,
                "candidates": 1,
                "prompt": source.kind.prompt,
                "max_new_tokens": source.kind.max_new_tokens,
            },
            "filter": {"class_agreement": 0.4, "length": [3, 200]},
        }
        if self.mechanism == LABELS:  # the vectors are noise, so these filters would reject every text
            given["filter"] |= {"class_agreement": None, "embedding_distance": None}
        if is_dp:
            given["dp"] = {"epsilon": self.epsilon, "delta": DELTA, "persons": rounded_down(self.persons)}
        return Config.parse(given, base=str(folder))


def run_trial(trial: DpTrial, source: PrivateSet, folder: Path, progress: Progress) -> dict[str, Any]:
    """Run a trial in `folder` and return its results; an interrupted run continues where it stopped.

    Trials with the same set, number of persons and seed share a folder, so that records are embedded only once.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "records.jsonl").exists():
        source.write(folder / "records.jsonl", 2 * trial.persons, trial.seed)
    run = Pipeline(trial.config(source, folder), progress).run(until="audit")
    found = json.loads((run.folder("evaluate") / UTILITY).read_bytes())
    audit = json.loads((run.folder("audit") / AUDIT).read_bytes())
    (membership,) = [result for result in audit["results"] if result["name"] == "membership"]
    return {
        "settings": asdict(trial),
        "train_persons": len({r.group for r in read_corpus(run.folder("split") / "train.parquet", "train").records}),
        "scores": {
            name: {kind: of[kind]["macro_f1"]["value"] for kind in ("real", "synthetic")}
            for name, of in found["classifiers"].items()
        },
        "style_gap": found["metrics"].get("style.gap", {}).get("value"),  # None if there are too few texts
        "membership": None if membership["estimate"] is None else membership["metrics"]["membership.auc"],
        "attacks": {name: of["auc"] for name, of in membership["details"].get("attacks", {}).items()},
    }
