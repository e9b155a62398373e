import numpy as np
import pytest
from fictional_clinic.grammar import Identifier, expand, mark, unmark
from hypothesis import given
from hypothesis import strategies as st


def test_expand_fills_slots_alternatives_and_numbers():
    rng = np.random.default_rng(0)
    seen = {expand("[a|b{x}] <7-8>/<0.5-0.6>", {"x": "!"}, rng) for _ in range(200)}
    assert seen == {f"{w} {n}/{d}" for w in ("a", "b!") for n in (7, 8) for d in ("0.5", "0.6")}
    with pytest.raises(KeyError, match="y"):
        expand("{y}", {"x": "1"}, np.random.default_rng(0))


def test_unmark_by_hand():
    text, found = unmark(f"Seen {mark('name', 'Ann Lee')} on {mark('date', '3 May')}.")
    assert text == "Seen Ann Lee on 3 May."
    assert found == (Identifier("name", "Ann Lee", 5, 12), Identifier("date", "3 May", 16, 21))


@given(st.lists(st.tuples(st.text("ab c", max_size=4), st.text("xyz", min_size=1, max_size=4)), max_size=6))
def test_unmark_places_are_exact(parts):
    text, found = unmark("".join(before + mark("name", value) for before, value in parts))
    assert text == "".join(before + value for before, value in parts)
    assert [text[i.start : i.end] for i in found] == [value for _, value in parts]
