import ast
import hashlib
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from synthgen.core.errors import InternalError
from synthgen.core.made_by import LIBRARIES, libraries, sources

ROOT = Path(__file__).parents[4]
# these libraries read configurations, render pages, sign, schedule or display; no number of a run depends on them
NOT_COMPUTING = {
    "cryptography", "huggingface-hub", "imbalanced-learn", "jinja2", "joblib", "markupsafe", "matplotlib", "psutil",
    "pydantic", "pydantic-core", "rfc3161-client", "rfc8785", "rich", "ruamel-yaml", "securesystemslib",
    "threadpoolctl", "typer",
}  # fmt: skip


def imported():
    """Return the distributions that the installed packages import."""
    known, names = packages_distributions(), set()
    for package in ("synthgen", "audits"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names.add(node.module.split(".")[0])
    names -= {"synthgen", "audits", *sys.stdlib_module_names}
    return {known[name][0].lower().replace(".", "-").replace("_", "-") for name in names if name in known}


def test_libraries_returns_the_installed_versions_of_all_imported_libraries_that_compute():
    assert imported() - NOT_COMPUTING <= set(LIBRARIES)
    found = libraries()
    assert (found["numpy"], set(found)) == (version("numpy"), {"python", *LIBRARIES})
    assert all(found.values())


def test_sources_digest_changes_with_any_byte_of_the_selected_files(tmp_path, monkeypatch):
    (tmp_path / "package" / "core").mkdir(parents=True)
    for name in ("__init__.py", "core/a.py", "page.py"):
        (tmp_path / "package" / name).write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    part, whole = sources.__wrapped__("package", "core"), sources.__wrapped__("package")
    one = hashlib.sha256(b"x = 1\n").hexdigest()
    assert part == hashlib.sha256(f"core/a.py\0{one}\n".encode()).hexdigest()
    (tmp_path / "package" / "page.py").write_text("x = 2\n")
    assert (sources.__wrapped__("package", "core"), sources.__wrapped__("package") == whole) == (part, False)
    (tmp_path / "package" / "core" / "a.py").write_text("x = 1 \n")
    assert sources.__wrapped__("package", "core") != part
    with pytest.raises(InternalError, match="the package synthgen contains no source file"):
        sources.__wrapped__("synthgen", "cellar")
    with pytest.raises(InternalError, match="source files of the package no_such_package_at_all cannot be found"):
        sources.__wrapped__("no_such_package_at_all")
