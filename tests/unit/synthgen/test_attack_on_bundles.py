"""Attack whole bundles: nothing public may be computable from values that can be guessed.

There are two releases of the same source, code and seed. The streams of one depend on a secret. The streams of the
other depend on the seed alone, so the attacks must succeed on it.
"""

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from synthgen.cli.publish import publish
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_corpus
from synthgen.pipeline.job import Job
from synthgen.pipeline.prepare import load_source, split_source
from synthgen.pipeline.record import read_record
from synthgen.pipeline.workspace import Workspace
from synthgen.release.keys import write_new
from synthgen.release.run import load_run

SECRET = hashlib.sha256(b"of these tests 1").digest()
PRIVATE = {"secret": "workspace", "workspace": "private-ws", "release": {"out": "private-out"}}


@pytest.fixture(scope="module")
def attack(module_at):
    return module_at("benchmarks/attack.py")


@pytest.fixture(scope="module")
def both(run_project, tmp_path_factory):
    """Configurations and bundles of a project that is released twice, with and without a secret."""
    folder = tmp_path_factory.mktemp("attacked") / "trial"
    project = type(run_project)(Path(shutil.copytree(run_project.folder, folder)))
    configs = {"public": project.config(), "private": project.config(**PRIVATE)}
    (folder / "private-ws").mkdir(mode=0o700)  # with this secret, every class is in train and in control
    write_new(folder / "private-ws" / "secret.key", SECRET, 0o600)
    made = {name: publish(config, resume="auto", stream=io.StringIO()).bundle for name, config in configs.items()}
    return {name: (config, made[name]) for name, config in configs.items()}


@pytest.fixture(scope="module")
def played(attack, both):
    """The results of the attacks on both releases, by name."""
    lines = {name: attack.play(*given, n_guesses=300, n_persons=400) for name, given in both.items()}
    return {name: {line.name: line for line in found} for name, found in lines.items()}


def public_of(attack, both, name):
    return attack.read_public(both[name][1])


def test_release_with_public_streams_is_fully_attackable(played):
    lines = played["public"]
    assert lines["the real seed, given"].value == 1
    assert lines["guessed seeds"].value == 0.5  # ids depend only on the records, so they confirm no guess
    assert lines["all together"].value > 0.9


@pytest.mark.parametrize(
    "name", ["guessed seeds", "the real seed, given", "digests of ids, texts, tables", "order of the rows"]
)
def test_release_with_a_secret_resists_all_attacks(played, name):
    assert not played["private"][name].beats
    assert played["private"]["guessed seeds"].value == 0.5


@pytest.mark.parametrize("name", ["public", "private"])
def test_no_file_contains_the_seed_or_the_secret(attack, both, name):
    config, _ = both[name]
    public = public_of(attack, both, name)
    blob = b"\n".join(public.files.values())
    assert (config.seed, 31337 in public.numbers, b"31337" in blob) == (31337, False, False)
    if name == "private":
        secret = (config.resolve(config.workspace) / "secret.key").read_bytes()
        root = SeedTree(31337, secret=secret)
        keys = [root.key(), *(root.child(name).key() for name in ("audit", "split", "release-id"))]
        for key in (secret, *keys, hashlib.sha256(secret).digest()):
            assert key not in blob
            assert key.hex()[:12].encode() not in blob.lower()
            assert not {int.from_bytes(key[:4], "big"), int.from_bytes(key, "big")} & set(public.numbers)


