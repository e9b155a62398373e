"""Read and check the secret of a workspace; the secret and the seed determine all random numbers of a run."""

from audits.core.errors import InputError
from audits.ledger.keys import read_key
from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.pipeline.workspace import Workspace, read_field

FILE = "secret.key"
PUBLIC = "public"
# field in the file of a budget reservation; it contains the digest of the secret, or `PUBLIC`
SECRET_DIGEST = "secret"  # noqa: S105 - the name of a field
_RESERVATIONS = "stages/reserve-*/run.json"  # files in the workspace, one for each reservation of a budget
_RESTORE = "Restore the original file from a backup. Without this file, you need a new workspace and a new budget."
WARNING = (
    "with `secret: public`, anyone who guesses the seed can compute every random choice of the run, and therefore "
    "who was in train. Use this setting only for tests, demonstrations and studies, never for an external release."
)


def run_secret(config: Config, workspace: Workspace) -> bytes:
    """Return the secret of a workspace: 32 bytes that the first run draws, or no bytes if the secret is public.

    Raises:
        InputError: the file of the secret cannot be used or can be read by other users, or the secret with which a
            budget was reserved is missing or different.
        StorageError: the record of a reservation in the workspace cannot be read.

    Privacy: someone with the secret, the seed and a person's id can compute whether the person was in train. The
        secret stays in the workspace, and released data do not reveal it.
    """
    if config.secret == PUBLIC:
        return b""
    path = workspace.root / FILE
    digests = {p.parent.name: read_field(p, SECRET_DIGEST) for p in sorted(workspace.root.glob(_RESERVATIONS))}
    reserved = [name for name, digest in digests.items() if digest not in (None, PUBLIC)]
    if reserved and not path.exists():
        message = f"the secret file {path} is missing, but a privacy budget was reserved with this secret"
        raise InputError(message, problems=_folders(reserved), hint=_RESTORE)
    secret = read_key(path, "secret")  # if the file is missing, `read_key` draws a secret and writes the file
    if different := [name for name in reserved if digests[name] != _digest(secret)]:
        message = f"the secret in {path} differs from the secret with which a privacy budget was reserved"
        raise InputError(message, problems=_folders(different), hint=_RESTORE)
    return secret


def secret_digest(config: Config, workspace: Workspace) -> str:
    """Return the digest of the secret, which a reservation stores in the workspace; `PUBLIC` for a public secret."""
    return PUBLIC if config.secret == PUBLIC else _digest(run_secret(config, workspace))


def _folders(names: list[str]) -> list[str]:
    return [f"reservation: stages/{name}" for name in names]


def _digest(secret: bytes) -> str:
    return sha256_json(["reserved with", secret.hex()])
