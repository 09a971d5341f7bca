"""One driver a dialect, imported when it is first used, and the read-only session each of them opens.

SQL Server is reached by pymssql (LGPL), whose wheels hold all they need: pyodbc needs a driver of Microsoft's under
its own licence installed on the machine. It cannot check certificates, so it refuses `verify`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import ConfigurationError
from appliance.transport.sql.login import Login
from appliance.transport.stages import Route
from appliance.transport.trust import Trust

CONNECT_SECONDS = 10
LOCK_MS = 10_000


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to the server: `ca_file` holds all certificates that are trusted, PEM."""

    route: Route
    trust: Trust
    ca_file: Path

    def address(self) -> str:
        """An address of the host that is permitted and answers. Raises EgressRefused, SourceUnreachable."""
        with self.route.open() as sock:
            return str(sock.getpeername()[0])


@dataclass(frozen=True, slots=True)
class Driver:
    """`url` is SQLAlchemy's name of it, `grammar` sqlglot's; `begin` runs at the start of every transaction."""

    url: str
    grammar: str
    port: int
    connect: Callable[[Login, Way], Any]
    begin: tuple[str, ...] = ()


def _postgresql(login: Login, way: Way) -> Any:
    import psycopg

    milliseconds = int(login.timeout * 1000)
    options = f"-c default_transaction_read_only=on -c statement_timeout={milliseconds}"
    if login.schema:
        schema = login.schema.replace("\\", "\\\\").replace(" ", "\\ ")
        options += f" -c search_path={schema}"
    connection = psycopg.connect(
        host=login.host,
        hostaddr=way.address(),  # what the egress policy has judged; the name is for the certificate
        port=login.port,
        dbname=login.database,
        user=login.username,
        password=login.password,
        connect_timeout=CONNECT_SECONDS,
        sslmode={"verify": "verify-full", "encrypt": "require", "off": "disable"}[login.tls],
        sslrootcert=str(way.ca_file) if login.tls == "verify" else None,
        gssencmode="disable",
        application_name="appliance",
        options=options,
    )
    # Every transaction begins as READ ONLY: the session's default could be set by a function.
    connection.read_only = True
    return connection


def _mysql(login: Login, way: Way) -> Any:
    import pymysql

    tls: dict[str, Any] = {"ssl_disabled": True}
    if login.tls == "verify":
        tls = {"ssl": way.trust.client().context}
    elif login.tls == "encrypt":
        tls = {"ssl": {"check_hostname": False, "verify_mode": "none"}}
    connection = pymysql.connect(
        host=login.host,
        port=login.port,
        user=login.username,
        password=login.password,
        database=login.database or None,
        charset="utf8mb4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=login.timeout + 5,
        write_timeout=login.timeout,
        local_infile=False,
        defer_connect=True,
        program_name="appliance",
        **tls,
    )
    sock = way.route.open()
    try:
        connection.connect(sock)
    except BaseException:
        sock.close()
        raise
    limit = (
        f"max_statement_time = {login.timeout:g}"
        if "MariaDB" in connection.get_server_info()  # type: ignore[no-untyped-call]
        else f"max_execution_time = {int(login.timeout * 1000)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {limit}, time_zone = '+00:00'")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
    return connection


def _sqlserver(login: Login, way: Way) -> Any:
    import pymssql

    if login.tls == "verify":
        raise ConfigurationError(
            "The certificate of a SQL Server cannot be checked by this connection. "
            "Choose encryption without a check, on a network you trust."
        )
    connection = pymssql.connect(
        server=way.address(),
        port=str(login.port),
        user=login.username,
        password=login.password,
        database=login.database,
        login_timeout=CONNECT_SECONDS,
        timeout=int(login.timeout),
        appname="appliance",
        encryption="require" if login.tls == "encrypt" else "off",
        read_only=True,
        autocommit=False,
    )
    with connection.cursor() as cursor:
        # It has no read-only session. We never commit, give way to others in a deadlock, and do not wait for long.
        cursor.execute(f"SET LOCK_TIMEOUT {LOCK_MS}")
        cursor.execute("SET DEADLOCK_PRIORITY LOW")
    return connection


def _oracle(login: Login, way: Way) -> Any:
    import oracledb

    address = way.address()
    encrypted = login.tls != "off"
    connection = oracledb.connect(
        user=login.username,
        password=login.password,
        # Over TLS the name is needed to compare it with the certificate.
        host=login.host if encrypted else address,
        port=login.port,
        service_name=login.database,
        protocol="tcps" if encrypted else "tcp",
        ssl_context=way.trust.client().context if login.tls == "verify" else None,
        ssl_server_dn_match=login.tls == "verify",
        tcp_connect_timeout=CONNECT_SECONDS,
        program="appliance",
    )
    connection.call_timeout = int(login.timeout * 1000)
    if login.schema:
        connection.current_schema = login.schema
    return connection


DRIVERS: dict[str, Driver] = {
    "postgresql": Driver("postgresql+psycopg", "postgres", 5432, _postgresql),
    "mysql": Driver("mysql+pymysql", "mysql", 3306, _mysql),
    "sqlserver": Driver("mssql+pymssql", "tsql", 1433, _sqlserver),
    "oracle": Driver("oracle+oracledb", "oracle", 1521, _oracle, ("SET TRANSACTION READ ONLY",)),
}
