"""The staged probe, against real servers on loopback."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.runtime.probe import Report
from appliance.transport.trust import Trust
from tests.runtime.opened import defined, outbound, probed
from tests.transport.authority import Authority
from tests.transport.servers import Exchange, Server, server_context, serving


def reply(exchange: Exchange) -> None:
    """Signs in with `right`; refuses what is named `denied`; `odd` has a row that does not fit."""
    if not exchange.headers.get("Authorization", "").endswith("right"):
        # Some systems repeat what they were sent.
        said = f"wrong password {exchange.headers.get('Authorization')}"
        exchange.reply(401, json.dumps({"message": said}).encode())
        return
    name = exchange.path.rsplit("/", 1)[-1].partition("?")[0]
    if name == "denied":
        exchange.reply(403, b'{"message":"no rights for this"}')
    elif name == "me":
        exchange.reply(200, b'{"user":{"name":"SYNC"}}')
    else:
        rows: list[Any] = (
            [] if name == "empty" else [{"id": 1, "name": {"x": 1} if name == "odd" else "Pumps"}]
        )
        exchange.reply(200, json.dumps(rows).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(reply) as running:
        yield running


def report(
    url: str,
    word: str = "right",
    probe: dict[str, Any] | None = None,
    trust: Trust | None = None,
    read: bool = True,
    **entities: Any,
) -> Report:
    """The probe of a system; `entities` are named with the path to read, required ones with an `!`."""
    document: dict[str, Any] = {
        "http": {"base_url": "${url}"},
        "auth": {"scheme": "header", "value": "Bearer ${token}"},
        "statuses": {"work-orders": {"open": "Open"}},
        "form": [{"name": "token", "label": "Token", "type": "password"}],
        "entities": {
            name: {
                "read": {"protocol": "http", "request": {"path": path.strip("!")}},
                "key": ["id"],
                "map": {"name": "name"},
                "required": path.endswith("!"),
            }
            for name, path in (entities or {"Vendor": "vendors", "Site": "sites"}).items()
        },
    }
    if probe:
        document["probe"] = probe
    way = outbound(trust=trust, connect_timeout=2.0)
    connector = defined(document, {"url": url, "token": word}, way=way)
    try:
        return probed(connector, way, read=read)
    finally:
        connector.close()


def stages(found: Report) -> list[tuple[str, str]]:
    """The stages but that of the clock, which comes with the first answer (see auth/test_probe_stages.py)."""
    return [(stage.name, stage.state) for stage in found.stages if stage.name != "clock"]


ME = {"request": {"path": "me"}, "path": "user.name"}


def test_all_is_well(server: Server) -> None:
    found = report(server.url, probe=ME)
    assert stages(found) == [
        ("resolve", "passed"),
        ("connect", "passed"),
        ("tls", "warning"),
        ("authenticate", "passed"),
        ("read Vendor", "passed"),
        ("read Site", "passed"),
        ("read Status", "passed"),
    ]
    assert (found.failure, found.readable) == (None, ("Vendor", "Site", "Status"))
    assert "Prefer https" in found.stages[2].message
    assert json.dumps(found.as_dicts())


def test_a_name_that_does_not_exist() -> None:
    found = report("https://no-such-host.invalid")
    assert stages(found) == [("resolve", "failed")]
    assert "Check its spelling and this machine's DNS" in found.stages[0].message
    assert found.failure is not None
    assert found.failure.type == "connection"


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    found = report(f"http://127.0.0.1:{port}")
    assert stages(found) == [("resolve", "passed"), ("connect", "failed")]
    assert (
        "connection refused. Check that the system is running and the port is right"
        in found.stages[1].message
    )


def test_a_certificate_of_an_authority_that_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(reply, server_context(authority.issue("127.0.0.1"))) as secure:
        refused = report(secure.url, trust=Trust(system_bundles=()))
        trusted = report(secure.url, trust=Trust([authority.ca_file], system_bundles=()))
        wrong_name = report(
            secure.url.replace("127.0.0.1", "localhost"), trust=Trust([authority.ca_file], system_bundles=())
        )
    assert stages(refused)[-1] == ("tls", "failed")
    assert refused.stages[-1].code == "SOURCE_CERTIFICATE_REFUSED"
    assert "cannot be trusted" in refused.stages[-1].message
    assert stages(trusted)[2] == ("tls", "passed")
    assert "TLSv1." in trusted.stages[2].message
    assert trusted.failure is None
    assert stages(wrong_name)[-1] == ("tls", "failed")


def test_a_port_that_speaks_no_tls(server: Server) -> None:
    found = report(server.url.replace("http:", "https:"))
    assert stages(found)[-1] == ("tls", "failed")
    assert "Use http:// or the right port" in found.stages[-1].message


def test_a_wrong_password(server: Server) -> None:
    found = report(server.url, word="Plant-2025!", probe=ME)
    assert stages(found)[-1] == ("authenticate", "failed")
    assert found.failure is not None
    assert found.failure.code == "SOURCE_CREDENTIALS_REJECTED"
    assert found.failure.message.endswith("It said: wrong password Bearer …")
    assert "Plant-2025!" not in json.dumps(found.as_dicts())


def test_a_wrong_system_answers_something_else(server: Server) -> None:
    found = report(server.url, probe={"request": {"path": "vendors"}, "path": "user.name"})
    assert stages(found)[-1] == ("authenticate", "failed")
    (message,) = [stage.message for stage in found.stages if stage.state == "failed"]
    assert "Check that the address is that of the right system and version" in message


def test_without_a_sign_in_request_a_read_tells_about_the_password(server: Server) -> None:
    found = report(server.url, word="wrong", Vendor="vendors", Site="sites")
    assert stages(found)[-1] == ("read Vendor", "failed")
    assert found.failure is not None
    assert found.failure.type == "authentication"


def test_only_the_credentials(server: Server) -> None:
    assert stages(report(server.url, probe=ME, read=False))[-1] == ("authenticate", "passed")
    judged = report(server.url, word="wrong", read=False)
    assert judged.failure is not None, "a definition without a sign-in request can judge credentials too"
    assert judged.failure.code == "SOURCE_CREDENTIALS_REJECTED"


def test_one_entity_that_is_denied_is_a_warning(server: Server) -> None:
    found = report(server.url, Vendor="vendors", Site="denied", Location="empty")
    assert stages(found)[-4:] == [
        ("read Vendor", "passed"),
        ("read Site", "warning"),
        ("read Location", "passed"),
        ("read Status", "passed"),
    ]
    assert (found.failure, found.readable) == (None, ("Vendor", "Location", "Status"))
    messages = {stage.name: stage.message for stage in found.stages}
    assert "no rights for this" in messages["read Site"]
    assert "there are no rows, or none the user may see" in messages["read Location"]


def test_all_entities_denied_is_a_failure_though_fixed_lists_are_readable(server: Server) -> None:
    found = report(server.url, Vendor="denied", Site="denied")
    assert found.readable == ("Status",)
    assert found.failure is not None
    assert found.failure.code == "SOURCE_ACCESS_DENIED"


def test_a_required_entity_denied_is_a_failure(server: Server) -> None:
    found = report(server.url, Vendor="vendors", Site="denied!")
    assert ("read Site", "failed") in stages(found)
    assert found.failure is not None
    assert "no rights for this" in found.failure.message


def test_a_row_that_does_not_fit_is_told(server: Server) -> None:
    found = report(server.url, Vendor="odd")
    assert stages(found)[3] == ("read Vendor", "passed")
    assert "its first row does not fit" in found.stages[3].message


def test_a_template_that_names_no_field_is_told_and_not_our_own_fault(server: Server) -> None:
    found = report(server.url, Vendor="vendors/${nosuch}")
    assert stages(found)[3] == ("read Vendor", "warning")
    assert "there is no 'nosuch' here" in found.stages[3].message


def test_without_a_sign_in_request_it_reads_until_one_entity_can_be_read(server: Server) -> None:
    found = report(server.url, read=False, Vendor="denied", Site="vendors", Location="vendors")
    assert [stage for stage in stages(found) if stage[0].startswith("read")] == [
        ("read Vendor", "warning"),
        ("read Site", "passed"),
    ]
    assert found.failure is None
    assert found.passed("read") and not found.passed("authenticate")


def test_what_stands_in_the_definition_proves_nothing(server: Server) -> None:
    found = report(server.url, read=False, Vendor="denied", Site="denied")
    assert ("read Status", "passed") not in stages(found)
    assert found.failure is not None and found.failure.code == "SOURCE_ACCESS_DENIED"
