#!/usr/bin/env python3
"""Judges the client assertions that we sign, with cryptography's (OpenSSL's) RSA and X.509.

    PORTCULLIS_LOGIN_ASSERTIONS_DIR=DIR cargo test -p portcullis-login --test tokens
    python tests/foreign/login_assertion_check.py DIR crates/login/tests/fixture/cert.pem

DIR holds `ps256.jwt` and `rs256.jwt`. Signature, thumbprints and claims must be as Microsoft describes them,
and a signature over something else must be refused, or the check proves nothing. Ends with 1 otherwise.
"""

import base64
import json
import pathlib
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def verify(key, algorithm, signature, message):
    pad = {
        "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size),
        "RS256": padding.PKCS1v15(),
    }[algorithm]
    key.verify(signature, message, pad, hashes.SHA256())


def check(text, algorithm, certificate):
    header, claims, signature = text.strip().split(".")
    assert "=" not in text, "base64url is written without padding"
    message, signature = f"{header}.{claims}".encode(), unbase64(signature)
    header, claims = json.loads(unbase64(header)), json.loads(unbase64(claims))
    assert header["alg"] == algorithm and header["typ"] == "JWT", header
    assert header["x5t#S256"] == base64url(certificate.fingerprint(hashes.SHA256())), header
    if algorithm == "RS256":
        assert header["x5t"] == base64url(certificate.fingerprint(hashes.SHA1())), header
    assert claims["iss"] == claims["sub"] and claims["aud"].endswith("/oauth2/v2.0/token"), claims
    assert claims["nbf"] <= claims["iat"] < claims["exp"] <= claims["iat"] + 600, claims
    assert len(claims["jti"]) >= 32, claims
    key = certificate.public_key()
    verify(key, algorithm, signature, message)
    try:
        verify(key, algorithm, signature, message + b"x")
    except InvalidSignature:
        return
    sys.exit(f"{algorithm}: a signature over something else was taken")


def main(folder, certificate):
    certificate = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes())
    for algorithm in ("PS256", "RS256"):
        check((pathlib.Path(folder) / f"{algorithm.lower()}.jwt").read_text(), algorithm, certificate)
        print(f"{algorithm}: signature, thumbprint and claims are right")


if __name__ == "__main__":
    main(*sys.argv[1:])
