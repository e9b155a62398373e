from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from audits.text.name_lists import split_list
from synthgen.deidentify.engines import find_identifiers
from synthgen.deidentify.planted import plant, wrapped

CATEGORIES = set(
    split_list("""
NAME GEO DATE AGE PHONE FAX EMAIL SSN MRN PLAN ACCOUNT LICENCE VEHICLE DEVICE URL IP BIOMETRIC OTHER
""")
)


def test_planted_notes_have_all_categories_and_are_the_same_for_a_seed():
    notes = list(plant(60))
    assert notes == list(plant(60)) != list(plant(60, seed=1))
    counts = Counter(category for note in notes for _, _, category in note.spans)
    assert set(counts) == CATEGORIES
    assert all(note.text[a:b].strip() == note.text[a:b] != "" for note in notes for a, b, _ in note.spans)
    assert len({note.person for note in notes}) == 30


@given(st.text("ab \n", max_size=300))
def test_wrapping_replaces_spaces_only(text):
    lines = wrapped(text)
    assert lines.replace("\n", " ") == text.replace("\n", " ")


def test_rules_find_the_planted_identifiers():
    wanted, hit = Counter(), Counter()
    for note in plant(80, seed=3):
        spans = find_identifiers(note.text, note.names)
        for start, end, category in note.spans:
            wanted[category] += 1
            hit[category] += all(
                any(s.start <= i < s.end for s in spans) for i in range(start, end) if note.text[i].isalnum()
            )
    recall = {category: hit[category] / n for category, n in wanted.items()}
    assert {category: share for category, share in recall.items() if share < 0.99} == {}
