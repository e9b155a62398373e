from synthgen.dp.method import VOTE, VOTE_QUERIES, QuerySpec


def test_query_spec_becomes_a_query_with_noise_and_the_style_query_is_a_vote():
    query = QuerySpec(share=0.5, clip=0.3, steps=4, kind="vote").query("q", 2.0)
    assert (query.name, query.noise_multiplier, query.clip, query.steps, query.kind) == ("q", 2.0, 0.3, 4, "vote")
    assert (VOTE_QUERIES[VOTE].kind, VOTE_QUERIES[VOTE].share) == ("vote", 0.05)
