"""Deliveries in rehearsal: each sample is signed as the source would, told to be genuine, and read."""

import base64
from collections.abc import Mapping
from typing import Any

from appliance.errors import ApplianceError
from appliance.runtime.checking.report import Check, number
from appliance.runtime.definition import Definition, HmacSigned, Sample, SecretAddress, SharedToken
from appliance.runtime.push import Delivery, PushReader
from appliance.runtime.select import encode

_KEY = "key-of-a-rehearsal"
_NOW_MS = 1_767_600_000_000


def check_push(definition: Definition) -> Check | None:
    """Whether sample deliveries are taken, and name what they should; None where nothing is declared."""
    push = definition.push
    if push is None:
        return None
    if not push.samples:
        return Check("push", "warning", "Write a delivery as the source sends it under `samples`.")
    reader = PushReader(push, where=f"{definition.system}.push")
    problems = [
        f"Sample {place}: {problem}"
        for place, sample in enumerate(push.samples, 1)
        for problem in _problems(reader, sample)
    ]
    if problems:
        return Check("push", "failed", " ".join(problems))
    signed = "" if isinstance(push.verify, SecretAddress) else " when signed, and refused with another key"
    return Check("push", "passed", f"{number(len(push.samples), 'sample')} taken{signed}.")


def _problems(reader: PushReader, sample: Sample) -> list[str]:
    genuine = _signed(reader, sample, _KEY)
    forged = _signed(reader, sample, f"{_KEY}-of-somebody-else")
    problems = []
    if not reader.verify(genuine, [_KEY], _NOW_MS):
        problems.append("it is not taken as genuine though it is signed as `verify` says.")
    if not isinstance(reader.push.verify, SecretAddress) and reader.verify(forged, [_KEY], _NOW_MS):
        problems.append("it is taken as genuine though another key signed it.")
    try:
        named = [[one.entity, one.change, *one.key] for one in reader.read(genuine).named]
    except ApplianceError as failure:
        return [*problems, failure.message]
    expected = [list(one) for one in sample.expect]
    if named != expected:
        problems.append(f"it names {named} and not {expected}.")
    return problems


def _signed(reader: PushReader, sample: Sample, key: str) -> Delivery:
    headers = {name.lower(): value for name, value in sample.headers.items()}
    query, body, verify = dict(sample.query), sample.body, reader.push.verify
    match verify:
        case SharedToken():
            if verify.header:
                headers[verify.header.lower()] = key
            elif verify.query:
                query[verify.query] = key
            else:
                body = _with_token(body, reader.push.members, verify.member, key)
        case HmacSigned():
            return _with_signature(reader, verify, Delivery(encode(body), headers, query), key)
    return Delivery(encode(body), headers, query)


def _with_signature(reader: PushReader, verify: HmacSigned, delivery: Delivery, key: str) -> Delivery:
    """With every header that is signed, and the signature."""
    parts: dict[str, list[str]] = {}
    beside = ((verify.timestamp, str(_NOW_MS // 1000)), (verify.token, "t0ken"), (verify.id, "1d"))
    for place, value in beside:
        if place is not None:
            parts.setdefault(place.header.lower(), []).append(_written(place.part, place.prefix + value))
    stamped = Delivery(delivery.body, {**delivery.headers, **_joined(parts)}, delivery.query)
    digest = reader.sign(stamped, key)
    text = digest.hex() if verify.encoding == "hex" else base64.b64encode(digest).decode()
    place = verify.signature
    parts.setdefault(place.header.lower(), []).append(_written(place.part, place.prefix + text))
    return Delivery(delivery.body, {**delivery.headers, **_joined(parts)}, delivery.query)


def _written(part: str, value: str) -> str:
    return f"{part}={value}" if part else value


def _joined(parts: Mapping[str, list[str]]) -> dict[str, str]:
    return {header: ",".join(values) for header, values in parts.items()}


def _with_token(body: Any, members: str, path: str, key: str) -> Any:
    """The body with the token as a member of each event, where `members` and `path` are single names."""
    if not members:
        return {**body, path: key}
    return {**body, members: [{**member, path: key} for member in body[members]]}
