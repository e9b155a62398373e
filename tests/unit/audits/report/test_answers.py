from dataclasses import replace

import pytest

from audits.report import SourceSize
from audits.report.answers import answers

DATASET, _, PROTECTS, RISK, MISSED, USES, APPROVED = range(7)


@pytest.fixture(scope="module")
def said(pages):
    """Return a function that returns the seven answers as texts for changed report content."""

    def texts(content, **changes):
        found = answers(replace(content, **changes))
        return [" ".join((one.lead, *one.sentences, *one.items)).strip() for one in found]

    return texts


def test_every_question_has_an_answer_in_full_sentences(pages, said):
    for content in (
        pages.content(),
        pages.content("refused"),
        pages.private_content(),
        pages.private_content(independent=False),
    ):
        questions = [one.question for one in answers(content)]
        assert (len(questions), all(q.endswith("?") for q in questions)) == (7, True)
        for one, text in zip(answers(content), said(content), strict=True):
            assert len(text) > 20
            assert all(sentence.endswith((".", ":")) for sentence in one.sentences)
            assert one.sentences[-1].endswith(":") == bool(one.items)


def test_the_dataset_is_described_with_published_numbers(pages, said):
    text = said(pages.content())[DATASET]
    assert "a table of 587 synthetic records (texts) in 3 classes" in text
    assert "The records were made from 500 to 1,000 real records of at least 200 people." in text
    assert text.endswith('"used" means: used to make the texts.')
    assert "It was not released." in said(pages.content("refused"))[DATASET]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SourceSize(records=1612, persons=700), "from 1,612 real records of 700 people."),
        (SourceSize(records="1k-2k"), "from 1,000 to 2,000 real records; the number of people is not published."),
        (SourceSize(records=99, has_persons=False), "from 99 real records; the source has no person ids."),
        (
            SourceSize(persons=500, is_least=True, is_declared=True),
            "of at least 500 people. The institution declared this number",
        ),
        (SourceSize(has_persons=False), "The number of real records behind the texts is not published."),
        (SourceSize(), "The numbers of real records and people behind the texts are not published."),
    ],
)
def test_the_source_is_described_as_far_as_it_is_known(pages, said, source, words):
    text = said(pages.content(), source=source)[DATASET]
    assert words in text
    assert ("every number is about single records" in text) == (not source.has_persons)


def test_protection_is_a_guarantee_or_only_tests(pages, said):
    text = said(pages.content())[PROTECTS]
    assert text.startswith("No guarantee, only tests. No mathematical privacy guarantee (differential privacy)")
    assert "3 kinds of attack were carried out" in text
    assert "decision: 1 passed, 1 had a bad result and 1 had no clear result." in text
    assert text.endswith("The attacks for these leaks found none above their threshold and passed: copied passages.")
    for content in (pages.content("refused"), replace(pages.content(), without_gate=())):
        assert "1 passed, 1 had a bad result (a test exceeded its limit) and 1 had no" in said(content)[PROTECTS]
    hidden = ({**pages.audits()[2], "verdict": "withheld"},)
    assert "decision: 1 had a result that is not published." in said(pages.content(), audits=hidden)[PROTECTS]
    assert said(pages.content(), audits=())[PROTECTS].endswith("No attack was carried out on the texts.")
    assert "One kind of attack was" in said(pages.content(), audits=pages.audits()[:1])[PROTECTS]
    for independent, words in ((True, "no test on private records affected"), (False, "also decided on the release")):
        private = said(pages.private_content(independent=independent))[PROTECTS]
        assert private.startswith("Differential privacy. With ε = 2 and δ = 0.00001")
        assert "at most 7.39" in private
        assert words in private
    known = said(pages.private_content(**pages.REFUSED), is_guessable=True)[PROTECTS]
    sentence = "The noise of differential privacy follows from a published seed, so anyone can compute and remove it."
    assert known == f"No guarantee. {sentence}"


