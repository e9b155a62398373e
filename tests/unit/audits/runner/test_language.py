"""The attacks cannot read a table in another language than its source, so it passes no audit."""

import base64
import codecs
from dataclasses import replace

import numpy as np
import pytest

from audits.core.types import AuditInputs
from audits.runner.language import MAX_FOREIGN, LanguageCheck, check_language
from audits.runner.run import run

RNG = np.random.default_rng


def rot13(text):
    return codecs.encode(text, "rot13")


ENCODED = {
    "rotated by 13": rot13,
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "reversed": lambda t: t[::-1],
    "each word reversed": lambda t: " ".join(w[::-1] for w in t.split()),
    "every letter the next": lambda t: t.translate({i: i + 1 for i in range(97, 122)}),
    "without spaces": lambda t: t.replace(" ", ""),
    "hexadecimal": lambda t: t.encode().hex(),
    "other letters": lambda t: t.translate({ord(c): 0x430 + i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}),
    "half of each record": lambda t: t[: len(t) // 2] + rot13(t[len(t) // 2 :]),
}


@pytest.fixture(scope="module")
def town(people):
    sizes = {"train": 330, "control": 410, "synthetic": 300}
    return AuditInputs(**{n: people(k, seed=i + 70, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())})


def release(town, texts):
    groups = tuple(f"s{i}" for i in range(len(texts)))
    return replace(town, synthetic=replace(town.synthetic, texts=tuple(texts), groups=groups))


@pytest.mark.parametrize("how", sorted(ENCODED))
def test_encoded_text_is_foreign(town, how):
    found = check_language(release(town, [ENCODED[how](t) for t in town.train.texts]), RNG(1))
    assert found.foreign_rows > 0.5
    assert found.problems


def test_one_foreign_row_in_ten_is_detected(town):
    texts = [rot13(t) if i % 10 == 0 else t for i, t in enumerate(town.synthetic.texts)]
    found = check_language(release(town, texts), RNG(1))
    assert found.foreign_rows == pytest.approx(0.1, abs=0.02)
    assert found.problems


@pytest.mark.parametrize("how", ["rotated by 13", "base64", "hexadecimal", "other letters"])
def test_one_illegible_row_is_detected(town, how):
    texts = [ENCODED[how](t) if i == 7 else t for i, t in enumerate(town.synthetic.texts)]
    found = check_language(release(town, texts), RNG(1))
    assert (found.illegible_rows, found.quarantined, found.problems) == (1, (7,), ())


def test_legibility_is_relative_to_control_and_must_be_measurable(town):
    def changed(*names, row):
        tables = {name: getattr(town, name) for name in names}
        texts = {name: tuple(row(i, t) for i, t in enumerate(table.texts)) for name, table in tables.items()}
        return replace(town, **{name: replace(table, texts=texts[name]) for name, table in tables.items()})

    some = changed("control", "synthetic", row=lambda i, t: rot13(t) if i % 20 < 2 else t)
    assert check_language(some, RNG(1)).problems == ()
    digits = RNG(5)
    noise = changed(
        "synthetic", "train", "control", row=lambda *_: "".join(digits.choice(list("0123456789 "), size=90))
    )
    assert check_language(noise, RNG(1)).illegible_rows == 300


@pytest.mark.parametrize("order", ["as written", "words shuffled", "half of the words"])
def test_the_same_language_is_not_foreign(town, order):
    rng = RNG(2)
    change = {
        "as written": lambda t: t,
        "words shuffled": lambda t: " ".join(rng.permutation(t.split())),
        "half of the words": lambda t: " ".join(w for w in t.split() if rng.random() < 0.5) or "x",
    }[order]
    found = check_language(release(town, [change(t) for t in town.synthetic.texts]), RNG(1))
    assert found.foreign_rows < MAX_FOREIGN
    assert not found.problems
    assert not found.similarity_problems


def test_dissimilar_rows_prevent_a_pass_of_similarity_audits(town, monkeypatch):
    far = LanguageCheck(foreign_rows=0.0, illegible_rows=0, similarity=0.3, n=300)
    monkeypatch.setattr("audits.runner.run.check_language", lambda *_: far)
    report = run(town, names=["memorization", "neighbours"], seed=2)
    assert [result.verdict for result in report.results] == ["pass", "insufficient"]
    assert "is 0.30 times the similarity of train rows to control" in report.result("neighbours").reason
    assert [result.status for result in report.results] == ["measured"] * 2  # a rule may still use the interval


def test_no_audit_passes_an_encoded_table(town):
    encoded = release(town, [rot13(t) for t in town.train.texts])
    report = run(encoded, names=["memorization", "neighbours", "membership", "linkage"], seed=2)
    assert "pass" not in [result.verdict for result in report.results]
    assert any("language" in problem for problem in report.input_checks["problems"])
    assert report.input_checks["metrics"]["foreign_rows"]["value"] > 0.5
    assert report.quarantined == {}
    assert "measured" not in {result.status for result in report.results}


def test_readable_table_is_reported(town):
    report = run(town, names=["neighbours"], seed=2)
    assert report.input_checks["language"]["foreign_rows"] == 0
    assert report.input_checks["problems"] == []
    assert report.input_checks["metrics"]["foreign_rows"]["value"] == 0
