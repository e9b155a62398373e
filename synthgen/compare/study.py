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
from synthgen.evaluate.classifiers import TrainingSet

METRICS = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Study:
    """The test scores of each classifier for each training set."""

    results: Mapping[str, Any]  # all results of `evaluate` as JSON-compatible values, including the scores

    def __repr__(self) -> str:
        return f"Study({', '.join(self.results['classifiers'])}; {self.results['records']['test']} test records)"

    def to_json(self) -> Mapping[str, Any]:
        """Return the study as JSON-compatible data."""
        return self.results

    def to_text(self) -> str:
        """Return text for a terminal, with one line for each classifier and training set."""
        level, n = round(100 * self.results["confidence"]), self.results["records"]["test"]
        lines = [f"tested on {n} real records; {level} % bootstrap intervals over persons"]
        lines.append(f"{'classifier':<18} {'trained on':<20} " + " ".join(f"{m:<22}" for m in METRICS))
        for classifier, by_set in self.results["classifiers"].items():
            for name, found in by_set.items():
                cells = [f"{m['value']:.3f} [{m['low']:.3f}, {m['high']:.3f}]" for m in (found[k] for k in METRICS)]
                lines.append(f"{classifier:<18} {name:<20} " + " ".join(f"{cell:<22}" for cell in cells))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOnly:
    """The language model that writes the baseline "label-only": texts whose prompts name only the class.

    The prompts contain no text of the source. But with `max_new_tokens: auto`, the largest length of the texts is
    computed from the train texts. The comparison with this baseline shows how much the synthetic records gain from
    the source.
    """

    folder: Path  # folder of the model
    config: DecodeConfig  # sampling parameters


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
    """Train classifiers on the tables "synthetic" and "train" of `corpora`; return their scores on the table "test".

    `with_baselines` adds training sets made from train by standard methods, which repeat, alter, weight or
    interpolate records (see `baselines`). If `label_only` is given as well, its model writes the texts of one further
    training set. `requested` maps each class to the requested number of synthetic records; the results then state
    how far the actual numbers differ (`balance.tv_distance`). `confidence` is the two-sided level of the bootstrap
    intervals.

    Raises:
        DataError: a table is empty, or the tables do not fit together; see `evaluate` and `baselines`.
        ModelError: the model of `label_only` cannot be used.
    """

    def encode(texts: list[str], name: str) -> Float32:
        with progress.stage(f"embed {name}", total=len(set(texts)), unit="texts") as advance:
            return encoder.encode(texts, advance)

    vectors = {name: encode(corpus.texts, name) for name, corpus in corpora.items()}
    tables, stream, added = Tables(**corpora, vectors=vectors), seeds.child("baselines"), dict[str, TrainingSet]()
    if with_baselines:
        written = None if label_only is None else _written(label_only, tables, stream.child("label-only"), progress)
        added = baselines(tables, lambda texts: encode(texts, "baseline"), stream, written)
    return Study(evaluate(tables, seeds, requested=requested, confidence=confidence, baselines=added).results)


def _written(model: LabelOnly, tables: Tables, seeds: SeedTree, progress: Progress) -> list[str]:
    """Write the "label-only" texts: for each class, as many as the synthetic table has records of the class.

    Privacy: with `max_new_tokens: auto`, the limit of the text length depends on train, but the prompts do not.
    """
    config = model.config.for_texts(tables.train.texts)
    return write_label_only(model.folder, tables.synthetic.counts(), config, seeds, progress)
