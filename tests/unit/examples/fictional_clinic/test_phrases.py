import re

from fictional_clinic.phrases import VITALS, VOICES

FIELD = re.compile(r"\{([A-Za-z_]+[0-9]?)\}")


def test_there_are_three_ways_of_writing_with_the_same_sections():
    assert set(VOICES) == {"prose", "terse", "letter"}
    assert all(templates for sections in VOICES.values() for templates in sections.values())


def test_braces_are_whole_fields():
    texts = [t for sections in VOICES.values() for templates in sections.values() for t in templates] + list(VITALS)
    for text in texts:
        assert "{" not in FIELD.sub("", text), text
        assert "}" not in FIELD.sub("", text), text
