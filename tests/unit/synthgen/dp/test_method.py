from synthgen.dp.method import Asked
from synthgen.dp.noise_multipliers import Priced


def test_a_question_becomes_a_query_of_constants_alone():
    everyone = Asked(share=0.5, clip=0.3, steps=4)
    query = everyone.query("q", 2.0, 800)
    assert (query.sampling_rate, query.normaliser, query.clip, query.steps) == (1.0, None, 0.3, 4)
    sampled = Asked(share=0.5, steps=9, batch=100, kind="dp-sgd")
    query = sampled.query("q", 2.0, 800)
    assert (query.sampling_rate, query.normaliser, query.kind) == (0.125, 100.0, "dp-sgd")
    assert sampled.query("q", 2.0, 60).normaliser == 60.0  # fewer than a batch: everybody, every time
    assert sampled.priced(0.7, 800) == Priced(share=0.7, steps=9, sampling_rate=0.125)
