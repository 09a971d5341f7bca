"""Only a single query that changes nothing passes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.transport.sql.guard import check, split

DIALECTS = ("postgresql", "mysql", "sqlserver", "oracle")

ADMITTED = [
    "SELECT a, b FROM t WHERE x LIKE 'A%' AND y IS NOT NULL",
    "select t.*, coalesce(a, 'none') from plant.t t left join u on u.id = t.uid",
    "SELECT a FROM t UNION ALL SELECT b FROM u",
    "SELECT a, (SELECT MAX(c) FROM u WHERE u.a = t.a) AS m FROM t GROUP BY a HAVING COUNT(*) > 1",
    "WITH c AS (SELECT a FROM t) SELECT a FROM c",
    "SELECT 'it''s; DROP TABLE t -- no' AS note, \"update\" FROM t",
    "SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY c) AS n FROM t",
    "SELECT sleep, benchmark FROM machine",
]

REFUSED = [
    "",
    "DELETE FROM t",
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "MERGE INTO t USING u ON (t.a = u.a) WHEN MATCHED THEN UPDATE SET a = 1",
    "DROP TABLE t",
    "TRUNCATE TABLE t",
    "CREATE TABLE x AS SELECT * FROM t",
    "SELECT * INTO x FROM t",
    "SELECT a FROM t; DELETE FROM t",
    "SELECT a FROM t;",
    "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
    "WITH d AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM d",
    "WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR SHARE",
    "SELECT pg_sleep(10)",
    'SELECT "pg_sleep"(10)',
    "SELECT pg_catalog.pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT nextval('s')",
    "SELECT s.NEXTVAL FROM dual",
    "SELECT NEXT VALUE FOR s",
    "SELECT query_to_xml('delete from t', true, true, '')",
    "SELECT * FROM dblink('host=x', 'delete from t') AS d(a int)",
    "SELECT LOAD_FILE('/etc/passwd')",
    "SELECT SLEEP(10)",
    "SELECT a FROM t INTO OUTFILE '/tmp/x'",
    "SELECT a FROM t INTO @x",
    "SELECT /*!50000 1 INTO OUTFILE '/tmp/x' */",
    "SELECT 1 -- comment",
    "SELECT 1 /* comment */",
    "SELECT 'a\\' FROM t WHERE b = ' OR 1=1",
    "SELECT $$ text $$",
    "SELECT $x$ text $x$",
    "EXEC sp_who",
    "EXECUTE xp_cmdshell 'dir'",
    "SELECT * FROM OPENROWSET('SQLNCLI', 'x', 'delete from t')",
    "SELECT * FROM OPENQUERY(x, 'delete from t')",
    "SELECT utl_http.request('http://x') FROM dual",
    "SELECT sys.dbms_lock.sleep(5) FROM dual",
    "CALL p()",
    "BEGIN DELETE FROM t; END",
    "DO $$ BEGIN DELETE FROM t; END $$",
    "COPY t TO PROGRAM 'id'",
    "EXPLAIN ANALYZE DELETE FROM t",
    "SET ROLE postgres",
    "GRANT ALL ON t TO x",
    "LOCK TABLE t",
    "TABLE t",
    "VALUES (1)",
    "SHOW ALL",
    "SELECT 'open",
    "(SELECT a FROM t",
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("query", ADMITTED)
def test_a_query_that_only_reads_is_admitted(query, dialect):
    assert "".join(split(query, dialect)) == query


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_single_query_is_refused(query, dialect):
    with pytest.raises(ConfigurationError, match="The query is refused"):
        check(query, dialect)


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ("postgresql", "SELECT a FROM t ORDER BY a"),
        ("postgresql", "SELECT a FROM t LIMIT 5"),
        ("mysql", "SELECT a FROM t LIMIT 5 OFFSET 2"),
        ("sqlserver", "SELECT TOP 5 a FROM t"),
        ("oracle", "SELECT a FROM t FETCH FIRST 5 ROWS ONLY"),
        ("postgresql", "SELECT a FROM t WHERE a > :p__0"),
    ],
)
def test_what_the_paging_adds_is_refused_in_a_query(dialect, query):
    with pytest.raises(ConfigurationError, match="paging"):
        split(query, dialect)


def test_hints_of_sql_server_and_names_in_brackets_are_admitted():
    query = "SELECT [WO No], [a]]b] FROM [dbo].[WO] WITH (NOLOCK) WHERE [Status] <> 'C'"
    assert split(query, "sqlserver") == ("", query)


def test_the_with_part_is_cut_off_before_the_outer_select():
    prefix, body = split(
        "WITH a AS (SELECT 1 AS x FROM t), b (x) AS (SELECT x FROM a) SELECT x FROM b", "sqlserver"
    )
    assert (prefix, body) == (
        "WITH a AS (SELECT 1 AS x FROM t), b (x) AS (SELECT x FROM a) ",
        "SELECT x FROM b",
    )


STATEMENTS = ("DELETE FROM t", "DROP TABLE t", "UPDATE t SET a = 1", "INSERT INTO t VALUES (1)", "EXEC p")
WEDGES = (
    "; ",
    ";",
    "'; ",
    '"; ',
    "`; ",
    "]; ",
    "') ; ",
    "\\'; ",
    " UNION ",
    "\n;\n",
    "/*x*/;",
    "--\n;",
    "*/;",
    "\0;",
)


@given(
    before=st.sampled_from(ADMITTED),
    wedge=st.sampled_from(WEDGES),
    statement=st.sampled_from(STATEMENTS),
    behind=st.sampled_from(["", " --", " /*", "'", '"', " SELECT 1", "`", ")", ""]),
    place=st.floats(0, 1),
    dialect=st.sampled_from(DIALECTS),
)
def test_a_statement_wedged_into_a_query_never_passes_as_one(
    before, wedge, statement, behind, place, dialect
):
    """Either it is refused, or what was wedged in stands inside a text or a quoted name."""
    at = int(place * len(before))
    hostile = f"{before[:at]}{wedge}{statement}{behind}{before[at:]}"
    try:
        check(hostile, dialect)
    except ConfigurationError:
        return
    quoted = r"'[^']*'|\"[^\"]*\"" + (r"|`[^`]*`" if dialect == "mysql" else "")
    quoted += r"|\[[^\]]*\]" if dialect == "sqlserver" else ""
    bare = re.sub(quoted, "", hostile)
    assert ";" not in bare
    assert not re.search(r"\b(DELETE|DROP|INSERT|EXEC)\b", bare)


@given(st.text(max_size=60), st.sampled_from(DIALECTS))
def test_any_text_is_judged_without_another_error(text, dialect):
    try:
        check("SELECT " + text, dialect)
    except ConfigurationError:
        pass
