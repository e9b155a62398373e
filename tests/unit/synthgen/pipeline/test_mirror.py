"""Which mirror is a run's: the one of its settings, its control and its streams."""

import numpy as np
import pytest

from synthgen.pipeline.mirror import MIRROR, MIRROR_STAGE, find_mirror, mirror_inputs


@pytest.fixture
def made(bench):
    job = bench.job()
    prepared, _, _ = bench.prepare(job)

    def generate(_control, _folder, _seeds):
        return prepared.train, np.zeros((len(prepared.train), 3), np.float32)

    stage = job.run(MIRROR_STAGE, mirror_inputs(prepared.control, "f" * 64, generate))
    return bench, job, prepared, stage


def test_the_run_finds_its_own(made):
    _, job, prepared, stage = made
    found = find_mirror(job, prepared.control, "f" * 64)
    assert found.digest == stage.digest
    assert found.records.texts == prepared.train.texts
    assert found.vectors.shape == (len(prepared.train), 3)


def test_that_of_other_settings_persons_or_streams_is_none(made):
    bench, job, prepared, _ = made
    assert find_mirror(job, prepared.control, "e" * 64) is None
    assert find_mirror(job, prepared.train, "f" * 64) is None
    assert find_mirror(bench.job(seed=8), prepared.control, "f" * 64) is None


def test_a_changed_table_is_none(made):
    _, job, prepared, stage = made
    with (stage.folder / MIRROR).open("ab") as file:
        file.write(b"x")
    assert find_mirror(job, prepared.control, "f" * 64) is None
