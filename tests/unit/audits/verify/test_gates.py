import shutil

import pytest

from audits.core.errors import VerifyError
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, Metric, evidence_from
from audits.gate.policy import decide
from audits.verify import vocabulary as words
from audits.verify.contents import METRICS, POLICY_JSON
from audits.verify.gates import (
    MAX_CONFIDENCES,
    bundle_evidence,
    bundle_policy,
    check_models,
    limitations,
    server_problems,
)
from audits.verify.statement import Model
from audits.verify.vocabulary import LIMITATIONS, VERDICTS_ONLY


def test_evidence_and_policies_that_cannot_be_read_are_refused():
    with pytest.raises(VerifyError, match=r"E_GATE evidence/metrics\.json: is not valid evidence"):
        bundle_evidence({METRICS: b"{"})
    with pytest.raises(VerifyError, match=r"E_POLICY policy/policy\.json: is not a valid policy"):
        bundle_policy(None, {POLICY_JSON: b"{"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 0.5547111104, "low": 0.5, "high": 0.6}, "more precise about private counts"),
        ({"confidence": 0.9600000074111104}, ""),
    ],
)
def test_digits_of_the_evidence_have_no_room_for_text(copy, reissue, judge, change, message):
    reissue(copy, {METRICS: lambda v: v["metrics"]["membership.auc"].update(change)})
    assert message in judge(copy).failure
    assert not judge(copy).ok


@pytest.mark.parametrize("change", ["many-confidences", "digits"])
def test_exact_numbers_and_confidences_are_short(copy, reissue, judge, change):
    def changed(value):
        for i, metric in enumerate(value["metrics"].values()):
            metric["confidence"] = 0.96 + i / 1000 if change == "many-confidences" else metric["confidence"]
        if change == "digits":
            value["metrics"]["secret.private"].update(dict.fromkeys(("value", "low", "high"), 1.7411110451))

    reissue(copy, {METRICS: changed})
    assert "over 3 decimals, or more than 5 different confidences" in judge(copy).failure
    numbers = {"records.synthetic": Metric(value=1, low=1, high=1, confidence=0.96, n=1)}
    assert Evidence(metrics=numbers, audits={}).metrics
    assert MAX_CONFIDENCES < 9


def rows(*numbers):
    labels = ("cardiology", "ear & nose", "x|y")
    keys = ("label", "requested", "released", "real")
    return [
        dict(zip(keys, (label, *pair, "200-500"), strict=True)) for label, pair in zip(labels, numbers, strict=True)
    ]


def balance(*numbers):
    return {"page": {"balance": rows(*numbers)}}


def scored(synthetic, **others):
    cells = {"real": 0.85, "synthetic": synthetic}
    arms = {
        arm: {"macro_f1": {"value": f1, "low": f1, "high": f1, "n": 200, **others}}
        for arm, f1 in cells.items()
        if f1 is not None
    }
    return {"page": {"balance": rows((4, 4), (4, 4), (4, 3)), "utility": {"classifiers": {"tfidf-linear": arms}}}}


def interpolate(releases, **changes):
    return {"config": releases.settings(**changes)}


