"""Who may see a page, and which forms are taken."""

import pytest
from werkzeug.routing import Rule

from tests.admin.conftest import BASE, NAME, PASSWORD, Browser, Plant

OPEN = {"admin.sign_in", "admin.do_sign_in", "admin.set_up", "admin.do_set_up"}


def _rules(browser: Browser, method: str) -> list[tuple[Rule, str]]:
    """Every page with a made-up value for each part of its address."""
    application = browser.client.application
    adapter = application.url_map.bind("localhost", url_scheme="https")
    return [
        (rule, adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "made-up")))
        for rule in application.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and method in (rule.methods or ())
    ]


def test_every_page_leads_to_the_sign_in_without_a_session(plant: Plant) -> None:
    browser = plant.browser()
    pages = [(rule, path) for rule, path in _rules(browser, "GET") if rule.endpoint not in OPEN]
    assert len(pages) > 10
    for rule, path in pages:
        response = browser.get(path)
        if path.endswith(".json"):
            assert response.status_code == 401, rule
        else:
            assert response.status_code == 303, rule
            assert response.headers["Location"].startswith("/admin/sign-in"), rule


def test_no_form_is_taken_without_a_session(plant: Plant) -> None:
    browser = plant.browser()
    browser.get("/admin/sign-in")
    for rule, path in _rules(browser, "POST"):
        if rule.endpoint not in OPEN:
            response = browser.post(path)
            assert (response.status_code, response.headers["Location"]) == (303, "/admin/sign-in"), rule


@pytest.mark.parametrize("token", [None, "", "wrong", "ünïcode"])
def test_every_form_needs_the_token_of_its_session(browser: Browser, token: str | None) -> None:
    forms = _rules(browser, "POST")
    assert len(forms) > 9
    for rule, path in forms:
        response = browser.client.post(
            path, base_url=BASE, data={} if token is None else {"form_token": token}
        )
        assert response.status_code == 403, rule
        assert "FORM_REFUSED" in response.text


def test_a_token_of_another_session_is_refused(plant: Plant, browser: Browser) -> None:
    other = plant.signed_in()
    response = browser.post("/admin/api-keys", {"form_token": other.form_token, "name": "stolen"})
    assert response.status_code == 403
    assert plant.appliance.api_keys.list() == []


def test_a_right_token_sent_from_another_site_is_refused(browser: Browser) -> None:
    response = browser.post("/admin/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


def test_no_other_site_can_sign_a_browser_in(plant: Plant) -> None:
    for token in ("chosen by the other site", ""):
        planted = {"name": NAME, "password": PASSWORD, "form_token": token}
        fresh = plant.browser()
        assert fresh.client.post("/admin/sign-in", base_url=BASE, data=planted).status_code == 403
        fresh.get("/admin/sign-in")
        assert fresh.client.post("/admin/sign-in", base_url=BASE, data=planted).status_code == 403


def test_the_session_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts(plant: Plant) -> None:
    response = plant.browser().sign_in()
    cookie = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith("__Host-appliance="))
    for attribute in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


def test_an_idle_session_ends(plant: Plant, browser: Browser) -> None:
    assert browser.get("/admin/").status_code == 200
    plant.clock.advance(31 * 60)
    assert browser.get("/admin/").status_code == 303


def test_signing_out_ends_the_session_on_our_side_too(browser: Browser) -> None:
    cookie = browser.client.get_cookie("__Host-appliance")
    assert cookie is not None
    assert browser.post("/admin/sign-out").status_code == 303
    browser.client.set_cookie("__Host-appliance", cookie.value, secure=True)
    assert browser.get("/admin/").status_code == 303


def test_signing_in_leads_back_to_the_page_that_was_asked_for(plant: Plant) -> None:
    browser = plant.browser()
    asked = browser.get("/admin/credits?before=7").headers["Location"]
    assert "next=" in asked
    assert 'name="next" value="/admin/credits?before=7"' in browser.get(asked).text
    assert browser.sign_in(next="/admin/credits?before=7").headers["Location"] == "/admin/credits?before=7"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example",
        "/admin/\n",
        "javascript:x",
        "/api/",
    ],
)
def test_signing_in_never_leads_elsewhere(plant: Plant, elsewhere: str) -> None:
    assert plant.browser().sign_in(next=elsewhere).headers["Location"] == "/admin/"


def test_a_wrong_password_keeps_the_name_and_tells_nothing_more(plant: Plant) -> None:
    response = plant.browser().sign_in("wrong password")
    assert response.status_code == 401
    assert "Name or password is wrong." in response.text
    assert f'value="{NAME}"' in response.text
    assert "wrong password" not in response.text


def test_after_five_wrong_passwords_the_page_says_how_long_to_wait(plant: Plant) -> None:
    browser = plant.browser()
    for _ in range(5):
        browser.sign_in("wrong password")
    response = browser.sign_in()
    assert response.status_code == 429
    assert "Try again in 300 seconds" in response.text
    assert 300 <= int(response.headers["Retry-After"]) <= 302
    plant.clock.advance(301)
    assert browser.sign_in().status_code == 303
