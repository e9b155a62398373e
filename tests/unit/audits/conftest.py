"""A seeded generator of persons' texts with a Zipf vocabulary, and the tables made from it."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.attacks.identifiers.tables import read_people
from audits.cli.main import main
from audits.core.types import AuditInputs, Table

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def _vocabulary():
    rng = np.random.default_rng(7)
    return ["".join(rng.choice(SYLLABLES, size=rng.integers(2, 5))) for _ in range(3000)]


VOCABULARY = _vocabulary()
CUMULATIVE = np.cumsum(1 / np.arange(1, 3001)) / np.sum(1 / np.arange(1, 3001))  # Zipf's law


def write_people(n_people, *, seed, prefix, with_ids=False, rows=(1, 3)):
    """Return a table of people; all seeds have the same vocabulary, but different sentences."""
    rng = np.random.default_rng(seed)
    texts, groups = [], []
    for person in range(n_people):
        number = int(rng.integers(10**7, 10**8))
        for _ in range(rng.integers(rows[0], rows[1] + 1)):
            sentences = [
                " ".join(VOCABULARY[i] for i in np.searchsorted(CUMULATIVE, rng.random(rng.integers(8, 20)))) + "."
                for _ in range(rng.integers(3, 7))
            ]
            if with_ids:
                sentences.append(f"MRN: {number}, mail {VOCABULARY[person]}{number % 997}@example.org.")
            texts.append(" ".join(sentences))
            groups.append(f"{prefix}{person}")
    return Table(texts=tuple(texts), labels=None, groups=tuple(groups), has_groups=True)


def with_texts(table, texts):
    """Return the table with other texts, one person per row."""
    return replace(table, texts=tuple(texts), groups=tuple(f"s{i}" for i in range(len(texts))), labels=None)


def dropped_words(texts, rate, seed=3):
    """Return the texts with each word left out with the given rate."""
    rng = np.random.default_rng(seed)
    return [" ".join(w for w in text.split() if rng.random() >= rate) for text in texts]


@pytest.fixture
def people_of(module_at):
    """Return a function that numbers the persons of train and control texts, one person per text."""
    table = module_at("tests/unit/audits/attacks/identifiers/test_tables.py").table

    def read(made, train=("a", "b"), control=("c", "d", "e", "f")):
        return read_people(AuditInputs(synthetic=table(*made), train=table(*train), control=table(*control)))

    return read


@pytest.fixture(scope="session")
def people():
    return write_people


@pytest.fixture(scope="session")
def retexted():
    return with_texts


@pytest.fixture(scope="session")
def word_dropout():
    return dropped_words


@pytest.fixture(scope="session")
def first_rows():
    """Return a function: the first n rows of a table; passed texts replace those of the first rows."""
    return lambda t, n, *texts: replace(t, texts=(*texts, *t.texts[len(texts) : n]), groups=t.groups[:n])


@pytest.fixture(scope="session")
def mixed():
    """Return a function that makes n texts of two parents: each run of eight words is from a random one of them."""

    def mix(texts, n):
        rng, made = np.random.default_rng(5), []
        for _ in range(n):
            parents = [texts[i].split() for i in rng.choice(len(texts), 2, replace=False)]
            starts = range(0, max(map(len, parents)), 8)
            words = [word for start in starts for word in parents[int(rng.random() < 0.5)][start : start + 8]]
            made.append(" ".join(words or parents[0]))
        return made

    return mix


@pytest.fixture(scope="session")
def many_short_rows():
    """Return a function that writes tables of the given sizes; each person has a short note with a record number."""

    def write(*sizes):
        rng = np.random.default_rng(8)
        tables = []
        for size, prefix in zip(sizes, "ths", strict=True):
            words = np.array(VOCABULARY)[np.searchsorted(CUMULATIVE, rng.random((size, 40)))]
            numbers = rng.integers(10**9, 10**10, size=size)
            texts = tuple(f"{' '.join(row)}. MRN {number}" for row, number in zip(words, numbers, strict=True))
            groups = tuple(f"{prefix}{i}" for i in range(size))
            tables.append(Table(texts=texts, labels=None, groups=groups, has_groups=True))
        return tables

    return write


@pytest.fixture(scope="session")
def fresh_inputs():
    """Return 320 train, 310 control and 305 fresh people, each of whom has a record number and an address."""
    return AuditInputs(
        synthetic=write_people(305, seed=3, prefix="s", with_ids=True),
        train=write_people(320, seed=1, prefix="t", with_ids=True),
        control=write_people(310, seed=2, prefix="h", with_ids=True),
    )


@pytest.fixture(scope="session")
def corpus_folder():
    folder = os.environ.get("SYNTHGEN_DATA")
    if not folder:
        pytest.skip("SYNTHGEN_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def posts(corpus_folder):
    """Return the posts of each author without duplicates, cut to 150 words."""
    columns = pq.read_table(corpus_folder / "newsgroups20" / "train.parquet").to_pydict()
    by_author, seen = {}, set()
    for text, author in zip(columns["text"], columns["group"], strict=True):
        if text not in seen:
            by_author.setdefault(author, []).append(" ".join(text.split()[:150]))
        seen.add(text)
    return by_author


def _zipf(rng, n):
    return [VOCABULARY[i] for i in np.searchsorted(CUMULATIVE, rng.random(n))]


def write_forms(n_people, *, seed, prefix, filled=4):
    """Return a table of people with one filled form each; by default, 60 % of the words are from one of five forms.

    The ten headings of a form are the same for everybody. After each heading, a person has `filled` own words.
    """
    forms_rng, rng = np.random.default_rng(11), np.random.default_rng(seed)
    forms = [[_zipf(forms_rng, 6) for _ in range(10)] for _ in range(5)]
    texts = []
    for _ in range(n_people):
        form = forms[int(rng.integers(5))]
        fields = [[*heading, *_zipf(rng, filled)] for heading in form]
        texts.append(". ".join(" ".join(field) for field in fields))
    return Table(
        texts=tuple(texts), labels=None, groups=tuple(f"{prefix}{i}" for i in range(n_people)), has_groups=True
    )


@pytest.fixture(scope="session")
def forms():
    return write_forms


@pytest.fixture(scope="session")
def form_inputs():
    """Return 330 train, 320 control and 310 fresh people of a clinic that uses forms."""
    return AuditInputs(
        synthetic=write_forms(310, seed=23, prefix="s"),
        train=write_forms(330, seed=21, prefix="t"),
        control=write_forms(320, seed=22, prefix="h"),
    )


@pytest.fixture
def rows_of():
    """Return a function that gives the (text, person) of each row of a table."""
    return lambda table: list(zip(table.texts, table.groups, strict=True))


@pytest.fixture
def audited(tmp_path, monkeypatch, capsys):
    """Return a function that runs `audits run`: exit code, report, rows of the findings (from 0), stderr.

    A table is a list of (text, person), or a mapping of its columns. Persons in a list for `synthetic` are ignored.
    After an error, the report is the description of the error.
    """

    def run(*options, **tables):
        words = ["audits", "run", "--json", *map(str, options)]
        for name, rows in tables.items():
            columns = rows
            if isinstance(rows, list):
                texts, groups = zip(*rows, strict=True)
                columns = {"text": texts} if name == "synthetic" else {"text": texts, "group": groups}
            pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
            words += [f"--{name}", str(tmp_path / f"{name}.parquet")]
        (tmp_path / "findings.jsonl").unlink(missing_ok=True)
        words += ["--findings", str(tmp_path / "findings.jsonl"), "--findings-key", str(tmp_path / "key")]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as caught:
            main()
        output, error = capsys.readouterr()
        assert "Traceback" not in error
        lines = (
            (tmp_path / "findings.jsonl").read_text().splitlines() if (tmp_path / "findings.jsonl").exists() else []
        )
        found = map(json.loads, lines)
        return caught.value.code, json.loads(output), {finding["row"] - 1 for finding in found}, error

    return run
