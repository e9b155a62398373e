"""One released bundle, a copy to change, a verifier with its trust root, and a releaser who signs changed files."""

import hashlib
import json
import shutil

import pytest

from audits.core.strictjson import canonical
from audits.verify.bundle import verify_bundle


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def clean(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def copy(clean, tmp_path):
    return shutil.copytree(clean, tmp_path / clean.name)


@pytest.fixture
def judge(releases):
    def verify(path, trust=None, **how):
        return verify_bundle(path, releases.root() if trust is None else trust, now=releases.LATER, **how)

    return verify


@pytest.fixture
def refused(judge):
    """Return a function that checks the exit code, the last step and the message of a refused bundle."""

    def check(path, code, step, message="", trust=None):
        found = judge(path, trust)
        assert (found.ok, found.code, found.checks[-1].id) == (False, code, step), found.failure
        assert message in found.failure

    return check


@pytest.fixture
def reissue(releases):
    """Return a function that changes JSON files and the statement of a bundle, updates all digests and signs it."""

    def apply(bundle, changes=(), statement=None, *, described=True):
        for name, change in dict(changes).items():
            value = json.loads((bundle / name).read_bytes())
            change(value)
            (bundle / name).write_bytes(canonical(value))
        if described:
            croissant = json.loads((bundle / "croissant.json").read_bytes())
            for item in croissant["distribution"]:
                item["sha256"] = sha256(bundle / item["@id"])
            (bundle / "croissant.json").write_text(json.dumps(croissant))
        names = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
        names = [name for name in names if name != "SHA256SUMS" and not name.startswith("attestation/")]
        (bundle / "SHA256SUMS").write_text("".join(f"{sha256(bundle / name)}  {name}\n" for name in names))

        def update(value):
            value["predicate"]["evidence"][0]["digest"]["sha256"] = sha256(bundle / "evidence/metrics.json")
            if statement is not None:
                statement(value)

        releases.edit(bundle, update)

    return apply


@pytest.fixture
def add_file(reissue):
    """Return a function that adds a file to a bundle and to its signed statement."""

    def add(bundle, name, data):
        (bundle / name).write_bytes(data)
        entry = {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}
        reissue(bundle, (), lambda v: v.update(subject=sorted([*v["subject"], entry], key=lambda s: s["name"])))

    return add
