"""An object store that speaks S3 by path: objects, listing in pages, ranges and uploads in parts.

It stands for a real one, which cannot run here, and is built from the published API reference. It computes signatures
by itself, from the bytes that came in, and refuses what is not signed rightly, as well as bodies of another hash.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 2
SMALLEST_PART = 5 * 1024 * 1024


@dataclass
class ObjectStore:
    """`objects` by bucket/key. `failures` are statuses to answer with before anything else, the first one first."""

    access_key: str = "AKIAPLANT"
    secret_key: str = "secret/of+the=plant"
    region: str = "eu-plant-1"
    buckets: set[str] = field(default_factory=lambda: {"plant"})
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        store = self

        class Answering(_Answering):
            served = store

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Answering(BaseHTTPRequestHandler):
    served: ObjectStore
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        store = self.served
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        store.calls.append(f"{self.command} {key} {' '.join(sorted(query))}".strip())
        if store.failures:
            return self._error(store.failures.pop(0), "InternalError")
        if self.headers["X-Amz-Content-Sha256"] != hashlib.sha256(body).hexdigest():
            return self._error(400, "XAmzContentSHA256Mismatch")
        if f"Credential={store.access_key}/" not in self.headers.get("Authorization", ""):
            return self._error(403, "InvalidAccessKeyId")
        if not self._is_signed():
            return self._error(403, "SignatureDoesNotMatch")
        if bucket not in store.buckets:
            return self._error(404, "NoSuchBucket")
        if not key:
            return self._uploads(query) if "uploads" in query else self._list(bucket, query)
        handle = getattr(self, f"_{self.command.lower()}")
        return handle(f"{bucket}/{key}", query, body)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def _is_signed(self) -> bool:
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=[^/]+/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), "
            r"Signature=([0-9a-f]{64})",
            self.headers["Authorization"],
        )
        if found is None or found[2] != self.served.region:
            return False
        day, region, names, signature = found.groups()
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names.split(";")):
            return False
        path, _, query = self.path.partition("?")
        pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
        lines = [f"{name}:{self.headers[name].strip()}\n" for name in names.split(";")]
        request = "\n".join(
            (self.command, path, "&".join(pairs), "".join(lines), names, self.headers["X-Amz-Content-Sha256"])
        )
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['X-Amz-Date']}\n{day}/{region}/s3/aws4_request\n{digest}"
        key = b"AWS4" + self.served.secret_key.encode()
        for step in (day, region, "s3", "aws4_request", text):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        return key.hex() == signature

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        start = f"{bucket}/{query.get('prefix', '')}"
        found = sorted(
            key for key in self.served.objects if key.startswith(start) and "/" not in key[len(start) :]
        )
        offset = int(query.get("continuation-token", "0"))
        contents = "".join(
            f"<Contents><Key>{escape(key.partition('/')[2])}</Key><Size>{len(self.served.objects[key])}</Size>"
            "<LastModified>2026-01-05T08:00:00.000Z</LastModified></Contents>"
            for key in found[offset : offset + PAGE]
        )
        more = offset + PAGE < len(found)
        token = f"<NextContinuationToken>{offset + PAGE}</NextContinuationToken>" if more else ""
        self._xml(f"<ListBucketResult {_NAMESPACE}>{contents}{token}</ListBucketResult>")

    def _uploads(self, query: dict[str, str]) -> None:
        found = "".join(
            f"<Upload><Key>{escape(key.partition('/')[2])}</Key><UploadId>{upload}</UploadId></Upload>"
            for upload, (key, _) in self.served.uploads.items()
            if key.partition("/")[2].startswith(query.get("prefix", ""))
        )
        self._xml(f"<ListMultipartUploadsResult {_NAMESPACE}>{found}</ListMultipartUploadsResult>")

    def _get(self, key: str, query: dict[str, str], body: bytes) -> None:
        content = self.served.objects.get(key)
        if content is None:
            return self._error(404, "NoSuchKey")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None:
            return self._answer(200, content)
        first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
        if first >= len(content):
            return self._error(416, "InvalidRange")
        return self._answer(
            206, content[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        )

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        tag = {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if "uploadId" in query:
            if query["uploadId"] not in self.served.uploads:
                return self._error(404, "NoSuchUpload")
            self.served.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
        else:
            self.served.objects[key] = body
        return self._answer(200, b"", tag)

    def _post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            upload = f"upload-{len(self.served.calls)}"
            self.served.uploads[upload] = (key, {})
            return self._xml(f"<R {_NAMESPACE}><UploadId>{upload}</UploadId></R>")
        if query["uploadId"] not in self.served.uploads:
            return self._error(404, "NoSuchUpload")
        _, parts = self.served.uploads[query["uploadId"]]
        named = [
            (int(number), tag)
            for number, tag in re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>(.+?)</ETag>", body.decode())
        ]
        held = [(number, f'"{hashlib.md5(part).hexdigest()}"') for number, part in sorted(parts.items())]
        if named != held:
            return self._error(400, "InvalidPart")
        if any(len(part) < SMALLEST_PART for number, part in parts.items() if number < len(parts)):
            return self._error(400, "EntityTooSmall")
        self.served.objects[key] = b"".join(part for _, part in sorted(parts.items()))
        del self.served.uploads[query["uploadId"]]
        return self._xml(f"<CompleteMultipartUploadResult {_NAMESPACE}/>")

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.served.uploads.pop(query["uploadId"], None)
        else:
            self.served.objects.pop(key, None)
        self._answer(204, b"")

    def _error(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>Said by the store.</Message></Error>"
        self._answer(status, body.encode())

    def _xml(self, text: str) -> None:
        self._answer(200, text.encode())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
