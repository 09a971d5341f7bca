"""Multiplies the orders of a real Tryton database in SQL, where making each by the workflow would take hours.

The copies keep every column of an order that went through the real workflow, and its lines. Their change
timestamps are what a data import leaves: BATCH neighbouring orders share one to the microsecond, and every
third order has no `write_date`, as if never changed since it was made.
"""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

BATCH = 200
FIRST_IMPORT = datetime(2022, 1, 3, 6, 0, 0, 123457)  # noqa: DTZ001 -- Tryton keeps UTC without a zone
BETWEEN_IMPORTS = timedelta(hours=3)


def multiply_sqlite(database: Path, orders: int) -> int:
    """Bring the SQLite database to `orders` purchase orders; returns how many lines it then has."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return _multiply(connection.cursor(), orders, connection)


def multiply_postgres(uri: str, orders: int) -> int:
    """The same on PostgreSQL; `uri` names the database."""
    import psycopg  # only volume runs need it

    with psycopg.connect(uri) as connection:
        cursor = connection.cursor()
        lines = _multiply(cursor, orders, connection)
        for table in ("purchase_purchase", "purchase_line"):
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
        return lines


def _multiply(cursor: Any, orders: int, connection: Any) -> int:
    had, last = _one(cursor, "SELECT count(*), max(id) FROM purchase_purchase")
    lines, last_line = _one(cursor, "SELECT count(*), max(id) FROM purchase_line")
    # Both tables number their copies as (copy - 1) * rows + place, so a line finds its order by counting.
    order_id = f"{last} + (copy.number - 1) * {had} + source.place"
    _copy_rows(
        cursor,
        "purchase_purchase",
        f"SELECT *, row_number() OVER (ORDER BY id) AS place FROM purchase_purchase WHERE id <= {last}",
        {
            "id": order_id,
            "number": f"CASE WHEN source.number IS NOT NULL THEN 'B' || CAST({order_id} AS VARCHAR) END",
            "reference": f"'BULK-' || CAST({order_id} AS VARCHAR)",
        },
        -(-(orders - had) // had),
        f"{order_id} <= {last} + {orders - had}",
    )
    _copy_rows(
        cursor,
        "purchase_line",
        "SELECT line.*, owner.place, row_number() OVER (ORDER BY line.id) AS line_place"
        " FROM purchase_line AS line JOIN"
        " (SELECT id AS owner_id, row_number() OVER (ORDER BY id) AS place FROM purchase_purchase"
        f" WHERE id <= {last}) AS owner ON owner.owner_id = line.purchase WHERE line.id <= {last_line}",
        {
            "id": f"{last_line} + (copy.number - 1) * {lines} + source.line_place",
            "purchase": order_id,
            "create_date": "NULL",
            "write_date": "NULL",
        },
        -(-(orders - had) // had),
        f"{order_id} <= {last} + {orders - had}",
    )
    _date_in_batches(cursor, last, last + orders - had)
    (after,) = _one(cursor, "SELECT count(*) FROM purchase_line")
    connection.commit()
    return int(after)


def _copy_rows(
    cursor: Any, table: str, source: str, replaced: dict[str, str], copies: int, kept: str
) -> None:
    cursor.execute(f"SELECT * FROM {table} LIMIT 0")
    columns = [column[0] for column in cursor.description]
    chosen = ", ".join(replaced.get(column, f'source."{column}"') for column in columns)
    named = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f"INSERT INTO {table} ({named})"
        " WITH RECURSIVE copy(number) AS"
        f" (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < {copies})"
        f" SELECT {chosen} FROM copy CROSS JOIN ({source}) AS source WHERE {kept}"
    )


def _date_in_batches(cursor: Any, after: int, until: int) -> None:
    moment = FIRST_IMPORT
    for start in range(after, until, BATCH):
        text = f"'{moment.isoformat(sep=' ')}'"
        those = f"> {start} AND {{}} <= {min(start + BATCH, until)}"
        cursor.execute(
            f"UPDATE purchase_purchase SET create_date = {text}, write_date = {text}"
            f" WHERE id {those.format('id')}"
        )
        cursor.execute(
            f"UPDATE purchase_line SET create_date = {text} WHERE purchase {those.format('purchase')}"
        )
        moment += BETWEEN_IMPORTS
    cursor.execute(f"UPDATE purchase_purchase SET write_date = NULL WHERE id > {after} AND id % 3 = 0")


def _one(cursor: Any, query: str) -> tuple[Any, ...]:
    cursor.execute(query)
    row: tuple[Any, ...] = cursor.fetchone()
    return row
