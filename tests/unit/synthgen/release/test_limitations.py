from types import SimpleNamespace

import pytest

from audits.verify import vocabulary as module
from audits.verify.vocabulary import LIMITATIONS, VERDICTS_ONLY
from synthgen.config import DpConfig
from synthgen.decode.config import DecodeConfig
from synthgen.release.limitations import limitations


def sentences(*, segmented=False, private=False, decode=None, public=False, **changes):
    sections = {"segments": {} if segmented else None, "interpolate": SimpleNamespace(is_private=private)}
    secret = "public" if public else "workspace"
    config = SimpleNamespace(decode=decode or DecodeConfig(), dp=DpConfig(), secret=secret, **sections)
    given = {"has_groups": True, "config": config, "disclosure": None, "calibrated": True, "numbers_withheld": True}
    return limitations(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"has_groups": False}, "nothing is shown about a person"),
        ({"decode": DecodeConfig(style="auto")}, "chosen by means of the private train text"),
        ({"decode": DecodeConfig(style="./ours")}, "only the releaser states"),
        ({"disclosure": "3 words"}, "received 3 words of each vector"),
        ({"calibrated": False}, "requires no self-test"),
        ({"public": True}, "anyone who guesses the seed can compute who was in train"),
    ],
)
def test_sentence_is_added_only_if_it_applies(changes, words):
    assert sentences() == LIMITATIONS
    assert words in sentences(**changes)[-1]
    assert sentences(**changes)[:-1] == LIMITATIONS


def test_segments_replace_the_sentence_on_long_records():
    assert any("already been trained on train and control" in sentence for sentence in LIMITATIONS)
    cut = sentences(segmented=True)
    assert "cut into segments" in cut[-1]
    assert cut[:-1] == LIMITATIONS[:-1]
    assert "first hundred words" in LIMITATIONS[-1]


def test_budget_replaces_the_sentence_that_there_is_none():
    private = sentences(private=True, decode=DecodeConfig(style="auto"))
    assert private[:2] == (module.DIFFERENTIALLY_PRIVATE, VERDICTS_ONLY)
    assert not any("No differential privacy" in one or "chosen by means" in one for one in private)
    published = tuple(module.NUMBERS_WITHOUT_NOISE if one == VERDICTS_ONLY else one for one in private)
    assert sentences(private=True, decode=DecodeConfig(style="auto"), numbers_withheld=False) == published
    assert sentences(numbers_withheld=False) == LIMITATIONS
