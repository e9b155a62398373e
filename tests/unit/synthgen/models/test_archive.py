import io
import json
import shutil
import tarfile
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelError, ModelMissing, StorageError, SynthGenError, UsageError
from synthgen.models.archive import export_model, import_model
from synthgen.models.store import MANIFEST, digest_of, model_folder


@pytest.fixture
def exported(pulled, tmp_path):
    """Return the exported tiny model; the store is empty."""
    target = export_model("tiny", tmp_path / "tiny.tar")
    shutil.rmtree(pulled)
    return target


def members_of(path):
    with tarfile.open(path) as archive:
        return [(info, archive.extractfile(info).read()) for info in archive.getmembers()]


def write(path, members):
    with tarfile.open(path, "w") as archive:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return path


def plain(name, data=b"x", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, data


def names(store):
    return sorted(p.name for p in store.glob("*"))


def test_imported_model_equals_the_exported_one_and_replaces_a_damaged_one(tiny, exported):
    folder = import_model(exported)
    assert folder == model_folder("tiny")
    assert {path: (folder / path).read_bytes() for path in tiny.files} == tiny.files
    digest_of(folder)
    (folder / "config.json").write_text("damaged")
    digest_of(import_model(exported))
    assert names(tiny.store) == ["tiny"]


def test_export_is_reproducible(pulled, tmp_path):
    one = export_model("tiny", tmp_path / "a.tar").read_bytes()
    (pulled / "config.json").touch()
    assert export_model("tiny", tmp_path / "b.tar").read_bytes() == one
    for info, _ in members_of(tmp_path / "a.tar"):
        assert (info.mtime, info.uid, info.gid, info.uname, info.mode) == (0, 0, 0, "", 0o644)


def test_only_models_in_the_store_are_exported(store, tmp_path):
    with pytest.raises(UsageError, match="there is no model 'nobody/nothing' to export"):
        export_model("nobody/nothing", tmp_path / "x.tar")
    with pytest.raises(ModelMissing):
        export_model("minilm", tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()


@pytest.mark.parametrize("size", [5, 23])
def test_damaged_model_is_not_exported(tiny, pulled, tmp_path, size):
    assert len(tiny.files["config.json"]) == 23
    (pulled / "config.json").write_bytes(b"?" * size)
    with pytest.raises(ModelError):
        export_model("tiny", tmp_path / "x.tar")
    assert names(tmp_path) == ["store"]


def test_interrupted_export_leaves_no_file(pulled, tmp_path, monkeypatch):
    monkeypatch.setattr(tarfile.TarFile, "addfile", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        export_model("tiny", tmp_path / "x.tar")
    assert names(tmp_path) == ["store"]


HOSTILE = {
    "symbolic link": plain("tiny/link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
    "hard link": plain("tiny/link", kind=tarfile.LNKTYPE, link="tiny/config.json"),
    "device": plain("tiny/null", kind=tarfile.CHRTYPE),
    "pipe": plain("tiny/pipe", kind=tarfile.FIFOTYPE),
    "folder": plain("tiny/sub", kind=tarfile.DIRTYPE),
    "parent": plain("tiny/../../outside"),
    "parent first": plain("../tiny/outside"),
    "absolute": plain("/tiny/outside"),
    "no folder": plain("tiny"),
    "no name": plain("."),
    "twice": plain("tiny/config.json"),
    "twice, written otherwise": plain("tiny//config.json"),
    "two models": plain("other/config.json"),
    "unknown model": plain("unknown/config.json"),
}


# key of `HOSTILE` -> start of the problem, for the members that are plain files
PROBLEMS = dict.fromkeys(("twice", "twice, written otherwise"), "two members have the same path")
PROBLEMS |= dict.fromkeys(("two models", "unknown model"), "the file contains 2 models, but must contain exactly one")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("first", [True, False])
def test_archives_with_other_members_are_rejected(tiny, exported, tmp_path, hostile, first):
    import_model(exported)
    before = digest_of(tiny.store / "tiny")
    members = members_of(exported)
    members.insert(0 if first else len(members), HOSTILE[hostile])
    with pytest.raises(
        ModelError, match="must contain exactly one model that `synthgen models list` names"
    ) as rejected:
        import_model(write(tmp_path / "bad.tar", members))
    (problem,) = rejected.value.problems
    assert problem.startswith(PROBLEMS.get(hostile, "1 members are not plain files in the folder of the model"))
    assert "`synthgen models export`" in rejected.value.hint
    assert names(tiny.store) == ["tiny"]
    assert digest_of(tiny.store / "tiny") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.tar", "store", "tiny.tar"]


def manifest_with(members, digest):
    """Return the manifest with another digest of config.json, or without config.json."""
    manifest = json.loads(members[MANIFEST])
    entry = manifest["files"].pop("config.json")
    manifest["files"] |= {"config.json": entry | {"sha256": digest}} if digest else {}
    return json.dumps(manifest).encode()


EVIL = b'{"model_type": "evil"}\n'
# name of the change -> function from the members of the archive to the changed members; None deletes a member
CHANGES = {
    "flipped bit": lambda m: {"model.safetensors": b"\1" + m["model.safetensors"][1:]},
    "changed file and manifest": lambda m: {"config.json": EVIL, MANIFEST: manifest_with(m, sha256_bytes(EVIL))},
    "missing file": lambda _: {"config.json": None},
    "missing file and manifest entry": lambda m: {"config.json": None, MANIFEST: manifest_with(m, None)},
    "added file": lambda _: {"adapter_config.json": b"{}"},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("there", [True, False])
def test_changed_archives_are_rejected_and_change_nothing(tiny, exported, tmp_path, change, there):
    if there:
        import_model(exported)
    members = {info.name.removeprefix("tiny/"): data for info, data in members_of(exported)}
    changed = {name: data for name, data in (members | CHANGES[change](members)).items() if data is not None}
    bad = write(tmp_path / "bad.tar", [plain(f"tiny/{name}", data) for name, data in changed.items()])
    with pytest.raises(ModelError):
        import_model(bad)
    assert names(tiny.store) == (["tiny"] if there else [])
    if there:
        digest_of(model_folder("tiny"))


@pytest.mark.parametrize("manifest", [None, b"{", b'{"files": {}}'])
def test_the_manifest_of_an_archive_is_not_read(tiny, exported, tmp_path, manifest):
    members = {info.name: data for info, data in members_of(exported)} | {f"tiny/{MANIFEST}": manifest}
    given = [plain(name, data) for name, data in members.items() if data is not None]
    digest_of(import_model(write(tmp_path / "other.tar", given)))
    assert {path: (tiny.store / "tiny" / path).read_bytes() for path in tiny.files} == tiny.files


@pytest.mark.parametrize("data", [b"", b"no tar at all", b"\x1f\x8b" + b"\0" * 600, b"\0" * 10240])
def test_other_files_are_rejected(tiny, tmp_path, data):
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(ModelError):
        import_model(tmp_path / "x.tar")
    assert names(tiny.store) == []


def test_missing_files_and_folders_are_storage_errors(pulled, tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        export_model("tiny", tmp_path / "none" / "x.tar")
    with pytest.raises(StorageError, match=r"cannot be read or unpacked \(No such file"):
        import_model(tmp_path / "none.tar")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_truncated_archive_is_rejected(tiny, exported, share):
    data = exported.read_bytes()
    exported.write_bytes(data[: int(len(data.rstrip(b"\0")) * share)])
    with pytest.raises(ModelError):
        import_model(exported)
    assert names(tiny.store) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_archive_with_one_changed_byte_is_rejected_or_equal(tiny, exported, tmp_path, data):
    intact = exported.read_bytes()
    place = data.draw(st.integers(0, len(intact) - 1))
    bad = bytearray(intact)
    bad[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "bad.tar").write_bytes(bad)
    try:
        folder = import_model(tmp_path / "bad.tar")
    except SynthGenError:
        assert names(tiny.store) in ([], ["tiny"])
    else:
        assert {path: (folder / path).read_bytes() for path in tiny.files} == tiny.files
