"""Twin experiment: one patient present or absent, the same answers to all DP queries, under `strict-dp`."""

import base64
import json
import secrets
import shutil
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
import pytest
from typer.testing import CliRunner

from audits.gate.evidence import read_evidence
from audits.ledger.chain import Chain
from audits.verify.bundle import ENVELOPE, verify_for_approval
from synthgen.cli.main import app
from synthgen.cli.start import start
from synthgen.config import Config
from synthgen.core.progress import silent
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus, Record
from synthgen.dp import measure
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import EVIDENCE
from synthgen.release import run as releasing
from synthgen.release.commitment import commit_records
from synthgen.release.run import PRIVATE_REPORT, load_run
from synthgen.split import split

pytestmark = (
    pytest.mark.slow
)  # two runs; tests/unit/audits/gate/test_independent.py covers the gate and the evidence in a second
# `strict-dp` allows a delta of at most 1e-5
CHANGES = {"policy": "strict-dp", "dp": {"epsilon": 2.0, "delta": 1e-5, "persons": 80}}


class FixedAnswers:
    """Answers each DP query with numbers that depend only on its name and on the number of earlier queries."""

    def __init__(self, _noise):
        self.calls = 0

    def __call__(self, people, query):
        (width,) = {block.shape[1] for block in people}
        self.calls += 1
        seed = int.from_bytes(sha256(f"{query.name} {self.calls}".encode()).digest()[:4], "big")
        return np.random.default_rng(seed).normal(size=width) * 8


class Clock(datetime):
    time = None  # the time of both releases

    @classmethod
    def now(cls, tz=None):
        return cls.time


def counted_tokens():
    """Return functions in place of `secrets.token_bytes` and `token_hex`: the same numbers in each run."""
    numbers = iter(range(10**6))

    def token_bytes(n=32):
        return sha256(str(next(numbers)).encode()).digest()[:n]

    return token_bytes, lambda n=32: token_bytes(n).hex()


class Twin:
    """One of two releases by the command line; `patient` is a further row of the source, or None."""

    def __init__(self, trials, new_bench, folder, keys, patient=None):
        folder.mkdir()
        shutil.copytree(keys, folder / "keys-home")
        token_bytes, token_hex = counted_tokens()
        with pytest.MonkeyPatch.context() as fixed:
            fixed.setenv("XDG_DATA_HOME", str(folder / "home"))
            fixed.setattr(secrets, "token_bytes", token_bytes)
            fixed.setattr(secrets, "token_hex", token_hex)
            fixed.setattr(measure, "PrivateMechanism", FixedAnswers)
            fixed.setattr(releasing, "datetime", Clock)
            bench = new_bench(folder, fixed)
            self.rows = trials.prepare(folder, fixed) + ([] if patient is None else [patient])
            trials.write_notes(folder, self.rows)
            trial = trials.Trial(bench, folder, "outside")
            trial.pin_shipped("strict-dp")
            path = folder / "trial.yaml"
            path.write_text(trial.config(**CHANGES).model_dump_json())  # JSON is YAML
            self.printed = CliRunner().invoke(app, ["release", str(path)], catch_exceptions=False)
            assert self.printed.exit_code == 0, self.printed.output
            self.run = load_run(Config.load(path))
            (self.bundle,) = (folder / "out").iterdir()
            self.verified = verify_for_approval(self.bundle, trial.trust)
            ledger = ledger_of(self.run.config)[0]
            self.chain = Chain(
                ledger / "attempts.jsonl", (ledger / "key").read_bytes(), (ledger / "attempts.jsonl").read_bytes()
            )
        self.evidence = read_evidence((self.run.folder("audit") / EVIDENCE).read_bytes())
        self.commitment_key = next(self.run.workspace.root.glob("commitment-*.key")).read_bytes()

    def side(self, role):
        """Return the records of train or control before the release, with replaced identifiers."""
        return read_corpus(self.run.folder("deidentify") / f"{role}.parquet", role)

    def files(self):
        return {str(p.relative_to(self.bundle)): p.read_bytes() for p in self.bundle.rglob("*") if p.is_file()}

    def statement(self):
        return json.loads(base64.b64decode(json.loads((self.bundle / ENVELOPE).read_bytes())["payload"]))

    def private_report(self):
        return (self.run.workspace.root / PRIVATE_REPORT).read_text()


