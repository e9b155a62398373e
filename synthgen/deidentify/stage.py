"""The deidentify stage: replace identifiers by surrogates in train and control."""

from collections.abc import Mapping

from synthgen.core.files import read_json, write_json
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.deidentify import deidentify
from synthgen.deidentify.engines import engine_of

SETTINGS = ("engine", "date_order")  # without `sample`, which changes no text


def _deidentify(context: StageContext) -> Mapping[str, object]:
    """Write train and control with surrogates, and the replaced identifiers of each record."""
    loaded, parts, config = (
        context.input("load"),
        context.input("split"),
        DeidentifyConfig(**{name: context.config(f"deidentify.{name}") for name in SETTINGS}),
    )
    names, staff = read_json(loaded.folder / "names.json"), read_json(loaded.folder / "staff.json")
    counts: dict[str, object] = {}
    orders: dict[str, object] = {}
    total = 0
    for role in ("train", "control"):
        corpus = read_corpus(parts.folder / f"{role}.parquet", role)
        with context.progress.stage(f"deidentify {role}", total=len(corpus), unit="records") as advance:
            shares_names = context.input("shares_names")
            seeds = context.stream("deidentify")
            done = deidentify(corpus, config, names, seeds, shares_names=shares_names, staff=staff, advance=advance)
            if config.engine == "off":
                advance(len(corpus))
        write_corpus(context.folder / f"{role}.parquet", done.corpus)
        replaced = {key: [list(pair) for pair in pairs] for key, pairs in done.replaced.items()}
        write_json(context.folder / f"replaced-{role}.json", replaced)
        counts[role] = done.counts
        orders[role] = done.date_orders
        total += len(corpus)
    model = context.input("engine_model")
    done_by = {"engine": engine_of(config.engine), "engine_model": model}
    return {"in": total, "out": total, **done_by, "replaced": counts, "persons_by_date_order": orders}


DEIDENTIFY = Stage(
    name="deidentify",
    version=5,
    run=_deidentify,
    config=tuple(f"deidentify.{name}" for name in SETTINGS),
    inputs=("load", "split", "engine_model", "shares_names"),
    streams=("deidentify",),
    libraries=("python", "pyarrow", "onnxruntime", "python-stdnum", "regex", "tokenizers"),
)
