"""What is shipped beside the code and has learnt from text: bridge, words, styles, the public basis, by digest.

Nothing of it learnt from private records, and only so may it write under a budget. So it is known by what is in its
files and not by where they lie; after a new training the table takes what `shipped_folders` returns.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from synthgen.core.digest import sha256_file, sha256_json
from synthgen.core.errors import ModelError

STAGES = Path(__file__).parents[1] / "stages"
READ = {".json", ".safetensors", ".u64"}  # suffixes of what is read there
SHIPPED: Mapping[str, str] = {
    "decode/builtin": "387b0adda4cbf9a45d2f278d3ac998627f82aa711cecf15fdd1f18ddd04c5ca8",
    "decode/styles/clinical-note": "c98889b5a6f08eb503cd228d3a37aaa842476f5fe45e097af7d6411e4788bbce",
    "decode/styles/clinical-shorthand": "eafe0ccfdc3f846f32168bd2709d7100d33afd88be7da34caeb56265eb26ee89",
    "decode/styles/letter": "a893f19ce67e3ec30ac895a3a3200ffc65f0990f4514af3bdf418ad0c93d2c69",
    "decode/styles/question": "f64c644edd7704aa52fa3d671a3b17f769c7692e1322a12b904cdad8d1bfef33",
    "interpolate/dp/public": "e1e604cc049f1ef880a248d474dcbd5978b00fc061d2e0e08be2b19e5c10272f",
}


def shipped_folders() -> dict[str, str]:
    """Return the sha256 over what is read in each folder, by the folder's path below the stages."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for top in ("decode/builtin", "decode/styles", "interpolate/dp/public"):
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
