import pytest


@pytest.mark.slow
def test_all_methods_of_the_quick_bench_find_the_same_neighbours(run_script):
    printed = run_script("--quick")
    assert [line.split(":")[0] for line in printed.splitlines()[1:]] == ["n = 300", "n = 700"]
    assert printed.count("'tiles': '1.0000'") == 2
