import sys

import pytest

NAMES = ["input checks", "memorization", "the whole suite"]


@pytest.mark.slow
def test_the_quick_bench_times_every_size_and_shows_the_growth(bench, run_script, monkeypatch, capsys):
    audits = run_script("--quick", "--audits", NAMES[0]).splitlines()  # each measurement in a process of its own
    monkeypatch.setattr(bench, "alone", bench.measured)
    monkeypatch.setattr(sys, "argv", ["audit_times.py", "--quick", "--audits", *NAMES[1:]])
    bench.main()
    audits += capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in audits] == NAMES
    assert all("60: " in line and "120: " in line and "grows with n^" in line for line in audits)