def test_uses_state_every_classifier_and_what_the_texts_are_not_for(pages, said):
    text = said(pages.content())[USES]
    assert text.startswith(
        "Intended for training text classifiers of these classes. Classifiers were trained on these texts"
    )
    assert text.index("and 0.880 if trained on real records") < text.index(
        "Test each classifier on your own real records."
    )
    assert "Good for" not in text
    for name in ("method A (classifier on the vectors of a sentence encoder)", "method B (word-based classifier)"):
        score = "0.850 (interval 0.830 to 0.870) if trained on these texts, and 0.880 if trained on real records"
        assert f"{name} scores {score}" in text
    contradictory = "medical facts: 12% of the texts contradict themselves (real records: about 5%)."
    assert contradictory in text
    assert "Texts in which it found one were removed." not in text
    removed = said(pages.content(), filters={"candidates": 9, "kept": 4, "coherent": 5})[USES]
    assert "does not find all contradictions. Texts in which it found one were removed." in removed
    assert "Not for counting: the number of texts in each class was chosen." in text
    assert ("with method A, 100%; with method B, 100%." in text, "do not read like" in text) == (False, False)
    assert said(pages.content("refused"))[USES].startswith("For nothing until it is released.")
    assert (
        "Its usefulness was not measured against real records. Test each" in said(pages.content(), utility={})[USES]
    )
    assert "publishes no measurement on real records" in said(pages.private_content())[USES]
    shares = pages.utility(("a",))["coherence"]
    none = {"coherence": {**shares, "real": {**shares["real"], "any": 0}}}
    assert "(real records: almost none)" in said(pages.content(), utility=none)[USES]


@pytest.mark.parametrize(("score", "gap", "differs"), [(0.65, 0.5, True), (0.67, 0.49, False)])
def test_shares_of_real_scores_and_a_style_that_is_not_real_are_stated(pages, said, score, gap, differs):
    def macro(value):
        return {"macro_f1": pages.estimate(value, 0.01)}

    classifiers = {"tfidf-linear": {"real": macro(0.88), "synthetic": macro(score)}}
    utility = {"classifiers": classifiers, "style_gap": pages.estimate(gap, 0.01)}
    text = said(pages.content(), utility=utility)[USES]
    assert f"In percent of the score of real records: with method A, {100 * score / 0.88:.0f}%." in text
    assert ("The texts do not read like real notes." in text) == differs
    assert "method B" not in text


def test_nobody_approved_a_refused_table_and_a_page_cannot_name_its_approvers(pages, said):
    assert said(pages.content("refused"))[APPROVED] == "Nobody. A refused table cannot be approved."
    assert "requires no approval, only the signature of the releaser" in said(pages.content())[APPROVED]
    assert "requires 1 privacy officer and 2 data owner" in said(pages.private_content())[APPROVED]


def test_without_person_ids_the_first_screen_counts_records(pages, said):
    found = {"metrics": {"membership.tpr_at_fpr_5pct": pages.estimate(0.075, 0.025)}}
    linkage = pages.audit("linkage", "insufficient", pages.estimate(0.02, 0.01), 0.05, "")
    audits = (*pages.audits()[:2], {**pages.audits()[2], **found}, linkage)
    content = replace(pages.content(), audits=audits, source=SourceSize(records=560, has_persons=False))
    questions = [one.question for one in answers(content)]
    assert questions[PROTECTS] == "What protects the real records?"
    assert questions[RISK] == "Which records are most at risk?"
    texts = said(content)
    assert "every number is about single records and not about people" in texts[DATASET]
    for text in (*texts[1:], *questions):
        assert ("people" in text, "persons" in text, "Everyone" in text) == (False, False, False)
    assert "finds 5 to 10 of 100 records that were used" in texts[RISK]
    assert "new facts from up to 3 of 100 records are learned" in texts[MISSED]
    assert "Every record that was used." in said(content, is_guessable=True)[RISK]
