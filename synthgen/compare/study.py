"""Train classifiers on synthetic, real and augmented records, test them on real records, and compare the scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.compare.baselines import baselines, write_label_only
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32
from synthgen.decode.config import DecodeConfig
from synthgen.embed import Encoder
from synthgen.evaluate import Tables, evaluate

METRICS = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Study:
    """The scores of each classifier on each training set."""

    table: Mapping[str, Any]  # the `table` of the result of `evaluate`

    def __repr__(self) -> str:
        return f"Study({', '.join(self.table['classifiers'])}; {self.table['records']['test']} test records)"

    def to_json(self) -> Mapping[str, Any]:
        """Return the study as JSON-compatible data."""
        return self.table

    def to_text(self) -> str:
        """Return text for a terminal, with one line for each classifier and training set."""
        level, n = round(100 * self.table["confidence"]), self.table["records"]["test"]
        lines = [f"tested on {n} real records; {level} % bootstrap intervals over persons"]
        lines.append(f"{'classifier':<18} {'trained on':<20} " + " ".join(f"{m:<22}" for m in METRICS))
        for head, by_set in self.table["classifiers"].items():
            for name, found in by_set.items():
                cells = [f"{m['value']:.3f} [{m['low']:.3f}, {m['high']:.3f}]" for m in (found[k] for k in METRICS)]
                lines.append(f"{head:<18} {name:<20} " + " ".join(f"{cell:<22}" for cell in cells))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOnly:
    """The language model that writes the baseline "label-only": folder of the model, and sampling parameters."""

    folder: Path
    config: DecodeConfig


def compare(  # noqa: PLR0913 - the options are keyword arguments
    corpora: Mapping[str, Corpus],
    encoder: Encoder,
    seeds: SeedTree,
    progress: Progress,
    *,
    requested: Mapping[str, int] | None = None,
    confidence: float = 0.95,
    with_baselines: bool = False,
    label_only: LabelOnly | None = None,
) -> Study:
    """Return the scores of classifiers that are trained on the table "synthetic" or "train", and tested on "test".

    `with_baselines` adds the training sets that `baselines` returns. For `requested`, see `evaluate`.

    Raises:
        DataError: a table is empty, or the tables do not fit together; see `evaluate` and `baselines`.
        ModelError: the model of `label_only` cannot be used.
    """

    def encode(texts: list[str], name: str) -> Float32:
        with progress.stage(f"embed {name}", total=len(set(texts)), unit="texts") as advance:
            return encoder.encode(texts, advance)

    vectors = {name: encode(corpus.texts, name) for name, corpus in corpora.items()}
    tables, made = Tables(**corpora, vectors=vectors), None
    if with_baselines:
        written, stream = None, seeds.child("baselines")
        if label_only is not None:
            counts = tables.synthetic.counts()
            config = label_only.config.for_texts(tables.train.texts)
            written = write_label_only(label_only.folder, counts, config, stream.child("label-only"), progress)
        made = baselines(tables, lambda texts: encode(texts, "baseline"), stream, written)
    return Study(evaluate(tables, seeds, requested=requested, confidence=confidence, baselines=made).table)
