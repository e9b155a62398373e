import json

import pytest

from synthgen.core.errors import DataError
from synthgen.pipeline.pipeline import Pipeline


@pytest.mark.slow
def test_a_run_is_compared_with_baselines_in_one_call(finished, tiny):
    long_enough = {"max_position_embeddings": 1024}
    tiny.save_model(finished.folder / "models" / "decoder", "llama", **long_enough)
    run = Pipeline(finished.config()).run()
    study = run.compare()
    assert study.to_json() == run.compare().to_json()
    results = json.loads(json.dumps(study.to_json()))
    assert list(results["classifiers"]["encoder-logistic"])[:3] == ["real", "synthetic", "real+synthetic"]
    assert "label-only" in results["classifiers"]["tfidf-linear"]
    assert "label-only" not in run.compare(label_only=False).to_json()["classifiers"]["tfidf-linear"]
    lines = study.to_text().splitlines()
    assert len(lines) == 2 + sum(len(arms) for arms in results["classifiers"].values())
    assert repr(study) == f"Study(encoder-logistic, tfidf-linear; {results['records']['test']} test records)"


@pytest.mark.slow
def test_a_run_that_did_not_reach_the_audit_is_not_compared(finished):
    run = Pipeline(finished.config()).run(until="filter")
    with pytest.raises(DataError, match="has not reached the stage 'audit'"):
        run.compare()
