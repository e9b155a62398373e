import dataclasses
import inspect

import pytest

from synthgen.decode.base import Decoder, Settings
from synthgen.decode.xrag import XragDecoder


def test_settings_are_frozen_and_named():
    made = Settings(
        prompts={"ant": "ant"}, candidates=2, max_new_tokens=8, temperature=0.8, top_p=0.9, top_k=5, batch=4
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.batch = 5
    with pytest.raises(TypeError):
        Settings({}, 2, 8, 0.8, 0.9, 5, 4)


def test_our_decoder_has_the_protocols_form():
    assert inspect.signature(XragDecoder.decode) == inspect.signature(Decoder.decode)
