"""The client side of a Windows sign-in: tokens of NTLM, Kerberos or Negotiate.

NTLM needs nothing but the password. Kerberos tickets are got by the system's Kerberos library (SSPI on Windows,
GSSAPI elsewhere), which asks the domain controllers named in its own configuration by itself.
"""

from typing import Literal

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import NoCredentialError, SpnegoError

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceCredentialsRejected

Protocol = Literal["negotiate", "ntlm", "kerberos"]


class WindowsLogin:
    """One sign-in on one connection.

    `certificate` (DER) is the server's: over TLS the tokens are bound to it (RFC 5929), which servers with
    extended protection insist on. Raises ConfigurationError where this machine cannot do `protocol`.
    """

    def __init__(
        self,
        protocol: Protocol,
        username: str,
        password: str,
        *,
        service: str,
        host: str,
        certificate: bytes | None = None,
    ) -> None:
        try:
            self._context = spnego.client(
                username,
                password,
                hostname=host,
                service=service,
                protocol=protocol,
                context_req=spnego.ContextReq.sequence_detect | spnego.ContextReq.mutual_auth,
                channel_bindings=None if certificate is None else _bindings(certificate),
            )
        except NoCredentialError:
            raise _refused() from None
        except (SpnegoError, ImportError) as error:
            raise ConfigurationError(
                f"This machine cannot sign in with {protocol}: {_words(error)}. Install and configure Kerberos for "
                "the appliance, or choose NTLM."
            ) from None

    def step(self, challenge: bytes | None) -> bytes | None:
        """The next token for the server, None when there is nothing more to send.

        Raises SourceCredentialsRejected when no ticket can be had, SourceAnswerInvalid for an unreadable challenge.
        """
        try:
            token = self._context.step(challenge)
        except SpnegoError as error:
            if challenge is None:
                raise _refused() from None
            raise SourceAnswerInvalid(
                f"The source's part of the Windows sign-in cannot be used: {_words(error)}."
            ) from None
        return bytes(token) if token else None


def _bindings(certificate: bytes) -> GssChannelBindings:
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        algorithm = None
    # RFC 5929, 4.1: what signed the certificate, but never MD5 or SHA-1.
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def _refused() -> SourceCredentialsRejected:
    return SourceCredentialsRejected(
        "No Windows sign-in is possible with these credentials. Check user name with its domain, and the password."
    )


def _words(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
