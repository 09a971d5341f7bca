"""A bucket of an object store that speaks S3, addressed by path: put, get, list and delete, large objects in parts."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from appliance.clock import Clock
from appliance.errors import SourceAccessDenied, SourceAnswerInvalid, SourceCredentialsRejected, SourceError
from appliance.transport.http import HttpClient
from appliance.transport.messages import Request, Response
from appliance.transport.s3_signature import S3Credentials, sign

# Ten thousand parts are the most there may be: 160 GB. Two parts are in memory at a time.
PART_BYTES = 16 * 1024 * 1024
READ_BYTES = 8 * 1024 * 1024
_SAFE = "/-_.~"
_CREDENTIALS_WRONG = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


class Stored(NamedTuple):
    """An object: `size` in bytes, `modified` as the store tells it, ISO-8601."""

    name: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """`endpoint` is https://host:port; `prefix` is empty or ends with a slash."""

    endpoint: str
    name: str
    prefix: str
    credentials: S3Credentials


class S3:
    """Every method raises SourceError and its kin."""

    def __init__(self, bucket: Bucket, client: HttpClient, clock: Clock) -> None:
        self._bucket = bucket
        self._client = client
        self._clock = clock

    def list(self) -> list[Stored]:
        """The objects directly below the prefix."""
        found: list[Stored] = []
        more = ""
        while True:
            query = {"list-type": "2", "prefix": self._bucket.prefix, "delimiter": "/"}
            if more:
                query["continuation-token"] = more
            page = _xml(self._ask("GET", "", query))
            for one in _all(page, "Contents"):
                name = _text(one, "Key").removeprefix(self._bucket.prefix)
                if name:
                    found.append(Stored(name, int(_text(one, "Size") or 0), _text(one, "LastModified")))
            more = _text(page, "NextContinuationToken")
            if not more:
                return found

    def read(self, name: str) -> Iterator[bytes]:
        """The object a piece at a time. Raises FileNotFoundError."""
        start, size = 0, 1
        while start < size:
            answer = self._ask(
                "GET", name, headers={"Range": f"bytes={start}-{start + READ_BYTES - 1}"}, absent_ok=True
            )
            if answer.status == 404:
                raise FileNotFoundError(name)
            if answer.status == 416 and start == 0:
                return
            content_range = answer.header("Content-Range") or ""
            size = int(content_range.rpartition("/")[2]) if answer.status == 206 else len(answer.body)
            if not answer.body:
                raise SourceAnswerInvalid(f"The object store gave nothing of {name} from byte {start} on.")
            start += len(answer.body)
            yield answer.body

    def delete(self, name: str) -> None:
        """Nothing where there is none."""
        self._ask("DELETE", name, absent_ok=True)

    def writing(self, name: str) -> "Upload":
        """An object to write; it is there, whole, once the block has ended without an error."""
        return Upload(self, name)

    def abandon_uploads(self) -> None:
        """End uploads below the prefix that nobody finishes any more; their parts would be paid for ever."""
        page = _xml(self._ask("GET", "", {"uploads": "", "prefix": self._bucket.prefix}))
        for one in _all(page, "Upload"):
            name = _text(one, "Key").removeprefix(self._bucket.prefix)
            self._ask("DELETE", name, {"uploadId": _text(one, "UploadId")}, absent_ok=True)

    def put(self, name: str, body: bytes) -> None:
        self._ask("PUT", name, body=body)

    def begin(self, name: str) -> str:
        return _text(_xml(self._ask("POST", name, {"uploads": ""})), "UploadId")

    def part(self, name: str, upload: str, number: int, body: bytes) -> str:
        answer = self._ask("PUT", name, {"partNumber": str(number), "uploadId": upload}, body=body)
        return answer.header("ETag") or ""

    def complete(self, name: str, upload: str, tags: Sequence[str]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag.replace('&', '&amp;')}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._ask("POST", name, {"uploadId": upload}, body=body)
        # The store may have answered 200 before it knew.
        if _xml(answer).tag.endswith("Error"):
            raise _refused(answer)

    def abort(self, name: str, upload: str) -> None:
        self._ask("DELETE", name, {"uploadId": upload}, absent_ok=True)

    def close(self) -> None:
        self._client.close()

    def _ask(
        self,
        method: str,
        name: str,
        query: dict[str, str] | None = None,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        absent_ok: bool = False,
    ) -> Response:
        bucket = self._bucket
        path = quote(f"/{bucket.name}/{bucket.prefix + name if name else ''}", safe=_SAFE)
        url = f"{bucket.endpoint}{path if name else path.rstrip('/')}"
        if query:
            url += "?" + urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
        digest = hashlib.sha256(body).hexdigest()
        sent = headers or {}
        answer = self._client.send(
            Request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **sent},
                body=body if method in ("PUT", "POST") else None,
                # Every call may be repeated: the same part or object is written again.
                safe=True,
                sign=lambda verb, final: sign(
                    bucket.credentials, verb, final, sent, digest, self._clock.now()
                ),
                cookies=False,
            )
        )
        if answer.status < 300 or (absent_ok and answer.status in (404, 416)):
            return answer
        raise _refused(answer)


class Upload:
    """Takes what is written; small objects go at once, larger ones in parts."""

    def __init__(self, store: S3, name: str) -> None:
        self._store = store
        self._name = name
        self._pending = bytearray()
        self._upload = ""
        self._tags: list[str] = []

    def write(self, content: bytes) -> int:
        self._pending += content
        while len(self._pending) > PART_BYTES:
            self._part(bytes(self._pending[:PART_BYTES]))
            del self._pending[:PART_BYTES]
        return len(content)

    def _part(self, body: bytes) -> None:
        if not self._upload:
            self._upload = self._store.begin(self._name)
        self._tags.append(self._store.part(self._name, self._upload, len(self._tags) + 1, body))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                if not self._upload:
                    self._store.put(self._name, bytes(self._pending))
                    return
                self._part(bytes(self._pending))
                self._store.complete(self._name, self._upload, self._tags)
                return
            except SourceError:
                self._abort()
                raise
        self._abort()

    def _abort(self) -> None:
        if self._upload:
            try:
                self._store.abort(self._name, self._upload)
            except SourceError:
                # What ended the upload is what is told; the next backup clears away.
                pass


def _refused(answer: Response) -> SourceError:
    try:
        page = _xml(answer)
        code, said = _text(page, "Code"), _text(page, "Message")
    except SourceAnswerInvalid:
        code, said = "", ""
    told = f" ({code}: {said[:200]})" if code else ""
    if code in _CREDENTIALS_WRONG or answer.status == 401:
        return SourceCredentialsRejected(
            f"The object store rejects the credentials{told}. Check access key, secret key and region."
        )
    if answer.status == 403:
        return SourceAccessDenied(
            f"The object store denies access{told}. Check the rights of the access key."
        )
    return SourceError(f"The object store answers {answer.status}{told}.", details={"status": answer.status})


def _xml(answer: Response) -> Element:
    try:
        page: Element = fromstring(answer.body)
    except (ParseError, DefusedXmlException, ValueError):
        raise SourceAnswerInvalid(
            f"The object store answers {answer.status} with something that is no XML. Check the address."
        ) from None
    return page


def _all(page: Element, name: str) -> Iterator[Element]:
    return (one for one in page if one.tag.rpartition("}")[2] == name)


def _text(page: Element, name: str) -> str:
    found: Any = next(_all(page, name), None)
    return "" if found is None else (found.text or "")
