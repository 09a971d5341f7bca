"""Recordings: no secret in them, and the same suite from them without a network."""

import base64
import io
import json
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import SystemClock
from appliance.errors import InvalidInput
from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.recording import Recorder, read_recording
from appliance.runtime.checking.replay import NoReach, NotRecorded, Replay, replayed
from appliance.runtime.checking.suite import run_suite
from appliance.runtime.connector import Connectors
from appliance.runtime.definition import Definition, parse_definition
from appliance.transport.http import Request, Response
from tests.runtime.opened import CREATED, MODEL, PART, outbound
from tests.runtime.test_suite import CUSTOMERS
from tests.simulators.anvil import SECRET, Anvil, running

AT = datetime(2026, 1, 5, 8, tzinfo=UTC)


def definition() -> Definition:
    return parse_definition(
        {
            "system": "plant",
            "name": "Plant",
            "summary": "Of the tests.",
            "categories": ["eam"],
            "tier": 3,
            "hosting": "either",
            "evidence": "facts",
            "form": [
                {"name": "url", "label": "Address"},
                {"name": "api_key", "label": "Key", "type": "password"},
                {"name": "tls_client_key", "label": "Key", "type": "document", "secret": True},
            ],
            "entities": {"Vendor": {"key": ["id"], "map": {}, "read": {"protocol": "declared", "items": []}}},
        },
        where="plant",
    )


def recorded(secret: str, *exchanges: tuple[Request, Response]) -> bytes:
    stream = io.BytesIO()
    fields = {"url": "https://plant.example", "api_key": secret, "tls_client_key": "PEM of a key"}
    recorder = Recorder(stream, definition(), fields, AT)
    for request, response in exchanges:
        recorder.add(request, response)
    return stream.getvalue()


def answered(body: bytes, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, named, body, "https://plant.example/", 0.1)


printable = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=["Cc", "Cs"]), min_size=8
)


@given(printable)
def test_no_spelling_of_a_secret_is_kept(secret: str) -> None:
    request = Request(
        "POST",
        f"https://plant.example/{quote(secret, safe='')}/rows",
        params=[("key", secret)],
        headers={"Authorization": f"Bearer {secret}"},
        body=urlencode({"key": secret}).encode(),
    )
    in_json = (
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(secret).replace("/", "\\/"),
    )
    answer = answered(
        f"[{','.join(in_json)}]".encode(),
        Link=f'<https://plant.example/?key={quote(secret).lower()}>; rel="next"',
        Set_Cookie=f"session={secret}",
    )
    _, (said,) = read_recording(recorded(secret, (request, answer)).splitlines())
    word = "recorded_api_key"
    assert json.loads(said.answer) == [word] * 3
    assert (said.url, said.sent) == (f"https://plant.example/{word}/rows?key={word}", f"key={word}")
    assert said.headers == {"Link": f'<https://plant.example/?key={word}>; rel="next"'}


def test_a_short_secret_is_taken_out_where_it_stands_alone() -> None:
    kept = recorded(
        "ab1", (Request("GET", "https://plant.example/cab1n", params=[("k", "ab1")]), answered(b'"ab1"'))
    )
    said = json.loads(kept.splitlines()[1])
    assert (said["url"], said["answer"]) == (
        "https://plant.example/cab1n?k=recorded_api_key",
        '"recorded_api_key"',
    )


def test_neither_cookies_nor_certificates_are_kept_and_bytes_come_back_as_they_were() -> None:
    body = bytes(range(256)) + b"topsecret-key"
    kept = recorded(
        "topsecret-key", (Request("GET", "https://plant.example/x"), answered(body, Set_Cookie="a=1"))
    )
    head, exchanges = read_recording(kept.splitlines())
    assert head.fields == {"url": "https://plant.example", "api_key": "recorded_api_key"}
    assert exchanges[0].headers == {}
    assert base64.b64decode(exchanges[0].answer) == bytes(range(256)) + b"recorded_api_key"
    assert (
        Replay(exchanges).send(Request("GET", "https://plant.example/x")).body.startswith(bytes(range(256)))
    )


def test_the_same_question_gets_its_answers_in_order_and_then_the_last_one() -> None:
    ask = Request("GET", "https://plant.example/x")
    _, exchanges = read_recording(
        recorded("secret-key", *((ask, answered(body)) for body in (b"1", b"2"))).splitlines()
    )
    replay = Replay(exchanges)
    assert [replay.send(ask).body for _ in range(3)] == [b"1", b"2", b"2"]
    with pytest.raises(NotRecorded, match="record again"):
        replay.send(Request("GET", "https://plant.example/y"))
    with pytest.raises(NotRecorded):
        replay.send(Request("POST", "https://plant.example/x", body=b"other"))


@pytest.mark.parametrize("content", [b"", b"no json", b'{"system": "plant"}', b'{"recording": 9}'])
def test_what_is_no_recording_is_told(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="no recording"):
        read_recording(content.splitlines())


def test_a_recording_of_another_format_is_refused() -> None:
    kept = recorded("secret-key").replace(b'"recording":1', b'"recording":2')
    with pytest.raises(InvalidInput, match="format 2"):
        read_recording(kept.splitlines())


def recording_of(anvil: Anvil) -> tuple[bytes, list[str]]:
    """A recording of the suite against the system, and what the suite found."""
    stream = io.BytesIO()
    with running(anvil) as server:
        way, clock = outbound(), SystemClock()
        connectors = Connectors(MODEL, Catalog(MODEL, None, CUSTOMERS), way.client, clock)
        fields = {"url": server.url, "client_id": "appliance", "client_secret": SECRET}
        connector = connectors.open("anvil", fields, part=PART, created_at=CREATED)
        connector.source.witness = Recorder(stream, connector.definition, fields, clock.now()).add
        report = run_suite(connector, MODEL, way.reach, clock)
        connector.close()
    return stream.getvalue(), [f"{c.entity} {c.name} {c.state} {c.message}" for c in report.checks]


def test_the_suite_finds_the_same_in_a_recording_without_a_network() -> None:
    anvil = Anvil()
    anvil.flaws |= {"exclusive", "echo"}
    anvil.rows["jobs"][5]["state"] = "HOLD"
    kept, live = recording_of(anvil)
    assert SECRET.encode() not in kept
    assert b"token" not in kept
    catalog = Catalog(MODEL, None, CUSTOMERS)
    connector, then = replayed(
        MODEL, catalog, "anvil", *read_recording(kept.splitlines()), SystemClock(), part=PART
    )
    report = run_suite(connector, MODEL, NoReach, then)
    connector.close()
    again = [f"{c.entity} {c.name} {c.state} {c.message}" for c in report.checks]
    network = (" probe resolve", " probe connect", " probe tls")
    assert again == [line for line in live if not line.startswith(network)]
    assert not report.passed


def test_a_recording_of_another_system_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not of anvil"):
        replayed(
            MODEL,
            Catalog(MODEL, None, CUSTOMERS),
            "anvil",
            *read_recording(recorded("secret-key").splitlines()),
            SystemClock(),
            part=PART,
        )
