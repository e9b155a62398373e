from dataclasses import replace

import numpy as np
import pytest

from studies.smotext.lambdas import Pairs, along, random_pairs, write_lambdas
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate
from synthgen.decode.base import Settings

TEXTS = ("apple orchard", "banana boat", "cherry cake", "date palm", "elder flower", "figtree leaf", "grape vine")
LABELS = (*"xxxxyyy",)
LAMBDAS = (0.0, 0.25, 0.5, 1.0)
PROMPTS = {"x": "", "y": ""}
SETTINGS = Settings(prompts=PROMPTS, candidates=1, max_new_tokens=5, temperature=1.0, top_p=1.0, top_k=3, batch=2)


class WordEncoder:
    """An encoder with one axis per word of TEXTS, and one for all other words."""

    dim = 2 * len(TEXTS) + 1

    def encode(self, texts, progress=None):
        known = [w for text in TEXTS for w in text.split()]
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in text.split():
                row[known.index(word) if word in known else -1] += 1
        return out / np.linalg.norm(out, axis=1, keepdims=True)


class Reconstruction:
    """A decoder without loss: each candidate has the words whose entry of the vector is above `at_least`."""

    name = "reconstruction"

    def __init__(self, at_least=0.01):
        self.at_least, self.ids = at_least, []

    def decode(self, latents, settings, seeds, advance):
        known = [w for text in TEXTS for w in text.split()]
        self.ids.append((latents.ids, str(seeds)))
        texts = [
            " ".join(w for w, x in zip(known, vector, strict=False) if x > self.at_least)
            for vector in latents.vectors
        ]
        return tuple(
            Candidate(latent_id=name, index=c, label=label, finish="stop", text=self.changed(text, c))
            for name, label, text in zip(latents.ids, latents.labels, texts, strict=True)
            for c in range(settings.candidates)
        )

    def changed(self, text, index):
        return text


class Fixed(Reconstruction):
    """Writes the same text for every vector."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def changed(self, text, index):
        return self.text


class FirstOnly(Reconstruction):
    """Writes empty texts in every candidate after the first."""

    def changed(self, text, index):
        return "" if index else text


def pairs(rows=((0, 1), (2, 3), (4, 5))):
    return Pairs(texts=TEXTS, labels=LABELS, rows=np.array(rows))


def run(decoder=None, *, given=None, settings=SETTINGS):
    return along(WordEncoder(), decoder or Reconstruction(), settings, given or pairs(), LAMBDAS, SeedTree(3))


def test_measures_of_a_decoder_without_loss():
    rows, half = run(), 0.5**0.5
    assert [row["lambda"] for row in rows] == list(LAMBDAS)
    columns = {"says_first": [1, 1, 1, 0], "says_second": [0, 1, 1, 1], "says_both": [0, 1, 1, 0]}
    columns |= {"target": [1, (0.75 + 0.25) / np.sqrt(2 * 0.625), 1, 1]}
    columns |= {"first": [1, half, half, 0], "second": [0, half, half, 1]}
    for name, wanted in (columns | dict.fromkeys(("others", "says_both_others"), [0] * 4)).items():
        assert [row[name] for row in rows] == pytest.approx(wanted, abs=1e-6)
    assert all(row["target_low"] - 1e-9 <= row["target"] <= row["target_high"] + 1e-9 for row in rows)
    assert {row["pairs"] for row in rows} == {3}


def test_a_decoder_with_one_text_is_no_better_than_chance():
    fixed = Fixed("apple banana cherry date")
    row = run(fixed, given=pairs(((0, 1), (2, 3), (1, 3), (0, 2))))[2]
    assert row["says_both"] == row["says_both_others"] == 1
    assert row["others"] == pytest.approx((row["first"] + row["second"]) / 2)


def test_every_lambda_has_the_same_random_numbers():
    decoder = Reconstruction()
    run(decoder)
    assert len(set(decoder.ids)) == 1


def test_several_candidates_are_averaged():
    one, two = run(), run(FirstOnly(), settings=replace(SETTINGS, candidates=2))
    for a, b in zip(one, two, strict=True):
        for name in ("target", "first", "second", "says_both", "says_first"):
            assert b[name] == pytest.approx(a[name] / 2)  # each measure of an empty text is 0


def test_a_word_of_many_texts_does_not_count():
    given = replace(pairs(), texts=[f"{text} fruit tree" for text in TEXTS])
    row = run(Fixed("fruit tree"), given=given)[2]
    assert row["says_first"] == row["says_both"] == 0


def test_a_word_of_both_parents_counts_for_neither():
    shared = ("apple banana", "banana cherry", *TEXTS[2:])
    row = run(Fixed("banana"), given=replace(pairs(((0, 1), (2, 3))), texts=shared))[2]
    assert row["says_first"] == row["says_second"] == row["says_both"] == 0


INVALID_PAIRS = {((0, 1), (3, 4)): "1 pairs of two classes", ((0, 1), (2, 2)): "1 pairs of a text with itself"}
INVALID_PAIRS[((0, 1),)] = "1 pairs; at least two are needed, because each pair is compared with another pair"


@pytest.mark.parametrize(("rows", "message"), INVALID_PAIRS.items())
def test_invalid_pairs_are_refused(rows, message):
    with pytest.raises(DataError, match=message):
        pairs(rows)


def test_a_class_of_two_is_refused():
    with pytest.raises(DataError, match="no third text"):
        Pairs(texts=TEXTS[:5], labels=[*"xxxyy"], rows=np.array([(0, 1), (3, 4)]))


def test_random_pairs_use_no_text_twice_and_classes_take_turns():
    rows = random_pairs(LABELS, 3, np.random.default_rng(0))
    assert [LABELS[i] for i, _ in rows] == ["x", "y", "x"]
    assert len(set(rows.ravel().tolist())) == 6
    Pairs(texts=TEXTS, labels=LABELS, rows=rows)
    assert (rows != random_pairs(LABELS, 3, np.random.default_rng(1))).any()
    with pytest.raises(DataError, match="4 pairs are requested, but the classes have texts for only 3"):
        random_pairs(LABELS, 4, np.random.default_rng(0))
    with pytest.raises(DataError, match="the classes have texts for only 0"):
        random_pairs([*"xxyy"], 1, np.random.default_rng(0))  # a class of two is skipped


def test_the_figure_shows_both_panels(tmp_path):
    svg, png = write_lambdas(run(), tmp_path)
    text = svg.read_text(encoding="utf-8")
    for label in ("to the vector", "to the second parent", "class kept", "mentions both parents", "chance"):
        assert label in text
    assert png.is_file()
