"""A source that repeats what it was sent: none of the connection's secrets reaches a message, on any way."""

import pytest

from appliance.errors import ApplianceError, SourceCredentialsRejected
from tests.runtime.opened import reading, vendor_pages
from tests.runtime.test_soap_wsdl import READ, SCHEMA, WSDL, envelope
from tests.transport.servers import Exchange, serving

PASSWORD = "Welcome-1!"
FORM = [{"name": "password", "label": "Password", "type": "password"}]


def refusal(url: str, read: dict[str, object], **more: object) -> ApplianceError:
    with pytest.raises(ApplianceError) as raised:
        vendor_pages(reading(url, read, form=FORM, fields={"password": PASSWORD}, **more))
    told = f"{raised.value.message} {raised.value.details}"
    assert PASSWORD not in told
    return raised.value


def test_messages_of_a_bapi() -> None:
    read = {
        "protocol": "soap_rfc",
        "function": "BAPI_EQUI_GETLIST",
        "tables": ["EQUIPMENT_LIST", "RETURN"],
        "rows": "EQUIPMENT_LIST",
        "parameters": {"WERKS": "${password}"},
    }

    def repeat(it: Exchange) -> None:
        message = f"<TYPE>E</TYPE><ID>IL</ID><NUMBER>001</NUMBER><MESSAGE>No plant {PASSWORD} here</MESSAGE>"
        body = f"<f:BAPI_EQUI_GETLIST.Response xmlns:f='urn:f'><RETURN><item>{message}</item></RETURN>"
        it.reply(200, envelope(f"{body}</f:BAPI_EQUI_GETLIST.Response>".encode()), Content_Type="text/xml")

    with serving(repeat) as server:
        failure = refusal(server.url, read, key="EQUIPMENT")
    assert "No plant … here (IL 001)" in failure.message


def test_words_of_a_soap_service() -> None:
    def answer(it: Exchange) -> None:
        if it.command == "GET":
            it.reply(200, (SCHEMA if "xsd" in it.path else WSDL).encode(), Content_Type="text/xml")
            return
        # Far behind the start, where the status is good: found by the reader of the answer, not by the judge of it.
        filler = f"<!--{'x' * 5000}-->"
        fault = f"<faultcode>x</faultcode><faultstring>No company {PASSWORD} here</faultstring>"
        it.reply(200, envelope(f"{filler}<e:Fault>{fault}</e:Fault>".encode()), Content_Type="text/xml")

    with serving(answer) as server:
        failure = refusal(
            server.url, {**READ, "arguments": {"company": "${password}", "offset": 0, "limit": 1}}
        )
    assert "No company … here" in failure.message


@pytest.mark.parametrize("status", [400, 401])
def test_words_of_a_token_endpoint(status: int) -> None:
    said = f'{{"error": "invalid_client", "error_description": "secret {PASSWORD} is wrong"}}'.encode()
    auth = {
        "scheme": "oauth2",
        "token_url": "${url}/token",
        "client_id": "app",
        "client_secret": "${password}",
    }
    with serving(lambda it: it.reply(status, said)) as server:
        failure = refusal(server.url, {"protocol": "http", "request": {"path": "/vendors"}}, auth=auth)
    assert isinstance(failure, SourceCredentialsRejected)
    assert "secret … is wrong" in failure.message


def test_words_of_a_token_endpoint_about_a_refresh_token_that_came_later() -> None:
    rotated = "r-2nd-token"
    answers = [
        (200, f'{{"access_token": "a", "refresh_token": "{rotated}"}}'),
        (401, '{"message": "session over"}'),
        (400, f'{{"error": "invalid_grant", "error_description": "{rotated} was used"}}'),
    ]

    def answer(it: Exchange) -> None:
        status, body = answers.pop(0)
        it.reply(status, body.encode())

    auth = {
        "scheme": "oauth2",
        "token_url": "${url}/token",
        "grant": "refresh_token",
        "refresh_token": "password",
        "client_id": "app",
        "client_secret": "",
    }
    with serving(answer) as server:
        failure = refusal(server.url, {"protocol": "http", "request": {"path": "/vendors"}}, auth=auth)
    assert rotated not in f"{failure.message} {failure.details}"
    assert "… was used" in failure.message
