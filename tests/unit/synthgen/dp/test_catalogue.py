from synthgen.dp.catalogue import VOTE, VOTE_QUERIES


def test_the_style_query_is_a_vote_with_its_own_share():
    assert (VOTE_QUERIES[VOTE].kind, VOTE_QUERIES[VOTE].share) == ("vote", 0.05)
