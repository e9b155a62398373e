"""A model writes one odd row: `synthgen release` removes it, counts it, and releases the others."""

import base64
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import mlcroissant
import pandas as pd
import pytest
from typer.testing import CliRunner

from audits.gate.evidence import records_digest
from audits.gate.shipped import load_policy
from audits.verify.contents import JSONL, PARQUET
from synthgen.cli.main import app
from synthgen.cli.start import start
from synthgen.core.errors import ReleaseRefused
from synthgen.release.keys import public_path
from synthgen.release.trust import new_trust

POLICY = """
name: lenient
version: "1"
intended_use: inside
statement: For tests alone.
measured: [memorization, identifiers]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 7, why: Something must be there.}
  - {id: removed, metric: records.quarantined, bound: value, op: "<=", limit: 9, why: Few rows were removed.}
  - {id: readable, metric: input_checks.foreign_rows, bound: value, op: "<=", limit: 0.05, why: It is read.}
"""
N = 15  # records that are requested, of which one may be quarantined
GREEK = str.maketrans("abcdefghijklmnoprstuvwxyz", "αβχδεφγηιξκλμνοπρστυυωχψζ")
ODD = {  # tests/unit/audits/runner/test_language.py has further encodings
    "encoded": lambda text: base64.b64encode(text.encode()).decode(),
    "in another script": lambda text: text.lower().translate(GREEK),
}
FILTERS = (
    "class_agreement",
    "embedding_distance",
    "near_duplicate",
    "language",
    "length",
    "repetition",
    "fluency",
    "coherent",
)


class OddClinic:
    """A clinic whose decoder writes `n_odd` rows in another form, and the result of `synthgen release`."""

    def __init__(self, new_bench, folder, odd, patch, n_odd=1):
        self.folder, self.n_odd, self.odd, self.n_written = folder, n_odd, [], Counter()
        bench = new_bench(folder, patch)
        decode = bench.decoder.decode

        def decode_oddly(latents, *rest, **more):
            found = decode(latents, *rest, **more)
            if found[0].latent_id.startswith("echo-"):  # a reconstruction is not released
                return found
            return tuple(replace(one, text=self.written(one, odd)) for one in found)

        bench.decoder.decode = decode_oddly
        digest = "synthgen.pipeline.stage_order.digest_of"
        patch.setattr(digest, lambda model: sha256(model.name.encode()).hexdigest())
        start(folder / "home", "newsgroup")
        key = folder / "home" / "keys" / "releaser.pem"
        (folder / "lenient.yaml").write_text(POLICY)
        changes = {"policy": "lenient.yaml", "filter": dict.fromkeys(FILTERS), "interpolate": {"total": N}}
        config = bench.job(**changes, decode={"candidates": 1}, release={"key": str(key)}).config
        (folder / "clinic.yaml").write_text(config.model_dump_json())  # JSON is valid YAML
        policies = {"lenient": [load_policy(folder / "lenient.yaml").digest()]}
        expires = datetime.now(UTC) + timedelta(days=9)
        new_trust(folder / "trust.json", roles={"releaser": [public_path(key)]}, policies=policies, expires=expires)
        self.done = CliRunner().invoke(app, ["release", str(folder / "clinic.yaml"), "--json"])

    def written(self, candidate, odd):
        """Return odd texts first; after N / 3 texts of a class, return empty texts. All others are released."""
        self.n_written[candidate.label] += 1
        if len(self.odd) == self.n_odd:
            return candidate.text if self.n_written[candidate.label] <= N // 3 else ""
        self.odd.append(odd(candidate.text))
        return self.odd[-1]

    @property
    def bundle(self):
        assert self.done.exit_code == 0, (self.done.output, self.done.exception)
        (bundle,) = (self.folder / "out").iterdir()
        return bundle


@pytest.fixture(scope="module")
def clinics(new_bench, tmp_path_factory):
    """Return a function that returns the clinic with a kind of odd row; each clinic is made once."""
    made = {}

    def release(case):
        if case not in made:
            with pytest.MonkeyPatch.context() as patch:
                made[case] = OddClinic(new_bench, tmp_path_factory.mktemp("clinic"), ODD[case], patch)
        return made[case]

    return release


