import os
from pathlib import Path

import pytest

from synthgen.config import Config
from synthgen.core.seeds import SeedTree
from synthgen.load import load
from synthgen.split import split


@pytest.mark.corpus
@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="needs the text sets of SYNTHGEN_DATA")
def test_the_newsgroup_example_has_about_a_thousand_posts_on_each_side():
    config = Config.load(Path(__file__).parents[3] / "examples" / "newsgroups.yaml")
    seeds = SeedTree(config.seed)
    report = load(config.source, config.resolve(config.source.path), seeds.child("load"))
    result = split(report.corpus, config.split, seeds.child("split"))
    assert report.bad == ()
    assert 950 <= len(result.train) <= 1100
    assert len(result.control) >= 1000
    assert min(result.train.counts().values()) > 100
    assert result.report.near_duplicate_rate <= 0.01
