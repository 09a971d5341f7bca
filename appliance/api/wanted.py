"""What a request is about, by its method and path: for the scopes of keys and tokens."""

from appliance.errors import PermissionDenied
from appliance.model.entity import Entity, Model
from appliance.users.scopes import Scope, Wanted

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_CATEGORIES = ("eam", "erp", "wms", "v1")
_OF_THE_ACCOUNT = {
    "system": "manage",
    "webhooks": "manage",
    "mappings": "manage",
    "push": "manage",
    "raw": "raw",
    "passthrough": "passthrough",
}
"""Verbs of what is not about one entity, by the first part of the path."""

_ABOUT_THE_CONNECTION = frozenset(
    (
        *("sync", "sync-status", "schedule", "health", "issues", "integrations", "tasks", "capabilities"),
        *("openapi.json", "postman.json"),
    )
)
"""What tells callers how their connection stands, or how what they asked for went: read with any valid token."""


class Paths:
    """Finds the entity of a path; read from the model once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._entities = {entity.path: entity for entity in model.entities.values() if entity.path}

    def wanted(self, method: str, path: str, connection_id: str | None) -> Wanted | None:
        """What is asked for; None for what every valid token may have."""
        area, *rest = path.removeprefix("/api").strip("/").split("/")
        if area == "v1" and rest[:1] == ["connections"]:
            # What stands below a connection's id is about that connection as a whole.
            rest = rest[2:]
        first = rest[0] if area == "v1" and rest else area
        verb = _VERBS.get(method, "create")
        if first in _OF_THE_ACCOUNT:
            return Wanted(_OF_THE_ACCOUNT[first], None, connection_id)
        if first in ("mappings", "tables", "quarantine", "drift"):
            # Fields of the source stand in them, whatever entity they are of.
            return Wanted("raw" if verb == "read" else "manage", None, connection_id)
        if first in _ABOUT_THE_CONNECTION:
            if verb == "read":
                return None
            return Wanted("sync" if first == "sync" else "manage", None, connection_id)
        return Wanted(self._verb(method, verb, rest), self._entity(area, rest), connection_id)

    def check_expand(self, scope: Scope, path: str, expand: str) -> None:
        """Raise PermissionDenied where an expanded reference shows an entity that the scope leaves out."""
        if scope.entities is None or not expand:
            return
        area, *rest = path.removeprefix("/api/").strip("/").split("/")
        root = self._entities.get(rest[0]) if area in _CATEGORIES and rest else None
        for chain in expand.split(","):
            self._check_chain(scope, root, chain.strip())

    def _check_chain(self, scope: Scope, entity: Entity | None, chain: str) -> None:
        for step in chain.split("."):
            field = None if entity is None else entity.fields.get(step) or entity.fields.get(f"{step}Key")
            target = None if field is None else field.to or field.of
            if target is None or target not in self._model.entities:
                raise PermissionDenied(
                    "A key limited to entities cannot expand this.", details={"expand": chain[:100]}
                )
            entity = self._model.entities[target]
            if field is not None and field.to is not None:
                scope.check(Wanted("read", target))

    def _entity(self, area: str, rest: list[str]) -> str | None:
        if area not in _CATEGORIES or not rest:
            return None
        if rest[0] == "statuses":
            return "Status"
        found = self._entities.get(rest[0])
        return None if found is None else found.name

    def _verb(self, method: str, verb: str, rest: list[str]) -> str:
        # What is posted below a record changes that record.
        below = len(rest) > 1 and rest[1] != "batch"
        return "update" if method == "POST" and below else verb
