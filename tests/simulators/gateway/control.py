"""POST /_control/NAME: what the in-process methods do, for tests that run the simulator as its own process.

The body is a JSON object of arguments, the answer JSON. Only served when the gateway was started
controllable.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .access import User
from .exchange import JSON, Request, Response

if TYPE_CHECKING:
    from .gateway import Gateway

PREFIX = "/_control/"


def control(gateway: "Gateway", request: Request) -> Response:
    """Carry out one control request; 400 with the reason when it does not fit."""
    commands: dict[str, Callable[..., Any]] = {
        "touch": gateway.touch,
        "touch_line": gateway.touch_line,
        "insert": gateway.insert,
        "delete": gateway.delete,
        "archive": gateway.archive,
        "fail_next": gateway.fail_next,
        "expire_skiptokens": gateway.expire_skiptokens,
        "expire_sessions": gateway.expire_sessions,
        "order_numbers": gateway.order_numbers,
        "settings": lambda **values: _set_settings(gateway, values),
        "latency": lambda seconds: setattr(gateway, "latency", float(seconds)),
        "user": lambda name, password, services=None: _set_user(gateway, name, password, services),
        "deactivate": lambda service: gateway.inactive.add(service),
        "activate": lambda service: gateway.inactive.discard(service),
        "lock": lambda order, user: gateway.locks.update({order: user}),
        "unlock": lambda order: gateway.locks.pop(order, None),
        "warn": gateway.warnings.append,
        "counters": lambda: {"requests": dict(gateway.requests), "statuses": dict(gateway.statuses)},
        "clear_counters": gateway.clear_counters,
    }
    name = request.path.removeprefix(PREFIX)
    if request.method != "POST" or name not in commands:
        return _json(404, {"error": f"commands: {', '.join(commands)}"})
    try:
        arguments = json.loads(request.body or b"{}")
        result = commands[name](**arguments) if isinstance(arguments, dict) else commands[name](arguments)
    except (TypeError, ValueError, LookupError) as reason:
        return _json(400, {"error": f"{type(reason).__name__}: {reason}"})
    return _json(200, {"result": result if name in ("insert", "order_numbers", "counters") else None})


def _set_settings(gateway: "Gateway", values: dict[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(gateway.settings)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"no setting {name}")
        setattr(gateway.settings, name, frozenset(value) if isinstance(value, list) else value)


def _set_user(gateway: "Gateway", name: str, password: str, services: list[str] | None) -> None:
    gateway.users[name] = User(password, None if services is None else frozenset(services))


def _json(status: int, body: Any) -> Response:
    return Response(status, json.dumps(body).encode(), JSON)
