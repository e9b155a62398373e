import base64

import pytest

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical, parse
from audits.verify.authorities import authority as read
from audits.verify.authorities import authority_text
from audits.verify.trust import parse_trust


def test_a_certificate_is_read_as_it_was_written(authority):
    assert authority_text(read(authority.text)) == authority.text


def wrong(authority):
    loose = authority.text.rstrip("=")
    der = base64.b64decode(authority.text)
    return {
        "": "is no certificate",
        "é": "is no certificate",
        authority.pem.read_text(): "is no certificate",
        base64.b64encode(der[:-1]).decode(): "is no certificate",
        base64.b64encode(der + b"\0").decode(): "is no certificate",
        authority_text(authority.leaf): "is not of a certification authority",
        **({} if loose == authority.text else {loose: "is no certificate"}),
    }


def test_a_root_holds_certificates_of_authorities_only(authority, releases):
    for text, said in wrong(authority).items():
        with pytest.raises(ValueError, match=said):
            read(text)
        value = parse(releases.root().to_bytes())
        with pytest.raises(VerifyError, match=f"E_TRUST .*authority 2 {said}"):
            parse_trust(canonical({**value, "authorities": [authority.text, text]}))
    with pytest.raises(VerifyError, match="an authority stands twice"):
        parse_trust(canonical({**value, "authorities": [authority.text] * 2}))


def test_base64_has_one_spelling(stamps, tmp_path):
    names = (stamps.Authority(tmp_path / str(n), "L" * n).text for n in range(1, 99))
    text = next(text for text in names if text.endswith("="))  # bits are left over
    at = len(text.rstrip("=")) - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:at] + alphabet[alphabet.index(text[at]) + 1] + text[at + 1 :]
    with pytest.raises(ValueError, match="is not written in its one spelling"):
        read(other)
