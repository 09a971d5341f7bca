"""`GET /api/v1/changes`: one ordered feed over all entities of a connection, deletes as tombstones.

A reader keeps the `position` of the last answer and sends it as `since`. It sees every record that changed after,
each once at its latest change, so a feed read to its end and a first full read come to the same.
"""

import msgspec
from flask import Blueprint, Response, g, request

from appliance.api.bearer import current_reader
from appliance.api.records.answers import compressing
from appliance.api.records.cursors import Cursors
from appliance.api.records.query import names_of, whole_number
from appliance.app import Appliance
from appliance.clock import iso
from appliance.errors import Conflict, InvalidInput
from appliance.model.entity import Model
from appliance.store.feed import ChangedRecord

PARAMETERS = ("since", "limit", "entities")
DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000
LATEST = "latest"


class FeedRestarted(Conflict):
    """The appliance was restored since that position; read everything again without `since`."""

    code = "FEED_RESTARTED"


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("changes", __name__)
    feed = appliance.feed
    cursors = Cursors(appliance.signing_key("changes since"))

    @routes.get("/api/v1/changes")
    def changes() -> Response:
        bearer = current_reader(appliance.connections, appliance.api_keys)
        for name in request.args:
            if name not in PARAMETERS:
                raise InvalidInput(
                    f"There is no parameter {name[:60]!r}. Parameters: {', '.join(PARAMETERS)}.",
                    details={"parameter": name[:60], "allowed": list(PARAMETERS)},
                )
        limit = min(whole_number(request.args, "limit", DEFAULT_LIMIT, 10_000), LARGEST_LIMIT)
        wanted = _entities(appliance.model, names_of(request.args, "entities"))
        epoch, begun_at = feed.epoch(), appliance.clock.now_ms()
        given = request.args.get("since")
        if given == LATEST:
            position = cursors.write(bearer.connection_id, [epoch, feed.latest(), begun_at])
            return _answer([], False, position, epoch)
        since = 0
        if given:
            known, since, begun_at = cursors.read(bearer.connection_id, given)
            if known != epoch:
                raise FeedRestarted(
                    "The appliance was restored from a backup since this position. "
                    "Read everything again, without `since`.",
                    details={"parameter": "since", "epoch": epoch},
                )
        page = feed.after(bearer.connection_id, since, limit, wanted, begun_at=begun_at)
        last = page.changes[-1].seq if page.changes else since
        position = cursors.write(bearer.connection_id, [epoch, last, begun_at])
        return _answer(page.changes, page.more, position, epoch)

    return compressing(routes)


def _answer(changes: list[ChangedRecord], more: bool, position: str, epoch: int) -> Response:
    g.rows = len(changes)
    tail = msgspec.json.encode({"position": position, "more": more, "epoch": epoch}).decode()
    body = f'{{"data":[{",".join(_change(one) for one in changes)}],{tail[1:]}'
    return Response(body, mimetype="application/json")


def _change(one: ChangedRecord) -> str:
    head = {"entity": one.entity, "key": one.key, "change": one.change, "at": iso(one.modified_at)}
    return f'{msgspec.json.encode(head).decode()[:-1]},"record":{one.payload or "null"}}}'


def _entities(model: Model, names: tuple[str, ...]) -> list[str] | None:
    """Entities by name or path. Raises InvalidInput for one there is not."""
    if not names:
        return None
    paths = {entity.path: name for name, entity in model.entities.items() if entity.path}
    return [model.entity(paths.get(name, name)).name for name in names]
