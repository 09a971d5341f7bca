"""JSON web tokens signed with a private key (RFC 7515, 7518, 7523)."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from appliance.clock import Clock, new_secret
from appliance.errors import InvalidInput
from appliance.runtime.definition import Assertion
from appliance.runtime.template import compile_template


class Assertions:
    """Makes assertions of one connection. `fields` are the values of its form.

    Raises InvalidInput for a key or certificate that cannot be used.
    """

    def __init__(self, spec: Assertion, fields: Mapping[str, Any], clock: Clock, *, where: str) -> None:
        def value(name: str) -> str:
            rendered = compile_template(getattr(spec, name), where=f"{where}.{name}")(fields)
            return "" if rendered is None else str(rendered)

        self._spec = spec
        self._clock = clock
        self._key = _read_key(spec.algorithm, value("key"), value("passphrase"))
        self._head = {"alg": spec.algorithm, "typ": "JWT"}
        if key_id := value("key_id"):
            self._head["kid"] = key_id
        if certificate := value("certificate"):
            self._head[spec.thumbprint] = _thumbprint(certificate, spec.thumbprint)
        self._claims = compile_template(spec.claims, where=f"{where}.claims")(fields)

    def make(self, issuer: str, audience: str) -> str:
        """A fresh assertion."""
        now = self._clock.now_ms() // 1000
        claims = {
            "iss": issuer,
            "sub": issuer,
            "aud": audience,
            # Clocks differ by a few seconds, and a token from the future is refused.
            "iat": now - 5,
            "exp": now + self._spec.seconds,
            "jti": new_secret("jti"),
            **self._claims,
        }
        body = {name: value for name, value in claims.items() if value is not None}
        signed = f"{_encoded(self._head)}.{_encoded(body)}"
        return f"{signed}.{_base64url(_sign(self._spec.algorithm, self._key, signed.encode()))}"


_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _read_key(algorithm: str, pem: str, passphrase: str) -> _Key:
    try:
        key = serialization.load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except TypeError:
        raise _unusable(
            "its passphrase is missing" if not passphrase else "it has no passphrase, but one is given"
        ) from None
    except ValueError:
        raise _unusable("it is no PEM private key, or the passphrase is wrong") from None
    if algorithm == "ES256":
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        raise _unusable("ES256 needs a key on the curve P-256")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    raise _unusable(f"{algorithm} needs an RSA key of at least 2048 bits")


def _sign(algorithm: str, key: _Key, content: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if algorithm == "PS256":
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return key.sign(content, pss, hashes.SHA256())
    return key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def _thumbprint(pem: str, kind: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise InvalidInput("The certificate of the sign-in cannot be used: it is not PEM.") from None
    der = certificate.public_bytes(serialization.Encoding.DER)
    # SHA-1 is what `x5t` is defined as (RFC 7515); it names the certificate and secures nothing.
    return _base64url(
        hashlib.sha1(der, usedforsecurity=False).digest() if kind == "x5t" else hashlib.sha256(der).digest()
    )


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64url(msgspec.json.encode(value))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(f"The private key of the sign-in cannot be used: {why}.")
