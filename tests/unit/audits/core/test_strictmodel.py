import pytest
from pydantic import ValidationError

from audits.core.strictmodel import Closed, Finite, problems


class Point(Closed):
    x: Finite
    n: int = 0


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": 1.0, "n": "1"}, {"x": 1.0, "y": 2.0}, {}])
def test_models_are_strict_closed_and_frozen(bad):
    with pytest.raises(ValidationError):
        Point.model_validate(bad)
    with pytest.raises(ValidationError):
        Point(x=1.0).x = 2.0


def test_problems_name_the_field_without_the_value():
    with pytest.raises(ValidationError) as caught:
        Point.model_validate({"x": "Featherstonehaugh", "n": "Wojciechowska", "z": 1})
    found = problems(caught.value)
    assert [line.split(": ")[0] for line in found] == ["x", "n", "z"]
    assert "Feather" not in str(found)
    assert "Wojciech" not in str(found)
