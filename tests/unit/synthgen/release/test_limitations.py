from synthgen.release.limitations import LIMITATIONS, limitations
from synthgen.stages.decode.config import AdaptConfig, DecodeConfig


def said(**changes):
    given = {"has_groups": True, "segmented": False, "decode": DecodeConfig(), "disclosure": None,
             "public_secret": False, "calibrated": True}  # fmt: skip
    return limitations(**{**given, **changes})


def test_without_persons_nothing_is_said_of_persons():
    assert said() == LIMITATIONS
    assert "nothing is shown about a person" in said(has_groups=False)[-1]
    assert "refined on the private train text" in said(decode=DecodeConfig(adapt=AdaptConfig()))[-1]
    assert "was chosen by the private train text" in said(decode=DecodeConfig(manner="auto"))[-1]
    assert "that it learnt from public text" in said(decode=DecodeConfig(manner="./ours"))[-1]
    assert "was told 3 words;" in said(disclosure="3 words")[-1]
    cut = said(segmented=True)
    assert not any("first hundred words" in sentence for sentence in cut)
    assert "cut into segments" in cut[-1]
    assert cut[:-1] == LIMITATIONS[:-1]


def test_a_policy_without_a_self_test_says_so():
    assert "asks for no self-test" in said(calibrated=False)[-1]


def test_a_public_secret_is_said_openly():
    assert "whoever guesses the seed computes who was in train" in said(public_secret=True)[-1]


def test_a_model_that_knows_control_is_named():
    assert any("read train and control alike" in sentence for sentence in said())
    assert any("canaries would" in sentence for sentence in said(segmented=True))
