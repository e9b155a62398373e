"""Check the lines of the Dockerfile; no test builds the image, because that needs Docker."""

import json
import re
from pathlib import Path

import pytest

from synthgen.airgap.pack import INSTALLER, TOP

ROOT = Path(__file__).parents[2]
NETWORK = re.compile(r"\b(apt|apt-get|apk|pip|curl|wget|git|https?:)\b")


def instructions(text):
    """Return (instruction, arguments) of each line, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


@pytest.fixture(scope="module")
def steps():
    return instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def last_stage(steps):
    start = max(at for at, (word, _) in enumerate(steps) if word == "FROM")
    return steps[start:]


def test_nothing_of_the_build_needs_a_network(steps):
    assert [rest for word, rest in steps if word == "RUN" and NETWORK.search(rest)] == []
    assert "ADD" not in [word for word, _ in steps]
    assert {rest.split(" ")[0] for word, rest in steps if word == "FROM"} == {"python:3.11-slim"}
    assert NETWORK.search("RUN pip install x")


def test_the_archive_is_installed_by_its_installer_and_is_not_in_the_image(steps):
    (run,) = [rest for word, rest in steps if word == "RUN" and INSTALLER in rest]
    assert f"python -I /tmp/{TOP}/{INSTALLER} --into /opt/synthgen" in run
    assert ("COPY", f"{TOP}.tar /tmp/") in steps
    assert ("COPY", f"{TOP}.tar /tmp/") not in last_stage(steps)
    assert (ROOT / ".dockerignore").read_text() == f"*\n!{TOP}.tar\n"


def test_the_command_runs_as_a_user_with_a_fixed_id_who_is_not_root(steps):
    stage = last_stage(steps)
    words = [word for word, _ in stage]
    (user,) = [rest for word, rest in stage if word == "USER"]
    uid, gid = user.split(":")
    assert int(uid) >= 1000
    (run,) = [rest for word, rest in stage if word == "RUN"]
    assert f"useradd --uid {uid} --gid {gid} " in run
    assert f"--owner {uid} --group {gid} --mode 0700 /workspace" in run
    assert words.index("RUN") < words.index("USER") < words.index("ENTRYPOINT")
    assert json.loads(dict(stage)["ENTRYPOINT"]) == ["synthgen"]
    assert (
        dict(stage)["ENV"]
        == "PATH=/opt/synthgen/bin:$PATH XDG_DATA_HOME=/workspace/state XDG_STATE_HOME=/workspace/state"
    )
    assert dict(stage)["VOLUME"] == dict(stage)["WORKDIR"] == "/workspace"
