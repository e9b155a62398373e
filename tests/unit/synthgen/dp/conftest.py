import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from synthgen.core.seeds import SeedTree
from synthgen.decode import style_adapter as styles
from synthgen.decode.bridge import load_bridge
from synthgen.decode.learnt import write_learnt
from synthgen.decode.style_adapter import CARD, WEIGHTS, StyleCard, load_style
from synthgen.decode.train.trainer import new_style
from synthgen.dp import basis as bases
from synthgen.dp import planned_queries as planned
from synthgen.pipeline import decoders

CHANGES = {
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
    "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 30},
    "source": {"id": None},
    "filter": {"class_agreement": None, "language": None, "length": None},
}


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    """Treat the stand-ins as shipped models."""
    monkeypatch.setattr(planned, "MODELS", ("counting", "picking"))


@pytest.fixture(scope="session")
def prepared_stages(new_bench, tmp_path_factory):
    """The workspace of `ready` up to the vectors of train; tests must not change it."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        bench = new_bench(folder, patch)
        bench.prepare(bench.job(**CHANGES))
    return folder / "ws"


@pytest.fixture
def ready(bench, prepared_stages, tmp_path, monkeypatch):
    """A bench whose encoder has a public basis; `changes` are the sections of a DP run."""
    vectors = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    basis = bases.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    arrays = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in arrays.items()}, tmp_path / "counting.safetensors")
    shutil.copytree(prepared_stages, tmp_path / "ws")
    bench.changes = CHANGES
    return bench


def write_style(folder, bridge, tiny, seed):
    """Write a style with random weights for the bridge and return it."""
    generator = torch.Generator().manual_seed(seed)
    _, tensors = new_style(bridge, 2, tiny.language_model("llama"), SeedTree(seed))
    folder.mkdir(parents=True)
    save_tensors({n: 0.2 * torch.randn(t.shape, generator=generator) for n, t in tensors.items()}, folder / WEIGHTS)
    given = {"rank": 2, "steps": 1, "sources": (), "heldout_before": 2, "heldout_after": 1}
    (folder / CARD).write_text(StyleCard(name=folder.name, bridge=bridge.digest, **given).model_dump_json())
    write_learnt(("Somebody else wrote all of these words down somewhere far away.",), folder)
    return load_style(str(folder), type(folder))


@pytest.fixture
def village_bench(ready, tiny, tmp_path, monkeypatch):
    """A bench with a public basis, a tiny language model, a bridge and two built-in styles."""
    tiny.save_model(tmp_path / "picking", "llama")
    adapter = {"adapter_targets": ("q_proj",), "adapter_rank": 2}
    described = tiny.info(encoder="counting", decoder="picking", dim=40, max_text_tokens=12, **adapter)
    bridge = load_bridge(str(tiny.write_bridge(tmp_path / "bridge", described, tiny.bridge_tensors(described))))
    monkeypatch.setattr(decoders, "load_bridge", lambda *_: bridge)
    monkeypatch.setattr(styles, "BUILT_IN_STYLES", tmp_path / "built_in")
    for seed, name in ((1, "letter"), (2, "note")):
        write_style(tmp_path / "built_in" / name, bridge, tiny, seed)
    return ready
