"""Implement `synthgen doctor`: check whether a machine can run synthgen on private text."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from synthgen.core.engine import INSTALL, missing_packages
from synthgen.core.errors import ModelError, ModelMissing
from synthgen.models.registry import MODELS
from synthgen.models.store import digest_of, model_folder, store_folder

NEEDED_GIB = 2  # free disk space that the model store needs
USUAL_MEMORY_GIB = 4  # with less memory, a run can fail or be slow


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    ok: bool
    detail: str
    optional: bool = False  # True: a run is possible even if the check fails


def examine(ray: str | None = None) -> list[Check]:
    """Return the result of every check that the installed packages allow; `ray` is the address of a Ray cluster."""
    models = [_model(name) for name in sorted(MODELS)]
    missing, engine = missing_packages(), "all packages of the extra `engine` are installed"
    if missing:
        engine = (
            f"not installed: {', '.join(missing)}. Verification and audits work without them. Install them: {INSTALL}"
        )
    return [
        Check("python", True, platform.python_version()),
        Check("engine", not missing, engine),
        *(() if missing else (_torch(),)),
        *models,
        *(() if missing else (_bridge(),)),
        _disk(is_complete=all(check.ok or check.optional for check in models)),
        Check("core dumps", True, "disabled while synthgen runs"),
        _swap(),
        _memory(),
        *(() if missing else _hardware()),
        *(() if ray is None else (_cluster(ray),)),
    ]


def _torch() -> Check:
    import torch

    capability = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "unknown")()
    return Check("torch", True, f"{torch.__version__}, {os.cpu_count()} cores, {capability}")


def _model(name: str) -> Check:
    try:
        return Check(f"model {name}", True, f"sha256 {digest_of(model_folder(name))}")
    except (ModelMissing, ModelError) as error:
        # a model that finds names is optional: without it, de-identification uses rules only
        return Check(f"model {name}", False, f"{error.message}. {error.hint}", optional=MODELS[name].kind == "names")


def _hardware() -> tuple[Check, Check]:
    import torch

    from synthgen.core.workers import has_bfloat16, has_int8

    able, found = has_bfloat16() or has_int8(), torch.cuda.is_available()
    arithmetic = "bfloat16" if has_bfloat16() else "float32, because this CPU has no bfloat16 instructions"
    if has_int8():
        arithmetic += "; int8 for the weights of a language model stored in 16 bits"
    gpu = torch.cuda.get_device_name() if found else "none; the CPU is used"
    return Check("arithmetic", able, arithmetic, optional=True), Check("gpu", found, gpu, optional=not found)


def _bridge() -> Check:
    from synthgen.decode.bridge import load_bridge

    try:
        bridge = load_bridge("builtin")
    except (ModelMissing, ModelError) as error:
        return Check("bridge", False, f"{error.message}. {error.hint}".strip())
    info, words = bridge.info, "no vocabulary" if bridge.reader is None else f"{len(bridge.reader.words):,} words"
    detail = f"{info.encoder} to {info.decoder}, {info.steps} steps, {words}, sha256 {bridge.digest}"
    return Check("bridge", True, detail)


def _cluster(address: str) -> Check:
    from synthgen.pipeline.ray_cluster import cluster_problems

    problems = cluster_problems(address)
    return Check("ray cluster", not problems, "; ".join(problems) or f"{address} requires a token")


def _disk(*, is_complete: bool) -> Check:
    """Check the folder of the model store; a complete store may be on a full or read-only disk."""
    folder = store_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    writable = os.access(folder, os.W_OK)
    needed = "" if is_complete or free >= NEEDED_GIB else f", but {NEEDED_GIB} GiB are needed"
    detail = f"{free:.1f} GiB free at {folder}{needed}" + ("" if writable else ", and the folder is not writable")
    return Check("model store", is_complete or (free >= NEEDED_GIB and writable), detail)


def _memory() -> Check:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    is_enough = memory >= USUAL_MEMORY_GIB
    advice = "" if is_enough else f"; a run usually needs {USUAL_MEMORY_GIB} GiB"
    return Check("memory", is_enough, f"{memory:.1f} GiB{advice}", optional=True)


def _swap() -> Check:
    path = Path("/proc/swaps")
    used = path.is_file() and len(path.read_text().splitlines()) > 1
    detail = "enabled: private text may be written to disk; use encrypted swap" if used else "none"
    return Check("swap", not used, detail, optional=True)
