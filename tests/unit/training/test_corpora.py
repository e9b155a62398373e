import os

import pyarrow.parquet as pq
import pytest
from corpora import STYLES, main

KEPT_UNSEEN = {"newsgroups20", "ag_news", "sst2", "yelp_augpe", "mts_dialog", "trec"}  # private data in the studies


@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="SYNTHGEN_DATA is not set")
def test_every_style_gets_its_texts_and_a_command(tmp_path, capsys):
    main(["--out", str(tmp_path), "--texts", "150"])
    commands = capsys.readouterr().out.splitlines()
    assert len(commands) == len(STYLES)
    for (style, sources), command in zip(STYLES.items(), commands, strict=True):
        assert f"--style {style} " in command
        assert f"--steps {600 if style == 'clinical-note' else 100} " in command
        assert command.count("--corpus") == command.count("--licence") == len(sources)
        for source in sources:
            texts = pq.read_table(tmp_path / style / f"{source.name}.parquet")["text"].to_pylist()
            assert len(set(texts)) >= 5, source.name
            assert all(text.strip() for text in texts)


def test_no_style_learns_from_the_corpora_of_a_study():
    assert not {source.name for sources in STYLES.values() for source in sources} & KEPT_UNSEEN
    assert all(source.licence for sources in STYLES.values() for source in sources)
