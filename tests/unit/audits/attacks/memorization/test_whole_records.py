import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.memorization.whole_records import Keyed, copies_of_one, record_keys, row_keys, sole_owners

KEYS = st.integers(0, 6)
ROWS = st.lists(st.tuples(st.lists(KEYS, max_size=4), st.integers(0, 3)), max_size=9)
WORDS = [f"{letter}a{letter}o" for letter in "bcdfghjklmnpq"]
SENTENCES = [f"The {name} was seen here on day {i} and felt quite well." for i, name in enumerate("abc")]


@given(ROWS, st.lists(KEYS, max_size=8))
def test_sole_owners_equal_an_exhaustive_search(rows, wanted):
    owners = np.array([owner for _, owner in rows], dtype=np.int64)
    pairs = [(key, row) for row, (keys, _) in enumerate(rows) for key in keys]
    key, row = np.array([k for k, _ in pairs], dtype=np.uint64), np.array([r for _, r in pairs], dtype=np.int64)
    sole = sole_owners(Keyed(key, row, row), owners)
    assert (np.diff(sole.key.astype(np.int64)) > 0).all()
    having = {key: {owner for keys, owner in rows if key in keys} for key in range(7)}
    found, place = sole.places(np.array(wanted, dtype=np.uint64))
    assert found.tolist() == [i for i, key in enumerate(wanted) if len(having[key]) == 1]
    assert [{owner} for owner in sole.owner[place].tolist()] == [having[wanted[i]] for i in found]


def test_reordered_sentences_and_changed_numbers_share_a_key():
    texts = [" ".join(SENTENCES), " ".join(SENTENCES[::-1]), " ".join(SENTENCES).replace("day 1", "day 7")]
    whole, turned, renumbered = np.split(record_keys(texts).records.key, 3)
    assert turned[2] == whole[2]
    assert set(turned) & set(whole) == {whole[2]}
    assert set(renumbered) & set(whole) == {whole[1]}


def test_texts_are_compared_by_their_length():
    long, short = " ".join(WORDS), " ".join(WORDS[:12])
    found = record_keys([long, short, "5 / 7", "One two three four five. One two three four five six."])
    assert found.records.row.tolist() == [0, 0, 0]
    assert (found.short.row.tolist(), found.short.size.tolist()) == ([1, 3], [12, 11])
    assert found.sentences.row.tolist() == [0, 1, 3]


def test_short_records_are_found_in_rows_of_several_sentences():
    real = record_keys(
        ["Great food, some stars. Will return!", "No service.", "No service.", "", "Never again, never ever."]
    )
    rows = [
        "We ate. GREAT  fo-od some stars? Will retturn. No service.",
        "great food",
        "Never again never ever again.",
        "GREATFOODSOMESTARSWILLRETURN",
    ]
    found = copies_of_one(row_keys(rows, real).short, real.short, np.arange(5))
    assert (found.row.tolist(), found.owner.tolist(), found.size.tolist()) == ([0, 3], [0, 0], [6, 6])


def test_a_short_record_of_many_numbers_is_found_inside_a_row():
    record = "BP 120/80/60. P 72 73 74. T 36.8. RR 16 17 18. O2 98 97."
    real = record_keys([record])
    assert real.short.size.tolist() == [10]
    found = copies_of_one(row_keys([f"Seen today. {record} Home."], real).short, real.short, np.arange(1))
    assert (found.row.tolist(), found.size.tolist()) == ([0], [10])
