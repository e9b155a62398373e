"""Keys that stay where they are: in hardware or a key service, named by a URI of securesystemslib (extra `kms`)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audits.verify.publickeys import P256, is_signed, keyid, plain_signature
from synthgen.config import is_uri
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.release.keys import SigningKey, load_key, load_public, passphrase_for

_PROBE = b"synthgen: does this key sign?"


class _Library(Protocol):
    def sign(self, payload: bytes) -> Any: ...


@dataclass(frozen=True, slots=True)
class LibrarySigner:
    """A private key that only its keeper sees.

    Args:
        public: its public part, as a trust root names it.
        alg: its kind.
        signer: of the library.
    """

    public: bytes
    alg: str
    signer: _Library = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes: the signature of a message in its one spelling.

        Raises:
            StorageError: the keeper of the key cannot be reached, or does not sign.
        """
        try:
            signature = bytes.fromhex(self.signer.sign(message).signature)
            return plain_signature(signature) if self.alg == P256 else signature
        except (OSError, RuntimeError, ValueError) as error:
            raise StorageError(f"the key cannot sign ({type(error).__name__})") from error


def open_key(named: str, public: Path | None = None) -> SigningKey:
    """Return the key of a person who signs: of a URI, or of an encrypted file whose public part lies beside it.

    A passphrase or PIN is asked for where none is given otherwise; it is never an argument.

    Args:
        named: a URI as for `load_signer`, or the path of the file.
        public: the public part of a key named by a URI.

    Raises:
        UsageError: a URI without a public part, or as `load_signer`; nobody is there to be asked.
        StorageError: there is no key, or as `load_signer` and `load_key`.
        DataError: as `load_signer` and `load_key`.
    """
    if is_uri(named):
        if public is None:
            raise UsageError(
                "a key named by a URI needs its public part",
                hint="Name its .pub.json: a URI does not say who holds it.",
            )
        return load_signer(named, public, getpass)
    if public is not None:
        raise UsageError("the public part is named for keys with a URI alone; that of a file lies beside it")
    path = Path(named)
    if not path.is_file():  # told before anybody is asked for its passphrase
        raise StorageError(f"{path}: there is no key", hint="Make one with `synthgen keys new`, or name another.")
    return load_key(path, passphrase_for(path))


def load_signer(uri: str, public: Path, pin: Callable[[str], str] | None = None) -> SigningKey:
    """Return the key of a URI, once a probe shows that it signs and is that of the public part.

    Args:
        uri: as `hsm:2?label=releaser`, `awskms:alias/releaser`, or `file2:/run/key.pem` for an unencrypted file.
        public: its public part, a `.pub.json` file; a URI does not say who holds the key.
        pin: asked by the library for a PIN or passphrase, by its name.

    Raises:
        UsageError: the extra `kms` is not installed, or the URI is none of the library's.
        StorageError: the key cannot be reached, or does not sign.
        DataError: it is the key of another public part.
    """
    try:
        from securesystemslib.exceptions import Error as LibraryError
        from securesystemslib.signer import Signer, SSlibKey  # type: ignore[attr-defined]  # it lists no names
    except ImportError:
        raise UsageError("a key named by a URI needs the extra kms", hint="pip install 'synthgen[kms]'") from None
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
        raise StorageError(f"the key {scheme}:... cannot be opened ({type(error).__name__})") from error
    opened = LibrarySigner(raw, record.alg, signer)
    if not is_signed(raw, opened.sign(_PROBE), _PROBE):
        raise DataError(f"{public}: is the public part of another key than the URI's")
    return SigningKey(opened, keyid(raw), record)
