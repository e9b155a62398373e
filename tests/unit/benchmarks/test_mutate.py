import ast
import subprocess
import sys
from itertools import islice

import pytest


def test_every_check_of_a_file_is_removed_once(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(
        "def f(a, b):\n    found = []\n    if a or b:\n        raise ValueError('x')\n"
        "    if a is None:\n        return 1\n    found.append(2)\n    a._refuse(b)\n    return found\n"
        "def g(a):\n    if a is None:\n        raise InternalError('y')\n"
        "    if a < 1:\n        raise InternalError('z')\n"
    )
    made = list(bench.mutants("x.py"))
    checks = ["or a", "or b", "if a is None: return", "found.append(2)", "a._refuse(b)"]
    checks += ["raise ValueError('x')", "raise InternalError('z')"]
    assert [m.what for m in made] == checks
    assert len({m.source for m in made}) == 7
    assert all(ast.parse(m.source) for m in made)
    assert "if False or b:" in made[0].source
    assert "ValueError" not in made[5].source


@pytest.mark.slow
def test_verifier_and_gate_have_their_checks(bench):
    files = [p for room in bench.ROOMS for p in (bench.ROOT / room).glob("*.py")]
    made = (mutant for p in files for mutant in bench.mutants(str(p.relative_to(bench.ROOT))))
    assert len(list(islice(made, 181))) == 181


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import mutate
mutate.ROOT, mutate.ROOMS = Path.cwd(), {"room": ("test_x.py",)}
tests = [Path.cwd() / "test_x.py"]
found = mutate.covering(["room"], tests)
(mutant,) = (m for m in mutate.mutants("room/x.py") if m.what.startswith("raise"))
print(found.of(mutant), mutate.survives(mutant, found))
"""
IMPORTS = "import sys\nsys.path.insert(0, '.')\nimport pytest\nfrom room.x import f\n"
OTHERS = "def test_other(): pass\ndef test_returns(): assert f(1) == 1\n"
REFUSES = "def test_refuses():\n    with pytest.raises(ValueError):\n        f(-1)\n"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        (IMPORTS + OTHERS + REFUSES, "['test_x.py::test_refuses'] False"),
        (IMPORTS + OTHERS, "[] True"),
        ("def test_fails(): assert False\n", "tests fail on the unchanged source (pytest exit code 1)"),
    ],
)
def test_the_tests_that_execute_a_removed_check_are_found(bench, tmp_path, tests, said):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "x.py").write_text("def f(a):\n    if a < 0:\n        raise ValueError\n    return a\n")
    (tmp_path / "test_x.py").write_text(tests)
    command = [sys.executable, "-c", DRIVER, str(bench.ROOT / "benchmarks")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said in done.stdout + done.stderr


def test_tests_of_the_changed_file_run_first_and_fast_ones_before_slow_ones(bench):
    names = ["tests/a/test_other.py::quick", "tests/a/test_rule.py::slow", "tests/a/test_rule.py::fast"]
    found = bench.Covering({"a/rule.py": {7: names}}, dict(zip(names, (0.1, 9.0, 2.0), strict=True)))
    assert found.of(bench.Mutant("a/rule.py", 7, "raise", "")) == [names[2], names[1], names[0]]
