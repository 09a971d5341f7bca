"""What a definition and the fields of a connection say about its way to the source: call limits and TLS."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from appliance.errors import InvalidInput
from appliance.runtime.definition import CallWindow, Http
from appliance.runtime.definition.tls import CA, CLIENT_CERTIFICATE, CLIENT_KEY, MINIMUM
from appliance.transport.budget import BudgetLimits, Window
from appliance.transport.limit_headers import LimitHeaders
from appliance.transport.outbound import Terms
from appliance.transport.trust import TlsOptions


def terms_of(http: Http, fields: Mapping[str, Any]) -> Terms:
    """Raises InvalidInput naming the field for a certificate or key that cannot be used."""
    budget, told = http.budget, http.budget.headers
    limits = BudgetLimits(
        windows=_windows(budget.windows),
        concurrency=budget.concurrency,
        interactive_share=budget.reserve,
    )
    host_limits = None
    if budget.host.windows or budget.host.concurrency:
        host_limits = BudgetLimits(
            windows=_windows(budget.host.windows),
            concurrency=budget.host.concurrency,
            interactive_share=budget.reserve,
        )
    headers = None
    if told is not None:
        headers = LimitHeaders(told.remaining, told.reset, told.reset_as, told.limit)
    return Terms(limits, host_limits, headers, tls_options(fields))


def tls_options(fields: Mapping[str, Any]) -> TlsOptions:
    """The TLS side of a connection, from the form fields that `http.tls` adds."""
    certificate, key = fields.get(CLIENT_CERTIFICATE), fields.get(CLIENT_KEY)
    authority = fields.get(CA)
    client_pem = None
    if certificate or key:
        _check_client(str(certificate or ""), str(key or ""))
        client_pem = f"{certificate}\n{key}\n"
    if authority:
        _certificates(CA, str(authority))
    return TlsOptions(
        client_pem=client_pem,
        ca_pem=str(authority) if authority else None,
        minimum=str(fields.get(MINIMUM) or "1.2"),
    )


def _windows(windows: tuple[CallWindow, ...]) -> tuple[Window, ...]:
    return tuple(Window(window.calls, window.seconds) for window in windows)


def _check_client(certificate: str, key: str) -> None:
    if not certificate:
        raise _wrong(CLIENT_CERTIFICATE, "the key needs its certificate")
    if not key:
        raise _wrong(CLIENT_KEY, "the certificate needs its key")
    leaf = _certificates(CLIENT_CERTIFICATE, certificate)[0]
    try:
        own = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        raise _wrong(CLIENT_KEY, "it is no PEM private key without a passphrase") from None
    if _public(own.public_key()) != _public(leaf.public_key()):
        raise _wrong(CLIENT_KEY, "it does not belong to the certificate")


def _certificates(name: str, pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise _wrong(name, "it holds no PEM certificate") from None


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _wrong(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"The field {name} cannot be used: {why}.", details={"fields": {name: why}})
