"""All trials of the SMOTExT experiment in parallel processes; each is a file, and only missing ones are made."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import synthgen
from studies.processes import in_processes
from studies.smotext.lambdas import Pairs, along, random_pairs
from studies.smotext.protocol import BRIDGE, LABEL_ONLY, REAL, VARIANTS, WRITING_OF, Plan
from studies.smotext.trial import MEASURE, run_trial
from studies.smotext.writing import Maker, Writing, read_texts
from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import StorageError
from synthgen.core.progress import Progress
from synthgen.run.workspace import write_bytes
from synthgen.stages.decode.base import Decoder
from synthgen.stages.embed import Encoder

LAMBDAS = "lambdas"
Job = tuple[str, int, str]  # dataset, seed, variant; or seed −1 and LAMBDAS
_CODE = (
    "study/smotext.py", "study/trial.py", "study/baselines.py", "study/draws.py", "study/nearness.py",
    "study/lambdas.py", "study/fidelity.py", "evaluate/heads.py", "evaluate/metrics.py", "interpolate/**/*.py",
    "neighbours/**/*.py", "embed/*.py", "seeds.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every trial needs.

    Args:
        plans: by the name of their set.
        makers: of the texts.
        texts: the folder of written texts.
        encoder: returns the encoder; picklable.
        encoder_digest: its digest.
    """

    plans: Mapping[str, Plan]
    makers: Mapping[str, Maker]
    texts: Path
    encoder: Callable[[], Encoder]
    encoder_digest: str

    def key(self, job: Job, code: Mapping[str, str]) -> str:
        """Return the sha256 of everything that decides what a job finds, up to how a processor rounds.

        Vectors are not in it, but what they are made from: two kinds of processors differ in their last bits, and
        what one has measured must be found on the other.
        """
        import sklearn

        dataset, seed, variant = job
        plan = self.plans[dataset]
        protocol = {
            k: list(v) if isinstance(v, tuple) else v for k, v in asdict(plan.protocol).items() if k != "seeds"
        }
        written = WRITING_OF.get(variant)
        bridge = self.makers[BRIDGE].digest if variant == LAMBDAS else None
        return sha256_json(
            {
                "records": [plan.text_set.pool.digest, plan.text_set.test.digest], "job": list(job),
                "protocol": protocol, "encoder": self.encoder_digest, "bridge": bridge, "code": dict(code),
                "texts": None if written is None else plan.writing(written, max(seed, 0)).question(self.makers),
                "libraries": [np.__version__, sklearn.__version__],
            }
        )  # fmt: skip

    def places(self, out: Path) -> dict[Job, Path]:
        """Return every job with the file of what it finds, in `out`."""
        code = _code()
        jobs: list[Job] = []
        for name, plan in self.plans.items():
            jobs += [(name, s, v) for s in range(plan.protocol.seeds) for v in (REAL, *VARIANTS)]
            jobs.append((name, -1, LAMBDAS))
        return {job: out / f"{job[0]}-{job[2]}-{job[1]}-{self.key(job, code)[:16]}" for job in jobs}

    def writings(self, places: Mapping[Job, Path]) -> list[Writing]:
        """Return what must have been written before the jobs whose file is missing can be run.

        One decoder after the other, and of each a seed of every set after the other: so fewer seeds can be asked for
        late. Texts of jobs that are done are not asked for: measures may come from another machine.
        """
        wanted = {
            (0 if variant == LABEL_ONLY else seed, list(self.plans).index(name), WRITING_OF[variant])
            for (name, seed, variant), path in places.items()
            if variant in WRITING_OF and not path.is_file()
        }
        plans = list(self.plans.values())
        found = [plans[at].writing(name, seed) for seed, at, name in sorted(wanted)]
        return sorted(found, key=lambda w: w.maker)


