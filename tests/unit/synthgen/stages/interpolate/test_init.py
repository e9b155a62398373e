import typing

from synthgen.config import METHODS_HERE, InterpolateConfig
from synthgen.stages.interpolate import METHODS, Mixture, Slerp, Smote, Vae, build


def test_the_configuration_and_the_registry_name_the_same_methods():
    assert set(METHODS) == set(METHODS_HERE)
    allowed = typing.get_args(InterpolateConfig.model_fields["method"].annotation)
    assert set(METHODS) <= set(allowed)


def test_build_passes_the_options_on():
    assert build(InterpolateConfig(method="smote", k_neighbors=7, total=3)) == Smote(k_neighbors=7)
    assert build(InterpolateConfig(method="random-oversample", total=3)).name == "random-oversample"
    some = InterpolateConfig(
        method="mixture", k_neighbors=9, total=3, parents=4, alpha=0.5, noise=0.1, max_exposure=2.0
    )
    assert build(some) == Mixture(k_neighbors=9, parents=4, alpha=0.5, noise=0.1, max_exposure=2.0)
    assert build(InterpolateConfig(method="mixture", total=3)) == Mixture()
    some = InterpolateConfig(method="slerp", k_neighbors=4, total=3, lambda_beta=(2.0, 3.0), max_exposure=2.0)
    assert build(some) == Slerp(k_neighbors=4, lambda_beta=(2.0, 3.0), max_exposure=2.0)
    assert build(InterpolateConfig(method="slerp", total=3)) == Slerp()
    some = InterpolateConfig(method="vae", total=3, latent_dim=5, beta=2.0, free_bits=0.0, conditional=True)
    assert build(some) == Vae(latent_dim=5, beta=2.0, free_bits=0.0, conditional=True)
    assert build(InterpolateConfig(method="vae", total=3)) == Vae()
