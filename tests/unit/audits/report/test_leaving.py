from dataclasses import replace

import pytest

from audits.report.leaving import headline, leaving, not_passed

BUCKET = {"value": None, "low": None, "high": None, "n": None}


@pytest.fixture(scope="module")
def said():
    """Return a function that returns the answer to "May it leave the institution?" for changed report content."""

    def text(content, **changes):
        lead, sentences, items = leaving(replace(content, **changes))
        return " ".join((lead, *sentences, *items))

    return text


@pytest.mark.parametrize(
    ("verdicts", "end"),
    [
        ((), "are met"),
        (("PASS", "WITHHELD"), "are met"),
        (("FAIL",), "are met; 1 attack did not pass, which the policy allows"),
        (("FAIL", "INSUFFICIENT", "PASS"), "are met; 2 attacks did not pass, which the policy allows"),
    ],
)
def test_the_headline_counts_attacks_that_did_not_pass(pages, verdicts, end):
    content = replace(pages.content(), without_gate=tuple(replace(pages.MEASURED, verdict=one) for one in verdicts))
    assert headline(content) == f'Cleared for internal use only: all 3 rules of the policy "research" {end}'
    assert len(not_passed(content)) == sum(one in {"FAIL", "INSUFFICIENT"} for one in verdicts)


def test_the_headline_states_who_may_use_the_table_and_how_many_rules_are_not_met(pages):
    assert headline(pages.private_content()) == 'Released: all 3 rules of the policy "strict-dp" are met'
    assert headline(pages.content("refused")) == 'Refused: 2 of 5 rules of the policy "research" are not met'
    one = replace(pages.content("refused"), gates=(pages.FAILED,))
    assert headline(one) == 'Refused: 1 of 1 rule of the policy "research" is not met'
    assert "the rule of the policy" in headline(replace(pages.content(), gates=pages.GATES[:1]))


def test_an_inside_release_names_the_attacks_with_a_limit_and_those_that_did_not_pass(pages, said):
    text = said(pages.content())
    assert text.startswith('No. The policy "research" allows use inside the institution only.')
    assert "limits the results of these attacks: copied passages; and telling which records were used." in text
    assert text.endswith("telling which records were used: bad result, within the limit of the policy")
    assert "The policy sets no limit for the other attacks." not in text
    near = replace(pages.MEASURED, metric="neighbours.passed")
    assert "The policy sets no limit for the other attacks." in said(pages.content(), without_gate=(near,))
    unlimited = said(pages.content(), gates=(replace(pages.GATES[2], metric="records.synthetic.value"),))
    assert "The policy sets no limit for the results of attacks." in unlimited
    assert unlimited.endswith(
        "telling which records were used: bad result, and the policy sets no limit for this attack"
    )
    for rows in ((), (replace(pages.MEASURED, verdict="PASS"),), (replace(pages.MEASURED, verdict="WITHHELD"),)):
        plain = said(pages.content(), without_gate=rows)
        assert plain == 'No. The policy "research" allows use inside the institution only.'


def test_facts_of_the_lineage_and_thresholds_are_not_limits_of_an_attack(pages, said):
    metrics = ("parent_recovery.lineage.value", "neighbours.margin.value", "linkage.measured")
    gates = tuple(replace(pages.GATES[0], id=metric, metric=metric) for metric in metrics)
    assert "The policy sets no limit for the results of attacks." in said(pages.content(), gates=gates)


@pytest.mark.parametrize(("low", "is_unproven"), [(0.39, True), (0.5, True), (0.51, False)])
def test_a_bad_result_whose_interval_includes_guessing_is_not_proven(pages, said, low, is_unproven):
    number = {**pages.estimate(0.6, 0.1), "low": low}
    audits = (pages.audit("membership", "fail", number, (0.45, 0.55), ""),)
    text = said(pages.content(), audits=audits)
    unproven = "; the main number could come from guessing, but another test of this attack exceeded its threshold"
    assert text.endswith(f"bad result, within the limit of the policy{unproven * is_unproven}")
    assert "Each attack also has a threshold, which affects only the result of the attack." in text
    assert '"Bad result" means that a test of the attack exceeded its threshold.' in text


