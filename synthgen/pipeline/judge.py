"""Run the stages that judge the written records: embed the control records, measure utility, and run the audits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.report import private_bytes, read_private, read_report
from audits.core.types import AuditInputs, AuditResult, Estimate, Lineage, Table
from audits.gate.dp_substitute import METHOD
from audits.gate.evidence import evidence_from, records_digest
from audits.gate.rule import ATTEMPTS, SECRET, confidence_of
from audits.ledger.attempts import Attempt, record_attempt
from audits.runner.registry import applicable_audits
from audits.runner.run import CheckedTables
from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.errors import WorkerError
from synthgen.core.files import read_json, write_json
from synthgen.core.made_by import LIBRARIES
from synthgen.core.shards import Division
from synthgen.core.stage import HasDigest, Stage, StageContext, StageInput, plain_value
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Float32, Record, Segments
from synthgen.core.workers import arithmetic
from synthgen.deidentify.engines import engine_of, finder
from synthgen.embed import Encoder
from synthgen.embed.stage import CONTROL_VECTORS, EMBED_CONTROL
from synthgen.evaluate.stage import EVALUATE, UTILITY
from synthgen.pipeline.engine_shares import CONFIDENCE, measure, read_sample
from synthgen.pipeline.institution import ATTEMPT_FILE, ledger_of, settings_digest, store_attempt, stored_attempts
from synthgen.pipeline.job import Job
from synthgen.pipeline.prepare import Prepared
from synthgen.pipeline.rounds import Written
from synthgen.pipeline.workspace import StageResult

AUDIT, EVIDENCE, SYNTHETIC = "audit.json", "evidence.json", "synthetic.parquet"
FINDINGS = "findings.json"  # private: each place in a synthetic record that discloses a train person


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTables:
    """The tables that the audits compare: the records that would be released, and the real records."""

    synthetic: Corpus
    train: Corpus
    control: Corpus  # records of persons from whom no synthetic record was made
    vectors: Mapping[str, Float32]  # key: "train", "control" or "synthetic"; shape (n, d), row i for record i
    mechanism: Mapping[str, Any] | None = None  # log of the DP queries; None without a privacy budget
    train_segments: Segments | None = None  # segments of the train records; None if records are not segmented

    @property
    def digest(self) -> str:
        """Sha256 of the tables, their vectors and the log of the DP queries; `train_segments` follow from train."""
        corpora = [corpus.digest for corpus in (self.synthetic, self.train, self.control)]
        vectors = {name: sha256_array(array) for name, array in self.vectors.items()}
        return sha256_json([corpora, vectors, plain_value(self.mechanism).digest])


def synthetic_corpus(job: Job, written: Written) -> Corpus:
    """Return the written records with random ids; these ids are used only in the workspace."""
    seeds = job.seeds.child("release-id")
    records = [
        Record(id=seeds.child(c.latent_id).key().hex()[:32], text=c.text, label=c.label, group=c.latent_id)
        for c in written.records
    ]
    return Corpus(role="synthetic", records=tuple(records), has_groups=False)


def register_attempt(job: Job, written: Written, prepared: Prepared, source: Corpus) -> Attempt:
    """Enter this audit of the control persons in the institution's ledger as an attempt, and return the attempt.

    The cache key of the stage `ATTEMPT`, which never runs, identifies an attempt. The ledger recognises the control
    persons by `source`, the control records before de-identification, because de-identified records differ between
    runs.

    A process that only computes shards (files of a stage) for another process does not use the ledger. It reads the
    attempt from a file that the other process wrote, and raises WorkerError if the file does not contain it. If the
    number in the file is that of an earlier attempt, the cache keys of later stages differ, and this process stops
    with WorkerError.
    """
    root = job.workspace.root
    if not job.executor.uses_ledger:
        stored = stored_attempts(root).get(settings_digest(job.config))
        if stored is None:
            message = f"the attempt is not in {ATTEMPT_FILE}; the process that started the workers must write it"
            raise WorkerError(message, hint="Run the same command again.")
        return stored
    inputs = _attempt_inputs(synthetic_corpus(job, written), prepared, written)
    digest = sha256_json(job.key(ATTEMPT, inputs))
    registered = record_attempt(*ledger_of(job.config), digest=digest, control=as_table(source, {}))
    store_attempt(root, job.config, registered)
    return registered


def embed_control(job: Job, control: Corpus, encoder: Encoder) -> tuple[StageResult, Float32]:
    """Embed the n control records; return the result of the stage, and the vectors with shape (n, d)."""
    result = job.run(
        EMBED_CONTROL, {"control": control, "arithmetic": plain_value(arithmetic())}, {"embedder": encoder}
    )
    return result, np.load(result.folder / CONTROL_VECTORS, allow_pickle=False)


def evaluate_utility(
    job: Job, tables: JudgedTables, written: Written, encoder: Encoder, attempt: Attempt, suffix: str = ""
) -> StageResult:
    """Train classifiers on the synthetic and on the train records, and test them on the control records."""
    wanted, number = plain_value(dict(written.wanted)), plain_value(attempt.number)
    return job.run(EVALUATE, {"tables": tables, "wanted": wanted, "attempt": number}, {"embedder": encoder}, suffix)


def attack(  # noqa: PLR0913, PLR0917 - one parameter per input of the stage
    job: Job,
    tables: JudgedTables,
    prepared: Prepared,
    written: Written,
    evaluated: StageResult,
    attempt: Attempt,
    suffix: str = "",
) -> StageResult:
    """Run every applicable audit on the records that would be released."""
    inputs: dict[str, HasDigest] = {
        **_attempt_inputs(tables.synthetic, prepared, written),
        "tables": tables,
        "evaluate": evaluated,
        "attempt": plain_value(attempt.number),
        "sample": _sample(job),
    }
    result = job.run(AUDIT_STAGE, inputs, suffix=suffix)
    return replace(result, counts={**result.counts, "attempt": attempt.digest})


def quarantined(audited: StageResult) -> list[int]:
    """Return the row numbers, from 0, of the records that the audits cannot judge (quarantine)."""
    return read_report((audited.folder / AUDIT).read_bytes()).quarantined_rows


def _sample(job: Job) -> StageInput:
    """Return (de-identification engine, sample of texts with marked identifiers), or None, as a stage input."""
    engine, texts = engine_of(job.config.deidentify.engine), read_sample(job.config)
    if texts is None:
        return plain_value(None)
    plain = [[text.text, [list(span) for span in text.spans], list(text.names)] for text in texts]
    return StageInput((engine, texts), plain_value([engine, plain]).digest)


def _audit(context: StageContext) -> Mapping[str, object]:
    """Write the synthetic table, the report, the private findings, and the evidence on which the policy decides."""
    synthetic, number = context.input("synthetic"), context.input("attempt")
    write_corpus(context.folder / SYNTHETIC, synthetic)
    confidence = confidence_of(number, context.config("audit.confidence"))
    names = applicable_audits(audit_inputs(context))
    audited = _checked(context).report([_stored_result(context, name) for name in names])
    report = audited.to_json()
    write_whole(context.folder / AUDIT, report)
    findings = [{"audit": result.name, **asdict(one)} for result in audited.results for one in result.findings]
    write_json(context.folder / FINDINGS, findings)
    utility = read_json(context.input("evaluate").folder / UTILITY)["metrics"]
    counts = {"records.synthetic": len(synthetic), ATTEMPTS: number}
    counts["records.quarantined"] = context.input("written").n_quarantined
    counts |= {SECRET: context.stream("audit").secret != b"", METHOD: context.config("interpolate.is_dp")}
    metrics = {name: Estimate(**estimate) for name, estimate in utility.items()}
    metrics |= {name: counted(int(n)) for name, n in counts.items()}
    if (sample := context.input("sample")) is not None:
        engine, texts = sample
        one_sided = max(confidence, CONFIDENCE)  # confidence of each end of the interval
        recall = measure(texts, finder(engine), with_names=True, confidence=one_sided).table["recall"]["all"]
        interval = {"value": recall["share"], "low": recall["low"], "high": recall["high"]}
        metrics["deidentify.recall"] = Estimate(**interval, confidence=one_sided, n=int(recall["n"]))
    digests = {"synthetic": records_digest(synthetic.texts, synthetic.labels)}
    evidence = evidence_from(json.loads(report), metrics, digests)
    write_whole(context.folder / EVIDENCE, evidence.to_bytes())
    return {"in": len(synthetic), "out": len(synthetic), "classes": synthetic.counts()}


def _divide(context: StageContext) -> Division:
    """Return the shards (files) of the stage: one for each applicable audit, with the private result of the audit."""
    names = {f"{name}.json": name for name in applicable_audits(audit_inputs(context))}

    def write(shards: Sequence[str]) -> None:
        with context.progress.stage("audit", total=len(shards) + 1, unit="steps") as advance:
            tables = _checked(context)
            advance(1)
            for shard in shards:
                write_whole(context.shards / shard, private_bytes(tables.result(names[shard])))
                advance(1)

    def is_intact(shard: str) -> bool:
        try:
            return _stored_result(context, names[shard]).name == names[shard]
        except InputError:
            return False

    return Division(folder=context.shards, names=tuple(names), write=write, is_intact=is_intact)


def _stored_result(context: StageContext, name: str) -> AuditResult:
    return read_private((context.shards / f"{name}.json").read_bytes())


def _checked(context: StageContext) -> CheckedTables:
    """Return the tables after the input checks; `_divide` and `_audit` share them if they run in one process."""
    confidence = confidence_of(context.input("attempt"), context.config("audit.confidence"))
    seed = context.stream("audit").integer()
    return context.once("checked", lambda: CheckedTables.of(audit_inputs(context), seed=seed, confidence=confidence))


def audit_inputs(context: StageContext) -> AuditInputs:
    """Return the inputs of the audits: the three tables, and further data that only the run has.

    The lineage has the parents of each synthetic record, which are the train records that it was made from.
    `near_duplicate_rate` is the share of control records that were removed as near copies of train records.
    """
    encoder, tables = context.config("embed.model"), context.input("tables")
    return AuditInputs(
        synthetic=as_table(context.input("synthetic"), {encoder: tables.vectors["synthetic"]}),
        train=as_table(context.input("train"), {encoder: tables.vectors["train"]}),
        control=as_table(context.input("control"), {encoder: tables.vectors["control"]}),
        identifiers=context.input("identifiers"),
        control_identifiers=context.input("control_identifiers"),
        near_duplicate_rate=context.input("near_duplicate_rate"),
        lineage=lineage(context.input("train"), context.input("written")),
        mechanism=tables.mechanism,
    )


def lineage(train: Corpus, written: Written) -> Lineage:
    """Return, for each synthetic record, its parents as row numbers of `train`, and the weight of each parent."""
    row = {r.id: i for i, r in enumerate(train.records)}
    parents = tuple(tuple(row[name] for name in names) for names in written.parents)
    return Lineage(parents=parents, weights=written.weights)


def _attempt_inputs(synthetic: Corpus, prepared: Prepared, written: Written) -> dict[str, HasDigest]:
    """Return the inputs of the stage `audit` that identify an attempt; the keys are those in `_ATTEMPT_INPUTS`."""
    replaced = {"identifiers": prepared.identifiers, "control_identifiers": prepared.control_identifiers}
    return {
        "synthetic": synthetic,
        "train": prepared.train,
        "control": prepared.control,
        "written": written,
        **{name: StageInput(found, plain_value(found).digest) for name, found in replaced.items()},
        "near_duplicate_rate": plain_value(prepared.near_duplicate_rate),
    }


_RECORDS = ("synthetic", "train", "control", "written")
_ATTEMPT_INPUTS = (*_RECORDS, "identifiers", "control_identifiers", "near_duplicate_rate")
AUDIT_STAGE = Stage(
    name="audit",
    version=7,
    divide=_divide,
    run=_audit,
    config=("audit.confidence", "embed.model", "interpolate.is_dp"),
    inputs=(*_ATTEMPT_INPUTS, "tables", "evaluate", "attempt", "sample"),
    streams=("audit",),
    libraries=("python", "audits", *LIBRARIES),
)
# this stage never runs; its cache key identifies an attempt
ATTEMPT = replace(AUDIT_STAGE, inputs=_ATTEMPT_INPUTS)


def counted(n: int) -> Estimate:
    """Return an exact count as an estimate, because policy rules are applied to estimates."""
    return Estimate(value=float(n), low=float(n), high=float(n), confidence=1.0, n=n)


def as_table(corpus: Corpus, vectors: Mapping[str, Float32]) -> Table:
    """Return a corpus as a table for the audits."""
    return Table(
        texts=tuple(corpus.texts),
        labels=tuple(corpus.labels),
        groups=tuple(r.group for r in corpus.records),
        has_groups=corpus.has_groups,
        vectors=dict(vectors),
    )
