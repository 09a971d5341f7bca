"""What a rollback takes out of use: what has come since the upgrade, counted."""

from typing import NamedTuple

from appliance.store.database import Database


class Loss(NamedTuple):
    """Counts since a moment. `changes` are those of records that runs have stored, which come again by themselves."""

    changes: int
    runs: int
    connections: int
    writes: int
    requests: int


def since(database: Database, moment: int) -> Loss:
    """`moment` in milliseconds since 1970."""
    row = database.row(
        "SELECT"
        " (SELECT coalesce(sum(entity.inserted + entity.updated + entity.deleted), 0)"
        "  FROM run JOIN run_entity AS entity ON entity.run_id = run.id WHERE run.created_at >= :moment) AS changes,"
        " (SELECT count(*) FROM run WHERE created_at >= :moment) AS runs,"
        " (SELECT count(*) FROM connection WHERE created_at >= :moment) AS connections,"
        " (SELECT count(*) FROM write_order WHERE created_at >= :moment) AS writes,"
        " (SELECT count(*) FROM request_log WHERE at >= :moment) AS requests",
        {"moment": moment},
    )
    assert row is not None, "a query of counts has one row"
    return Loss(**row)
