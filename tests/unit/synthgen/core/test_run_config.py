import pytest

from synthgen.config import Config
from synthgen.core.errors import ConfigError

BASE = {"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 10}}


def test_the_machines_do_not_change_the_digest():
    ray = Config.parse({**BASE, "run": {"on": "ray", "workers": 4, "address": "10.0.0.5:6379"}})
    assert ray.run.workers == 4
    assert ray.digest() == Config.parse(BASE).digest()
    assert "run" not in ray.model_dump()


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"on": "slurm"}, "run.on"),
        ({"workers": 2}, "require `on: ray`"),
        ({"address": "10.0.0.5:6379"}, "require `on: ray`"),
        ({"on": "ray", "workers": 0}, "run.workers"),
        ({"on": "ray", "address": "ray://10.0.0.5:10001"}, "must be HOST:PORT"),
        ({"on": "ray", "address": "10.0.0.5"}, "must be HOST:PORT"),
    ],
)
def test_invalid_machines_are_refused(run, expected):
    with pytest.raises(ConfigError) as caught:
        Config.parse({**BASE, "run": run})
    assert expected in str(caught.value)
