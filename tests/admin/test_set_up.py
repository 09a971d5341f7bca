"""The first administrator."""

from tests.admin.conftest import Plant

GIVEN = {"name": "operator", "password": "a long enough passphrase", "repeated": "a long enough passphrase"}


def test_the_link_makes_one_administrator_who_is_signed_in(bare: Plant) -> None:
    token = bare.appliance.bootstrap.offer()
    browser = bare.browser()
    assert browser.get(f"/admin/setup?token={token}").status_code == 200
    response = browser.post("/admin/setup", {"token": token, **GIVEN})
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/")
    assert "No system is connected yet" in browser.get("/admin/").text


def test_the_link_works_once(bare: Plant) -> None:
    token = bare.appliance.bootstrap.offer()
    browser, other = bare.browser(), bare.browser()
    browser.get(f"/admin/setup?token={token}")
    other.get(f"/admin/setup?token={token}")
    browser.post("/admin/setup", {"token": token, **GIVEN})
    assert other.post("/admin/setup", {"token": token, **GIVEN, "name": "second"}).status_code == 409
    assert other.get(f"/admin/setup?token={token}").headers["Location"] == "/admin/sign-in"


def test_a_wrong_or_old_link_is_refused(bare: Plant) -> None:
    token = bare.appliance.bootstrap.offer()
    browser = bare.browser()
    assert browser.get("/admin/setup?token=set_guessed").status_code == 403
    assert browser.get("/admin/setup").status_code == 403
    bare.clock.advance(31 * 60)
    assert browser.get(f"/admin/setup?token={token}").status_code == 403
    assert not bare.appliance.accounts.any()


def test_a_weak_or_mistyped_password_is_refused_beside_its_field(bare: Plant) -> None:
    token = bare.appliance.bootstrap.offer()
    browser = bare.browser()
    browser.get(f"/admin/setup?token={token}")
    short = browser.post("/admin/setup", {"token": token, **GIVEN, "password": "short", "repeated": "short"})
    assert short.status_code == 400
    assert 'id="password-problem"' in short.text
    differing = browser.post("/admin/setup", {"token": token, **GIVEN, "repeated": "another passphrase"})
    assert 'id="repeated-problem"' in differing.text
    assert GIVEN["password"] not in differing.text
    assert not bare.appliance.accounts.any()


def test_the_sign_in_says_when_there_is_no_administrator(bare: Plant) -> None:
    assert "not set up yet" in bare.browser().get("/admin/sign-in").text
