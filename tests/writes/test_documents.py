"""Documents on their way into a source: streamed to a private place, limited, sent as a form in parts, and gone."""

import io
from typing import Any

import pytest

from tests.writes.conftest import Shop

PATH = "/api/eam/documents"


def sent(shop: Shop, content: bytes = b"%PDF-1", *, kind: str = "application/pdf", **more: Any) -> Any:
    form = {"file": (io.BytesIO(content), more.pop("filename", "manual.pdf"), kind), "name": "Manual", **more}
    return shop.client.post(
        PATH,
        data={name: value for name, value in form.items() if value is not None},
        headers={"Authorization": f"Bearer {shop.token}", "Idempotency-Key": "doc-1"},
        content_type="multipart/form-data",
        base_url="https://localhost",
    )


def test_a_document_is_sent_and_read_back_and_nothing_is_left_of_it(shop: Shop) -> None:
    content = b"%PDF-1" + bytes(range(256)) * 9000
    answer = sent(shop, content, filename="../../etc/Man:ual.pdf")
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["data"]["name"] == "Manual"
    assert content in shop.workshop.sent and b'filename="Man_ual.pdf"' in shop.workshop.sent
    uploads = shop.appliance.settings.data_dir / "uploads"
    assert list(uploads.iterdir()) == [] and uploads.stat().st_mode & 0o777 == 0o700
    assert shop.send("GET", f"{PATH}/{answer.get_json()['data']['key']}").status_code == 200


def test_the_same_document_with_the_same_key_is_sent_once(shop: Shop) -> None:
    assert sent(shop).status_code == 201
    again = sent(shop)
    assert again.status_code == 201 and again.headers["Idempotency-Replayed"] == "true"
    assert len(shop.workshop.files) == 1
    assert sent(shop, b"%PDF-2").status_code == 409


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kind": "application/x-msdownload"}, "not taken"),
        ({"name": ""}, "both required"),
        ({"file": None}, "both required"),
        ({"content": b"x" * (26 * 1024 * 1024)}, "at most"),
    ],
)
def test_what_is_not_taken_is_refused_and_leaves_nothing(shop: Shop, more: dict[str, Any], said: str) -> None:
    answer = sent(shop, **more)
    assert answer.status_code == 400, answer.text
    assert (
        answer.get_json()["error"]["code"] == "DOCUMENT_REFUSED"
        and said in answer.get_json()["error"]["message"]
    )
    uploads = shop.appliance.settings.data_dir / "uploads"
    assert shop.workshop.files == {} and (not uploads.exists() or list(uploads.iterdir()) == [])


def test_a_document_as_json_is_told_how(shop: Shop) -> None:
    answer = shop.send("POST", PATH, {"name": "x"})
    assert answer.status_code == 400 and "multipart/form-data" in answer.get_json()["error"]["message"]


def test_files_are_taken_nowhere_else(shop: Shop) -> None:
    answer = shop.client.post(
        "/api/eam/work-orders", data={"file": (io.BytesIO(b"x"), "x.pdf")}, base_url="https://localhost",
        headers={"Authorization": f"Bearer {shop.token}"}, content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 400
