"""The token endpoint of Microsoft Entra for client credentials, as its documentation describes it."""

from typing import Any
from urllib.parse import parse_qs

SECRET = "kQ8~plant-secret"
CLIENT = "0b8e6c9e-52a1-4d0f-8f0e-3c5f5d1f9a77"
TENANT = "plant.example"


class Tokens:
    """Gives out bearer tokens; `expire` makes all of them unknown."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.given: list[str] = []
        self._valid: set[str] = set()

    def expire(self) -> None:
        self._valid.clear()

    def accepts(self, header: str) -> bool:
        return header.startswith("Bearer ") and header[7:] in self._valid

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if not headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return 400, _error("invalid_request", "AADSTS900144: the body must be form-encoded.")
        if path != f"/{TENANT}/oauth2/v2.0/token":
            return 400, _error("invalid_request", "AADSTS90002: Tenant not found.")
        if asked.get("grant_type") != "client_credentials":
            return 400, _error("unsupported_grant_type", "AADSTS70003: The grant is not supported.")
        if asked.get("scope") != self.scope:
            return 400, _error("invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
        if asked.get("client_id") != CLIENT:
            return 400, _error("unauthorized_client", "AADSTS700016: Application was not found.")
        if asked.get("client_secret") != SECRET:
            return 401, _error("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return self.given_out()

    def given_out(self) -> tuple[int, dict[str, Any]]:
        token = f"token-{len(self.given) + 1}"
        self.given.append(token)
        self._valid.add(token)
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}


def _error(code: str, description: str) -> dict[str, Any]:
    return {"error": code, "error_description": description}
