"""What a write takes, read off its templates: so it can be checked and told before anything is sent."""

from typing import Any

from appliance.runtime.definition import Change, ChangeSetStep, CodeStep, RfcStep, Step, Write
from appliance.runtime.template import paths_of


def accepted(write: Write) -> dict[str, frozenset[str]] | None:
    """The fields of the unified record that a write looks at, each with those below it (of lists and objects).

    None when it takes all there are.
    """
    looked = paths_of([_told(step) for step in write.steps] + [write.vars])
    fields: dict[str, set[str]] = {}
    for step in write.steps:
        if isinstance(step, CodeStep) and step.fields is None:
            return None
        for name, inside in (step.fields or {}).items() if isinstance(step, CodeStep) else ():
            fields.setdefault(name, set()).update(inside)
    for path in looked:
        if path[0] == "record" and len(path) > 1:
            below = fields.setdefault(path[1], set())
            if len(path) > 2 and not path[2].isdigit():
                below.add(path[2])
    return {name: frozenset(below) for name, below in fields.items()}


def statuses(write: Write) -> tuple[str, ...]:
    """The codes that a status change takes; empty when all there are."""
    if write.statuses:
        return write.statuses
    named = [step.when.get("status") for step in write.steps]
    if any(codes is None for codes in named):
        return ()
    return tuple(dict.fromkeys(code for codes in named for code in codes or ()))


def _told(step: Step) -> Any:
    if isinstance(step, RfcStep):
        return step.parameters
    if isinstance(step, CodeStep):
        return None
    if isinstance(step, ChangeSetStep):
        return [_told_change(change) for change in step.changes]
    request = step.request
    rpc = list(request.xmlrpc.params) if request.xmlrpc else None
    told = [
        request.path,
        dict(request.query),
        request.json,
        request.form,
        request.multipart,
        request.xml,
        rpc,
    ]
    return {"$each": step.each, "do": told} if step.each else told


def _told_change(change: Change) -> Any:
    own = [change.path, change.json]
    members = [f"${{item.{name}}}" for name in (change.having, change.lacking) if name]
    return {"$each": change.each, "do": [*own, *members]} if change.each else own
