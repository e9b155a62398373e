import io
import json
import shutil
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ModelError, ModelMissing, StorageError, SynthGenError, UsageError
from synthgen.models.archive import export_model, import_model
from synthgen.models.store import MANIFEST, digest_of, model_folder


@pytest.fixture
def exported(pulled, tmp_path):
    """The tiny model as one file, taken out of a store that is empty now."""
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
    return sorted(p.name for p in store.iterdir()) if store.exists() else []


def test_a_model_goes_out_and_comes_in_as_it_was(tiny, exported):
    folder = import_model(exported)
    assert folder == model_folder("tiny")
    assert {path: (folder / path).read_bytes() for path in tiny.files} == tiny.files
    digest_of(folder)
    assert names(tiny.store) == ["tiny"]


def test_the_file_is_the_same_bytes_each_time(pulled, tmp_path):
    one = export_model("tiny", tmp_path / "a.tar").read_bytes()
    (pulled / "config.json").touch()
    assert export_model("tiny", tmp_path / "b.tar").read_bytes() == one
    for info, _ in members_of(tmp_path / "a.tar"):
        assert (info.mtime, info.uid, info.gid, info.uname, info.mode) == (0, 0, 0, "", 0o644)


def test_an_import_takes_the_place_of_what_was_there(exported):
    folder = import_model(exported)
    (folder / "config.json").write_text("damaged")
    digest_of(import_model(exported))


def test_only_models_of_the_store_go_out(store, tmp_path):
    with pytest.raises(UsageError, match="only models of the store"):
        export_model("nobody/nothing", tmp_path / "x.tar")
    with pytest.raises(ModelMissing):
        export_model("minilm", tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()


@pytest.mark.parametrize("data", [b"short", None])
def test_a_damaged_model_does_not_go_out(tiny, pulled, tmp_path, data):
    same_size = b"?" * len(tiny.files["config.json"])
    (pulled / "config.json").write_bytes(same_size if data is None else data)
    with pytest.raises(ModelError):
        export_model("tiny", tmp_path / "x.tar")
    assert names(tmp_path) == ["store"]


def test_a_file_that_cannot_be_written_is_told(pulled, tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        export_model("tiny", tmp_path / "none" / "x.tar")


def test_a_stop_while_writing_leaves_no_file(pulled, tmp_path, monkeypatch):
    def stopped(self, info, file):
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "addfile", stopped)
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


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("first", [True, False])
def test_anything_but_plain_files_of_one_model_is_refused(tiny, exported, tmp_path, hostile, first):
    import_model(exported)
    before = digest_of(tiny.store / "tiny")
    members = members_of(exported)
    members.insert(0 if first else len(members), HOSTILE[hostile])
    with pytest.raises(ModelError, match="must contain only plain files of one known model"):
        import_model(write(tmp_path / "bad.tar", members))
    assert names(tiny.store) == ["tiny"]
    assert digest_of(tiny.store / "tiny") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.tar", "store", "tiny.tar"]


def damaged(exported, tmp_path, change):
    """Write the archive with the changed contents, by path inside the model."""
    members = {info.name.removeprefix("tiny/"): data for info, data in members_of(exported)}
    change(members)
    return write(tmp_path / "bad.tar", [plain(f"tiny/{name}", data) for name, data in members.items()])


def flip(members):
    members["model.safetensors"] = bytes([members["model.safetensors"][0] ^ 1]) + members["model.safetensors"][1:]


def flip_and_agree(members):
    """Change a file and the manifest with it, as somebody on the way could."""
    import hashlib

    members["config.json"] = members["config.json"].replace(b"tiny", b"evil")
    manifest = json.loads(members[MANIFEST])
    manifest["files"]["config.json"]["sha256"] = hashlib.sha256(members["config.json"]).hexdigest()
    members[MANIFEST] = json.dumps(manifest).encode()


def leave_out(members):
    del members["config.json"]


def leave_out_and_agree(members):
    del members["config.json"]
    manifest = json.loads(members[MANIFEST])
    del manifest["files"]["config.json"]
    members[MANIFEST] = json.dumps(manifest).encode()


def add(members):
    members["adapter_config.json"] = b"{}"


def drop_manifest(members):
    del members[MANIFEST]


def spoil_manifest(members):
    members[MANIFEST] = b"{"


def empty_manifest(members):
    members[MANIFEST] = b'{"files": {}}'


def manifest_of_words(members):
    members[MANIFEST] = b'{"files": {"config.json": "yes"}}'


@pytest.mark.parametrize(
    "change",
    [
        flip,
        flip_and_agree,
        leave_out,
        leave_out_and_agree,
        add,
        drop_manifest,
        spoil_manifest,
        empty_manifest,
        manifest_of_words,
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_an_archive_that_is_not_the_pinned_model_changes_nothing(tiny, exported, tmp_path, change, there):
    if there:
        import_model(exported)
    with pytest.raises(ModelError):
        import_model(damaged(exported, tmp_path, change))
    assert names(tiny.store) == (["tiny"] if there else [])
    if there:
        digest_of(model_folder("tiny"))


@pytest.mark.parametrize("data", [b"", b"no tar at all", b"\x1f\x8b" + b"\0" * 600, b"\0" * 10240])
def test_a_file_that_is_no_archive_is_refused(tiny, tmp_path, data):
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(ModelError):
        import_model(tmp_path / "x.tar")
    assert names(tiny.store) == []


def test_a_missing_file_is_told(tiny, tmp_path):
    with pytest.raises(StorageError, match=r"cannot be read or unpacked \(No such file"):
        import_model(tmp_path / "none.tar")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_a_truncated_archive_is_refused(tiny, exported, share):
    data = exported.read_bytes()
    end = len(data.rstrip(b"\0"))
    exported.write_bytes(data[: int(end * share)])
    with pytest.raises(ModelError):
        import_model(exported)
    assert names(tiny.store) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_is_refused_or_changes_nothing(tiny, exported, tmp_path, data):
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
