import ast
from itertools import islice


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


def test_verifier_and_gate_have_their_checks(bench):
    files = [p for room in bench.ROOMS for p in (bench.ROOT / room).glob("*.py")]
    made = (mutant for p in files for mutant in bench.mutants(str(p.relative_to(bench.ROOT))))
    assert len(list(islice(made, 181))) == 181
