"""What all pages keep to: escaped text, no inline code, bounded lists, errors that help."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO

import msgspec
import pytest

from appliance.credits.entitlement import Entitlement, Entitlements, Term
from appliance.store.records import NewRecord
from appliance.sync.rejections.quarantine import Rejected
from appliance.users.errors import ApiKeyUnknown
from tests.admin.conftest import Browser, Plant

KNOWN_ATTRIBUTES = (
    "action alt aria-busy aria-current aria-describedby aria-hidden aria-invalid aria-label aria-labelledby"
    " aria-live autocapitalize autocomplete autofocus charset checked class colspan content cx cy d datetime"
    " defer enctype focusable for height hidden href id lang list max maxlength method min minlength name open"
    " placeholder r readonly rel required role rows rx ry scope selected spellcheck src tabindex title type"
    " value viewbox width x y"
)
HOSTILE = "<script>alert(1)</script>\"'&"


def _record(key: str, **fields: object) -> NewRecord:
    payload = msgspec.json.encode({"key": key, **fields})
    return NewRecord(key, key.encode(), payload, 0, msgspec.json.encode({"id": HOSTILE}))


@pytest.fixture
def hostile(plant: Plant, browser: Browser) -> list[str]:
    """Every page of a connection whose name, record and error are hostile."""
    connection = plant.connection(browser.connect_sandbox(HOSTILE))
    stream = plant.appliance.records.stream(connection.id, "WorkOrder")
    plant.appliance.records.write(stream, [_record("03a", code=HOSTILE, title=HOSTILE, statusKey=HOSTILE)])
    plant.appliance.planner.schedules.failed(connection.id, "Asset", HOSTILE, next_due_at=None)
    plant.appliance.health.mark_reauthorization_required(connection, HOSTILE)
    plant.appliance.api_keys.create(HOSTILE)
    rejected = Rejected("03b", b'{"code": "%s"}' % HOSTILE.encode(), HOSTILE)
    plant.appliance.quarantine.keep(stream, [rejected], fingerprint=b"", run_id=HOSTILE, now=0)
    row = plant.appliance.rejected_rows.page(connection.id)[0]["id"]
    plant.appliance.database.insert(
        "drift",
        stream_id=stream.id,
        path=HOSTILE,
        kind="new",
        before="",
        after="text",
        noticed_at=0,
        run_id=HOSTILE,
    )
    run = plant.appliance.planner.runs.recent(connection.id, 1)[0]["id"]
    base = f"/admin/connections/{connection.id}"
    return [
        *("/admin/", f"/admin/?q={HOSTILE}", base, f"{base}/reauthorize", f"{base}/disconnect"),
        *(
            f"{base}/records/WorkOrder",
            f"{base}/records/WorkOrder?key={HOSTILE}",
            f"{base}/records/WorkOrder/03a",
        ),
        *(f"{base}/mapping", f"{base}/mapping/WorkOrder", f"{base}/mapping/WorkOrder/change?field=title"),
        *(f"{base}/mapping/WorkOrder/change?custom={HOSTILE}", f"{base}/writes/{HOSTILE}"),
        *(f"{base}/capabilities", f"{base}/writes", f"{base}/passthrough"),
        *(f"{base}/rejected", f"{base}/rejected?entity={HOSTILE}", f"{base}/rejected/{row}"),
        *(
            f"/admin/runs/{run}",
            "/admin/credits",
            "/admin/api-keys",
            "/admin/connect",
            "/admin/connect/tryton",
        ),
        *(f"/admin/connect?q={HOSTILE}", f"/admin/runs/{HOSTILE}", f"{base}/records/{HOSTILE}"),
    ]


def test_hostile_text_is_shown_as_text(browser: Browser, hostile: list[str]) -> None:
    shown = 0
    for path in hostile:
        text = browser.get(path).text
        assert "<script>alert" not in text, path
        shown += "&lt;script&gt;alert" in text
    assert shown >= 10


def test_no_page_has_inline_code_or_style_and_the_policy_forbids_it(
    browser: Browser, hostile: list[str]
) -> None:
    for path in [*hostile, "/admin/nothing"]:
        response = browser.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)\s*=", response.text), path
        assert not re.search(r"<style|<script(?![^>]* src=)|javascript:", response.text), path
        assert not re.search(r"(src|href)=\"(https?:)?//", response.text), path


def test_attributes_do_not_run_into_each_other(browser: Browser, hostile: list[str]) -> None:
    known = set(KNOWN_ATTRIBUTES.split())
    names: set[str] = set()

    class Collector(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names.update(name for name, _ in attrs)

    for path in hostile:
        Collector().feed(browser.get(path).text)
    assert {name for name in names if not name.startswith("data-")} - known == set()


def test_every_field_has_a_label(browser: Browser, hostile: list[str]) -> None:
    for path in hostile:
        text = browser.get(path).text
        fields = re.findall(r"<(?:input|select|textarea)\b[^>]*>", text)
        for one in fields:
            if (
                'type="hidden"' in one
                or "aria-label=" in one
                or 'type="radio"' in one
                or 'type="checkbox"' in one
            ):
                continue
            name = re.search(r'\bid="([^"]+)"', one)
            assert name is not None, one
            assert f'for="{name.group(1)}"' in text, one


def test_records_are_paged(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    stream = plant.appliance.records.stream(connection.id, "WorkOrder")
    plant.appliance.records.write(stream, [_record(f"03{n:03}", code=f"WO-{n:03}") for n in range(120)])
    path: str | None = f"/admin/connections/{connection.id}/records/WorkOrder"
    seen: list[str] = []
    while path:
        text = browser.get(path).text
        page = re.findall(r">(WO-\d+)</a>", text)
        assert len(page) <= 50
        seen += page
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following.group(1).replace("&amp;", "&") if following else None
    assert seen == [f"WO-{n:03}" for n in range(120)]


def test_a_key_that_is_searched_for_opens_its_record(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    stream = plant.appliance.records.stream(connection.id, "Asset")
    plant.appliance.records.write(stream, [_record("02abc", code="A-1")])
    path = f"/admin/connections/{connection.id}/records/Asset"
    assert browser.get(f"{path}?key=02abc").headers["Location"] == f"{path}/02abc"
    assert "No asset has this key" in browser.get(f"{path}?key=02xyz").text


def test_an_error_is_a_page_with_the_request_id(browser: Browser) -> None:
    response = browser.get("/admin/connections/con_none", headers={"X-Request-Id": "req_for_support"})
    assert response.status_code == 404
    assert "req_for_support" in response.text
    assert "CONNECTION_NOT_FOUND" in response.text


def test_an_account_key_is_shown_once(plant: Plant, browser: Browser) -> None:
    form = {"name": "Provisioning", "ticket": browser.ticket("/admin/api-keys")}
    found = re.search(r'id="api-key"[^>]*value="(apk_[^"]+)"', browser.post("/admin/api-keys", form).text)
    assert found is not None
    assert plant.appliance.api_keys.authenticate(found.group(1)).name == "Provisioning"
    again = browser.post("/admin/api-keys", form)
    assert again.status_code == 409
    assert found.group(1) not in again.text
    key_id = plant.appliance.api_keys.authenticate(found.group(1)).id
    browser.post(f"/admin/api-keys/{key_id}/revoke")
    assert "Revoked" in browser.get("/admin/api-keys").text
    with pytest.raises(ApiKeyUnknown):
        plant.appliance.api_keys.authenticate(found.group(1))


def test_a_file_that_is_no_entitlement_is_explained_on_the_page(plant: Plant, browser: Browser) -> None:
    response = browser.post(
        "/admin/credits/entitlement",
        {"file": (BytesIO(b'{"credits": 9999}'), "entitlement.json")},
        content_type="multipart/form-data",
    )
    assert response.status_code == 422
    assert "The file is not an entitlement." in response.text
    assert plant.appliance.ledger.balance().granted == 20


def test_the_credits_page_names_the_installation(plant: Plant, browser: Browser) -> None:
    assert (
        f"<code>{plant.appliance.entitlements.installation.id}</code>" in browser.get("/admin/credits").text
    )


def test_an_entitlement_past_its_end_is_told_on_the_credits_page(
    plant: Plant, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, ended = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    entitlement = Entitlement("ENT-1", "Plant Example", 40, issued, ended)
    for phase, told in (
        ("grace", "New connections can be made until"),
        ("ended", "No new connections can be made"),
    ):
        term = Term(phase, "ins_1", entitlement, ended)  # type: ignore[arg-type]
        monkeypatch.setattr(Entitlements, "term", lambda _, term=term: term)
        page = browser.get("/admin/credits").text
        assert told in page and "Those that are there go on" in page


class TestApplications:
    def secret_of(self, browser: Browser, path: str, form: dict[str, object]) -> str:
        found = re.search(r'id="client-secret"[^>]*value="(aps_[^"]+)"', browser.post(path, form).text)
        assert found is not None
        return found.group(1)

    def test_one_is_made_renewed_and_revoked(self, plant: Plant, browser: Browser) -> None:
        applications = plant.appliance.applications
        form = {
            "name": "Portal",
            "redirects": "https://portal.example/back",
            "verbs": ["read", "sync"],
            "ticket": browser.ticket("/admin/applications"),
        }
        secret = self.secret_of(browser, "/admin/applications", form)
        assert browser.post("/admin/applications", form).status_code == 409
        (listed,) = applications.list()
        assert listed["scope"] == {"verbs": ["read", "sync"]}
        assert applications.authenticate(listed["id"], secret).redirects == ("https://portal.example/back",)
        page = browser.get("/admin/applications").text
        assert secret not in page
        ticket = re.findall(r'name="ticket" value="([^"]+)"', page)[1]
        path = f"/admin/applications/{listed['id']}"
        newer = self.secret_of(browser, f"{path}/secret", {"ticket": ticket})
        assert browser.post(f"{path}/secret", {"ticket": ticket}).status_code == 409
        applications.authenticate(listed["id"], newer)
        browser.post(f"{path}/revoke")
        assert "Revoked" in browser.get("/admin/applications").text

    def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(self, browser: Browser) -> None:
        form = {
            "name": "Portal",
            "redirects": "http://portal.example/",
            "ticket": browser.ticket("/admin/applications"),
        }
        refused = browser.post("/admin/applications", form)
        assert refused.status_code == 422
        assert 'id="redirects-problem"' in refused.text
        assert 'value="Portal"' in refused.text


def test_a_key_is_limited_as_the_form_says(plant: Plant, browser: Browser) -> None:
    form = {
        "name": "Reader",
        "entities": "Asset, WorkOrder",
        "verbs": "read",
        "networks": "10.0.0.0/8",
        "days": "30",
        "ticket": browser.ticket("/admin/api-keys"),
    }
    assert browser.post("/admin/api-keys", form).status_code == 200
    (listed,) = [one for one in plant.appliance.api_keys.list() if one["name"] == "Reader"]
    assert listed["scope"] == {
        "entities": ["Asset", "WorkOrder"],
        "verbs": ["read"],
        "networks": ["10.0.0.0/8"],
    }
    assert listed["expires_at"] is not None
    assert "networks: 10.0.0.0/8" in browser.get("/admin/api-keys").text
    for wrong in ({"entities": "Assets"}, {"networks": "10.0.0.1/8"}, {"days": "0"}, {"days": "x"}):
        refused = browser.post(
            "/admin/api-keys", {**form, **wrong, "ticket": browser.ticket("/admin/api-keys")}
        )
        assert refused.status_code == 422
        assert f'id="{next(iter(wrong))}-problem"' in refused.text


class TestRequestLog:
    def test_a_request_is_found_by_its_id_and_shown_without_secrets(
        self, plant: Plant, browser: Browser
    ) -> None:
        token = "apl_" + "x" * 43
        answer = plant.app.test_client().get(
            "/api/eam/assets?x=<script>", headers={"Authorization": f"Bearer {token}"}
        )
        plant.appliance.request_log.flush()
        request_id = answer.headers["X-Request-Id"]
        listed = browser.get("/admin/requests?failed=1").text
        assert request_id in listed
        assert "TOKEN_INVALID" in listed
        sought = browser.get(f"/admin/requests?id={request_id}")
        assert sought.headers["Location"].endswith(f"/admin/requests/{request_id}")
        page = browser.get(f"/admin/requests/{request_id}").text
        assert "TOKEN_INVALID" in page
        assert token not in page
        assert "<script>" not in page.replace('<script src="', "")
        assert browser.get("/admin/requests?id=req_unknown").status_code == 404
        assert browser.get("/admin/requests/req_unknown").status_code == 404

    def test_who_may_not_read_it_is_refused(
        self, plant: Plant, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {})
        assert browser.get("/admin/requests").status_code == 403
        assert browser.get("/admin/requests/req_x").status_code == 403
