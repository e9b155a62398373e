import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from synthgen.core.errors import DataError, ModelError
from synthgen.decode.bridge import DESCRIPTION, WEIGHTS, load_bridge
from synthgen.decode.prompt_words import make_reader
from synthgen.decode.train import trainer as train
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.corpus import prepare
from synthgen.decode.train.trainer import CURVE, STATE, EmbeddedPassages, Trainer, run_training

DIM, HELDOUT, BATCH, N = 9, 4, 5, 31


class Stopped(Exception):  # noqa: N818 - reads as what happened
    """Raised by a test where a user would press Ctrl-C."""


def configuration(*, bridge=(), **changes):
    part = {"steps": 6, "decay": 2, "warmup": 2, "batch": BATCH, "length": 44, "max_prompt_tokens": 2, "rate": 1e-2}
    part |= {"evaluate_every": 3, "checkpoint_every": 2, "dtype": "float32", **changes}
    shape = {"soft_tokens": 2, "hidden": 11, "adapter_rank": 2, "placeholder_id": 3}
    shape |= {"template": "<s>{prompt}\n{vector}\n", **dict(bridge)}
    names = {"version": 1, "encoder": "tiny-encoder", "decoder": "tiny", "vocabulary": {}, "out": "none"}
    return TrainBridgeConfig(corpus={"path": "none", "heldout": HELDOUT}, bridge=shape, train=part, **names)


@pytest.fixture(scope="session")
def data(tiny, words):
    passages = prepare(tiny.sentences(N, words=4), words, 40, {"web": N})
    vectors = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
    return EmbeddedPassages(passages=passages, vectors=vectors, heldout=HELDOUT)


@pytest.fixture
def trainer(tiny, words, data):
    def make(*, family="llama", using=data, **changes):
        return Trainer(configuration(**changes), tiny.language_model(family), words, using)

    return make


def nothing(n):
    pass


@pytest.fixture(scope="session")
def with_reader(tiny, data):
    """The data with a vocabulary of the words in its sentences."""
    names = sorted({word for text in data.passages.texts for word in text.split()})
    table = np.random.default_rng(1).normal(size=(len(names), DIM)).astype(np.float32)
    return replace(data, reader=make_reader(dict.fromkeys(names, 0.1), table, np.zeros(DIM, dtype=np.float32)))


