"""The secret of a workspace: with the seed, the root of every random stream of its runs."""

import secrets

from audits.core.errors import InputError
from audits.ledger.keys import read_key
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.seeds import SECRET_BYTES
from synthgen.pipeline.workspace import Workspace, read_field

FILE = "secret.key"
PUBLIC = "public"
SECRET_DIGEST, _PAID = "secret", "stages/reserve-*/run.json"
_RESTORE = "Restore it; without it nothing goes on, and another workspace pays anew."
WARNING = (
    "secret: public: whoever guesses the seed computes every random choice of the run, and so who was in train; for "
    "tests, demonstrations and studies, and never to be released outside"
)


def run_secret(config: Config, workspace: Workspace) -> bytes:
    """Return the 32 random bytes of a workspace, made by its first run; none where the configuration says public.

    Raises:
        InputError: the file cannot be read or made, has another length, or others may read it; or it is missing or
            another, and a budget was reserved with it.

    Privacy: who has it, the seed and a person's id learns that person's side. It never leaves the workspace, and no
        digest that leaves is made of it. A copy of it beside the same source and configuration repeats the run.
    """
    path = workspace.root / FILE
    if config.secret == PUBLIC:
        return b""
    digests = {
        p.parent.name: digest
        for p in sorted(path.parent.glob(_PAID))
        if (digest := read_field(p, SECRET_DIGEST)) is not None
    }
    paid = [name for name, digest in digests.items() if digest != PUBLIC]
    if paid and not path.exists():
        raise InputError(
            f"the secret {path} is missing, and what was paid for was made with it", problems=paid, hint=_RESTORE
        )
    secret = read_key(path, "secret")
    if other := [name for name in paid if digests[name] != _digest(secret)]:
        raise InputError(f"the secret {path} is not that which this was paid for with", problems=other, hint=_RESTORE)
    return secret


def secret_digest(config: Config, workspace: Workspace) -> str:
    """Return what a reservation says of its secret: `public`, or a digest that stays in the workspace."""
    return PUBLIC if config.secret == PUBLIC else _digest(run_secret(config, workspace))


def _digest(secret: bytes) -> str:
    return sha256_json(["reserved with", secret.hex()])


def foreseen_secret(config: Config) -> bytes:
    """Return the secret that a run would have, or where none is made yet, any; nothing is written.

    Raises:
        InputError: see `run_secret`.
    """
    path = config.resolve(config.workspace) / FILE
    if config.secret == PUBLIC:
        return b""
    return read_key(path, "secret") if path.exists() else secrets.token_bytes(SECRET_BYTES)
