"""A release that is stopped at any moment goes on, and comes out byte for byte as if it had never been stopped."""

import random
import shutil
import signal
import time

import pytest

pytestmark = pytest.mark.models
WRITING = ("interpolate", "decode", "re-embed", "filter", "audit")  # and what judges it


def test_a_kill_while_texts_are_written_changes_no_byte(released, copy, tmp_path):
    shutil.rmtree(copy.folder / "out")
    for stage in (copy.workspace / "stages").iterdir():
        if stage.name.rpartition("-")[0] in WRITING:
            shutil.rmtree(stage)
    process = copy.start_release(tmp_path / "log", "decode")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert copy.bundles == []
    finished = copy.release()
    assert finished.returncode == 0, finished.stderr
    assert copy.data() == released.data()
    assert [p.name for p in copy.workspace.rglob("*.partial")] == []


@pytest.mark.slow
def test_three_kills_change_no_byte(released, unmade, tmp_path):
    rng = random.Random(20261120)
    stopped = []
    for stage, most in (("", 8), ("decode-reconstruction", 4), ("decode", 2)):
        process = unmade.start_release(tmp_path / f"log-{stage}", stage)
        time.sleep(rng.uniform(1, most))
        process.kill()
        stopped.append(process.wait() == -signal.SIGKILL)
        assert not (unmade.folder / "out" / "data").exists()
    assert any(stopped), "the machine was done before the first kill"
    finished = unmade.release()
    assert finished.returncode == 0, finished.stderr
    assert unmade.data() == released.data()
    assert [p.name for p in unmade.workspace.rglob("*.partial")] == []


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_stop_says_how_to_continue(unmade, tmp_path, number):
    log = tmp_path / "log"
    process = unmade.start_release(log)
    process.send_signal(number)
    assert process.wait() == 7
    assert "continue from the last finished stage" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert unmade.bundles == []


def test_two_runs_do_not_share_a_workspace(unmade, tmp_path):
    process = unmade.start_release(tmp_path / "log")
    try:
        second = unmade.run("run", unmade.config, "--until", "load")
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 7
    assert "another run has locked it" in second.stderr
