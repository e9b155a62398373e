import pytest
from pydantic import ValidationError

from synthgen.core.errors import ModelError
from synthgen.decode.config import DecodeConfig
from synthgen.decode.prompts import Template, label_prompt


def encoded(words, text):
    return list(words(text, add_special_tokens=False).input_ids) if text else []


@pytest.mark.parametrize(
    "text", ["", "{prompt}", "{vector}", "{prompt}{prompt}{vector}", "{prompt}{vector}{vector}", "vector prompt"]
)
def test_template_requires_each_field_once(text):
    with pytest.raises(ModelError, match="once and"):
        Template(text, 2, 3)


@pytest.mark.parametrize("prompt", ["", "fever", "fever of the river"])
@pytest.mark.parametrize(
    "text", ["<s>{prompt}\n{vector}\n", "{prompt}{vector}", "a {vector} b {prompt} c", "{vector}<s>{prompt}"]
)
def test_template_fills_both_fields(words, text, prompt):
    got = Template(text, 4, 3).tokens(words, prompt)
    at = got.index(3)
    assert got[at : at + 4] == [3] * 4
    assert got.count(3) == 4
    first = text.index("{vector}") < text.index("{prompt}")
    before, after = text.split("{vector}")
    framed = after if first else before
    head, tail = framed.split("{prompt}")
    filled = encoded(words, head) + encoded(words, prompt) + encoded(words, tail)
    assert got[:at] == (encoded(words, before) if first else filled)
    assert got[at + 4 :] == (filled if first else encoded(words, after))


def test_only_the_prompt_is_cut(words):
    template = Template("<s>{prompt} sees {vector}.", 2, 3)
    whole, cut = template.tokens(words, "the river garden fixes"), template.tokens(words, "the river garden fixes", 3)
    n = len(encoded(words, "the river garden fixes"))
    assert n > 3
    assert cut == whole[:4] + whole[1 + n :]


@pytest.mark.parametrize(
    ("prompt", "label", "wanted"),
    [
        ("{label}", "rec.sport.hockey", "rec sport hockey"),
        ("{label}", "heart-failure_acute/chronic", "heart failure acute chronic"),
        ("A note about {label}:", "fever", "A note about fever:"),
        ("{label} and {label}", "a..b", "a b and a b"),
        ("no field", "fever", "no field"),
        ("{label}", "{vector}", "{vector}"),
    ],
)
def test_label_prompt_fills_in_the_label(prompt, label, wanted):
    assert label_prompt(prompt, label) == wanted


@pytest.mark.parametrize("prompt", ["{labels}", "{", "}", "{label}{vector}", "{{label}}", "{lab{label}el}", "{0}"])
def test_other_braces_are_rejected(prompt):
    with pytest.raises(
        ValidationError, match=r"the only field allowed in braces is \{label\}"
    ):  # the configuration rejects it before any stage runs
        DecodeConfig(prompt=prompt)
