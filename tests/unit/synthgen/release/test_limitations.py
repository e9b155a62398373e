from synthgen.release.limitations import LIMITATIONS, limitations


def test_without_persons_nothing_is_said_of_persons():
    assert limitations(has_groups=True, segmented=False, adapted=False, disclosure=None) == LIMITATIONS
    assert (
        "nothing is shown about a person"
        in limitations(has_groups=False, segmented=False, adapted=False, disclosure=None)[-1]
    )
    assert (
        "refined on the private train text"
        in limitations(has_groups=True, segmented=False, adapted=True, disclosure=None)[-1]
    )
    assert (
        "was told 3 words;" in limitations(has_groups=True, segmented=False, adapted=False, disclosure="3 words")[-1]
    )
    cut = limitations(has_groups=True, segmented=True, adapted=False, disclosure=None)
    assert not any("first hundred words" in sentence for sentence in cut)
    assert "cut into segments" in cut[-1]
    assert cut[:-1] == LIMITATIONS[:-1]
