import pytest


@pytest.mark.slow
def test_the_quick_bench_times_every_size_and_shows_the_growth(run_script):
    names = ["input checks", "memorization", "the whole suite"]
    audits = run_script("--quick", "--audits", *names).splitlines()
    assert [line.split(":")[0] for line in audits] == names
    assert all("60: " in line and "120: " in line and "grows with n^" in line for line in audits)
