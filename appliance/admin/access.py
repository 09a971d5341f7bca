"""Who may see a page, and which forms are taken.

Every form carries a token. A signed-in browser's is that of its session. Before there is a session (sign-in,
set-up) it equals a random cookie, so that no other site can sign a browser in to an account of its choice: the
`__Host-` prefix keeps neighboring hosts from planting that cookie. The Origin header would not do in its place,
browsers send `null` there under our Referrer-Policy. SameSite and Sec-Fetch-Site are second lines.
"""

import hmac
from urllib.parse import urlsplit

from flask import Response, g, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.clock import new_secret
from appliance.errors import PermissionDenied
from appliance.users.accounts import Account
from appliance.users.sessions import Session

SESSION_COOKIE = "__Host-appliance"
VISITOR_COOKIE = "__Host-appliance-visitor"
FORM_TOKEN = "form_token"  # noqa: S105 - name of a form field
OPEN_TO_ALL = ("admin.sign_in", "admin.do_sign_in", "admin.set_up", "admin.do_set_up")
LONGEST_COOKIE = 200


class FormRefused(PermissionDenied):
    code = "FORM_REFUSED"


class Access:
    def __init__(self, appliance: Appliance) -> None:
        self._sessions = appliance.sessions

    def guard(self) -> AnyResponse | None:
        """Before every page: to the sign-in without a session, and no change without the form's token."""
        cookie = request.cookies.get(SESSION_COOKIE, "")[:LONGEST_COOKIE]
        session = self._sessions.find(cookie) if cookie else None
        g.session = session
        if session is not None:
            g.form_token = session.csrf
        else:
            g.form_token = request.cookies.get(VISITOR_COOKIE, "")[:LONGEST_COOKIE] or new_secret("vis")
        if session is None and request.endpoint not in OPEN_TO_ALL:
            return _to_sign_in()
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self._check_form(session)
        return None

    def keep_visitor(self, response: Response) -> Response:
        """After every page: let a browser without a session keep the cookie its forms are compared with."""
        token = g.get("form_token")
        if g.get("session") is None and token and request.cookies.get(VISITOR_COOKIE) != token:
            _set(response, VISITOR_COOKIE, token)
        return response

    def enter(self, account: Account, target: str) -> AnyResponse:
        """Open a session and go on to `target`. A session that this browser already had ends."""
        self._end_session()
        session = self._sessions.open(account)
        response = redirect(target, 303)
        _set(response, SESSION_COOKIE, session.cookie)
        response.delete_cookie(VISITOR_COOKIE, secure=True, httponly=True, samesite="Strict")
        g.session = session
        return response

    def leave(self) -> AnyResponse:
        self._end_session()
        response = redirect(url_for("admin.sign_in", signed_out=1), 303)
        response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="Strict")
        return response

    def _end_session(self) -> None:
        session: Session | None = g.get("session")
        if session is not None:
            self._sessions.end(session.cookie)

    def _check_form(self, session: Session | None) -> None:
        expected = session.csrf if session else request.cookies.get(VISITOR_COOKIE, "")[:LONGEST_COOKIE]
        given = request.form.get(FORM_TOKEN, "")
        same = hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
        foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        if not expected or not same or foreign:
            raise FormRefused(
                "This form does not belong to your present session, so nothing was changed. "
                "Go back, load the page again and send it once more. "
                "Cookies must be allowed and the page opened by HTTPS."
            )


def target_after_sign_in(given: str | None) -> str:
    """`given` when it is a page of ours, else the home page: a link to the sign-in may not lead elsewhere."""
    home = url_for("admin.home")
    if not given or "\\" in given or any(ord(character) < 33 for character in given):
        return home
    parts = urlsplit(given)
    inside = (
        not parts.scheme and not parts.netloc and parts.path.startswith(home) and not given.startswith("//")
    )
    return given if inside else home


def _to_sign_in() -> AnyResponse:
    if request.path.endswith(".json"):
        response = jsonify(error="signed out")
        response.status_code = 401
        return response
    asked = request.full_path.rstrip("?") if request.method == "GET" else None
    if asked == url_for("admin.home"):
        asked = None
    return redirect(url_for("admin.sign_in", next=asked), 303)


def _set(response: AnyResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="Strict")
