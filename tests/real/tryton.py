"""Tryton, a complete ERP that others wrote, as a server to test against.

Tryton is GPL-3: it lives in a virtual environment of its own in the test cache, runs as a process of its own
and is neither imported here nor a dependency of the appliance. The first start installs it and fills a
database through its own workflow (tryton_load.py); every later start copies that database.
"""

import base64
import hashlib
import http.client
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tests.real.cache import Unavailable, build_once, run
from tests.real.postgres import Postgres
from tests.real.server import Server, free_port
from tests.real.tryton_bulk import multiply_postgres, multiply_sqlite

SERIES = "8.0"
MODULES = (
    "account_invoice",
    "account_invoice_stock",
    "company",
    "currency",
    "party",
    "product",
    "production",
    "production_routing",
    "purchase",
    "purchase_request",
    "purchase_requisition",
    "stock",
    "stock_lot",
    "stock_supply",
)
LOADER = Path(__file__).with_name("tryton_load.py")
DATABASE = "tryton"

Backend = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP, untouched: `body` is not decompressed; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class TrytonError(Exception):
    """A call that Tryton refused: `status` is the HTTP status, `error` the JSON error or the page."""

    def __init__(self, status: int, error: Any) -> None:
        super().__init__(f"{status}: {error}")
        self.status = status
        self.error = error


