import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from synthgen.airgap import install
from synthgen.airgap import pack as packing
from synthgen.airgap.pack import TOP, collect_wheels, pack
from synthgen.core.errors import DependencyError, ModelError, ModelMissing, StorageError

FILES = ["install.py", "manifest.json", "models/tiny.tar"]
FILES += ["wheels/synthgen-0.1.0-py3-none-any.whl", "wheels/tinydep-2.0-py3-none-any.whl"]


def test_an_archive_has_wheels_models_installer_and_manifest(packed):
    with tarfile.open(packed.archive) as tar:
        members = {member.name.removeprefix(f"{TOP}/"): member for member in tar.getmembers()}
        contents = {name: tar.extractfile(member).read() for name, member in members.items()}
    assert sorted(members) == FILES
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members.values()} == {(0, 0, 0, "", 0o644)}
    manifest = json.loads(contents.pop("manifest.json"))
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents.items()
    }
    assert manifest["requirement"] == "synthgen[engine]==0.1.0"
    assert contents["install.py"] == Path(install.__file__).read_bytes()


def test_the_result_names_the_digest_the_machine_and_the_next_commands(packed):
    found, text = packed.to_json(), packed.to_text()
    assert found["sha256"] == hashlib.sha256(packed.archive.read_bytes()).hexdigest()
    assert found["machine"] == install.machine()
    assert (found["models"], len(found["wheels"])) == (["tiny"], 2)
    assert found["sha256"] in text
    assert f"python3 -I {TOP}/install.py --into /opt/synthgen" in text


def test_the_same_content_gives_the_same_archive(packed, tmp_path):
    again = pack(tmp_path / "again.tar")
    assert again.archive.read_bytes() == packed.archive.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_pip_collects_the_extra_engine_from_its_own_settings(wheels, tmp_path, monkeypatch):
    wheels.write_wheelhouse(tmp_path / "index")
    monkeypatch.setattr(packing, "_CHECKOUT", tmp_path)
    (tmp_path / "wheels").mkdir()
    with pytest.raises(DependencyError, match="only if synthgen runs from a checkout"):
        collect_wheels(tmp_path / "wheels")  # pip must not get another project of the same name from an index
    (wheel,) = (tmp_path / "index").glob("synthgen-*.whl")
    monkeypatch.setattr(packing, "_require_checkout", lambda: None)
    monkeypatch.setattr(packing, "_CHECKOUT", wheel)  # pip needs no further packages to build it
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    collect_wheels(tmp_path / "wheels")
    assert sorted(path.name for path in (tmp_path / "wheels").iterdir()) == [
        name.removeprefix("wheels/") for name in FILES[3:]
    ]
    (tmp_path / "index" / "tinydep-2.0-py3-none-any.whl").unlink()
    with pytest.raises(DependencyError, match="pip could not collect the packages") as found:
        collect_wheels(tmp_path / "wheels")
    assert any("tinydep" in problem for problem in found.value.problems)


def test_a_model_that_is_missing_or_damaged_stops_before_an_archive_is_written(
    one_model, wheels, tmp_path, monkeypatch
):
    monkeypatch.setattr(packing, "collect_wheels", wheels.write_wheelhouse)
    weights = one_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[::-1])
    with pytest.raises(ModelError, match="the files of the model were changed after the installation"):
        pack(tmp_path / "a.tar")
    (one_model / "manifest.json").unlink()
    with pytest.raises(ModelMissing, match="the model store lacks these models: tiny") as found:
        pack(tmp_path / "a.tar")
    assert found.value.hint == "Run `synthgen models pull tiny`."
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name or "airgap" in path.name] == []


def test_an_existing_file_or_a_missing_folder_is_refused(packed, tmp_path):
    with pytest.raises(StorageError, match="exists already; nothing was written"):
        pack(packed.archive)
    with pytest.raises(StorageError, match="cannot be written"):
        pack(tmp_path / "nowhere" / "a.tar")
