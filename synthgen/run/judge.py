"""The last step before the gate: attack the records, train on them, write the numbers a gate may read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

import audits
from audits.core.types import AuditInputs, Estimate, Lineage, Table
from audits.gate.evidence import evidence_from
from audits.runner.attempts import attempt, confidence_of
from audits.runner.registry import applicable_audits
from synthgen.core.digest import sha256_array
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Embedded, Float32, Record
from synthgen.run.job import STAGES_VERSION, Job
from synthgen.run.prepare import Identifiers, Prepared
from synthgen.run.segments import encoder_for, measured
from synthgen.run.workspace import StageResult, write_bytes, write_json
from synthgen.run.write import Written
from synthgen.stages.embed.segmented import SegmentedEncoder
from synthgen.stages.evaluate import Tables, evaluate

ATTEMPTS = "attempts.jsonl"  # in the workspace; outlives every stage
AUDIT, UTILITY, EVIDENCE, SYNTHETIC = "audit.json", "evaluation.json", "evidence.json", "synthetic.parquet"
COHERENCE = "coherence.json"  # of long records, see `measured`


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The folder that holds audit.json, evaluation.json, evidence.json and synthetic.parquet, and its stage."""

    folder: Path
    stage: StageResult


def judge(job: Job, prepared: Prepared, embedded: Embedded, written: Written) -> Judged:
    """Run every audit and the utility study on the records that would be released.

    Control persons are asked once for each synthetic table, and later tables must be surer; see
    `audits.runner.attempts`.

    Privacy: this is the first time control is embedded or trained on; nothing made here goes back to an earlier step.
    """
    seeds = job.seeds.child("audit")
    encoder = encoder_for(job, prepared.train)
    synthetic = synthetic_corpus(job, written)
    number = attempt(job.workspace.root / ATTEMPTS, as_table(synthetic, {}), as_table(prepared.control, {}))

    def make(folder: Path) -> Mapping[str, object]:
        write_corpus(folder / SYNTHETIC, synthetic)
        with job.progress.stage("embed control", total=len(set(prepared.control.texts)), unit="texts") as advance:
            control_vectors = encoder.encode(prepared.control.texts, advance)
        vectors = {"train": embedded.vectors, "control": control_vectors, "synthetic": written.vectors}
        with job.progress.stage("evaluate", total=1, unit="studies") as advance, threadpool_limits(limits=1):
            tables = Tables(
                synthetic=synthetic,
                train=prepared.train,
                test=prepared.control,
                vectors={**vectors, "test": control_vectors},
            )
            utility = evaluate(tables, seeds, requested=written.wanted)
            advance(1)
        write_json(folder / UTILITY, utility.table)
        if isinstance(encoder, SegmentedEncoder):
            write_json(folder / COHERENCE, measured(encoder, {"train": prepared.train, "synthetic": synthetic}))
        report = attack(
            job, prepared, synthetic, vectors, lineage(prepared, written),
            confidence_of(number, job.config.audit.confidence),
        )  # fmt: skip
        write_bytes(folder / AUDIT, report)
        evidence = evidence_from(
            json.loads(report),
            {**utility.metrics, "records.synthetic": counted(len(synthetic)), "attempts.number": counted(number)},
        )
        write_bytes(folder / EVIDENCE, evidence.to_bytes())
        return {"in": len(synthetic), "out": len(synthetic), "classes": synthetic.counts()}

    inputs = {
        "version": STAGES_VERSION,
        "filter": [stage.digest for stage in written.stages],
        "records": sha256_array(written.vectors),
        "control": prepared.control.digest,
        "identifiers": [_plain(prepared.identifiers), _plain(prepared.control_identifiers)],
        "config": job.config.audit.model_dump(mode="json"),
        "attempt": number,
        "seed": seeds.key().hex(),
    }
    stage = job.workspace.stage("audit", inputs, make)
    return Judged(folder=stage.folder, stage=stage)


def _plain(identifiers: Identifiers) -> list[list[str]] | None:
    return None if identifiers is None else [list(row) for row in identifiers]


def lineage(prepared: Prepared, written: Written) -> Lineage:
    """Return the train rows that each synthetic record was made from, and their weights."""
    row = {r.id: i for i, r in enumerate(prepared.train.records)}
    return Lineage(
        parents=tuple(tuple(row[name] for name in names) for names in written.parents), weights=written.weights
    )


def attack(
    job: Job,
    prepared: Prepared,
    synthetic: Corpus,
    vectors: Mapping[str, Float32],
    made_from: Lineage,
    confidence: float,
) -> bytes:
    """Return audit.json: every audit that a run has the inputs for."""
    encoder = job.config.embed.model
    inputs = AuditInputs(
        synthetic=as_table(synthetic, {encoder: vectors["synthetic"]}),
        train=as_table(prepared.train, {encoder: vectors["train"]}),
        control=as_table(prepared.control, {encoder: vectors["control"]}),
        identifiers=prepared.identifiers,
        control_identifiers=prepared.control_identifiers,
        lineage=made_from,
    )
    with job.progress.stage("audit", total=2 * len(applicable_audits(inputs)) + 1, unit="steps") as advance:
        report = audits.run(
            inputs, seed=int.from_bytes(job.seeds.child("audit").key()[:4], "big"),
            confidence=confidence, progress=lambda _line: advance(1),
        )  # fmt: skip
    return report.to_json()


def counted(n: int) -> Estimate:
    """Return an exact count as the gate reads it."""
    return Estimate(value=float(n), low=float(n), high=float(n), confidence=1.0, n=n)


def synthetic_corpus(job: Job, written: Written) -> Corpus:
    """Return the written records under the ids they are released with: 32 hex digits that say nothing."""
    seeds = job.seeds.child("release-id")
    records = [
        Record(id=seeds.child(c.latent_id).key().hex()[:32], text=c.text, label=c.label, group=c.latent_id)
        for c in written.records
    ]
    return Corpus(role="synthetic", records=tuple(records), has_groups=False)


def as_table(corpus: Corpus, vectors: Mapping[str, Float32]) -> Table:
    """Return a corpus as the audits take it."""
    return Table(
        texts=tuple(corpus.texts),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        has_groups=corpus.has_groups,
        vectors=dict(vectors),
    )
