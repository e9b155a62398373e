"""Every interpolation method in the newsgroup example; one method of each kind makes a release."""

import json

import pyarrow.parquet as pq
import pytest

from synthgen import Release
from synthgen.config import Config
from synthgen.interpolate import METHODS

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.corpus]
RELEASED = ("adasyn", "mixture", "vae")  # the others stop at `interpolate`; later stages ignore the method


@pytest.fixture(autouse=True)
def _few_reconstructions(monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.rounds.RECONSTRUCTIONS", 24)  # all filters, which use them, are off


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_runs_on_the_newsgroup_example(newsgroups, method):
    written, command = newsgroups.config.read_text(), ("run", "--until", "interpolate", "--json")
    try:
        newsgroups.edit("method: smote", f"method: {method}")
        newsgroups.edit("out: newsgroups-out", f"out: out-{method}")
        config = Config.load(newsgroups.config)
        done = newsgroups.release() if method in RELEASED else newsgroups.run(*command, newsgroups.config)
    finally:
        newsgroups.config.write_text(written)
    assert done.returncode == 0, done.stderr
    if method in RELEASED:
        (bundle,) = (newsgroups.folder / f"out-{method}").glob("release-*")
        labels = Release.open(bundle, trust=newsgroups.trust).to_arrow()["label"].to_pylist()
        assert {labels.count(label) for label in set(labels)} == {3}
    else:
        assert json.loads(done.stdout)["stages"][-1]["name"] == "interpolate"
    files = config.resolve(config.workspace).glob("stages/interpolate-*/parents.parquet")
    (parents,) = (t for t in map(pq.read_table, files) if t.schema.metadata[b"method"].decode() == method)
    assert {len(of) for of in parents["parents"].to_pylist()} == {config.interpolate.build().max_parents}
