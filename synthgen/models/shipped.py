"""What is shipped beside the code and has learnt from text: bridge, words, styles, the public basis, by digest.

Nothing of it learnt from private records, and only so may it write under a budget. So it is known by what is in its
files and not by where they lie; after a new training the table takes what `shipped_folders` returns.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ModelError

STAGES = Path(__file__).parents[1]
READ = {".json", ".safetensors", ".u64"}  # suffixes of what is read there
SHIPPED: Mapping[str, str] = {
    "decode/builtin": "387b0adda4cbf9a45d2f278d3ac998627f82aa711cecf15fdd1f18ddd04c5ca8",
    "decode/styles/clinical-note": "a33517577388fe8a3290334db128d1d93a1a17ca26a92c6455695ca336e2b91a",
    "decode/styles/clinical-shorthand": "6990a1fec7f0b404f2d1b1d08d7466bc5ca365dedc4508744bc30091d55c42da",
    "decode/styles/letter": "a5a7446987bea1f6960d082fcfd93cfb0c95e2ac6eef7d8af3dcf615493b938b",
    "decode/styles/question": "abcc14e3356fc103fbf146b652f3cf8f1c0a5732e98b4fe94249ec24140162f2",
    "dp/public": "e1e604cc049f1ef880a248d474dcbd5978b00fc061d2e0e08be2b19e5c10272f",
}


def shipped_folders() -> dict[str, str]:
    """Return the sha256 over what is read in each folder, by the folder's path below the stages."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for top in ("decode/builtin", "decode/styles", "dp/public"):
        for path in sorted((STAGES / top).rglob("*")):
            if path.is_symlink() and path.is_dir():  # the search does not enter it, and the shelf does
                found[path.relative_to(STAGES).as_posix()] = {}
            elif path.suffix in READ:
                found[path.parent.relative_to(STAGES).as_posix()][path.name] = sha256_file(path)
    return {folder: sha256_json(files) for folder, files in found.items()}


def check_shipped() -> None:
    """Refuse an installation whose bridge, words, styles or basis are not those that this version is shipped with.

    Raises:
        ModelError: naming every folder that differs, is missing, or was put there.
    """
    found = shipped_folders()
    problems = [f"{name}: missing" for name in SHIPPED if name not in found]
    problems += [f"{name}: not shipped" for name in found if name not in SHIPPED]
    problems += [f"{name}: not as it was shipped" for name, is_ in found.items() if is_ != SHIPPED.get(name, is_)]
    if problems:
        raise ModelError(
            f"{STAGES}: what is shipped was changed, so nobody knows what it learnt from",
            problems=problems,
            hint="Install the package again. A bridge or style of your own lies elsewhere, named by its path.",
        )
