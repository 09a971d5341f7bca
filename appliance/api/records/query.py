"""The parameters of a list, of both dialects: which page, which records, in what order, and what of each."""

import re
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from appliance.api.records.fields import Fields
from appliance.api.records.filters import MOST_FILTERS, date_condition, is_filter, moment, read_filter
from appliance.clock import to_ms
from appliance.errors import InvalidInput
from appliance.store.selection import Condition, Deleted, Order, Selection

PAGING = ("page", "per_page", "pageSize", "cursor", "count")
SELECTING = (
    "modified_after",
    "modified_before",
    "filter[…]",
    "filterMatch",
    "sort",
    "sort[…]",
    "deleted",
)
SHAPING = ("fields", "include", "expand")
DEFAULT_PER_PAGE = 100
LARGEST_PER_PAGE = 10_000
DEEPEST_PAGE = 1_000_000
MOST_SORTS = 4
MOST_NAMES = 100

_SORT = re.compile(r"sort\[([^\[\]:]+)\]")
# As documented: 1 sorts descending, 0 ascending.
_DIRECTIONS = {"1": True, "0": False, "desc": True, "asc": False, "-1": True}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`given` are the parameters that links repeat. `per_page` is cut to the limit of the list."""

    page: int
    per_page: int
    cursor: str | None
    counted: bool
    selection: Selection
    fields: tuple[str, ...]
    include_raw: bool
    expand: tuple[str, ...]
    given: dict[str, str]


def parse_list_query(
    args: "MultiDict[str, str]", fields: Fields, limit: int, *, refused: tuple[str, ...] = ()
) -> ListQuery:
    """Check the parameters; those in `refused` make no sense for this list. Raises InvalidInput."""
    known = allowed_parameters(fields, refused)
    conditions: list[Condition] = []
    required: list[Condition] = []
    orders: list[Order] = []
    for name in args:
        if len(args.getlist(name)) > 1:
            raise _wrong(name, "is given more than once.")
        value = args[name]
        if is_filter(name) and "filter[…]" in known:
            conditions.append(read_filter(fields, name, value))
        elif (match := _SORT.fullmatch(name)) and "sort[…]" in known:
            orders.append(_order(fields, match[1], _direction(name, value), name))
        elif name not in known or "…" in name:
            raise InvalidInput(
                f"There is no parameter {name[:60]!r}. Parameters: {', '.join(known)}.",
                details={"parameter": name[:60], "allowed": known},
            )
        elif name not in SELECTING and value and (date := _date_filter(fields, name, value)):
            required.append(date)
    if len(conditions) > MOST_FILTERS:
        raise _wrong("filter", f"is given more than {MOST_FILTERS} times.")
    orders += [_order(fields, path, down, "sort") for path, down in _sorts(args.get("sort", ""))]
    if len(orders) > MOST_SORTS:
        raise _wrong("sort", f"takes at most {MOST_SORTS} fields.")
    per_page = args.get("per_page") or args.get("pageSize")
    size = min(_whole(per_page, "per_page", DEFAULT_PER_PAGE, LARGEST_PER_PAGE), limit)
    repeated = {
        name: value for name, value in args.items() if name not in ("page", "per_page", "pageSize", "cursor")
    }
    return ListQuery(
        page=_whole(args.get("page"), "page", 1, DEEPEST_PAGE),
        per_page=size,
        cursor=args.get("cursor") or None,
        counted=_choice(args, "count", ("true", "false")) == "true",
        selection=Selection(
            conditions=tuple(conditions),
            match_any=_choice(args, "filterMatch", ("all", "any")) == "any",
            required=tuple(required),
            since=_moment(args, "modified_after"),
            until=_moment(args, "modified_before"),
            deleted=cast(Deleted, _choice(args, "deleted", ("exclude", "include", "only"))),
            order=tuple(orders),
        ),
        fields=names_of(args, "fields"),
        include_raw=_included(args),
        expand=names_of(args, "expand"),
        given={"per_page": str(size), **repeated},
    )


def parse_record_query(args: "MultiDict[str, str]") -> ListQuery:
    """The parameters of a single record: what of it, and whether it may be a deleted one. Raises InvalidInput."""
    allowed = ["fields", "include", "expand", "deleted"]
    for name in args:
        if name not in allowed:
            raise InvalidInput(
                f"There is no parameter {name[:60]!r}. Parameters: {', '.join(allowed)}.",
                details={"parameter": name[:60], "allowed": allowed},
            )
    deleted = cast(Deleted, _choice(args, "deleted", ("exclude", "include", "only")))
    return ListQuery(
        page=1,
        per_page=1,
        cursor=None,
        counted=False,
        selection=Selection(deleted=deleted),
        fields=names_of(args, "fields"),
        include_raw=_included(args),
        expand=names_of(args, "expand"),
        given={},
    )


def allowed_parameters(fields: Fields, refused: tuple[str, ...] = ()) -> list[str]:
    """The names of all parameters of a list."""
    dates = [f"{word}_{side}" for word in fields.dates for side in ("after", "before")]
    return [name for name in (*PAGING, *SELECTING, *dates, *SHAPING) if name not in refused]


def names_of(args: "MultiDict[str, str]", parameter: str) -> tuple[str, ...]:
    """A parameter that lists names with commas between them, each once."""
    found = tuple(dict.fromkeys(name.strip() for name in args.get(parameter, "").split(",") if name.strip()))
    if len(found) > MOST_NAMES:
        raise _wrong(parameter, f"takes at most {MOST_NAMES} names.")
    return found


def links(
    path: str, given: dict[str, str], page: int, last_page: int | None, more: bool
) -> dict[str, str | None]:
    """The `links` of a list answer; `last` is null where the number of pages is not known."""

    start = f"{path}?{urlencode(given)}&page="

    def link(number: int | None) -> str | None:
        return None if number is None else f"{start}{number}"

    return {
        "first": link(1),
        "last": link(last_page),
        "prev": link(page - 1 if page > 1 else None),
        "next": link(page + 1 if more else None),
    }


def whole_number(args: "MultiDict[str, str]", name: str, default: int, highest: int) -> int:
    """A whole number from 1 on. Raises InvalidInput."""
    return _whole(args.get(name), name, default, highest)


def _date_filter(fields: Fields, name: str, value: str) -> Condition | None:
    word, _, side = name.rpartition("_")
    if word not in fields.dates or side not in ("after", "before"):
        return None
    return date_condition(fields.find(fields.dates[word], name), side == "after", value, name)


def _sorts(text: str) -> list[tuple[str, bool]]:
    """`orderDate,-code` and `+code`, of which the plus may have arrived as a blank."""
    written = [part.strip() for part in text.split(",") if part.strip()]
    return [(part.lstrip("+-").strip(), part.startswith("-")) for part in written]


def _order(fields: Fields, path: str, descending: bool, parameter: str) -> Order:
    named = fields.find(path, parameter)
    if named.many or named.type == "group":
        raise _wrong(parameter, f"cannot sort by {path[:80]}, which is no single value.")
    return Order(named.place, descending)


def _direction(parameter: str, value: str) -> bool:
    if value not in _DIRECTIONS:
        raise InvalidInput(
            f"{parameter[:80]} is 0 for ascending or 1 for descending.",
            details={"parameter": parameter[:80], "allowed": ["0", "1", "asc", "desc"]},
        )
    return _DIRECTIONS[value]


def _included(args: "MultiDict[str, str]") -> bool:
    names = names_of(args, "include")
    if not set(names) <= {"raw"}:
        raise InvalidInput("include takes raw.", details={"parameter": "include", "allowed": ["raw"]})
    return bool(names)


def _choice(args: "MultiDict[str, str]", name: str, choices: tuple[str, ...]) -> str:
    value = args.get(name) or choices[0]
    if value not in choices:
        raise InvalidInput(
            f"{name} is one of {', '.join(choices)}.", details={"parameter": name, "allowed": list(choices)}
        )
    return value


def _moment(args: "MultiDict[str, str]", name: str) -> int | None:
    text = args.get(name)
    return to_ms(moment(text, name)) if text else None


def _whole(text: str | None, name: str, default: int, highest: int) -> int:
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= highest:
        raise InvalidInput(
            f"{name} is a whole number from 1 to {highest}.", details={"parameter": name, "value": text[:40]}
        )
    return int(text)


def _wrong(parameter: str, message: str) -> InvalidInput:
    return InvalidInput(f"{parameter[:80]} {message}", details={"parameter": parameter[:80]})
