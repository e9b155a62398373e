import pytest

from audits.core.errors import VerifyError
from audits.gate.shown_utility import shown_utility
from audits.verify.published import Page, Utility, read_published
from audits.verify.vocabulary import CONTRADICTIONS
from synthgen.evaluate.classifiers import CLASSIFIERS
from synthgen.evaluate.style_gap import style_profile

EXACT = {"value": 0.123456, "low": 0.1, "high": 0.2, "confidence": 0.975, "n": 337}
EVALUATION = {
    "classifiers": {
        classifier: {
            "real": {"accuracy": EXACT, "per_class": {"a": {"f1": EXACT, "recall": EXACT}, "b": {"f1": EXACT}}}
        }
        for classifier in CLASSIFIERS
    },
    "style": {"real": style_profile(["I have 3 dogs."])},
    "metrics": {"style.gap": EXACT},
    "coherence": {
        "synthetic": {"n": 9, "shares": {rule: {"value": 0.3333} for rule in CONTRADICTIONS}},
        "real": {"n": 200, "shares": {rule: {"value": 0.121} for rule in CONTRADICTIONS}},
    },
    "subgroups": {
        "sex": {
            "female": {
                classifier: dict.fromkeys(("real", "synthetic", "real+synthetic"), EXACT)
                for classifier in CLASSIFIERS
            }
        },
        "age_band": {
            "child": {
                classifier: dict.fromkeys(("real", "synthetic"), EXACT | {"n": 49}) for classifier in CLASSIFIERS
            }
        },
    },
    "note": "x",
}


def test_utility_of_every_classifier_is_shown_coarsely_for_released_classes(releases):
    policy = releases.policy_of(releases.POLICY)
    shown = shown_utility(EVALUATION, policy, {"a": 3})
    page = read_published(Page, {"utility": shown}, "page", policy)
    scores = page.utility.classifiers["tfidf-linear"]["real"]
    assert (set(scores.per_class), scores.accuracy.n, scores.accuracy.value) == ({"a"}, 200, 0.125)
    assert (set(page.utility.classifiers), page.utility.style_gap.high) == (set(CLASSIFIERS), 0.2)
    assert page.utility.coherence.synthetic == dict.fromkeys(CONTRADICTIONS, 0.33)
    assert page.utility.coherence.real == dict.fromkeys(CONTRADICTIONS, 0.1)  # rounded to .05: ten of 200 records
    few = EVALUATION | {"coherence": {"real": EVALUATION["coherence"]["real"] | {"n": 199}}}
    assert shown_utility(few, policy, {"a": 3})["coherence"] == {}
    fine = {"coherence": {"real": dict.fromkeys(CONTRADICTIONS, 0.12)}}  # too precise for a bundle
    for part in (fine, {"coherence": {"synthetic": {"any": 0.5}}}, {"style": {"real": {"marks_share": 0.5}}}):
        with pytest.raises(VerifyError, match="E_GATE page"):
            read_published(Page, {"utility": shown | part}, "page", policy)
    with pytest.raises(VerifyError, match="E_GATE page: has content that a bundle may not contain, under `utility`"):
        read_published(Page, {"utility": shown}, "page", releases.policy_of(releases.DP_POLICY))
    assert Utility() == Utility.model_validate(shown_utility({}, policy, {}))


def test_accuracy_of_subgroups_is_shown_coarsely_for_enough_persons(releases):
    policy = releases.policy_of(releases.POLICY)
    shown = shown_utility(EVALUATION, policy, {})
    page = read_published(Page, {"utility": shown}, "page", policy)
    found = page.utility.subgroups.sex["female"]["tfidf-linear"]
    assert set(found) == {"real", "synthetic"}
    assert (found["real"].n, found["real"].value, found["real"].high) == (200, 0.125, 0.2)
    assert page.utility.subgroups.age_band == {}


@pytest.mark.parametrize(
    ("attribute", "value", "arm", "changes"),
    [
        ("sex", "female", "real", {"n": 20}),
        ("sex", "female", "real", {"n": 337}),
        ("sex", "female", "real", {"value": 0.12345}),
        ("sex", "John Doe", "real", {}),
        ("age_band", "child", "real+synthetic", {}),
    ],
)
def test_subgroups_of_few_persons_and_free_words_are_refused(releases, attribute, value, arm, changes):
    policy = releases.policy_of(releases.POLICY)
    score = {"value": 0.125, "low": 0.1, "high": 0.2, "n": 200}
    for given in ({}, changes):
        subgroups = {attribute: {value: {"tfidf-linear": {arm: score | given}}}}
        if (attribute, value, arm) == ("sex", "female", "real") and not given:
            assert read_published(Page, {"utility": {"subgroups": subgroups}}, "page", policy)
            continue
        with pytest.raises(VerifyError, match="E_GATE page"):
            read_published(Page, {"utility": {"subgroups": subgroups}}, "page", policy)


def test_under_a_budget_no_subgroup_may_be_published(releases):
    subgroups = shown_utility(EVALUATION, releases.policy_of(releases.POLICY), {})["subgroups"]
    with pytest.raises(VerifyError, match="under `utility`"):
        read_published(Page, {"utility": {"subgroups": subgroups}}, "page", releases.policy_of(releases.DP_POLICY))
