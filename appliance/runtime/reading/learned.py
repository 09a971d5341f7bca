"""Values that later requests carry in their bodies, asked for once: `http.learn` of a definition."""

from functools import partial
from typing import Any

from appliance.errors import SourceCredentialsRejected
from appliance.runtime.definition import Http, Learned
from appliance.runtime.request import compile_request
from appliance.runtime.source import Source


def learned_values(source: Source, http: Http) -> dict[str, Any]:
    """Each value by its name, None where it is not asked for.

    Raises SourceCredentialsRejected where the source answers false or nothing, and SourceError.
    """
    return {
        name: source.learned(("learn", name), partial(_ask, source, http, name, learned))
        if all(str(source.fields.get(field)) in values for field, values in learned.when.items())
        else None
        for name, learned in http.learn.items()
    }


def _ask(source: Source, http: Http, name: str, learned: Learned) -> Any:
    request = compile_request(
        learned.request, http, where=f"{source.definition.system}.learn.{name}", safe=True
    )
    value = source.answer(source.send(request(source.fields)), learned.path)
    if value is None or value is False or value == "":
        raise SourceCredentialsRejected(
            "The source rejects the credentials. Check user name and password, "
            "and that the user is not locked in the source."
        )
    return value
