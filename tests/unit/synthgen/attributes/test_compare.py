from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes import compare, extract
from synthgen.attributes.compare import ROWS

A = "A 40-year-old woman with asthma on albuterol. She denies chest pain. Smokes."
B = "A 60-year-old woman with gout on colchicine and albuterol, chest pain, works as a baker."
BLEND = "A 51-year-old woman with gout and migraine on albuterol. No chest pain. She works as a baker and smokes."


def test_origins_worked_example():
    rows = {row.attribute: row for row in compare(*map(extract, (A, B, BLEND)))}
    assert tuple(rows) == tuple(ROWS)
    assert rows["age"].a == ("40", "middle-aged")
    assert rows["age"].blend == (("51", "between"), ("middle-aged", "both"))
    assert rows["sex"].blend == (("female", "both"),)
    assert rows["chronic conditions"].blend == (("gout", "B"), ("migraine", "new"))
    assert rows["symptoms"].a == ("no chest pain",)
    assert rows["symptoms"].b == ("chest pain",)
    assert rows["symptoms"].blend == (("no chest pain", "A"),)
    assert rows["medications"].blend == (("albuterol", "both"),)
    assert rows["lifestyle"].blend == (("occupation: baker", "B"), ("smoking: current", "A"))


def test_age_outside_the_parents_ages_is_new():
    for age, origin in ((39, "new"), (40, "A"), (41, "between"), (59, "between"), (60, "B"), (61, "new")):
        assert compare(*map(extract, (A, B, f"A {age}-year-old.")))[0].blend[0] == (str(age), origin)


TEXTS = st.lists(st.sampled_from([A, B, BLEND, "", "He has no gout.", "aged 9", "cough"]), max_size=3).map(" ".join)


@given(TEXTS, TEXTS, TEXTS | st.integers(38, 62).map("A {}-year-old.".format))
def test_swapped_parents_swap_the_origins(a, b, blend):
    swap = {"A": "B", "B": "A"}
    there = compare(*map(extract, (a, b, blend)))
    back = compare(*map(extract, (b, a, blend)))
    for one, other in zip(there, back, strict=True):
        assert (one.a, one.b) == (other.b, other.a)
        assert [(v, swap.get(o, o)) for v, o in one.blend] == list(other.blend)


@given(TEXTS)
def test_text_blended_with_itself_has_no_new_values(text):
    found = extract(text)
    assert {o for row in compare(found, found, found) for _, o in row.blend} <= {"both"}
