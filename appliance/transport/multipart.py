"""Forms in several parts, as files are sent."""

from collections.abc import Mapping

from urllib3.filepost import encode_multipart_formdata

FilePart = tuple[str, bytes, str]
"""Name, content and media type."""


def encode_form(parts: Mapping[str, str | FilePart]) -> tuple[str, bytes]:
    """The content type, which names the boundary, and the body."""
    body, content_type = encode_multipart_formdata(dict(parts))
    return content_type, body
