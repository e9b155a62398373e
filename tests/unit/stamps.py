"""A timestamp authority (RFC 3161) in a folder: its certificates, and `openssl ts`, which answers its requests."""

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from audits.verify.timestamps import _element, _elements, _head_bytes

OPENSSL = shutil.which("openssl")
CONFIG = """
[answer]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""
# the settings of Debian's openssl.cnf; a reply contains the authority's certificate, in any order
STOCK = """
[answer]
serial = {folder}/serial
signer_digest = sha256
certs = {folder}/ca.pem
default_policy = 1.2.3.4
digests = sha1, sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha1
"""
YEAR = timedelta(days=365)


def certificate(name, key, issuer, extensions, serial=None):
    """Return a certificate for a name and a key, signed by an issuer."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer[0]))
    builder = builder.public_key(key.public_key()).serial_number(serial or x509.random_serial_number())
    builder = builder.not_valid_before(now - YEAR).not_valid_after(now + YEAR)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer[1], SHA256())


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def edited(data, path, change):
    """Return DER with the content of one element changed; the path gives its position at each level."""
    parts = _elements(data[_head_bytes(data) :]) if path else []
    if path:
        parts[path[0]] = edited(parts[path[0]], path[1:], change)
    return _element(data[0], b"".join(parts) if path else change(data[_head_bytes(data) :]))


class Authority:
    """A certificate authority, and one of its certificates, which signs timestamps.

    Args:
        folder: the folder of its files.
        name: the first word of the names of both certificates.
        config: the configuration of `openssl ts`.
    """

    def __init__(self, folder, name="Local", config=CONFIG):
        self.folder, self.name = folder, name
        folder.mkdir(parents=True)
        self.issuer = (f"{name} CA", generate_private_key(SECP256R1()))
        self.key = generate_private_key(SECP256R1())
        ca = certificate(*self.issuer, self.issuer, [(x509.BasicConstraints(True, None), True)])
        self.leaf = self._leaf(f"{name} TSA", ExtendedKeyUsageOID.TIME_STAMPING, critical=True)
        self.pem = folder / "ca.pem"
        self.pem.write_bytes(ca.public_bytes(Encoding.PEM))
        (folder / "tsa.pem").write_bytes(self.leaf.public_bytes(Encoding.PEM))
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(pem)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(config.format(folder=folder))
        self.text = base64.b64encode(ca.public_bytes(Encoding.DER)).decode()

    def _leaf(self, name, usage, *, critical, serial=None):
        extensions = [(x509.BasicConstraints(False, None), True)]
        if usage is not None:
            extensions.append((x509.ExtendedKeyUsage([usage]), critical))
        return certificate(name, self.key, self.issuer, extensions, serial)

    def forged(self, message, usage, *, critical=True):
        """Return a token whose certificate has another usage; `openssl ts` refuses to make such a token.

        The token is made with the valid certificate, which is then replaced by one of the same key, issuer, serial
        number and length.
        """
        good = self.leaf.public_bytes(Encoding.DER)
        for n in range(50 * 12):
            name = "x" * (1 + n // 12)  # several tries, because the length of a signature varies
            leaf = self._leaf(name, usage, critical=critical, serial=self.leaf.serial_number)
            bad = leaf.public_bytes(Encoding.DER)
            if len(bad) == len(good):
                token = self.token(message)
                assert good in token
                return token.replace(good, bad)
        raise AssertionError("no certificate of this length")

    def answer(self, request, response):
        """Answer a request's file as `openssl ts` does."""
        signer = ("-signer", self.folder / "tsa.pem", "-inkey", self.folder / "tsa.key")
        config = ("-section", "answer", "-config", self.folder / "tsa.cnf")
        self._ts("-reply", "-queryfile", request, *config, *signer, "-out", response)

    def token(self, message, digest="sha256", nonce="-no_nonce"):
        """Return a token over some bytes, made now."""
        (self.folder / "message").write_bytes(message)
        request, response = self.folder / "q.tsq", self.folder / "r.tsr"
        self._ts("-query", "-data", self.folder / "message", f"-{digest}", "-cert", *nonce.split(), "-out", request)
        self.answer(request, response)
        return response.read_bytes()

    def padded(self, token):
        """Return copies of a token, by place: in each, one place that no signature covers contains text."""
        text = _element(0x0C, b"Mrs Zebra " * 50)
        attribute = _element(0x30, bytes.fromhex("06032a0304"), _element(0x31, text))
        outsider = ("Mrs Zebra", generate_private_key(SECP256R1()))
        own = certificate(outsider[0], outsider[1], outsider, [])
        namesake = certificate(self.issuer[0], self.issuer[1], outsider, [(x509.BasicConstraints(True, None), True)])
        places = {
            "status": ([0], _element(0x30, text)),
            "unsigned attribute": ([1, 1, 0, 4, 0], _element(0xA1, attribute)),
            "certificate": ([1, 1, 0, 3], own.public_bytes(Encoding.DER)),
            "certificate of the authority's key": ([1, 1, 0, 3], namesake.public_bytes(Encoding.DER)),
            "certificate of the authority": ([1, 1, 0, 3], base64.b64decode(self.text)),
            "algorithms": ([1, 1, 0, 1], _element(0x30, bytes.fromhex("06032a0304"), text)),
            "parameters of the digest": ([1, 1, 0, 4, 0, 2], text),
            "parameters of the signature": ([1, 1, 0, 4, 0, 4], text),
        }
        return {name: edited(token, path, lambda old, new=new: old + new) for name, (path, new) in places.items()}

    @staticmethod
    def _ts(*arguments):
        done = subprocess.run([OPENSSL, "ts", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
