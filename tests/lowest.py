"""Print pip constraints that pin each dependency to the lowest version that pyproject.toml allows.

torch is left out: in the index, its lowest version is a GPU build of several gigabytes, so the Makefile installs it.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_BOUND = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?>=(?P<version>[\w.]+)")


def lowest(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield `name==version` for each lower bound of the dependencies and extras, except those of torch."""
    extras = project["optional-dependencies"].values()
    for requirement in sorted({*project["dependencies"], *(one for extra in extras for one in extra)}):
        bound = _BOUND.fullmatch(requirement)
        if bound is not None and bound["name"] != "torch":
            yield f"{bound['name']}=={bound['version']}"
        elif bound is None and not re.match(r"synthgen\[|[\w.-]+==", requirement):
            raise ValueError(f"pyproject.toml: {requirement!r} has no lower bound; write it as NAME>=VERSION")


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in lowest(tomllib.loads(PROJECT.read_text("utf-8"))["project"])))
