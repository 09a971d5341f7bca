"""Webhook endpoints and their deliveries: all of them for the account, and a connection's own ones for its token.

The same calls stand below `/api/system/webhooks` and `/api/v1/webhooks`. What an endpoint answered is told to the
account alone: to a connection it would be a way to read what others on the network say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from appliance.api.bearer import current_account, current_reader
from appliance.api.bodies import LARGEST_PAGE, answer, listed, optional_text, read_body, whole_parameter
from appliance.api.records.filters import moment
from appliance.app import Appliance
from appliance.clock import to_ms
from appliance.connections.errors import ConnectionNotFound
from appliance.errors import InvalidInput, PermissionDenied
from appliance.webhooks.endpoints import MEMBERS, Made, Owner
from appliance.webhooks.errors import WebhookNotFound
from appliance.webhooks.history import REPLAYABLE, STATES
from appliance.webhooks.queue import UNDELIVERED
from appliance.webhooks.tables import Endpoint

FOR_ACCOUNT = "/api/system/webhooks"
FOR_CONNECTION = "/api/v1/webhooks"
OWNERS = ("connection_id", "application_id")
ROTATION_HOURS = 24
DEFAULT_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: which endpoints that one sees, of how many, and whose a new one is by the owner that the body names.

    `is_account`: the body may name an owner, and what receivers answer is told. `may_be_here`: may have events sent
    to the appliance's own machine.
    """

    candidates: Callable[[], list[Endpoint]]
    sees: Callable[[Endpoint], bool]
    owner: Callable[[Owner], Owner]
    is_account: bool
    may_be_here: bool


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("webhooks", __name__)
    _add_rules(routes, "account", FOR_ACCOUNT, _Views(appliance, lambda: _account(appliance)))
    _add_rules(routes, "connection", FOR_CONNECTION, _Views(appliance, lambda: _connection(appliance)))
    return routes


def _add_rules(routes: Blueprint, whose: str, at: str, views: "_Views") -> None:
    one, delivery = f"{at}/<webhook_id>", f"{at}/<webhook_id>/deliveries/<event_id>"
    rules: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("GET", at, views.all),
        ("POST", at, views.create),
        ("GET", f"{at}/events", views.events),
        ("GET", one, views.show),
        ("PUT", one, views.change),
        ("DELETE", one, views.delete),
        ("POST", f"{one}/rotate", views.rotate),
        ("POST", f"{one}/test", views.test),
        ("POST", f"{one}/replay", views.replay_all),
        ("GET", f"{one}/deliveries", views.deliveries),
        ("GET", delivery, views.delivery),
        ("POST", f"{delivery}/replay", views.replay),
    )
    for method, path, view in rules:
        routes.add_url_rule(path, f"{whose}_{view.__name__}", view, methods=[method])


def _account(appliance: Appliance) -> Viewer:
    """A key sees everything, or its connections; an application its own endpoints and those of its connections."""
    caller = current_account()
    application_id = caller.id if caller.kind == "application" else None
    limited = application_id is not None or caller.scope.connections is not None
    made = appliance.connections.table.all() if application_id is not None else []
    own = {connection.id for connection in made if connection.application_id == application_id}

    def sees_connection(connection_id: str) -> bool:
        return caller.scope.sees(connection_id) and (application_id is None or connection_id in own)

    def sees(endpoint: Endpoint) -> bool:
        if endpoint.connection_id is not None:
            return sees_connection(endpoint.connection_id)
        if caller.scope.connections is not None:
            return False
        return application_id in (None, endpoint.application_id)

    def owner(named: Owner) -> Owner:
        if named.connection_id is not None:
            if named.application_id is not None:
                raise InvalidInput("Name a connection or an application, not both.")
            if not sees_connection(named.connection_id):
                raise ConnectionNotFound(f"There is no connection {named.connection_id[:60]!r}.")
            appliance.connections.get_open(named.connection_id)
            return named
        if caller.scope.connections is not None:
            raise PermissionDenied("This key is limited to connections. Name one as connection_id.")
        if application_id not in (None, named.application_id or application_id):
            raise PermissionDenied("An application makes webhooks of its own only.")
        if named.application_id is not None:
            appliance.applications.get(named.application_id)
        return Owner(None, application_id or named.application_id)

    return Viewer(appliance.webhooks.table.all, sees, owner, is_account=True, may_be_here=not limited)


def _connection(appliance: Appliance) -> Viewer:
    """A connection's token sees the connection's own endpoints."""
    connection_id = current_reader(appliance.connections).connection_id

    def owner(_: Owner) -> Owner:
        appliance.connections.get_open(connection_id)
        return Owner(connection_id)

    return Viewer(
        lambda: appliance.webhooks.table.of_connection(connection_id),
        lambda endpoint: endpoint.connection_id == connection_id,
        owner,
        is_account=False,
        may_be_here=False,
    )