def run_trials(
    bench: Bench, places: Mapping[Job, Path], progress: Progress
) -> tuple[pa.Table, dict[str, list[dict[str, float]]]]:
    """Return every measure of every trial, and the rows of `along` of each set; what was measured is read.

    Args:
        bench: with the texts of `Bench.writings` written.
        places: the file of each trial, in a folder that exists; of `Bench.places`.
        progress: told of each.

    Raises:
        Interrupted: if a process was killed; the same command goes on.
        StorageError: if a file of a finished trial cannot be read.
    """
    missing = [job for job, path in places.items() if not path.is_file()]
    # those of a decoder first, which take longest
    missing.sort(key=lambda job: job[2] != LAMBDAS)
    with progress.stage("measure", total=len(places), unit="trials", done=len(places) - len(missing)) as advance:

        def finished(job: Job, data: bytes) -> None:
            write_bytes(places[job], data)
            advance(1)

        in_processes(missing, _run, finished, start=_start, given=(bench,))
    measures = [_table(path) for job, path in places.items() if job[2] != LAMBDAS]
    return pa.concat_tables(measures), {job[0]: _rows(path) for job, path in places.items() if job[2] == LAMBDAS}


def lambda_rows(plan: Plan, encoder: Encoder, decoder: Decoder) -> list[dict[str, float]]:
    """Return the rows of `along` for pairs of the pool's records: one record of each person, one class a pair.

    Random: of the set's stream, the child "lambdas".
    """
    stream = plan.stream.child(LAMBDAS)
    first: dict[str, int] = {}
    for i, record in enumerate(plan.text_set.pool.records):
        first.setdefault(record.group, i)
    rows = list(first.values())
    texts = [plan.text_set.pool.records[i].text for i in rows]
    labels = [plan.text_set.pool.records[i].label for i in rows]
    pairs = random_pairs(labels, plan.protocol.pairs, stream.child("pairs").generator())
    used = sorted(set(pairs.ravel().tolist()))
    place = {row: i for i, row in enumerate(used)}
    few = Pairs(
        texts=[texts[i] for i in used], labels=[labels[i] for i in used],
        rows=np.array([[place[i] for i in pair] for pair in pairs.tolist()]),
    )  # fmt: skip
    settings = plan.writing("paraphrase").settings
    return along(encoder, decoder, settings, few, plan.protocol.lambdas, stream)


def _code() -> dict[str, str]:
    package = Path(synthgen.__file__).parent
    files = sorted({path for pattern in _CODE for path in package.glob(pattern)})
    return {path.relative_to(package).as_posix(): sha256_file(path) for path in files}


def _table(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        hint = "Delete the file; it is made again."
        raise StorageError(f"{path}: a finished trial cannot be read", hint=hint) from error
    if table.schema != MEASURE:
        raise StorageError(f"{path}: not the measures of a trial", hint="Delete the file; it is made again.")
    return table


def _rows(path: Path) -> list[dict[str, float]]:
    try:
        rows: list[dict[str, float]] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        hint = "Delete the file; it is made again."
        raise StorageError(f"{path}: a finished trial cannot be read", hint=hint) from error
    return rows


# of a worker process, set when it starts
_state: dict[str, Any] = {}


def _start(bench: Bench) -> None:
    _state.update(bench=bench, encoder=bench.encoder())


def _run(job: Job) -> bytes:
    dataset, seed, variant = job
    bench: Bench = _state["bench"]
    plan = bench.plans[dataset]
    if variant == LAMBDAS:
        if "decoder" not in _state:
            _state["decoder"] = bench.makers[BRIDGE].open()
        return json.dumps(lambda_rows(plan, _state["encoder"], _state["decoder"])).encode()
    name = WRITING_OF.get(variant)
    written: Sequence[Any] = ()
    if name is not None:
        written = read_texts(plan.writing(name, 0 if name == LABEL_ONLY else seed), bench.makers, bench.texts)
    buffer = io.BytesIO()
    pq.write_table(run_trial(plan, seed, variant, written, _state["encoder"]), buffer)
    return buffer.getvalue()
