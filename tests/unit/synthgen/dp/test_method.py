from synthgen.dp.method import Asked
from synthgen.dp.noise_multipliers import Priced


def test_a_configured_query_becomes_a_query_with_noise():
    asked = Asked(share=0.5, clip=0.3, steps=4, kind="vote")
    query = asked.query("q", 2.0)
    assert (query.name, query.noise_multiplier, query.clip, query.steps, query.kind) == ("q", 2.0, 0.3, 4, "vote")
    assert asked.priced(0.7) == Priced(share=0.7, steps=4)
