"""Recompute the gates of a bundle, and check that its policy, settings, report, evidence and statement agree.

A bundle is the folder of a released dataset. Its evidence contains the published numbers of the audits. A gate is a
rule of the policy about this evidence, for example an upper limit for a number. The receiver must accept the policy.
The gates are recomputed from the evidence and compared with the gates in the signed statement. Then settings, report
and statement are compared (see also `consistency`).
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from audits.core.errors import AuditError, VerifyError
from audits.core.strictjson import canonical, parse_canonical
from audits.gate.disclosure import cannot_hide_text, public_evidence, public_metric, step_of, verdicts_only
from audits.gate.evidence import Evidence, Metric, read_evidence
from audits.gate.policy import Policy, decide
from audits.gate.rule import ATTEMPTS, SECRET
from audits.gate.utility import distance_of_shares
from audits.verify import consistency, vocabulary
from audits.verify.budget import NO_MECHANISM
from audits.verify.contents import CONFIG, METRICS, POLICY_JSON, REPORT_JSON
from audits.verify.published import BundleParts, Page, Score
from audits.verify.statement import REMOTE_SERVER, SAFETENSORS, SERVER, Model, ReleasePredicate
from audits.verify.trust import TrustRoot
from audits.verify.vocabulary import HIDDEN, disclosure

BALANCE, DP_METHOD = "balance.tv_distance", "dp-gaussian"  # name of a metric; value of `interpolate.method` for DP
MAX_CONFIDENCES = 5  # largest number of different confidences in the evidence; more could encode text


def check_pinned(
    predicate: ReleasePredicate, files: Mapping[str, bytes], root: TrustRoot, expected: Policy | None
) -> None:
    """Raise VerifyError (E_POLICY) unless the receiver accepts the policy in the bundle.

    - The statement must contain the digest of the policy.
    - If the trust root pins policies (lists accepted digests by policy name), it must list this digest under the name
      of the policy. If the trust root pins no policies, `expected` must be given.
    - If `expected` is given, it must have the same digest.
    """
    digest = hashlib.sha256(files[POLICY_JSON]).hexdigest()
    if digest != predicate.policy.digest.sha256:
        raise VerifyError("E_POLICY", f"{POLICY_JSON}: differs from the policy that the statement names")
    name = predicate.policy.name
    accepted = root.policies.get(name)
    if accepted is None and len(root.policies) > 0:
        raise VerifyError("E_POLICY", f"policy {name}: is not among the policies that the trust root accepts")
    if accepted is None and expected is None:
        problem = "the trust root names no policy, so the expected policy must be given (`--policy`)"
        raise VerifyError("E_POLICY", problem)
    if accepted is not None and digest not in accepted:
        raise VerifyError("E_POLICY", f"policy {name}: differs from every version that the trust root accepts")
    if expected is not None and digest != expected.digest():
        digests = f"digest {digest[:8]}…, expected {expected.digest()[:8]}…"
        raise VerifyError("E_POLICY", f"policy {name} differs from the expected policy {expected.name} ({digests})")


def bundle_policy(predicate: ReleasePredicate, files: Mapping[str, bytes]) -> Policy:
    """Return the bundle's policy; raise VerifyError (E_POLICY) if it is invalid or the statement contradicts it."""
    try:
        policy = Policy.model_validate(parse_canonical(files[POLICY_JSON]))
    except (AuditError, ValidationError):
        raise VerifyError("E_POLICY", f"{POLICY_JSON}: is not a valid policy") from None
    if (predicate.policy.name, predicate.policy.version) != (policy.name, policy.version):
        raise VerifyError("E_POLICY", "the policy named in the statement is not the one in the bundle")
    if (predicate.use.scope, predicate.use.statement) != (policy.intended_use, policy.statement):
        raise VerifyError("E_POLICY", "the permitted use in the statement differs from the policy")
    if predicate.approvals_required != policy.approvals:
        raise VerifyError("E_POLICY", "the required approvals in the statement differ from the policy")
    return policy


