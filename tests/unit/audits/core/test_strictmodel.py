import hashlib

import pytest
from pydantic import ValidationError

from audits.core.strictmodel import Canonical, Closed, Finite, LedgerId, Sha256, problems


class Point(Closed):
    x: Finite
    n: int = 0


class Named(Canonical):
    sha256: Sha256 = "0" * 64
    ledger: LedgerId = "0" * 32
    n: int = 1


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


@pytest.mark.parametrize("digits", ["", "0" * 31, "0" * 33, "0" * 63, "0" * 65, "A" * 64, "A" * 32, "0" * 64 + "\n"])
def test_a_digest_has_64_lower_hex_digits_and_the_id_of_a_ledger_32(digits):
    for name in ("sha256", "ledger"):
        with pytest.raises(ValidationError):
            Named.model_validate({name: digits})


def test_canonical_bytes_have_sorted_names_and_defaults():
    found = Named(n=2)
    assert found.to_bytes() == f'{{"ledger":"{"0" * 32}","n":2,"sha256":"{"0" * 64}"}}'.encode()
    assert found.digest() == hashlib.sha256(found.to_bytes()).hexdigest() != Named().digest()
