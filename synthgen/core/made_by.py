"""Versions of the program and the libraries that compute a result."""

import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import InternalError

AUDITS = "audits"
# Distributions that compute. A test compares the list with what the packages import.
LIBRARIES = (
    "accelerate",
    "confusable-homoglyphs",
    "dp-accounting",
    "gguf",
    "numpy",
    "opacus",
    "opendp",
    "presidio-analyzer",
    "pyahocorasick",
    "pyarrow",
    "python-stdnum",
    "regex",
    "safetensors",
    "scikit-learn",
    "scipy",
    "sentence-transformers",
    "spacy",
    "tldextract",
    "tokenizers",
    "torch",
    "transformers",
)


@cache
def libraries() -> dict[str, str]:
    """Return the version of Python and of each computing library; "absent" for one that is not installed."""
    return versions_of(("python", *LIBRARIES))


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of "python", of distributions, and for "audits" the sha256 of its sources.

    The package `audits` decides what is released. Any change of its sources therefore counts as another version.
    """
    return {name: _version(name) for name in names}


@cache
def sources(package: str, *rooms: str) -> str:
    """Return the sha256 over the source files of a package, or of some of its folders.

        sha256 over the relative path and the sha256 of each .py file, in order of the paths

    Args:
        package: an installed package.
        rooms: folders or files directly in it; all of it by default.

    Raises:
        InternalError: there is no source to be found.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InternalError(f"the source of {package} cannot be found")
    root = Path(spec.origin).parent
    files = sorted(p for p in root.rglob("*.py") if not rooms or p.relative_to(root).parts[0] in rooms)
    if not files:
        raise InternalError(f"{package} holds no source")
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
