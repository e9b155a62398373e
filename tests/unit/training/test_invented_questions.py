"""Questions written by the grammar are varied, contain no identifiers and do not occur in the evaluation corpora."""

import os
import re
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from invented.grammar import Grammar
from invented.questions import questions
from invented.topics import PARTS, topics
from invented.wording import Deck, compose, distinct

from synthgen.core.errors import InternalError

WORDS = {questions: (4, 20)}
WRITERS = pytest.mark.parametrize("write", WORDS, ids=lambda write: write.__name__)
RUN = 8
MOST = 0.03
UNSEEN = ("newsgroups20", "ag_news", "sst2", "yelp_augpe", "trec")


@cache
def texts(write):
    return write(2000, np.random.default_rng(7))


def runs(text):
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


@WRITERS
def test_two_thousand_texts_differ_have_the_right_length_and_no_stock_phrase(write):
    found = texts(write)
    assert len(set(found)) == 2000
    low, high = WORDS[write]
    assert [n for n in (len(text.split()) for text in found) if not low <= n <= high] == []
    counts = Counter(chain.from_iterable(runs(text) for text in found))
    assert {run: n for run, n in counts.items() if n > MOST * 2000} == {}


@WRITERS
def test_texts_have_no_grammar_mark_and_no_identifier(write):
    marks = re.compile(r"[{}\[\]|~]|<\w+>|@|https?:|www\.|\d{5,}|\d{3}-\d{3,}")
    assert [text for text in texts(write) if marks.search(text)] == []


@WRITERS
def test_the_random_stream_decides_the_texts(write):
    assert write(30, np.random.default_rng(3)) == write(30, np.random.default_rng(3))
    assert write(30, np.random.default_rng(3)) != write(30, np.random.default_rng(4))


def test_topics_are_many_and_complete():
    assert len(topics()) >= 60
    assert len({topic.name for topic in topics()}) == len(topics())
    for topic in topics():
        assert set(PARTS) <= set(topic.phrases) <= {*PARTS, "goods"}, topic.name
        assert all(len(texts) >= 3 and "" not in texts for texts in topic.phrases.values()), topic.name


def test_a_kept_word_is_repeated_and_the_other_differs():
    grammar = Grammar({"two": ("<pet> and <pet> meet a <other_pet>",), "pet": ("owl", "ape", "cat")})
    for seed in range(20):
        first, second, third = re.findall("owl|ape|cat", compose(grammar, "two", np.random.default_rng(seed)).lower())
        assert first == second != third


def test_articles_and_capitals():
    grammar = Grammar({"text": ("a owl and a unit. a hour... and so on! ok? a used egg",)})
    written = compose(grammar, "text", np.random.default_rng(0))
    assert written == "An owl and a unit. An hour... and so on! Ok? A used egg"


def test_a_deck_repeats_no_card():
    grammar = Grammar({"all": ("{card} {card} {card}",), "card": Deck(("one", "two", "three"))})
    assert sorted(compose(grammar, "all", np.random.default_rng(1)).lower().split()) == ["one", "three", "two"]


def test_too_few_texts_are_an_error():
    with pytest.raises(InternalError, match="fewer than 2 different texts of 1 to 3 words"):
        distinct(2, lambda: "only this", 1, 3)
    with pytest.raises(InternalError, match="fewer than 1"):  # a text that repeats itself is rejected
        distinct(1, lambda: "so it goes on and so it goes on", 1, 30)


@pytest.mark.corpus
def test_nothing_occurs_in_the_corpora_that_stay_unseen():
    if "SYNTHGEN_DATA" not in os.environ:
        pytest.skip("SYNTHGEN_DATA does not say where the real text sets are")
    from pyarrow import parquet

    data = Path(os.environ["SYNTHGEN_DATA"])
    ours = set(chain.from_iterable(runs(text) for write in WORDS for text in texts(write)[:500]))
    common = set()
    for name in UNSEEN:
        for text in parquet.read_table(data / name / "test.parquet", columns=["text"])["text"].to_pylist():
            words = re.findall(r"[a-z0-9']+", text.lower())
            common |= ours.intersection(zip(*(words[i:] for i in range(RUN)), strict=False))
    assert common == set()