def check_provenance(predicate: ReleasePredicate, policy: Policy, subjects: Mapping[str, str]) -> None:
    """Raise VerifyError (E_POLICY) if the configuration is not as stated, or models or inputs violate the policy.

    The statement must contain the digest of the configuration file. `subjects` maps file names to their sha256.
    """
    if predicate.config.digest.sha256 != subjects.get(predicate.config.redacted):
        raise VerifyError("E_POLICY", f"{predicate.config.redacted}: its digest differs from the statement")
    check_models(predicate.models, policy)
    roles = sorted(item.role for item in predicate.inputs)
    if "inputs" in policy.required_provenance and roles != ["control", "train"]:
        raise VerifyError("E_POLICY", "the statement must list two inputs, train and control, with keyed digests")


def check_models(models: Sequence[Model], policy: Policy) -> None:
    """Raise VerifyError (E_POLICY) if required models or digests are missing, or a forbidden server was used."""
    formats = {model.format for model in models}
    if {"models", "pinned-models"} & {*policy.required_provenance} and not models:
        raise VerifyError("E_POLICY", "the policy requires the models, but the statement names none")
    if "pinned-models" in policy.required_provenance and formats != {SAFETENSORS}:
        raise VerifyError(
            "E_POLICY", "the policy requires the digest of every model; a model on a server has no digest"
        )
    if policy.intended_use == "outside" and REMOTE_SERVER in formats:
        problem = (
            "the policy is for external release and forbids remote servers, but this bundle names one as a model"
        )
        raise VerifyError("E_POLICY", f"{problem}; prompts may have left the network")


