"""The connect form between page and domain: what was filled in, and what may be shown again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from appliance.errors import ApplianceError, InvalidInput
from appliance.runtime.definition import Definition

PREFIX = "f_"
"""Form fields of a connector are named so on the page, apart from the page's own fields."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A connect form as the page shows it. Secrets are never in `values`."""

    values: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    failure: ApplianceError | None = None

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Of a failed connection test."""
        stages: list[dict[str, Any]] = self.failure.details.get("stages", []) if self.failure else []
        return stages


def given_fields(definition: Definition, form: "MultiDict[str, str]") -> dict[str, str]:
    """The connector's fields as sent. A box that is not ticked is not sent by browsers and means false."""
    given = {}
    for one in definition.form:
        if one.type == "boolean":
            given[one.name] = "true" if PREFIX + one.name in form else "false"
        else:
            given[one.name] = form.get(PREFIX + one.name, "")
    return given


def changed_fields(definition: Definition, form: "MultiDict[str, str]") -> dict[str, str]:
    """Like `given_fields` without the secrets left empty, which keep their value."""
    sealed = {one.name for one in definition.form if one.sealed}
    return {
        name: value for name, value in given_fields(definition, form).items() if value or name not in sealed
    }


def refill(definition: Definition, form: "MultiDict[str, str]", failure: ApplianceError) -> Filled:
    """The form once more after it was refused, without its secrets."""
    sealed = {one.name for one in definition.form if one.sealed}
    values: dict[str, Any] = {
        name: value for name, value in given_fields(definition, form).items() if name not in sealed
    }
    values |= {name: form.get(name, "") for name in ("name", "hosting", "historical_days")}
    problems = failure.details.get("fields", {}) if isinstance(failure, InvalidInput) else {}
    return Filled(values, problems, failure)


def whole_number(text: str, name: str) -> int | None:
    """A number field, None when it is empty. Raises InvalidInput."""
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 9:
        raise InvalidInput(f"{name} is a whole number.", details={"fields": {name: "a whole number"}})
    return int(text)
