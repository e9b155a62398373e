"""Remove each check of verifier, gate, ledger, accounting and run in turn, and test whether a test then fails.

    make mutate                    # all, an hour; writes build/mutants.md
    python benchmarks/mutate.py --only audits/verify/trust.py

A check is one of the following:

- a `raise`, a call of a function that refuses, an entry in a list of problems, or an early `return`,
- one of several conditions that lead to a `raise`,
- one of several conditions that form a value, an `all`, or the condition of a `PASS`,
- a limit of a pydantic field,
- an entry in the cache key of a pipeline stage.

A mutant is the source of a file from whose syntax tree one check was removed. The tests of the folder of the file
(`ROOMS`) run against each mutant; the tests that execute the line of the check run first. A mutant survives if all
these tests pass, and then the exit code is 1. Every mutant runs in a fork of one process, so that libraries are
loaded once.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# for each folder with checks, its tests, the quickest first; if a check is removed, one of these tests must fail
ROOMS = {
    "audits/verify": ("tests/unit/audits/verify",),
    "audits/gate": ("tests/unit/audits/gate", "tests/unit/audits/verify"),
    "audits/attacks/accounting": ("tests/unit/audits/attacks/accounting",),
    "audits/ledger": ("tests/unit/audits/ledger",),
    "synthgen/pipeline": ("tests/unit/synthgen/pipeline", "tests/unit/synthgen/test_private_release.py"),
    "synthgen/dp": ("tests/unit/synthgen/dp", "tests/unit/synthgen/cli/test_budgets.py"),
}
LIBRARIES = ("pytest", "hypothesis", "numpy", "pyarrow.parquet", "pydantic", "cryptography.x509", "jinja2")
# modules that are loaded too if files of `synthgen` are tested
MAKERS = ("scipy.stats", "sklearn.linear_model", "torch", "transformers")
MAX_SECONDS = 1200  # time limit of the tests of a mutant
BOUNDS = {"ge", "gt", "le", "lt", "pattern", "min_length", "max_length"}
# checks that may be removed without a failing test, with the reason
EQUIVALENT: dict[str, str] = {
    "audits/gate/shipped.py: raise PolicyError('the shipped policies are missing', "
    "hint='Install the package again.')": (
        "it fires only if files of the installation are missing; without it, the next statement fails on None"
    ),
    "audits/verify/budget.py: or privacy.epsilon is None": "the model of the statement requires both or neither",
    "audits/verify/budget.py: or privacy.delta is None": "the model of the statement requires both or neither",
    "audits/ledger/budgets.py: or found is None": (
        "`reserve` reads the entry that it has just written; in `reservation_of_result`, a run without a reservation "
        "has no steps"
    ),
}


@dataclass(frozen=True)
class Mutant:
    """A file from which one check was removed."""

    file: str
    line: int
    what: str  # the text of the removed check
    source: str  # the source of the file without the check

    @property
    def name(self) -> str:
        """The file and the text of the check; the line number is omitted, because edits of the file change it."""
        return f"{self.file}: {self.what}"


def mutants(file: str) -> Iterator[Mutant]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for index, (node, what) in enumerate(_checks(tree)):
        other = copy.deepcopy(tree)
        target = list(_checks(other))[index][0]
        _disable(other, target)
        yield Mutant(file, node.lineno, what, ast.unparse(ast.fix_missing_locations(other)))


def _checks(tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    impossible = set(_impossible(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node not in impossible:
            yield node, _short(ast.unparse(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_refusal(node.value.func):
            yield node, _short(ast.unparse(node))
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return) and node.orelse == []:
            yield node.test, f"if {_short(ast.unparse(node.test))}: return"
        if isinstance(node, ast.If) and isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or):
            refuses = any(isinstance(inner, ast.Raise) and inner not in impossible for inner in node.body)
            yield from ((part, f"or {_short(ast.unparse(part))}") for part in node.test.values if refuses)
        yield from ((part, f"{how} {_short(ast.unparse(part))}") for part, how in _weakened(node))


def _impossible(tree: ast.Module) -> Iterator[ast.Raise]:
    """Yield the `raise` statements that exist only for the type checker and that no input can reach."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and any(part in ast.unparse(node.test) for part in (" is None", "isinstance(")):
            raised = (inner for inner in node.body if isinstance(inner, ast.Raise) and inner.exc is not None)
            yield from (one for one in raised if ast.unparse(one.exc).startswith("InternalError("))


def _is_refusal(called: ast.expr) -> bool:
    """Return whether a call refuses something (`refuse...`) or adds to the list of problems, named `found`."""
    name = ast.unparse(called).rpartition(".")[2]
    is_list = isinstance(called, ast.Attribute) and called.attr in {"append", "extend"} and _names(called) == "found"
    return is_list or name.removeprefix("_").startswith("refuse")


def _weakened(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Yield the parts of a node that can be removed, each with its kind, such as "and" or "key **".

    These are the parts that make a condition stricter, the limits of fields, and the entries of cache keys.
    """
    if isinstance(node, ast.Assign | ast.Return) and isinstance(node.value, ast.BoolOp | ast.Call):
        inner = node.value
        if isinstance(inner, ast.BoolOp) and isinstance(inner.op, ast.And):
            yield from ((part, "and") for part in inner.values)
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "all":
            yield inner, "all"
    if isinstance(node, ast.keyword) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "all":
        yield node.value, "all"
    if isinstance(node, ast.IfExp) and ast.unparse(node.body) == "'PASS'":
        yield node.test, "PASS if"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field":
        yield from ((key.value, f"{key.arg} =") for key in node.keywords if key.arg in BOUNDS)
    if isinstance(node, ast.Assign | ast.Return) and isinstance(node.value, ast.Dict) and _is_key(node.value):
        entries = zip(node.value.keys, node.value.values, strict=True)
        yield from ((value, f"key {ast.unparse(name)} =" if name else "key **") for name, value in entries)


def _is_key(entries: ast.Dict) -> bool:
    """Return whether a dict may be a cache key: it has an entry "version"."""
    return "version" in {name.value for name in entries.keys if isinstance(name, ast.Constant)}


def _names(called: ast.Attribute) -> str:
    return called.value.id if isinstance(called.value, ast.Name) else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:89] + "…"


def _disable(tree: ast.Module, target: ast.AST) -> None:
    instead = ast.Pass() if isinstance(target, ast.stmt) else _through(tree, target)

    class Without(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return instead if node is target else super().visit(node)

    Without().visit(tree)


def _through(tree: ast.Module, target: ast.AST) -> ast.expr:
    """Return the replacement of a check: a constant that always passes; for a limit or a key entry, None or {}."""
    (how,) = [how for node in ast.walk(tree) for part, how in _weakened(node) if part is target] or [""]
    if how == "key **":
        return ast.Dict(keys=[], values=[])
    return ast.Constant(value=True if how in {"and", "all", "PASS if"} else None if how else False)


class OneFile(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """A module loader that loads the mutated source instead of the file; other modules load as usual."""

    def __init__(self, mutant: Mutant) -> None:
        self.module = mutant.file.removesuffix(".py").replace("/", ".")
        self.path, self.source = str(ROOT / mutant.file), mutant.source

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> object:
        """Return the spec of the module, or None for any other module."""
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.module else None

    def get_filename(self, _fullname: str) -> str:
        """Return the path of the file."""
        return self.path

    def get_data(self, _path: str | bytes) -> bytes:
        """Return the mutated source; no bytecode is used."""
        return self.source.encode()

    def path_stats(self, path: str) -> dict[str, float]:
        """Raise OSError so that no bytecode is cached."""
        raise OSError(path)


@dataclass
class Covering:
    """Which tests execute which lines, recorded in one run of the tests under `coverage`.

    A test that executes the line of a removed check usually fails without the check. These tests therefore run first,
    in the order that `of` returns. All other tests of the folder still run before a mutant counts as survived.
    """

    tests: dict[str, dict[int, list[str]]]  # for each file, for each line, the ids of the tests
    seconds: dict[str, float]  # duration of each test

    def of(self, mutant: Mutant) -> list[str]:
        """Return the ids of the tests that execute the line of the removed check.

        The tests of the mutated file come first; otherwise, faster tests come first.
        """
        found = self.tests.get(mutant.file, {}).get(mutant.line, [])
        own = f"/test_{Path(mutant.file).name}::"
        return sorted(found, key=lambda test: (own not in test, self.seconds.get(test, 0.0)))


class Recorder:
    """A plugin of pytest that assigns the executed lines of the files in `folders` to the running test."""

    def __init__(self, folders: Sequence[str], out: Path) -> None:
        from coverage import Coverage

        self.out, self.seconds, self.folders = out, dict[str, float](), folders
        self.coverage = Coverage(data_file=None, config_file=False, include=[f"{ROOT / name}/*" for name in folders])
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Assign the lines that are executed from now on to this test, including those of its fixtures."""
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add the duration of one phase of a test (setup, call or teardown)."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the tests that execute each line, and the duration of each test, to `out`."""
        self.coverage.stop()
        data, lines = self.coverage.get_data(), {}
        for file in (str(path) for name in self.folders for path in (ROOT / name).glob("*.py")):
            by_line = data.contexts_by_lineno(file)
            lines[str(Path(file).relative_to(ROOT))] = {i: [*filter(None, found)] for i, found in by_line.items()}
        self.out.write_text(json.dumps([lines, self.seconds]), encoding="utf-8")


class Only:
    """A plugin of pytest that runs only the tests with these ids, in this order."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.place = {test: i for i, test in enumerate(ids)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Remove all other tests."""
        items[:] = sorted((i for i in items if i.nodeid in self.place), key=lambda item: self.place[item.nodeid])


def covering(folders: Sequence[str], tests: Sequence[Path]) -> Covering:
    """Run the tests on the unchanged source, and return which tests execute which lines of the folders.

    If a test fails, exit with a message.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "lines.json"
        file = next((ROOT / folders[0]).glob("*.py"))
        whole = Mutant(str(file.relative_to(ROOT)), 0, "nothing", file.read_text(encoding="utf-8"))
        if (code := outcome(whole, tests, lambda: Recorder(folders, out))) != 0:
            names = ", ".join(map(str, tests))
            raise SystemExit(
                f"{names}: tests fail on the unchanged source (pytest exit code {code}); correct it first"
            )
        lines, seconds = json.loads(out.read_text(encoding="utf-8"))
    return Covering({file: {int(i): ids for i, ids in of.items()} for file, of in lines.items()}, seconds)


def survives(mutant: Mutant, found: Covering) -> bool:
    """Return whether all tests pass on the mutant: first the tests that execute its line, then all of its folder."""
    first = found.of(mutant)
    files = sorted({ROOT / test.partition("::")[0] for test in first})
    if first and outcome(mutant, files, lambda: Only(first)) != 0:
        return False
    return outcome(mutant, [ROOT / folder for folder in ROOMS[str(Path(mutant.file).parent)]]) == 0


def outcome(mutant: Mutant, tests: Sequence[Path], plugin: Callable[[], object] | None = None) -> int:
    """Run tests on a mutant in a fork, and return the exit code of pytest.

    If a check is missing, a test can wait forever. After `MAX_SECONDS`, the process is therefore killed, which counts
    as a failed test. `plugin` is called in the fork and returns a plugin of pytest.
    """
    pid = os.fork()
    if pid == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        sys.meta_path.insert(0, OneFile(mutant))
        import pytest

        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not slow"]
        options += ["--hypothesis-seed=0", "--rootdir", str(ROOT)]
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            code = int(pytest.main([*options, *map(str, tests)], plugins=[] if plugin is None else [plugin()]))
        finally:
            os._exit(code)
    deadline = time.monotonic() + MAX_SECONDS
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(ended[1])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="source file to mutate; can be repeated")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--part", default="1/1", help="such as 2/4: every fourth mutant, from the second")
    given = parser.parse_args(arguments)
    files = given.only or sorted(str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / room).glob("*.py"))
    part, parts = map(int, given.part.split("/"))
    found = [mutant for file in files for mutant in mutants(file)][part - 1 :: parts]
    for module in (*LIBRARIES, *(MAKERS if any(file.startswith("synthgen/") for file in files) else ())):
        importlib.import_module(module)
    by_tests: dict[tuple[str, ...], set[str]] = {}
    for file in files:
        by_tests.setdefault(ROOMS[str(Path(file).parent)], set()).add(str(Path(file).parent))
    known_tests = {
        folder: measured
        for tests, folders in by_tests.items()
        for measured in [covering(sorted(folders), [ROOT / name for name in tests])]
        for folder in folders
    }
    rows, alive, started = [], 0, time.monotonic()
    for number, mutant in enumerate(found, start=1):
        known = EQUIVALENT.get(mutant.name)
        is_alive = known is None and survives(mutant, known_tests[str(Path(mutant.file).parent)])
        alive += is_alive
        fate = f"equivalent: {known}" if known is not None else "SURVIVED" if is_alive else "killed"
        rows.append(f"| {mutant.file}:{mutant.line} | `{mutant.what.replace('|', '/')}` | {fate} |")
        if fate != "killed":
            print(f"{fate}: {mutant.file}:{mutant.line} {mutant.what}", flush=True)
        elif number % 20 == 0:
            print(f"{number} of {len(found)}, {time.monotonic() - started:.0f} s", flush=True)
    table = ["| place | removed check | result |", "|---|---|---|", *rows]
    if given.markdown is not None:
        given.markdown.parent.mkdir(parents=True, exist_ok=True)
        given.markdown.write_text("\n".join(table) + "\n", encoding="utf-8")
    print(f"{len(found)} mutants, {alive} survived, {time.monotonic() - started:.0f} s")
    return int(alive > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