def test_training_lowers_the_loss(trainer):
    made = trainer(steps=25, rate=2e-2)
    soft = made.projector(torch.randn(200, DIM, generator=torch.Generator().manual_seed(1)))
    assert float(soft.detach().std()) == pytest.approx(0.2, rel=0.25)  # like the embeddings of the model
    before, losses = made.evaluate(), [made.train_step() for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    assert made.evaluate()["own"] < 0.8 * before["own"]


def test_every_row_is_trained_on_once_in_each_epoch(trainer):
    made, n = trainer(), N - HELDOUT
    rows = np.concatenate([made.rows(step, n) for step in range(2 * n)])  # batches of 5 rows cross epochs of 27
    epochs = rows.reshape(-1, n)
    assert len(epochs) == 2 * BATCH
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == len(epochs)


def test_language_model_is_frozen(tiny, trainer):
    made = trainer()
    before = {n: t.clone() for n, t in made.model.named_parameters()}
    made.train_step()
    moved = {n for n, t in made.model.named_parameters() if not torch.equal(t, before[n])}
    assert {n.rsplit(".", 1)[1] for n in moved} == {"up", "down"}
    plain = dict(tiny.language_model("llama").named_parameters())
    assert all(torch.equal(t, plain[n.replace(".base.", ".")]) for n, t in before.items() if n.endswith("weight"))


@pytest.mark.parametrize("stop", [1, 3, 4, 5])
def test_interrupted_training_ends_with_the_same_bytes(trainer, tmp_path, stop):
    whole = run_training(trainer(), tmp_path / "whole", nothing)
    part, seen = tmp_path / "part", []

    def advance(n):
        seen.append(n)
        if sum(seen) == stop:
            raise Stopped

    with pytest.raises(Stopped):
        run_training(trainer(), part, advance)
    resumed = []
    run_training(trainer(), part, resumed.append)
    assert resumed[0] == (stop - 1) // 2 * 2  # the last checkpoint before the stop
    assert sum(resumed) == 6
    for name in (WEIGHTS, DESCRIPTION, STATE):
        assert (part / name).read_bytes() == (whole / name).read_bytes(), name


def test_finished_training_is_loaded_and_not_repeated(trainer, tmp_path):
    made = trainer()
    bridge = load_bridge(str(run_training(made, tmp_path, nothing)))
    lines = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6]
    assert all(set(line) == {"step", "train", "own", "other", "s_per_step"} for line in lines)
    assert (bridge.info.encoder, bridge.info.decoder) == ("tiny-encoder", "tiny")
    assert (bridge.info.dim, bridge.info.width, bridge.info.n_soft, bridge.info.hidden) == (DIM, 40, 2, 11)
    assert (bridge.info.steps, bridge.info.max_text_tokens, bridge.info.adapter_rank) == (6, 40, 2)
    assert len(bridge.adapters) == 2 * 7 * 3
    for name, tensor in (bridge.adapters | dict(bridge.projector.state_dict())).items():
        own = made.tensors[name if name in made.tensors else f"projector.{name}"]
        assert torch.equal(tensor.float(), own.detach().to(torch.bfloat16).float())
    before, seen = (tmp_path / WEIGHTS).read_bytes(), []
    run_training(trainer(), tmp_path, seen.append)
    assert seen == [6]
    assert (tmp_path / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_bridge_without_adapters(trainer, tmp_path, family):
    made = trainer(family=family, steps=2, bridge={"adapter_rank": 0})
    bridge = load_bridge(str(run_training(made, tmp_path, nothing)))
    assert (bridge.adapters, bridge.info.adapter_rank, bridge.info.adapter_targets) == ({}, 0, ())
    assert bridge.info.width == 40


def test_a_batch_depends_on_its_step_alone_and_contains_no_heldout_passage(trainer):
    one, two, seen = trainer(), trainer(), set()
    frame = one.frame
    one.frame = lambda rows, prompts: (seen.update(rows.tolist()), frame(rows, prompts))[1]
    for step in range(3 * (N - HELDOUT)):
        one.batch(step)
    assert seen == set(range(N - HELDOUT))
    for a, b in zip(one.batch(4), two.batch(4), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.batch(4)[3], one.batch(9)[3])


def test_frame_contains_prompt_vector_and_text(trainer, data, words):
    made = trainer()
    ids, is_vector, is_text, vectors = made.batch(0)
    assert ids.shape == is_vector.shape == is_text.shape
    assert bool(is_text[:, -1].any())  # no padding after the longest text
    assert ids.shape[1] <= 44
    assert vectors.shape == (BATCH, DIM)
    assert is_vector.sum(dim=1).tolist() == [2] * BATCH
    assert not bool((is_vector & is_text).any())
    known = {tuple(t[:n]) for t, n in zip(data.passages.tokens.tolist(), data.passages.lengths, strict=True)}
    for i in range(BATCH):
        text = tuple(ids[i][is_text[i]].tolist())
        assert any(whole[: len(text)] == text for whole in known)
        assert text[-1] == words.eos_token_id


def test_prompts_contain_words_of_the_noisy_vector(trainer, with_reader, tmp_path):
    made = trainer(using=with_reader, words=3, max_prompt_tokens=12, noise=1.0, length=54)
    rows, vectors = np.arange(20), with_reader.vectors[:20] + np.float32(0.5)
    prompts = made.prompts(rows, vectors, np.random.default_rng(5))
    read = with_reader.reader.read(vectors, 3)
    counts = []
    for row, prompt, words in zip(rows, prompts, read, strict=True):
        rest = prompt.split()
        for hint in with_reader.passages.hints[row][:2]:
            rest = rest[1:] if rest[:1] == [hint] else rest
        assert tuple(rest) == words[: len(rest)]
        counts.append(len(rest))
    assert set(counts) == {0, 1, 2, 3}
    assert trainer().prompts(rows, vectors, np.random.default_rng(5)) != prompts
    run_training(made, tmp_path, nothing)
    lines = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert all(set(line) == {"step", "train", "own", "other", "prompted", "s_per_step"} for line in lines)


def test_training_continues_a_trained_bridge(trainer, tmp_path):
    first = trainer()
    bridge = load_bridge(str(run_training(first, tmp_path, nothing)))
    second = trainer()
    assert second.evaluate()["own"] != pytest.approx(first.evaluate()["own"], rel=1e-3)
    second.start_from(bridge)
    assert second.evaluate()["own"] == pytest.approx(first.evaluate()["own"], rel=1e-2)  # stored in bfloat16
    assert second.step == 0
    assert not second.optimizer.state
    second.train_step()
    second.export(tmp_path)
    assert load_bridge(str(tmp_path)).info.steps == bridge.info.steps + 1


@pytest.fixture(scope="module")
def stopped(tiny, words, data, tmp_path_factory):
    """Return the folder of a training after two steps."""
    made = Trainer(configuration(steps=2), tiny.language_model("llama"), words, data)
    return run_training(made, tmp_path_factory.mktemp("stopped"), nothing)


def test_damaged_checkpoint_is_rejected(trainer, stopped, tmp_path):
    data = (stopped / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="damaged"):
        trainer().resume(tmp_path)


@pytest.mark.parametrize("shape", [{"hidden": 12}, {"adapter_rank": 0}, {"adapter_rank": 3}, {"placeholder_id": 4}])
def test_a_bridge_of_another_shape_is_rejected(trainer, stopped, shape):
    with pytest.raises(ModelError, match="another shape or template"):
        trainer(bridge=shape).start_from(load_bridge(str(stopped)))
    if "placeholder_id" not in shape:
        with pytest.raises(ModelError, match="shapes of the tensors do not fit"):
            trainer(bridge=shape).resume(stopped)


def test_noise_on_the_vectors_has_the_configured_limit(trainer, data):
    plain = trainer(noise=0.0).batch(0)[3].numpy()
    rows = [int(np.argmin(np.abs(data.vectors - v).sum(axis=1))) for v in plain]
    assert np.array_equal(plain, data.vectors[rows])
    moved = np.linalg.norm(trainer(noise=2.0).batch(0)[3].numpy() - plain, axis=1)
    assert (moved > 0).all()
    assert (moved < 2.0 * 2.2).all()  # a standard normal vector divided by sqrt(d) has a length near 1


def test_learning_rate_schedule(trainer):
    made = trainer(steps=12, warmup=4, decay=5, rate=0.1)
    wanted = [0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02]
    assert [made.rate(step) for step in range(12)] == pytest.approx(wanted)
    made.train_step()
    assert made.optimizer.param_groups[0]["lr"] == pytest.approx(0.025)


def test_loss_of_a_batch_equals_the_library(trainer):
    """Compare with the loss of transformers for the same embeddings, in which only the tokens of the text count."""
    made = trainer()
    ids, is_vector, is_text, vectors = made.batch(0)
    total, n = made.loss(ids, is_vector, is_text, vectors)
    embeddings = made.model.get_input_embeddings()(ids).clone()
    embeddings[is_vector] = made.projector(vectors).view(-1, 40)
    wanted = made.model(inputs_embeds=embeddings, labels=ids.masked_fill(~is_text, -100)).loss
    assert n == int(is_text.sum())
    torch.testing.assert_close(total / n, wanted, atol=1e-4, rtol=1e-5)


def test_divergence_stops_the_training_before_the_bridge_changes(trainer, data, tmp_path):
    with pytest.raises(ModelError, match="diverged at step 1"):
        trainer(using=replace(data, vectors=np.full_like(data.vectors, np.nan))).train_step()
    made = trainer(checkpoint_every=1)
    name = "projector.projector.2.bias"
    made.tensors[name].register_hook(lambda grad: grad * float("inf") if made.step == 2 else grad)
    with pytest.raises(ModelError, match="diverged at step 3"):
        run_training(made, tmp_path, nothing)
    for tensors in (load_file(tmp_path / WEIGHTS), load_file(tmp_path / STATE), made.tensors):
        assert all(bool(torch.isfinite(t).all()) for t in tensors.values())


def test_mixed_vectors_have_the_nearest_passage_as_target(trainer, data):
    made = trainer(mix=1.0, noise=0.0)
    ids, _, is_text, vectors = made.batch(0)
    known = data.vectors[: N - HELDOUT]
    nearest = ((vectors.numpy()[:, None] - known[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert not any((v == k).all() for v in vectors.numpy() for k in known)
    for i, row in enumerate(nearest):
        assert ids[i][is_text[i]].tolist() == data.passages.tokens[row, : data.passages.lengths[row]].tolist()

    plain, some = trainer(noise=0.0).batch(0), trainer(noise=0.0, mix=0.4).batch(0)  # mixing alters no other draw
    same = (plain[3] == some[3]).all(dim=1)
    assert 0 < int(same.sum()) < BATCH
    assert torch.equal(plain[0][same], some[0][same])


def test_distil_adds_the_divergence_from_the_model_given_the_text(trainer):
    """Compare with the divergence from all logits of transformers; the teacher's input is built by hand."""
    made = trainer()
    ids, is_vector, is_text, vectors = made.batch(0)
    plain, _ = made.loss(ids, is_vector, is_text, vectors)
    both, _ = made.loss(ids, is_vector, is_text, vectors, distil=0.5)
    wanted = 0.0
    for i in range(BATCH):
        row, text = ids[i], ids[i][is_text[i]]
        at = is_vector[i].nonzero()[:, 0]
        start = int(is_text[i].nonzero()[0])
        joined = torch.cat([row[: at[0]], text[text != made.tokenizer.eos_token_id], row[at[-1] + 1 : start], text])
        embedded = made.model.get_input_embeddings()(row).clone()
        embedded[is_vector[i]] = made.projector(vectors[i : i + 1])[0]
        p = made.model(inputs_embeds=embedded[None]).logits[0, start - 1 : start - 1 + len(text)].log_softmax(-1)
        q = made.model(joined[None]).logits[0, -len(text) - 1 : -1].log_softmax(-1)
        wanted += float((q.exp() * (q - p)).sum().detach())
    assert float((both - plain).detach()) == pytest.approx(0.5 * wanted, rel=1e-4)
    both.backward()
    assert all(t.grad is not None for t in made.tensors.values())
    plain, distilled = trainer(), trainer(distil=1.0)
    assert plain.evaluate() == distilled.evaluate()
    assert distilled.train_step() > plain.train_step()


@pytest.mark.parametrize("method", ["save", "export"])
def test_failed_write_keeps_the_old_file(trainer, tmp_path, monkeypatch, method):
    made, name = trainer(), STATE if method == "save" else WEIGHTS
    made.train_step()
    getattr(made, method)(tmp_path)
    before = (tmp_path / name).read_bytes()
    made.train_step()

    def half(tensors, path, metadata=None):
        path.write_bytes(before[: len(before) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(train, "save_file", half)
    with pytest.raises(OSError, match="No space"):
        getattr(made, method)(tmp_path)
    assert (tmp_path / name).read_bytes() == before


def test_too_few_passages_and_words_without_vocabulary_are_rejected(trainer):
    with pytest.raises(DataError, match="there are only 27 training passages"):
        trainer(batch=28)
    assert trainer(batch=27).batch(3)[0].shape[0] == 27
    with pytest.raises(ValueError, match=r"train\.words requires a vocabulary"):
        TrainBridgeConfig(**{**configuration(words=2).model_dump(), "vocabulary": None})
