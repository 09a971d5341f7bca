"""A database of a plant on a real server, seen from both sides: filled by its owner, read by a connector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import pymysql

from tests.real.mariadb import PASSWORD, USER, MariaDb
from tests.real.postgres import SUPERUSER, Postgres

READER, READER_PASSWORD = "reader", "reader-pw-3"


@dataclass
class PlantDatabase:
    """`owner` is a DB-API connection that commits at once; `fields` are those of the connect form."""

    dialect: Literal["postgresql", "mysql"]
    port: int
    owner: Any
    name: str = "plant"
    ca_file: Path | None = None

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "dialect": self.dialect,
            "host": "127.0.0.1",
            "port": self.port,
            "database": self.name,
            "username": READER,
            "password": READER_PASSWORD,
            "schema": None,
            "tls": "off",
            "time_zone": "Europe/Berlin",
        }

    def execute(self, statement: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        with self.owner.cursor() as cursor:
            if rows is None:
                cursor.execute(statement)
            else:
                cursor.executemany(statement, rows)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.owner.cursor() as cursor:
            cursor.execute(statement)
            return cast(list[tuple[Any, ...]], list(cursor.fetchall()))

    def table(self, name: str, columns: str, rows: Sequence[Sequence[Any]] = ()) -> None:
        """A table made anew that the reader may read."""
        self.execute(f"DROP TABLE IF EXISTS {name}")
        self.execute(f"CREATE TABLE {name} ({columns})")
        self.execute(f"GRANT SELECT ON {name} TO {READER}")
        if rows:
            self.execute(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


def on_postgres(server: Postgres) -> PlantDatabase:
    """A new database on the server, for whose reader a password is asked."""
    access = Path(server.folder) / "pg_hba.conf"
    access.write_text(f"host all {READER} 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
    server.create_database("plant")
    owner = psycopg.connect(
        host="127.0.0.1", port=server.port, user=SUPERUSER, dbname="plant", autocommit=True
    )
    plant = PlantDatabase("postgresql", server.port, owner)
    plant.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'")
    plant.execute("SELECT pg_reload_conf()")
    return plant


def on_mariadb(server: MariaDb) -> PlantDatabase:
    owner = pymysql.connect(
        host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, autocommit=True, charset="utf8mb4"
    )
    plant = PlantDatabase("mysql", server.port, owner, ca_file=server.ca_file)
    plant.execute("CREATE DATABASE plant CHARACTER SET utf8mb4")
    plant.execute("USE plant")
    plant.execute(f"CREATE USER {READER} IDENTIFIED BY '{READER_PASSWORD}'")
    # Without a right to anything in it, MariaDB denies the database.
    plant.table("readable", "a int")
    return plant
