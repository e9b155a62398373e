"""The last stages before the gate: measure utility, run the audits, write the evidence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import audits
from audits.core.types import AuditInputs, Estimate, Lineage, Table
from audits.gate.dp_substitute import METHOD
from audits.gate.evidence import evidence_from
from audits.gate.records import records_digest
from audits.gate.rule import ATTEMPTS, SECRET
from audits.gate.spending import confidence_of
from audits.ledger.attempts import Attempt, attempt
from audits.runner.registry import applicable_audits
from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.files import write_bytes
from synthgen.core.made_by import LIBRARIES
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Float32, Record
from synthgen.embed import Encoder
from synthgen.embed.stage import CONTROL_VECTORS, EMBED_CONTROL
from synthgen.evaluate.stage import EVALUATE, UTILITY
from synthgen.pipeline.job import Job
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.prepare import Identifiers, Prepared
from synthgen.pipeline.rounds import Written
from synthgen.pipeline.workspace import StageResult

AUDIT, EVIDENCE, SYNTHETIC = "audit.json", "evidence.json", "synthetic.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTables:
    """The tables of the audits: the records that would be released, and the persons they are compared with.

    Args:
        synthetic: under the ids they are released with.
        train: what they were made from.
        control: persons whose records no earlier stage used.
        vectors: float32 (n, d) by "train", "control" and "synthetic", row i of record i.
        mechanism: the log of the DP mechanism; None without a budget.
    """

    synthetic: Corpus
    train: Corpus
    control: Corpus
    vectors: Mapping[str, Float32]
    mechanism: Mapping[str, Any] | None = None

    @property
    def digest(self) -> str:
        """Sha256 of the tables, their vectors and the mechanism's log."""
        corpora = [corpus.digest for corpus in (self.synthetic, self.train, self.control)]
        vectors = {name: sha256_array(array) for name, array in self.vectors.items()}
        return sha256_json([corpora, vectors, plain_value(self.mechanism).digest])


def synthetic_corpus(job: Job, written: Written) -> Corpus:
    """Return the written records under the ids they are released with: 32 hex digits from a random stream."""
    seeds = job.seeds.child("release-id")
    records = [
        Record(id=seeds.child(c.latent_id).key().hex()[:32], text=c.text, label=c.label, group=c.latent_id)
        for c in written.records
    ]
    return Corpus(role="synthetic", records=tuple(records), has_groups=False)


def register_attempt(job: Job, written: Written, prepared: Prepared, source: Corpus) -> Attempt:
    """Return which attempt on these control persons this audit is, and enter it in the ledger before the audit.

    Two audits are the same attempt if they have the same inputs, apart from the number of the attempt itself.

    Args:
        job: the run.
        written: what would be released.
        prepared: train and control.
        source: the control records as the source has them, before surrogates that depend on secret and seed.
    """
    given = _audit_inputs(synthetic_corpus(job, written), prepared, written)
    made = sha256_json(job.key(ATTEMPT, given))
    return attempt(*ledger_of(job.config), digest=made, control=as_table(source, {}))


def embed_control(job: Job, control: Corpus, encoder: Encoder) -> tuple[StageResult, Float32]:
    """Return the vectors of control and the stage that made them.

    Privacy: this is the first access to control's text after deidentify. No earlier stage gets anything of it.
    """
    result = job.run(EMBED_CONTROL, {"control": control}, {"embedder": encoder})
    return result, np.load(result.folder / CONTROL_VECTORS, allow_pickle=False)


def evaluate_utility(
    job: Job, tables: JudgedTables, written: Written, encoder: Encoder, attempt: Attempt
) -> StageResult:
    """Train classifiers on the records and test them on control."""
    inputs: dict[str, HasDigest] = {
        "tables": tables,
        "wanted": plain_value(dict(written.wanted)),
        "attempt": plain_value(attempt.number),
    }
    return job.run(EVALUATE, inputs, {"embedder": encoder})


def attack(
    job: Job, tables: JudgedTables, prepared: Prepared, written: Written, evaluated: StageResult, attempt: Attempt
) -> StageResult:
    """Run every audit on the records that would be released."""
    inputs: dict[str, HasDigest] = {
        **_audit_inputs(tables.synthetic, prepared, written),
        "tables": tables,
        "evaluate": evaluated,
        "attempt": plain_value(attempt.number),
    }
    result = job.run(AUDIT_STAGE, inputs)
    return replace(result, counts={**result.counts, "attempt": attempt.digest})


