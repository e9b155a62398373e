"""Each supported family gets its layers, a template and a placeholder; other models are rejected with a remedy."""

import pytest
from tokenizers import AddedToken
from torch import nn

from synthgen.core.errors import ModelError
from synthgen.decode.train.config import BridgePart
from synthgen.decode.train.families import FAMILIES, RESERVED, shape_of

EXPLICIT = {"adapter_targets": ("c_attn",), "template": "{prompt} {vector}", "placeholder_id": 3}


def test_automatic_values_name_every_linear_layer_of_the_blocks(tiny):
    for family, known in FAMILIES.items():
        model = tiny.language_model(family)
        shape = shape_of(BridgePart(), model, tiny.tokenizer())
        linears = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
        assert set(shape.adapter_targets) == set(known.targets) == linears - {"lm_head"}
        assert (shape.template, shape.placeholder_id) == ("<s>{prompt}\n{vector}\n", tiny.VEC)


def test_the_reserved_token_of_a_tokenizer_is_the_placeholder(tiny):
    for token in RESERVED:
        tokenizer = tiny.tokenizer()
        tokenizer.add_tokens([AddedToken("<|im_start|>", special=True), AddedToken(token, special=True)])
        model = tiny.language_model("llama", vocab_size=len(tokenizer))
        shape = shape_of(BridgePart(), model, tokenizer)
        assert shape.placeholder_id == tokenizer.convert_tokens_to_ids(token)
        assert shape.template == "<|im_start|>{prompt}\n{vector}\n"


def test_a_model_of_another_family_needs_explicit_settings(tiny):
    model, tokenizer = tiny.language_model("gpt2"), tiny.tokenizer()
    with pytest.raises(ModelError, match="'gpt2' belongs to no supported family") as refused:
        shape_of(BridgePart(template="{prompt} {vector}"), model, tokenizer)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "bridge.adapter_targets",
        "bridge.placeholder_id",
    ]
    assert all(name in refused.value.hint for name in FAMILIES)
    assert shape_of(BridgePart(**EXPLICIT), model, tokenizer).adapter_targets == ("c_attn",)


def test_settings_that_do_not_fit_are_listed(tiny):
    model, tokenizer = tiny.language_model("llama", tie_word_embeddings=False), tiny.tokenizer()
    too_large, end = "but the model has only 290 tokens", "is the token that ends a text"
    for number, words in ((tiny.SIZE, too_large), (tiny.EOS, end)):
        with pytest.raises(ModelError) as refused:
            shape_of(BridgePart(placeholder_id=number), model, tokenizer)
        assert words in refused.value.problems[0]
    head = model.get_output_embeddings()
    head.bias = nn.Parameter(head.weight.new_zeros(tiny.SIZE))
    with pytest.raises(ModelError) as refused:
        shape_of(BridgePart(), model, tokenizer)
    assert "has a bias" in refused.value.problems[0]


def test_a_tokenizer_without_an_unused_token_needs_a_placeholder(tiny):
    tokenizer = tiny.tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": []})
    tokenizer.unk_token = None
    model = tiny.language_model("llama")
    with pytest.raises(ModelError, match="no special token that the model never writes"):
        shape_of(BridgePart(template="<vec>{prompt}{vector}"), model, tokenizer)
