from synthgen.config import DpAdaptConfig
from synthgen.dp.catalogue import ADAPT, CLIP, SHARE, asked_of


def test_without_the_section_nothing_is_queried():
    assert asked_of(None) == {}


def test_the_query_has_the_configured_steps_and_batch():
    ((name, asked),) = asked_of(DpAdaptConfig(steps=7, batch=12)).items()
    assert (name, asked.kind, asked.steps, asked.batch) == (ADAPT, "dp-sgd", 7, 12)
    assert (asked.share, asked.clip) == (SHARE, CLIP)
