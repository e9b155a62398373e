import typing

import pytest

from synthgen.core.errors import ConfigError
from synthgen.interpolate.config import METHOD_KEYS, METHODS, WEIGHTED, InterpolateConfig
from synthgen.interpolate.mixture import Mixture, Slerp
from synthgen.interpolate.smote import RandomOversample, Smote
from synthgen.interpolate.vae import Vae


def test_configuration_and_registry_have_the_same_methods():
    allowed = typing.get_args(InterpolateConfig.model_fields["method"].annotation)
    assert {name for name in allowed if not name.startswith("dp-")} == set(METHODS)
    assert WEIGHTED == ("smote", "borderline-smote", "adasyn", "random-oversample", "mixture")


def test_method_keys_are_null_by_default_and_have_the_limits_and_description_of_the_method():
    assert METHOD_KEYS["mixture"] == {"parents", "alpha", "noise", "max_exposure"}
    for key in set().union(*METHOD_KEYS.values()):
        assert getattr(InterpolateConfig(total=1), key) is None
    key, own = (kind.model_json_schema()["properties"]["parents"] for kind in (InterpolateConfig, Mixture))
    assert (own["minimum"], own["maximum"], own["default"]) == (2, 50, 3)
    assert key["anyOf"][0] == {"minimum": 2, "maximum": 50, "type": "integer"}
    assert (key["description"], key["default"]) == (own["description"], None)


@pytest.mark.parametrize(
    ("method", "options", "parts"),
    [
        ("mixture", {"parents": 51}, ["parents: must be less than or equal to 50, got 51"]),
        ("mixture", {"parents": 7}, ["parents: with 7 parents, `k_neighbors` must be at least 6, not 5, got 7"]),
        ("mixture", {"k_neighbors": 1}, ["parents: with 3 parents, `k_neighbors` must be at least 2, not 1"]),
        ("slerp", {"max_exposure": 0.4}, ["max_exposure: must be at least 1/2"]),
        ("vae", {"beta": 101.0, "conditional": 1}, ["beta: must be less", "conditional: must be a"]),
        ("borderline-smote", {"kind": 3, "m_neighbors": 2}, ["m_neighbors: must be g", "kind: must"]),
    ],
)
def test_method_and_section_reject_the_same_options(method, options, parts):
    with pytest.raises(ConfigError) as refused:
        METHODS[method](**options)
    with pytest.raises(ValueError, match=f"{len(parts)} validation error"):
        InterpolateConfig(method=method, total=1, **options)
    assert len(refused.value.problems) == len(parts)
    for problem, part in zip(refused.value.problems, parts, strict=True):
        assert problem.startswith(part)


@pytest.mark.parametrize(
    "method",
    [
        *(Smote(k_neighbors=7), RandomOversample(), Mixture(), Slerp(), Vae()),
        Mixture(k_neighbors=9, parents=4, alpha=0.5, noise=0.1, max_exposure=2.0),
        Slerp(k_neighbors=4, lambda_beta=(2.0, 3.0), max_exposure=2.0),
        Vae(latent_dim=5, beta=2.0, free_bits=0.0, conditional=True),
    ],
)
def test_build_passes_the_options(method):
    options = method.model_dump(exclude_unset=True)
    assert InterpolateConfig(method=method.name, total=3, **options).build() == method
