"""Signing in, rights, and what a system that refuses says."""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError, SourceAccessDenied, SourceCredentialsRejected
from appliance.runtime.protocols import EVERYTHING
from tests.connectors.sap_s4hana.asking import connected, records, report_of
from tests.runtime.opened import all_records
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.services import PLANTS4, PURCHASING4, SERVICES, V2
from tests.transport.authority import Authority
from tests.transport.servers import Server, server_context


def test_the_probe_reads_every_entity(s4: S4, server: Server) -> None:
    report = report_of(connected(s4, server))
    assert report.failure is None
    assert len(report.readable) == 21
    assert {stage.state for stage in report.stages if stage.name.startswith("read ")} == {"passed"}


@pytest.mark.parametrize("read", [True, False])
def test_a_wrong_password_is_tried_once_and_not_told(s4: S4, server: Server, read: bool) -> None:
    report = report_of(connected(s4, server, password="Plant-2025!"), read=read)
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "Plant-2025!" not in str(report.as_dicts())
    assert s4.failed_logons == 1, "SAP locks a user after a few"


def test_a_wrong_client_is_a_wrong_sign_in(s4: S4, server: Server) -> None:
    report = report_of(connected(s4, server, client="200"))
    assert isinstance(report.failure, SourceCredentialsRejected)


def oauth(s4: S4) -> dict[str, str | None]:
    client = {"client_id": s4.user, "client_secret": s4.password, "token_url": "sap/bc/sec/oauth2/token"}
    return {"sign_in": "oauth2", "username": None, "password": None, "client": None, **client}


def test_a_token_of_client_credentials_opens_the_same(s4: S4, server: Server) -> None:
    connector = connected(s4, server, **oauth(s4))
    assert report_of(connector).failure is None
    assert s4.tokens


def test_a_token_that_was_revoked_is_renewed(s4: S4, server: Server) -> None:
    connector = connected(s4, server, **oauth(s4))
    assert all_records(connector, "Vendor")
    s4.tokens.clear()
    assert all_records(connector, "Vendor")
    connector.close()


def test_a_wrong_client_secret_is_told_without_it(s4: S4, server: Server) -> None:
    report = report_of(connected(s4, server, **{**oauth(s4), "client_secret": "Wrong-Harbor-1"}))
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "Wrong-Harbor-1" not in str(report.as_dicts())


def test_a_client_certificate_signs_in(s4: S4, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, secret = authority.issue("reader.plant.example")
    context = server_context(authority.issue("127.0.0.1"), clients=authority.ca_file)
    s4.certificates = True
    tls = {"tls_client_certificate": certificate.read_text(), "tls_client_key": secret.read_text()}
    own = {
        "tls_ca": authority.ca_file.read_text(),
        "sign_in": "certificate",
        "username": None,
        "password": None,
    }
    with s4.served(context) as server:
        connector = connected(s4, server, **tls, **own)
        assert len(all_records(connector, "Vendor")) == 1
        connector.close()
        without = connected(s4, server, **own)
        with pytest.raises(ApplianceError):
            all_records(without, "Vendor")
        without.close()


def test_a_missing_right_for_one_service_is_a_warning(s4: S4, server: Server) -> None:
    s4.denied.add(f"{V2}API_BUSINESS_PARTNER/")
    report = report_of(connected(s4, server))
    assert report.failure is None
    warned = {
        stage.name: stage.message
        for stage in report.stages
        if stage.name.startswith("read ") and stage.state == "warning"
    }
    assert set(warned) == {"read Vendor", "read Currency"}
    assert "S_SERVICE" in warned["read Vendor"]


def test_a_service_that_is_not_active_is_told_with_what_to_do(s4: S4, server: Server) -> None:
    s4.inactive |= {PLANTS4, f"{V2}API_PLANT_SRV/"}
    report = report_of(connected(s4, server))
    (warning,) = [stage for stage in report.stages if stage.name == "read Site"]
    assert warning.state == "warning"
    assert "/IWFND/MAINT_SERVICE" in warning.message


def test_the_older_service_is_told_where_the_newer_one_is_missing(s4: S4, server: Server) -> None:
    s4.inactive.add(PURCHASING4)
    report = report_of(connected(s4, server))
    (stage,) = [stage for stage in report.stages if stage.name == "read PurchaseOrder"]
    assert stage.state == "passed"
    assert (
        "A_PurchaseOrder of sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV is read instead" in stage.message
    )


def test_of_two_services_the_lack_of_a_right_is_told(s4: S4, server: Server) -> None:
    s4.inactive.add(PURCHASING4)
    s4.denied.add(f"{V2}API_PURCHASEORDER_PROCESS_SRV/")
    pages = connected(s4, server).pages("PurchaseOrder")
    with pytest.raises(SourceAccessDenied):
        pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)


def test_a_user_without_any_right_cannot_be_connected(s4: S4, server: Server) -> None:
    s4.denied |= set(SERVICES)
    assert isinstance(report_of(connected(s4, server)).failure, SourceAccessDenied)


def test_the_page_of_the_single_sign_on_is_known(s4: S4, server: Server) -> None:
    s4.single_sign_on = True
    report = report_of(connected(s4, server))
    assert isinstance(report.failure, ApplianceError)
    assert "-api" in report.failure.message


def test_an_overloaded_system_is_not_taken_for_one_without_the_service(s4: S4, server: Server) -> None:
    pages = connected(s4, server).pages("PurchaseOrder")
    s4.throttled = 1
    with pytest.raises(ApplianceError) as raised:
        pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert raised.value.details["status"] == 503
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert (len(page.rows), page.notices) == (1, ())


def test_reads_ask_for_english_and_the_client_on_every_page(s4: S4, server: Server) -> None:
    s4.page_size = 1
    assert len(records(s4, server, "Asset")) == 2
    asked = [path for _, path, _, _ in server.requests if "/Equipment?" in path]
    assert len(asked) == 2
    assert all("sap-client=100" in path and "sap-language=EN" in path for path in asked)