def _audit(context: StageContext) -> Mapping[str, object]:
    """Write audit.json, evidence.json and synthetic.parquet."""
    synthetic, number = context.input("synthetic"), context.input("attempt")
    write_corpus(context.folder / SYNTHETIC, synthetic)
    report = run_audits(context, confidence_of(number, context.config("audit.confidence")))
    write_bytes(context.folder / AUDIT, report)
    utility = json.loads((context.input("evaluate").folder / UTILITY).read_bytes())["metrics"]
    counts = {
        "records.synthetic": counted(len(synthetic)),
        ATTEMPTS: counted(number),
        SECRET: counted(int(context.stream("audit").secret != b"")),
        METHOD: counted(int(context.config("interpolate.is_private"))),
    }
    measured = {name: Estimate(**estimate) for name, estimate in utility.items()}
    digests = {"synthetic": records_digest(synthetic.texts, synthetic.labels)}
    evidence = evidence_from(json.loads(report), {**measured, **counts}, digests)
    write_bytes(context.folder / EVIDENCE, evidence.to_bytes())
    return {"in": len(synthetic), "out": len(synthetic), "classes": synthetic.counts()}


def run_audits(context: StageContext, confidence: float) -> bytes:
    """Return audit.json: every audit that the run has the inputs for."""
    encoder, tables = context.config("embed.model"), context.input("tables")
    inputs = AuditInputs(
        synthetic=as_table(context.input("synthetic"), {encoder: tables.vectors["synthetic"]}),
        train=as_table(context.input("train"), {encoder: tables.vectors["train"]}),
        control=as_table(context.input("control"), {encoder: tables.vectors["control"]}),
        identifiers=context.input("identifiers"),
        control_identifiers=context.input("control_identifiers"),
        near_duplicate_rate=context.input("near_duplicate_rate"),
        lineage=lineage(context.input("train"), context.input("written")),
        mechanism=tables.mechanism,
    )
    seeds = context.stream("audit")
    with context.progress.stage("audit", total=2 * len(applicable_audits(inputs)) + 1, unit="steps") as advance:
        report = audits.run(inputs, seed=seeds.integer(), confidence=confidence, progress=lambda _line: advance(1))
    return report.to_json()


def lineage(train: Corpus, written: Written) -> Lineage:
    """Return the train rows that each synthetic record was made from, and their weights."""
    row = {r.id: i for i, r in enumerate(train.records)}
    return Lineage(
        parents=tuple(tuple(row[name] for name in names) for names in written.parents), weights=written.weights
    )


def _audit_inputs(synthetic: Corpus, prepared: Prepared, written: Written) -> dict[str, HasDigest]:
    """Return the inputs of the audits that exist before the attempt is counted."""
    return {
        "synthetic": synthetic,
        "train": prepared.train,
        "control": prepared.control,
        "written": written,
        "identifiers": _identifiers(prepared.identifiers),
        "control_identifiers": _identifiers(prepared.control_identifiers),
        "near_duplicate_rate": plain_value(prepared.near_duplicate_rate),
    }


def _identifiers(found: Identifiers) -> StageInput:
    return StageInput(found, plain_value(found).digest)


AUDIT_STAGE = Stage(
    name="audit",
    version=1,
    run=_audit,
    config=("audit.confidence", "embed.model", "interpolate.is_private"),
    inputs=(
        "synthetic",
        "train",
        "control",
        "written",
        "identifiers",
        "control_identifiers",
        "near_duplicate_rate",
        "tables",
        "evaluate",
        "attempt",
    ),
    streams=("audit",),
    libraries=("python", "audits", *LIBRARIES),
)
# The same stage before it is known which attempt it is: its key says which audits are the same attempt.
ATTEMPT = replace(
    AUDIT_STAGE, inputs=tuple(name for name in AUDIT_STAGE.inputs if name not in {"tables", "evaluate", "attempt"})
)


def counted(n: int) -> Estimate:
    """Return an exact count as the gate reads it."""
    return Estimate(value=float(n), low=float(n), high=float(n), confidence=1.0, n=n)


def as_table(corpus: Corpus, vectors: Mapping[str, Float32]) -> Table:
    """Return a corpus as the audits take it."""
    return Table(
        texts=tuple(corpus.texts),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        has_groups=corpus.has_groups,
        vectors=dict(vectors),
    )
