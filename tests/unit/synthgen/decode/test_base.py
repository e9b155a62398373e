import dataclasses
import inspect

import pytest

from synthgen.decode.base import Decoder, Settings
from synthgen.decode.xrag import XragDecoder


def test_settings_are_keyword_only_and_decoders_follow_the_protocol():
    with pytest.raises(TypeError):
        Settings({}, 2, 8, 0.8, 0.9, 5, 4)
    sampling = {"temperature": 0.8, "top_p": 0.9, "top_k": 5, "batch": 4}
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings(prompts={"ant": "ant"}, candidates=2, max_new_tokens=8, **sampling).batch = 5
    assert inspect.signature(XragDecoder.decode) == inspect.signature(Decoder.decode)
