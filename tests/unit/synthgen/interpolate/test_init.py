import typing

from synthgen.config import METHODS_HERE, InterpolateConfig
from synthgen.interpolate import METHODS, Smote, build


def test_the_configuration_and_the_registry_name_the_same_methods():
    assert set(METHODS) == set(METHODS_HERE)
    allowed = typing.get_args(InterpolateConfig.model_fields["method"].annotation)
    assert set(METHODS) <= set(allowed)


def test_build_passes_the_options_on():
    assert build(InterpolateConfig(method="smote", k_neighbors=7, total=3)) == Smote(k_neighbors=7)
    assert build(InterpolateConfig(method="random-oversample", total=3)).name == "random-oversample"
