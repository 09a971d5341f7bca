"""A plain HTTP session that trusts nothing but what is on the wire."""

from dataclasses import dataclass, field
from typing import Any

import requests

from tests.simulators.gateway import Gateway


@dataclass
class Client:
    """A session with credentials; paths are relative to a service."""

    gateway: Gateway
    http: requests.Session = field(default_factory=requests.Session)
    service: str = "API_PURCHASEORDER_PROCESS_SRV"

    def get(self, path: str, json: bool = True, /, **options: str) -> requests.Response:
        """GET with options given without their `$`; names with `_` stand for `-` (sap_client)."""
        params = {
            name.replace("_", "-") if "_" in name else f"${name}": value for name, value in options.items()
        }
        if json:
            params.setdefault("$format", "json")
        return self.http.get(self.gateway.service_url(self.service) + path, params=params)

    def rows(self, path: str, **options: str) -> list[dict[str, Any]]:
        answer = self.get(path, True, **options)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["d"]["results"]
        return rows

    def all_rows(self, path: str, **options: str) -> list[dict[str, Any]]:
        """Every row, following `__next` to the end."""
        answer = self.get(path, True, **options)
        rows: list[dict[str, Any]] = []
        for _ in range(100):
            assert answer.status_code == 200, answer.text
            rows += answer.json()["d"]["results"]
            following = answer.json()["d"].get("__next")
            if not following:
                return rows
            answer = self.http.get(following)
        raise AssertionError("the next links do not come to an end")

    def token(self) -> str:
        answer = self.http.get(self.gateway.service_url(self.service), headers={"x-csrf-token": "Fetch"})
        return answer.headers["x-csrf-token"]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """A modifying request with a fresh token; header names with `_` stand for `-`."""
        sent = {"x-csrf-token": self.token(), "Accept": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(
            method, self.gateway.service_url(self.service) + path, json=body, headers=sent
        )

    def error(self, answer: requests.Response) -> str:
        """The message of a V2 error body."""
        message: str = answer.json()["error"]["message"]["value"]
        return message
