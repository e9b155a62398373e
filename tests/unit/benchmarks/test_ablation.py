import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="session")
def options(tmp_path_factory, tiny, tiny_models):
    folder = tmp_path_factory.mktemp("bench-ablation")
    models = tiny_models(folder, tiny.WORDS, bridge="vocabulary", positions=256)
    (folder / "corpus").mkdir()
    texts = tiny.sentences(40, words=4)
    pq.write_table(pa.table({"text": texts, "source": ["web"] * 40}), folder / "corpus" / "a.parquet")
    prompt = ["--template=<s>{prompt}\n{vector}\n", f"--placeholder-id={tiny.VEC}"]
    return [*models, f"--corpus={folder / 'corpus'}", *prompt]


def run(bench, options, out, *more):
    out.mkdir(exist_ok=True)
    bench.main([*options, f"--out={out}", "--quick", "--json", str(out / "x.json"), *more])
    return json.loads((out / "x.json").read_text())


@pytest.mark.slow
def test_every_variant_is_trained_and_none_twice(bench, options, tmp_path, capsys, monkeypatch):
    rows = run(bench, options, tmp_path)
    assert list(rows) == list(bench.VARIANTS)
    assert all(row["gain"] == pytest.approx(row["other"] - row["own"]) for row in rows.values())
    assert len({row["own"] for row in rows.values()}) == len(rows)  # each variant is trained separately
    assert capsys.readouterr().out.count("\n| ") == len(rows) + 1
    monkeypatch.setattr(bench, "trained", None)
    assert run(bench, options, tmp_path) == rows


@pytest.mark.slow
def test_a_variant_that_was_stopped_continues(bench, options, tmp_path, monkeypatch):
    whole = run(bench, options, tmp_path / "whole", "--only", "plain")
    steps, step = [], bench.Trainer.train_step

    def stop_once(trainer):
        steps.append(trainer.step)
        if steps == [0, 1]:
            raise KeyboardInterrupt
        return step(trainer)

    monkeypatch.setattr(bench.Trainer, "train_step", stop_once)
    with pytest.raises(KeyboardInterrupt):
        run(bench, options, tmp_path / "again", "--only", "plain")
    again = run(bench, options, tmp_path / "again", "--only", "plain")
    assert steps == [0, 1, 1]
    assert again["plain"]["own"] == pytest.approx(whole["plain"]["own"], rel=1e-3)


@pytest.mark.slow
def test_another_training_is_not_continued(bench, options, tmp_path):
    run(bench, options, tmp_path, "--only", "plain")
    with pytest.raises(SystemExit, match="contains a training with other settings"):
        run(bench, options, tmp_path, "--only", "plain", "--seed", "5")


def test_all_variants_have_the_same_room_for_the_text(bench):
    args = bench.options(["--quick"])
    for name in bench.VARIANTS:
        config = bench.configuration(args, name)
        assert config.train.length - config.train.max_prompt_tokens - config.bridge.soft_tokens == 32
