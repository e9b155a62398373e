import re

import pytest

from audits.text.identifier_grammar import NUMBER_CUES, number_cue


@pytest.mark.parametrize(
    "text",
    [
        "MRN: ",
        "MRN:\n",
        "Pt ID#",
        "hospital number ",
        "Unit no ",
        "Medicare ID ",
        "DEA ",
        "S/N: ",
        "Acct no: ",
        "VIN is ",
    ],
)
def test_cues_reach_to_the_number(text):
    match = re.compile(number_cue(), re.IGNORECASE).match(text)
    assert match is not None
    assert match.end() == len(text)


def test_cues_are_whole_words():
    assert re.match(number_cue() + r"\d", "casein 5", re.IGNORECASE) is None
    assert all(re.compile(cue) for cues in NUMBER_CUES.values() for cue in cues)
