import pytest

from synthgen.config import Config
from synthgen.core.errors import ConfigError


def parse(interpolate, **sections):
    return Config.parse({"version": 1, "source": {"path": "n.jsonl"}, "interpolate": interpolate, **sections})


def problems(interpolate, segments):
    with pytest.raises(ConfigError) as caught:
        parse(interpolate, segments=segments)
    return caught.value.problems


@pytest.mark.parametrize(
    ("interpolate", "remedy"),
    [
        ({"method": "slerp"}, "change interpolate.method"),
        ({"method": "vae"}, "change interpolate.method"),
        ({"method": "mixture", "noise": 0.1}, "set interpolate.noise: 0"),
    ],
)
def test_segments_need_weighted_sums_of_parents(interpolate, remedy):
    given = {"total": 9, **interpolate}
    assert parse(given).segments is None
    (problem,) = problems(given, {"by": "headings"})
    required = (
        "interpolate: the section `segments` requires a method whose new vectors are weighted sums of vectors of"
    )
    assert problem.startswith(f"{required} train: smote,")
    assert problem.endswith(f"{remedy}, or remove the section `segments`")


def test_segments_section_turns_segmentation_on():
    config = parse({"total": 9, "method": "mixture", "noise": 0}, segments={})
    assert config.segments.model_dump() == {"by": "auto", "words": 90, "least_persons": 5, "context_tokens": 64}
    (problem,) = problems({"total": 10}, {"least_persons": 1})
    assert problem.startswith("segments.least_persons")