def server_problems(models: Sequence[Model], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield each contradiction between the models in the statement and the server in the settings."""
    expected = {"private": [SERVER], "remote": [REMOTE_SERVER]}.get(config["decode"]["endpoint"], [])
    on_servers = [model for model in models if model.format != SAFETENSORS]
    is_served = config["decode"]["engine"] == "endpoint"
    if [model.format for model in on_servers] != expected or is_served != bool(expected):
        rule = "the configuration and the models of the statement must name the same kind of server, or no server"
        yield f"{CONFIG}: decode.endpoint contradicts the statement; {rule}"
    if any(model.role != "decoder" or not model.trained_on_private_data for model in on_servers):
        yield "models: a model on a server must be the decoder and count as trained on private data"


def bundle_evidence(files: Mapping[str, bytes]) -> Evidence:
    """Return the evidence of a bundle; raise VerifyError (E_GATE) if it cannot be read."""
    try:
        return read_evidence(files[METRICS])
    except AuditError:
        raise VerifyError("E_GATE", f"{METRICS}: is not valid evidence") from None


def _cannot_hide_text(evidence: Evidence, policy: Policy) -> bool:
    """Return whether the evidence has too few digits and too few different confidences to encode text.

    Two kinds of numbers may have many digits: limits of the policy's rules, and numbers that are compared with the
    statement.
    """
    limits = {rule.limit for rule in policy.all_rules()}
    compared = {name for name in evidence.metrics if name.startswith("accounting.")} | {ATTEMPTS, "records.synthetic"}
    remaining = [metric for name, metric in evidence.metrics.items() if name not in compared]
    numbers = {end for metric in remaining for end in (metric.value, metric.low, metric.high)} - limits
    confidences = {metric.confidence for metric in evidence.metrics.values()}
    confidences |= {state.confidence for state in evidence.audits.values() if state.confidence is not None}
    return all(cannot_hide_text(number) for number in numbers) and len(confidences) <= MAX_CONFIDENCES


def check_gates(predicate: ReleasePredicate, policy: Policy, files: Mapping[str, bytes]) -> Evidence:
    """Recompute every gate, and return the evidence.

    Raises:
        VerifyError: E_GATE if the evidence cannot be read, is more precise than the policy allows or does not satisfy
            the policy, or if the statement differs from the evidence or the policy.
    """
    evidence = bundle_evidence(files)
    if public_evidence(evidence, policy) != evidence:
        raise VerifyError("E_GATE", "the evidence is more precise about private counts than the policy allows")
    if not policy.disclosure.publish_exact_counts and not _cannot_hide_text(evidence, policy):
        raise VerifyError(
            "E_GATE",
            f"the evidence has numbers with over 3 decimals, or more than {MAX_CONFIDENCES} different confidences, "
            "and could encode private text",
        )
    decision = decide(evidence, policy)
    if not decision.allowed:
        raise VerifyError("E_GATE", f"the evidence does not satisfy the policy: {'; '.join(decision.failures)}")
    gates = canonical([outcome.to_gate() for outcome in decision.outcomes])
    if canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates]) != gates:
        raise VerifyError("E_GATE", "the gates in the statement differ from those recomputed from the evidence")
    if [(item.name, item.digest.sha256) for item in predicate.evidence] != [(METRICS, decision.evidence_digest)]:
        raise VerifyError("E_GATE", "the evidence named in the statement is not the one in the bundle")
    _check_stated_counts(predicate, policy, evidence)
    claimed, required = predicate.privacy.decision, decision_of(policy)
    if claimed not in {None, required}:
        raise VerifyError(
            "E_GATE", f"the stated privacy.decision is {claimed!r}, but the policy requires {required!r}"
        )
    return evidence


def _check_stated_counts(predicate: ReleasePredicate, policy: Policy, evidence: Evidence) -> None:
    # raises VerifyError (E_GATE) if the number of records or attempts differs between evidence and statement
    stated: dict[str, tuple[str, int | None]] = {"records.synthetic": ("records", predicate.dataset.records)}
    attempts = predicate.attempts.number
    if not policy.is_independent:
        stated[ATTEMPTS] = ("audits of the control persons", attempts)
    elif attempts is not None or ATTEMPTS in evidence.metrics:
        problem = "the number of audits of the control persons is stated"
        raise VerifyError("E_GATE", f"{problem}, which a policy with `decision: independent` forbids")
    for name, (noun, number) in stated.items():
        metric = evidence.metrics.get(name)
        if metric is None or not metric.low == metric.value == metric.high == number:
            raise VerifyError("E_GATE", f"the number of {noun} differs between evidence and statement")


def decision_of(policy: Policy) -> str:
    """Return the value of `privacy.decision` that a policy requires in the statement.

    `audited` (also without a DP rule): gates on private records affect the decision to release. `independent`: after
    the noise is drawn, no measurement on private records affects the decision.
    """
    return "audited" if policy.dp is None else policy.dp.decision


def limitations(  # noqa: PLR0913 - independent facts, each of which decides on sentences
    *,
    is_dp: bool,  # whether a differentially private method made the records
    has_persons: bool,  # whether the source has person ids
    has_own_style: bool,  # whether the texts use a style adapter of the releaser
    formats: Collection[str],  # formats of the models; `SERVER` and `REMOTE_SERVER` mean a model on a server
    disclosed: str | None,  # the phrase of `disclosure` if prompts describe each vector by words; otherwise None
    config: Mapping[str, Any],  # the published settings, see `public_config`
    policy: Policy,
    evidence: Evidence,
) -> tuple[str, ...]:
    """Return the sentences on what a release does not guarantee, for the card, the report and the statement."""
    secret, style = evidence.metrics.get(SECRET), config["decode"]["style"]
    # the first two sentences of LIMITATIONS apply only without DP; the last is about words that a vector omits
    always: tuple[str, ...] = (
        vocabulary.LIMITATIONS if "segments" not in config else (*vocabulary.LIMITATIONS[:-1], vocabulary.SEGMENTED)
    )
    if is_dp:
        numbers = vocabulary.VERDICTS_ONLY if verdicts_only(policy) else vocabulary.NUMBERS_WITHOUT_NOISE
        always = (vocabulary.DIFFERENTIALLY_PRIVATE, numbers, *always[2:])
    if policy.is_independent:
        always = (vocabulary.DIFFERENTIALLY_PRIVATE, vocabulary.NOTHING_PUBLISHED, always[-1])
    conditional = (
        (secret is None or secret.low < 1, vocabulary.GUESSABLE),
        (len(policy.selftest) == 0 and not policy.is_independent, vocabulary.UNCALIBRATED),
        (not has_persons, vocabulary.RECORDS_ONLY),
        (config["deidentify"]["engine"] == "off" and not policy.is_independent, vocabulary.NO_LIST),
        (style == "auto" and not is_dp, vocabulary.CHOSEN_STYLE),
        (has_own_style, vocabulary.OWN_STYLE),
        (SERVER in formats, vocabulary.ON_SERVER),
        (REMOTE_SERVER in formats, vocabulary.ON_REMOTE_SERVER),
        (config["decode"]["writer"] == "prompt" and not is_dp, vocabulary.PROMPT_FACTS),
        (disclosed is not None, vocabulary.DISCLOSED.format(disclosed)),
    )
    return (*always, *(sentence for applies, sentence in conditional if applies))


def non_private_steps(policy: Policy, *, is_dp: bool) -> tuple[str, ...]:
    """Return the sentences of the statement about the steps of the run that no privacy budget covers."""
    if not is_dp:
        return (vocabulary.NO_DP_STEP,)
    if policy.is_independent:
        return (vocabulary.SOURCE_CHECKED, vocabulary.OWNER_DECIDED, *vocabulary.OUTSIDE_DP)
    return (
        vocabulary.RELEASE_GATED,
        *(() if verdicts_only(policy) else (vocabulary.NUMBERS_PUBLISHED,)),
        vocabulary.SOURCE_CHECKED,
        *vocabulary.OUTSIDE_DP,
    )


def check_agreement(parts: BundleParts) -> None:
    """Raise VerifyError (E_MANIFEST) if settings, report, evidence, data and statement contradict each other."""
    for problem in _contradictions(parts):
        raise VerifyError("E_MANIFEST", problem)


def _contradictions(parts: BundleParts) -> Iterator[str]:
    # the caller stops at the first contradiction, so a check may rely on the earlier checks
    predicate, config, policy = parts.predicate, parts.config, parts.policy
    is_dp = predicate.privacy.mechanism != NO_MECHANISM
    expected = limitations(
        is_dp=is_dp,
        has_persons=predicate.privacy.unit == "group",
        has_own_style=any(model.role == "style" and model.trained_on_private_data for model in predicate.models),
        formats={model.format for model in predicate.models},
        disclosed=_disclosed(predicate, config),
        config=config,
        policy=policy,
        evidence=parts.evidence,
    )
    if predicate.limitations != expected:
        difference = _difference(predicate.limitations, expected)
        yield f"limitations: the sentences are not those that evidence, policy and settings require ({difference})"
    if predicate.privacy.non_private_steps != (steps := non_private_steps(policy, is_dp=is_dp)):
        difference = _difference(predicate.privacy.non_private_steps, steps)
        yield f"nonPrivateSteps: the sentences are not those that method and policy require ({difference})"
    yield from server_problems(predicate.models, config)
    if (config["interpolate"]["method"] == DP_METHOD) != is_dp:
        yield f"{CONFIG}: interpolate.method differs from the method in the statement"
    if is_dp:
        yield from consistency.dp_setting_problems(config)
    if any((row.n_in == "–") != (is_dp and starts_from_train(row.name)) for row in parts.report.page.stages):
        yield f"{REPORT_JSON}: a stage lacks its number of input records, or states one although it reads no records"
    if not _fits_classes(parts):
        yield f"{REPORT_JSON}: its classes or numbers of records differ from the data"
    if not _fits_request(parts):
        yield f"{REPORT_JSON}: the requested numbers of records contradict the settings or {BALANCE} in the evidence"
    if not _fits_utility(parts.report.page, parts.evidence):
        yield f"{REPORT_JSON}: its scores differ from the utility in the evidence"
    yield from consistency.audit_problems(parts)
    yield from consistency.count_problems(parts)
    yield from consistency.sample_size_problems(parts)
    yield from consistency.score_problems(parts)
    yield from consistency.model_problems(parts)
    yield from consistency.written_problems(parts)


def _difference(stated: Sequence[str], expected: Sequence[str]) -> str:
    """Return how the sentences of a statement differ from the expected ones; the sentences are not quoted."""
    n_missing, n_other = len(set(expected) - set(stated)), len(set(stated) - set(expected))
    if n_missing == n_other == 0:
        return "their order differs"
    return f"missing sentences: {n_missing}, unexpected sentences: {n_other}"


def starts_from_train(stage: str) -> bool:
    """Return whether a stage takes vectors of train as input; under DP, such a stage takes no records at all."""
    return stage.split("-", maxsplit=1)[0] == "interpolate" or stage == "decode-reconstruction"


def _disclosed(predicate: ReleasePredicate, config: Mapping[str, Any]) -> str | None:
    """Return the result of `disclosure` for this bundle, or None if no prompt describes a vector by words.

    The last limitation in the statement states the size of the public word list. If it states no size, the result is
    "", which makes the comparison of the limitations fail.
    """
    if config["decode"]["writer"] != "prompt" and all(model.role != "vocabulary" for model in predicate.models):
        return None
    match = vocabulary.DISCLOSURE.search(predicate.limitations[-1]) if predicate.limitations else None
    return "" if match is None else disclosure(config["decode"]["words"], int(match["public"].replace(",", "")))


def _fits_classes(parts: BundleParts) -> bool:
    # returns whether the report has the released classes with their numbers of records, and no score of another class
    page = parts.report.page
    scored = [scores.per_class for sources in page.utility.classifiers.values() for scores in sources.values()]
    return [(row.label, row.released) for row in page.balance] == sorted(parts.classes.items()) and all(
        set(per_class) <= set(parts.classes) for per_class in scored
    )


def _fits_request(parts: BundleParts) -> bool:
    """Return whether the requested numbers of records agree with the settings and the evidence.

    The report omits a class without a released record. The requested numbers in the report then add up to less than
    the setting `total`, and the metric BALANCE is 1 (`distance_of_shares`). If the releaser sets a number per class,
    the setting `balance` is `HIDDEN` and `total` is None. It is then unknown whether the report omits a class, so
    BALANCE may also be 1.
    """
    rows, interpolate = parts.report.page.balance, parts.config["interpolate"]
    balance, total, shown = interpolate["balance"], interpolate["total"], parts.evidence.metrics.get(BALANCE)
    requested, released = ({row.label: getattr(row, name) for row in rows} for name in ("requested", "released"))
    numbers = list(requested.values())
    is_equal = numbers == sorted(numbers, reverse=True) and max(numbers) - min(numbers) <= 1
    if shown is None or any(row.requested < row.released for row in rows) or (balance == "equal" and not is_equal):
        return False
    if (total is None) != (balance == HIDDEN) or not (total is None or (total != HIDDEN and total >= sum(numbers))):
        return False
    distances = [distance_of_shares(released, requested)] if total in {None, sum(numbers)} else []
    distances += [1.0] if total != sum(numbers) else []
    exact = (shown.model_copy(update=dict.fromkeys(("value", "low", "high"), distance)) for distance in distances)
    return any(public_metric(BALANCE, metric, parts.policy) == shown for metric in exact)


def _fits_utility(page: Page, evidence: Evidence) -> bool:
    """Return whether the style gap and the ratios of macro F1 in the evidence agree with those in the report.

    A ratio divides the macro F1 after training on synthetic records (tstr) by the macro F1 after training on real
    records (trtr). If the name of a ratio contains no classifier, at least one classifier must have this ratio.
    """
    gap, page_gap = evidence.metrics.get("style.gap"), page.utility.style_gap
    if gap is not None and page_gap is not None and page_gap.model_dump() != gap.model_dump(exclude={"confidence"}):
        return False
    is_met: dict[str, bool] = {}
    for classifier, sources in page.utility.classifiers.items():
        scores = [sources[table].macro_f1 if table in sources else None for table in ("synthetic", "real")]
        for name in (f"{classifier.replace('-', '_')}.", ""):
            ratio = evidence.metrics.get(f"utility.{name}tstr_over_trtr")
            if ratio is not None:
                is_met[name] = is_met.get(name, False) or _is_ratio(ratio, *scores)
    return all(is_met.values())


def _is_ratio(ratio: Metric, synthetic: Score | None, real: Score | None) -> bool:
    # returns whether the ratio can be synthetic / real, given that all three numbers are rounded
    if synthetic is None or real is None:
        return False
    steps = [step_of(number.n) for number in (ratio, synthetic, real)]  # steps of rounding
    low = max(0.0, synthetic.value - steps[1]) / (real.value + steps[2])
    high = (synthetic.value + steps[1]) / max(real.value - steps[2], 1e-9)
    return low - steps[0] <= ratio.value <= high + steps[0]
