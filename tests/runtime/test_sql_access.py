"""What a database connection may do, and what is said when it cannot."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import (
    ConfigurationError,
    SourceAccessDenied,
    SourceAnswerInvalid,
    SourceCredentialsRejected,
    SourceError,
    SourceUnreachable,
)
from appliance.runtime.definition import Sql
from appliance.runtime.place import database_login
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused, EgressRefused
from appliance.transport.sql import Login
from appliance.transport.sql import database as database_module
from appliance.transport.sql.database import Database
from appliance.transport.sql.failures import translated
from appliance.transport.trust import Trust
from tests.support.plant_database import READER_PASSWORD, PlantDatabase
from tests.transport.authority import Authority


@pytest.fixture(params=["postgres_plant", "mariadb_plant"])
def plant(request: pytest.FixtureRequest) -> PlantDatabase:
    found: PlantDatabase = request.getfixturevalue(request.param)
    return found


@contextmanager
def connected(
    plant: PlantDatabase, egress: Egress | None = None, trust: Trust | None = None, **more: Any
) -> Iterator[Database]:
    login = database_login(Sql(timeout=more.pop("timeout", 5.0)), {**plant.fields, **more})
    database = Database(login, egress or Egress(), trust or Trust())
    try:
        yield database
    finally:
        database.close()


def ask(database: Database, statement: str, most: int = 100) -> list[Any]:
    with database.rows(statement, (), most=most) as rows:
        return [tuple(row) for row in rows.values]


def test_the_steps_of_the_probe_tell_what_they_found(plant):
    with connected(plant) as database:
        said = [(name, step()) for name, step in database.stages()]
    assert [name for name, _ in said] == ["resolve", "connect", "authenticate"]
    assert "credentials are accepted" in said[-1][1]


def test_a_wrong_password_is_told_and_not_repeated(plant):
    with (
        connected(plant, password="wrong-pw-9") as database,
        pytest.raises(SourceCredentialsRejected) as refused,
    ):
        ask(database, "SELECT 1")
    assert "wrong-pw-9" not in str(vars(refused.value)) + refused.value.message


def test_an_unknown_user_is_told(plant):
    with connected(plant, username="nobody_known") as database, pytest.raises(SourceCredentialsRejected):
        ask(database, "SELECT 1")


def test_an_unknown_database_is_told(plant):
    with (
        connected(plant, database="other") as database,
        pytest.raises(SourceError, match=r"other|denies access"),
    ):
        ask(database, "SELECT 1")


def test_a_table_without_rights_is_told(plant):
    plant.execute("DROP TABLE IF EXISTS secret_table")
    plant.execute("CREATE TABLE secret_table (a int)")
    with connected(plant) as database, pytest.raises(SourceAccessDenied, match="SELECT rights"):
        ask(database, "SELECT a FROM secret_table")


def test_a_port_nobody_listens_on_is_told(plant):
    with connected(plant, port=1) as database, pytest.raises(SourceUnreachable, match="connection refused"):
        ask(database, "SELECT 1")


def test_a_destination_that_is_not_permitted_is_not_connected_to(plant):
    with connected(plant, Egress(["10.0.0.0/8"])) as database:
        with pytest.raises(EgressRefused):
            ask(database, "SELECT 1")
        with pytest.raises(EgressRefused):
            database.stages()[0][1]()


def test_a_name_resolved_to_a_forbidden_address_is_not_connected_to(plant, monkeypatch):
    monkeypatch.setattr("appliance.transport.stages.resolve", lambda host: ["169.254.169.254"])
    with connected(plant, host="plant-db.example") as database, pytest.raises(EgressRefused):
        ask(database, "SELECT 1")


def test_even_a_statement_that_passes_the_check_cannot_write(plant, monkeypatch):
    """The session stands for itself: with the check gone, and rights to write, it still refuses."""
    plant.table("notes", "a int", [(1,)])
    plant.execute("GRANT ALL ON notes TO reader")
    monkeypatch.setattr(database_module, "check", lambda statement, dialect: None)
    with connected(plant) as database:
        for statement in ("DELETE FROM notes", "INSERT INTO notes VALUES (2)", "DROP TABLE notes"):
            with pytest.raises((SourceError, SourceAccessDenied)):
                ask(database, statement)
    assert plant.ask("SELECT a FROM notes") in ([(1,)], ((1,),))


def test_the_check_stands_before_the_database(plant):
    with connected(plant) as database, pytest.raises(ConfigurationError, match="refused"):
        ask(database, "DELETE FROM notes")


def test_a_statement_that_takes_too_long_is_ended(plant):
    numbers = " CROSS JOIN ".join(f"(SELECT 1 AS x UNION ALL SELECT 2) t{n}" for n in range(28))
    with connected(plant, timeout=0.3) as database, pytest.raises(SourceUnreachable, match=r"within 0\.3 s"):
        ask(database, f"SELECT COUNT(*) FROM {numbers}")


def test_more_rows_than_a_page_may_have_are_an_error(plant):
    plant.table("wo", "no int primary key", [(n,) for n in range(20)])
    with connected(plant) as database:
        assert len(ask(database, "SELECT no FROM wo", most=20)) == 20
        with pytest.raises(SourceAnswerInvalid, match="more than 19 rows"):
            ask(database, "SELECT no FROM wo", most=19)


def test_a_connection_the_server_closed_is_opened_anew(plant):
    with connected(plant) as database:
        assert ask(database, "SELECT 1") == [(1,)]
        if plant.dialect == "postgresql":
            plant.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
        else:
            for (number,) in plant.ask("SELECT id FROM information_schema.processlist WHERE user = 'reader'"):
                plant.execute(f"KILL {number}")
        assert ask(database, "SELECT 1") == [(1,)]


def test_a_server_without_encryption_is_not_spoken_to_when_it_is_asked_for(postgres_plant):
    for tls in ("verify", "encrypt"):
        with (
            connected(postgres_plant, tls=tls) as database,
            pytest.raises(SourceUnreachable, match="encryption"),
        ):
            ask(database, "SELECT 1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Exception((18456, b"Login failed for user 'reader'.")), SourceCredentialsRejected),
        (Exception((4060, b"Cannot open database")), SourceError),
        (Exception((229, b"The SELECT permission was denied on the object 'WO'")), SourceAccessDenied),
        (Exception((208, b"Invalid object name 'WO'.")), SourceAnswerInvalid),
        (Exception((1222, b"Lock request time out period exceeded.")), SourceUnreachable),
        (Exception("ORA-01017: invalid username/password; logon denied"), SourceCredentialsRejected),
        (Exception("ORA-28000: the account is locked"), SourceCredentialsRejected),
        (Exception("ORA-12514: TNS:listener does not currently know of service"), SourceError),
        (Exception("ORA-00942: table or view does not exist"), SourceAnswerInvalid),
        (Exception("ORA-01456: may not perform insert/delete/update operation"), SourceError),
        (Exception("DPY-4024: call timeout of 5000 ms exceeded"), SourceUnreachable),
    ],
)
def test_what_sql_server_and_oracle_say_has_its_meaning(error, kind):
    """By their published error numbers; neither can be run here."""
    login = Login("sqlserver", "db", 1433, "plant", "reader", READER_PASSWORD)
    assert type(translated(error, login)) is kind


def test_the_certificate_of_the_server_is_checked(postgres_plant, tmp_path):
    plant, folder = postgres_plant, Path(postgres_plant.ask("SHOW data_directory")[0][0])
    authority, other = Authority(tmp_path), Authority(tmp_path, "Other Root")
    certificate, key = authority.issue("localhost", "127.0.0.1")
    for source, name in ((certificate, "server.crt"), (key, "server.key")):
        (folder / name).write_bytes(source.read_bytes())
        (folder / name).chmod(0o600)
        shutil.chown(folder / name, folder.owner())
    plant.execute("ALTER SYSTEM SET ssl = on")
    plant.execute("SELECT pg_reload_conf()")
    tls = {"tls": "verify", "host": "localhost"}
    try:
        with connected(plant, trust=Trust([authority.ca_file]), **tls) as database:
            assert ask(database, "SELECT ssl FROM pg_stat_ssl WHERE pid <> 0 AND ssl") == [(True,)]
        with (
            connected(plant, trust=Trust([other.ca_file]), **tls) as database,
            pytest.raises(CertificateRefused),
        ):
            ask(database, "SELECT 1")
        with connected(plant, tls="encrypt") as database:
            assert ask(database, "SELECT ssl FROM pg_stat_ssl WHERE pid <> 0 AND ssl") == [(True,)]
    finally:
        plant.execute("ALTER SYSTEM RESET ssl")
        plant.execute("SELECT pg_reload_conf()")


def test_the_certificate_of_mariadb_is_checked(mariadb_plant, tmp_path):
    plant, state = mariadb_plant, "SELECT variable_value FROM information_schema.session_status"
    cipher = f"{state} WHERE variable_name = 'SSL_CIPHER'"
    trusted, other = Trust([plant.ca_file]), Trust([Authority(tmp_path, "Other Root").ca_file])
    with connected(plant, trust=trusted, tls="verify", host="localhost") as database:
        assert ask(database, cipher)[0][0]
    for trust, host in ((other, "localhost"), (trusted, "127.0.0.1")):
        with (
            connected(plant, trust=trust, tls="verify", host=host) as database,
            pytest.raises(CertificateRefused),
        ):
            ask(database, "SELECT 1")
    with connected(plant, tls="encrypt") as database:
        assert ask(database, cipher)[0][0]
    with connected(plant, tls="off") as database:
        assert not ask(database, cipher)[0][0]
