"""Every method of parent_recovery, named in the newsgroup example's configuration, ends in a release."""

import pyarrow.parquet as pq
import pytest

from synthgen import Release
from synthgen.config import Config
from synthgen.interpolate import METHODS

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.corpus]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_releases_the_newsgroup_example(newsgroups, method):
    written = newsgroups.config.read_text()
    try:
        newsgroups.edit("method: smote", f"method: {method}")
        newsgroups.edit("out: newsgroups-out", f"out: out-{method}")
        config = Config.load(newsgroups.config)
        done = newsgroups.release()
    finally:
        newsgroups.config.write_text(written)
    assert done.returncode == 0, done.stderr
    (bundle,) = (newsgroups.folder / f"out-{method}").glob("release-*")
    table = Release.open(bundle, trust=newsgroups.trust).to_arrow()
    labels = table["label"].to_pylist()
    assert {labels.count(label) for label in set(labels)} == {6}
    files = config.resolve(config.workspace).glob("stages/interpolate-*/parents.parquet")
    (parents,) = (t for t in map(pq.read_table, files) if t.schema.metadata[b"method"].decode() == method)
    assert {len(of) for of in parents["parents"].to_pylist()} == {config.interpolate.build().max_parents}