PINNED = {"required_provenance": ["pinned-models"]}
LIMITS, REQUEST, CLASSES = (
    "limitations:",
    "the requested numbers of records contradict",
    "its classes or numbers of records",
)
UNCALIBRATED = (*LIMITATIONS, words.UNCALIBRATED)
CONTRADICTIONS = {
    "no-limitations": ({"limitations": []}, LIMITS),
    "limitation-removed": ({"limitations": LIMITATIONS}, LIMITS),
    "limitation-added": ({"limitations": (*UNCALIBRATED, words.OWN_STYLE)}, LIMITS),
    "limitations-in-another-order": ({"limitations": UNCALIBRATED[::-1]}, LIMITS),
    "steps-removed": (
        {"privacy": {"mechanism": "none+empirical", "unit": "group", "nonPrivateSteps": []}},
        "nonPriv",
    ),
    "records-only": ({"privacy": {"mechanism": "none+empirical", "unit": "record"}}, LIMITS),
    "requested-1e9": (balance((10**9, 4), (1, 4), (1, 3)), REQUEST),
    "requested-more-than-the-total": (balance((5, 4), (5, 4), (5, 3)), REQUEST),
    "requested-less-than-the-total": (balance((4, 4), (4, 4), (3, 3)), REQUEST),
    "requested-less-than-released": (balance((5, 4), (4, 4), (2, 3)), REQUEST),
    "unequal-request": (balance((6, 4), (3, 4), (3, 3)), REQUEST),
    "nearly-equal-request": (balance((5, 4), (4, 4), (3, 3)), REQUEST),
    "class-omitted": ({"page": {"balance": rows((4, 4), (4, 4), (4, 3))[1:]}}, CLASSES),
    "classes-in-another-order": ({"page": {"balance": rows((4, 4), (4, 4), (4, 3))[::-1]}}, CLASSES),
    "no-classes": ({"page": {}}, CLASSES),
    "scores-below-the-gate": (scored(0.05), "its scores differ from the utility"),
    "score-missing": (scored(None), "its scores differ from the utility"),
}


def write(releases, folder, changes, monkeypatch):
    """Write a bundle with a program from which the releaser removed the check."""
    monkeypatch.setattr("synthgen.release.statement.check_agreement", lambda _parts: None)
    return releases.bundle(folder, **changes)


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_bundle_that_contradicts_itself_is_refused(case, releases, tmp_path, monkeypatch, refused):
    changes, message = CONTRADICTIONS[case]
    with pytest.raises(VerifyError, match=f"E_MANIFEST .*{message}"):
        releases.bundle(tmp_path / "honest", **changes)
    refused(write(releases, tmp_path, changes, monkeypatch), 10, "manifest", message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "dp-gaussian"}, "interpolate.method differs from the method in the statement"),
        *(({"total": total}, REQUEST) for total in (7, 11, 13, 480, None, words.HIDDEN)),
        ({"balance": words.HIDDEN}, REQUEST),
        ({"balance": words.HIDDEN, "total": None}, None),
        ({"balance": "as-source"}, None),
    ],
)
def test_settings_that_contradict_the_report_are_refused(releases, tmp_path, monkeypatch, judge, changes, message):
    found = judge(write(releases, tmp_path, interpolate(releases, **changes), monkeypatch))
    assert found.ok if message is None else message in found.failure, found.failure


def test_dp_settings_without_a_claim_and_a_claim_without_dp_settings_are_refused(
    releases, tmp_path, monkeypatch, refused
):
    monkeypatch.setattr("synthgen.release.statement.check_agreement", lambda _parts: None)
    path = releases.bundle(
        tmp_path, releases.DP_POLICY, privacy=releases.DP_PRIVACY, config=releases.settings(method="smote")
    )
    refused(path, 10, "manifest", "interpolate.method differs from the method in the statement")


def with_public_secret(releases):
    """Return the content of a run whose secret was public, without the sentence that says so."""
    content = releases.content()
    numbers = {**releases.engine_numbers(), "secret.private": releases.estimate(0, n=0)}
    evidence = evidence_from(releases.audit_json(), numbers, content.evidence.digests)
    evidence = public_evidence(evidence, content.policy)
    return {"evidence": evidence, "decision": decide(evidence, content.policy), "limitations": content.limitations}


def test_public_secret_must_be_stated(releases, tmp_path, monkeypatch, refused, judge):
    changes = with_public_secret(releases)
    refused(write(releases, tmp_path / "silent", changes, monkeypatch), 10, "manifest", LIMITS)
    del changes["limitations"]
    path = write(releases, tmp_path / "open", changes, monkeypatch)
    assert "Do not release this dataset externally" in (path / "README.md").read_text()
    assert judge(path).ok, judge(path).failure


def test_rounded_scores_that_fit_the_gate_are_accepted(releases, tmp_path, judge):
    assert judge(releases.bundle(tmp_path, **scored(0.765))).ok