class _Views:
    def __init__(self, appliance: Appliance, enter: Callable[[], Viewer]) -> None:
        self._webhooks = appliance.webhooks
        self._clock = appliance.clock
        self._enter = enter

    def all(self) -> Response:
        """Webhook endpoints that the caller may see."""
        viewer = self._enter()
        return listed([self._shown(one) for one in viewer.candidates() if viewer.sees(one)])

    def create(self) -> Response:
        """Make a webhook endpoint; its secret is answered, once."""
        viewer = self._enter()
        body = read_body(*MEMBERS, *(OWNERS if viewer.is_account else ()))
        owner = viewer.owner(Owner(*(optional_text(body, name) for name in OWNERS)))
        given = {name: value for name, value in body.items() if name not in OWNERS}
        return self._made(self._webhooks.create(given, owner, may_be_here=viewer.may_be_here), 201)

    def events(self) -> Response:
        """The events there are, each with a sentence."""
        self._enter()
        return listed(
            [{"event": name, "about": words} for name, words in self._webhooks.events.sentences.items()]
        )

    def show(self, webhook_id: str) -> Response:
        """One webhook endpoint, with how many of its deliveries wait and are undelivered."""
        _, endpoint = self._entered(webhook_id)
        return answer({**self._shown(endpoint), "deliveries": self._webhooks.history.counts(endpoint.id)})

    def change(self, webhook_id: str) -> Response:
        """Change what is sent of a webhook endpoint; turned off, it gets nothing any more."""
        viewer, endpoint = self._entered(webhook_id)
        changed = self._webhooks.change(endpoint.id, read_body(*MEMBERS), may_be_here=viewer.may_be_here)
        return answer(self._shown(changed))

    def delete(self, webhook_id: str) -> Response:
        """Delete a webhook endpoint with its log."""
        _, endpoint = self._entered(webhook_id)
        self._webhooks.delete(endpoint.id)
        return answer({"id": endpoint.id, "deleted": True})

    def rotate(self, webhook_id: str) -> Response:
        """A new secret, answered once; the one before signs as well for a while."""
        _, endpoint = self._entered(webhook_id)
        return self._made(self._webhooks.rotate(endpoint.id, read_body("hours").get("hours", ROTATION_HOURS)))

    def test(self, webhook_id: str) -> Response:
        """Send a test event of the chosen name now; its delivery is answered."""
        viewer, endpoint = self._entered(webhook_id)
        return _delivery(viewer, self._webhooks.test(endpoint.id, read_body("event").get("event")))

    def deliveries(self, webhook_id: str) -> Response:
        """The log of a webhook endpoint, newest first, by state and event."""
        _, endpoint = self._entered(webhook_id)
        size = min(whole_parameter("per_page", DEFAULT_PER_PAGE, 10_000), LARGEST_PAGE)
        rows = self._webhooks.history.page(
            endpoint.id,
            size + 1,
            state=_state(request.args.get("state") or None, STATES),
            event=request.args.get("event") or None,
            before=request.args.get("cursor") or None,
        )
        more = len(rows) > size
        following = rows[size - 1]["id"] if more else None
        return answer(rows[:size], beside={"next_cursor": following})

    def delivery(self, webhook_id: str, event_id: str) -> Response:
        """One delivery with what was sent and each attempt."""
        viewer, endpoint = self._entered(webhook_id)
        return _delivery(viewer, self._webhooks.history.find(endpoint.id, event_id))

    def replay(self, webhook_id: str, event_id: str) -> Response:
        """Send one event again, with the same id and body."""
        viewer, endpoint = self._entered(webhook_id)
        read_body()
        self._webhooks.history.replay(endpoint.id, event_id)
        return _delivery(viewer, self._webhooks.history.find(endpoint.id, event_id))

    def replay_all(self, webhook_id: str) -> Response:
        """Send again what is undelivered, or what the body chooses by state, event and time."""
        _, endpoint = self._entered(webhook_id)
        body = read_body("state", "event", "since", "until")
        event = optional_text(body, "event")
        return answer(
            {
                "replayed": self._webhooks.history.replay_all(
                    endpoint.id,
                    state=_state(optional_text(body, "state"), REPLAYABLE) or UNDELIVERED,
                    event=None if event is None else self._webhooks.events.check_name(event),
                    since=_time(body, "since"),
                    until=_time(body, "until"),
                )
            }
        )

    def _entered(self, webhook_id: str) -> tuple[Viewer, Endpoint]:
        """Raises WebhookNotFound, also for an endpoint that the caller may not see."""
        viewer = self._enter()
        endpoint = self._webhooks.get(webhook_id)
        if not viewer.sees(endpoint):
            raise WebhookNotFound(f"There is no webhook {webhook_id[:60]!r}.")
        return viewer, endpoint

    def _shown(self, endpoint: Endpoint) -> dict[str, Any]:
        return endpoint.as_dict(self._clock.now_ms())

    def _made(self, made: Made, status: int = 200) -> Response:
        return answer({**self._shown(made.endpoint), "secret": made.secret}, status)


def _delivery(viewer: Viewer, found: dict[str, Any]) -> Response:
    if not viewer.is_account:
        found["log"] = [{**attempt, "answer": None} for attempt in found["log"]]
    return answer(found)


def _state(given: str | None, known: tuple[str, ...]) -> str | None:
    if given is not None and given not in known:
        raise InvalidInput(
            f"state is one of {', '.join(known)}.", details={"fields": {"state": ", ".join(known)}}
        )
    return given


def _time(body: dict[str, Any], name: str) -> int | None:
    given = optional_text(body, name)
    return None if given is None else to_ms(moment(given, name))
