"""Rows a second that SQL and file sources give, before mapping.

    python -m tests.benchmarks.rows_of_databases_and_files

Each source holds 100,000 rows of 20 columns; one process, one core of the client.
"""

import io
import os
import resource
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import openpyxl

from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING
from tests.real.mariadb import MariaDb
from tests.real.postgres import Postgres
from tests.runtime.opened import defined, outbound
from tests.support.plant_database import PlantDatabase, on_mariadb, on_postgres

ROWS = 100_000
NAMES = ["nr", *(f"text{n}" for n in range(12)), *(f"number{n}" for n in range(7))]


def row(number: int) -> list[Any]:
    return [
        number,
        *(f"value {n} of {number}" for n in range(12)),
        *(Decimal(number * n) / 100 for n in range(7)),
    ]


def timed(name: str, connector: Connector) -> None:
    pages = connector.pages("Vendor")
    position: Any = pages.first()
    start, rows, first = perf_counter(), 0, 0.0
    while position is not None:
        page = pages.fetch(position, EVERYTHING, resuming=False, sample=False)
        rows += len(page.rows)
        first = first or perf_counter() - start
        position = page.next
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:12} {rows / seconds:9,.0f} rows/s  first page {first:5.2f} s  peak {peak} MiB", flush=True)
    assert rows == ROWS
    connector.close()


def entity(**read: Any) -> dict[str, Any]:
    return {"Vendor": {"key": ["nr"], "incremental": "mark", "read": read, "map": {"code": "nr"}}}


def database(plant: PlantDatabase) -> Connector:
    columns = ", ".join(
        f"{name} {'varchar(40)' if 'text' in name else 'decimal(12,2)'}" for name in NAMES[1:]
    )
    plant.table("bulk", f"nr int primary key, {columns}")
    for start in range(0, ROWS, 5000):
        values = [row(number) for number in range(start, start + 5000)]
        plant.execute(f"INSERT INTO bulk VALUES ({', '.join(['%s'] * len(NAMES))})", values)
    return defined({"sql": {}, "entities": entity(protocol="sql", table="bulk", size=2000)}, plant.fields)


def folder(path: Path, kind: str) -> Connector:
    fields = {"place": "local", "folder": str(path)}
    read = entity(protocol="files", files=f"*.{kind}", format=FORMATS[kind][0], size=2000)
    return defined({"files": {}, "entities": read}, fields, way=outbound(folders=[path]))


def csv() -> bytes:
    lines = [";".join(NAMES), *(";".join(map(str, row(number))) for number in range(ROWS))]
    return "\r\n".join(lines).encode()


def excel() -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(NAMES)
    for number in range(ROWS):
        sheet.append(row(number))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def xml() -> bytes:
    rows = (
        "".join(f"<{n}>{v}</{n}>" for n, v in zip(NAMES, row(number), strict=True)) for number in range(ROWS)
    )
    return ("<R>" + "".join(f"<V>{one}</V>" for one in rows) + "</R>").encode()


def json_lines() -> bytes:
    encode = msgspec.json.Encoder(decimal_format="number").encode
    return b"\n".join(encode(dict(zip(NAMES, row(number), strict=True))) for number in range(ROWS))


FORMATS: dict[str, tuple[dict[str, Any], Callable[[], bytes]]] = {
    "csv": ({"kind": "csv", "numbers": [f"number{n}" for n in range(7)]}, csv),
    "jsonl": ({"kind": "json_lines"}, json_lines),
    "xml": ({"kind": "xml", "rows": "R/V"}, xml),
    "xlsx": ({"kind": "excel"}, excel),
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rows-") as name:
        path = Path(name)
        path.chmod(0o755)
        for kind, (_, content) in FORMATS.items():
            (path / f"a.{kind}").write_bytes(content())
            os.utime(path / f"a.{kind}", (1_767_000_000, 1_767_000_000))
            timed(kind, folder(path, kind))
        postgres = Postgres(path / "postgres")
        timed("PostgreSQL", database(on_postgres(postgres)))
        postgres.stop()
        with MariaDb(path / "mariadb") as server:
            timed("MariaDB", database(on_mariadb(server)))


if __name__ == "__main__":
    main()
