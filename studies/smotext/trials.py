"""Run the missing trials of the SMOTExT experiment in parallel processes, and keep each result in a file.

A trial measures one variant (way to make synthetic records) in one draw (random choice of train records, numbered by
`seed`). One further trial for each dataset measures texts between two real texts; see `lambdas`.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.files import write_whole
from studies.processes import in_processes
from studies.smotext.lambdas import Pairs, along, random_pairs
from studies.smotext.protocol import BRIDGE, LABEL_ONLY, REAL, WRITING_OF, EmbeddedDesign, SetDesign
from studies.smotext.trial import MEASURE, run_trial
from studies.smotext.writing import Maker, Writing, read_texts
from synthgen.core.digest import sha256_json
from synthgen.core.errors import StorageError
from synthgen.core.progress import Progress
from synthgen.decode.base import Decoder
from synthgen.embed import Encoder

LAMBDAS = "lambdas"
# Increase this number if a change of the code changes the results of a trial. Then the study does not use the files
# with results of the old code. A test fails if the number was not increased.
TRIALS_VERSION = 1
Job = tuple[str, int, str]  # a trial: dataset, seed and variant, or dataset, −1 and LAMBDAS


def trial_paths(
    designs: Mapping[str, SetDesign], makers: Mapping[str, Maker], encoder_digest: str, out: Path
) -> dict[Job, Path]:
    """Return every trial of the datasets in `designs`, with the path of its result in the folder `out`.

    The name of a file ends with a digest of the inputs of the trial; see `trial_key`.
    """
    jobs: list[Job] = []
    for name, design in designs.items():
        jobs += [(name, s, v) for s in range(design.protocol.seeds) for v in (REAL, *design.variants(s))]
        jobs.append((name, -1, LAMBDAS))
    keys = {job: trial_key(job, designs[job[0]], makers, encoder_digest)[:16] for job in jobs}
    return {job: out / f"{job[0]}-{job[2]}-{job[1]}-{key}" for job, key in keys.items()}


def trial_key(job: Job, design: SetDesign, makers: Mapping[str, Maker], encoder_digest: str) -> str:
    """Return the SHA-256 of the inputs of a trial.

    The code and the libraries are not part of the key. If a change of the code or a library changes the results,
    increase `TRIALS_VERSION` or `TEXTS_VERSION`. The key contains the texts and the encoder instead of the vectors,
    because the last bits of vectors differ between processors. Therefore, a result of one processor can be used on
    another.
    """
    _, seed, variant = job
    protocol = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(design.protocol).items() if k != "seeds"}
    written = WRITING_OF.get(variant)
    return sha256_json(
        {
            "version": TRIALS_VERSION,
            "job": list(job),
            "protocol": protocol,
            "encoder": encoder_digest,
            "records": [design.text_set.pool.digest, design.text_set.test.digest],
            "bridge": makers[BRIDGE].digest if variant == LAMBDAS else None,
            "texts": None if written is None else design.request(written, seed).key(makers),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The inputs of the trials."""

    designs: Mapping[str, EmbeddedDesign]  # designs of the datasets with missing trials, by name of the dataset
    makers: Mapping[str, Maker]  # decoders of the texts, by name
    texts: Path  # folder of the decoded texts
    encoder: Callable[[], Encoder]  # returns the encoder; picklable

    def writings(self, paths: Mapping[Job, Path]) -> list[Writing]:
        """Return the requests for the texts that the missing trials need; finished trials need no texts.

        The requests are ordered by decoder, draw and dataset, so that an interrupted study has complete draws.
        """
        wanted = {
            (0 if variant == LABEL_ONLY else seed, list(self.designs).index(name), WRITING_OF[variant])
            for name, seed, variant in missing_trials(paths)
            if variant in WRITING_OF
        }
        designs = list(self.designs.values())
        found = [designs[at].writing(name, seed) for seed, at, name in sorted(wanted)]
        return sorted(found, key=lambda w: w.request.maker)