@pytest.mark.parametrize(
    ("threshold", "wide"), [((0.4, 0.6), True), ((0.3, 0.7), False), (0.5, True), (0.9, False), (None, False)]
)
def test_an_attack_without_a_clear_result_states_the_reason_if_it_is_known(pages, said, threshold, wide):
    open_ = replace(pages.MEASURED, verdict="INSUFFICIENT")
    audits = (pages.audit("membership", "insufficient", pages.estimate(0.55, 0.1), threshold, ""),)
    text = said(pages.content(), without_gate=(open_,), audits=audits)
    why = "the true value may lie below or above its threshold" if wide else "there is too little evidence"
    assert text.endswith(f"no clear result, because {why}")
    assert "bad result" not in text
    assert said(pages.content(), without_gate=(open_,), audits=()).endswith("no clear result")


def test_an_external_release_may_leave_under_conditions(pages, said):
    text = said(pages.private_content())
    assert text.startswith("Yes, if the required approvals are in the bundle and the command synthgen verify reports")
    assert text.endswith('The policy "strict-dp" is for use outside.')
    assert "Yes, if the command synthgen verify" in said(pages.private_content(), approvals=())


def test_attacks_that_did_not_pass_are_named_under_an_external_policy_too(pages, said):
    text = said(pages.private_content(), without_gate=(pages.MEASURED,))
    assert text.startswith("Yes, if")
    assert text.endswith(
        "The policy allows use outside the institution although these attacks did not pass: "
        "telling which records were used: bad result, and the policy sets no limit for this attack"
    )


def test_a_table_with_a_published_seed_may_not_be_passed_on(pages, said):
    for content in (pages.content(), pages.content("refused"), pages.private_content()):
        assert "published seed" not in said(content)
        text = said(content, is_guessable=True)
        assert text.startswith("No.")
        assert "Do not pass the table on; make it again with a secret of your own." in text


def test_a_refused_run_may_not_leave_whatever_its_policy_is_for(pages, said):
    for use in ("inside", "outside"):
        text = said(pages.content("refused"), intended_use=use)
        assert text.startswith('No. The policy "research" refused it. 1 rule failed: usefulness for training.')
        assert "1 rule could not be decided: 1 was not measured (class sizes)." in text
        assert "may not be used inside the institution either" in text
    assert "has no rule" in said(pages.content("refused"), gates=())


def test_rules_are_grouped_by_the_reason_that_left_them_undecided(pages, said):
    def gate(metric, reason, **more):
        given = {"metric": metric, "reason": reason, "value": 0.0, "low": 0.0, "high": 0.0, **more}
        return replace(pages.UNKNOWN, id=metric.replace(".", "-"), **given)

    gates = (
        gate("membership.auc.high", "based on 200 persons or records; at least 1088 are needed"),
        gate("neighbours.margin.value", "the evidence has no number for neighbours.margin", **BUCKET),
        gate("selftest.linkage_wrong.value", "the evidence has no number for selftest.linkage_wrong", **BUCKET),
        gate("canaries.passed", "the audit has the status not_measurable and the verdict insufficient"),
        gate("memorization.tau.value", "the evidence has no number for memorization.tau", **BUCKET),
        gate("linkage.passed", "the audit has the status measured and the verdict insufficient"),
        gate("identifiers.passed", "the audit has the status inconclusive and the verdict insufficient"),
        gate("identifiers.hard_hits.high", "the confidence of its interval is not known"),
        gate("utility.x.low", "the number is withheld", is_withheld=True),
    )
    text = said(pages.content("refused"), gates=gates)
    assert (
        "9 rules could not be decided: 3 were not measured (self-tests of the attacks, planted test records and"
        in text
    )
    for words in (
        "2 have too few people or texts (telling which records were used and closeness to the records that",
        "2 have no clear result (learning new facts about a person and names, numbers and rare words)",
        "1 has too low a confidence (names, numbers and rare words)",
        "1 has no published number (usefulness for training)",
    ):
        assert words in text
    no_persons = replace(pages.content().source, has_persons=False)
    assert "2 have too few records" in said(pages.content("refused"), gates=gates, source=no_persons)


def test_topics_are_named_once_and_only_the_first(pages, said):
    names = ("linkage.passed", "linkage.x", "attempts.n", "balance.x", "records.x", "ledger.x", "dp.x", "secret.x")
    gates = tuple(replace(pages.FAILED, id=f"g{i}", metric=metric) for i, metric in enumerate(names))
    text = said(pages.content("refused"), gates=gates)
    assert "8 rules failed: learning new facts about a person; the number of earlier audits; class sizes;" in text
    assert "other checks; and 1 more." in text
