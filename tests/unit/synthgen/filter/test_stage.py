from synthgen.core.types import Candidate
from synthgen.filter.stage import with_plain_layout


def test_candidates_are_written_as_the_verifier_requires():
    written = Candidate(
        latent_id="l0", index=1, text="a  note\u200b\t\r\n\r\n of  a day \n", label="a", finish="stop", surprisal=0.5
    )
    (made,) = with_plain_layout([written])
    assert made.text == "a note\n\nof a day"
    assert (made.latent_id, made.index, made.label) == ("l0", 1, "a")