class Tryton:
    """A running Tryton with about `orders` purchase orders at `url`, in the database `database`.

    `user` is the administrator; the users `buyer` and `guest` have `plain_password`. `settings` adds to
    Tryton's configuration file, by section. Use as a context manager, or call `stop`. Raises Unavailable when
    Tryton cannot be installed or, for `backend="postgresql"`, PostgreSQL is missing.
    """

    database = DATABASE
    user = "admin"
    password = "admin"
    plain_password = "plant-floor-8"

    def __init__(
        self,
        backend: Backend = "sqlite",
        orders: int = 200,
        settings: Mapping[str, Mapping[str, str | int]] | None = None,
    ) -> None:
        self._backend = backend
        self._settings = settings or {}
        self._environment = build_once(f"tryton-{SERIES}-{_digest(MODULES)}", _install)
        self._template = _template(self._environment, backend, orders)
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="tryton-"))
        self._session: str | None = None
        self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def call(self, method: str, *params: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Call `method` as `user` and return its JSON result, typed values still in their wrappers.

        The context is added as the last parameter of model calls. Raises TrytonError.
        """
        if self._session is None:
            self._session = self.sign_in(self.user, self.password)
        return self.call_as(self._session, method, *params, context=context)

    def call_as(
        self, session: str, method: str, *params: Any, context: Mapping[str, Any] | None = None
    ) -> Any:
        """The same under the Authorization header `session`, which `sign_in` returns."""
        if not method.startswith("common."):
            params = (*params, dict(context or {}))
        return self._result(self.post(method, list(params), {"Authorization": session}))

    def sign_in(self, user: str, password: str) -> str:
        """The Authorization header of a new session. Raises TrytonError."""
        answer = self.post("common.db.login", [user, {"password": password}, "en"])
        number, token, _ = self._result(answer)
        return "Session " + base64.b64encode(f"{user}:{number}:{token}".encode()).decode()

    def post(
        self,
        method: str,
        params: list[Any],
        headers: Mapping[str, str] | None = None,
        path: str = f"/{DATABASE}/rpc/",
    ) -> Answer:
        """Send one JSON-RPC request exactly so, and return the answer whatever it is."""
        body = json.dumps({"id": 1, "method": method, "params": params})
        return self.send(path, body, {"Content-Type": "application/json", **(headers or {})})

    def send(self, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            # http.client would ask for `identity`; these answers come as to a client that says nothing.
            connection.putrequest("POST", path, skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
                connection.putheader(name, value)
            connection.endheaders(body.encode())
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def multiply_orders(self, orders: int) -> int:
        """Bring the database to `orders` purchase orders by copies (tryton_bulk); returns how many lines."""
        if self._postgres:
            return multiply_postgres(self._postgres.uri + DATABASE, orders)
        return multiply_sqlite(self._folder / "data" / f"{DATABASE}.sqlite", orders)

    def wipe(self) -> None:
        """Forget every change since the start: the same server at the same address, on a fresh copy."""
        self._halt()
        shutil.rmtree(self._folder / "data")
        self._session = None
        self._start()

    def stop(self) -> None:
        self._halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _start(self) -> None:
        data = self._folder / "data"
        shutil.copytree(self._template / "data", data)
        # PostgreSQL's own account must reach the copy.
        self._folder.chmod(0o755)
        self._postgres = Postgres(data) if self._backend == "postgresql" else None
        web = {"web": {"listen": f"127.0.0.1:{self._port}"}}
        configuration = _configure(self._folder, data, self._postgres, {**web, **self._settings})
        command: list[str | Path] = [
            self._environment / "bin" / "trytond",
            "-c",
            configuration,
            "-d",
            DATABASE,
        ]
        self._server = Server(command, self._port, self._folder / "trytond.log")

    def _halt(self) -> None:
        self._server.stop()
        if self._postgres:
            self._postgres.stop()

    @staticmethod
    def _result(answer: Answer) -> Any:
        try:
            content = json.loads(answer.body)
        except ValueError:
            raise TrytonError(answer.status, answer.body.decode()) from None
        if answer.status != 200 or "error" in content:
            raise TrytonError(answer.status, content.get("error", content))
        return content["result"]


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


def _install(folder: Path) -> None:
    try:
        run([sys.executable, "-m", "venv", folder])
        wanted = [f"trytond[postgresql]=={SERIES}.*", f"proteus=={SERIES}.*"]
        wanted += [f"trytond_{module}=={SERIES}.*" for module in MODULES]
        run([folder / "bin" / "pip", "install", "--quiet", *wanted])
    except RuntimeError as failure:
        raise Unavailable(f"Tryton could not be installed: {failure}") from failure


def _template(environment: Path, backend: Backend, orders: int) -> Path:
    """The cached database with `orders` loaded orders, made when absent or when the loader has changed."""

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="tryton-") as name:
            work = Path(name)
            work.chmod(0o755)
            data = work / "data"
            data.mkdir()
            postgres = Postgres(data) if backend == "postgresql" else None
            if postgres:
                postgres.create_database(DATABASE)
            else:
                (data / f"{DATABASE}.sqlite").touch()
            configuration = _configure(work, data, postgres, {})
            try:
                _fill(environment, configuration, postgres.uri if postgres else "sqlite:///", orders)
            finally:
                if postgres:
                    postgres.stop()
            shutil.copytree(data, folder / "data")

    name = f"tryton-{SERIES}-{backend}-{orders}-{_digest(MODULES, LOADER.read_text())}"
    return build_once(name, build)


def _fill(environment: Path, configuration: Path, uri: str, orders: int) -> None:
    password = configuration.with_name("password")
    password.write_text(Tryton.password)
    admin: list[str | Path] = [environment / "bin" / "trytond-admin", "-c", configuration, "-d", DATABASE]
    first = [*admin, "--all", "--email", "admin@example.test"]
    run(first, env={"TRYTONPASSFILE": str(password)})
    run([*admin, "--activate-dependencies", "-u", *MODULES])
    run([environment / "bin" / "python", LOADER, uri + DATABASE, configuration, str(orders)])


def _configure(
    folder: Path, data: Path, postgres: Postgres | None, settings: Mapping[str, Mapping[str, str | int]]
) -> Path:
    sections = {"database": {"uri": postgres.uri if postgres else "sqlite://", "path": str(data)}, **settings}
    lines = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
    path = folder / "trytond.conf"
    path.write_text("\n".join(lines) + "\n")
    return path
