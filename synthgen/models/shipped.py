"""Check by digests that the files of trained models in the package are unchanged.

A run under a DP budget may use these files, because they were trained only on public text. After retraining such a
file, copy the result of `shipped_folders` into `SHIPPED`.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ModelError

PACKAGE = Path(__file__).parents[1]
SUFFIXES = {".json", ".safetensors", ".u64"}  # extensions of the trained files
SHIPPED: Mapping[str, str] = {  # folder in the package: sha256 of its trained files
    "decode/builtin": "387b0adda4cbf9a45d2f278d3ac998627f82aa711cecf15fdd1f18ddd04c5ca8",
    "decode/styles/clinical-note": "1e0a0c579f42df1f0294a52ad148a161eb6ef7f690bcde029e9f934bcc94f1cf",
    "decode/styles/clinical-shorthand": "6990a1fec7f0b404f2d1b1d08d7466bc5ca365dedc4508744bc30091d55c42da",
    "decode/styles/letter": "a5a7446987bea1f6960d082fcfd93cfb0c95e2ac6eef7d8af3dcf615493b938b",
    "decode/styles/question": "abcc14e3356fc103fbf146b652f3cf8f1c0a5732e98b4fe94249ec24140162f2",
    "dp/public": "e1e604cc049f1ef880a248d474dcbd5978b00fc061d2e0e08be2b19e5c10272f",
}


def shipped_folders() -> dict[str, str]:
    """Return one sha256 for the trained files of each folder, by the path of the folder in the package."""
    digests: dict[str, dict[str, str]] = defaultdict(dict)
    for top in ("decode/builtin", "decode/styles", "dp/public"):
        for path in sorted((PACKAGE / top).rglob("*")):
            # rglob does not follow a link to a folder, but loading a style does, so `check_shipped` must reject links
            if path.is_symlink() and path.is_dir():
                digests[path.relative_to(PACKAGE).as_posix()] = {}
            elif path.suffix in SUFFIXES:
                digests[path.parent.relative_to(PACKAGE).as_posix()][path.name] = sha256_file(path)
    return {folder: sha256_json(files) for folder, files in digests.items()}


def check_shipped() -> None:
    """Raise ModelError if installed files differ from `SHIPPED`; the error lists each changed folder."""
    installed = shipped_folders()
    problems = [f"{name}: missing" for name in SHIPPED if name not in installed]
    problems += [f"{name}: not a part of the package" for name in installed if name not in SHIPPED]
    problems += [f"{name}: was changed" for name, digest in installed.items() if digest != SHIPPED.get(name, digest)]
    if problems:
        raise ModelError(
            f"{PACKAGE}: shipped model files were changed, so their training data is unknown",
            problems=problems,
            hint="Reinstall the package. Keep your own bridge or style in another folder and configure its path.",
        )
