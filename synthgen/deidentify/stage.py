"""Define the stage `deidentify`, which replaces identifiers in train and control records by invented surrogates.

The records are divided into shards, which different processes can compute. All records of a person are in one shard.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from synthgen.core.files import read_json, write_json
from synthgen.core.shards import Division, rows_name
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.core.types import Corpus, Record, Role
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.deidentify import Deidentified, Deidentifier, unchanged
from synthgen.deidentify.engines import engine_of

ROLES: tuple[Role, ...] = ("train", "control")
SHARD_RECORDS = 1024  # smallest number of records in a shard; the last shard of train and of control can be smaller
SETTINGS = ("engine", "date_order")  # the settings that determine the new texts: all settings except `sample`


def _config(context: StageContext) -> DeidentifyConfig:
    return DeidentifyConfig(**{name: context.config(f"deidentify.{name}") for name in SETTINGS})


def _corpora(context: StageContext) -> list[Corpus]:
    folder = context.input("split").folder
    return [read_corpus(folder / f"{role}.parquet", role) for role in ROLES]


def whole_persons(corpus: Corpus, n: int) -> list[Corpus]:
    """Divide a corpus by person into parts of at least `n` records each; the last part can have fewer records."""
    persons: dict[str, list[Record]] = {}
    for record in corpus.records:
        persons.setdefault(record.group, []).append(record)
    parts: list[list[Record]] = []
    for records in persons.values():
        if not parts or len(parts[-1]) >= n:
            parts.append([])
        parts[-1] += records
    return [replace(corpus, records=tuple(records)) for records in parts]


def _shards(corpora: Sequence[Corpus]) -> dict[str, Corpus]:  # shard name -> records of the shard
    found = {}
    for corpus in corpora:
        start = 0
        for part in whole_persons(corpus, SHARD_RECORDS):
            found[f"{corpus.role}-{rows_name(range(start, start + len(part)), '.json')}"] = part
            start += len(part)
    return found


def _divide(context: StageContext) -> Division:
    shards = {} if _config(context).engine == "off" else _shards(_corpora(context))

    def is_intact(name: str) -> bool:
        try:
            texts = read_json(context.shards / name)["texts"]  # `write_json` sorts the keys, which are record ids
            return bool(list(texts) == sorted(record.id for record in shards[name].records))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    write = partial(_write, context, shards)
    return Division(folder=context.shards, names=tuple(shards), write=write, is_intact=is_intact)


def _write(context: StageContext, shards: Mapping[str, Corpus], shard_names: Sequence[str]) -> None:
    loaded, seeds = context.input("load").folder, context.stream("deidentify")
    names, staff = read_json(loaded / "names.json"), read_json(loaded / "staff.json")
    shares_names = context.input("shares_names")
    deidentifier = Deidentifier(_config(context), names, seeds, shares_names=shares_names, staff=staff)
    # the shown progress includes the shards that exist already
    done = sum(len(part) for name, part in shards.items() if (context.shards / name).exists())
    total = done + sum(len(shards[name]) for name in shard_names)
    with context.progress.stage(context.name, total=total, unit="records", done=done) as advance:
        for name in shard_names:
            result = deidentifier.deidentify(shards[name], advance)
            texts = {record.id: record.text for record in result.corpus.records}
            found = {"texts": texts, "replaced": result.replaced, "date_orders": result.date_orders}
            write_json(context.shards / name, found)


def _combined(context: StageContext, corpus: Corpus) -> Deidentified:
    texts: dict[str, str] = {}
    replaced: dict[str, tuple[tuple[str, str], ...]] = {}
    orders: Counter[str] = Counter()
    for name in _shards([corpus]):
        shard = read_json(context.shards / name)
        texts |= shard["texts"]
        replaced |= {key: tuple((kind, value) for kind, value in found) for key, found in shard["replaced"].items()}
        orders += Counter(shard["date_orders"])
    records = tuple(replace(record, text=texts[record.id]) for record in corpus.records)
    found = {record.id: replaced[record.id] for record in records}
    return Deidentified(
        corpus=replace(corpus, records=records), replaced=found, date_orders=dict(sorted(orders.items()))
    )


def _deidentify(context: StageContext) -> Mapping[str, object]:
    config, total = _config(context), 0
    counts: dict[str, object] = {}
    orders: dict[str, object] = {}
    for corpus in _corpora(context):
        result, role = unchanged(corpus) if config.engine == "off" else _combined(context, corpus), corpus.role
        write_corpus(context.folder / f"{role}.parquet", result.corpus)
        write_json(context.folder / f"replaced-{role}.json", result.replaced)
        counts[role] = result.counts
        orders[role] = result.date_orders
        total += len(corpus)
    engine = {"engine": engine_of(config.engine), "engine_model": context.input("engine_model")}
    return {"in": total, "out": total, **engine, "replaced": counts, "persons_by_date_order": orders}


DEIDENTIFY = Stage(
    name="deidentify",
    version=5,
    divide=_divide,
    run=_deidentify,
    config=tuple(f"deidentify.{name}" for name in SETTINGS),
    inputs=("load", "split", "engine_model", "shares_names"),
    streams=("deidentify",),
    libraries=("python", "pyarrow", "onnxruntime", "python-stdnum", "regex", "tokenizers"),
)
