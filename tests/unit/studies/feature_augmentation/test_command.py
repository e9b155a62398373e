from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.feature_augmentation import projections, workers
from studies.feature_augmentation.command import QUICK, StudyRequest, feature_augmentation, shown_vectors
from studies.feature_augmentation.experiment import METHODS, Protocol, plan_experiment, run_fold
from synthgen.core.errors import ConfigError, DataError, ModelMissing, StorageError
from synthgen.core.progress import silent
from synthgen.core.types import Embedded

HERE = ("results.md", "results.parquet", "cells.parquet")


def request(tmp_path, **changes):
    given = {"datasets": ("sst2",), "data": None, "encoder": "minilm", "out": tmp_path / "out"}
    given |= {"folds": None, "repeats": None, "seed": 3, "quick": True}
    return StudyRequest(**given | changes)


def test_the_protocol_is_the_full_one_or_the_quick_one_with_the_requested_values(tmp_path):
    assert request(tmp_path, quick=False).protocol() == Protocol(seed=3)
    asked = request(tmp_path, folds=5).protocol()
    assert (asked.folds, asked.repeats, asked.seed, asked.largest) == (5, 1, 3, QUICK.largest)


def test_two_sets_of_one_name_are_refused(tmp_path):
    first, second = tmp_path / "notes.jsonl", tmp_path / "notes.csv"
    first.write_text('{"text": "a", "label": "b"}\n')
    second.write_text("text,label\na,b\n")
    with pytest.raises(ConfigError, match=r"notes\.csv: another set .* 'notes'"):
        feature_augmentation(request(tmp_path, datasets=(str(first), str(second))), silent)


def test_missing_data_models_and_folders_are_reported_before_any_work(tmp_path):
    table, file = tmp_path / "t.csv", tmp_path / "file"
    table.write_text("text,label\na,b\n")
    file.write_text("")
    own = {"datasets": (str(table),)}
    for changes, error, message in (
        ({}, DataError, "sst2: no folder of data"),
        (own | {"encoder": "no-encoder"}, ModelMissing, "no-encoder"),
        (own | {"out": file / "out"}, StorageError, "Choose another --out"),
    ):
        with pytest.raises(error, match=message):
            feature_augmentation(request(tmp_path, **changes), silent)


@pytest.mark.parametrize(("largest", "n"), [(16, 8), (128, 64)])
def test_the_pictures_show_a_train_part_before_and_after_smote(largest, n):
    rng = np.random.Generator(np.random.Philox(1))
    names = tuple(f"r{i}" for i in range(1100))
    vectors = rng.normal(size=(1100, 4)).astype(np.float32)
    labels = ("a", "b") * 550
    x = Embedded(vectors=vectors, ids=names, labels=labels, groups=names, encoder="none", normalized=False)
    experiment = plan_experiment("set", x, Protocol(folds=3, repeats=1, largest=largest))
    shown, train, (vectors, labels) = shown_vectors(experiment)
    assert shown == n
    assert Counter(train.labels) == {"a": n, "b": largest}
    assert Counter(labels) == {"a": largest - n}
    assert vectors.shape == (largest - n, 4)


def test_wrong_use_of_the_command(tmp_path, study):
    assert study("feature-augmentation", "--folds", "2")[0] == 2
    code, output = study("feature-augmentation", "--data", tmp_path)
    assert code == 3
    assert "sst2: not found" in output
    assert not (tmp_path / "study").exists()


@pytest.fixture
def no_pictures(monkeypatch):
    """Create empty map files instead of drawing maps, because `test_projections` tests the drawing."""

    def pictures(*given):
        for name in ("umap.svg", "umap.png", "tsne.svg", "tsne.png"):
            (given[5] / name).touch()

    monkeypatch.setattr(projections, "write_projections", pictures)


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_methods_are_compared_on_a_table_of_the_user(tmp_path, study, tiny, monkeypatch):
    def in_this_process(experiments, missing, advance):
        for (dataset, repeat, fold), path in missing.items():
            path.write_bytes(workers._to_bytes(run_fold(experiments[dataset], repeat, fold)))
            advance(1)

    monkeypatch.setattr(workers, "_make", in_this_process)
    rng = np.random.Generator(np.random.Philox(1))
    words = {"ants": tiny.WORDS[::2], "bees": tiny.WORDS[1::2]}
    rows = [{"text": " ".join(rng.choice(words[c], 6)), "label": c} for c in ("ants", "bees") * 120]
    table = tmp_path / "mine.parquet"
    pq.write_table(pa.Table.from_pylist(rows), table)
    encoder = tiny.save_model(tmp_path / "encoder", "mistral")
    asked = ("feature-augmentation", "--dataset", table, "--encoder", encoder, "--quick", "--out", tmp_path / "out")
    code, output = study(*asked)
    assert code == 0, output
    whole(tmp_path / "out", ["mine"], [16])
    monkeypatch.setattr(workers, "_make", None)  # the second run must not make a fold
    assert study(*asked)[0] == 0


def whole(out, datasets, sizes):
    """Check that all files exist and have every method and n; return the accuracies."""
    cells = pq.read_table(out / "cells.parquet").to_pylist()
    assert {c["dataset"] for c in cells} == set(datasets)
    assert {c["method"] for c in cells} == set(METHODS)
    assert {c["n"] for c in cells} == set(sizes)
    assert len(cells) == len(datasets) * 3 * len(sizes) * len(METHODS)  # three folds
    assert all((out / name).is_file() for name in HERE)
    for suffix in ("svg", "png"):
        # the learning curves, and for each set a map by UMAP and one by t-SNE
        assert len(list(out.rglob(f"*.{suffix}"))) >= 1 + 2 * len(datasets)
    return {(c["dataset"], c["repeat"], c["fold"], c["n"], c["method"]): c["accuracy"] for c in cells}


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.models
@pytest.mark.usefixtures("stored_models", "no_pictures")
def test_a_quick_study_of_sentences_can_be_stopped_and_continued(tmp_path, study_process, study, corpora):
    command = ("feature-augmentation", "--dataset", "sst2", "--quick", "--out", tmp_path / "out")
    kept = study_process.stop_after_first("out/folds/*/*.parquet", *command, SYNTHGEN_DATA=str(corpora))
    assert 1 <= len(kept) < 3
    code, output = study(*command, SYNTHGEN_DATA=str(corpora))
    assert code == 0, output
    assert "embed sst2" not in output  # the kept vectors are reused
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    accuracy = whole(tmp_path / "out", ["sst2"], [16, 32])
    for method in ("smote", "class-weighted"):
        assert max(a for key, a in accuracy.items() if key[4] == method) > 0.6  # 32 sentences teach some sentiment
