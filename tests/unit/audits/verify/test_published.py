import pytest

from audits.core.errors import VerifyError
from audits.verify.published import Page, Utility, public_config, read_published, shown_results, shown_utility
from synthgen.config import Config
from synthgen.evaluate.heads import HEADS
from synthgen.evaluate.style_gap import style_profile

EXACT = {"value": 0.123456, "low": 0.1, "high": 0.2, "confidence": 0.975, "n": 337}
EVALUATION = {
    "classifiers": {
        head: {"real": {"accuracy": EXACT, "per_class": {"a": {"f1": EXACT, "recall": EXACT}, "b": {"f1": EXACT}}}}
        for head in HEADS
    },
    "style": {"real": style_profile(["I have 3 dogs."])},
    "metrics": {"style.gap": EXACT},
    "note": "x",
}


def test_utility_of_every_classifier_is_shown_coarsely_for_released_classes(releases):
    policy = releases.policy_of(releases.POLICY)
    shown = shown_utility(EVALUATION, policy, {"a": 3})
    page = read_published(Page, {"utility": shown}, "page", policy)
    scores = page.utility.classifiers["tfidf-linear"]["real"]
    assert (set(scores.per_class), scores.accuracy.n, scores.accuracy.value) == ({"a"}, 200, 0.125)
    assert (set(page.utility.classifiers), page.utility.style_gap.high) == (set(HEADS), 0.2)
    with pytest.raises(VerifyError, match="E_GATE page: has content that a bundle may not contain, in utility"):
        read_published(Page, {"utility": shown}, "page", releases.policy_of(releases.DP_POLICY))
    assert Utility() == Utility.model_validate(shown_utility({}, policy, {}))


def test_results_have_only_published_metrics_and_details(releases):
    policy, audit = releases.policy_of(releases.POLICY), releases.audit_json()
    memorization, membership = shown_results(audit, policy)
    assert set(memorization["metrics"]) == {"memorization.hard_hits"}
    assert (memorization["details"], set(membership["details"])) == ({}, {"roc"})
    assert set(membership["metrics"]) == {"membership.auc", "membership.epsilon_lower_bound"}
    assert "reason" not in memorization


def test_public_settings_are_a_fixed_point_without_names_paths_and_text():
    given = {"version": 1, "source": {"path": "n.jsonl", "text": "note of John"}, "interpolate": {"total": 10}}
    given |= {"decode": {"prompt": "ward 7", "temperature": 0.123456789}, "embed": {"model": "models/john"}}
    shown = public_config(Config.parse(given).model_dump(mode="json"))
    assert public_config(shown) == shown
    assert not [word for word in ("John", "john", "n.jsonl", "ward", "path", "seed") if word in repr(shown)]
    assert (shown["decode"]["temperature"], shown["embed"]["model"]) == (0.123457, "(private)")
    assert shown["interpolate"]["method"] == "smote"
