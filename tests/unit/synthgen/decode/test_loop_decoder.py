from pathlib import Path
from types import SimpleNamespace

import pytest

from synthgen.core.errors import DataError, ModelError
from synthgen.decode.loop_decoder import candidates_of, ends_of, last_tokens, spellings, text_of


def model(eos=None):
    return SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=eos))


def ids(words, text):
    return words(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("of_model", "of_tokenizer", "ends"), [(5, 2, {5, 2}), ([5, 7], 2, {5, 7, 2}), (None, 2, {2}), ([5], None, {5})]
)
def test_ends_of_model_and_tokenizer(of_model, of_tokenizer, ends):
    assert ends_of(model(of_model), SimpleNamespace(eos_token_id=of_tokenizer), Path("m")) == ends

    with pytest.raises(ModelError, match="m: neither the model nor its tokenizer defines an end-of-text token"):
        ends_of(model(), SimpleNamespace(eos_token_id=None), Path("m"))


def test_text_of_stops_at_the_first_end_or_mark(tiny, words):
    row = [*ids(words, " the river. A"), tiny.EOS, *ids(words, "gone"), tiny.EOS]
    assert text_of(words, row, {tiny.EOS}) == ("the river. A", "stop")
    assert text_of(words, [tiny.EOS], {tiny.EOS}) == ("", "stop")
    row = ids(words, "\n\nThe river. It\n\nsees. The\n\nend")
    assert text_of(words, row, {tiny.EOS}, mark="\n\n") == ("The river. It", "stop")
    assert text_of(words, row, {tiny.EOS}, mark="\t")[1] == "length"


def test_the_spellings_of_a_word(words):
    found = spellings(words, ["river"])
    assert {words.decode(list(tokens)).strip() for tokens in found} <= {"river", "River", "RIVER"}
    assert tuple(ids(words, " river")) in found
    assert spellings(words, []) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The river is wide. It sees", "The river is wide."),
        ('He said "no." And', 'He said "no."'),
        ("No. The river is wide and", "No. The river is wide and"),  # a cut would keep less than half
        ("3.5 metres and", "3.5 metres and"),  # no sentence ends inside a number
        ("A river? Yes! The gar", "A river? Yes!"),
        ("The river is wide. Seen by Dr. Riv", "The river is wide."),
        ("1. The river\n2. It is wide.\n3. ", "1. The river\n2. It is wide."),
        (" The whole text. ", "The whole text."),
        ("No end", "No end"),
    ],
)
def test_cut_text_ends_with_a_whole_sentence_if_that_keeps_half(words, text, kept):
    assert text_of(words, ids(words, text), {2}) == (kept, "length")


def test_texts_become_candidates_of_their_latents(tiny):
    latents = tiny.latents(2)
    found = candidates_of(
        latents, 2, [("a", "stop"), ("b", "length"), ("c", "stop"), ("d", "stop")], [0.1, 0.2, 0.3, 0.4]
    )
    rows = [("x0", 0, "a"), ("x0", 1, "b"), ("x1", 0, "c"), ("x1", 1, "d")]
    assert [(c.latent_id, c.index, c.text) for c in found] == rows
    assert [c.label for c in found] == [latents.labels[0]] * 2 + [latents.labels[1]] * 2
    assert found[1].finish == "length"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Seen today.\nPLAN:", "Seen today."),
        ("Seen today.\n\nPLAN:\n- \n", "Seen today."),
        ("1) Salt\n2)", "1) Salt"),
        ("Seen.\nFH:\nFather: gout", "Seen.\nFH:\nFather: gout"),  # the heading has content
        ("PLAN:", "PLAN:"),  # nothing would remain
        ("See you.\nKind regards,", "See you.\nKind regards,"),
    ],
)
def test_a_candidate_does_not_end_with_an_empty_heading_or_list_item(tiny, text, kept):
    assert [c.text for c in candidates_of(tiny.latents(1), 1, [(text, "stop")], [0.1])] == [kept]


SAID = "The doctor sees the garden."


def test_last_tokens_end_with_an_empty_line(tiny, words):
    said, gap = (words(text, add_special_tokens=False).input_ids for text in (SAID, "\n\n"))
    assert len(said) > 9
    found, room = last_tokens(words, [SAID, "", "a <vec></s>", SAID], 4, 9)
    assert found[0] == found[3] == said[-9:] + gap
    assert found[1] == []
    assert not {tiny.VEC, tiny.EOS} & set(found[2])  # special tokens in a context are read as letters
    assert room == 9 + len(gap)  # independent of the contexts
    assert last_tokens(words, [SAID], 1, len(said)) == ([said + gap], len(said) + len(gap))
    assert last_tokens(words, [SAID], 1, 96)[0] == [said + gap]


def test_last_tokens_requires_all_contexts_or_none(words):
    assert last_tokens(words, [SAID, SAID], 2, 0)[0] == [[], []]
    assert last_tokens(words, (), 3, 96) == ([[], [], []], 0)
    with pytest.raises(DataError, match="1 contexts for 2 vectors; pass one context for each vector, or no contexts"):
        last_tokens(words, [SAID], 2, 9)
