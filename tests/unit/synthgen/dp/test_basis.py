import shutil

import numpy as np
import pytest

from synthgen.core.errors import ConfigError
from synthgen.dp.basis import FOLDER, fit_basis, load_basis


def test_basis_transforms_vectors_and_back():
    vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    basis = fit_basis(vectors)
    assert np.allclose(basis.axes @ basis.axes.T, np.eye(8), atol=1e-5)
    assert np.all(np.diff(basis.variances) <= 0)
    assert np.allclose(basis.coordinates_of(vectors).var(axis=0), basis.variances, rtol=1e-3)
    assert np.allclose(basis.vectors_at(basis.coordinates_of(vectors)), vectors, atol=1e-5)


def test_only_the_shipped_basis_of_the_embedded_encoder_can_be_loaded(tmp_path):
    basis = load_basis("minilm")
    assert basis.axes.shape == (384, 384)
    assert np.allclose(basis.axes @ basis.axes.T, np.eye(384), atol=1e-4)
    shutil.copy(FOLDER / "minilm.safetensors", tmp_path / "mine.safetensors")
    for other in ("another", str(tmp_path / "mine")):
        with pytest.raises(ConfigError, match=f"statistics of public texts, and '{other}' is no such"):
            load_basis(other)
