"""Logon, sessions, CSRF, activation, authorization, TLS, compression, failures and the control interface."""

import http.client
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
import requests

from tests.simulators.gateway import Gateway
from tests.simulators.gateway.access import User
from tests.test_simulators.client import Client


class StandingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.waited = 0.0

    def now(self) -> datetime:
        return self.moment

    def now_ms(self) -> int:
        return round(self.moment.timestamp() * 1000)

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def wait(self, event: Event, seconds: float) -> bool:
        self.waited += seconds
        return event.is_set()


def test_a_wrong_password_is_refused_with_html_even_when_json_is_asked_for(client: Client) -> None:
    client.http.auth = ("SYNC", "wrong")
    answer = client.get("A_PurchaseOrder")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert answer.headers["content-type"].startswith("text/html")
    client.http.auth = None
    assert client.get("A_PurchaseOrder").status_code == 401


def test_a_client_that_keeps_trying_locks_the_user(client: Client) -> None:
    for _ in range(5):
        client.http.auth = ("SYNC", "wrong")
        client.get("A_PurchaseOrder")
    client.http.auth = ("SYNC", "Welcome1")
    assert client.get("A_PurchaseOrder").status_code == 401


def test_a_user_exists_in_one_client_of_the_system(client: Client) -> None:
    assert client.get("A_PurchaseOrder", sap_client="100").status_code == 200
    assert client.get("A_PurchaseOrder", sap_client="200").status_code == 401


def test_a_service_needs_its_own_authorization(client: Client) -> None:
    client.gateway.users["BUYER"] = User("secret", frozenset({"API_PURCHASEORDER_PROCESS_SRV"}))
    client.http.auth = ("BUYER", "secret")
    assert client.get("A_PurchaseOrder").status_code == 200
    client.service = "API_BUSINESS_PARTNER"
    answer = client.get("A_Supplier")
    assert answer.status_code == 403
    assert client.error(answer) == "No authorization to access Service 'API_BUSINESS_PARTNER'"
    assert "x-csrf-token" not in answer.headers


@pytest.mark.parametrize("status", [403, 404])
def test_a_service_that_is_not_active_is_refused_with_a_gateway_error(client: Client, status: int) -> None:
    client.gateway.settings.inactive_status = status
    client.gateway.inactive.add("API_PLANT_SRV")
    client.service = "API_PLANT_SRV"
    answer = client.get("A_Plant")
    assert answer.status_code == status
    assert client.error(answer).startswith("No service found")


def test_a_session_cookie_is_set_once_and_kept(client: Client) -> None:
    first, second = client.get("A_PurchaseOrder"), client.get("A_PurchaseOrder")
    assert {"SAP_SESSIONID_S4H_100", "sap-usercontext"} <= set(first.cookies.keys())
    assert not second.cookies
    assert len(client.gateway.system.access.sessions) == 1


def _post(client: Client, token: str | None) -> requests.Response:
    headers = {"x-csrf-token": token} if token else {}
    return client.http.post(client.gateway.service_url() + "A_PurchaseOrder", json={}, headers=headers)


def test_a_modifying_request_needs_the_token_of_its_session(client: Client) -> None:
    refused = _post(client, None)
    assert refused.status_code == 403
    assert refused.headers["x-csrf-token"] == "Required"
    token = client.token()
    assert _post(client, token).status_code == 400  # the token is fine, the order is not
    other = Client(client.gateway)
    other.http.auth = client.http.auth
    assert other.token() != token
    assert _post(other, token).status_code == 403
    client.http.cookies.clear()
    lost = _post(client, token)
    assert (lost.status_code, lost.headers["x-csrf-token"]) == (403, "Required")
    assert _post(client, client.token()).status_code == 400
    client.gateway.expire_sessions()
    assert _post(client, token).status_code == 403


def test_a_batch_of_reads_needs_the_token_too(client: Client) -> None:
    answer = client.http.post(client.gateway.service_url() + "$batch", data="")
    assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")


def test_the_token_is_given_only_below_the_slash(client: Client) -> None:
    url = client.gateway.service_url().rstrip("/")
    assert "x-csrf-token" not in client.http.get(url, headers={"x-csrf-token": "Fetch"}).headers
    assert client.http.head(url + "/", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]


