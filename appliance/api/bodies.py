"""Bodies of requests and answers of the calls that are not about entities."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from appliance.errors import InvalidInput

LARGEST_BODY = 1024 * 1024
DEFAULT_PER_PAGE = 100
LARGEST_PAGE = 500
MOST_IDS = 500


def answer(data: Any, status: int = 200, beside: Mapping[str, Any] | None = None) -> Response:
    """`{"data": …}`, with the members that stand beside it."""
    body = {"data": data, **(beside or {})}
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def listed(found: Sequence[Any]) -> Response:
    """One page of a short list, with the `links` and `meta` of every list. Raises InvalidInput."""
    return listed_from(len(found), lambda offset, limit: found[offset : offset + limit])


def wanted_page() -> tuple[int, int]:
    """Number and size of the page that is asked for. Raises InvalidInput."""
    size = whole_parameter("per_page", DEFAULT_PER_PAGE, 10_000)
    return whole_parameter("page", 1, 1_000_000), min(size, LARGEST_PAGE)


def listed_from(total: int, take: Callable[[int, int], Sequence[Any]]) -> Response:
    """Like `listed`, of `total` things of which `take` reads some, by offset and number."""
    page, size = wanted_page()
    return listed_page(take((page - 1) * size, size), total, page, size)


def listed_page(shown: Sequence[Any], total: int, page: int, size: int) -> Response:
    """A page of a list of so many. Its links repeat what else was asked for."""
    last = max(1, -(-total // size))
    first_number = (page - 1) * size + 1 if shown else None

    narrowed = {name: value for name, value in request.args.items() if name not in ("page", "per_page")}

    def link(number: int) -> str:
        return f"{request.base_url}?{urlencode({**narrowed, 'per_page': size, 'page': number})}"

    links = {
        "first": link(1),
        "last": link(last),
        "prev": link(page - 1) if page > 1 else None,
        "next": link(page + 1) if page < last else None,
    }
    meta = {
        "current_page": page,
        "from": first_number,
        "last_page": last,
        "path": request.base_url,
        "per_page": size,
        "to": None if first_number is None else first_number + len(shown) - 1,
        "total": total,
    }
    return answer(shown, beside={"links": links, "meta": meta})


def read_json(empty: Any) -> Any:
    """The JSON of a request's body, `empty` without one. Raises InvalidInput."""
    content = request.get_data(cache=False)
    if not content:
        return empty
    if len(content) > LARGEST_BODY:
        raise InvalidInput(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("The body is not valid JSON.") from None


def read_body(*members: str) -> dict[str, Any]:
    """The JSON object of a request, which has at most these members; an empty body is an empty object.

    Raises InvalidInput: a member that is passed over in silence would be a wish that is not fulfilled.
    """
    body = read_json({})
    if not isinstance(body, dict):
        raise InvalidInput("The body is a JSON object.")
    unknown = sorted(set(body) - set(members))
    if unknown:
        allowed = ", ".join(members)
        raise InvalidInput(
            f"The body has no member {unknown[0][:60]!r}. Members: {allowed}.",
            details={"fields": {name[:60]: f"not known; members are {allowed}" for name in unknown[:20]}},
        )
    return body


def text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name} is required, as text.", details={"fields": {name: "required"}})
    return value


def optional_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name} is text.", details={"fields": {name: "text"}})
    return value


def mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidInput(
            f"{name} is an object of field names and values.", details={"fields": {name: "required"}}
        )
    return value


def whole(body: dict[str, Any], name: str, default: int, lowest: int, highest: int) -> int:
    value = body.get(name, default)
    # bool is an int to Python, not to JSON.
    if type(value) is not int or not lowest <= value <= highest:
        rule = f"a whole number from {lowest} to {highest}"
        raise InvalidInput(f"{name} is {rule}.", details={"fields": {name: rule}})
    return value


def ids(body: dict[str, Any]) -> list[int]:
    """The numbers under `ids`, each once. Raises InvalidInput."""
    given = body.get("ids")
    if (
        not isinstance(given, list)
        or not 1 <= len(given) <= MOST_IDS
        or not all(type(one) is int and 0 < one < 2**63 for one in given)
    ):
        rule = f"a list of 1 to {MOST_IDS} ids, as they are listed"
        raise InvalidInput(f"ids is {rule}.", details={"fields": {"ids": rule}})
    return list(dict.fromkeys(given))


def whole_parameter(name: str, default: int, highest: int) -> int:
    given = request.args.get(name, "")
    if not given:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 9 or not 1 <= int(given) <= highest:
        raise InvalidInput(
            f"{name} is a whole number from 1 to {highest}.", details={"parameter": name, "value": given[:40]}
        )
    return int(given)
