"""Determine the versions of the source code and libraries that compute a result."""

import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import InternalError

AUDITS = "audits"
# installed packages that compute results; a test compares them with the imports in the source code
LIBRARIES = (
    "accelerate", "confusable-homoglyphs", "dp-accounting", "duckdb", "faiss-cpu", "gguf", "lxml", "numpy",
    "onnxruntime", "opacus", "opendp", "pyahocorasick", "pyarrow", "pypdf", "python-stdnum", "regex", "safetensors",
    "scikit-learn", "scipy", "sentence-transformers", "tokenizers", "torch", "transformers",
)  # fmt: skip


@cache
def libraries() -> dict[str, str]:
    """Return the versions of Python and of each library in `LIBRARIES`; see `versions_of`."""
    return versions_of(("python", *LIBRARIES))


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Return the version of each package in `names`, and of Python for "python".

    The version of a package that is not installed is "absent". The version of "audits" is the SHA-256 of its source
    files, because any change of a file may change a release.
    """
    return {name: _version(name) for name in names}


@cache
def sources(package: str, *parts: str) -> str:
    """Return one SHA-256 of the .py files of an installed package; `parts` limits it to these top-level names."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InternalError(f"the source files of the package {package} cannot be found")
    root = Path(spec.origin).parent
    files = sorted(p for p in root.rglob("*.py") if not parts or p.relative_to(root).parts[0] in parts)
    if not files:
        raise InternalError(f"the package {package} contains no source file")
    return sha256_bytes(b"".join(f"{p.relative_to(root)}\0{sha256_bytes(p.read_bytes())}\n".encode() for p in files))


def _version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    if name == AUDITS:
        return sources(AUDITS)
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
