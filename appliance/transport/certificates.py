"""What a certificate says, and why one was refused, in words an administrator can act on."""

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_CHAIN = 9, 10, 18, 19
_UNKNOWN_ISSUER, _NO_FIRST, _NAME, _ADDRESS = 20, 21, 62, 64


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """One completed handshake. `sha256` (hex) is the pin; `chain` holds the subjects sent, leaf first."""

    version: str
    cipher: str
    subject: str
    issuer: str
    not_after: datetime
    sha256: str
    names: tuple[str, ...]
    chain: tuple[str, ...]


def sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def facts(version: str, cipher: str, chain: Sequence[bytes]) -> TlsFacts:
    """`chain`: the DER certificates the server sent, leaf first, at least one."""
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    leaf = certificates[0]
    return TlsFacts(
        version=version,
        cipher=cipher,
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        not_after=leaf.not_valid_after_utc,
        sha256=sha256(chain[0]),
        names=_names(leaf),
        chain=tuple(certificate.subject.rfc4514_string() for certificate in certificates),
    )


def why_refused(error: ssl.SSLCertVerificationError, asked_for: str, chain: Sequence[bytes]) -> str:
    """One or two sentences: what is wrong with the certificate for `asked_for`, and the remedy.

    `chain` is what the server sent (DER, leaf first); empty when it could not be looked at again.
    """
    if not chain:
        return f"its certificate was refused ({error.verify_message})."
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError:
        return f"its certificate was refused ({error.verify_message}) and cannot be read."
    leaf, code = certificates[0], error.verify_code
    if code in (_EXPIRED, _NOT_YET_VALID):
        return _out_of_time(code, certificates)
    if code in (_NAME, _ADDRESS):
        names = ", ".join(_names(leaf)) or "no name at all"
        return (
            f"its certificate is for {names}, not for {asked_for}. Use one of these names in the address, "
            "or set the server name of the connection."
        )
    if code == _SELF_SIGNED or leaf.subject == leaf.issuer:
        return (
            f"its certificate is self-signed ({leaf.subject.rfc4514_string()}). Add it to the trusted "
            f"certificates, or pin it: SHA-256 {sha256(chain[0])}."
        )
    if code in (_SELF_SIGNED_CHAIN, _UNKNOWN_ISSUER, _NO_FIRST):
        return (
            f"its certificate was issued by {_missing_issuer(certificates)}, which is not trusted here. "
            "Add the certificate of that authority to the trusted certificates."
        )
    return f"its certificate was refused ({error.verify_message})."


def _out_of_time(code: int, certificates: Sequence[x509.Certificate]) -> str:
    if code == _EXPIRED:
        first = min(certificates, key=lambda certificate: certificate.not_valid_after_utc)
        return (
            f"the certificate of {first.subject.rfc4514_string()} expired on "
            f"{first.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Have it renewed there."
        )
    last = max(certificates, key=lambda certificate: certificate.not_valid_before_utc)
    return (
        f"the certificate of {last.subject.rfc4514_string()} is valid only from "
        f"{last.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. Check the clock of this machine."
    )


def _missing_issuer(certificates: Sequence[x509.Certificate]) -> str:
    """The first issuer upwards from the leaf that the server did not send, or the root it did send."""
    by_subject = {certificate.subject: certificate for certificate in certificates}
    current = certificates[0]
    for _ in certificates:
        issuer = by_subject.get(current.issuer)
        if issuer is None or issuer is current:
            break
        current = issuer
    return current.issuer.rfc4514_string()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    if not isinstance(extension, x509.SubjectAlternativeName):
        return ()
    return (
        *extension.get_values_for_type(x509.DNSName),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    )
