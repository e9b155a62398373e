import json

import pytest
import torch

from synthgen.embed import sentence


@pytest.mark.slow
def test_both_methods_are_timed_alone_and_beside_a_busy_process(bench, tmp_path, tiny_models, capsys, monkeypatch):
    monkeypatch.setattr(sentence, "usable_cores", sentence.usable_cores)  # restores it after the test
    try:
        bench.main([*tiny_models(tmp_path), "--quick", "--json"])
    finally:
        torch.set_num_threads(1)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ("decode", "embed"):
        assert found[name]["same"]
        ways = ("1 x 1", "1 x 2", "2 x 1")
        assert list(found[name]["rates"]) == [f"{way}, {where}" for where in ("alone", "busy") for way in ways]
        assert min(found[name]["rates"].values()) > 0
