"""What a connector to Tryton 8.0 relies on, each asked of the real server."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.real.tryton import Tryton, TrytonError

pytestmark = pytest.mark.real

PURCHASE = "model.purchase.purchase"
LINE = "model.purchase.line"
LOG = "model.ir.model.log"
BY_ID = [["id", "ASC"]]
# What a client sends along with every call: the user's preferences, of which creating needs the company.
IN_COMPANY = {"company": 1}


@pytest.fixture
def new_order(tryton: Tryton) -> Callable[[], int]:
    """Makes a draft order of one line through the API and returns its id."""

    def make() -> int:
        (party,) = tryton.call(
            "model.party.party.search_read", [["name", "=", "Supplier 001"]], 0, 1, None, ["addresses"]
        )
        (warehouse,) = tryton.call("model.stock.location.search", [["code", "=", "WH"]], 0, 1, None)
        (product,) = tryton.call(
            "model.product.product.search_read", [], 0, 1, BY_ID, ["default_uom", "default_uom.symbol"]
        )
        line = {"product": product["id"], "unit": product["default_uom"], "quantity": 2.0}
        line["unit_price"] = {"__class__": "Decimal", "decimal": "3.50"}
        order = {"party": party["id"], "warehouse": warehouse, "lines": [["create", [line]]]}
        # The clients fill it; without it the order could not be confirmed.
        order["invoice_address"] = party["addresses"][0]
        (number,) = tryton.call(f"{PURCHASE}.create", [order], context=IN_COMPANY)
        return int(number)

    return make


@pytest.fixture(scope="module")
def session(tryton: Tryton) -> str:
    """The Authorization header of the administrator, for requests that are sent by hand."""
    return tryton.sign_in(tryton.user, tryton.password)


@pytest.fixture(scope="module")
def strict() -> Iterator[Tryton]:
    """A server of its own that locks a user after one wrong password, so that nobody else is locked out."""
    with Tryton(settings={"session": {"max_attempt": 0}}) as server:
        yield server


def read(tryton: Tryton, model: str, number: int, *fields: str) -> dict[str, Any]:
    (row,) = tryton.call(f"{model}.read", [number], list(fields))
    return dict(row)


# Signing in


def test_the_version_and_the_databases_are_told_to_anyone(tryton: Tryton) -> None:
    assert json.loads(tryton.post("common.server.version", [], path="/rpc/").body) == {
        "id": 1,
        "result": "8.0",
    }
    assert json.loads(tryton.post("common.db.list", [], path="/rpc/").body)["result"] == [tryton.database]


def test_login_answers_user_id_token_and_bus(tryton: Tryton) -> None:
    answer = tryton.post("common.db.login", [tryton.user, {"password": tryton.password}, "en"])
    number, token, bus = json.loads(answer.body)["result"]
    assert (answer.status, number, len(token), bus) == (200, 1, 64, None)


def test_a_wrong_password_is_401_and_an_unknown_database_404(tryton: Tryton) -> None:
    login = ["nobody", {"password": "wrong"}, "en"]
    refused = tryton.post("common.db.login", login)
    assert (refused.status, "www-authenticate" in refused.headers) == (401, False)
    assert tryton.post("common.db.login", login, path="/nowhere/rpc/").status == 404


def test_a_missing_password_is_asked_for_inside_a_200(tryton: Tryton) -> None:
    answer = tryton.post("common.db.login", [tryton.user, {}, "en"])
    assert answer.status == 200
    assert json.loads(answer.body)["error"][0] == "LoginException"


def test_a_session_ends_with_401_and_no_body(tryton: Tryton) -> None:
    session = tryton.sign_in("buyer", tryton.plain_password)
    assert tryton.call_as(session, f"{PURCHASE}.search_count", []) > 0
    tryton.call_as(session, "common.db.logout")
    answer = tryton.post(f"{PURCHASE}.search_count", [[], {}], {"Authorization": session})
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_basic_authentication_is_taken_on_every_call(tryton: Tryton) -> None:
    proof = base64.b64encode(f"{tryton.user}:{tryton.password}".encode()).decode()
    answer = tryton.post(f"{PURCHASE}.search_count", [[], {}], {"Authorization": f"Basic {proof}"})
    assert (answer.status, json.loads(answer.body)["result"] > 0) == (200, True)


def test_a_locked_user_gets_429_without_a_delay_even_with_the_right_password(strict: Tryton) -> None:
    assert strict.post("common.db.login", ["buyer", {"password": "wrong"}, "en"]).status == 401
    answer = strict.post("common.db.login", ["buyer", {"password": strict.plain_password}, "en"])
    assert (answer.status, "retry-after" in answer.headers) == (429, False)


# Requests and errors


def test_the_context_must_not_be_left_out(tryton: Tryton, session: str) -> None:
    answer = tryton.post(f"{PURCHASE}.search", [[]], {"Authorization": session})
    assert (answer.status, b"Missing context" in answer.body) == (422, True)


def test_errors_come_inside_a_200_only_when_the_body_has_id_method_and_params(
    tryton: Tryton, session: str
) -> None:
    call = {"method": f"{PURCHASE}.read", "params": [[10**9], ["number"], {}]}
    headers = {"Content-Type": "application/json", "Authorization": session}
    path = f"/{tryton.database}/rpc/"
    enveloped = tryton.send(path, json.dumps({"id": 1, **call}), headers)
    bare = tryton.send(path, json.dumps(call), headers)
    assert (enveloped.status, json.loads(enveloped.body)["error"][0]) == (200, "UserError")
    assert (bare.status, bare.headers["content-type"].split(";")[0]) == (400, "text/html")


@pytest.mark.parametrize(
    ("method", "params", "status", "error"),
    [
        (f"{PURCHASE}.search", [[["nosuch", "=", 1]], 0, 1, None], 200, ["'nosuch'", ""]),
        (f"{PURCHASE}.search_read", [[], 0, 1, None, ["nosuch"]], 200, ["'nosuch'", ""]),
        ("model.no.such.search", [[]], 200, ["'no.such'", ""]),
        (f"{PURCHASE}.search", [[], 0, 1, [["total_amount", "ASC"]]], 200, None),
        (f"{PURCHASE}.nosuch", [[]], 403, None),
    ],
)
def test_unknown_names_and_unsortable_fields(
    tryton: Tryton, method: str, params: list[Any], status: int, error: list[str] | None
) -> None:
    with pytest.raises(TrytonError) as refusal:
        tryton.call(method, *params)
    assert refusal.value.status == status
    assert error is None or refusal.value.error == error


def test_a_user_without_rights_gets_an_error_and_not_zero_rows(tryton: Tryton) -> None:
    session = tryton.sign_in("guest", tryton.plain_password)
    with pytest.raises(TrytonError) as refusal:
        tryton.call_as(session, f"{PURCHASE}.search_read", [], 0, 1, None, ["number"])
    name, (message, *_) = refusal.value.error
    assert (refusal.value.status, name) == (200, "UserError")
    assert message == 'You are not allowed to access "Purchase".'


def test_a_long_answer_is_labelled_gzip_even_for_a_client_that_did_not_ask(
    tryton: Tryton, session: str
) -> None:
    params = [[], 0, 100, BY_ID, ["reference", "state"], {}]
    plain = tryton.post(f"{PURCHASE}.search_read", params, {"Authorization": session})
    packed = tryton.post(
        f"{PURCHASE}.search_read", params, {"Authorization": session, "Accept-Encoding": "gzip"}
    )
    assert plain.headers["content-encoding"] == packed.headers["content-encoding"] == "gzip"
    assert json.loads(plain.body) == json.loads(gzip.decompress(packed.body))


# Reading


def test_dotted_fields_expand_through_to_one_and_to_many(tryton: Tryton) -> None:
    fields = ["party.name", "lines", "lines.quantity", "lines.unit_price", "lines.product.code", "origin"]
    (row,) = tryton.call(f"{PURCHASE}.search_read", [["reference", "=", "EXT-000001"]], 0, 1, BY_ID, fields)
    assert row["party."].keys() == {"id", "name"}
    assert row["origin"] is None
    assert [line["id"] for line in row["lines."]] == row["lines"]
    line = row["lines."][0]
    assert line["product."].keys() == {"id", "code"}
    assert isinstance(line["quantity"], float)
    assert line["unit_price"].keys() == {"__class__", "decimal"}


def test_dates_and_datetimes_are_typed_objects(tryton: Tryton) -> None:
    (row,) = tryton.call(f"{PURCHASE}.search_read", [], 0, 1, BY_ID, ["purchase_date", "create_date"])
    assert row["purchase_date"].keys() == {"__class__", "year", "month", "day"}
    assert row["create_date"].keys() >= {"__class__", "year", "hour", "second", "microsecond"}


def test_a_comment_line_has_no_product_and_no_unit(tryton: Tryton) -> None:
    fields = ["product", "unit", "quantity", "description", "unit.symbol"]
    (row,) = tryton.call(f"{LINE}.search_read", [["type", "=", "comment"]], 0, 1, BY_ID, fields)
    assert (row["product"], row["unit"], row["unit."], row["quantity"]) == (None, None, None, None)


def test_orders_come_newest_first_unless_sorted(tryton: Tryton) -> None:
    unsorted = tryton.call(f"{PURCHASE}.search", [], 0, None, None)
    assert sorted(unsorted) == tryton.call(f"{PURCHASE}.search", [], 0, None, BY_ID) != unsorted
    assert len(unsorted) == tryton.call(f"{PURCHASE}.search_count", [])


def test_one_missing_id_fails_a_whole_read(tryton: Tryton) -> None:
    with pytest.raises(TrytonError, match="read records"):
        tryton.call(f"{PURCHASE}.read", [3, 10**9], ["number"])


def test_the_list_of_rights_is_readable_before_a_run(tryton: Tryton) -> None:
    rights = tryton.call("model.ir.model.access.get_access", ["purchase.purchase", "production"])
    assert rights["production"].keys() == {"read", "write", "create", "delete"}


# What has changed


def test_last_modified_at_is_the_later_of_write_and_create_and_can_be_searched_and_sorted(
    tryton: Tryton,
) -> None:
    order = [["last_modified_at", "ASC"], ["id", "ASC"]]
    fields = ["last_modified_at", "write_date", "create_date"]
    rows = tryton.call(f"{PURCHASE}.search_read", [], 0, None, order, fields)
    assert all(row["last_modified_at"] == (row["write_date"] or row["create_date"]) for row in rows)
    assert None in [row["write_date"] for row in rows]
    middle = rows[len(rows) // 2]
    moment = middle["last_modified_at"]
    after = [
        "OR",
        [["last_modified_at", ">", moment]],
        [["last_modified_at", "=", moment], ["id", ">", middle["id"]]],
    ]
    assert tryton.call(f"{PURCHASE}.search", after, 0, None, order) == [
        row["id"] for row in rows[len(rows) // 2 + 1 :]
    ]


def test_the_same_by_write_date_needs_the_rows_never_written(tryton: Tryton) -> None:
    (oldest,) = tryton.call(f"{PURCHASE}.search_read", [], 0, 1, BY_ID, ["create_date"])
    since = oldest["create_date"]
    domain = ["OR", ["write_date", ">=", since], [["write_date", "=", None], ["create_date", ">=", since]]]
    everything = tryton.call(f"{PURCHASE}.search_count", [])
    assert tryton.call(f"{PURCHASE}.search_count", domain) == everything
    assert tryton.call(f"{PURCHASE}.search_count", [["write_date", ">=", since]]) < everything


def test_a_line_changed_directly_does_not_touch_its_order(
    tryton: Tryton, new_order: Callable[[], int]
) -> None:
    number = new_order()
    before = read(tryton, PURCHASE, number, "last_modified_at", "lines")
    tryton.call(f"{LINE}.write", before["lines"], {"quantity": 7.0})
    after = read(tryton, PURCHASE, number, "last_modified_at", "lines.last_modified_at")
    assert after["last_modified_at"] == before["last_modified_at"]
    changed = after["lines."][0]["last_modified_at"]
    by_line = [["lines.last_modified_at", ">=", changed]]
    assert tryton.call(f"{PURCHASE}.search", by_line, 0, None, BY_ID) == [number]


def test_a_line_changed_through_its_order_touches_both(tryton: Tryton, new_order: Callable[[], int]) -> None:
    number = new_order()
    before = read(tryton, PURCHASE, number, "lines")
    tryton.call(f"{PURCHASE}.write", [number], {"lines": [["write", before["lines"], {"quantity": 9.0}]]})
    after = read(tryton, PURCHASE, number, "write_date", "lines.write_date")
    assert after["write_date"] == after["lines."][0]["write_date"] is not None


def test_a_deleted_order_leaves_a_log_row_that_can_be_searched_but_no_longer_names_it(
    tryton: Tryton, new_order: Callable[[], int]
) -> None:
    number = new_order()
    tryton.call(f"{PURCHASE}.delete", [number])
    gone = [["event", "=", "delete"], ["resource", "=", f"purchase.purchase,{number}"]]
    (row,) = tryton.call(f"{LOG}.search_read", gone, 0, None, BY_ID, ["event", "resource", "create_date"])
    assert (row["event"], row["resource"]) == ("delete", None)
    of_the_model = [["event", "=", "delete"], ["resource", "like", "purchase.purchase,%"]]
    assert tryton.call(f"{LOG}.search_count", of_the_model) >= 1


# Writing


def test_a_line_needs_its_unit(tryton: Tryton) -> None:
    line = {"product": 1, "quantity": 1.0, "unit_price": {"__class__": "Decimal", "decimal": "1"}}
    order = {"party": 2, "lines": [["create", [line]]]}
    with pytest.raises(TrytonError, match='A value is required for field "Unit"'):
        tryton.call(f"{PURCHASE}.create", [order], context=IN_COMPANY)


def test_creating_needs_the_company_in_the_context(tryton: Tryton) -> None:
    assert tryton.call("model.res.user.get_preferences", True)["company"] == IN_COMPANY["company"]
    order = {"party": 2, "lines": [["create", [{"type": "comment", "description": "note"}]]]}
    with pytest.raises(TrytonError, match="User in companies"):
        tryton.call(f"{PURCHASE}.create", [order])


def test_buttons_change_the_state_and_confirming_goes_on_to_processing(
    tryton: Tryton, new_order: Callable[[], int]
) -> None:
    number = new_order()
    assert read(tryton, PURCHASE, number, "state", "number") == {
        "id": number,
        "state": "draft",
        "number": None,
    }
    tryton.call(f"{PURCHASE}.quote", [number])
    quoted = read(tryton, PURCHASE, number, "state", "number")
    assert (quoted["state"], bool(quoted["number"])) == ("quotation", True)
    tryton.call(f"{PURCHASE}.confirm", [number])
    assert read(tryton, PURCHASE, number, "state")["state"] == "processing"
    with pytest.raises(TrytonError, match="You can not call"):
        tryton.call(f"{PURCHASE}.draft", [number])


def test_writing_the_state_field_is_accepted_and_skips_the_workflow(
    tryton: Tryton, new_order: Callable[[], int]
) -> None:
    number = new_order()
    day = {"__class__": "date", "year": 2025, "month": 6, "day": 2}
    tryton.call(f"{PURCHASE}.write", [number], {"state": "done", "purchase_date": day})
    assert read(tryton, PURCHASE, number, "state", "number") == {
        "id": number,
        "state": "done",
        "number": None,
    }
    tryton.call(f"{PURCHASE}.write", [number], {"state": "draft"})


def test_a_stale_timestamp_in_the_context_refuses_the_write(
    tryton: Tryton, new_order: Callable[[], int]
) -> None:
    number = new_order()
    stale = {"_timestamp": {f"purchase.purchase,{number}": "0.0"}}
    with pytest.raises(TrytonError) as refusal:
        tryton.call(f"{PURCHASE}.write", [number], {"description": "late"}, context=stale)
    assert refusal.value.error[0] == "ConcurrencyException"


# Stock and the other records


def test_stock_needs_locations_in_the_context_and_children_only_come_with_one(tryton: Tryton) -> None:
    warehouses = tryton.call("model.stock.location.search", [["type", "=", "warehouse"]], 0, None, BY_ID)

    def quantity(**context: Any) -> float:
        (row,) = tryton.call(
            "model.product.product.search_read", [["id", "=", 1]], 0, 1, None, ["quantity"], context=context
        )
        return float(row["quantity"])

    each = [quantity(locations=[warehouse]) for warehouse in warehouses]
    assert quantity() == quantity(locations=warehouses) == 0.0 < min(each)
    assert quantity(locations=warehouses, with_childs=True) == sum(each)
    stocked = tryton.call(
        "model.product.product.search_count", [["quantity", ">", 0]], context={"locations": warehouses[:1]}
    )
    assert 0 < stocked < 200


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (
            "purchase.request",
            "product.code party.name quantity unit.symbol warehouse.name supply_date state origin",
        ),
        ("purchase.requisition", "number state description lines.product.code employee.rec_name supply_date"),
        (
            "stock.move",
            "product.code quantity unit.symbol from_location.name to_location.name state shipment",
        ),
        ("stock.shipment.in", "number reference supplier.name warehouse.name state incoming_moves.product"),
        ("stock.location", "name code type parent.name warehouse.code active"),
        ("product.product", "code name template.list_price cost_price default_uom.symbol active type"),
        ("product.uom", "name symbol category.name factor digits"),
        ("currency.currency", "code name symbol digits"),
        ("party.party", "name code active email phone addresses.city contact_mechanisms.value"),
        ("account.invoice", "number reference type state party.name invoice_date total_amount amount_to_pay"),
        (
            "production",
            "number reference state product.code quantity planned_date inputs.product cost bom.name",
        ),
        ("res.user", "login name email active groups"),
        ("company.company", "party.name currency.code timezone"),
    ],
)
def test_every_record_a_connector_reads_exists_with_its_fields(
    tryton: Tryton, model: str, fields: str
) -> None:
    rows = tryton.call(f"model.{model}.search_read", [], 0, 5, BY_ID, fields.split())
    assert rows
    wanted = {field.split(".")[0] + "." if "." in field else field for field in fields.split()}
    assert all(row.keys() == wanted | {"id"} for row in rows)


def test_volume_comes_in_batches_that_share_one_timestamp(strict: Tryton) -> None:
    lines = strict.multiply_orders(2000)
    assert strict.call(f"{PURCHASE}.search_count", []) == 2000
    assert strict.call(f"{LINE}.search_count", []) == lines
    rows = strict.call(
        f"{PURCHASE}.search_read",
        [["reference", "like", "BULK-%"]],
        0,
        400,
        BY_ID,
        ["last_modified_at", "write_date"],
    )
    moments = [json.dumps(row["last_modified_at"]) for row in rows]
    assert [moments.count(moment) for moment in sorted(set(moments))] == [200, 200]
    assert sum(row["write_date"] is None for row in rows) in range(100, 150)


def test_wiping_brings_back_the_loaded_database_at_the_same_address(strict: Tryton) -> None:
    address = strict.url
    strict.call(f"{PURCHASE}.write", [1], {"description": "changed"})
    strict.wipe()
    assert strict.url == address
    assert read(strict, PURCHASE, 1, "description")["description"] != "changed"
    assert strict.call(f"{PURCHASE}.search_count", []) == 200
