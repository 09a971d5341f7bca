"""Object stores: signatures as published, objects small and large, and what is told when the store refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.clock import Clock
from appliance.errors import (
    SourceAccessDenied,
    SourceCredentialsRejected,
    SourceError,
    SourceUnreachable,
)
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions
from appliance.transport.outbound import Outbound
from appliance.transport.proxy import ProxyRules
from appliance.transport.s3 import PART_BYTES, S3, Bucket
from appliance.transport.s3_signature import S3Credentials, sign
from appliance.transport.trust import Trust
from tests.simulators.object_store import ObjectStore
from tests.support.clock import ManualClock

# The examples of the Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header", and of the
# published test suite of Signature Version 4.
S3_EXAMPLE = S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
S3_AT = datetime(2013, 5, 24, tzinfo=UTC)
SUITE = S3Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
SUITE_AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HOST = "https://examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("credentials", "at", "method", "url", "headers", "payload", "signature"),
    [
        (
            *(S3_EXAMPLE, S3_AT, "GET", f"{HOST}/test.txt", {"Range": "bytes=0-9"}, EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *(S3_EXAMPLE, S3_AT, "PUT", f"{HOST}/test%24file.text"),
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            *(S3_EXAMPLE, S3_AT, "GET", f"{HOST}/?lifecycle", {}, EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            *(S3_EXAMPLE, S3_AT, "GET", f"{HOST}/?max-keys=2&prefix=J", {}, EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            *(SUITE, SUITE_AT, "GET", "https://example.amazonaws.com/", {}, EMPTY),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            *(
                SUITE,
                SUITE_AT,
                "GET",
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                {},
                EMPTY,
            ),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_signatures_are_those_of_the_published_examples(
    credentials: S3Credentials,
    at: datetime,
    method: str,
    url: str,
    headers: dict[str, str],
    payload: str,
    signature: str,
) -> None:
    signed = sign(credentials, method, url, headers, payload, at)
    assert signed["Authorization"].endswith(f"Signature={signature}")


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as running:
        yield running


def opened(store: ObjectStore, clock: Clock | None = None, prefix: str = "back ups/", **other: Any) -> S3:
    clock = clock or ManualClock(auto=True)
    outbound = Outbound(
        HttpOptions(), egress=Egress(), proxies=ProxyRules(None, ()), trust=Trust(()), clock=clock
    )
    values = {"access_key": store.access_key, "secret_key": store.secret_key, "region": store.region}
    credentials = S3Credentials(**{**values, **other})
    return outbound.bucket(Bucket(f"http://127.0.0.1:{store.port}", "plant", prefix, credentials))


def written(bucket: S3, name: str, content: bytes, step: int = 1_000_000) -> None:
    with bucket.writing(name) as out:
        for start in range(0, len(content), step):
            out.write(content[start : start + step])


@pytest.mark.parametrize("size", [0, 10, 9 * 1024 * 1024])
def test_what_is_put_is_read_back(store: ObjectStore, size: int) -> None:
    bucket, content = opened(store), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    written(bucket, "größe+1.backup", content)
    assert store.objects == {"plant/back ups/größe+1.backup": content}
    assert b"".join(bucket.read("größe+1.backup")) == content
    assert not store.uploads


def test_large_objects_go_in_parts_and_memory_holds_one(store: ObjectStore) -> None:
    bucket = opened(store)
    content = b"0123456789abcdef" * (PART_BYTES * 2 // 16) + b"end"
    written(bucket, "large.backup", content, 300_000)
    assert store.objects["plant/back ups/large.backup"] == content
    parts = [call for call in store.calls if "partNumber" in call]
    assert len(parts) == 3
    assert b"".join(bucket.read("large.backup")) == content


def test_an_upload_that_is_broken_off_leaves_nothing(store: ObjectStore) -> None:
    bucket = opened(store)
    with pytest.raises(ZeroDivisionError), bucket.writing("half.backup") as out:
        out.write(bytes(PART_BYTES + 1))
        raise ZeroDivisionError
    assert not store.objects and not store.uploads
    store.uploads["killed"] = ("plant/back ups/killed.backup", {1: b"x"})
    store.uploads["of others"] = ("plant/elsewhere/killed.backup", {1: b"x"})
    bucket.abandon_uploads()
    assert set(store.uploads) == {"of others"}


def test_all_pages_of_a_list_are_read_and_nothing_below_or_beside(store: ObjectStore) -> None:
    for name in ("a", "b", "c", "d & e", "sub/f"):
        store.objects[f"plant/back ups/{name}"] = b"12345"
    store.objects["plant/other/g"] = b""
    found = opened(store).list()
    assert [(one.name, one.size) for one in found] == [("a", 5), ("b", 5), ("c", 5), ("d & e", 5)]
    opened(store).delete("a")
    opened(store).delete("never there")
    assert len(opened(store).list()) == 3
    with pytest.raises(FileNotFoundError):
        list(opened(store).read("a"))


def test_calls_are_repeated_with_a_fresh_signature(store: ObjectStore) -> None:
    store.failures = [503, 502]
    written(opened(store), "x.backup", b"content")
    assert store.objects["plant/back ups/x.backup"] == b"content"


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"access_key": "AKIAOTHER"}, SourceCredentialsRejected),
        ({"secret_key": "wrong"}, SourceCredentialsRejected),
        ({"region": "elsewhere"}, SourceCredentialsRejected),
    ],
)
def test_wrong_credentials_are_told(
    store: ObjectStore, other: dict[str, str], error: type[SourceError]
) -> None:
    with pytest.raises(error) as refused:
        opened(store, **other).list()
    assert "wrong" not in refused.value.message


def test_other_refusals_are_told_with_the_words_of_the_store(store: ObjectStore) -> None:
    store.failures = [403]
    with pytest.raises(SourceAccessDenied):
        opened(store).list()
    store.buckets.clear()
    with pytest.raises(SourceError, match="NoSuchBucket"):
        opened(store).list()


def test_a_store_that_is_gone_is_told_as_unreachable() -> None:
    with ObjectStore() as store:
        bucket = opened(store)
    with pytest.raises(SourceUnreachable):
        bucket.list()
