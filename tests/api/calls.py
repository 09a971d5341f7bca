"""Calls of the published data operations on a connection that serves them all."""

import io
from typing import Any

from werkzeug.test import TestResponse

from appliance.model.entity import load_model
from appliance.writes.capabilities import kind_of
from tests.api.conftest import Plant
from tests.api.contract import Documented
from tests.support.complete import body
from tests.support.filled import key

MODEL = load_model()


def write(
    complete: Plant, documented: Documented, path: str, sent: Any, *, token: str | None = None, **headers: str
) -> TestResponse:
    """Send a body as JSON; to a path of documents as the parts of a form."""
    if kind_of(documented.operation(MODEL)) != "upload":
        return complete.send(documented.method, path, token=token, json=sent, headers=headers)
    parts = {name: value for name, value in sent.items() if name != "file"}
    if "file" in sent:
        parts["file"] = (io.BytesIO(b"%PDF-1"), "manual.pdf", "application/pdf")
    return complete.send(
        "POST", path, token=token, data=parts, headers=headers, content_type="multipart/form-data"
    )


def address(complete: Plant, documented: Documented) -> str:
    part = complete.one.connection.part
    owner = MODEL.entities[documented.operation(MODEL).owner]
    path = documented.path.replace("{key}", key(owner, part, 1))
    return path.replace("{materialKey}", key(MODEL.entities["Part"], part, 1))


def body_of(complete: Plant, documented: Documented) -> dict[str, Any]:
    return body(MODEL, documented.operation(MODEL), complete.one.connection.part)