def sentences(releases, *, secret=1, selftest=(), policy="POLICY", style="plain", engine="rules", more=(), **changes):
    shown = releases.settings()
    config = {**shown, "decode": {**shown["decode"], "style": style}, "deidentify": {"engine": engine}, **dict(more)}
    parsed = releases.policy_of(getattr(releases, policy)).model_copy(update={"selftest": selftest})
    stated = {} if secret is None else {"secret.private": {"value": secret, "low": secret, "high": secret}}
    metrics = {name: Metric(**ends, confidence=1, n=1) for name, ends in stated.items()}
    evidence = Evidence(metrics=metrics, audits={})
    facts = {"is_dp": False, "has_persons": True, "has_own_style": False, "formats": (), "disclosed": None}
    return limitations(**{**facts, **changes}, config=config, policy=parsed, evidence=evidence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"has_persons": False}, "nothing is shown about a person"),
        ({"style": "auto"}, "chosen by means of the private train text"),
        ({"has_own_style": True}, "this was not verified"),
        ({"engine": "off"}, "had no list of the names and numbers"),
        ({"disclosed": "3 words"}, "the prompt contained 3 words;"),
        ({"selftest": ()}, "requires no self-test"),
        ({"secret": 0}, "anyone who guesses the seed can compute who was in train"),
        ({"secret": None}, "anyone who guesses the seed can compute who was in train"),
    ],
)
def test_sentence_is_added_only_if_it_applies(releases, changes, sentence):
    calibrated = {"selftest": ("memorization",)}
    assert sentences(releases, **calibrated) == LIMITATIONS
    assert any("already been trained on train and control" in one for one in LIMITATIONS)
    assert sentence in sentences(releases, **{**calibrated, **changes})[-1]
    assert sentences(releases, **{**calibrated, **changes})[:-1] == LIMITATIONS


def test_segments_replace_the_sentence_on_long_records(releases):
    cut = sentences(releases, more={"segments": {}}, selftest=("memorization",))
    assert "cut into segments" in cut[-1]
    assert cut[:-1] == LIMITATIONS[:-1]
    assert "first hundred words" in LIMITATIONS[-1]


def test_budget_replaces_the_sentence_that_there_is_none(releases):
    private = sentences(releases, policy="DP_POLICY", is_dp=True, style="auto")
    assert private[:2] == (words.DIFFERENTIALLY_PRIVATE, VERDICTS_ONLY)
    assert not any("No differential privacy" in one or "chosen by means" in one for one in private)
    published = tuple(words.NUMBERS_WITHOUT_NOISE if one == VERDICTS_ONLY else one for one in private)
    assert sentences(releases, is_dp=True, style="auto") == published


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("3 words of a public list of 8,192, which disclose at most 39 bits", None),
        *(
            (wrong, LIMITS)
            for wrong in (
                "4 words of a public list of 8,192, which disclose at most 39 bits",
                "3 words of a public list of 8,192, which disclose at most 74 bits",
                None,
            )
        ),
    ],
)
def test_disclosed_words_are_stated(releases, tmp_path, monkeypatch, judge, sentence, message):
    content = releases.content()
    shown = releases.settings()
    digest = {"format": "safetensors", "digest": {"sha256": "d" * 64}, "trainedOnPrivateData": False}
    models = [*content.models, {"role": "vocabulary", "name": "builtin:minilm", **digest}]
    facts = (*content.limitations, words.PROMPT_FACTS)
    stated = content.limitations if sentence is None else (*facts, words.DISCLOSED.format(sentence))
    config = {**shown, "decode": {**shown["decode"], "words": 3, "writer": "prompt"}}
    found = judge(write(releases, tmp_path, {"models": models, "limitations": stated, "config": config}, monkeypatch))
    assert found.ok if message is None else message in found.failure, found.failure


