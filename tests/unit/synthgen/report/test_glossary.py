from synthgen.report.glossary import AUDITS, WORDS


def test_every_audit_of_the_contract_has_its_question():
    assert list(AUDITS) == [
        "memorization",
        "neighbours",
        "identifiers",
        "membership",
        "parent_recovery",
        "linkage",
        "canaries",
        "accounting",
        "differencing",
    ]
    assert all(q.endswith("?") for q in AUDITS.values())


def test_words_end_as_sentences():
    assert all(meaning.endswith(".") for meaning in WORDS.values())
