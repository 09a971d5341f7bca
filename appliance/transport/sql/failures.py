"""What a database driver raises, as our errors."""

import re

from appliance.errors import (
    ApplianceError,
    SourceAccessDenied,
    SourceAnswerInvalid,
    SourceCredentialsRejected,
    SourceError,
    SourceUnreachable,
)
from appliance.transport.errors import CertificateRefused
from appliance.transport.sql.login import Login

# Patterns over code and message of the driver; the first that is found says what it means.
_MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"certificate verify failed|certificate.*(does not match|doesn't match)|root certificate",
        "certificate",
    ),
    (r"server does not support SSL|SSL is required but the server|insecure transport|no encryption", "tls"),
    # PostgreSQL words and SQLSTATE class 28; MySQL 1045, 1698; SQL Server 18456, 18452; Oracle 1017, 28000.
    (
        r"password authentication failed|no password supplied|\b28(000|P01)\b|\b(1045|1698|18456|18452)\b"
        r"|role \".*\" does not exist|ORA-01017|ORA-28000|ORA-28001|ORA-01005|DPY-4001",
        "credentials",
    ),
    # PostgreSQL 3D000; MySQL 1049; SQL Server 4060, 911; Oracle 12514, 12505, DPY-6001.
    (
        r"database \".*\" does not exist|\b3D000\b|\b(1049|4060|911)\b|ORA-12514|ORA-12505|DPY-6001|DPY-6003",
        "database",
    ),
    (r"no pg_hba\.conf entry|\b(1130)\b", "host"),
    # PostgreSQL 42501; MySQL 1044, 1142, 1143, 1227, 1370; SQL Server 229, 230, 916; Oracle 1031, 1045.
    (r"\b42501\b|\b(1044|1142|1143|1227|1370|229|230|916)\b|ORA-01031|ORA-01045", "denied"),
    # PostgreSQL 57014, 55P03; MariaDB 1969; MySQL 3024, 1205; SQL Server 1222, 20003; Oracle DPY-4024.
    (
        r"\b(57014|55P03|1969|3024|1205|1222|20003)\b|DPY-4024|DPI-1067|ORA-30006|timed out|timeout",
        "timeout",
    ),
    # A read-only session: PostgreSQL 25006; MySQL 1792; Oracle 1456.
    (r"\b(25006|1792)\b|ORA-01456", "writes"),
    # PostgreSQL 42P01, 42703, 3F000; MySQL 1146, 1054; SQL Server 207, 208; Oracle 942, 904.
    (r"\b(42P01|42703|3F000|1146|1054|207|208)\b|ORA-00942|ORA-00904", "missing"),
    # PostgreSQL classes 08, 57P and 53300; MySQL 2002 to 2013, 1040; SQL Server 20002 to 20047; Oracle 12541, 3113.
    (
        r"\b(08\d{3}|57P0\d|53300|2002|2003|2006|2013|1040|20002|20004|20006|20009|20047)\b"
        r"|ORA-12541|ORA-03113|ORA-03114|DPY-4011|DPY-6005|connection.*(closed|refused|reset|lost)",
        "unreachable",
    ),
)


def translated(error: BaseException, login: Login) -> ApplianceError:
    """The error to raise for what a driver raised."""
    code, said = _code(error), _said(error, login)
    found = next((kind for pattern, kind in _MEANINGS if re.search(pattern, f"{code} {said}", re.I)), "fail")
    details = {"host": login.host, "port": login.port, "source_message": said}
    tail = f" It said: {said}" if said else ""
    match found:
        case "certificate":
            return CertificateRefused(
                f"{login.host} cannot be trusted. Add the authority of its certificate to the appliance's "
                f"trusted certificates, and use the host name that stands in the certificate.{tail}",
                details={**details, "stage": "tls"},
            )
        case "tls":
            return SourceUnreachable(
                f"{login.host} and this connection do not agree on encryption. Set up TLS on the database server, "
                f"or choose another encryption for this connection.{tail}",
                details={**details, "stage": "tls"},
            )
        case "credentials":
            return SourceCredentialsRejected(
                f"The database rejects the credentials. Check user and password, and that the account is neither "
                f"locked nor expired.{tail}",
                details=details,
            )
        case "database":
            return SourceError(
                f"There is no database {login.database!r} on {login.host}. Check its name.{tail}",
                details=details,
            )
        case "host":
            return SourceAccessDenied(
                f"The database server does not admit this machine or user. Have it permitted there.{tail}",
                details=details,
            )
        case "denied":
            return SourceAccessDenied(
                f"The database denies access. Give the user the SELECT rights named in the guide.{tail}",
                details=details,
            )
        case "timeout":
            return SourceUnreachable(
                f"The database did not answer the query within {login.timeout:g} s. Have the key and the change "
                f"column indexed, or ask for smaller pages.{tail}",
                details={**details, "stage": "read"},
            )
        case "writes":
            return SourceError(
                f"The query tries to write, which the session does not admit.{tail}", details=details
            )
        case "missing":
            return SourceAnswerInvalid(
                f"The query names a table or column that the database does not have, or that the user may not see."
                f"{tail}",
                details=details,
            )
        case "unreachable":
            return SourceUnreachable(
                f"The connection to the database on {login.host} broke.{tail}",
                details={**details, "stage": "read"},
            )
    return SourceError(f"The database refused the query.{tail}", details=details)


def _code(error: BaseException) -> str:
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        return str(sqlstate)
    first = error.args[0] if error.args else ""
    if isinstance(first, tuple):
        first = first[0] if first else ""
    code = getattr(first, "full_code", None)
    return str(code or (first if isinstance(first, int) else ""))


def _said(error: BaseException, login: Login) -> str:
    """The server's own words on one line, without the password."""
    parts: list[str] = []
    waiting: list[object] = [*error.args]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, tuple | list):
            waiting = [*part, *waiting]
        elif isinstance(part, bytes):
            parts.append(part.decode("utf-8", "replace"))
        else:
            parts.append(str(part))
    text = re.sub(r"\s+", " ", " ".join(parts)).strip()
    if login.password:
        text = re.sub(rf"(?<!\w){re.escape(login.password)}(?!\w)", "…", text)
    return text[:300]
