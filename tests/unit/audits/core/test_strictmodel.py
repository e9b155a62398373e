import pytest
from pydantic import ValidationError

from audits.core.strictmodel import Closed, Finite, problems


class Point(Closed):
    x: Finite
    n: int = 0


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": 1.0, "n": "1"}, {"x": 1.0, "y": 2.0}, {}])
def test_only_what_was_meant_is_taken(bad):
    with pytest.raises(ValidationError):
        Point.model_validate(bad)
    with pytest.raises(ValidationError):
        Point(x=1.0).x = 2.0


def test_every_mistake_is_named_by_its_place_and_never_by_its_value():
    with pytest.raises(ValidationError) as caught:
        Point.model_validate({"x": "Featherstonehaugh", "n": "Wojciechowska", "z": 1})
    found = problems(caught.value)
    assert [line.split(": ")[0] for line in found] == ["x", "n", "z"]
    assert "Feather" not in str(found)
    assert "Wojciech" not in str(found)
