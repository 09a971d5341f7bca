"""The TLS fields of a connect form, the same for every system that offers them."""

from collections.abc import Iterable
from typing import Literal

from appliance.runtime.definition.form import FormField

CLIENT_CERTIFICATE, CLIENT_KEY = "tls_client_certificate", "tls_client_key"
CA, MINIMUM = "tls_ca", "tls_minimum"

_FIELDS = {
    "client_certificate": (
        FormField(
            name=CLIENT_CERTIFICATE,
            label="Client certificate",
            type="document",
            required=False,
            help="PEM, with the certificates of its issuers below it. For systems that ask for mutual TLS.",
        ),
        FormField(
            name=CLIENT_KEY,
            label="Key of the client certificate",
            type="document",
            secret=True,
            required=False,
            help="PEM, without a passphrase.",
        ),
    ),
    "ca": (
        FormField(
            name=CA,
            label="Certificate authority of the system",
            type="document",
            required=False,
            help="PEM. Only where neither this machine nor the site trusts the authority already.",
        ),
    ),
    "minimum": (
        FormField(
            name=MINIMUM,
            label="Lowest TLS version",
            type="choice",
            choices={
                "1.3": "TLS 1.3",
                "1.2": "TLS 1.2",
                "1.1": "TLS 1.1, insecure",
                "1.0": "TLS 1.0, insecure",
            },
            default="1.2",
            required=False,
            help="Below 1.2 only for a system that cannot do better, in a network nobody else listens to.",
        ),
    ),
}


def tls_fields(names: Iterable[Literal["client_certificate", "ca", "minimum"]]) -> tuple[FormField, ...]:
    """The form fields for what `http.tls` of a definition names."""
    return tuple(form_field for name in dict.fromkeys(names) for form_field in _FIELDS[name])
