"""Check whether the pip extra `engine` is installed: the packages that load, embed, generate or evaluate text.

The audits and the commands that only verify or sign a release do not need these packages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from synthgen.core.errors import DependencyError

INSTALL = "pip install '.[engine]' in a checkout of SynthGen"
# top-level modules of the extra `engine`; a test compares them with pyproject.toml
PACKAGES = (
    "accelerate", "duckdb", "faiss", "gguf", "huggingface_hub", "joblib", "lxml", "onnxruntime",
    "opacus", "opendp", "psutil", "pypdf", "safetensors", "sentence_transformers", "threadpoolctl", "torch",
    "transformers",
)  # fmt: skip


def missing_packages() -> tuple[str, ...]:
    """Return the modules of the extra `engine` that cannot be found, without importing any."""
    return tuple(name for name in PACKAGES if not _is_found(name))


def require_engine() -> None:
    """Raise DependencyError, which states the install command, if a package of the extra `engine` is missing."""
    if missing := missing_packages():
        raise _not_installed(missing)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn ModuleNotFoundError into DependencyError if the extra `engine` contains the missing package."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_packages()
        if (error.name or "").partition(".")[0] not in missing:
            raise
        raise _not_installed(missing) from error


def _not_installed(missing: tuple[str, ...]) -> DependencyError:
    return DependencyError(
        f"the extra `engine` is needed, but some of its packages are not installed: {', '.join(missing)}",
        hint=f"Install it: {INSTALL}",
    )


def _is_found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # raised by an import hook that hides the package
        return False