@pytest.fixture(scope="module")
def independent(releases, tmp_path_factory):
    privacy = {**releases.DP_PRIVACY, "decision": "independent"}
    return releases.bundle(tmp_path_factory.mktemp("independent"), releases.INDEPENDENT_POLICY, privacy=privacy)


@pytest.fixture
def independent_copy(independent, tmp_path):
    return shutil.copytree(independent, tmp_path / independent.name)


@pytest.fixture
def alone(releases):
    """Return a trust root that accepts only the independent policy."""
    return releases.root(policies=(releases.INDEPENDENT_POLICY,))


def test_independent_release_publishes_no_verdict_about_private_records(releases, independent, judge, alone):
    found = judge(independent, alone)
    assert found.ok, found.failure
    stated = found.statement.predicate
    assert (stated.privacy.decision, stated.attempts.number) == ("independent", None)
    assert "attempt" not in next(check.detail for check in found.checks if check.id == "gates")
    assert stated.privacy.non_private_steps == (words.SOURCE_CHECKED, words.OWNER_DECIDED, *words.OUTSIDE_DP)
    assert words.NOTHING_PUBLISHED in stated.limitations
    assert not {words.UNCALIBRATED, words.CONTAMINATED, words.VERDICTS_ONLY} & set(stated.limitations)
    assert [file.name for file in (independent / "evidence").iterdir()].count("accounting.json") == 1
    assert len([*(independent / "evidence").iterdir()]) == 2
    page = (independent / "report" / "report.html").read_text()
    for audit in ("memorization", "membership", "identifiers"):
        row = page.split(f'rowheader">{audit}<')[0].rsplit("<tr", 1)[1]
        assert "WITHHELD" in row


@pytest.mark.parametrize("verdict", ["pass", "fail", "insufficient", "withheld"])
def test_any_verdict_about_private_records_under_an_independent_policy_is_refused(
    independent_copy, reissue, refused, alone, verdict
):
    path = independent_copy
    state = {"verdict": verdict, "status": "measured", "confidence": 0.95}

    def tell(evidence):
        evidence["audits"]["memorization"] = state

    def show(report):
        report["audit"]["results"].insert(0, {"name": "memorization", **state})

    reissue(path, {"evidence/metrics.json": tell, "report/report.json": show})
    refused(path, 12, "gates", "more precise about private counts than the policy allows", alone)


@pytest.mark.parametrize("name", ["attempts.number", "memorization.hard_hits", "utility.tstr_over_trtr"])
def test_any_number_of_private_records_under_an_independent_policy_is_refused(
    independent_copy, reissue, refused, alone, name
):
    path = independent_copy

    def tell(evidence):
        evidence["metrics"][name] = {"value": 1.0, "low": 1.0, "high": 1.0, "confidence": 0.95, "n": 1}
        evidence["audits"]["memorization"] = {"verdict": "pass", "status": "measured", "confidence": 0.95}

    reissue(path, {"evidence/metrics.json": tell})
    refused(path, 12, "gates", "more precise about private counts than the policy allows", alone)


def test_statement_and_policy_must_agree_on_what_decided(releases, independent_copy, tmp_path, refused, alone):
    def claim(decision):
        return lambda value: value["predicate"]["privacy"].update(decision=decision)

    audited = releases.bundle(tmp_path / "a", releases.DP_POLICY, privacy=releases.DP_PRIVACY)
    releases.edit(audited, claim("independent"))
    refused(audited, 12, "gates", "is 'independent', but the policy requires 'audited'")
    releases.edit(independent_copy, claim("audited"))
    refused(independent_copy, 12, "gates", "is 'audited', but the policy requires 'independent'", alone)


def test_number_of_attempts_under_an_independent_policy_is_refused(
    releases, independent_copy, tmp_path, refused, alone
):
    releases.edit(independent_copy, lambda value: value["predicate"]["attempts"].update(number=1))
    refused(independent_copy, 12, "gates", "the number of audits of the control persons is stated", alone)
    counted = releases.bundle(tmp_path / "a")
    releases.edit(counted, lambda value: value["predicate"]["attempts"].update(number=None))
    refused(counted, 12, "gates", "the number of audits of the control persons differs")


