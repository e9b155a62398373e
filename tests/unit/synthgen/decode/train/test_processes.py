"""The rows and the device of each process; `test_own_bridge_run.py` trains with two processes."""

import pytest
import torch

from synthgen.decode.train.processes import Processes, joined


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_each_row_belongs_to_one_process(count):
    rows = torch.arange(7)
    shares = [Processes(number=i, count=count).own(rows) for i in range(count)]
    assert sorted(torch.cat(shares).tolist()) == rows.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_each_process_of_a_machine_has_its_own_gpu():
    third = Processes(number=6, count=8, on_machine=2)
    assert (third.device("cuda"), third.device("cpu")) == (torch.device("cuda", 2), torch.device("cpu"))
    assert not third.is_main


def test_without_a_launcher_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as found:
        tensor = torch.ones(2)
        found.add([tensor])
        with found.main_first():
            found.wait()
        assert (found, tensor.tolist()) == (Processes(), [1.0, 1.0])
