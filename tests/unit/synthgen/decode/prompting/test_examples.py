import json

import pytest

from synthgen.core.errors import ConfigError, DataError
from synthgen.decode.prompting import examples as module
from synthgen.decode.prompting.examples import Example, check_examples, exemplars, load_examples, shown_for, terms_of
from synthgen.decode.style_adapter import built_in_styles


def test_built_in_styles_have_invented_examples():
    assert {*built_in_styles()} - {"plain"} <= set(exemplars())
    assert load_examples("letter", None) == exemplars()["letter"]
    assert load_examples(None, None) == ()
    assert all(len(of_style) == module.SHOWN for of_style in exemplars().values())


def test_lines_that_are_no_examples_are_listed(tmp_path):
    path = tmp_path / "e.jsonl"
    lines = [
        {"text": "A.", "label": "ant"},
        {"text": ""},
        [],
        {"text": "B."},
        {"text": "C.", "note": 1},
        {"label": "x"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n{")
    with pytest.raises(ConfigError, match="is not a valid file of examples") as refused:
        load_examples("e.jsonl", tmp_path.joinpath)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "line 2", "line 3", "line 5", "line 6", "line 8"
    ]  # fmt: skip
    path.write_text("\n")
    with pytest.raises(ConfigError, match="is not a valid file of examples"):
        load_examples("e.jsonl", tmp_path.joinpath)
    path.write_text(json.dumps(lines[0]) + "\n" + json.dumps(lines[3]))
    assert load_examples("e.jsonl", tmp_path.joinpath) == (Example("A.", "ant"), Example("B."))


def test_a_class_shows_its_own_examples_first():
    given = [
        Example("of all"),
        Example("of b", "b"),
        Example("1 of a", "a"),
        Example("2 of a", "a"),
        Example("3", "a"),
    ]
    assert [e.text for e in shown_for(given, "a")] == ["1 of a", "2 of a"]
    assert [e.text for e in shown_for(given, "b")] == ["of b", "of all"]
    assert [e.text for e in shown_for(given, "c")] == ["of all"]


def test_terms_are_the_rarest_known_words_in_the_order_of_the_text(tiny):
    reader = tiny.reader()
    text = "The doctor, the patient and the unknown person see a river."
    assert terms_of(text, None) == ()
    found = terms_of(text, reader)
    assert found == tuple(word for word in ("the", "doctor", "patient", "a", "river") if word in found)
    assert 1 <= len(found) <= module.N_TERMS


def test_examples_of_the_source_are_refused():
    private = "She slipped on wet stairs in March and has had pain since then."
    check_examples([Example("Public text of somebody else who wrote rather a lot of words here.")], [private])
    with pytest.raises(DataError, match="repeat sentences of the source") as refused:
        check_examples([Example("Fine."), Example(f"Well. {private} Bye.")], ["No.", private])
    assert refused.value.problems == ("example 2",)
    assert "stairs" not in str(refused.value)