def missing_trials(paths: Mapping[Job, Path]) -> list[Job]:
    """Return the trials without a result file."""
    return [job for job, path in paths.items() if not path.is_file()]


def run_trials(
    bench: Bench, paths: Mapping[Job, Path], progress: Progress
) -> tuple[pa.Table, dict[str, list[dict[str, float]]]]:
    """Run the missing trials; return every measure of every trial, and for each dataset the rows of `along`.

    All texts of `bench.writings` must already be decoded, and the folder of the `paths` must exist.

    Raises:
        Interrupted: if a worker process was killed; run the same command again to continue.
        StorageError: if a file of a finished trial cannot be read.
    """
    missing = sorted(
        missing_trials(paths), key=lambda job: job[2] != LAMBDAS
    )  # trials with a decoder first, because they take longest
    with progress.stage("measure", total=len(paths), unit="trials", done=len(paths) - len(missing)) as advance:

        def finished(job: Job, data: bytes) -> None:
            write_whole(paths[job], data)
            advance(1)

        in_processes(missing, _run, finished, start=_start, given=(bench,))
    measures = [_table(path) for job, path in paths.items() if job[2] != LAMBDAS]
    return pa.concat_tables(measures), {job[0]: _rows(path) for job, path in paths.items() if job[2] == LAMBDAS}


def lambda_rows(design: EmbeddedDesign, encoder: Encoder, decoder: Decoder) -> list[dict[str, float]]:
    """Return the rows of `along` for random pairs of the pool's records.

    Only the first record of each person is used, and both records of a pair have the same class.

    Randomness: the child "lambdas" of `design.stream`.
    """
    stream = design.stream.child(LAMBDAS)
    first: dict[str, int] = {}
    for i, record in enumerate(design.text_set.pool.records):
        first.setdefault(record.group, i)
    rows = list(first.values())
    texts = [design.text_set.pool.records[i].text for i in rows]
    labels = [design.text_set.pool.records[i].label for i in rows]
    pairs = random_pairs(labels, design.protocol.pairs, stream.child("pairs").generator())
    used = sorted(set(pairs.ravel().tolist()))
    place = {row: i for i, row in enumerate(used)}
    few = Pairs(
        texts=[texts[i] for i in used],
        labels=[labels[i] for i in used],
        rows=np.array([[place[i] for i in pair] for pair in pairs.tolist()]),
    )
    settings = design.request("paraphrase").settings
    return along(encoder, decoder, settings, few, design.protocol.lambdas, stream)


def _table(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        hint = "Delete the file; the trial runs again."
        raise StorageError(f"{path}: a finished trial cannot be read", hint=hint) from error
    if table.schema != MEASURE:
        raise StorageError(f"{path}: not the measures of a trial", hint="Delete the file; the trial runs again.")
    return table


def _rows(path: Path) -> list[dict[str, float]]:
    try:
        rows: list[dict[str, float]] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        hint = "Delete the file; the trial runs again."
        raise StorageError(f"{path}: a finished trial cannot be read", hint=hint) from error
    return rows


# the inputs, encoder and decoder of a worker process; filled when the process starts
_state: dict[str, Any] = {}


def _start(bench: Bench) -> None:
    _state.update(bench=bench, encoder=bench.encoder())


def _run(job: Job) -> bytes:
    dataset, seed, variant = job
    bench: Bench = _state["bench"]
    design = bench.designs[dataset]
    if variant == LAMBDAS:
        if "decoder" not in _state:
            _state["decoder"] = bench.makers[BRIDGE].open()
        return json.dumps(lambda_rows(design, _state["encoder"], _state["decoder"])).encode()
    name = WRITING_OF.get(variant)
    written: Sequence[Any] = ()
    if name is not None:
        written = read_texts(design.writing(name, 0 if name == LABEL_ONLY else seed), bench.makers, bench.texts)
    buffer = io.BytesIO()
    pq.write_table(run_trial(design, seed, variant, written, _state["encoder"]), buffer)
    return buffer.getvalue()
