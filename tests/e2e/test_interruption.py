"""A release that is stopped at any moment can be continued and gives the same bytes as one that was not stopped."""

import random
import shutil
import signal
import time

import pytest

pytestmark = pytest.mark.models
WRITING = ("interpolate", "decode", "re-embed", "filter", "audit")  # the stages that make and check texts


def finish(trial, released):
    """Continue the release and check that its data are those of the release that was not stopped."""
    finished = trial.release()
    assert finished.returncode == 0, finished.stderr
    assert trial.data() == released.data()
    assert [p.name for p in trial.workspace.rglob("*.partial")] == []


def test_a_kill_while_texts_are_written_changes_no_byte(released, copy, tmp_path):
    shutil.rmtree(copy.folder / "out")
    for stage in (copy.workspace / "stages").iterdir():
        if stage.name.rpartition("-")[0] in WRITING:
            shutil.rmtree(stage)
    process = copy.start_release(tmp_path / "log", "decode")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert copy.bundles == []
    finish(copy, released)


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
    finish(unmade, released)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_stop_names_how_to_continue(unmade, tmp_path, number):
    log = tmp_path / "log"
    process = unmade.start_release(log)
    process.send_signal(number)
    assert process.wait() == 7, log.read_text()
    assert "continue from the last finished stage" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert unmade.bundles == []
