from audits.report.glossary import AUDITS, WORDS
from audits.runner.registry import AUDITS as REGISTERED


def test_glossary_has_a_question_for_every_audit():
    assert list(AUDITS) == list(REGISTERED)
    assert all(question.endswith("?") for question in AUDITS.values())
    assert all(meaning.endswith(".") for meaning in WORDS.values())
