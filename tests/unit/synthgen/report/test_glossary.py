from synthgen.report.glossary import AUDITS, WORDS


def test_every_audit_of_the_contract_has_its_question():
    assert list(AUDITS) == [
        "replay", "neighbours", "identifiers", "membership", "interpolation", "linkage", "canaries", "accounting",
        "differencing",
    ]  # fmt: skip
    assert all(q.endswith("?") for q in AUDITS.values())


def test_words_end_as_sentences():
    assert all(meaning.endswith(".") for meaning in WORDS.values())
