"""Authentication as generators: a flow yields a request, is sent the response, and may yield again.

    fixed.py     none, basic, header
    session.py   session_login          ┐ headers kept and renewed
    oauth2.py    oauth2 (assertion.py)  ┘ by renewed.py
    oauth1.py    oauth1                 ┐ signed by the transport
    hmac_url.py  hmac_url               ┘ at each attempt
    csrf.py      csrf                     around another scheme
    windows.py   windows                  one connection each request in flight

What an authenticator learns (a session, a token) is kept in it and guarded by a lock.
"""

from collections.abc import Mapping
from typing import Any

from appliance.clock import Clock
from appliance.errors import InvalidInput
from appliance.runtime.auth.csrf import CsrfAuthenticator
from appliance.runtime.auth.fixed import FixedHeaders, basic
from appliance.runtime.auth.flow import Authenticator, Credentials, Flow, SignOff
from appliance.runtime.auth.hmac_url import HmacUrlAuthenticator
from appliance.runtime.auth.oauth1 import OAuth1Authenticator, Tokens
from appliance.runtime.auth.oauth2 import OAuth2Authenticator
from appliance.runtime.auth.session import SessionAuthenticator
from appliance.runtime.auth.windows import WindowsAuthenticator
from appliance.runtime.definition import (
    Auth,
    BasicAuth,
    Choose,
    Csrf,
    Definition,
    HeaderAuth,
    HmacUrl,
    Http,
    NoAuth,
    OAuth1,
    OAuth2,
    SessionLogin,
    Windows,
)
from appliance.runtime.form import sealed_values
from appliance.runtime.template import compile_template

__all__ = ["Authenticator", "Credentials", "Flow", "SignOff", "authenticator"]


def authenticator(
    definition: Definition,
    http: Http,
    fields: Mapping[str, Any],
    clock: Clock,
    credentials: Credentials | None = None,
) -> Authenticator:
    """The authenticator of a connection; `fields` are the values of its form.

    Raises InvalidInput for a key or a choice in them that cannot be used.
    """
    return _made(definition.auth, definition, http, fields, clock, credentials)


def _made(
    auth: Auth,
    definition: Definition,
    http: Http,
    fields: Mapping[str, Any],
    clock: Clock,
    credentials: Credentials | None,
) -> Authenticator:
    where = f"{definition.system}.auth"
    secrets = sealed_values(definition, fields)

    def text(template: str) -> str:
        value = compile_template(template, where=where)(fields)
        return "" if value is None else str(value)

    match auth:
        case NoAuth():
            return FixedHeaders({})
        case BasicAuth():
            value = basic(text(auth.username), text(auth.password), auth.prefix)
            return FixedHeaders({auth.header: value})
        case HeaderAuth():
            return FixedHeaders({text(auth.header): text(auth.value)}, cookies=auth.cookies)
        case SessionLogin():
            return SessionAuthenticator(
                auth, http, fields, clock, rules=definition.errors, secrets=secrets, where=where
            )
        case OAuth2():
            return OAuth2Authenticator(
                auth,
                http,
                fields,
                clock,
                rules=definition.errors,
                secrets=secrets,
                credentials=credentials,
                where=where,
            )
        case OAuth1():
            tokens = Tokens(
                text(auth.consumer_key),
                text(auth.consumer_secret),
                text(auth.token),
                text(auth.token_secret),
                text(auth.realm),
            )
            return OAuth1Authenticator(tokens, clock)
        case HmacUrl():
            return HmacUrlAuthenticator(auth, fields, clock, where=where)
        case Windows():
            return WindowsAuthenticator(auth, http, fields, where=where)
        case Csrf():
            inner = _made(auth.inner, definition, http, fields, clock, credentials)
            return CsrfAuthenticator(auth, inner, http, fields, where=where)
        case Choose():
            chosen = auth.schemes.get(str(fields.get(auth.field)))
            if chosen is None:
                raise InvalidInput(f"{auth.field} is one of {', '.join(auth.schemes)}.")
            return _made(chosen, definition, http, fields, clock, credentials)
