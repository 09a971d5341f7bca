"""Signing in to a real Tryton, rights, and what its errors become."""

from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.select import decode, encode
from appliance.transport.http import Request
from tests.connectors.tryton.asking import PURCHASE, connected, key, moment
from tests.real.tryton import Tryton
from tests.runtime.opened import all_pages, all_records, outbound, probed

pytestmark = pytest.mark.real


def test_an_expired_session_logs_in_again_between_two_pages(tryton: Tryton) -> None:
    connector = connected(tryton)
    pages = connector.pages("PurchaseOrder")
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert first.next is not None
    sessions = logged_out(tryton, connector)
    second: Page = pages.fetch(first.next, EVERYTHING, resuming=True, sample=False)
    assert len(second.rows) == 100
    assert {decode(row)["id"] for row in second.rows}.isdisjoint({decode(row)["id"] for row in first.rows})
    assert sessions != session_of(connector)
    connector.close()


def session_of(connector: Connector) -> str:
    return str(connector.source._authenticator._headers._held.headers["Authorization"])  # type: ignore[union-attr]


def logged_out(tryton: Tryton, connector: Connector) -> str:
    """End the connector's session at the server, as its time limit would; returns its header."""
    session = session_of(connector)
    tryton.call_as(session, "common.db.logout")
    return session


def probe_of(tryton: Tryton, **fields: Any) -> Report:
    connector = connected(tryton, **fields)
    try:
        return probed(connector, outbound())
    finally:
        connector.close()


def test_the_probe_reads_every_entity(tryton: Tryton, connector: Connector) -> None:
    report = probe_of(tryton)
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)
    assert [stage.message for stage in report.stages if "does not fit" in stage.message] == []


def test_a_user_without_rights_is_denied_in_tryton_s_words(tryton: Tryton) -> None:
    guest = connected(tryton, username="guest", password=tryton.plain_password)
    with pytest.raises(SourceAccessDenied, match='You are not allowed to access "Purchase"') as told:
        all_pages(guest, "PurchaseOrder")
    assert tryton.plain_password not in told.value.message
    report = probed(guest, outbound())
    assert isinstance(report.failure, SourceAccessDenied), "purchase orders are required"
    guest.close()


def test_a_user_of_purchasing_reads_what_it_may_and_is_told_the_rest(tryton: Tryton) -> None:
    report = probe_of(tryton, username="buyer", password=tryton.plain_password)
    assert report.failure is None
    assert {"PurchaseOrder", "Vendor", "Part"} <= set(report.readable)
    denied = {
        stage.name: stage.message
        for stage in report.stages
        if stage.state == "warning" and stage.name.startswith("read")
    }
    assert denied, "the buyer may not read supplier invoices or production orders"
    assert all("You are not allowed to access" in message for message in denied.values())


def test_a_wrong_password(tryton: Tryton) -> None:
    report = probe_of(tryton, username="nobody", password="Plant-2025!")
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert report.stages[-1].name == "authenticate"
    assert "Plant-2025!" not in str(report.as_dicts())


def test_a_wrong_database(tryton: Tryton) -> None:
    report = probe_of(tryton, database="nowhere")
    assert isinstance(report.failure, SourceError)
    assert "There is no database of this name on the server." in report.failure.message


def test_an_error_of_a_call_comes_with_tryton_s_words_and_the_right_advice(tryton: Tryton) -> None:
    connector = connected(tryton)

    def ask(method: str, *params: Any) -> str:
        body = encode({"id": 1, "method": method, "params": [*params, {}]})
        request = Request(
            "POST",
            connector.source.base_url,
            headers={"Content-Type": "application/json"},
            body=body,
            safe=True,
        )
        with pytest.raises(SourceError) as told:
            connector.source.send(request)
        return told.value.message

    unknown = ask("model.no.such.search", [])
    assert "The Tryton module of this entity may not be active. It said: 'no.such'" in unknown
    missing = ask(f"{PURCHASE}.read", [10**9], ["number"])
    assert "You are trying to read records" in missing
    assert "module" not in missing
    connector.close()


def test_the_company_is_sent_along(tryton: Tryton) -> None:
    connector = connected(tryton, company=1)
    assert connector.source.client is not None
    sent: list[Any] = []
    send = connector.source.client.send

    def watched(request: Any, **options: Any) -> Any:
        sent.append(decode(request.body))
        return send(request, **options)

    connector.source.client.send = watched  # type: ignore[method-assign]
    all_pages(connector, "Organization")
    assert [call["params"][-1] for call in sent[1:]] == [{"company": 1, "active_test": False}] * (
        len(sent) - 1
    )
    connector.close()


def test_inactive_records_are_read_too(tryton: Tryton, connector: Connector) -> None:
    (party,) = tryton.call("model.party.party.create", [{"name": "Gone Ltd"}])
    tryton.call("model.party.party.write", [party], {"active": False})
    records = all_records(connector, "Vendor", Since(moment(tryton, "model.party.party", party)))
    assert records[str(key("Vendor", party))]["customFields"]["active"] in (False, 0)