def copied(twin):
    """Return a row of a new patient of train whose note is a released text, so that a rule on copies would refuse."""
    seeds, template = Job(twin.run.config, twin.run.workspace, silent).seeds.child("split"), twin.rows[0]
    names = [f"p9{i:04d}" for i in range(40)]
    records = tuple(
        Record(id=name, text=f"{name} {i}" * 9, label="cardiology", group=name) for i, name in enumerate(names)
    )
    drawn = split(Corpus(role="train", records=records, has_groups=True), twin.run.config.split, seeds)
    text = next(json.loads(line)["text"] for line in twin.files()["data/train-00000-of-00001.jsonl"].splitlines())
    return {**template, "patient_id": drawn.train.records[0].group, "note_id": "n99999", "note": text}


@pytest.fixture(scope="module")
def twins(trials, new_bench, tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    start(folder / "keys-home", "newsgroup")
    Clock.time = datetime.now(UTC).replace(microsecond=0)
    absent = Twin(trials, new_bench, folder / "absent", folder / "keys-home")
    return absent, Twin(trials, new_bench, folder / "present", folder / "keys-home", copied(absent))


def differences(one, other, path=()):
    """Return the paths at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        return [place for key in one for place in differences(one[key], other[key], (*path, key))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            place for i, pair in enumerate(zip(one, other, strict=True)) for place in differences(*pair, (*path, i))
        ]
    return [] if one == other else [path]


def test_private_records_differ_and_an_audit_would_have_refused_one_of_the_twins(twins):
    absent, present = twins
    assert len(present.side("train")) == len(absent.side("train")) + 1
    hits = [twin.evidence.metrics["memorization.hard_hits"].value for twin in twins]
    assert hits[0] == 0 < hits[1]
    for twin in twins:
        assert twin.verified.statement is not None, twin.verified.failure


def test_bundles_differ_only_in_keyed_digests(twins):
    absent, present = twins
    one, other = absent.files(), present.files()
    assert set(one) == set(other)
    assert [name for name in one if one[name] != other[name]] == [ENVELOPE]  # the statement and its signature
    stated = ("predicate", "inputs", 0, "commitment", "root"), ("predicate", "attempts", "ledger", "head")
    assert sorted(differences(absent.statement(), present.statement()), key=str) == sorted(stated, key=str)


def test_the_differing_digests_are_keyed(twins):
    for twin in twins:
        predicate = twin.statement()["predicate"]
        for given in predicate["inputs"]:
            texts = twin.side(given["role"]).texts
            assert commit_records(given["role"], texts, twin.commitment_key)["commitment"] == given["commitment"]
            other = commit_records(given["role"], texts, b"x" * 32)["commitment"]
            assert not {other["root"], other["keyRef"]} & set(given["commitment"].values())
        head = predicate["attempts"]["ledger"]
        assert head == twin.chain.head(head["entries"]).model_dump(exclude={"version"})  # HMAC with the ledger's key
        assert predicate["attempts"]["number"] is None


def test_only_the_owner_reads_what_the_audits_found(twins):
    absent, present = twins
    found = present.private_report()
    body = found.split("<main")[1]
    assert body.index("Warning.") < body.index("Released")
    assert "memorization: 1" in body.split("Released")[0]
    assert "your decision is itself a disclosure" in body
    assert "WARNING The audits found passages or identifiers" in present.printed.output
    assert "memorization: 1" not in absent.private_report()
    assert all(number in found for number in ("real train records", "membership"))
    for name, data in present.files().items():
        assert b"Warning" not in data, name