def test_no_digest_of_private_data_is_public(attack, both):
    for name, (config, _) in both.items():
        blob = b"\n".join(public_of(attack, both, name).files.values()).lower()
        run = load_run(config)
        source = read_corpus(run.folder("load") / "records.parquet", "source")
        values = {v for r in source.records for v in (r.id, r.group, r.text, r.text.strip(), r.text + "\n")}
        kinds, root = ("md5", "sha1", "sha256", "blake2b"), config.resolve(config.workspace)
        digests = {hashlib.new(kind, v.encode()).hexdigest() for v in values for kind in kinds}
        digests |= {stage.digest for stage in run.record.stages} | {run.record.digest, config.digest(), source.digest}
        tables = root.rglob("*.parquet")
        private = (p for p in tables if p.parent.name.split("-")[0] in {"load", "split", "deidentify"})
        digests |= {hashlib.sha256(p.read_bytes()).hexdigest() for p in private}
        assert not [digest for digest in digests if digest[:12].encode() in blob]


def test_order_and_ids_reveal_nothing(attack, both):
    ids, other_ids = ([row["id"] for row in public_of(attack, both, name).rows] for name in ("private", "public"))
    assert (ids, {len(id_) for id_ in ids}) == (sorted(ids), {16})
    assert not set(ids) & set(other_ids)


def test_bundle_states_whether_its_streams_are_public(attack, both):
    sentence = "anyone who guesses the seed can compute who was in train"
    for name in ("public", "private"):
        public = public_of(attack, both, name)
        assert public.metrics["secret.private"]["value"] == (name == "private")
        pages = ("README.md", "report/report.html", "attestation/payload")
        assert [sentence.encode() in public.files[page] for page in pages] == [name == "public"] * 3
        assert b"secret" not in public.files["provenance/config.redacted.yaml"]  # only the evidence states it


def test_split_is_reproducible_only_with_the_secret(both, tmp_path):
    config, _ = both["private"]

    def train(name, secret):
        workspace = Workspace(tmp_path / name)
        if secret is not None:
            write_new(workspace.root / "secret.key", secret, 0o600)
        job = Job(config, workspace, silent)
        return read_corpus(split_source(job, load_source(job, None)).folder / "train.parquet", "train")

    secret = (config.resolve(config.workspace) / "secret.key").read_bytes()
    before = read_corpus(load_run(config).folder("split") / "train.parquet", "train")
    assert (train("copy", secret) == before, train("other", None) == before) == (True, False)


def test_statement_contains_the_attempt_number_and_the_ledger_head(attack, both):
    for n, name in enumerate(("public", "private"), start=1):
        stated = json.loads(public_of(attack, both, name).files["attestation/payload"])["predicate"]["attempts"]
        assert stated["number"] == n  # another attempt on the same patients, although the secret differs
        assert stated["ledger"]["entries"] == n
    record = read_record(both["private"][0].resolve("private-ws"))
    assert record.stage("audit").attempt not in json.dumps(stated)


def test_attacks_detect_planted_leaks(attack, both):
    """Check each attack that finds nothing in real bundles on a bundle with a planted leak."""
    config, bundle = both["private"]
    public, known = attack.read_public(bundle), attack.read_known(config, 400)
    texts = known.texts
    train = [p for p, is_in in zip(known.persons, known.is_train, strict=True) if is_in]
    order = list(dict.fromkeys(r.group for r in known.source.records))
    ordered = enumerate(sorted(train, key=order.index))
    leaky = public._replace(rows=[{"id": f"{i:032x}", "text": texts[p][0], "label": "x"} for i, p in ordered])
    for name in ("similarity of the texts", "order of the rows"):
        scores = attack.ATTACKS[name](leaky, known, 0)
        assert attack.judged(name, scores, known.is_train, 0.4, 0.6).beats, name
    train_table, control_table = attack.sides(known)
    counts = f"train {len(train_table)} control {len(control_table)}".encode()
    leaky = public._replace(files={**public.files, "report/report.html": counts})
    scores = attack.by_counts(leaky, known, 0)
    assert attack.judged("counts", scores, known.is_train, 0.4, 0.6).beats
    digest = hashlib.sha256(train[0].encode()).hexdigest().encode()
    leaky = public._replace(files={**public.files, "report/report.json": digest})
    assert np.argmax(attack.by_digests(leaky, known, 0)) == 0
