"""A release that is stopped at any moment can be continued and gives the same bytes as one that was not stopped."""

import random
import signal
import time

import pytest

pytestmark = pytest.mark.models
# stage in which a signal is sent ("" is the first stage), signal, and maximum delay in seconds after the start
SIGNALS = (("", signal.SIGKILL, 4), ("decode-reconstruction", signal.SIGTERM, 0), ("decode", signal.SIGKILL, 0.5))


@pytest.mark.slow
def test_a_release_that_is_stopped_and_killed_several_times_changes_no_byte(released, unmade, tmp_path):
    rng = random.Random(20261120)
    for i, (stage, number, most) in enumerate(SIGNALS):
        log = tmp_path / f"log-{i}"
        process = unmade.start_release(log, stage)
        time.sleep(rng.uniform(0, most))
        process.send_signal(number)
        if number == signal.SIGKILL:
            assert process.wait() == -number, log.read_text()
        else:
            assert process.wait() == 7, log.read_text()
            assert "continue after the last finished stage" in log.read_text()
            assert "Traceback" not in log.read_text()
        assert unmade.bundles == []
        assert not (unmade.folder / "out" / "data").exists()
    finished = unmade.release()
    assert finished.returncode == 0, finished.stderr
    assert unmade.data() == released.data()
    assert [path.name for path in unmade.workspace.rglob("*.partial")] == []
