import numpy as np
import pytest
from safetensors.numpy import save_file

from synthgen.run.dp import measure as measuring
from synthgen.stages.interpolate.dp import basis as bases


@pytest.fixture
def ready(bench, tmp_path, monkeypatch):
    """A bench whose encoder has a public basis, and whose stand-ins count as shipped models."""
    monkeypatch.setattr(measuring, "MODELS", ("counting", "picking"))
    vectors = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    basis = bases.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    held = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in held.items()}, tmp_path / "counting.safetensors")
    return bench
