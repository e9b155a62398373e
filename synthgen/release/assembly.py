"""Collect the content of the bundle and of the report from the private workspace of a finished run.

The bundle is the folder of the public files of a release, with a signed statement. Data of the workspace reach the
bundle and the report only through this module, which rounds or removes private numbers as the policy requires.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from pydantic.alias_generators import to_camel

from audits.attacks.accounting.accountants import equivalent_costs
from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.strictjson import canonical, parse
from audits.gate.disclosure import bucket, public_count, verdicts_only
from audits.gate.evidence import read_evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Disclosure, Policy
from audits.gate.rule import ATTEMPTS
from audits.gate.shown_utility import shown_utility
from audits.ledger.attempts import recorded_attempt
from audits.ledger.budgets import Cost, Spending, joint_cost, refuse_overspending, reservation_of_result
from audits.ledger.keys import read_key
from audits.report import Guarantee, ReportContent, SourceSize, gate_rows
from audits.verify.card import guarantee_of
from audits.verify.contents import samples_of, with_ids
from audits.verify.derived import page_numbers, people
from audits.verify.gates import decision_of, limitations, non_private_steps, starts_from_train
from audits.verify.mechanism import stated_noise
from audits.verify.published import Page, read_published, shown_results
from audits.verify.statement import MAX_COMPOSITION, REMOTE_SERVER, SERVER, Privacy
from audits.verify.vocabulary import GUESSABLE, HIDDEN, STYLES, WRITING, disclosure, public_config
from audits.verify.vocabulary import MODELS as PUBLIC_MODELS
from synthgen.core.errors import DataError, InternalError
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus
from synthgen.decode.bridge import load_bridge
from synthgen.decode.config import AUTO, XRAG
from synthgen.decode.style_adapter import is_built_in
from synthgen.dp.planned_queries import largest_delta, policy_limit, run_limit
from synthgen.dp.sealed_result import LOG as MECHANISM_LOG
from synthgen.dp.sealed_result import made_digest
from synthgen.evaluate.stage import UTILITY
from synthgen.models.registry import MODELS
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.judge import AUDIT, EVIDENCE, SYNTHETIC
from synthgen.pipeline.record import StageRecord
from synthgen.pipeline.style_choice import named_styles, read_choice
from synthgen.release.commitment import commit_records
from synthgen.release.content import NO_DP, BundleContent

if TYPE_CHECKING:
    from synthgen.release.run import Run


# advice for the data owner if the policy is independent (no audit affects its decision), and the audits found
# passages or identifiers of persons
_CHECK_HITS = (
    "The guarantee limits the risk of each person, whatever the audits find. Check whether these passages and "
    "identifiers come from public text or from decode.prompt. Under the guarantee, the texts very probably repeat no "
    "long passage that occurs in the records of only one person. If they repeat such a passage, report it as a bug."
)
_WITHDRAWAL = (
    "If you withhold the release because of these findings, your decision is itself a disclosure that ε does not "
    "cover: anyone who learns of the decision learns that the audits found something about persons in train."
)


def bundle_content(run: "Run", decision: Decision) -> BundleContent:
    """Return the content of the bundle; `write_bundle` checks this content before it writes any file."""
    run.check_decision(decision)
    config, folder = run.config, run.folder("audit")
    key = read_key(run.workspace.root / f"commitment-{folder.name}.key", "commitment key")
    clean = run.folder("deidentify")
    corpora = [read_corpus(clean / "train.parquet", "train"), read_corpus(clean / "control.parquet", "control")]
    rows = pq.read_table(folder / SYNTHETIC, columns=["text", "label"]).to_pylist()
    return BundleContent(
        name=config.release.name,
        records=[(row["text"], row["label"]) for row in rows],
        evidence=run.evidence,
        decision=decision,
        policy=run.policy,
        audit_json=json.loads((folder / AUDIT).read_bytes()),
        page=page_numbers_of(run, run.policy),
        config=public_config(config.model_dump(mode="json")),
        models=stated_models(run),
        inputs=[_commitment(run, corpus, key) for corpus in corpora],
        license=config.release.license,
        languages=config.release.languages,
        versions=run.record.versions,
        attempts=stated_attempts(run),
        limitations=limitations_of(run, has_groups=corpora[0].has_groups),
        privacy=stated_privacy(run, has_groups=corpora[0].has_groups),
        formats=config.release.formats,
    )


def page_numbers_of(run: "Run", policy: Policy) -> dict[str, Any]:
    """Return the numbers of the report that come from the run and not from the audits, as the fields of `Page`.

    Privacy: numbers of private records are rounded or removed as `policy` requires (see `audits.gate.disclosure`).
    """
    record, withheld = run.record, verdicts_only(policy)
    utility = json.loads((run.folder("evaluate") / UTILITY).read_bytes())
    released, source = record.stage("audit").classes or {}, record.stage("split").classes or {}
    filtered = record.stage("filter")
    return {
        "balance": [
            {
                "label": label,
                "real": "–" if withheld else public_count(source["train"].get(label, 0), policy),
                "requested": n_wanted,
                "released": released[label],
            }
            for label, n_wanted in sorted((filtered.wanted or {}).items())
            if label in released  # the name of a class without a released record must not be published
        ],
        "filters": _filter_counts(filtered, policy),
        "stages": [
            {"name": s.name, "n_in": _n_in(run, s, policy), "n_out": public_count(s.n_out, policy)}
            for s in record.stages
            if not withheld or s.name in WRITING
        ],
        "utility": {} if withheld else shown_utility(utility, policy, released),
    }


def _n_in(run: "Run", stage: StageRecord, policy: Policy) -> int | str:
    # Some stages, such as interpolation, start from the vectors of train. Under DP, noised statistics replace the
    # vectors, so these stages have no input records, and a dash is shown.
    is_replaced = run.config.interpolate.is_dp and starts_from_train(stage.name)
    return "–" if is_replaced else public_count(stage.n_in, policy)


def report_content(run: "Run", decision: Decision, release_id: str | None, *, private: bool = False) -> ReportContent:
    """Return the content of the report of a run.

    `decision` is the result of `run.decide()`, and `release_id` is None if the release was refused.

    Privacy: a `private` report is for the data owner only. It shows exact numbers of the source, and synthetic
        records even after a refusal. Other reports show only the numbers that the policy allows, and synthetic
        records only if the release is allowed.
    """
    run.check_decision(decision)
    policy, record = run.policy, run.record
    # `showing` is `policy`; for a private report, its disclosure rules are replaced by rules that allow exact numbers
    showing = policy.model_copy(update={"disclosure": Disclosure(publish_exact_counts=True)}) if private else policy
    shown = run.decide(showing)
    audit = json.loads((run.folder("audit") / AUDIT).read_bytes())
    numbers = parse(json.dumps(page_numbers_of(run, showing)).encode())
    page = page_numbers(read_published(Page, numbers, "the report", showing))
    results = shown_results(audit, showing)
    if private:
        reasons = {result["name"]: result["reason"] for result in audit["results"]}
        results = [{**result, "reason": reasons[result["name"]]} for result in results]
        page["stages"] = tuple((s.name, _n_in(run, s, showing), s.n_out, s.seconds) for s in record.stages)
    limits = limitations_of(run, has_groups=run.config.source.has_persons)
    return ReportContent(
        title=run.config.release.name,
        release_id=release_id,
        policy_name=policy.name,
        policy_statement=policy.statement,
        intended_use=policy.intended_use,
        verdict="released" if decision.allowed else "refused",
        gates=gate_rows(shown.with_problems(audit["input_checks"]["problems"] if private else ()).gates, showing),
        without_gate=gate_rows(shown.without_gate, showing),
        **page,
        audits=tuple(results),
        provenance={
            "tool": record.tool,
            "policy": decision.policy_digest,
            "evidence": decision.evidence_digest,
            **{f"{m['role']} {m['name']}": m["digest"]["sha256"] for m in stated_models(run)},
        },
        limitations=limits,
        guarantee=_guarantee(run, decision),
        source=_source_size(run, audit, showing),
        samples=_samples(run) if decision.allowed or private else (),
        approvals=tuple((rule.role, rule.threshold) for rule in policy.approvals),
        is_guessable=GUESSABLE in limits,
        warnings=copy_warnings(run) if private else (),
        private=private,
    )


def _source_size(run: "Run", audit: Mapping[str, Any], policy: Policy) -> SourceSize:
    """Return the numbers of records and persons in train, as precisely as `policy` allows.

    If a number of persons is declared (DP), and the policy does not publish exact counts, return only this number.
    Otherwise, return the number of records and, for a source with person ids, a lower limit of the number of persons.
    """
    is_exact, declared = policy.disclosure.publish_exact_counts, run.config.dp.persons
    has_persons = run.config.source.has_persons
    if declared is not None and not is_exact:
        return SourceSize(persons=declared, is_least=True, is_declared=True)
    records = sum((run.record.stage("split").classes or {})["train"].values())
    persons = people(shown_results(audit, policy)) if has_persons else None
    return SourceSize(records=public_count(records, policy), persons=persons, is_least=True, has_persons=has_persons)


def _samples(run: "Run") -> tuple[tuple[str, str], ...]:
    rows = pq.read_table(run.folder("audit") / SYNTHETIC, columns=["text", "label"]).to_pylist()
    return samples_of(with_ids((row["text"], row["label"]) for row in rows))


def _guarantee(run: "Run", decision: Decision) -> Guarantee | None:  # None without differential privacy
    if not run.config.interpolate.is_dp:
        return None
    if decision.allowed:
        stated = stated_privacy(run, has_groups=run.config.source.has_persons)
    else:  # a refusal states no totals of the ledger
        dp, steps = run.config.dp, list(non_private_steps(run.policy, is_dp=True))
        stated = {"mechanism": run.config.interpolate.method, "unit": "group", "nonPrivateSteps": steps}
        stated |= {"epsilon": dp.epsilon, "delta": dp.delta, "decision": decision_of(run.policy)}
    return guarantee_of(Privacy.model_validate(parse(canonical(stated))), run.policy)


def copy_warnings(run: "Run") -> tuple[str, ...]:
    """Return warnings for the data owner if the policy is independent and audits found copies or identifiers."""
    evidence = read_evidence((run.folder("audit") / EVIDENCE).read_bytes())
    hits = {name: evidence.metrics.get(f"{name}.hard_hits") for name in ("memorization", "identifiers")}
    found = [f"{name}: {metric.value:g}" for name, metric in hits.items() if metric is not None and metric.high > 0]
    if not run.policy.is_independent or not found:
        return ()
    what = f"The audits found passages or identifiers of persons in the synthetic texts ({', '.join(found)})."
    anyway = f"The policy {run.policy.name} nevertheless allows the release, because no audit affects its decision."
    return (f"{what} {anyway}", _CHECK_HITS, _WITHDRAWAL)


def _filter_counts(stage: StageRecord, policy: Policy) -> dict[str, int | str]:
    counts = {"candidates": stage.n_in, "kept": stage.n_out, **(stage.rejected or {})}
    if stage.spare:  # number of texts that passed all filters, but were not the best text of their vector
        counts["not_the_best_of_its_vector"] = stage.spare
    return {name: public_count(n, policy) for name, n in counts.items()}


def limitations_of(run: "Run", *, has_groups: bool) -> tuple[str, ...]:
    """Return sentences on what a release does not guarantee; `has_groups`: whether the source has person ids."""
    vocabulary, models = run.vocabulary, stated_models(run)
    return limitations(
        is_dp=run.config.interpolate.is_dp,
        has_persons=has_groups,
        has_own_style=any(model["role"] == "style" and model["trainedOnPrivateData"] for model in models),
        formats={model["format"] for model in models},
        disclosed=None if vocabulary is None else disclosure(run.config.decode.words, len(vocabulary.reader.words)),
        config=public_config(run.config.model_dump(mode="json")),
        policy=run.policy,
        evidence=run.evidence,
    )


def stated_attempts(run: "Run") -> dict[str, Any]:
    """Return the entry `attempts` of the statement: the number of this attempt and the head of the ledger.

    Under an independent policy, the number is None, because it depends on the control persons.

    Raises:
        InputError: the ledger cannot be used, was changed, replaced or rolled back, or does not contain the run.
        DataError: the policy is not independent, and the evidence does not state the attempt number of the ledger.
    """
    recorded = recorded_attempt(*ledger_of(run.config), run.record.stage("audit").attempt or "")
    ledger = recorded.ledger.model_dump(mode="json", exclude={"version"})
    if run.policy.is_independent:
        return {"number": None, "ledger": ledger}
    counted = run.evidence.metrics.get(ATTEMPTS)
    if counted is None or counted.value != recorded.number:
        message = f"the ledger and the file {EVIDENCE} of the run do not state the same attempt number"
        raise DataError(message, hint="Run `synthgen run` again.")
    return {"number": recorded.number, "ledger": ledger}


def stated_privacy(run: "Run", *, has_groups: bool) -> dict[str, Any]:
    """Return the entry `privacy` of the statement: the claimed epsilon and delta, and the totals of the ledger.

    `spentBefore` is the joint epsilon of all other reservations in the ledger, made before or after this run, except
    voided ones. `maxEpsilon` and `maxDelta` are the policy's limit or, without one, the totals of all runs.

    All totals are computed at the same delta: the delta of the totals in the mechanism log, but at most
    `largest_delta`. Without totals in the log, it is that of `run_limit`.

    Raise Overspent if all runs together exceed the budget of the policy. Raise InputError if the ledger cannot be
    used, was changed, replaced or rolled back, or has no entry for the DP result of this run.
    """
    config, policy = run.config, run.policy
    if not config.interpolate.is_dp:
        return {**NO_DP, "unit": "group" if has_groups else "record"}
    folder = run.folder("measure")
    log = json.loads((folder / MECHANISM_LOG).read_bytes())
    budget = run_limit(config, policy)
    if budget is None:
        raise InternalError("a run with a budget has no delta")
    if log["spent"] is not None:  # the evidence states the totals of the log, also of an earlier version of SynthGen
        budget = replace(budget, delta=min(log["spent"]["delta"], largest_delta(config, policy)))
    entry = reservation_of_result(*ledger_of(config), log["release"], made_digest(folder), delta=budget.delta)
    cost, before, after = entry.spending.cost, entry.spent_by_others, entry.spent_in_all
    refuse_overspending(entry.others, entry.spending, budget)
    limit = policy_limit(policy)
    allowed = after if limit is None else limit
    return {
        "mechanism": config.interpolate.method,
        "unit": "group",
        "neighbouring": "add-remove",
        "epsilon": cost.epsilon,
        "delta": cost.delta,
        "accountant": "PLD",
        **stated_noise(entry.spending.mechanisms),
        "composition": composition_of(entry.others, budget.delta),
        "budget": {
            "ledgerId": entry.ledger.id,
            "maxEpsilon": allowed.epsilon,
            "maxDelta": allowed.delta,
            "delta": budget.delta,
            "spentBefore": before.epsilon,
            "spentAfter": after.epsilon,
            "voided": entry.n_voided,
        },
        "decision": decision_of(policy),
        "nonPrivateSteps": list(non_private_steps(policy, is_dp=True)),
    }


def composition_of(others: Sequence[Spending], delta: float) -> list[dict[str, Any]]:
    """Return the entry `composition`: the claimed costs of the runs `others`, largest epsilon first.

    An item has one Gaussian mechanism that costs exactly as much as all mechanisms of a run. If no such mechanism
    exists, the item lists the run's mechanisms; the verifier refuses a statement with too many mechanisms. There are
    at most `MAX_COMPOSITION` items; if there are more runs, the last item has the joint epsilon at `delta` of all
    remaining runs.
    """
    runs = sorted(others, key=lambda run: (run.cost.epsilon, run.cost.delta), reverse=True)
    n_single = len(runs) if len(runs) <= MAX_COMPOSITION else MAX_COMPOSITION - 1
    listed = [_composed(run.cost, run.mechanism_costs) for run in runs[:n_single]]
    if joined := runs[n_single:]:
        listed.append(_composed(joint_cost(joined, delta), [cost for run in joined for cost in run.mechanism_costs]))
    return listed


def _composed(claim: Cost, costs: Sequence[MechanismCost]) -> dict[str, Any]:
    stated = equivalent_costs(costs)
    mechanisms = [{to_camel(name): value for name, value in cost.model_dump().items()} for cost in stated]
    return {"epsilon": claim.epsilon, "delta": claim.delta, "mechanisms": mechanisms}


def _commitment(run: "Run", corpus: Corpus, key: bytes) -> dict[str, Any]:
    stated = commit_records(corpus.role, corpus.texts, key)
    declared = run.config.dp.persons  # under DP, the declared number of persons replaces the number of records
    return stated if declared is None else {**stated, "countBucket": bucket(declared)}


def stated_models(run: "Run") -> list[dict[str, Any]]:
    """Return the entry `models` of the statement: the models of the run record; a server's model counts as unknown.

    Unless the writer is `xrag`, entries for the vocabulary (or, without one, the bridge) and for the style adapters
    follow.
    """
    models = [  # the statement treats a model outside the registry as trained on private data
        _model_entry(model.role, _public_name(model.name), model.digest, private=model.name not in MODELS)
        for model in run.record.models
    ]
    decode, bridge_name = run.config.decode, run.config.decode.bridge
    if decode.writer == XRAG:
        return models  # no entry for the projector of xRAG, because the digest of the decoder covers it
    if decode.endpoint is not None:
        server = REMOTE_SERVER if decode.endpoint.allow_remote else SERVER
        unknown = {"name": HIDDEN, "format": server, "trainedOnPrivateData": True}  # the model of a server is unknown
        models = [{**model, **unknown} if model["role"] == "decoder" else model for model in models]
    kind = "builtin" if bridge_name == "builtin" else "custom"
    if (vocabulary := run.vocabulary) is not None:
        role, made_for, digest = "vocabulary", [vocabulary.encoder], vocabulary.digest
    else:
        bridge = load_bridge(bridge_name, run.config.resolve)
        role, made_for, digest = "projector", [bridge.info.encoder, bridge.info.decoder], bridge.digest
    name = f"{kind}:{'-'.join(map(_public_name, made_for))}"
    return [*models, _model_entry(role, name, digest, private=kind != "builtin"), *_styles(run)]


def _styles(run: "Run") -> list[dict[str, Any]]:
    stage = "measure" if run.config.interpolate.is_dp else "style"
    chosen = read_choice(run.folder(stage)) if run.config.decode.style == AUTO else None
    return [
        _model_entry("style", f"{kind}:{_public_name(style.card.name)}", style.digest, private=kind == "custom")
        for style, _ in named_styles(run.config, chosen)
        for kind in ["builtin" if is_built_in(style) else "custom"]
    ]


def _public_name(name: str) -> str:
    return name if name in {*PUBLIC_MODELS, *STYLES} else HIDDEN


def _model_entry(role: str, name: str, digest: str, *, private: bool) -> dict[str, Any]:
    entry = {"role": role, "name": name, "format": "safetensors", "digest": {"sha256": digest}}
    return {**entry, "trainedOnPrivateData": private}
