"""Admits a statement only when it is a single query that changes nothing.

This is the second of three walls: the account should have SELECT rights only, and the session is read only where
the dialect has that. What the server and our parser might read differently is refused before it is parsed:
comments, backslashes in texts, dollar quotes.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from appliance.errors import ConfigurationError
from appliance.transport.sql.drivers import DRIVERS
from appliance.transport.sql.login import DialectName

MAX_LENGTH = 100_000

# Functions that write, wait, read files, reach other machines or run statements given as text.
_FUNCTIONS = frozenset(
    {
        *(
            "set_config",
            "nextval",
            "setval",
            "query_to_xml",
            "query_to_xml_and_xmlschema",
            "query_to_xmlschema",
        ),
        *("cursor_to_xml", "table_to_xml", "schema_to_xml", "database_to_xml"),
        *("load_file", "sleep", "benchmark", "get_lock", "release_lock", "release_all_locks", "is_free_lock"),
        *("master_pos_wait", "source_pos_wait", "sys_exec", "sys_eval"),
        *("openrowset", "openquery", "opendatasource", "openxml", "httpuritype", "dburitype"),
    }
)
_FUNCTION_PREFIXES = ("pg_", "lo_", "dblink", "xp_", "sp_", "fn_", "dbms_", "utl_", "ctx_", "owa_", "htp")
# Read-only members of those families.
_HARMLESS = frozenset({"pg_typeof", "pg_column_size"})
_FORBIDDEN_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.NextValueFor,
    exp.Set,
    exp.Copy,
    exp.Semicolon,
)


@lru_cache(512)
def check(statement: str, dialect: DialectName) -> exp.Query:
    """The parsed statement, which is a single SELECT, perhaps with WITH and set operations.

    Raises ConfigurationError telling what is not admitted.
    """
    if len(statement) > MAX_LENGTH:
        raise _refused("it is too long")
    if not re.match(r"\s*(SELECT|WITH|\()", statement, re.IGNORECASE):
        raise _refused("it is not a SELECT")
    _refuse_ambiguous(statement, dialect)
    grammar = DRIVERS[dialect].grammar
    try:
        tokens = sqlglot.tokenize(statement, read=grammar)
        parsed = sqlglot.parse(statement, read=grammar)
    except (SqlglotError, RecursionError) as failure:
        raise _refused(f"it cannot be read: {_one_line(failure)}") from None
    if len(parsed) != 1 or any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise _refused("it is not a single statement. Leave out semicolons")
    query = parsed[0]
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise _refused("it is not a SELECT")
    for node in query.walk():
        if isinstance(node, _FORBIDDEN_NODES):
            raise _refused(f"{type(node).__name__.upper()} is not admitted in a query that only reads")
    _refuse_functions(tokens)
    return query


@lru_cache(512)
def split(query: str, dialect: DialectName) -> tuple[str, str]:
    """A checked query as its WITH part, empty or ending in a blank, and its SELECT.

    SQL Server admits WITH at the very beginning only, so that the query cannot be put into brackets whole. Raises
    ConfigurationError also for an order or a limit, which the paging brings.
    """
    query = query.strip()
    parsed = check(query, dialect)
    if ":p__" in query:
        raise _refused("names that begin with :p__ are taken for the paging")
    for name in ("order", "limit", "offset"):
        if parsed.args.get(name) is not None:
            raise _refused("ORDER BY, LIMIT, TOP, FETCH and OFFSET are added by the paging; leave them out")
    if "with_" not in parsed.args or parsed.args["with_"] is None:
        return "", query
    depth = 0
    for token in sqlglot.tokenize(query, read=DRIVERS[dialect].grammar):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0 and token.token_type == TokenType.SELECT:
            return query[: token.start], query[token.start :]
    raise _refused("after WITH it goes on with SELECT, without brackets around")


def _refuse_ambiguous(statement: str, dialect: DialectName) -> None:
    for quote, part in _lexemes(statement, dialect):
        if quote == "'" and "\\" in part:
            raise _refused("a text holds a backslash, which servers read in different ways")
        if quote in ('"', "`") and "\\" in part:
            raise _refused("a name holds a backslash")
        if quote:
            continue
        comment = re.search(r"--|/\*|\*/|#" if dialect == "mysql" else r"--|/\*|\*/", part)
        if comment:
            raise _refused(f"it holds {comment[0]!r}. Comments belong into the YAML around it")
        if "$$" in part or re.search(r"\$\w*\$", part):
            raise _refused("texts between dollar signs are not admitted")
        if "\0" in part or "\\" in part:
            raise _refused("it holds a backslash or a null character")


def _lexemes(statement: str, dialect: DialectName) -> Iterator[tuple[str, str]]:
    """The statement cut into quoted parts, each with its quote, and what is between them, with none."""
    closing = {"'": "'", '"': '"'}
    if dialect == "mysql":
        closing["`"] = "`"
    if dialect == "sqlserver":
        closing["["] = "]"
    start = place = 0
    while place < len(statement):
        end = closing.get(statement[place])
        if end is None:
            place += 1
            continue
        yield "", statement[start:place]
        close = statement.find(end, place + 1)
        if close < 0:
            raise _refused("a quote is not closed")
        yield statement[place], statement[place + 1 : close]
        start = place = close + 1
    yield "", statement[start:]


def _refuse_functions(tokens: list[Token]) -> None:
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        name = token.text.lower()
        if name == "nextval":
            raise _refused("NEXTVAL moves a sequence")
        if following is None or following.token_type not in (TokenType.L_PAREN, TokenType.DOT):
            continue
        called = following.token_type == TokenType.L_PAREN
        package = name.startswith(("dbms_", "utl_", "owa_"))
        denied = name in _FUNCTIONS or (name.startswith(_FUNCTION_PREFIXES) and name not in _HARMLESS)
        if (called and denied and token.token_type != TokenType.STRING) or package:
            raise _refused(f"{name}() is not admitted in a query that only reads")


def _refused(why: str) -> ConfigurationError:
    return ConfigurationError(f"The query is refused: {why}.", details={"reason": why})


def _one_line(failure: Exception) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(failure))
    return re.sub(r"\s+", " ", plain).strip().rstrip(".")[:200]
