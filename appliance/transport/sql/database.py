"""A database that is only read, a few connections at a time."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from appliance.errors import SourceAnswerInvalid
from appliance.transport.egress import Egress
from appliance.transport.sql.drivers import CONNECT_SECONDS, DRIVERS, Way
from appliance.transport.sql.failures import translated
from appliance.transport.sql.guard import check
from appliance.transport.sql.login import Login
from appliance.transport.stages import Route, resolve
from appliance.transport.trust import Trust

CONNECTIONS = 4
ROWS_AHEAD = 500

_LITERAL_COLON = re.compile(r":(?!p__\d)")


@dataclass(frozen=True, slots=True)
class Rows:
    """Column names as the server gives them, and the rows, fetched while they are gone through."""

    columns: tuple[str, ...]
    values: Iterator[Sequence[Any]]


class Database:
    """Close it when done. No network traffic until it is first asked something."""

    def __init__(self, login: Login, egress: Egress, trust: Trust) -> None:
        self.login = login
        self._driver = DRIVERS[login.dialect]
        self._route = Route(login.host, login.port or self._driver.port, egress, CONNECT_SECONDS)
        self._trust = trust
        self._folder = tempfile.TemporaryDirectory(prefix="trust-")
        self._engine: Engine = create_engine(
            f"{self._driver.url}://",
            creator=self._connect,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=600,
        )

    @property
    def encrypted(self) -> bool:
        return self.login.tls != "off"

    def quote(self, name: str) -> str:
        """A name as an identifier of the dialect, exactly as it is written."""
        return str(self._engine.dialect.identifier_preparer.quote_identifier(name))

    def stages(self) -> list[tuple[str, Callable[[], str]]]:
        """The steps to the database for the staged probe, by name. Each tells what it found, or raises."""
        return [("resolve", self._resolve), ("connect", self._reach), ("authenticate", self._sign_in)]

    @contextmanager
    def rows(self, statement: str, parameters: Sequence[Any] = (), *, most: int) -> Iterator[Rows]:
        """Run a query whose places for parameters are `:p__0`, `:p__1`, … and which gives at most `most` rows.

        The transaction is rolled back at the end. Raises ConfigurationError for a statement that is not admitted,
        SourceAnswerInvalid for more rows, else the SourceError that the server's answer means.
        """
        check(statement, self.login.dialect)
        prepared = text(_LITERAL_COLON.sub(r"\\:", statement))
        bound = {f"p__{number}": value for number, value in enumerate(parameters)}
        with self._reading() as connection:
            result = connection.execute(prepared, bound)
            try:
                names = tuple(str(column[0]) for column in result.cursor.description)
                yield Rows(names, self._limited(result, most))
            finally:
                result.close()

    def close(self) -> None:
        self._engine.dispose()
        self._folder.cleanup()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(stream_results=True, max_row_buffer=ROWS_AHEAD)
                for statement in self._driver.begin:
                    connection.exec_driver_sql(statement)
                yield connection
                return
        except DBAPIError as failure:
            caught: BaseException = failure.orig or failure
        except (SQLAlchemyError, OSError) as failure:
            caught = failure
        # Outside of the `except`, so that no traceback carries the parameters along.
        raise translated(caught, self.login)

    def _limited(self, result: Any, most: int) -> Iterator[Sequence[Any]]:
        for number, row in enumerate(result, start=1):
            if number > most:
                raise SourceAnswerInvalid(
                    f"The database gives more than {most} rows to one query of a page. Ask for smaller pages."
                )
            yield row

    def _connect(self) -> Any:
        return self._driver.connect(self.login, Way(self._route, self._trust, self._ca_file()))

    def _ca_file(self) -> Path:
        file = Path(self._folder.name) / "trusted.pem"
        if not file.exists():
            file.write_bytes(self._trust.certificates())
        return file

    def _resolve(self) -> str:
        addresses = resolve(self.login.host)
        for address in addresses:
            self._route.egress.check(self.login.host, address)
        return f"{self.login.host} is {', '.join(addresses[:4])}."

    def _reach(self) -> str:
        self._route.open().close()
        return f"{self.login.host} answers on port {self._route.port}."

    def _sign_in(self) -> str:
        with self._reading() as connection:
            version = connection.dialect.server_version_info or ()
        shown = ".".join(str(part) for part in version if isinstance(part, int))
        return f"The credentials are accepted. The server's version is {shown}." if shown else "Signed in."
