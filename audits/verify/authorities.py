"""Certificates of those who vouch for timestamps, as a trust root holds them."""

import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


def authority_text(certificate: x509.Certificate) -> str:
    """Return a certificate in its one spelling: base64 of DER."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def authority(text: str) -> x509.Certificate:
    """Return the certificate of a text; a ValueError says why it is none that can vouch for a timestamp."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text.encode("ascii"), validate=True))
        extensions = certificate.extensions
    except (binascii.Error, ValueError):
        raise ValueError("is no certificate") from None
    if authority_text(certificate) != text:
        raise ValueError("is not written in its one spelling")
    try:
        is_ca = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    if not is_ca:
        raise ValueError("is not of a certification authority")
    return certificate
