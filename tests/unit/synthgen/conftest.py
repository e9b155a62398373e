import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audits.verify.bundle import verify_bundle
from synthgen.cli.start import start
from synthgen.config import Config
from synthgen.decode.bridge import WEIGHTS
from synthgen.decode.prompt_words import FILE, save_words
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.trust import new_trust

COLUMNS = {"text": "note", "label": "specialty", "group": "patient_id", "id": "note_id", "names": ["patient_name"]}
MODELS = {"model": "models/decoder", "bridge": "models/bridge"}
FILTERS = (
    "class_agreement",
    "embedding_distance",
    "near_duplicate",
    "language",
    "length",
    "repetition",
    "fluency",
    "coherent",
)
SETTINGS = {"version": 1, "seed": 31337, "secret": "public", "ledger": "ledger", "policy": "lenient.yaml"}
SETTINGS["source"] = COLUMNS | {"path": "notes.jsonl", "labels": ["cardiology", "gastroenterology", "pulmonology"]}
SETTINGS |= {"embed": {"model": "models/encoder"}, "interpolate": {"k_neighbors": 2, "total": 12}}
SETTINGS |= {"decode": MODELS | {"candidates": 1, "max_new_tokens": 8}, "filter": dict.fromkeys(FILTERS)}
SETTINGS |= {"deidentify": {"engine": "rules"}, "release": {"name": "tiny"}}
LENIENT = """
name: lenient
version: "1"
intended_use: inside
statement: For tests alone.
measured: [memorization]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 7, why: Something must be there.}
"""


class Project:
    """A trial folder whose encoder and decoder are tiny random models with the published layouts."""

    def __init__(self, folder):
        self.folder = folder

    def config(self, **changes):
        """Return the configuration with some sections or values changed."""
        given = {k: v | changes.pop(k, {}) if isinstance(v, dict) else v for k, v in SETTINGS.items()}
        return Config.parse(given | changes, base=str(self.folder))

    def verified_release(self, run):
        """Release a run, verify the bundle with a new trust root, and return the bundle."""
        keys, trust = self.folder / "keys", self.folder / "own.json"
        bundle = run.release(run.decide(), key=keys / "releaser.pem", out=self.folder / "out")
        policies = {run.policy.name: [run.policy.digest()]}
        roles = {"releaser": [keys / "releaser.pub.json"]}
        new_trust(trust, roles=roles, policies=policies, expires=datetime(2999, 1, 1, tzinfo=UTC))
        assert verify_bundle(bundle.path, trust, None).verdict == "VERIFIED"
        return bundle

    def write_config(self, **changes):
        """Write the configuration as a file and return its path."""
        path = self.folder / "tiny.yaml"
        path.write_text(self.config(**changes).model_dump_json())  # JSON is YAML
        return path


@pytest.fixture
def worded(project, tiny):
    """A new project whose bridge folder holds a vocabulary and no bridge; the decoder has 1024 positions."""
    models = project.folder / "models"
    (models / "bridge" / WEIGHTS).unlink()
    save_words(tiny.reader(dim=40), models / "bridge" / FILE)
    shutil.rmtree(models / "decoder")
    tiny.save_model(models / "decoder", "llama", max_position_embeddings=1024)
    return project


def make_project(folder, tiny):
    """Write a trial folder and return its project."""
    start(folder, "clinic", patients=40)
    (folder / "lenient.yaml").write_text(LENIENT)
    models = folder / "models"
    tiny.save_model(models / "encoder", "mistral", max_position_embeddings=2048)
    tiny.save_model(models / "decoder", "llama")
    described = tiny.info(encoder="models/encoder", decoder="models/decoder", dim=40)
    tiny.write_bridge(models / "bridge", described, tiny.bridge_tensors(described))
    return Project(folder)


@pytest.fixture(scope="session")
def new_project(tmp_path_factory, tiny):
    """A project without any run; tests must not change it."""
    return make_project(tmp_path_factory.mktemp("project") / "trial", tiny)


@pytest.fixture(scope="session")
def run_project(new_project, tmp_path_factory):
    """A project with a finished run; tests must not change it."""
    folder = tmp_path_factory.mktemp("run-project") / "trial"
    project = Project(Path(shutil.copytree(new_project.folder, folder)))
    Pipeline(project.config()).run()
    return project


@pytest.fixture
def project(new_project, tmp_path):
    """A copy of the new project."""
    return Project(Path(shutil.copytree(new_project.folder, tmp_path / "trial")))


@pytest.fixture
def finished(run_project, tmp_path):
    """A copy of the finished project."""
    return Project(Path(shutil.copytree(run_project.folder, tmp_path / "trial")))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return the folder of the model store of this test."""
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture(scope="session")
def new_bench(module_at):
    """The class of `bench`, for fixtures of a larger scope."""
    return module_at("tests/unit/synthgen/stand_ins.py").Bench


@pytest.fixture(scope="session")
def trials(module_at):
    """The module of small DP runs."""
    return module_at("tests/unit/synthgen/private_trials.py")


@pytest.fixture
def bench(new_bench, tmp_path, monkeypatch):
    """One configuration in one workspace with stand-ins for the models."""
    return new_bench(tmp_path, monkeypatch)
