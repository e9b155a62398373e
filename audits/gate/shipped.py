"""Load a release policy by its name, if SynthGen ships it, or by the path of its .yaml file."""

from pathlib import Path

from audits.core.errors import PolicyError
from audits.core.files import read_regular
from audits.gate.policy import Policy, parse_policy


def policy_path(name_or_path: str | Path) -> Path:
    """Return the path of a shipped policy, or the given path if it ends in .yaml or .yml.

    Raise PolicyError if there is no shipped policy of this name.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return path
    folder = shipped_policies()
    shipped = {file.stem: file for file in sorted(folder.glob("*.yaml"))}
    if str(name_or_path) not in shipped:
        message = f"there is no shipped policy {str(name_or_path)!r}"
        raise PolicyError(message, hint=f"Use one of {', '.join(shipped)}, or the path of a .yaml file.")
    return shipped[str(name_or_path)]


def load_policy(name_or_path: str | Path) -> Policy:
    """Return the shipped policy of the given name, or the policy in the given .yaml file.

    Raises:
        PolicyError: the policy is missing, cannot be read or has mistakes, or it has the name of a shipped policy but
            different content.
    """
    path = policy_path(name_or_path)
    try:
        data = read_regular(path)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    policy = parse_policy(data, str(path))
    shipped = shipped_policies() / f"{policy.name}.yaml"
    if shipped.is_file() and parse_policy(shipped.read_bytes(), str(shipped)) != policy:
        message = f"{path}: has the name of the shipped policy {policy.name} but different content"
        raise PolicyError(message, hint="Change the key `name` in your file; reports show this name.")
    return policy


def shipped_policies() -> Path:
    """Return the folder of the shipped policies; raise PolicyError if it is missing."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "policies", package.parent / "policies"):
        if (folder / "research.yaml").is_file():
            return folder
    raise PolicyError("the shipped policies are missing", hint="Install the package again.")
