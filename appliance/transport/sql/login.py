"""What a database connection needs to know."""

from dataclasses import dataclass, field
from typing import Literal

DialectName = Literal["postgresql", "mysql", "sqlserver", "oracle"]
Tls = Literal["verify", "encrypt", "off"]


@dataclass(frozen=True, slots=True)
class Login:
    """Where a database is and who reads it.

    `dialect`: `mysql` stands for MariaDB as well. `database` is the service name on Oracle. `schema` is where
    unqualified tables are looked for; SQL Server takes the user's own. `tls`: `verify` checks the server's
    certificate, `encrypt` does not. `timeout`: seconds for one statement.
    """

    dialect: DialectName
    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)
    schema: str = ""
    tls: Tls = "verify"
    timeout: float = 60.0
