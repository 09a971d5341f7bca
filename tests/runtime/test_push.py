"""Deliveries of sources: genuine or not, and what they name. Signatures are made here without the product."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ConfigurationError, InvalidInput
from appliance.runtime.definition import Push
from appliance.runtime.push import LONGEST_PART, MOST_CHANGES, MOST_MEMBERS, Delivery, Named, PushReader

NOW = 1_767_600_000_000
ORDER = {"entity": "WorkOrder", "key": ["id"]}


def reader(*events: Mapping[str, Any], **push: Any) -> PushReader:
    document = {"events": list(events) or [ORDER], **push}
    return PushReader(msgspec.convert(document, Push, strict=True), where="test.push")


def delivery(body: Any, headers: Mapping[str, str] | None = None, **query: str) -> Delivery:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(content, {name.lower(): value for name, value in (headers or {}).items()}, query)


def named(
    found: PushReader, body: Any, headers: Mapping[str, str] | None = None, **query: str
) -> list[Named]:
    return found.read(delivery(body, headers, **query)).named


HEX = {"scheme": "hmac", "signature": {"header": "X-Sign"}}
BASE64 = {**HEX, "encoding": "base64"}
PREFIXED = {"scheme": "hmac", "algorithm": "sha1", "signature": {"header": "X-Hub", "prefix": "sha1="}}
STAMPED = {
    "scheme": "hmac",
    "signature": {"header": "X-Parts", "part": "v1"},
    "timestamp": {"header": "X-Parts", "part": "t"},
    "message": "{timestamp}.{body}",
    "tolerance": 300,
}
HASHED = {
    "scheme": "hmac",
    "signature": {"header": "signature"},
    "timestamp": {"header": "timestamp"},
    "token": {"header": "token"},
    "message": "{timestamp}{token}",
    "key_as": "sha256hex",
}


def hex_of(key: str | bytes, message: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode() if isinstance(key, str) else key, message, algorithm).hexdigest()


def signed_headers(
    verify: Mapping[str, Any], key: str, body: bytes, stamp: str = str(NOW // 1000)
) -> dict[str, str]:
    if verify is HEX:
        return {"X-Sign": hex_of(key, body)}
    if verify is BASE64:
        return {"X-Sign": base64.b64encode(bytes.fromhex(hex_of(key, body))).decode()}
    if verify is PREFIXED:
        return {"X-Hub": "sha1=" + hex_of(key, body, "sha1")}
    if verify is STAMPED:
        return {"X-Parts": f"t={stamp},v1={hex_of(key, stamp.encode() + b'.' + body)}"}
    hashed = hashlib.sha256(key.encode()).hexdigest()
    return {"signature": hex_of(hashed, stamp.encode() + b"abc"), "timestamp": stamp, "token": "abc"}


SCHEMES = pytest.mark.parametrize(
    "verify", [HEX, BASE64, PREFIXED, STAMPED, HASHED], ids=["hex", "base64", "prefix", "stamped", "hashed"]
)


class TestSignatures:
    @SCHEMES
    def test_a_genuine_delivery_is_taken_by_any_of_the_keys(self, verify: dict[str, Any]) -> None:
        body = b'{"id": 1}'
        sent = delivery(body, signed_headers(verify, "second", body))
        assert reader(verify=verify).verify(sent, ["first", "second"], NOW)
        assert not reader(verify=verify).verify(sent, ["first"], NOW)
        assert not reader(verify=verify).verify(sent, [], NOW)

    @pytest.mark.parametrize("verify", [HEX, BASE64, PREFIXED, STAMPED])
    @given(body=st.binary(max_size=60), key=st.text(min_size=1, max_size=20), flip=st.integers(0, 10_000))
    @settings(max_examples=60, deadline=None)
    def test_one_changed_bit_of_the_body_is_seen(
        self, verify: dict[str, Any], body: bytes, key: str, flip: int
    ) -> None:
        if not _encodes(key):
            return
        found = reader(verify=verify)
        headers = signed_headers(verify, key, body)
        assert found.verify(delivery(body, headers), [key], NOW)
        changed = bytearray(body + b"x")
        changed[flip % len(changed)] ^= 1 << flip % 8
        assert not found.verify(delivery(bytes(changed), headers), [key], NOW)

    @SCHEMES
    @given(text=st.text(max_size=300))
    @settings(max_examples=60, deadline=None)
    def test_whatever_stands_in_the_headers_is_refused_and_breaks_nothing(
        self, verify: dict[str, Any], text: str
    ) -> None:
        headers = dict.fromkeys(("X-Sign", "X-Hub", "X-Parts", "signature", "timestamp", "token"), text)
        assert not reader(verify=verify).verify(delivery(b"{}", headers), ["key"], NOW)

    @pytest.mark.parametrize("verify", [HEX, BASE64])
    def test_no_header_and_an_empty_one_are_refused(self, verify: dict[str, Any]) -> None:
        assert not reader(verify=verify).verify(delivery(b"{}"), ["key"], NOW)
        assert not reader(verify=verify).verify(delivery(b"{}", {"X-Sign": ""}), ["key"], NOW)

    @pytest.mark.parametrize(
        ("away", "genuine"), [(0, True), (299, True), (301, False), (-301, False), (-299, True)]
    )
    def test_a_signed_time_too_far_from_now_is_refused(self, away: int, genuine: bool) -> None:
        body = b"{}"
        for scale in (1, 1000):
            headers = signed_headers(STAMPED, "key", body, str((NOW // 1000 - away) * scale))
            assert reader(verify=STAMPED).verify(delivery(body, headers), ["key"], NOW) is genuine

    def test_several_signatures_of_a_source_that_changes_its_key(self) -> None:
        stamp = str(NOW // 1000)
        right = hex_of("new", stamp.encode() + b".{}")
        headers = {"X-Parts": f"t={stamp}, v1={'0' * 64}, v1={right}"}
        assert reader(verify=STAMPED).verify(delivery(b"{}", headers), ["new"], NOW)

    def test_a_signature_that_may_be_left_out_is_demanded_once_there_is_a_key(self) -> None:
        found = reader(verify={**HEX, "optional": True})
        assert found.verify(delivery(b"{}"), [], NOW)
        assert not found.verify(delivery(b"{}"), ["key"], NOW)

    def test_a_wrong_signature_takes_as_long_as_a_right_one(self) -> None:
        """Both are compared as a whole: the share of right characters at the beginning makes no difference."""
        body, found = b"{}", reader(verify=HEX)
        right = hex_of("key", body)
        nearly, not_at_all = right[:-1] + ("0" if right[-1] != "0" else "1"), "f" * 64
        spent = []
        for text in (nearly, not_at_all) * 2:
            sent = delivery(body, {"X-Sign": text})
            begun = time.perf_counter()
            for _ in range(2000):
                found.verify(sent, ["key"], NOW)
            spent.append(time.perf_counter() - begun)
        assert min(spent[0::2]) / min(spent[1::2]) < 2

    @pytest.mark.parametrize("place", ["header", "query", "member"])
    def test_a_shared_token_in_each_place(self, place: str) -> None:
        found = reader(verify={"scheme": "token", place: "state"}, members="value")

        def sent(token: str | None) -> Delivery:
            held = {} if token is None else {"state": token}
            body = {"value": [{"id": 1, **held}, {"id": 2, **held}]} if place == "member" else {"value": []}
            return delivery(body, held if place == "header" else {}, **(held if place == "query" else {}))

        assert found.verify(sent("secret"), ["other", "secret"], NOW)
        for wrong in ("Secret", "", "secre", None):
            assert not found.verify(sent(wrong), ["secret"], NOW)
        assert not found.verify(sent("secret"), [], NOW)

    def test_every_event_of_a_delivery_needs_the_token(self) -> None:
        found = reader(verify={"scheme": "token", "member": "state"}, members="value")
        body = {"value": [{"state": "secret"}, {"id": 2}]}
        assert not found.verify(delivery(body), ["secret"], NOW)
        assert not found.verify(delivery({"value": []}), ["secret"], NOW)

    def test_a_handshake_echoes_only_what_is_asked_in_its_way(self) -> None:
        found = reader(handshake={"method": "POST", "echo": "validationToken"})
        assert found.handshake("POST", {"validationToken": "abc"}) == "abc"
        assert found.handshake("GET", {"validationToken": "abc"}) is None
        for hostile in ("", "a\nb", "x" * 2001):
            assert found.handshake("POST", {"validationToken": hostile}) is None


class TestNames:
    def test_event_by_path_header_and_query(self) -> None:
        rules = ({**ORDER, "names": ["changed"]},)
        assert named(reader(*rules, event={"path": "type"}), {"type": "changed", "id": 1})
        assert named(reader(*rules, event={"header": "X-Event"}), {"id": 1}, {"x-event": "changed"})
        assert named(reader(*rules, event={"query": "event"}), {"id": 1}, event="changed")
        assert not named(reader(*rules, event={"query": "event"}), {"id": 1}, event="else")
        assert not named(reader(*rules, event={"query": "event"}), {"id": 1})

    def test_members_lists_and_several_parts(self) -> None:
        found = reader({"entity": "Stock", "key": ["part", "place.id"], "each": "rows"}, members="events")
        body = {"events": [{"rows": [{"part": 1, "place": {"id": "A"}}, {"part": 2, "place": {"id": "B"}}]}]}
        assert [one.key for one in named(found, body)] == [(1, "A"), (2, "B")]
        assert [one.key for one in named(reader({"entity": "A", "key": ["key"]}), {"key": ["x", 2]})] == [
            ("x", 2)
        ]

    def test_a_list_of_plain_keys(self) -> None:
        found = reader({"entity": "WorkOrder", "key": [""], "each": "ids"})
        assert [one.key for one in named(found, {"ids": [1, 2]})] == [(1,), (2,)]

    def test_a_key_out_of_a_text(self) -> None:
        match = r"\(([0-9a-f-]{36})\)$"
        found = reader({"entity": "Part", "key": [{"path": "resource", "match": match}]}, {"entity": "Part"})
        number = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
        assert named(found, {"resource": f"companies(1)/items({number})"}) == [
            Named("Part", (number,), "changed", 0)
        ]
        whole = named(found, {"resource": "companies(1)/items?$filter=x"})
        assert whole == [Named("Part", (), "changed", 30)], "the first rule whose key is found, else the next"

    def test_deletions_by_rule_and_by_value(self) -> None:
        found = reader({**ORDER, "deleted": {"path": "kind", "values": ["gone"]}})
        assert [one.change for one in named(found, {"id": 1, "kind": "gone"})] == ["deleted"]
        assert [one.change for one in named(found, {"id": 1, "kind": {"a": 1}})] == ["changed"]
        assert [one.change for one in named(reader({**ORDER, "change": "unsaid"}), {"id": 1})] == ["unsaid"]

    def test_a_record_named_twice_is_one_and_a_deletion_stays(self) -> None:
        found = reader({**ORDER, "deleted": {"path": "kind", "values": ["gone"]}}, members="")
        both = named(found, [{"id": 1, "kind": "gone"}, {"id": 1}, {"id": 1}])
        assert both == [Named("WorkOrder", (1,), "deleted")]

    @pytest.mark.parametrize(
        "part",
        [
            *(
                "../users",
                "a/b",
                "1?x=2",
                "1#x",
                "%2e",
                "..",
                ".",
                " ",
                "",
                "a\\b",
                "1,2",
                "1&2",
                "a\0b",
                "x'y",
            ),
            *(None, True, 1.5, {}, {"a": 1}, 2**63, "x" * (LONGEST_PART + 1), "a\nb"),
        ],
    )
    def test_a_key_of_which_another_address_could_be_made_names_nothing(self, part: Any) -> None:
        content = reader().read(delivery({"id": part}))
        assert content.named == [] and content.ignored == 1

    def test_a_quoted_key_may_hold_what_names_hold(self) -> None:
        found = reader({**ORDER, "quoted": True})
        assert [one.key for one in named(found, {"id": "PO/2026/ä 1"})] == [("PO/2026/ä 1",)]
        assert not named(found, {"id": "a\nb"})


class TestHostileBodies:
    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"<xml/>", b"1" * 5000 + b"x"]
    )
    def test_what_is_no_json_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidInput):
            reader().read(delivery(body))

    def test_too_many_events_and_too_many_names_are_refused(self) -> None:
        with pytest.raises(InvalidInput):
            reader().read(delivery([{"id": n} for n in range(MOST_MEMBERS + 1)]))
        with pytest.raises(InvalidInput):
            reader({**ORDER, "each": "rows"}).read(
                delivery({"rows": [{"id": n} for n in range(MOST_CHANGES + 1)]})
            )

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["id", "rows", "kind", "events", "type"]), inner, max_size=4
                )
            ),
            max_leaves=20,
        )
    )
    @settings(max_examples=200, deadline=None)
    def test_any_json_names_only_keys_of_texts_and_numbers(self, body: Any) -> None:
        found = reader(
            {**ORDER, "each": "rows", "deleted": {"path": "kind", "values": ["x"]}},
            {"entity": "Asset", "key": ["id", "type"]},
            members="events",
            event={"path": "type"},
        )
        content = found.read(delivery(body))
        assert content.ignored >= 0
        for one in content.named:
            assert one.key and all(type(part) in (str, int) for part in one.key)


@pytest.mark.parametrize(
    ("push", "said"),
    [
        ({"verify": {**HEX, "message": "{nonce}"}}, "{nonce}"),
        ({"verify": {**HEX, "message": "{timestamp}"}}, "{timestamp}"),
        ({"verify": {**HEX, "message": "nothing"}}, "signs nothing"),
        ({"verify": {**STAMPED, "message": "{body}"}}, "not signed"),
        ({"events": [{"entity": "A", "key": [{"path": "a", "match": "("}]}]}, "regular expression"),
        ({"events": [{"entity": "A", "key": [{"path": "a", "match": "a"}]}]}, "one group"),
        ({"events": [{"key": ["id"]}]}, "without `entity`"),
        ({"events": [ORDER, {**ORDER, "one": {"record": "order"}}]}, "differ"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_loaded(push: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        reader(*push.pop("events", ()), **push)


@pytest.mark.parametrize(
    "verify", [{"scheme": "token"}, {"scheme": "token", "header": "a", "query": "b"}, {"scheme": "hmac"}]
)
def test_a_scheme_says_where_its_secret_stands(verify: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        reader(verify=verify)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
