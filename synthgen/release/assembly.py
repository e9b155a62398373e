"""From a finished run to what a bundle and a report hold: nothing else of the private side crosses over."""

import json
from typing import Any

import pyarrow.parquet as pq

from audits.gate.outcome import Decision
from synthgen.core.tables import read_corpus
from synthgen.models.registry import MODELS
from synthgen.release.commitment import commit_records, commitment_key
from synthgen.release.content import NO_DP, BundleContent
from synthgen.release.limitations import limitations
from synthgen.release.provenance import public_name, redact_config
from synthgen.report import ReportContent
from synthgen.report.gates import gate_rows
from synthgen.run.finished import FinishedRun, policy_file
from synthgen.run.judge import AUDIT, SYNTHETIC, UTILITY
from synthgen.run.record import RunRecord
from synthgen.run.secret import PUBLIC
from synthgen.stages.decode.bridge import load_bridge
from synthgen.stages.decode.config import OWN, WORDS


def bundle_content(run: FinishedRun, decision: Decision) -> BundleContent:
    """Return what the bundle holds, its report left out; `check_content` looks at it before it is written."""
    config, folder = run.config, run.folder("audit")
    key = commitment_key(run.workspace.root / f"commitment-{folder.name}.key")
    clean = run.folder("deidentify")
    sides = [read_corpus(clean / "train.parquet", "train"), read_corpus(clean / "control.parquet", "control")]
    rows = pq.read_table(folder / SYNTHETIC, columns=["id", "text", "label"]).to_pylist()
    return BundleContent(
        name=config.release.name,
        records=[(row["id"], row["text"], row["label"]) for row in rows],
        evidence=run.evidence,
        decision=decision,
        policy_yaml_bytes=policy_file(config).read_bytes(),
        policy=run.policy(),
        audit_json=json.loads((folder / AUDIT).read_bytes()),
        report_html="",
        run_json=public_record(run.record),
        config_redacted=redact_config(config.model_dump(mode="json")),
        models=stated_models(run),
        inputs=[commit_records(side.role, side.texts, key) for side in sides],
        license=config.release.license,
        languages=["en"],
        versions=run.record.versions,
        limitations=limitations_of(run, has_groups=sides[0].has_groups),
        privacy={**NO_DP, "unit": "group" if sides[0].has_groups else "record"},
        formats=config.release.formats,
    )


def report_content(run: FinishedRun, decision: Decision, release_id: str | None) -> ReportContent:
    """Return what the report shows."""
    policy, record = run.policy(), run.record
    made, real = record.stage("audit").classes or {}, record.stage("split").classes or {}
    filtered = record.stage("filter")
    wanted, spare = filtered.wanted or {}, filtered.spare or 0
    return ReportContent(
        title=run.config.release.name,
        release_id=release_id,
        policy_name=policy.name,
        policy_statement=policy.statement,
        verdict="released" if decision.allowed else "refused",
        gates=gate_rows(decision.gates),
        measured=gate_rows(decision.measured),
        balance=tuple(
            (label, real["train"].get(label, 0), n, made.get(label, 0)) for label, n in sorted(wanted.items())
        ),
        audits=tuple(json.loads((run.folder("audit") / AUDIT).read_bytes())["results"]),
        utility=json.loads((run.folder("evaluate") / UTILITY).read_bytes()),
        filters={
            "candidates": filtered.n_in, "kept": filtered.n_out, **(filtered.rejected or {}),
            **({"not_the_best_of_its_vector": spare} if spare > 0 else {}),
        },
        stages=tuple((s.name, s.n_in, s.n_out, s.seconds) for s in record.stages),
        provenance={
            "tool": record.tool,
            "policy": decision.policy_digest,
            "evidence": decision.evidence_digest,
            **{f"{m['role']} {m['name']}": m["digest"]["sha256"] for m in stated_models(run)},
        },
        limitations=limitations_of(run, has_groups=run.config.source.group is not None),
    )  # fmt: skip


def limitations_of(run: FinishedRun, *, has_groups: bool) -> tuple[str, ...]:
    """Return what a release of this run does not promise."""
    decode, vocabulary = run.config.decode, run.vocabulary
    return limitations(
        has_groups=has_groups,
        segmented=run.config.segments is not None,
        adapted=decode.adapt is not None,
        disclosure=None if vocabulary is None else vocabulary.disclosure(decode.words),
        public_secret=run.config.secret == PUBLIC,
    )


def stated_models(run: FinishedRun) -> list[dict[str, Any]]:
    """Return the models as the statement names them, the bridge or the vocabulary among them."""
    models: list[dict[str, Any]] = [
        {
            "role": model.role,
            "name": public_name(model.name),
            "revision": model.digest[:40],
            "format": "safetensors",
            "digest": {"sha256": model.digest},
            "trainedOnPrivateData": model.name not in MODELS,  # of a model not pinned nobody can tell
        }
        for model in run.record.models
    ]
    named = run.config.decode.bridge
    if named == OWN:
        return models  # the projector is one of the decoder's tensors, under its digest
    kind = "builtin" if named in {"builtin", WORDS} else "custom"
    if (vocabulary := run.vocabulary) is not None:
        role, between, digest = "vocabulary", public_name(vocabulary.encoder), vocabulary.digest
    else:
        if run.config.decode.adapt is not None:  # the refined bridge wrote the texts, not the one it started from
            kind, bridge = "adapted", load_bridge(str(run.folder("adapt")))
        else:
            bridge = load_bridge(named, run.config.resolve)
        ends = [public_name(name) for name in (bridge.info.encoder, bridge.info.decoder)]
        role, between, digest = "projector", "-".join(ends), bridge.digest
    return [
        *models,
        {
            "role": role,
            "name": f"{kind}:{between}",
            "revision": digest[:40],
            "format": "safetensors",
            "digest": {"sha256": digest},
            "trainedOnPrivateData": kind != "builtin",
        },
    ]


def public_record(record: RunRecord) -> dict[str, Any]:
    """Return the part of run.json that a bundle may carry.

    Privacy: leaves out the seed, which with a guess at the source would give away parents and weights; digests of
        private tables, which confirm a guess; paths of models; and exact counts of private classes.
    """
    return {
        "schemaVersion": record.schemaVersion,
        "tool": record.tool,
        "models": [{**model.model_dump(), "name": public_name(model.name)} for model in record.models],
        "seconds": {stage.name: stage.seconds for stage in record.stages},
        "written": {s.name: s.n_out for s in record.stages if s.is_of("interpolate", "decode", "filter")},
        "rejected": {s.name: dict(s.rejected or {}) for s in record.stages if s.is_of("filter")},
    }
