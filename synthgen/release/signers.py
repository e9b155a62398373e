"""Sign with a key in hardware or in a key service.

A URI such as `hsm:2?label=releaser` names the key. The extra `kms` must be installed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audits.verify.publickeys import P256, is_signed, keyid, plain_signature
from synthgen.config import is_uri
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.keys import SigningKey, load_key, load_public

_PROBE = b"synthgen: does this key sign?"  # message of the test signature


@dataclass(frozen=True, slots=True)
class LibrarySigner:
    """A private key in hardware or in a key service, used through the library securesystemslib."""

    public: bytes  # public key: 32 bytes for Ed25519, or a compressed point for P-256
    alg: str  # "ed25519" or "ecdsa-p256"
    signer: Any = field(repr=False)  # the `Signer` of securesystemslib

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes; raise StorageError if the hardware or service fails."""
        try:
            signature = bytes.fromhex(self.signer.sign(message).signature)
            return plain_signature(signature) if self.alg == P256 else signature
        except (OSError, RuntimeError, ValueError) as error:
            hint = "Check that the hardware or key service can be reached."
            raise StorageError(
                f"the hardware or key service did not sign ({type(error).__name__})", hint=hint
            ) from error


def open_key(file_or_uri: str, public: Path | None = None) -> SigningKey:
    """Return a signing key from a URI (see `load_signer`) or from an encrypted file (see `load_key`).

    For a URI, `public` must be the `.pub.json` file of the key, and a prompt asks for the PIN. For an encrypted file,
    the `.pub.json` file is beside it, and the passphrase comes from `keys.passphrase_for`.

    Raise UsageError if `public` is missing for a URI or given for a file, and StorageError if the key file does not
    exist. For further errors, see `load_signer` and `load_key`.
    """
    if is_uri(file_or_uri):
        if public is None:
            hint = "Pass the key's .pub.json file with --public, or set release.public in the configuration."
            raise UsageError("a key named by a URI needs its public part", hint=hint)
        return load_signer(file_or_uri, public, getpass)
    if public is not None:
        only = "a public part can be given only for a key named by a URI"
        raise UsageError(
            f"{only}; for a key in a file, the public part is read from the .pub.json file beside the key file",
            hint="Remove the option --public.",
        )
    path = Path(file_or_uri)
    if not path.is_file():  # checked here, so that a missing file is reported before the prompt for a passphrase
        hint = "Create a key with `synthgen keys new`, or pass the path of another key."
        raise StorageError(f"{path}: there is no key file at this path", hint=hint)
    return load_key(path)


def load_signer(uri: str, public: Path, pin: Callable[[str], str] | None = None) -> SigningKey:
    """Return the key of a URI, after a test signature has shown that the key belongs to the public part.

    Examples of `uri` are `hsm:2?label=releaser`, `awskms:alias/releaser` and, for an unencrypted file,
    `file2:/run/key.pem`. `public` is the `.pub.json` file, which names the key's owner. `pin` is called with the kind
    of the secret that the key needs ("pin" or "passphrase"), and returns the secret. It can be None if the key needs
    no secret.

    Raises:
        UsageError: the extra `kms` is not installed.
        StorageError: the public part cannot be read, or the key cannot be reached or does not sign.
        DataError: the public part is malformed or belongs to a different key.
    """
    try:
        from securesystemslib.exceptions import Error as LibraryError
        from securesystemslib.signer import Signer, SSlibKey  # type: ignore[attr-defined]  # this package has no __all__
    except ImportError:
        hint = "Install it: pip install '.[kms]' in a checkout of SynthGen."
        raise UsageError("a key named by a URI needs the extra kms", hint=hint) from None
    record = load_public(public)
    raw = bytes.fromhex(record.public)
    key: Ed25519PublicKey | EllipticCurvePublicKey = (
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
        if record.alg == P256
        else Ed25519PublicKey.from_public_bytes(raw)
    )
    try:
        signer = Signer.from_priv_key_uri(uri, SSlibKey.from_crypto(key, keyid=keyid(raw)), pin)
    except (LibraryError, OSError, ValueError, RuntimeError) as error:
        scheme = uri.partition(":")[0]
        hint = "Check the URI and the PIN, and that the hardware or key service can be reached."
        raise StorageError(f"the key {scheme}:... cannot be opened ({type(error).__name__})", hint=hint) from error
    opened = LibrarySigner(raw, record.alg, signer)
    if not is_signed(raw, opened.sign(_PROBE), _PROBE):
        raise DataError(f"{public}: is not the public part of the key that the URI names")
    return SigningKey(opened, keyid(raw), record)
