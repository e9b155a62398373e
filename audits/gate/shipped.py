"""Policies as files: the shipped ones by their name, others by their path."""

from pathlib import Path

from audits.core.errors import PolicyError
from audits.gate.policy import Policy, parse_policy


def policy_path(name_or_path: str | Path) -> Path:
    """Return the file of a shipped policy's name, or the path itself if it ends in .yaml or .yml."""
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return path
    folder = shipped_policies()
    shipped = {file.stem: file for file in sorted(folder.glob("*.yaml"))}
    if str(name_or_path) not in shipped:
        raise PolicyError(f"no policy {str(name_or_path)!r}; shipped are {', '.join(shipped)}; or give a .yaml file")
    return shipped[str(name_or_path)]


def load_policy(name_or_path: str | Path) -> Policy:
    """Return a policy by its shipped name or the path of its .yaml file.

    Raises:
        PolicyError: if there is none, it cannot be read, or it holds mistakes; all are listed. Also if it is called
            as a shipped one and says something else.
    """
    path = policy_path(name_or_path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    policy = parse_policy(data, str(path))
    shipped = shipped_policies() / f"{policy.name}.yaml"
    if shipped.is_file() and parse_policy(shipped.read_bytes(), str(shipped)) != policy:
        raise PolicyError(
            f"{path}: is called {policy.name}, as a shipped policy, and is another",
            hint="Give it a name of its own, which then stands in the report and on the page.",
        )
    return policy


def shipped_policies() -> Path:
    """Return the folder of the shipped policies: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "policies", package.parent / "policies"):
        if (folder / "research.yaml").is_file():
            return folder
    raise PolicyError("the shipped policies are missing", hint="Install the package again.")
