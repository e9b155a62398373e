from pathlib import Path
from types import SimpleNamespace

import pytest

from synthgen.core.errors import ModelError
from synthgen.decode.ending import candidates_of, ends_of, never_of, text_of


def model(eos=None, size=290):
    weight = SimpleNamespace(shape=(size, 40))
    return SimpleNamespace(
        generation_config=SimpleNamespace(eos_token_id=eos),
        get_output_embeddings=lambda: SimpleNamespace(weight=weight),
    )


def ids(words, text):
    return words(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("of_model", "of_tokenizer", "ends"), [(5, 2, {5, 2}), ([5, 7], 2, {5, 7, 2}), (None, 2, {2}), ([5], None, {5})]
)
def test_the_model_and_its_tokenizer_name_the_ends(of_model, of_tokenizer, ends):
    assert ends_of(model(of_model), SimpleNamespace(eos_token_id=of_tokenizer), Path("m")) == ends


def test_no_end_is_refused():
    with pytest.raises(ModelError, match="m: neither the model nor its tokenizer names an end of text"):
        ends_of(model(), SimpleNamespace(eos_token_id=None), Path("m"))


def test_special_tokens_within_the_vocabulary_are_never_written_but_for_the_ends():
    assert never_of(model(size=9), {8, 0, 3, 9, 12}, frozenset({3})) == [0, 8]


def test_a_text_stops_at_its_first_end(tiny, words):
    row = [*ids(words, " the river. A"), tiny.EOS, *ids(words, "gone"), tiny.EOS]
    assert text_of(words, row, {tiny.EOS}) == ("the river. A", "stop")
    assert text_of(words, [tiny.EOS], {tiny.EOS}) == ("", "stop")


def test_a_text_may_end_at_a_mark_too(tiny, words):
    row = ids(words, "\n\nThe river. It\n\nsees. The\n\nend")
    assert text_of(words, row, {tiny.EOS}, mark="\n\n") == ("The river. It", "stop")
    assert text_of(words, row, {tiny.EOS}, mark="\t")[1] == "length"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The river is wide. It sees", "The river is wide."),
        ('He said "no." And', 'He said "no."'),
        ("No. The river is wide and", "No. The river is wide and"),  # would keep less than half
        ("3.5 metres and", "3.5 metres and"),  # no sentence ends inside a number
        ("A river? Yes! The gar", "A river? Yes!"),
        (" The whole text. ", "The whole text."),
        ("No end", "No end"),
    ],
)
def test_what_the_limit_cut_ends_with_a_whole_sentence_if_that_keeps_half(words, text, kept):
    assert text_of(words, ids(words, text), {2}) == (kept, "length")


def test_texts_become_candidates_of_their_latents(tiny):
    latents = tiny.latents(2)
    found = candidates_of(latents, 2, [("a", "stop"), ("b", "length"), ("c", "stop"), ("d", "stop")])
    assert [(c.latent_id, c.index, c.text) for c in found] == [
        ("x0", 0, "a"),
        ("x0", 1, "b"),
        ("x1", 0, "c"),
        ("x1", 1, "d"),
    ]
    assert [c.label for c in found] == [latents.labels[0]] * 2 + [latents.labels[1]] * 2
    assert found[1].finish == "length"
