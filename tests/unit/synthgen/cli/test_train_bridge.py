import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.cli.train_bridge import train
from synthgen.core.errors import ConfigError, DataError, StorageError, UsageError
from synthgen.core.progress import silent
from synthgen.decode.bridge import load_bridge
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.trainer import CURVE

WORDS = ["doctor", "patient", "fever", "rocket", "engine", "orbit", "river", "garden", "sees", "fixes"]


@pytest.fixture
def config(tmp_path, new_project):
    (tmp_path / "corpus").mkdir()
    texts = [
        " ".join(WORDS[(i * j) % len(WORDS)] for j in range(1, 9)).capitalize() + f" {i}. It ends here."
        for i in range(1, 41)
    ]
    pq.write_table(pa.table({"text": texts, "source": ["made"] * len(texts)}), tmp_path / "corpus" / "a.parquet")

    models = new_project.folder / "models"
    adapter = {"adapter_rank": 2, "adapter_targets": ("q_proj", "v_proj")}
    template = {"template": "<s>{prompt}\n{vector}\n", "placeholder_id": 3}
    training = {"decay": 1, "warmup": 1, "batch": 4, "length": 64, "evaluate_every": 2, "checkpoint_every": 2}
    fields = {
        "version": 1,
        "encoder": str(models / "encoder"),
        "decoder": str(models / "decoder"),
        "corpus": {"path": "corpus", "passages": 30, "heldout": 5},
        "bridge": {"soft_tokens": 3, "hidden": 13, **adapter, **template},
        "out": "bridge",
        "base": str(tmp_path),
    }

    def make(steps=3, **changes):
        train = {"steps": steps, "dtype": "float32", **training}
        return TrainBridgeConfig.model_validate({**fields, "train": train, **changes})

    return make


def test_training_writes_a_bridge_and_continues_a_checkpoint_only_with_resume(config, tmp_path):
    folder = train(config(), resume=False, progress=silent)
    assert folder == tmp_path / "bridge"
    bridge = load_bridge(str(folder))
    assert (bridge.info.steps, bridge.info.n_soft, bridge.info.dim) == (3, 3, 40)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(UsageError, match="contains a checkpoint") as caught:
        train(config(steps=5), resume=False, progress=silent)
    assert "--resume" in caught.value.hint
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    with pytest.raises(StorageError, match=r"out: .* is not writable"):
        train(config(out=str(folder / CURVE)), resume=False, progress=silent)
    train(config(steps=5), resume=True, progress=silent)
    assert load_bridge(str(folder)).info.steps == 5
    assert [json.loads(line)["step"] for line in (folder / CURVE).read_text().splitlines()] == [2, 3, 4, 5]


def test_a_variable_outside_the_list_raises_an_error(config, monkeypatch):
    monkeypatch.setenv("NO_SUCH_PLACE", "nowhere")
    with pytest.raises(ConfigError, match=r"cannot be resolved[\s\S]*NO_SUCH_PLACE"):
        train(config(corpus={"path": "${NO_SUCH_PLACE}/corpus"}), resume=False, progress=silent)
    with pytest.raises(DataError, match="contains no Parquet table"):
        train(config(corpus={"path": "nowhere/corpus"}), resume=False, progress=silent)


def test_a_vocabulary_is_written_once_and_loaded_with_the_bridge(config, tmp_path):
    part = {"words": 16, "least": 3, "skip": 1}
    folder = train(config(vocabulary=part), resume=False, progress=silent)
    reader = load_bridge(str(folder)).reader
    assert set(reader.words) <= {*WORDS, "ends", "here", "it"}
    assert len(reader.words) >= 10
    written = (folder / "words.safetensors").stat().st_mtime_ns
    train(config(steps=4, vocabulary=part), resume=True, progress=silent)
    assert (folder / "words.safetensors").stat().st_mtime_ns == written
    assert load_bridge(str(train(config(out="other"), resume=False, progress=silent))).reader is None
