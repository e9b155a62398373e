"""Turn private labelled text into an audited, signed synthetic dataset, or refuse the release with reasons.

Example:
    run = Pipeline(Config.load("clinic.yaml")).run(resume="auto")
    decision = run.decide()
    bundle = run.release(decision, key="keys/releaser.pem", out="out")
    verify(bundle.path, trust="trust.json").ok
    Release.open(bundle.path, trust="trust.json").to_arrow()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audits.verify.bundle import verify_bundle as verify
    from synthgen.config import Config
    from synthgen.pipeline.pipeline import Pipeline
    from synthgen.release.open import Release

    __version__: str

_PUBLIC = {  # module and attribute of each public name
    "Config": ("synthgen.config", "Config"),
    "Pipeline": ("synthgen.pipeline.pipeline", "Pipeline"),
    "Release": ("synthgen.release.open", "Release"),
    "verify": ("audits.verify.bundle", "verify_bundle"),
}

__all__ = ["Config", "Pipeline", "Release", "__version__", "verify"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name on first use.

    Raise DependencyError if a required package is not installed. `Pipeline` requires all packages of the extra
    `engine`. Every other name requires only the packages that its module imports.
    """
    import importlib.metadata

    from synthgen.core.engine import engine_errors, require_engine

    if name == "__version__":
        return importlib.metadata.version("synthgen")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
    if name == "Pipeline":
        require_engine()
    module, attribute = _PUBLIC[name]
    with engine_errors():
        return getattr(importlib.import_module(module), attribute)
