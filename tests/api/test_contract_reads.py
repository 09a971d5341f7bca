"""Every reading operation of the public contract is there, and answers what it declares in the exact envelope."""

import pytest

from appliance.model.entity import load_model
from tests.api.conftest import Plant
from tests.api.contract import DOCUMENTED, READS, Documented, check_record
from tests.support.filled import EACH, key

MODEL = load_model()


def address(plant: Plant, documented: Documented) -> str:
    """The path with the key of a record that is there."""
    owner = MODEL.entities[documented.operation(MODEL).owner]
    return documented.path.replace("{key}", key(owner, plant.one.connection.part, 1))


def test_the_list_is_that_of_all_276_data_operations() -> None:
    assert len(DOCUMENTED) == 276
    assert len(READS) == 202


@pytest.mark.parametrize("documented", READS, ids=lambda one: one.path)
def test_a_reading_operation_answers_with_every_declared_field(full: Plant, documented: Documented) -> None:
    body = full.json(address(full, documented))
    if not documented.many:
        assert list(body) == ["data"]
        check_record(MODEL, MODEL.entities[documented.answers], body["data"], documented.path)
        return
    assert list(body) == ["data", "links", "meta", "next_cursor"]
    assert list(body["links"]) == ["first", "last", "prev", "next"]
    assert list(body["meta"]) == ["current_page", "from", "last_page", "path", "per_page", "to", "total"]
    assert body["meta"]["total"] == len(body["data"])
    scopes = ("work-orders", "purchase-orders", "invoices")
    if "/statuses/" not in documented.path or documented.path.rsplit("/", 1)[1] in scopes:
        assert body["data"], "the connection has records of this"
    for record in body["data"]:
        check_record(MODEL, MODEL.entities[documented.answers], record, documented.path)


@pytest.mark.parametrize("documented", READS, ids=lambda one: one.path)
def test_the_website_names_the_same_without_a_category(full: Plant, documented: Documented) -> None:
    path = address(full, documented)
    documented_body = full.json(path)
    body = full.json("/api/v1/" + path.split("/", 3)[3])
    assert body["data"] == documented_body["data"]
    if documented.many:
        assert list(body) == ["data", "next_cursor", "total"]
        assert body["total"] == documented_body["meta"]["total"]


@pytest.mark.parametrize(
    "documented", [one for one in READS if "{key}" in one.path], ids=lambda one: one.path
)
def test_a_key_that_is_not_there_is_not_found(full: Plant, documented: Documented) -> None:
    for token in (None, full.other.token):
        path = documented.path.replace("{key}", "0" * 40) if token is None else address(full, documented)
        answer = full.get(path, token=token)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "RECORD_NOT_FOUND")


def test_below_a_record_are_its_own_material_lines(full: Plant) -> None:
    lists = {one for one in READS if one.path.endswith("/{key}/materials") or one.path.endswith("/children")}
    assert len(lists) == 8
    for documented in lists:
        (line,) = full.json(address(full, documented))["data"]
        assert line["key"] == key(MODEL.entities["MaterialItem"], full.one.connection.part, 1)


def test_all_statuses_whatever_their_scope_are_one_list(full: Plant) -> None:
    for path in ("/api/eam/statuses", "/api/erp/statuses", "/api/wms/statuses", "/api/v1/statuses"):
        listed = full.json(path)["data"]
        assert len(listed) == EACH
        assert full.json(f"{path}/{listed[0]['key']}")["data"] == listed[0]


def test_names_of_custom_fields_are_those_of_the_records(full: Plant) -> None:
    path = "/api/eam/work-orders/custom-fields"
    assert full.json(path)["data"] == [{"name": "color"}, {"name": "open"}, {"name": "size"}]
    assert full.json(f"{path}?filter[name:startsWith]=s&sort=-name")["data"] == [{"name": "size"}]
    assert full.json(f"{path}?per_page=1&page=2")["data"] == [{"name": "open"}]
    assert full.json(path, token=full.other.token)["data"] == []


class TestLinesThatOnlyStandInOrders:
    """The sandbox, as many systems, has order lines inside of orders only."""

    PATH = "/api/erp/purchase-orders.line-items"

    def test_are_listed_across_all_orders(self, plant: Plant) -> None:
        orders = plant.json("/api/erp/purchase-orders?per_page=100")["data"]
        lines = [line for order in orders for line in order["lineItems"]]
        seen, cursor = [], ""
        while cursor is not None:
            body = plant.json(f"{self.PATH}?per_page=40" + (f"&cursor={cursor}" if cursor else ""))
            assert body["meta"]["total"] == len(lines)
            seen += body["data"]
            cursor = body["next_cursor"]
        assert [line["key"] for line in seen] == [line["key"] for line in lines]
        for line in seen:
            assert list(line) == list(MODEL.entities["LineItem"].fields)
            assert isinstance(line["price"], str) and isinstance(line["lineTotalValue"], int | float)

    def test_are_found_by_their_key(self, plant: Plant) -> None:
        line = plant.json(f"{self.PATH}?per_page=1&page=5")["data"][0]
        assert plant.json(f"{self.PATH}/{line['key']}")["data"] == line
        assert plant.get(f"{self.PATH}/{'0' * 40}").status_code == 404

    def test_are_filtered_and_sorted_like_others(self, plant: Plant) -> None:
        every = plant.json(f"{self.PATH}?per_page=500")["data"]
        dear = plant.json(f"{self.PATH}?per_page=500&filter[price:gt]=400&sort=-price")["data"]
        assert dear and [float(line["price"]) for line in dear] == sorted(
            (float(line["price"]) for line in every if float(line["price"]) > 400), reverse=True
        )
