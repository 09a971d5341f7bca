"""A real appliance in a temporary directory, and browsers of it without a browser: Flask's test client."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.model.entity import load_model
from appliance.server.wsgi import create_app
from appliance.settings import load_settings
from tests.support.clock import ManualClock

NAME = "operator"
PASSWORD = "a long enough passphrase"
BASE = "https://localhost"


@dataclass(slots=True)
class Browser:
    """Keeps cookies; `post` sends the token of the forms it has seen, as a person's browser would."""

    client: FlaskClient
    form_token: str = ""

    def get(self, path: str, **given: object) -> TestResponse:
        response = self.client.get(path, base_url=BASE, **given)  # type: ignore[arg-type]
        found = re.search(r'name="form_token" value="([^"]+)"', response.text)
        if found:
            self.form_token = found.group(1)
        return response

    def post(self, path: str, data: dict[str, object] | None = None, **given: object) -> TestResponse:
        sent = {"form_token": self.form_token, **(data or {})}
        return self.client.post(path, base_url=BASE, data=sent, **given)  # type: ignore[arg-type]

    def sign_in(self, password: str = PASSWORD, **more: str) -> TestResponse:
        self.get("/admin/sign-in")
        response = self.post("/admin/sign-in", {"name": NAME, "password": password, **more})
        if response.status_code == 303:
            self.get("/admin/credits")
        return response

    def ticket(self, path: str) -> str:
        """The ticket of the form on a page."""
        found = re.search(r'name="ticket" value="([^"]+)"', self.get(path).text)
        assert found is not None
        return found.group(1)

    def connect_sandbox(self, name: str = "Sandbox") -> TestResponse:
        ticket = self.ticket("/admin/connect/sandbox")
        return self.post("/admin/connect/sandbox", {"name": name, "ticket": ticket, "historical_days": "90"})


def shown_token(response: TestResponse) -> str:
    """The token on the page that shows it."""
    found = re.search(r'id="token"[^>]*value="(apl_[^"]+)"', response.text)
    assert found is not None
    return found.group(1)


@dataclass(frozen=True, slots=True)
class Plant:
    appliance: Appliance
    clock: ManualClock
    app: Flask

    def connection(self, response: TestResponse) -> Connection:
        """The connection whose token a page shows."""
        bearer = self.appliance.connections.tokens.authenticate(shown_token(response))
        return self.appliance.connections.get(bearer.connection_id)

    def connections(self) -> int:
        return len(self.appliance.connections.table.all())

    def browser(self) -> Browser:
        return Browser(self.app.test_client())

    def signed_in(self) -> Browser:
        browser = self.browser()
        assert browser.sign_in().status_code == 303
        return browser


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Passwords are hashed for real but cheaply, and the model, which nothing changes, is read once."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = functools.partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr("appliance.users.accounts.PasswordHasher", cheap)
        patch.setattr("appliance.app.load_model", functools.cache(load_model))
        yield


@contextmanager
def opened(folder: Path) -> Iterator[Plant]:
    clock = ManualClock()
    appliance = Appliance.open(load_settings({"data_dir": str(folder / "data")}, {}), clock)
    yield Plant(appliance, clock, create_app(appliance))
    appliance.close()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Plant]:
    """Before the set-up: there is no administrator."""
    with opened(tmp_path) as plant:
        yield plant


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """With an administrator. One for the tests of a file, since making its routes takes longer than they do."""
    with opened(tmp_path_factory.mktemp("plant")) as plant:
        plant.appliance.accounts.add(NAME, PASSWORD)
        yield plant


@pytest.fixture
def browser(plant: Plant) -> Browser:
    return plant.signed_in()
