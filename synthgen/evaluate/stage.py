"""The evaluate stage: train classifiers on real and on synthetic records, and test them on the control records.

Control records are real records of persons whose records were not used to make the synthetic records.
"""

from collections.abc import Mapping

from threadpoolctl import threadpool_limits

from audits.gate.rule import confidence_of
from synthgen.core.files import write_json
from synthgen.core.stage import Stage, StageContext
from synthgen.evaluate.evaluation import Tables, evaluate
from synthgen.segment.section_measures import section_measures

UTILITY = "evaluation.json"
SECTIONS = "sections.json"  # measures of the sections of long records; written only if `segments` is configured
# Smallest two-sided confidence of an interval. The confidence rises with each further audit (attempt) of the same
# persons.
MIN_CONFIDENCE = 0.95


def _evaluate(context: StageContext) -> Mapping[str, object]:
    tables, attempt = context.input("tables"), context.input("attempt")
    # 2 · c − 1 is the two-sided confidence of an interval whose ends have the one-sided confidence c
    confidence = max(MIN_CONFIDENCE, 2 * confidence_of(attempt, context.config("audit.confidence")) - 1)
    with context.progress.stage("evaluate", total=1, unit="evaluations") as advance, threadpool_limits(limits=1):
        compared = Tables(
            synthetic=tables.synthetic,
            train=tables.train,
            test=tables.control,
            vectors={**tables.vectors, "test": tables.vectors["control"]},
        )
        utility = evaluate(
            compared, context.stream("audit"), requested=context.input("wanted"), confidence=confidence
        )
        advance(1)
    write_json(context.folder / UTILITY, utility.results)
    encoder = context.model("embedder")
    if context.config("segments") is not None:
        ids = [r.id for r in tables.synthetic.records]
        with context.progress.stage("embed segments", total=len(ids), unit="records") as advance:
            synthetic = encoder.segments(ids, tables.synthetic.texts, advance)
        found = {
            "train": section_measures(tables.train.texts, tables.train_segments, encoder.splitter),
            "synthetic": section_measures(tables.synthetic.texts, synthetic, encoder.splitter),
        }
        write_json(context.folder / SECTIONS, found)
    return {"in": len(tables.synthetic), "out": len(tables.synthetic)}


EVALUATE = Stage(
    name="evaluate",
    version=7,
    run=_evaluate,
    config=("audit.confidence", "segments"),
    inputs=("tables", "wanted", "attempt"),
    models=("embedder",),
    streams=("audit",),
    libraries=("python", "audits", "numpy", "pyarrow", "scikit-learn", "scipy", "torch", "transformers"),
)
