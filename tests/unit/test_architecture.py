"""Check the import order of the rooms, and other rules about files that no linter checks."""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
LONGER = {  # files that may have up to 450 lines, with the reason
    "benchmarks/bridge.py": "one program with all measurements of the model card"
}
MAX_FILES = 20
MAX_FUNCTION = 59  # lines; arguments on lines of their own count
# Files of `dp` that query persons in a run and use the workspace, the ledger and the models of that run.
DP_FILES = ("accounting_log", "certain_refusals", "measure", "planned_queries", "reserve", "sealed_result")
DP_FILES += ("style_vote",)
DP_FLOW = tuple(f"dp.{name}" for name in DP_FILES)
# A room may import rooms of a lower rank only; files of one room may import one another (never in a circle).
RANKS = {
    "core": 0,
    **dict.fromkeys(("attributes", "dp"), 1),  # the methods of `dp`; its files in DP_FLOW have another rank
    **dict.fromkeys(("coherence", "extract", "models", "segment"), 2),
    **dict.fromkeys(("load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "evaluate"), 3),
    "config": 4,
    **dict.fromkeys(("pipeline", *DP_FLOW), 5),
    "compare": 6,
    **dict.fromkeys(("airgap", "receive", "release"), 7),
    "pipeline.stage_order": 8,
    "plan": 9,
    "pipeline.pipeline": 10,
    "cli": 11,
    "__main__": 12,
    "__init__": 12,
}
FLOW = {"pipeline", *DP_FLOW}  # these rooms may import one another, because one flow is in two folders
STAGE_ROOMS = {name for name, rank in RANKS.items() if rank == 3} | {"segment"}
MAKES_TEXT = 3  # highest rank of the rooms that may not import the audits, so that texts are not optimised for them
PACKAGES = ("synthgen", "audits", "studies")
FOLDERS = (*PACKAGES, "tests", "examples", "benchmarks")
# modules that both packages share: readers and writers of files, and the grammar of identifiers
SHARED = {f"audits.core.{name}" for name in ("errors", "files", "strictjson", "strictyaml")}
SHARED |= {
    f"audits.text.{name}" for name in ("clinical_terms", "identifier_grammar", "layout", "legibility", "name_lists")
}
MAY_USE_AUDITS = {"evaluate"}  # it makes no text and uses the intervals of the audits
FORBIDDEN_TO_AUDITS = {"synthgen", "torch", "transformers", "sentence_transformers"}


def files(*packages):
    return [p for f in packages for p in sorted((ROOT / f).rglob("*.py")) if "__pycache__" not in p.parts]


def shown(path):
    return path.relative_to(ROOT).as_posix()


def imports(tree, package):
    """Yield (line, module) of every import, including imports in functions; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def room(path):
    return room_of(path.relative_to(ROOT / "synthgen").with_suffix("").parts)


def room_of(parts):
    """Return the room of a module in synthgen: its first name, or its first two if they have a rank."""
    if not parts:
        return "__init__"
    two = ".".join(parts[:2])
    return two if two in RANKS else parts[0]


def package_of(path):
    return ".".join(path.relative_to(ROOT).parts[:-1])


def room_violations(path, tree, source):
    """Return the imports of a file of the room `source` that violate the order."""
    found = []
    for line, module in imports(tree, package_of(path)):
        parts = module.split(".")
        is_shared = ".".join(parts[:3]) in SHARED
        makes_text = RANKS[source] <= MAKES_TEXT and source not in MAY_USE_AUDITS
        if parts[0] == "audits" and makes_text and not is_shared:
            found.append(f"{shown(path)}:{line}: {source} makes text and may not import audits")
        if parts[0] == "studies":
            found.append(f"{shown(path)}:{line}: {source} imports a study, which is not installed")
        if parts[0] != "synthgen" or len(parts) == 1:
            continue
        target = room_of(parts[1:]) if parts[1] in RANKS else "__init__"  # `from synthgen import Config`
        if target == source or {source, target} <= FLOW:
            continue
        if RANKS[target] > RANKS[source] or RANKS[target] == RANKS[source]:
            found.append(f"{shown(path)}:{line}: {source} (rank {RANKS[source]}) imports {target} ({RANKS[target]})")
    return found


def test_every_room_has_a_rank_and_ranks_are_listed_in_order():
    unknown = sorted({room(p) for p in files("synthgen")} - set(RANKS))
    assert unknown == [], "add a rank to RANKS, or move the file to a room with a rank"
    assert all(a <= b for a, b in pairwise(RANKS.values()))


def test_rooms_import_lower_rooms_only():
    found = [v for p in files("synthgen") if room(p) in RANKS for v in room_violations(p, parsed(p), room(p))]
    assert found == []


FORBIDDEN_IMPORTS = [
    ("filter", "from synthgen.pipeline.pipeline import Pipeline"),
    ("filter", "from synthgen.embed import encode"),
    ("filter", "def f():\n    import synthgen.release.bundle"),
    ("filter", "from audits.attacks.memorization.memorization_audit import Memorization"),
    ("filter", "from audits.core.stats import wilson"),
    ("filter", "from synthgen import Config"),
    ("core", "from synthgen.models import store"),
    ("core", "from studies.drawing import ink"),
]
ALLOWED_IMPORTS = [
    ("filter", "from audits.core.strictjson import parse"),
    ("filter", "from synthgen.filter.chain import run\nfrom synthgen.core.types import Record"),
    ("embed", "from synthgen.segment import align"),
    ("core", "from synthgen.core.digest import sha256_texts"),
    ("evaluate", "from audits.core.stats import wilson"),
    ("pipeline", "from synthgen.filter import judge"),
]
IMPORTS = [(*case, n) for n, cases in enumerate((ALLOWED_IMPORTS, FORBIDDEN_IMPORTS)) for case in cases]


@pytest.mark.parametrize(("source", "code", "n_found"), IMPORTS)
def test_the_import_order_check_finds_violations(source, code, n_found):
    path = ROOT / "synthgen" / source.replace(".", "/") / "x.py"
    assert len(room_violations(path, ast.parse(code), source)) == n_found


@pytest.mark.parametrize("package", ["synthgen", "audits", "studies"])
def test_there_are_no_import_cycles(package):
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in files(package)}
    graph = {}
    for name, path in modules.items():
        top = [n for n in parsed(path).body if isinstance(n, ast.Import | ast.ImportFrom)]
        wanted = {m for _, m in imports(ast.Module(body=top, type_ignores=[]), package_of(path))}
        wanted |= {m.rpartition(".")[0] for m in wanted}
        graph[name] = {m for m in wanted if m in modules and m != name}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


def test_audits_import_nothing_of_the_generator():
    found = [(shown(p), *where) for p in files("audits") for where in imports(parsed(p), package_of(p))]
    assert [where for where in found if where[2].split(".")[0] in FORBIDDEN_TO_AUDITS] == []


def test_audits_import_without_the_generator_installed():
    modules = [package_of(p) if p.stem == "__init__" else f"{package_of(p)}.{p.stem}" for p in files("audits")]
    modules = [m for m in modules if not m.endswith("__main__")]
    code = f"""
import importlib, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(FORBIDDEN_TO_AUDITS)!r}:
            raise ImportError("audits imported " + name)
sys.meta_path.insert(0, Wall())
for module in {modules!r}:
    importlib.import_module(module)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_files_folders_and_functions_are_short():
    lengths = {shown(p): len(p.read_text(encoding="utf-8").splitlines()) for p in files(*FOLDERS)}
    assert {name: n for name, n in lengths.items() if n > (450 if name in LONGER else MAX_LINES)} == {}
    counts = Counter(shown(p.parent) for p in files(*FOLDERS))
    assert {name: n for name, n in counts.items() if n > MAX_FILES} == {}
    functions = {}
    for p in files(*PACKAGES):
        for node in ast.walk(parsed(p)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[f"{shown(p)}:{node.lineno} {node.name}"] = node.end_lineno - node.lineno + 1
    assert {name: n for name, n in functions.items() if n > MAX_FUNCTION} == {}


def test_no_class_has_two_meanings_and_no_file_a_meaningless_name():
    homes = defaultdict(list)
    for p in files(*PACKAGES):
        for node in parsed(p).body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(shown(p))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
    stems = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert [shown(p) for p in files(*PACKAGES, "tests") if p.stem in stems or "manager" in p.stem] == []


def broad_handlers(tree):
    """Return the lines that catch every exception and do not raise it again."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {c.id for c in caught if isinstance(c, ast.Name)}
        if "Exception" in names or node.type is None:
            lines.append(node.lineno)
        elif "BaseException" in names:
            last = node.body[-1]
            if not (isinstance(last, ast.Raise) and last.exc is None):  # cleaning up and raising again is allowed
                lines.append(node.lineno)
    return lines


def test_only_the_command_lines_catch_every_exception():
    assert [f"{shown(p)}:{line}" for p in files(*PACKAGES) for line in broad_handlers(parsed(p))] == []


HANDLERS = dict.fromkeys(("Exception: pass", ": pass", "(OSError, Exception): pass", "BaseException: pass"), 1)
HANDLERS |= {"BaseException:\n    x()\n    raise": 0, "OSError: pass": 0}


@pytest.mark.parametrize(("handler", "n_found"), HANDLERS.items())
def test_the_check_of_broad_handlers_finds_them(handler, n_found):
    assert len(broad_handlers(ast.parse(f"try:\n    x()\nexcept {handler}"))) == n_found


def test_every_source_file_has_its_test():
    missing = [
        f"{shown(p)} -> tests/unit/{shown(p.parent)}/test_{p.stem}.py"
        for p in files(*PACKAGES)
        if p.stem not in {"__init__", "__main__"}
        and not (p.stem in {"config", "stage"} and room(p) in STAGE_ROOMS)  # tested as a whole
        and not (ROOT / "tests/unit" / p.parent.relative_to(ROOT) / f"test_{p.stem}.py").is_file()
    ]
    assert missing == [], "\n".join(missing)


# The import order of the rooms of `audits`: measurements, then attacks, then the rooms that run them.
AUDIT_RANKS = {
    "core": 0,
    **dict.fromkeys(("text", "gate"), 1),
    **dict.fromkeys(("embeddings", "report"), 2),
    **dict.fromkeys(
        ("memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage", "accounting"), 3
    ),
    **dict.fromkeys(("canaries", "differencing", "shadow"), 4),  # each uses the membership attack
    **dict.fromkeys(("ledger", "verify"), 4),  # each composes the costs of mechanisms
    "runner": 5,
    "selftest": 6,
    "cli": 7,
    **dict.fromkeys(("__init__", "__main__"), 8),
}


def audit_room(path):
    return audit_room_of(path.relative_to(ROOT / "audits").with_suffix("").parts)


def audit_room_of(parts):
    """Return the room of a module below audits: an attack's own package, or the first name."""
    return "__init__" if parts == ("attacks", "__init__") else parts[1 if parts[0] == "attacks" else 0]


def audit_room_violations(path, tree):
    """Return the imports of a file of `audits` that violate the order."""
    source = audit_room(path)
    targets = {
        (line, audit_room_of(tuple(module.split(".")[1:])))
        for line, module in imports(tree, package_of(path))
        if module.startswith("audits.") and audit_room_of(tuple(module.split(".")[1:])) in AUDIT_RANKS
    }
    return [
        f"{shown(path)}:{line}: {source} (rank {AUDIT_RANKS[source]}) imports {target} ({AUDIT_RANKS[target]})"
        for line, target in sorted(targets)
        if target != source and AUDIT_RANKS[target] >= AUDIT_RANKS[source]
    ]


def test_rooms_of_the_audits_have_ranks_and_import_lower_rooms_only():
    assert {audit_room(p) for p in files("audits")} == set(AUDIT_RANKS)
    assert [v for p in files("audits") for v in audit_room_violations(p, parsed(p))] == []


AUDIT_IMPORTS = [
    ("core", "from audits.text.normalise import tokens", 1),
    ("membership", "def f():\n    from audits.attacks.canaries.canaries_audit import CanaryAudit", 1),
    ("memorization", "from audits.attacks.identifiers.patterns import entities", 1),
    ("canaries", "from audits.attacks.membership.attack import cross_fit", 0),
    ("selftest", "import audits.runner.run", 0),
    ("verify", "from audits.runner.run import run", 1),
]


@pytest.mark.parametrize(("source", "code", "n_found"), AUDIT_IMPORTS)
def test_the_import_order_check_of_the_audits_finds_violations(source, code, n_found):
    assert len(audit_room_violations(ROOT / "audits" / source / "x.py", ast.parse(code))) == n_found
