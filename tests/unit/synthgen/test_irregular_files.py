"""Give devices, pipes, sockets, folders and huge files to every command that reads a file: each refuses them."""

import os
import signal
import socket

import pytest
from typer.testing import CliRunner

from audits.cli.main import app as audits
from synthgen.cli.main import app as synthgen
from synthgen.core.errors import SynthGenError, UsageError

SUFFIXES = ("jsonl", "csv", "parquet", "json", "yaml", "txt", "npy")


@pytest.fixture(scope="module", params=["device", "fifo", "socket", "folder", "huge"])
def odd(request, tmp_path_factory):
    """A folder with an irregular file for every suffix."""
    folder, servers = tmp_path_factory.mktemp(request.param), []
    for name in (f"x.{suffix}" for suffix in SUFFIXES):
        if request.param == "fifo":
            os.mkfifo(folder / name)
        elif request.param == "folder":
            (folder / name).mkdir()
        elif request.param == "device":
            (folder / name).symlink_to("/dev/zero")
        elif request.param == "huge":  # a sparse file, which occupies nothing on the disk
            (folder / name).touch()
            os.truncate(folder / name, 1 << 40)
        else:
            servers.append(socket.socket(socket.AF_UNIX))
            servers[-1].bind(str(folder / name))
    yield folder
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def limited():
    signal.alarm(240)  # a command that waits for a writer is killed
    yield
    signal.alarm(0)


def refused(app, *arguments, codes=frozenset({3, 10, 11, 13, 15})):
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    code = getattr(found.exception, "exit_code", found.exit_code)
    assert code in codes, (arguments, found.output, found.exception)
    return found


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_tables_and_sources(odd, suffix, project, tmp_path):
    good, bad = tmp_path / "t.jsonl", odd / f"x.{suffix}"
    good.write_text("".join(f'{{"text": "some words {i}", "label": "a", "group": "p{i}"}}\n' for i in range(9)))
    for roles in ((bad, good, good), (good, bad, good), (good, good, bad)):
        options = [part for pair in zip(("--synthetic", "--train", "--control"), roles, strict=True) for part in pair]
        refused(audits, "run", *options, "--only", "memorization")
    refused(audits, "rewrite", bad, tmp_path / f"new.{suffix}")
    for format_ in ("auto", suffix):
        refused(synthgen, "plan", project.write_config(source={"path": str(bad), "format": format_}))


@pytest.mark.parametrize("suffix", ["jsonl", "txt", "parquet"])
def test_texts_with_marks(odd, suffix, project):
    found = refused(synthgen, "deidentify", "evaluate", odd / f"x.{suffix}", "--engine", "rules", codes={2})
    assert isinstance(found.exception, UsageError)
    sample = {"engine": "rules", "sample": str(odd / f"x.{suffix}")}
    refused(synthgen, "plan", project.write_config(deidentify=sample), codes={3})


@pytest.mark.parametrize("name", ["config.json", "bridge.json", "style.json", "model.safetensors.index.json"])
def test_files_of_a_folder_with_a_model(odd, name, project, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).symlink_to(odd / "x.json")
    for change in ({"embed": {"model": str(tmp_path / "model")}}, {"decode": {"bridge": str(tmp_path / "model")}}):
        refused(synthgen, "plan", project.write_config(**change))


def test_other_inputs(odd, project, tmp_path):
    good = tmp_path / "t.jsonl"
    good.write_text("".join(f'{{"text": "some words {i}", "label": "a", "group": "p{i}"}}\n' for i in range(9)))
    tables = ("run", "--synthetic", good, "--train", good, "--control", good)
    inputs = (("identifiers", "jsonl"), ("lineage", "parquet"), ("mechanism", "json"), ("policy", "yaml"))
    for option, suffix in inputs:
        other = tmp_path / "control.jsonl"
        other.write_text(good.read_text().replace('"p', '"q'))
        refused(audits, *tables[:-1], other, f"--{option}", odd / f"x.{suffix}")
    for command in ("plan", "run", "release"):
        refused(synthgen, command, odd / "x.yaml")
    refused(synthgen, "plan", project.write_config(policy=str(odd / "x.yaml")))
    refused(synthgen, "trust", "show", odd / "x.json")
    refused(synthgen, "verify", tmp_path, "--trust", odd / "x.json")
    with pytest.raises(SynthGenError, match=r"cannot be read|not a plain|other users can read|no key"):
        raise refused(synthgen, "approve", tmp_path, "--role", "r", "--key", odd / "x.txt", "--trust", "t").exception
    folder = tmp_path / "notes" / "a"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("one")
    (folder / "2.txt").symlink_to(odd / "x.txt")
    if not (odd / "x.txt").is_dir():
        refused(synthgen, "plan", project.write_config(source={"path": str(folder.parent)}))
