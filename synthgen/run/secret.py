"""The secret of a workspace: with the seed, the root of every random stream of its runs."""

import json
import secrets
from pathlib import Path

from audits.core.errors import InputError
from audits.ledger.keys import read_key
from synthgen.config import Config
from synthgen.core.seeds import SECRET_BYTES
from synthgen.run.workspace import Workspace

FILE = "secret.key"
PUBLIC = "public"
_PAID = "stages/reserve-*/run.json"
WARNING = (
    "secret: public: whoever guesses the seed computes every random choice of the run, and so who was in train; for "
    "tests, demonstrations and studies, and never to be released outside"
)


def run_secret(config: Config, workspace: Workspace) -> bytes:
    """Return the 32 random bytes of a workspace, made by its first run; none where the configuration says public.

    Raises:
        InputError: the file cannot be read or made, has another length, or others may read it; or it is missing, and
            a budget was reserved with it.

    Privacy: who has it, the seed and a person's id learns that person's side. It never leaves the workspace, and no
        digest that leaves is made of it. A copy of it beside the same source and configuration repeats the run.
    """
    path = workspace.root / FILE
    if config.secret == PUBLIC:
        return b""
    if not path.exists() and (paid := sorted(p.parent.name for p in path.parent.glob(_PAID) if _was_secret(p))):
        raise InputError(
            f"the secret {path} is missing, and what was paid for was made with it", problems=paid,
            hint="Restore it; without it nothing goes on, and another workspace pays anew.",
        )  # fmt: skip
    return read_key(path, "secret")


def _was_secret(reserved: Path) -> bool:
    return bool(json.loads(reserved.read_bytes()).get("secret") != PUBLIC)


def foreseen_secret(config: Config) -> bytes:
    """Return the secret that a run would have, or where none is made yet, any; nothing is written.

    Raises:
        InputError: see `run_secret`.
    """
    path = config.resolve(config.workspace) / FILE
    if config.secret == PUBLIC:
        return b""
    return read_key(path, "secret") if path.exists() else secrets.token_bytes(SECRET_BYTES)
