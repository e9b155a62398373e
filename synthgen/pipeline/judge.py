"""The last stages before the gate: train on the records, attack them, write the numbers a gate may read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import audits
from audits.core.types import AuditInputs, Estimate, Lineage, Table
from audits.gate.dp_substitute import METHOD
from audits.gate.evidence import evidence_from
from audits.gate.records import records_digest
from audits.gate.rule import ATTEMPTS, SECRET
from audits.gate.spending import confidence_of
from audits.ledger.attempts import Attempt, attempt
from audits.runner.registry import applicable_audits
from synthgen import evaluate
from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Float32, Record
from synthgen.embed import Encoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline.job import AUDITS_VERSION, STAGES_VERSION, Job
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.prepare import Identifiers, Prepared
from synthgen.pipeline.rounds import Written
from synthgen.pipeline.segments import measured
from synthgen.pipeline.workspace import StageResult, write_bytes, write_json

AUDIT, UTILITY, EVIDENCE, SYNTHETIC = "audit.json", "evaluation.json", "evidence.json", "synthetic.parquet"
USUAL_CONFIDENCE = 0.95  # two-sided, of the intervals of utility; a later attempt asks for more
COHERENCE = "coherence.json"  # of long records, see `measured`


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTables:
    """What is judged: the records that would be released, and the people they are held against.

    Args:
        synthetic: under the ids they are released with.
        train: what they were made from.
        control: persons that nothing has seen before.
        vectors: float32 (n, d) by "train", "control" and "synthetic", row i of record i.
        mechanism: the log of what made them under differential privacy; None without.
    """

    synthetic: Corpus
    train: Corpus
    control: Corpus
    vectors: Mapping[str, Float32]
    mechanism: Mapping[str, Any] | None = None


def synthetic_corpus(job: Job, written: Written) -> Corpus:
    """Return the written records under the ids they are released with: 32 hex digits that say nothing."""
    seeds = job.seeds.child("release-id")
    records = [
        Record(id=seeds.child(c.latent_id).key().hex()[:32], text=c.text, label=c.label, group=c.latent_id)
        for c in written.records
    ]
    return Corpus(role="synthetic", records=tuple(records), has_groups=False)


def register_attempt(job: Job, written: Written, prepared: Prepared, source: Corpus) -> Attempt:
    """Return how often these control persons have been asked, this time included, before they are asked.

    What is the same attempt is whatever finds the same result of the audits in a workspace; see `audits.ledger`.

    Args:
        job: the run.
        written: what would be released.
        prepared: what it is held against.
        source: the control records as the source has them, before surrogates that depend on secret and seed.
    """
    made = sha256_json(_asked(job, synthetic_corpus(job, written), prepared, written))
    return attempt(*ledger_of(job.config), made=made, control=as_table(source, {}))


def embed_control(job: Job, control: Corpus, encoder: Encoder) -> tuple[StageResult, Float32]:
    """Make the vectors of control.

    Privacy: this is the first time control is looked at; nothing made from here on goes back to an earlier stage.
    """

    def make(folder: Path) -> Mapping[str, object]:
        with job.progress.stage("embed control", total=len(set(control.texts)), unit="texts") as advance:
            np.save(folder / "control.npy", encoder.encode(control.texts, advance), allow_pickle=False)
        return {"in": len(control), "out": len(control)}

    inputs = {"version": STAGES_VERSION, "control": control.digest, "encoder": encoder.digest}
    result = job.workspace.stage("embed-control", inputs, make)
    return result, np.load(result.folder / "control.npy", allow_pickle=False)


def evaluate_utility(
    job: Job, tables: JudgedTables, written: Written, encoder: Encoder, attempt: Attempt
) -> StageResult:
    """Train classifiers on the records and test them on control: evaluation.json, of long records coherence.json."""
    seeds = job.seeds.child("audit")

    def make(folder: Path) -> Mapping[str, object]:
        with job.progress.stage("evaluate", total=1, unit="studies") as advance, threadpool_limits(limits=1):
            compared = evaluate.Tables(
                synthetic=tables.synthetic,
                train=tables.train,
                test=tables.control,
                vectors={**tables.vectors, "test": tables.vectors["control"]},
            )
            sure = max(USUAL_CONFIDENCE, 2 * confidence_of(attempt.number, job.config.audit.confidence) - 1)
            utility = evaluate.evaluate(compared, seeds, requested=written.wanted, confidence=sure)
            advance(1)
        write_json(folder / UTILITY, utility.table)
        if isinstance(encoder, SegmentedEncoder):
            corpora = {"train": tables.train, "synthetic": tables.synthetic}
            write_json(folder / COHERENCE, measured(encoder, corpora))
        return {"in": len(tables.synthetic), "out": len(tables.synthetic)}

    inputs = {
        **_inputs(tables.synthetic, tables.control, written),
        "wanted": dict(written.wanted),
        "attempt": attempt.number,
        "confidence": job.config.audit.confidence,
        "seed": seeds.key().hex(),
    }
    return job.workspace.stage("evaluate", inputs, make)


def attack(
    job: Job, tables: JudgedTables, prepared: Prepared, written: Written, evaluated: StageResult, attempt: Attempt
) -> StageResult:
    """Run every audit on the records that would be released: audit.json, evidence.json and synthetic.parquet."""

    def make(folder: Path) -> Mapping[str, object]:
        write_corpus(folder / SYNTHETIC, tables.synthetic)
        confidence = confidence_of(attempt.number, job.config.audit.confidence)
        report = run_audits(job, tables, prepared, written, confidence)
        write_bytes(folder / AUDIT, report)
        utility = json.loads((evaluated.folder / UTILITY).read_bytes())["metrics"]
        counts = {
            "records.synthetic": counted(len(tables.synthetic)),
            ATTEMPTS: counted(attempt.number),
            SECRET: counted(int(job.seeds.secret != b"")),
            METHOD: counted(int(job.config.interpolate.is_private)),
        }
        measured = {name: Estimate(**estimate) for name, estimate in utility.items()}
        digests = {"synthetic": records_digest(tables.synthetic.texts, tables.synthetic.labels)}
        evidence = evidence_from(json.loads(report), {**measured, **counts}, digests)
        write_bytes(folder / EVIDENCE, evidence.to_bytes())
        classes = tables.synthetic.counts()
        return {"in": len(tables.synthetic), "out": len(tables.synthetic), "classes": classes}

    inputs = {
        **_asked(job, tables.synthetic, prepared, written),
        "evaluate": evaluated.digest,
        "attempt": attempt.number,
    }
    result = job.workspace.stage("audit", inputs, make)
    return replace(result, counts={**result.counts, "attempt": attempt.made})


def run_audits(job: Job, tables: JudgedTables, prepared: Prepared, written: Written, confidence: float) -> bytes:
    """Return audit.json: every audit that a run has the inputs for."""
    encoder = job.config.embed.model
    inputs = AuditInputs(
        synthetic=as_table(tables.synthetic, {encoder: tables.vectors["synthetic"]}),
        train=as_table(tables.train, {encoder: tables.vectors["train"]}),
        control=as_table(tables.control, {encoder: tables.vectors["control"]}),
        identifiers=prepared.identifiers,
        control_identifiers=prepared.control_identifiers,
        near_duplicate_rate=prepared.near_duplicate_rate,
        lineage=lineage(prepared, written),
        mechanism=tables.mechanism,
    )
    with job.progress.stage("audit", total=2 * len(applicable_audits(inputs)) + 1, unit="steps") as advance:
        report = audits.run(
            inputs, seed=job.seeds.child("audit").integer(), confidence=confidence, progress=lambda _line: advance(1)
        )
    return report.to_json()


def lineage(prepared: Prepared, written: Written) -> Lineage:
    """Return the train rows that each synthetic record was made from, and their weights."""
    row = {r.id: i for i, r in enumerate(prepared.train.records)}
    return Lineage(
        parents=tuple(tuple(row[name] for name in names) for names in written.parents), weights=written.weights
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


def _inputs(synthetic: Corpus, control: Corpus, written: Written) -> dict[str, object]:
    return {
        "version": AUDITS_VERSION,
        "filter": written.filtered,
        "records": sha256_array(written.vectors),
        "synthetic": synthetic.digest,
        "control": control.digest,
    }


def _asked(job: Job, synthetic: Corpus, prepared: Prepared, written: Written) -> dict[str, object]:
    """Return all that the audits' verdicts depend on, but how often was asked before."""
    return {
        **_inputs(synthetic, prepared.control, written),
        "identifiers": [_plain(prepared.identifiers), _plain(prepared.control_identifiers)],
        "near_duplicate_rate": prepared.near_duplicate_rate,
        "config": job.config.audit.model_dump(mode="json"),
        "seed": job.seeds.child("audit").key().hex(),
    }


def _plain(identifiers: Identifiers) -> list[list[str]] | None:
    return None if identifiers is None else [list(row) for row in identifiers]
