"""What requests are about, told by method and path alone."""

import pytest

from appliance.api.wanted import Paths
from appliance.model.entity import load_model
from appliance.users.scopes import Wanted
from tests.api.conftest import Plant

PATHS = Paths(load_model())


@pytest.mark.parametrize(
    ("method", "path", "verb", "entity"),
    [
        ("GET", "/api/eam/work-orders", "read", "WorkOrder"),
        ("HEAD", "/api/eam/work-orders/03x", "read", "WorkOrder"),
        ("GET", "/api/eam/work-orders/03x/materials", "read", "WorkOrder"),
        ("GET", "/api/v1/work-orders", "read", "WorkOrder"),
        ("POST", "/api/eam/work-orders", "create", "WorkOrder"),
        ("POST", "/api/eam/work-orders/batch", "create", "WorkOrder"),
        ("POST", "/api/eam/work-orders/03x/materials", "update", "WorkOrder"),
        ("PUT", "/api/eam/work-orders/03x/status", "update", "WorkOrder"),
        ("DELETE", "/api/eam/work-orders/03x", "delete", "WorkOrder"),
        ("GET", "/api/eam/statuses/work-orders", "read", "Status"),
        ("GET", "/api/v1/changes", "read", None),
        ("POST", "/api/v1/sync", "sync", None),
        ("POST", "/api/v1/connections/con_1/sync", "sync", None),
        ("GET", "/api/v1/connections/con_1/passthrough", "passthrough", None),
        ("POST", "/api/passthrough", "passthrough", None),
        ("GET", "/api/raw/tables", "raw", None),
        ("GET", "/api/v1/raw/tables", "raw", None),
        ("GET", "/api/v1/mappings/Asset", "manage", None),
        ("GET", "/api/v1/connections/con_1/quarantine", "raw", None),
        ("POST", "/api/v1/connections/con_1/quarantine/retry", "manage", None),
        ("POST", "/api/v1/connections/con_1/drift/acknowledge", "manage", None),
        ("GET", "/api/system/connections", "manage", None),
        ("GET", "/api/v1/webhooks", "manage", None),
        ("POST", "/api/v1/webhooks/whk_1/deliveries/evt_1/replay", "manage", None),
        ("DELETE", "/api/integrations/current", "manage", None),
    ],
)
def test_verb_and_entity(method: str, path: str, verb: str, entity: str | None) -> None:
    assert PATHS.wanted(method, path, "con_1") == Wanted(verb, entity, "con_1")


@pytest.mark.parametrize(
    "path",
    [
        "/sync-status",
        "/api/v1/sync-status",
        "/api/v1/sync/run_1",
        "/api/v1/connections/con_1/sync/run_1",
        "/api/integrations/current",
        "/api/integrations/sync/status",
        "/api/v1/capabilities",
        "/api/v1/tasks/wri_1",
    ],
)
def test_how_a_connection_stands_is_told_to_every_valid_token(path: str) -> None:
    assert PATHS.wanted("GET", path, "con_1") is None


def test_every_route_of_a_category_is_about_an_entity(plant: Plant) -> None:
    rules = [rule for rule in plant.app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    assert len(rules) > 100
    for rule in rules:
        if rule.rule.startswith(("/api/eam/", "/api/erp/", "/api/wms/")):
            for method in rule.methods or ():
                if method != "OPTIONS":
                    wanted = PATHS.wanted(method, rule.rule, None)
                    assert wanted is not None and wanted.entity is not None, rule.rule
