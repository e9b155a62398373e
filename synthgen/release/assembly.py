"""From a finished run to what a bundle and a report hold: nothing else of the private side crosses over."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from audits.gate.disclosure import bucket, public_count, public_details, public_report, verdicts_only
from audits.gate.outcome import Decision
from audits.gate.policy import Disclosure, Policy
from audits.gate.rule import ATTEMPTS
from audits.ledger.attempts import noted
from audits.ledger.budgets import refuse_overspending, spent
from audits.verify.mechanism import stated_noise
from synthgen.config import Config
from synthgen.core.errors import DataError
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus
from synthgen.decode.bridge import load_bridge
from synthgen.decode.config import AUTO, OWN, WORDS
from synthgen.decode.style_adapter import is_built_in
from synthgen.dp.planned_queries import policy_limit, run_limit
from synthgen.dp.sealed_result import LOG as MECHANISM_LOG
from synthgen.dp.sealed_result import made_digest
from synthgen.evaluate.stage import UTILITY
from synthgen.models.registry import MODELS
from synthgen.pipeline.judge import AUDIT, SYNTHETIC
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.policy import policy_file
from synthgen.pipeline.record import RunRecord, StageRecord
from synthgen.pipeline.style_choice import named_styles, read_choice
from synthgen.release.commitment import commit_records, commitment_key
from synthgen.release.content import BESIDE_DP, NO_DP, NUMBERS_LEAVE, VERDICTS_LEAVE, BundleContent
from synthgen.release.limitations import limitations
from synthgen.release.provenance import public_name, redact_config
from synthgen.report import ReportContent
from synthgen.report.gates import gate_rows

if TYPE_CHECKING:
    from synthgen.release.run import Run

_WRITING = ("interpolate", "decode", "filter")


def bundle_content(run: "Run", decision: Decision) -> BundleContent:
    """Return what the bundle holds, its report left out; `check_content` looks at it before it is written.

    Raises:
        UsageError: if the decision is not of this run under its policy.
    """
    run.check_decision(decision)
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
        policy=run.policy,
        audit_json=json.loads((folder / AUDIT).read_bytes()),
        report_html="",
        run_json=public_record(run.record, run.policy),
        config_redacted=redact_config(config.model_dump(mode="json")),
        models=stated_models(run),
        inputs=[_committed(run, side, key) for side in sides],
        license=config.release.license,
        languages=config.release.languages,
        versions=run.record.versions,
        attempts=stated_attempts(run),
        limitations=limitations_of(run, has_groups=sides[0].has_groups),
        privacy=stated_privacy(run, has_groups=sides[0].has_groups),
        formats=config.release.formats,
    )


def report_content(run: "Run", decision: Decision, release_id: str | None, *, private: bool = False) -> ReportContent:
    """Return what the report shows.

    Args:
        run: the run.
        decision: of `run.decide()`.
        release_id: of the bundle, None where there is none.
        private: show exact counts of the source, for its holder.

    Raises:
        UsageError: if the decision is not of this run under its policy.

    Privacy: the public page holds what `audits.gate.disclosure` lets through.
    """
    run.check_decision(decision)
    policy, record = run.policy, run.record
    exact = policy.model_copy(update={"disclosure": Disclosure(publish_exact_counts=True)}) if private else policy
    silent = verdicts_only(exact)
    audit = json.loads((run.folder("audit") / AUDIT).read_bytes())
    utility = json.loads((run.folder("evaluate") / UTILITY).read_bytes())
    made, real = record.stage("audit").classes or {}, record.stage("split").classes or {}
    filtered = record.stage("filter")
    return ReportContent(
        title=run.config.release.name,
        release_id=release_id,
        policy_name=policy.name,
        policy_statement=policy.statement,
        verdict="released" if decision.allowed else "refused",
        gates=gate_rows(decision.gates),
        measured=gate_rows(decision.measured),
        balance=tuple(
            (label, "–" if silent else public_count(real["train"].get(label, 0), exact), n, made.get(label, 0))
            for label, n in sorted((filtered.wanted or {}).items())
        ),
        audits=tuple(public_report(audit, exact)["results"]),
        utility={} if silent else public_details(utility, exact),
        filters=_filtered(filtered, exact),
        stages=tuple(
            (s.name, public_count(s.n_in, exact), public_count(s.n_out, exact), s.seconds if private else None)
            for s in record.stages
            if not silent or s.is_round_of(*_WRITING)
        ),
        provenance={
            "tool": record.tool,
            "policy": decision.policy_digest,
            "evidence": decision.evidence_digest,
            **{f"{m['role']} {m['name']}": m["digest"]["sha256"] for m in stated_models(run)},
        },
        limitations=limitations_of(run, has_groups=run.config.source.group is not None),
        promise=promised(run.config) if verdicts_only(policy) else "",
        private=private,
    )


def promised(config: Config) -> str:
    """Return what is promised under a budget, in a sentence; nothing without one."""
    if config.dp.epsilon is None:
        return ""
    return (
        f"Differential privacy: epsilon {config.dp.epsilon:g}, delta {config.dp.delta:g}, for one person more or less"
        " in train, with all records of that person."
    )


def _filtered(stage: StageRecord, policy: Policy) -> dict[str, int | str]:
    """Return how many candidates there were, were kept, and were rejected by which reason, as it may be shown."""
    counts = {"candidates": stage.n_in, "kept": stage.n_out, **(stage.rejected or {})}
    if stage.spare:
        counts["not_the_best_of_its_vector"] = stage.spare
    return {name: public_count(n, policy) for name, n in counts.items()}


def limitations_of(run: "Run", *, has_groups: bool) -> tuple[str, ...]:
    """Return what a release of this run does not promise."""
    decode, vocabulary = run.config.decode, run.vocabulary
    return limitations(
        has_groups=has_groups,
        config=run.config,
        disclosure=None if vocabulary is None else vocabulary.disclosure(decode.words),
        calibrated=len(run.policy.selftest) > 0,
        silent=verdicts_only(run.policy),
    )


def stated_attempts(run: "Run") -> dict[str, Any]:
    """Return which attempt on its control persons the run is, and where the institution's ledger stands now.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back, or does not hold the run.
        DataError: it holds another count than the evidence.
    """
    found = noted(*ledger_of(run.config), run.record.stage("audit").attempt or "")
    counted = run.evidence.metrics.get(ATTEMPTS)
    if counted is None or counted.value != found.number:
        raise DataError("the ledger counts other attempts than the evidence", hint="Run it again.")
    return {"number": found.number, "ledger": found.ledger.model_dump(mode="json", exclude={"version"})}


def stated_privacy(run: "Run", *, has_groups: bool) -> dict[str, Any]:
    """Return the `privacy` part of the statement: what is claimed, and where the ledger books it.

    Whatever else the ledger holds by now was spent beside it, whether it was reserved before this run or after it.

    Raises:
        Overspent: the policy's budget does not hold this run and the others together.
        InputError: the ledger cannot be used, was changed, exchanged or set back, or does not book what the texts
            were made from.
    """
    config, policy = run.config, run.policy
    if not config.interpolate.is_private:
        return {**NO_DP, "unit": "group" if has_groups else "record"}
    folder = run.folder("measure")
    log = json.loads((folder / MECHANISM_LOG).read_bytes())
    booked = spent(*ledger_of(config), log["release"], made_digest(folder))
    cost, before, after = booked.spending.cost, booked.spent_by_others, booked.spent_in_all
    most = policy_limit(policy)
    refuse_overspending(before, cost, run_limit(config, policy))
    allowed = after if most is None else most
    return {
        "mechanism": config.interpolate.method,
        "unit": "group",
        "neighbouring": "add-remove",
        "epsilon": cost.epsilon,
        "delta": cost.delta,
        "accountant": "PLD",
        **stated_noise(booked.spending.mechanisms),
        "composition": [{"release": one.run, **asdict(one.cost)} for one in booked.others],
        "budget": {
            "ledgerId": booked.ledger.id,
            "maxEpsilon": allowed.epsilon,
            "maxDelta": allowed.delta,
            "spentBefore": before.epsilon,
            "spentAfter": after.epsilon,
            "deltaBefore": before.delta,
            "deltaAfter": after.delta,
        },
        "nonPrivateSteps": [VERDICTS_LEAVE if verdicts_only(policy) else NUMBERS_LEAVE, *BESIDE_DP],
    }


def _committed(run: "Run", side: Corpus, key: bytes) -> dict[str, Any]:
    """Return the commitment to a side; under differential privacy how many there are is what was declared."""
    stated = commit_records(side.role, side.texts, key)
    declared = run.config.dp.persons
    return stated if declared is None else {**stated, "countBucket": bucket(declared)}


def stated_models(run: "Run") -> list[dict[str, Any]]:
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
        bridge = load_bridge(named, run.config.resolve)
        ends = [public_name(name) for name in (bridge.info.encoder, bridge.info.decoder)]
        role, between, digest = "projector", "-".join(ends), bridge.digest
    return [*models, _tensors(role, f"{kind}:{between}", digest, private=kind != "builtin"), *_styles(run)]


def _styles(run: "Run") -> list[dict[str, Any]]:
    """Return the styles the texts were written in; of one that is not of the shelf nobody can tell what it saw."""
    stage = "measure" if run.config.interpolate.is_private else "style"
    chosen = read_choice(run.folder(stage)) if run.config.decode.style == AUTO else None
    return [
        _tensors(
            "style",
            f"{'builtin' if is_built_in(style) else 'custom'}:{style.card.name}",
            style.digest,
            private=not is_built_in(style),
        )
        for style, _ in named_styles(run.config, chosen)
    ]


def _tensors(role: str, name: str, digest: str, *, private: bool) -> dict[str, Any]:
    return {
        "role": role,
        "name": name,
        "revision": digest[:40],
        "format": "safetensors",
        "digest": {"sha256": digest},
        "trainedOnPrivateData": private,
    }


def public_record(record: RunRecord, policy: Policy) -> dict[str, Any]:
    """Return the part of run.json that a bundle may carry.

    Privacy: leaves out the seed, which with a guess at the source would give away parents and weights; digests of
        private tables, which confirm a guess; paths of models; counts of private records, as the reconstructions are;
        and the
        seconds of each stage, in proportion to them. Other counts are buckets, see `audits.gate.disclosure`.
    """
    seconds = round(sum(stage.seconds for stage in record.stages))
    return {
        "schemaVersion": record.schemaVersion,
        "tool": record.tool,
        "models": [{**model.model_dump(), "name": public_name(model.name)} for model in record.models],
        **({} if verdicts_only(policy) else {"seconds": public_count(seconds, policy)}),
        "written": {s.name: public_count(s.n_out, policy) for s in record.stages if s.is_round_of(*_WRITING)},
        "rejected": {
            s.name: {reason: public_count(n, policy) for reason, n in (s.rejected or {}).items()}
            for s in record.stages
            if s.is_round_of("filter")
        },
    }
