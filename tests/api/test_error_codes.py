"""The list of error codes: complete, true, and served where every error points to."""

import re
from pathlib import Path

import pytest

from appliance.api.error_codes import FAMILIES, HTTP_CODES, error_codes, markdown
from appliance.api.problems import whole_seconds
from appliance.errors import LimitExceeded, SourceThrottled
from appliance.server.wsgi import create_app
from tests.api.conftest import Plant

PAGE = Path(__file__).parent.parent.parent / "docs" / "errors.md"


def test_the_page_in_the_repository_is_the_generated_one() -> None:
    assert PAGE.read_text("utf-8") == markdown(), "run: appliance reference errors --out docs/errors.md"


def test_every_code_is_explained_and_of_a_known_type() -> None:
    for one in error_codes():
        assert one.meaning.endswith("."), f"{one.code} needs a docstring that says what it means"
        assert one.type in FAMILIES
        assert re.fullmatch("[A-Z][A-Z_]+", one.code)


def test_codes_that_the_http_layer_makes_are_among_them() -> None:
    assert {code for code, _ in HTTP_CODES.values()} <= {one.code for one in error_codes()}


def test_an_error_points_to_its_place_on_the_page_that_is_served(plant: Plant) -> None:
    error = plant.get("/api/eam/assets", token="apl_wrong").get_json()["error"]
    assert error["documentation"] == "https://localhost/docs/errors#TOKEN_INVALID"
    page = plant.get("/docs/errors", token="")
    assert page.status_code == 200
    assert set(re.findall('<tr id="([A-Z_]+)"', page.text)) == {one.code for one in error_codes()}
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_limit_of_a_source_is_told_apart_from_ours(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = (SourceThrottled("slow", retry_after=7.2), LimitExceeded("slow", retry_after=7.2))
    answers = []
    for failure in failures:

        def fail(*_: object, failure: Exception = failure) -> None:
            raise failure

        with monkeypatch.context() as patch:
            patch.setattr("appliance.connections.tables.ConnectionTable.all", fail)
            client = create_app(plant.appliance).test_client()
            answers.append(
                client.get("/api/system/connections", headers={"Authorization": f"Bearer {plant.key}"})
            )
    theirs, ours = answers
    assert (theirs.status_code, theirs.get_json()["error"]["type"]) == (503, "source")
    assert (ours.status_code, ours.get_json()["error"]["type"]) == (429, "rate_limit")
    assert theirs.headers["Retry-After"] == ours.headers["Retry-After"] == "8"


@pytest.mark.parametrize(("seconds", "written"), [(0.0, "1"), (1.0, "1"), (1.01, "2"), (59.9, "60")])
def test_retry_after_is_never_too_short(seconds: float, written: str) -> None:
    assert whole_seconds(seconds) == written