@pytest.mark.parametrize("case", ODD)
def test_an_odd_row_is_removed_from_the_release_and_counted(case, clinics):
    clinic = clinics(case)
    rows = [json.loads(line) for line in (clinic.bundle / JSONL).read_text().splitlines()]
    assert (len(rows), len(clinic.odd)) == (N - 1, 1)
    assert not [row for row in rows if row["text"].split() == clinic.odd[0].split()]
    metrics = json.loads((clinic.bundle / "evidence" / "metrics.json").read_bytes())["metrics"]
    assert (metrics["records.synthetic"]["value"], metrics["records.quarantined"]["value"]) == (N - 1, 1)
    assert metrics["attempts.number"]["value"] == 1  # the second audit is the same attempt
    verified = CliRunner().invoke(app, ["verify", str(clinic.bundle), "--trust", str(clinic.folder / "trust.json")])
    assert verified.exit_code == 0, verified.output


def test_more_odd_rows_than_may_be_removed_refuse_the_release(new_bench, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        done = OddClinic(new_bench, tmp_path, ODD["encoded"], patch, n_odd=2).done
    assert isinstance(done.exception, ReleaseRefused)
    assert "readable: " in "\n".join(done.exception.problems)
    assert not (tmp_path / "out").exists()


def test_the_croissant_file_of_a_release_is_read_by_its_reader(clinics):
    bundle = clinics("encoded").bundle
    read = mlcroissant.Dataset(str(bundle / "croissant.json")).records("records")
    columns = [tuple(row[f"records/{name}"].decode() for name in ("id", "text", "label")) for row in read]
    assert columns == [tuple(json.loads(line).values()) for line in (bundle / JSONL).read_text().splitlines()]


# --- the data file of this release as a table of `synthgen evaluate`


@pytest.fixture(scope="module")
def real(clinics, tmp_path_factory):
    """Return the options of `evaluate` for real tables of the clinic."""
    folder, clinic = tmp_path_factory.mktemp("real"), clinics("encoded")
    labels = {json.loads(line)["label"] for line in (clinic.bundle / JSONL).read_text().splitlines()}
    notes = [json.loads(line) for line in (clinic.folder / "notes.jsonl").read_text().splitlines()]
    persons = sorted({note["patient_id"] for note in notes})
    options = []
    for half, name in enumerate(("train", "test")):
        rows = [
            {"text": note["note"], "label": note["specialty"], "group": note["patient_id"]}
            for note in notes
            if note["specialty"] in labels and persons.index(note["patient_id"]) % 2 == half
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        options += [f"--{name}", str(folder / f"{name}.jsonl")]
    return options


def saved(change):
    """Return a function that saves a changed frame of the released records with pandas."""

    def save(bundle, path):
        change(pd.read_parquet(bundle / PARQUET)).to_parquet(path)
        return path

    return save


SAVED = {
    "parquet of the release": lambda bundle, _: bundle / PARQUET,
    "jsonl of the release": lambda bundle, _: bundle / JSONL,
    "frame of some rows": saved(lambda frame: frame.set_index(pd.Index(range(7, 7 + len(frame))))),
    "frame indexed by id": saved(lambda frame: frame.set_index("id")),
    "frame with another column": saved(lambda frame: frame.assign(topic="x")),
}


@pytest.mark.parametrize("case", SAVED)
def test_the_data_of_a_release_are_evaluated(case, clinics, real, new_project, tmp_path):
    bundle = clinics("encoded").bundle
    table = SAVED[case](bundle, tmp_path / "table.parquet")
    encoder = new_project.folder / "models" / "encoder"
    done = CliRunner().invoke(
        app, ["evaluate", "--synthetic", str(table), *real, "--encoder", str(encoder), "--json"]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    rows = [json.loads(line) for line in (bundle / JSONL).read_text().splitlines()]
    made = json.loads(done.stdout)
    assert made["synthetic"] == records_digest([row["text"] for row in rows], [row["label"] for row in rows])
    assert made["metrics"]["utility.tstr_over_trtr"]["value"] > 0
