"""A certificate authority of our own, for servers on loopback."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Signs server and client certificates into `folder`; `ca_file` is what a client must trust."""

    def __init__(self, folder: Path, name: str = "Plant Root CA") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(name, self._key, (), timedelta(days=30), ca=True)
        self.ca_file = folder / f"{name.replace(' ', '-')}.pem"
        self.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, *names: str, lasts: timedelta = timedelta(days=10), self_signed: bool = False
    ) -> tuple[Path, Path]:
        """Certificate and key file for DNS names and IP addresses; a negative `lasts` has already expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(names[0], key, names, lasts, ca=False, by_itself=self_signed)
        stem = f"{names[0]}-{x509.random_serial_number() % 10**8}"
        cert_file, key_file = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert_file, key_file

    def _sign(
        self,
        common: str,
        key: ec.EllipticCurvePrivateKey,
        names: tuple[str, ...],
        lasts: timedelta,
        *,
        ca: bool,
        by_itself: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        own = ca or by_itself
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common))
            .issuer_name(_name(common) if own else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), False)
        return builder.sign(key if own else self._key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
