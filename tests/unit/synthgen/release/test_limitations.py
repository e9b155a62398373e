from types import SimpleNamespace

from synthgen.config import DpConfig
from synthgen.decode.config import DecodeConfig
from synthgen.release.limitations import DIFFERENTIALLY_PRIVATE, LIMITATIONS, NUMBERS_TOLD, VERDICTS_TOLD, limitations


def said(*, segmented=False, private=False, decode=None, public=False, **changes):
    config = SimpleNamespace(
        segments={} if segmented else None,
        decode=decode or DecodeConfig(),
        interpolate=SimpleNamespace(is_private=private),
        dp=DpConfig(),
        secret="public" if public else "workspace",
    )
    given = {"has_groups": True, "config": config, "disclosure": None, "calibrated": True, "silent": True}
    return limitations(**{**given, **changes})


def test_without_persons_nothing_is_said_of_persons():
    assert said() == LIMITATIONS
    assert "nothing is shown about a person" in said(has_groups=False)[-1]
    assert "was chosen by the private train text" in said(decode=DecodeConfig(style="auto"))[-1]
    assert "that it learnt from public text" in said(decode=DecodeConfig(style="./ours"))[-1]
    assert "was told 3 words;" in said(disclosure="3 words")[-1]
    cut = said(segmented=True)
    assert not any("first hundred words" in sentence for sentence in cut)
    assert "cut into segments" in cut[-1]
    assert cut[:-1] == LIMITATIONS[:-1]


def test_a_policy_without_a_self_test_says_so():
    assert "asks for no self-test" in said(calibrated=False)[-1]


def test_a_public_secret_is_said_openly():
    assert "whoever guesses the seed computes who was in train" in said(public=True)[-1]


def test_a_model_that_knows_control_is_named():
    assert any("read train and control alike" in sentence for sentence in said())
    assert any("canaries would" in sentence for sentence in said(segmented=True))


def test_under_a_budget_nobody_is_told_that_there_is_none():
    sentences = said(private=True, decode=DecodeConfig(style="auto"))
    assert sentences[:2] == (DIFFERENTIALLY_PRIVATE, VERDICTS_TOLD)
    assert not any("No differential privacy" in one or "chosen by the private" in one for one in sentences)


def test_where_numbers_leave_nobody_is_told_that_verdicts_alone_do():
    silent, telling = said(private=True), said(private=True, silent=False)
    assert telling == tuple(NUMBERS_TOLD if one == VERDICTS_TOLD else one for one in silent)
    assert said(silent=False) == said() == LIMITATIONS  # without a budget neither is said