def test_interpolation_under_dp_has_no_number_of_input_records(releases, tmp_path, monkeypatch, refused):
    policy = releases.policy_of(releases.DP_POLICY)
    page = releases.page(policy) | {"stages": [{"name": "interpolate", "n_in": "2k-5k", "n_out": "10-20"}]}
    changes = {"policy": releases.DP_POLICY, "privacy": releases.DP_PRIVACY, "page": page}
    refused(
        write(releases, tmp_path, changes, monkeypatch), 10, "manifest", "states one although it reads no records"
    )


@pytest.mark.parametrize(
    ("format_", "endpoint", "role", "trained", "policy", "message"),
    [
        ("server", "private", "decoder", True, None, None),
        ("remote server", "remote", "decoder", True, None, None),
        ("server", "remote", "decoder", True, None, "decode.endpoint contradicts the statement"),
        ("remote server", "private", "decoder", True, None, "decode.endpoint contradicts the statement"),
        ("server", None, "decoder", True, None, "decode.endpoint contradicts the statement"),
        ("safetensors", "private", "decoder", True, None, "decode.endpoint contradicts the statement"),
        ("server", "private", "judge", True, None, "a model on a server must be the decoder"),
        ("server", "private", "decoder", False, None, "a model on a server must be the decoder"),
        ("remote server", "remote", "decoder", True, {"intended_use": "outside"}, "prompts may have left"),
        (None, None, "decoder", True, PINNED, "the statement names none"),
        ("server", "private", "decoder", True, PINNED, "a model on a server has no digest"),
    ],
)
def test_server_must_be_that_of_the_settings(releases, format_, endpoint, role, trained, policy, message):  # noqa: PLR0917
    content, shown = releases.content(), releases.settings()
    model = {**content.models[0], "role": role, "format": format_, "trainedOnPrivateData": trained}
    engine = "builtin" if endpoint is None else "endpoint"
    config = {**shown, "decode": {**shown["decode"], "engine": engine, "endpoint": endpoint}}
    models = () if format_ is None else (Model.model_validate(model),)
    if policy is not None:
        with pytest.raises(VerifyError, match=message):
            check_models(models, content.policy.model_copy(update=policy))
        return
    check_models(models, content.policy)
    problems = [*server_problems(models, config)]
    assert problems == [] if message is None else message in problems[0]


@pytest.mark.parametrize(
    ("format_", "sentence", "message"),
    [
        ("server", words.ON_SERVER, None),
        ("safetensors", words.ON_SERVER, "limitations: "),
        ("safetensors", None, "decode.endpoint contradicts the statement"),
        ("remote server", words.ON_REMOTE_SERVER, "decode.endpoint contradicts the statement"),
    ],
)
def test_signed_bundle_must_state_its_server(  # noqa: PLR0917 - fixtures and one case
    releases, tmp_path, monkeypatch, judge, format_, sentence, message
):
    content, shown = releases.content(), releases.settings()
    model = {**content.models[0], "name": words.HIDDEN, "format": format_, "trainedOnPrivateData": True}
    decode = {**shown["decode"], "writer": "prompt", "engine": "endpoint", "endpoint": "private", "words": 3}
    vocabulary = {"role": "vocabulary", "name": "builtin:minilm", "format": "safetensors"}
    vocabulary |= {"digest": {"sha256": "d" * 64}, "trainedOnPrivateData": False}
    disclosed = "3 words of a public list of 8,192, which disclose at most 39 bits"
    stated = [*([] if sentence is None else [sentence]), words.PROMPT_FACTS, words.DISCLOSED.format(disclosed)]
    changes = {
        "models": [model, content.models[1], {**content.models[0], "role": "judge"}, vocabulary],
        "limitations": (*content.limitations, *stated),
        "config": {**shown, "decode": decode},
    }
    found = judge(write(releases, tmp_path, changes, monkeypatch))
    assert found.ok if message is None else message in found.failure, found.failure
