import ast
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from synthgen.airgap import install as installer
from synthgen.airgap.install import InstallError, install, read_manifest

SCRIPT = Path(installer.__file__)


def run(script, *words, **env):
    command = [sys.executable, "-I", str(script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=env or None)


def change_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_script_needs_only_the_standard_library_of_an_old_python():
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 8))
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= {*sys.stdlib_module_names}


@pytest.mark.slow
def test_an_unpacked_archive_is_installed_and_its_command_runs(unpacked, tmp_path):
    into = tmp_path / "somebody's $HOME `installation`"
    done = run(unpacked / "install.py", "--into", into, PIP_INDEX_URL="http://127.0.0.1:9", PIP_REQUIRE_HASHES="1")
    assert (done.returncode, done.stderr) == (0, "")
    command = into / "bin" / "synthgen"
    assert str(command) in done.stdout
    called = subprocess.run([command, "doctor", "a b"], capture_output=True, text=True, check=False, env={})
    assert called.stdout == f"stand-in {into / 'models'} ['doctor', 'a b']\n"
    own = subprocess.run([command], capture_output=True, text=True, check=False, env={"SYNTHGEN_MODELS": "/mine"})
    assert own.stdout == "stand-in /mine []\n"
    model = into / "models" / "tiny.tar"
    assert model.read_bytes() == (unpacked / "models" / "tiny.tar").read_bytes()
    assert (stat.S_IMODE(model.stat().st_mode), stat.S_IMODE(model.parent.stat().st_mode)) == (0o644, 0o755)
    again = run(unpacked / "install.py", "--into", into)
    assert (again.returncode, "exists and is not an empty folder" in again.stderr) == (3, True)


@pytest.mark.slow
def test_a_step_that_fails_leaves_nothing_and_repeats_what_it_printed(one_model, wheels, tmp_path, unpacked):
    wheels.write_wheelhouse(unpacked / "wheels", wheels.BROKEN)
    manifest = json.loads((unpacked / "manifest.json").read_text())
    wheel = unpacked / "wheels" / "synthgen-0.1.0-py3-none-any.whl"
    manifest["files"]["wheels/" + wheel.name] = {"sha256": installer.sha256_of(wheel), "bytes": wheel.stat().st_size}
    change_manifest(unpacked, files=manifest["files"])
    with pytest.raises(InstallError, match="nothing was installed") as found:
        install(unpacked, tmp_path / "into")
    assert "the model is damaged" in found.value.args
    assert not (tmp_path / "into").exists()


def test_every_difference_to_the_manifest_is_named(unpacked, tmp_path):
    assert read_manifest(unpacked)["requirement"] == "synthgen[engine]==0.1.0"
    wheel = unpacked / "wheels" / "tinydep-2.0-py3-none-any.whl"
    data = wheel.read_bytes()
    wheel.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (unpacked / "models" / "tiny.tar").unlink()
    (unpacked / "wheels" / "more.whl").write_bytes(b"")
    (unpacked / "wheels" / "elsewhere").symlink_to(tmp_path)
    done = run(unpacked / "install.py", "--into", tmp_path / "into")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: the archive cannot be installed here",
        "  - models/tiny.tar: missing",
        "  - wheels/elsewhere: not listed in manifest.json",
        "  - wheels/more.whl: not listed in manifest.json",
        f"  - wheels/{wheel.name}: differs from the file that manifest.json lists",
    ]
    assert not (tmp_path / "into").exists()


def test_another_python_or_platform_is_named(unpacked, tmp_path):
    change_manifest(unpacked, python="cpython 3.99", platform="linux-s390x", libc="other")
    done = run(unpacked / "install.py", "--into", tmp_path / "into")
    here = installer.machine()
    assert done.returncode == 3
    assert f"the archive is for cpython 3.99, this machine has {here['python']}" in done.stderr
    assert f"the archive is for linux-s390x, this machine has {here['platform']}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"files": 3}', "[" * 100_000, '{"files": {"a": 1}}', '{"format": 2, "files": {}}']
)
def test_a_malformed_manifest_is_one_error(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InstallError, match="is not an unpacked archive of `synthgen airgap pack`"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InstallError, match="is not an unpacked archive of `synthgen airgap pack`"):
        read_manifest(tmp_path)


def test_wrong_words_exit_with_2():
    assert run(SCRIPT).returncode == 2


def test_files_of_the_archive_are_not_imported(unpacked, tmp_path):
    (unpacked / "json.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, str(unpacked / "install.py"), "--into", str(tmp_path / "into")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "python3 -I" in done.stderr) == (3, True)
    done = run(unpacked / "install.py", "--into", tmp_path / "into")
    assert (done.returncode, "json.py: not listed in manifest.json" in done.stderr) == (3, True)


def test_a_path_or_python_that_cannot_be_used_is_one_error(unpacked, tmp_path, monkeypatch):
    with pytest.raises(InstallError, match="nothing was installed"):
        install(unpacked, tmp_path / "a:b")
    assert not (tmp_path / "a:b").exists()
    monkeypatch.setattr(installer.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InstallError, match="ensurepip"):
        install(unpacked, tmp_path / "into")
