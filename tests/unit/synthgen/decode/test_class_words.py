import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.config import Config
from synthgen.core.errors import ConfigError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.decode import class_words as module
from synthgen.decode.class_words import TokenBiases, token_biases
from synthgen.pipeline.decoders import biases_of_classes

N_TOKENS = 9


class Numbers:
    """A tokenizer for texts of numbers: each number is the id of a token."""

    def __len__(self):
        return N_TOKENS

    def __call__(self, texts, *, add_special_tokens):
        assert not add_special_tokens
        return SimpleNamespace(input_ids=[[int(word) for word in text.split()] for text in texts])


def corpus(*rows):
    """Return records with the (label, person, text) of each row."""
    records = tuple(Record(id=f"r{i}", text=t, label=x, group=p) for i, (x, p, t) in enumerate(rows))
    return Corpus(role="train", records=records, has_groups=True)


def learnt(*rows):
    return token_biases(corpus(*rows), Numbers(), SeedTree(3))


def by_hand(rows, least):
    """Return {(label, token): bias} by the formula, one token at a time."""
    labels, found = sorted({label for label, *_ in rows}), {}
    for token in range(N_TOKENS):
        users = {person for _, person, text in rows if str(token) in text.split()}
        p_of = {}
        for label in labels:
            shares = []
            for person in {p for x, p, _ in rows if x == label}:
                words = " ".join(t for x, p, t in rows if (x, p) == (label, person)).split()
                shares.append(Counter(words)[str(token)] / max(1, len(words)))
            p_of[label] = sum(shares) / len(shares)
        p = sum(p_of.values()) / len(labels)
        for label in labels if len(users) >= least else ():
            found[label, token] = 0.5 * max(-3, min(3, math.log((p_of[label] + 2e-5) / (p + 2e-5))))
    return found


TEXTS = st.lists(st.integers(0, N_TOKENS - 1), min_size=1, max_size=6).map(lambda ids: " ".join(map(str, ids)))
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("pqrstu"), TEXTS), min_size=2, max_size=14)


@settings(max_examples=80, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_biases_follow_the_formula(rows, least):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MIN_PERSONS", least)
        words = learnt(*rows)
    if words is None:
        assert len({label for label, *_ in rows}) == 1
        return
    found = {
        (label, token): bias
        for label, row in words.biases.items()
        for token, bias in zip(words.tokens, row.tolist(), strict=True)
    }
    assert found == pytest.approx(by_hand(rows, least), abs=1e-6)


def test_a_token_of_few_persons_has_no_bias():
    common = [(label, f"{label}{i}", "1 2") for label in "ab" for i in range(6)]
    seven = [("a", f"s{i}", "5 1") for i in range(7)]
    repeated = ("a", "s0", "5 5 5 5 5 5 5 5 5 5")  # many uses by one person
    assert 5 not in learnt(*common, *seven, repeated).tokens
    eighth = learnt(*common, *seven, ("a", "s7", "5 1"))
    assert eighth.biases["a"][eighth.tokens.index(5)] > 0.3
    assert eighth.biases["b"][eighth.tokens.index(5)] == pytest.approx(-1.5)  # STRENGTH · -LIMIT


def test_nothing_is_learnt_from_one_class_or_empty_texts():
    assert learnt(*[("a", f"p{i}", "1 2") for i in range(20)]) is None
    assert learnt(*[(label, f"{label}{i}", "") for label in "ab" for i in range(20)]) is None


def test_a_random_sample_of_many_records_is_counted(monkeypatch):
    rows = [(label, f"{label}{i}", f"{i % 9} {i % 2}") for label in "ab" for i in range(60)]
    whole = learnt(*rows)
    monkeypatch.setattr(module, "MAX_RECORDS", 60)
    sampled = learnt(*rows)
    assert sampled.digest == learnt(*rows).digest != whole.digest
    assert token_biases(corpus(*rows), Numbers(), SeedTree(4)).digest != sampled.digest
    monkeypatch.setattr(module, "MAX_RECORDS", 120)
    assert learnt(*rows).digest == whole.digest


def test_a_class_without_counted_records_has_no_bias(monkeypatch):
    monkeypatch.setattr(module, "MAX_RECORDS", 60)
    words = learnt(*[("ab"[i % 2], f"p{i}", "1 2") for i in range(2000)], ("rare", "q", "3"))
    assert words.rows(["rare"]).tolist() == [[0, 0]]


def test_labels_select_rows():
    words = TokenBiases((2, 7), {"a": np.array([1, -1], np.float32), "b": np.array([0, 2], np.float32)})
    assert words.rows(["b", "a", "b"]).tolist() == [[0, 2], [1, -1], [0, 2]]
    assert words.for_labels({"a\nplan": "a"}).rows(["a\nplan"]).tolist() == [[1, -1]]
    changed = TokenBiases((2, 7), {**words.biases, "b": np.array([0, 3], np.float32)})
    assert len({words.digest, changed.digest, TokenBiases((2, 8), words.biases).digest}) == 3


SERVER = {"writer": "prompt", "engine": "endpoint", "endpoint": {"url": "http://127.0.0.1/v1", "model": "m"}}
LABELLED = {"path": "n.jsonl", "labels": ["a", "b"], "group": "patient"}
PRIVATE = {
    "interpolate": {"method": "dp-gaussian", "total": 9}, "dp": {"epsilon": 1, "delta": 1e-6, "persons": 500},
    "filter": {"length": None},
}  # fmt: skip


def parsed(decode, **sections):
    return Config.parse({"version": 1, "source": LABELLED, "interpolate": {"total": 9}, "decode": decode, **sections})


def test_class_words_are_used_where_the_loop_computes_logits():
    assert parsed({}).decode.uses_class_words
    assert parsed({"engine": "transformers"}).decode.uses_class_words
    assert not parsed({"class_words": False}).decode.uses_class_words
    assert not parsed(SERVER).decode.uses_class_words
    for decode in (SERVER, {"engine": "vllm"}):
        with pytest.raises(ConfigError, match="does not support class words"):
            parsed({**decode, "class_words": True})


def test_class_words_are_refused_under_dp(monkeypatch):
    config = parsed({}, **PRIVATE)
    assert config.decode.class_words is None
    # under DP, no biases are learned from train, even if train has texts
    monkeypatch.setattr("synthgen.pipeline.decoders.load_tokenizer", lambda _: pytest.fail("train is read"))
    assert biases_of_classes(SimpleNamespace(config=config), corpus(("a", "p", "1 2"), ("b", "q", "3"))) is None
    with pytest.raises(ConfigError, match=r"class_words counts words of the records \(remove this key\)"):
        parsed({"class_words": True}, **PRIVATE)
