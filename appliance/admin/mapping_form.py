"""The form that changes one field of a mapping: what was filled in, and the whole change that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.datastructures import MultiDict

from appliance.mappings.errors import MappingInvalid
from appliance.mappings.expressions import LONGEST_NAME, Part, as_text, read_text, with_field, without_field

How = Literal["path", "expression", "nothing", "connector"]
WAYS: tuple[How, ...] = ("path", "expression", "nothing", "connector")


@dataclass(frozen=True, slots=True)
class FieldForm:
    """`part` is `map` for a field of the model, `custom` for one below `customFields`; an added one has no name yet.

    `how` chooses between the path of the source, an expression as text, nothing at all, and the connector's own.
    """

    part: Part
    name: str
    how: How = "path"
    path: str = ""
    expression: str = ""
    adds: bool = False

    def change(self, changed: Mapping[str, Any]) -> dict[str, Any]:
        """The changes in force with this one. Raises MappingInvalid; `place` says where on the form."""
        if not self.name or len(self.name) > LONGEST_NAME or not self.name.isprintable():
            raise MappingInvalid(
                f"A field has a name of at most {LONGEST_NAME} characters.", details={"place": "name"}
            )
        match self.how:
            case "connector":
                return without_field(changed, self.part, self.name)
            case "nothing":
                return with_field(changed, self.part, self.name, None)
            case "expression" if not self.expression.strip():
                raise MappingInvalid("Write an expression, or choose a field of the source.")
            case "expression":
                return with_field(changed, self.part, self.name, read_text(self.expression))
            case _ if not self.path:
                raise MappingInvalid("Choose a field of the source, or write an expression.")
            case _:
                return with_field(changed, self.part, self.name, self.path)

    def place(self, failure: MappingInvalid) -> str:
        """The field of the form at which a failure is shown."""
        own = self.how if self.how in ("path", "expression") else "how"
        return str(failure.details.get("place", own))


def of_expression(part: Part, name: str, expression: Any, *, taken_out: bool) -> FieldForm:
    """The form as it is first shown, filled with what is in force."""
    if isinstance(expression, str):
        return FieldForm(part, name, "path", path=expression)
    if expression is None:
        return FieldForm(part, name, "nothing" if taken_out else "path")
    return FieldForm(part, name, "expression", expression=as_text(expression))


def of_request(form: "MultiDict[str, str]") -> FieldForm:
    """The form as it was sent."""
    how = form.get("how", "path")
    return FieldForm(
        "custom" if form.get("part") == "custom" else "map",
        form.get("name", "").strip(),
        how if how in WAYS else "path",
        form.get("path", "").strip()[:500],
        form.get("expression", ""),
        "adds" in form,
    )
