"""`POST /api/eam/documents`: a file on its way into the source. It lies on disk while it is sent, and nowhere after."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any, cast

import flask

from appliance.errors import InvalidInput
from appliance.runtime.writing.upload import Upload

_PIECE = 256 * 1024
_FIELDS_BYTES = 64 * 1024
_MOST_PARTS = 20


class DocumentRefused(InvalidInput):
    """The document is too large, of a type that is not taken, or lacks a part."""

    code = "DOCUMENT_REFUSED"


class ApplianceRequest(flask.Request):
    """Puts uploaded files where the appliance keeps its own, not into the system's folder for temporary files."""

    uploads: Path | None = None
    """A private folder; None where files are not taken."""

    def _get_file_stream(self, *given: Any, **more: Any) -> IO[bytes]:
        if self.uploads is None and self.path.startswith("/admin/"):
            # What an administrator hands over, such as an entitlement, is small.
            return super()._get_file_stream(*given, **more)
        if self.uploads is None:
            raise DocumentRefused("Files are taken by POST /api/eam/documents only.")
        # Without a name in the end: closing it, or the end of the process, removes it.
        return cast(IO[bytes], tempfile.NamedTemporaryFile("w+b", dir=self.uploads))


class Documents:
    def __init__(self, folder: Path, *, max_bytes: int, types: tuple[str, ...]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._types = types

    @contextmanager
    def received(self, request: flask.Request) -> Iterator[tuple[Upload, dict[str, Any]]]:
        """The file of a multipart body, and what the journal says of it. The file is gone afterwards.

        Raises DocumentRefused telling what is taken.
        """
        if request.mimetype != "multipart/form-data":
            raise DocumentRefused(
                "Send the document as multipart/form-data with the parts `file` and `name`."
            )
        if (request.content_length or 0) > self._max_bytes + _FIELDS_BYTES:
            raise self._too_large()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        given = cast(ApplianceRequest, request)
        given.uploads = self._folder
        given.max_content_length = self._max_bytes + _FIELDS_BYTES
        given.max_form_memory_size = _FIELDS_BYTES
        given.max_form_parts = _MOST_PARTS
        try:
            upload = self._upload(given)
            name = given.form["name"].strip()[:500]
            # What else the form says is checked like the members of any other body.
            said = {part: text for part, text in given.form.items() if part not in ("name", "file")}
            yield upload, {**said, "name": name, "file": f"sha256:{_digest(upload.path)}"}
        finally:
            for file in given.files.values():
                file.close()

    def _upload(self, request: ApplianceRequest) -> Upload:
        file = request.files.get("file")
        if file is None or not request.form.get("name", "").strip():
            raise DocumentRefused("The parts `file` and `name` are both required.")
        file.stream.flush()
        path = Path(cast(Any, file.stream).name)
        size = path.stat().st_size
        if size > self._max_bytes:
            raise self._too_large()
        kind = (file.mimetype or "application/octet-stream").lower()
        if not any(fnmatch(kind, pattern) for pattern in self._types):
            raise DocumentRefused(
                f"Documents of type {kind[:80]} are not taken. Types: {', '.join(self._types)}.",
                details={"types": list(self._types)},
            )
        return Upload(path, _plain_name(file.filename), kind, size)

    def _too_large(self) -> DocumentRefused:
        return DocumentRefused(
            f"A document is at most {self._max_bytes} bytes.", details={"max_bytes": self._max_bytes}
        )


def _plain_name(given: str | None) -> str:
    """A file name without folders, control characters and marks that some systems give a meaning."""
    name = re.sub(r"[\x00-\x1f\x7f\"*:<>?|]", "_", re.split(r"[/\\]", given or "")[-1]).strip(". ")
    return name[-200:] or "document"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
