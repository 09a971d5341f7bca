"""Deliveries of a source: whether one is genuine, and which records it names. Compiled once a connector.

What a delivery holds beside the names of records is left alone: the records are read at the source. So the worst a
forged delivery can do is to have records read that are there.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from appliance.errors import ConfigurationError, InvalidInput, SourceAnswerInvalid
from appliance.runtime.definition import (
    Definition,
    Extract,
    HmacSigned,
    InHeader,
    Push,
    PushEvent,
    SharedToken,
)
from appliance.runtime.select import decode, dig, steps

ChangeKind = Literal["changed", "deleted", "unsaid"]
KeyPart = str | int

MOST_MEMBERS = 1000
"""Events of a delivery; Business Central gathers up to 1,000 before it names the whole set."""

MOST_CHANGES = 2000
LONGEST_PART = 200
LONGEST_TEXT = 2000
MOST_SIGNATURES = 8

_PLACE = re.compile(r"\{([a-z]+)\}")
_LARGEST = 2**63
# What a path or a query takes as it is: no part of an address can be made of it.
_PLAIN_PART = re.compile(r"[\w .:@+~=-]+")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came to the address. Names of headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]


class Named(NamedTuple):
    """A record that a delivery names; without `key` all that has changed of the entity, after `wait` seconds."""

    entity: str
    key: tuple[KeyPart, ...]
    change: ChangeKind
    wait: int = 0


class Content(NamedTuple):
    """What a delivery names, each once, and how many of its events say nothing of an entity."""

    named: list[Named]
    ignored: int


class PushReader:
    """Raises ConfigurationError for what cannot work, naming its place as `where`."""

    def __init__(self, push: Push, *, where: str) -> None:
        self.push = push
        self._members = steps(push.members) if push.members else []
        self._rules = [
            _Rule(event, where=f"{where}.events.{number}") for number, event in enumerate(push.events)
        ]
        self._name = None if push.event is None else _pattern(push.event.match, f"{where}.event")
        self._sign = _signer(push.verify, where) if isinstance(push.verify, HmacSigned) else None
        self._check_rules(where)

    def rule(self, entity: str) -> PushEvent | None:
        """What is said of events that name single records of an entity."""
        found = (rule.event for rule in self._rules if rule.event.key)
        return next((event for event in found if event.entity in (entity, "")), None)

    def handshake(self, method: str, query: Mapping[str, str]) -> str | None:
        """What to answer where the source only asks whether the address is right; None when it does not."""
        shake = self.push.handshake
        if shake is None or shake.method != method:
            return None
        asked = query.get(shake.echo)
        return asked if asked and len(asked) <= LONGEST_TEXT and asked.isprintable() else None

    def needs_keys(self) -> bool:
        """Whether deliveries of a connection without signing keys can never be genuine."""
        match self.push.verify:
            case HmacSigned(optional=optional, key_field=field):
                return not optional and not field
            case SharedToken():
                return True
        return False

    def verify(self, delivery: Delivery, keys: Sequence[str], now_ms: int) -> bool:
        """Whether a delivery is genuine by one of the keys. Takes as long for a wrong signature as for a right one."""
        match self.push.verify:
            case HmacSigned() as signed:
                if not keys:
                    return signed.optional
                return self._is_signed(signed, delivery, keys, now_ms)
            case SharedToken() as shared:
                return bool(keys) and self._has_token(shared, delivery, keys)
        return True

    def sign(self, delivery: Delivery, key: str) -> bytes:
        """The signature that a genuine delivery would have, before it is written as text."""
        assert self._sign is not None, "only where the scheme is hmac"
        return self._sign(delivery, key)

    def read(self, delivery: Delivery) -> Content:
        """What a delivery names. Raises InvalidInput for what is no JSON, or holds too many events."""
        named: dict[tuple[str, tuple[KeyPart, ...]], Named] = {}
        ignored = 0
        for member in self._opened(delivery.body):
            found = self._named_in(member, delivery)
            ignored += not found
            for one in found:
                before = named.get((one.entity, one.key))
                # Of two events on one record the order is not known; what is read decides.
                if before is None or before.change == "changed":
                    named[one.entity, one.key] = one
            if len(named) > MOST_CHANGES:
                raise InvalidInput(f"A delivery names at most {MOST_CHANGES} records.")
        return Content(list(named.values()), ignored)

    def _opened(self, body: bytes) -> list[Any]:
        try:
            content = decode(body)
        except SourceAnswerInvalid:
            raise InvalidInput("The body is not valid JSON.") from None
        members = dig(content, self._members) if self._members else content
        if not isinstance(members, list):
            return [] if members is None else [members]
        if len(members) > MOST_MEMBERS:
            raise InvalidInput(f"A delivery holds at most {MOST_MEMBERS} events.")
        return members

    def _named_in(self, member: Any, delivery: Delivery) -> list[Named]:
        name = self._event_name(member, delivery)
        found: dict[str, list[Named]] = {}
        for rule in self._rules:
            entity = rule.event.entity or name
            if entity and entity not in found and rule.concerns(name):
                records = list(rule.records(member, entity))
                if records:
                    found[entity] = records
        return [one for records in found.values() for one in records]

    def _event_name(self, member: Any, delivery: Delivery) -> str:
        said = self.push.event
        if said is None:
            return ""
        if said.header:
            value: Any = delivery.headers.get(said.header.lower())
        elif said.query:
            value = delivery.query.get(said.query)
        else:
            value = dig(member, steps(said.path))
        return _extracted(value, self._name) or ""

    def _is_signed(self, signed: HmacSigned, delivery: Delivery, keys: Sequence[str], now_ms: int) -> bool:
        if signed.timestamp is not None and signed.tolerance:
            stamp = _milliseconds(_in_header(delivery, signed.timestamp))
            if stamp is None or abs(now_ms - stamp) > signed.tolerance * 1000:
                return False
        given = [_bytes_of(text, signed.encoding) for text in _all_in_header(delivery, signed.signature)]
        genuine = False
        for key in keys:
            expected = self.sign(delivery, key)
            for candidate in given:
                genuine |= hmac.compare_digest(expected, candidate)
        return genuine

    def _has_token(self, shared: SharedToken, delivery: Delivery, keys: Sequence[str]) -> bool:
        if shared.member:
            try:
                members = self._opened(delivery.body)
            except InvalidInput:
                return False
            given = [dig(member, steps(shared.member)) for member in members]
        elif shared.header:
            given = [delivery.headers.get(shared.header.lower())]
        else:
            given = [delivery.query.get(shared.query)]
        return bool(given) and all(_is_one_of(token, keys) for token in given)

    def _check_rules(self, where: str) -> None:
        """Records of an entity are read in one way, whatever event names them."""
        ways: dict[str, Any] = {}
        for rule in self._rules:
            way = rule.event.one
            if rule.event.key and ways.setdefault(rule.event.entity, way) != way:
                raise ConfigurationError(
                    f"{where}: events on {rule.event.entity} differ in `one`; write the same in all."
                )
            if not rule.event.entity and self.push.event is None:
                raise ConfigurationError(
                    f"{where}: an event without `entity` needs `event`, whose name is one."
                )


class _Rule:
    """A compiled event."""

    def __init__(self, event: PushEvent, *, where: str) -> None:
        self.event = event
        self._each = steps(event.each) if event.each else None
        self._parts: list[tuple[list[str], re.Pattern[str] | None]] = [
            (steps(part.path), _pattern(part.match, where))
            if isinstance(part, Extract)
            else (steps(part), None)
            for part in event.key
        ]

    def concerns(self, name: str) -> bool:
        return not self.event.names or name in self.event.names

    def records(self, member: Any, entity: str) -> Iterator[Named]:
        change: ChangeKind = "deleted" if self._tells_deletion(member) else self.event.change
        if not self.event.key:
            yield Named(entity, (), "changed", self.event.wait)
            return
        items = [member] if self._each is None else dig(member, self._each)
        for item in items if isinstance(items, list) else []:
            key = self._key(item)
            if key is not None:
                yield Named(entity, key, change)

    def _key(self, item: Any) -> tuple[KeyPart, ...] | None:
        parts: list[KeyPart] = []
        for path, pattern in self._parts:
            value = item if path == [""] else dig(item, path)
            for single in value if isinstance(value, list) else [value]:
                if pattern is not None:
                    single = _extracted(single, pattern)
                if not self._is_part(single) or len(parts) == 16:
                    return None
                parts.append(single)
        return tuple(parts) if parts else None

    def _is_part(self, value: Any) -> bool:
        if type(value) is int:
            return -_LARGEST < value < _LARGEST
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_PART or not value.isprintable():
            return False
        if self.event.quoted:
            return bool(value.strip())
        return _PLAIN_PART.fullmatch(value) is not None and value.strip(". ") != ""

    def _tells_deletion(self, member: Any) -> bool:
        said = self.event.deleted
        return said is not None and dig(member, steps(said.path)) in said.values


def check_push(definition: Definition, *, where: str) -> None:
    """Compile what a definition says of deliveries. Raises ConfigurationError naming what cannot work."""
    push = definition.push
    if push is None:
        return
    PushReader(push, where=f"{where}.push")
    field = push.verify.key_field if isinstance(push.verify, HmacSigned) else ""
    if field and field not in {form_field.name for form_field in definition.form}:
        raise ConfigurationError(f"{where}.push: the form lacks the field {field!r}.")
    if definition.entities_field:
        return
    for event in push.events:
        served = definition.entities.get(event.entity)
        if served is None:
            if event.entity:
                raise ConfigurationError(f"{where}.push: the connector serves no entity {event.entity!r}.")
        elif event.key and event.one is None and len(event.key) != len(served.key):
            raise ConfigurationError(
                f"{where}.push: `key` of {event.entity} has {len(event.key)} parts, the entity's has {len(served.key)}."
            )


def _signer(signed: HmacSigned, where: str) -> Callable[[Delivery, str], bytes]:
    """A function of a delivery and a key that gives the signature."""
    places = {"timestamp": signed.timestamp, "token": signed.token, "id": signed.id}
    pieces = _PLACE.split(signed.message)
    names = pieces[1::2]
    unknown = [name for name in names if name != "body" and places.get(name) is None]
    if unknown or not names:
        said = (
            f"uses {{{unknown[0]}}}, whose place is not given" if unknown else "signs nothing of the delivery"
        )
        raise ConfigurationError(f"{where}.verify: `message` {said}.")
    if signed.tolerance and "timestamp" not in names:
        raise ConfigurationError(f"{where}.verify: a timestamp that is not signed can be of any time.")

    def piece(delivery: Delivery, number: int, text: str) -> bytes:
        if number % 2 == 0:
            return text.encode()
        place = places.get(text)
        return delivery.body if place is None else _in_header(delivery, place).encode("utf-8", "replace")

    def sign(delivery: Delivery, key: str) -> bytes:
        message = b"".join(piece(delivery, number, text) for number, text in enumerate(pieces))
        secret = hashlib.sha256(key.encode()).hexdigest() if signed.key_as == "sha256hex" else key
        return hmac.digest(secret.encode(), message, signed.algorithm)

    return sign


def _pattern(match: str, where: str) -> re.Pattern[str] | None:
    if not match:
        return None
    try:
        pattern = re.compile(match)
    except re.error as failure:
        raise ConfigurationError(f"{where}: `match` is no regular expression: {failure}.") from None
    if pattern.groups != 1:
        raise ConfigurationError(f"{where}: `match` needs one group, which is the value.")
    return pattern


def _extracted(value: Any, pattern: re.Pattern[str] | None) -> str | None:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    if pattern is None:
        return value
    found = pattern.search(value)
    return None if found is None else found[1]


def _in_header(delivery: Delivery, place: InHeader) -> str:
    return next(iter(_all_in_header(delivery, place)), "")


def _all_in_header(delivery: Delivery, place: InHeader) -> list[str]:
    """The values at a place; a header of parts may hold one of a name several times, while keys are changed."""
    text = delivery.headers.get(place.header.lower(), "")[:LONGEST_TEXT]
    values = [text.strip()]
    if place.part:
        pairs = [piece.strip().partition("=") for piece in text.split(",")]
        values = [value for name, _, value in pairs if name == place.part]
    return [value.removeprefix(place.prefix) for value in values if value.startswith(place.prefix)][
        :MOST_SIGNATURES
    ]


def _bytes_of(text: str, encoding: str) -> bytes:
    """The bytes that a signature writes; none for what is not one."""
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _milliseconds(text: str) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    number = int(text)
    # Seconds since 1970 reach this only in the year 5138.
    return number if number >= 100_000_000_000 else number * 1000


def _is_one_of(token: Any, keys: Sequence[str]) -> bool:
    given = token.encode("utf-8", "surrogatepass") if isinstance(token, str) else b""
    found = False
    for key in keys:
        found |= hmac.compare_digest(key.encode(), given)
    return found