def test_a_session_ends_when_idle() -> None:
    clock = StandingClock()
    with Gateway(orders=1, clock=clock) as gateway:
        client = Client(gateway)
        client.http.auth = ("SYNC", "Welcome1")
        token = client.token()
        clock.moment += timedelta(minutes=29)
        assert _post(client, token).status_code == 400
        clock.moment += timedelta(minutes=31)
        assert _post(client, token).status_code == 403


def test_failures_come_as_often_as_ordered(client: Client) -> None:
    client.gateway.fail_next(503, times=2, retry_after=7, path="A_PurchaseOrder")
    assert client.get("").status_code == 200
    answers = [client.get("A_PurchaseOrder") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert client.gateway.requests["GET API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"] == 3
    assert client.gateway.statuses[503] == 2


def test_a_connection_can_be_dropped_and_a_logon_page_sent_with_200(client: Client) -> None:
    client.gateway.fail_next(0)
    with pytest.raises(requests.ConnectionError):
        client.get("A_PurchaseOrder")
    client.gateway.fail_next(200)
    page = client.get("A_PurchaseOrder")
    assert page.status_code == 200
    assert "<html>" in page.text


def test_latency_is_waited_for_by_the_clock() -> None:
    clock = StandingClock()
    with Gateway(orders=1, clock=clock, latency=2.5) as gateway:
        requests.get(gateway.service_url(), timeout=5)
        assert clock.waited == 2.5


def test_connections_are_kept(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc)
    for _ in range(2):
        connection.request("GET", "/sap/opu/odata/sap/")
        answer = connection.getresponse()
        answer.read()
        assert answer.version == 11
        assert not answer.will_close
    connection.close()


def test_https_with_a_certificate_that_must_be_trusted(tmp_path: Path) -> None:
    with Gateway(orders=3, tls=True) as gateway:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(gateway.service_url(), timeout=5)
        assert gateway.certificate is not None
        trusted = tmp_path / "gateway.pem"
        trusted.write_bytes(gateway.certificate)
        client = Client(gateway)
        client.http.auth = ("SYNC", "Welcome1")
        client.http.trust_env = False  # a CA bundle named in the environment would win
        client.http.verify = str(trusted)
        assert client.rows("A_PurchaseOrder")[0]["__metadata"]["uri"].startswith(gateway.url)


def test_gzip_for_clients_that_accept_it() -> None:
    with Gateway(orders=50, zipped=True) as gateway:
        client = Client(gateway)
        client.http.auth = ("SYNC", "Welcome1")
        answer = client.get("A_PurchaseOrder")
        assert answer.headers["content-encoding"] == "gzip"
        assert len(answer.json()["d"]["results"]) == 50
        client.http.headers["Accept-Encoding"] = "identity"
        assert "content-encoding" not in client.get("A_PurchaseOrder").headers


def test_control_is_closed_unless_opened(gateway: Gateway) -> None:
    assert requests.post(gateway.url + "/_control/order_numbers", timeout=5).status_code == 404


def test_the_program_serves_and_can_be_driven_from_another_process() -> None:
    command = [sys.executable, "-m", "tests.simulators.gateway", "--orders", "5", "--controllable"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()

        def control(name: str, **arguments: object) -> requests.Response:
            return requests.post(f"{url}/_control/{name}", json=arguments, timeout=5)

        assert control("order_numbers").json()["result"][-1] == "4500000004"
        assert control("insert", Supplier="0010300007").json()["result"] == "4500000005"
        assert control("touch", order="4500000001", Supplier="0010300008").status_code == 200
        assert control("settings", page_size=2).status_code == 200
        assert control("settings", colour="red").status_code == 400
        assert control("touch", order="1").status_code == 400
        assert control("nothing").status_code == 404
        answer = requests.get(
            f"{url}/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder?$format=json",
            auth=("SYNC", "Welcome1"),
            timeout=5,
        )
        rows = answer.json()["d"]["results"]
        assert [row["PurchaseOrder"] for row in rows] == ["4500000000", "4500000001"]
        assert rows[1]["Supplier"] == "0010300008"
        assert control("counters").json()["result"]["statuses"] == {"200": 1}
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
