from synthgen.dp.catalogue import VOTE, VOTES_ASKED


def test_the_style_query_is_a_vote_with_its_own_share():
    assert (VOTES_ASKED[VOTE].kind, VOTES_ASKED[VOTE].share) == ("vote", 0.05)
