"""Who may do what: Basic logon, sessions by cookie, the CSRF token of a session, authorization for each
service.
"""

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from appliance.clock import Clock, new_secret

from .odata.errors import PlainRefusal
from .render import html_page

SYSTEM = "S4H"
SESSION_IDLE_SECONDS = 1800  # the common profile value http/security_session_timeout
_MOST_SESSIONS = 10_000


@dataclass
class User:
    """A user; `services` are the services of its S_SERVICE authorization, None for all."""

    password: str
    services: frozenset[str] | None = None
    failed_logons: int = 0


@dataclass
class Session:
    """A logon session; its CSRF token is made when first asked for."""

    identity: str
    user: str
    used: float
    token: str | None = None


class Access:
    """The users and the sessions of the system; safe for several threads.

    A user is locked after `lock_after` wrong passwords (login/fails_to_user_lock, 5 by default), and then
    refused with the right one too: a client that keeps trying does real harm.
    """

    def __init__(self, users: dict[str, User], clock: Clock, *, client: str, lock_after: int) -> None:
        self.users = users
        self.client = client
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self._clock = clock
        self._lock_after = lock_after
        self._lock = threading.Lock()

    @property
    def cookie_name(self) -> str:
        return f"SAP_SESSIONID_{SYSTEM}_{self.client}"

    def log_on(self, authorization: str, client: str | None) -> str:
        """The name of the user that the Authorization header proves. Raises PlainRefusal 401."""
        name, password = _credentials(authorization)
        user = self.users.get(name.upper())
        with self._lock:
            if user is None or user.failed_logons >= self._lock_after or client not in (None, self.client):
                raise self._refusal()
            if user.password != password:
                user.failed_logons += 1
                raise self._refusal()
            user.failed_logons = 0
        return name.upper()

    def session(self, cookie_header: str, user: str) -> tuple[Session, bool]:
        """The session of the cookie, or a new one; True when it is new."""
        identity = self._session_cookie(cookie_header)
        now = self._clock.monotonic()
        with self._lock:
            known = self.sessions.get(identity)
            if known and known.user == user and now - known.used < SESSION_IDLE_SECONDS:
                known.used = now
                self.sessions.move_to_end(identity)
                return known, False
            fresh = Session(new_secret("sid"), user, now)
            self.sessions[fresh.identity] = fresh
            if len(self.sessions) > _MOST_SESSIONS:
                self.sessions.popitem(last=False)
            return fresh, True

    def fetch_token(self, session: Session) -> str:
        """The CSRF token of the session."""
        if session.token is None:
            session.token = new_secret("csrf")
        return session.token

    def check_token(self, session: Session, sent: str | None) -> None:
        """Raises PlainRefusal 403, header `x-csrf-token: Required`, unless `sent` is the session's token."""
        if not sent or session.token is None or sent != session.token:
            raise PlainRefusal(
                403,
                "CSRF token validation failed",
                content_type="text/plain",
                headers={"x-csrf-token": "Required"},
            )

    def expire_sessions(self) -> None:
        """End every session, as the idle time-out does."""
        with self._lock:
            self.sessions.clear()

    def _session_cookie(self, header: str) -> str:
        try:
            cookies: Mapping[str, object] = SimpleCookie(header)
        except CookieError:
            return ""
        return str(getattr(cookies.get(self.cookie_name), "value", ""))

    def _refusal(self) -> PlainRefusal:
        return PlainRefusal(
            401,
            html_page("401 Unauthorized", "Logon failed. Logon credentials are missing or wrong."),
            headers={
                "WWW-Authenticate": f'Basic realm="SAP NetWeaver Application Server [{SYSTEM}/{self.client}]"'
            },
        )


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
